"""Invoicing: is every charge on one invoice, are its sums and its VAT right, and are its numbers without a hole?"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from django.db.models import Count, Max, Min

from cominflow.models import Invoice, Numbering
from cominflow.reconciliation.amounts import vat_of
from cominflow.reconciliation.block import Block
from cominflow.reconciliation.report import Finding

_LINE = ["service_id", "unit_price_e8"]
_SUMS = ["quantity", "net_cents"]


def check(block: Block) -> Iterator[Finding]:
    """R-501 to R-504 and R-507, for the invoices of a block."""
    charged = block.charges.rename(columns={"price__unit_price_e8": "unit_price_e8", "amount_cents": "net_cents"})
    by_answer = dict(list(charged.groupby(["arrival_id", "delivery_number"])))
    by_invoice = dict(list(block.lines.groupby("invoice_id")))
    for invoice in block.invoices:
        charges = by_answer.pop((invoice.arrival_id, invoice.delivery_number), None)
        lines = by_invoice.get(invoice.pk, block.lines.iloc[:0])
        if charges is None:
            expected = f"charges of answer {invoice.delivery_number} of A-{invoice.arrival_id}"
            yield Finding("R-501", invoice.full_number, expected, "none", invoice.arrival_id)
        else:
            yield from _lines(invoice, charges, lines, block)
        yield from _sums(invoice, lines)
        arrival = block.by_key[invoice.arrival_id]
        if (invoice.customer_id, invoice.year) != (arrival.customer_id, invoice.issued_on.year):
            expected = f"customer {arrival.customer.code}, {invoice.issued_on.year}"
            found = f"customer {invoice.customer.code}, {invoice.year}"
            yield Finding("R-507", invoice.full_number, expected, found, arrival.pk)
    for (key, number), charges in by_answer.items():
        expected = f"an invoice over {charges['net_cents'].sum()} cents"
        yield Finding("R-501", f"A-{key} answer {number}", expected, "none", int(key))


def _lines(invoice: Invoice, charges: pd.DataFrame, lines: pd.DataFrame, block: Block) -> Iterator[Finding]:
    due = charges.groupby(_LINE)[_SUMS].sum().add_suffix("_due")
    found = lines.groupby(_LINE)[_SUMS].sum()
    both = due.join(found, how="outer").fillna(0).astype("int64")
    for (service, _), row in both.iterrows():
        if row["quantity"] != row["quantity_due"] or row["net_cents"] != row["net_cents_due"]:
            expected = f"{block.services[service]}: {row['quantity_due']} for {row['net_cents_due']} cents"
            text = f"{row['quantity']} for {row['net_cents']} cents"
            yield Finding("R-502", invoice.full_number, expected, text, invoice.arrival_id)


def _sums(invoice: Invoice, lines: pd.DataFrame) -> Iterator[Finding]:
    net_cents = int(lines["net_cents"].sum())
    if invoice.net_cents != net_cents or invoice.total_cents != invoice.net_cents + invoice.vat_cents:
        expected = f"net {net_cents}, total {net_cents + invoice.vat_cents} cents"
        found = f"net {invoice.net_cents}, total {invoice.total_cents} cents"
        yield Finding("R-504", invoice.full_number, expected, found, invoice.arrival_id)
    due = sum(vat_of(int(net), int(rate)) for rate, net in lines.groupby("vat_rate_bp")["net_cents"].sum().items())
    if invoice.vat_cents != due:
        found = f"{invoice.vat_cents} cents"
        yield Finding("R-503", invoice.full_number, f"{due} cents of VAT", found, invoice.arrival_id)


def check_numbers() -> Iterator[Finding]:
    """R-505 and R-506, for every section and year."""
    given = {(row.section, row.year): row.last for row in Numbering.objects.all()}
    rows = Invoice.objects.order_by("section", "year").values_list("section", "year")
    for section, year, count, first, last in rows.annotate(Count("pk"), Min("number"), Max("number")):
        series = f"{section}/{year}"
        different = Invoice.objects.filter(section=section, year=year).aggregate(n=Count("number", distinct=True))["n"]
        if (first, last) != (1, count) or different != count:
            found = f"{count} invoices, {different} numbers from {first} to {last}{_first_hole(section, year)}"
            yield Finding("R-505", series, f"1 to {last}, each once", found)
        stands = given.pop((section, year), 0)
        if stands != last:
            yield Finding("R-506", series, f"a numbering that stands at {last}", f"at {stands}")
    for (section, year), stands in given.items():
        if stands:
            yield Finding("R-506", f"{section}/{year}", "a numbering that stands at 0", f"at {stands}, and no invoice")


def _first_hole(section: str, year: int) -> str:
    wanted = 1
    numbers = Invoice.objects.filter(section=section, year=year).order_by("number").values_list("number", flat=True)
    for number in numbers.iterator():
        if number > wanted:
            return f"; {wanted} is missing"
        wanted = number + 1
    return ""
