"""Fulfilment: who answers requests. Providers, what they may say, and the operators' work list."""
