"""Prices: one flat unit price per customer and service, from an instant on. A row is never edited: the newest holds."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from cominflow.errors import UsageError
from cominflow.models import Customer, Event, Price, Service
from cominflow.money import E8, format_e8


def set_price(
    customer: Customer, service: Service, unit_price: E8, *, by: str, at: datetime, valid_from: datetime | None = None
) -> Price:
    """Set what one request of `service` costs `customer` from `valid_from` on (from `at` when it is None).

    UsageError when it would begin in the past: answers were charged by what the list said then.
    """
    begins = at if valid_from is None else valid_from
    if begins < at:
        raise UsageError(
            f"a price cannot begin at {begins:%Y-%m-%d %H:%M} UTC, which is past",
            hint="leave --from out, and it holds from now on",
        )
    try:
        with transaction.atomic():
            price = Price.objects.create(
                customer=customer, service=service, unit_price_e8=unit_price, valid_from=begins
            )
            Event.objects.create(
                at=at,
                by=by,
                subject=f"customer {customer.code}"[:40],
                what="price set",
                reason=f"{service.code}: {format_e8(unit_price)} EUR from {begins.isoformat()}",
            )
            return price
    except IntegrityError:
        raise UsageError(
            f"{customer.code} has a price for {service.code} from that very instant", hint="choose another --from"
        ) from None


def price_at(customer: Customer, service: Service | str, instant: datetime) -> Price | None:
    """The price that holds at `instant`: the newest one that had begun. None when none had, or no such service is.

    service    the service, or its code as a file says it
    """
    rows = Price.objects.filter(customer=customer, valid_from__lte=instant).select_related("service")
    rows = rows.filter(service__code=service) if isinstance(service, str) else rows.filter(service=service)
    return rows.order_by("-valid_from").first()


def prices_of(customer: Customer | None = None, service: Service | None = None) -> list[Price]:
    """All prices, of one customer or service where asked: by customer, service, and newest first."""
    rows = Price.objects.select_related("customer", "service").order_by(
        "customer__code", "service__code", "-valid_from"
    )
    if customer is not None:
        rows = rows.filter(customer=customer)
    if service is not None:
        rows = rows.filter(service=service)
    return list(rows)
