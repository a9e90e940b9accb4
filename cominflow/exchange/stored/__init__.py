"""Stored: how requests are kept, as rows or as chunks. Everybody else goes through `exchange.requests`.

portion    requests side by side, coming in and read back      rows, chunks   the two ways of keeping them
result_blob, cells, columns    what is inside a blob and a row
assembly, written_order    whether answers and invoices can be written from what is kept
references, reference_runs    finding a request by the customer's own words
"""
