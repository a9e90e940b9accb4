"""Billing: from fulfilled requests to charges."""
