"""Issue: an invoice gets its number in the transaction that writes it, so numbers have no gaps and no repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from cominflow import failpoint
from cominflow.clock import day_of
from cominflow.invoicing import vat
from cominflow.models import Arrival, Invoice, InvoiceLine, Numbering, Service, many

SECTION = "A"


@dataclass(frozen=True)
class Line:
    """One line to invoice: a service at one unit price (1e-8 euro), its rounded net amount in cents."""

    service: Service
    quantity: int
    unit_price_e8: int
    net_cents: int


@dataclass(frozen=True)
class ToIssue:
    """What one answer is invoiced for."""

    arrival: Arrival
    delivery_number: int
    lines: Sequence[Line]


def issue_all(answers: Sequence[ToIssue], *, at: datetime) -> None:
    """Number and store the invoices of these answers, in this order. In the transaction that charges them.

    A second issue for the same answer is refused by the database (IntegrityError): callers look first.
    """
    assert connection.in_atomic_block, "an invoice number taken outside a transaction can be lost"
    if not answers:
        return
    issued_on = day_of(at)
    first = _next_numbers(SECTION, issued_on.year, len(answers))
    failpoint.hit("invoice.numbered")
    invoices = [_invoice(answer, first + index, issued_on, at) for index, answer in enumerate(answers)]
    names = ("position", "quantity", "unit_price_e8", "net_cents", "service_id", "description", "vat_rate_bp")
    many.insert(
        InvoiceLine,
        ("invoice_id", *names),
        (
            (invoice.pk, position, line.quantity, line.unit_price_e8, line.net_cents)
            + (line.service.pk, line.service.title, line.service.vat_rate_bp)
            for invoice, answer in zip(Invoice.objects.bulk_create(invoices), answers, strict=True)
            for position, line in enumerate(answer.lines, start=1)
        ),
    )


def _invoice(answer: ToIssue, number: int, issued_on: date, at: datetime) -> Invoice:
    assert answer.lines, "an invoice has lines"
    totals = vat.groups((line.service.vat_rate_bp, line.net_cents) for line in answer.lines)
    net_cents = sum(group.net_cents for group in totals)
    vat_cents = sum(group.vat_cents for group in totals)
    return Invoice(
        section=SECTION,
        year=issued_on.year,
        number=number,
        customer_id=answer.arrival.customer_id,
        arrival=answer.arrival,
        delivery_number=answer.delivery_number,
        issued_on=issued_on,
        issued_at=at,
        net_cents=net_cents,
        vat_cents=vat_cents,
        total_cents=net_cents + vat_cents,
    )


def _next_numbers(section: str, year: int, count: int) -> int:
    """The first of the next numbers of a section and year; their row stays locked until the transaction ends."""
    rows = Numbering.objects.select_for_update().filter(section=section, year=year)
    counter = rows.first()
    if counter is None:  # the year's first invoice; of two at a time one makes the row
        Numbering.objects.get_or_create(section=section, year=year)
        counter = rows.get()
    first = counter.last + 1
    counter.last += count
    counter.save(update_fields=["last"])
    return first
