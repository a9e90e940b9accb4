"""Customers: who asks and pays, and the keys they log in with."""
