"""Stored: how requests are kept, as rows or as chunks. Everybody else goes through `exchange.requests`.

portion    requests side by side, coming in and read back      rows, chunks   the two ways of keeping them
result_blob, cells, columns, assembly    what is inside a blob and a row
references, reference_runs, reference_hash    finding a request by the customer's own words
"""
