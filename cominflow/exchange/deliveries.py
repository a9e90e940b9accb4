"""Deliveries: the rows of what goes out, found for a person."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from cominflow.errors import UsageError
from cominflow.models import Arrival, Customer, Delivery, Event


def find(text: str) -> Delivery:
    """The delivery `D-5` or `5`. Raises UsageError when there is none."""
    number = text[2:] if text[:2].upper() == "D-" else text
    found = None
    if number.isascii() and number.isdigit() and len(number) < 19:
        found = Delivery.objects.select_related("customer", "arrival").filter(pk=int(number)).first()
    if found is None:
        raise UsageError(f"there is no delivery {text}", hint="`cominflow delivery list` shows them")
    return found


def selected(
    *,
    customer: Customer | None = None,
    arrival: Arrival | None = None,
    delivery_states: Iterable[str] | None = None,
    kinds: Iterable[str] | None = None,
) -> QuerySet[Delivery]:
    """Deliveries, newest first; slice it for a page. None of the arguments: all."""
    rows = Delivery.objects.select_related("customer", "arrival").order_by("-pk")
    chosen = {
        "customer": customer,
        "arrival": arrival,
        "state__in": None if delivery_states is None else list(delivery_states),
        "kind__in": None if kinds is None else list(kinds),
    }
    return rows.filter(**{name: value for name, value in chosen.items() if value is not None})


def history(delivery: Delivery) -> list[Event]:
    """What happened to a delivery, oldest first."""
    return list(Event.objects.filter(subject=delivery.reference).order_by("pk"))
