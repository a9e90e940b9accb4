"""Pricing: the services that can be asked for, and what one costs a customer at an instant."""
