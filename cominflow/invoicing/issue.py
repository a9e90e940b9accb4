"""Issue: an invoice gets its number in the transaction that writes it, so numbers have no gaps and no repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from cominflow import failpoint
from cominflow.clock import day_of
from cominflow.invoicing import vat
from cominflow.models import Arrival, Invoice, InvoiceLine, Numbering, Service

SECTION = "A"


@dataclass(frozen=True)
class Line:
    """One line to invoice: a service at one unit price (1e-8 euro), its rounded net amount in cents."""

    service: Service
    quantity: int
    unit_price_e8: int
    net_cents: int


def issue(arrival: Arrival, *, delivery_number: int, lines: Sequence[Line], at: datetime) -> Invoice:
    """Number and store the invoice of one answer. Must run inside the transaction that charges it.

    A second issue for the same answer is refused by the database (IntegrityError): callers look first.
    """
    assert connection.in_atomic_block, "an invoice number taken outside a transaction can be lost"
    assert lines, "an invoice has lines"
    issued_on = day_of(at)
    totals = vat.groups((line.service.vat_rate_bp, line.net_cents) for line in lines)
    net_cents = sum(group.net_cents for group in totals)
    vat_cents = sum(group.vat_cents for group in totals)
    number = _next_number(SECTION, issued_on.year)
    failpoint.hit("invoice.numbered")
    invoice = Invoice.objects.create(
        section=SECTION,
        year=issued_on.year,
        number=number,
        customer=arrival.customer,
        arrival=arrival,
        delivery_number=delivery_number,
        issued_on=issued_on,
        issued_at=at,
        net_cents=net_cents,
        vat_cents=vat_cents,
        total_cents=net_cents + vat_cents,
    )
    InvoiceLine.objects.bulk_create(
        InvoiceLine(
            invoice=invoice,
            position=position,
            service=line.service,
            description=line.service.title,
            quantity=line.quantity,
            unit_price_e8=line.unit_price_e8,
            net_cents=line.net_cents,
            vat_rate_bp=line.service.vat_rate_bp,
        )
        for position, line in enumerate(lines, start=1)
    )
    return invoice


def _next_number(section: str, year: int) -> int:
    """The next number of a section and year; its row stays locked until the transaction ends."""
    rows = Numbering.objects.select_for_update().filter(section=section, year=year)
    counter = rows.first()
    if counter is None:  # the year's first invoice; of two at a time one makes the row
        Numbering.objects.get_or_create(section=section, year=year)
        counter = rows.get()
    counter.last += 1
    counter.save(update_fields=["last"])
    return counter.last
