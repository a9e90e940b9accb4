"""Planning: the rows of files that are to be made for a customer, each with a name of its own in its folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, connection, transaction

from cominflow import shown
from cominflow.errors import UsageError
from cominflow.limits import NAME_BYTES_MAX
from cominflow.models import Arrival, Customer, Delivery, many

FOLDERS = ("outbox", "receipts")
KINDS = ("receipt", "rejection", "answer", "invoice")


def plan(
    arrival: Arrival, kind: str, number: int, folder: str, name: bytes, *, at: datetime, reason: str = ""
) -> Delivery:
    """The row of a delivery, made when it is not there yet.

    folder  "outbox" or "receipts"        name  1 to 255 bytes, no slash
    reason  what the row says of itself until it is held or published

    When another delivery of the customer has the name (two uploads of one name have receipts of one name), this one
    gets the arrival's number before the ending: `RV_001.R01` becomes `RV_001.A-17.R01`. Joins the caller's
    transaction. Raises UsageError for a name that no file can have.
    """
    assert folder in FOLDERS, f"there is no folder {folder}"
    _check_name(name, arrival)
    names = (name, _with_reference(name, arrival.reference))
    mine = Delivery.objects.filter(arrival=arrival, kind=kind, number=number, folder=folder, name__in=names)
    for candidate in names:
        found = mine.first()
        if found is not None:
            return found
        if _is_taken(arrival.customer, folder, candidate):
            continue
        try:
            with transaction.atomic():
                return Delivery.objects.create(
                    customer=arrival.customer,
                    arrival=arrival,
                    kind=kind,
                    number=number,
                    folder=folder,
                    name=candidate,
                    reason=reason,
                    planned_at=at,
                )
        except IntegrityError:
            continue  # Taken since we looked, or planned by another who runs the same step.
    found = mine.first()
    if found is None:
        raise UsageError(
            f"{arrival.reference}: both {' and '.join(shown.name(one) for one in names)} are names of other deliveries",
            hint="give the feed a name with {delivery} or {request.stem} in it, and publish it as a new version",
        )
    return found


@dataclass(frozen=True)
class Plan:
    """A delivery that is to be planned; see `plan`."""

    arrival: Arrival
    kind: str
    number: int
    folder: str
    name: bytes
    reason: str = ""


def plan_all(plans: Sequence[Plan], *, at: datetime) -> None:
    """As `plan`, for many, of which none was planned before: a few statements where every name is free.

    Call it inside the transaction that decides about them.
    """
    assert connection.in_atomic_block, "what was planned before is known only as long as nobody else plans"
    for one in plans:
        assert one.folder in FOLDERS, f"there is no folder {one.folder}"
        _check_name(one.name, one.arrival)
    asked = Counter((one.arrival.customer_id, one.folder, one.name) for one in plans)
    taken = set()
    for customer_id, folder in {(key[0], key[1]) for key in asked}:
        names = [one.name for one in plans if (one.arrival.customer_id, one.folder) == (customer_id, folder)]
        found = Delivery.objects.filter(customer_id=customer_id, folder=folder, name__in=names)
        taken |= {(customer_id, folder, bytes(name)) for name in found.values_list("name", flat=True)}
    is_free = [asked[key] == 1 and key not in taken for key in _keys(plans)]
    free = [one for one, alone in zip(plans, is_free, strict=True) if alone]
    try:
        with transaction.atomic():
            fields = ("customer_id", "arrival_id", "kind", "number", "folder", "name", "reason", "planned_at")
            many.insert(
                Delivery,
                fields,
                (
                    (one.arrival.customer_id, one.arrival.pk, one.kind, one.number, one.folder, one.name)
                    + (one.reason, at)
                    for one in free
                ),
            )
    except IntegrityError:  # one was taken since we looked
        is_free = [False] * len(plans)
    for one, alone in zip(plans, is_free, strict=True):
        if not alone:
            plan(one.arrival, one.kind, one.number, one.folder, one.name, at=at, reason=one.reason)


def _keys(plans: Sequence[Plan]) -> Iterator[tuple[int, str, bytes]]:
    return ((one.arrival.customer_id, one.folder, one.name) for one in plans)


def _is_taken(customer: Customer, folder: str, name: bytes) -> bool:
    return Delivery.objects.filter(customer=customer, folder=folder, name=name).exists()


def _with_reference(name: bytes, reference: str) -> bytes:
    """The arrival's number before the ending; the stem gives way where a name would become too long.

    The JSON beside a text keeps the text's name: `RV_001.A-17.R01` and `RV_001.A-17.R01.json`.
    """
    beside = b".json" if name.endswith(b".json") else b""
    stem, dot, ending = name.removesuffix(beside).rpartition(b".")
    if not stem:
        stem, dot, ending = name.removesuffix(beside), b"", b""
    tail = b"." + reference.encode() + dot + ending + beside
    return stem[: NAME_BYTES_MAX - len(tail)] + tail


def _check_name(name: bytes, arrival: Arrival) -> None:
    if not 0 < len(name) <= NAME_BYTES_MAX or b"/" in name or b"\0" in name or name in (b".", b".."):
        raise UsageError(
            f"{arrival.reference}: no file can be called {shown.name(name)!r} ({len(name)} bytes)",
            hint=f"names have 1 to {NAME_BYTES_MAX} bytes and no slash: change the feed's `names`",
        )
