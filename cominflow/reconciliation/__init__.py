"""Reconciliation: does everything add up? A second opinion on files, requests, deliveries, charges and invoices.

Nothing here calls the code that made what is looked at: counts, charges, VAT and hashes are computed anew, from the
rows, the stored payloads and the files. It reads one snapshot of the database, so it may run beside a living engine.

codes       every finding there is, with what to do          report       what a look found
whole       the look as a whole: begin here                  snapshot     one read transaction
block       some hundred arrivals at a time, as tables       contents     what is inside their requests
arriving, requesting, delivering, charging, invoicing, working            the checks, by part of the journey
originals, published, leftovers                                           the checks that look at files
reference_hash, amounts                                                   hashes and cents, computed once more
"""
