"""Invoicing: VAT, numbers without gaps, and issued invoices."""
