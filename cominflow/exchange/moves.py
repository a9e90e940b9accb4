"""Moves: change the state of an arrival or a delivery, and write down that it happened, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from cominflow.errors import UsageError
from cominflow.exchange import states
from cominflow.models import Arrival, Delivery, Event, many

_TABLES: dict[type, tuple[str, states.Moves]] = {
    Arrival: ("arrival", states.ARRIVAL),
    Delivery: ("delivery", states.DELIVERY),
}


def move(row: Arrival | Delivery, to: str, *, at: datetime, by: str, reason: str = "", **fields: Any) -> bool:
    """Move one row to the state `to`, with an event; `fields` are columns that change with it.

    The state in the database decides, not the one in `row`; `row` is brought up to date. Joins the caller's
    transaction when there is one.

    Returns True when it moved, False when it was there already (a step that is run again changes nothing and
    adds no event). Raises UsageError for a move that the table does not have.
    """
    kind, table = _TABLES[type(row)]
    with transaction.atomic():
        present = type(row).objects.select_for_update().values_list("state", flat=True).get(pk=row.pk)
        if present == to:
            row.state = to
            return False
        if not states.is_legal(table, present, to):
            raise _refusal(kind, row, present, to, table)
        fields |= {"state": to, "reason": reason}
        type(row).objects.filter(pk=row.pk).update(**fields)
        record(row.reference, to, at=at, by=by, reason=reason)
    for name, value in fields.items():
        setattr(row, name, value)
    return True


def move_all(rows: Sequence[Arrival], to: str, *, at: datetime, by: str, reason: str = "", **fields: Any) -> None:
    """Move many arrivals that are all in the same state, in two statements. Call it inside a transaction.

    Asserts that every one was in the state that its row says: the caller holds what makes this certain.
    """
    if not rows:
        return
    present = rows[0].state
    assert all(row.state == present for row in rows), "rows in different states are moved one by one"
    assert states.is_legal(states.ARRIVAL, present, to), f"no arrival moves from {present} to {to}"
    found = Arrival.objects.filter(pk__in=[row.pk for row in rows], state=present)
    moved_count = found.update(state=to, reason=reason, **fields)
    assert moved_count == len(rows), f"{len(rows)} arrivals should have been {present}, {moved_count} were"
    record_all(((row.reference, reason) for row in rows), to, at=at, by=by)
    for row in rows:
        row.state, row.reason = to, reason
        for name, value in fields.items():
            setattr(row, name, value)


def move_each(rows: Sequence[Arrival], to: str, names: Sequence[str], *, at: datetime, by: str) -> None:
    """As `move_all`, where each has a reason and fields of its own: those called `names` are written as the row has
    them.
    """
    if not rows:
        return
    present = rows[0].state
    assert all(row.state == present for row in rows), "rows in different states are moved one by one"
    assert states.is_legal(states.ARRIVAL, present, to), f"no arrival moves from {present} to {to}"
    own = ("reason", *names)
    changes = ((to, *(getattr(row, name) for name in own), row.pk, present) for row in rows)
    moved_count = many.update(Arrival, ("state", *own), changes, keys=("id", "state"))
    assert moved_count == len(rows), f"{len(rows)} arrivals should have been {present}, {moved_count} were"
    record_all(((row.reference, row.reason) for row in rows), to, at=at, by=by)
    for row in rows:
        row.state = to


def move_deliveries(rows: Sequence[Delivery], to: str, *, at: datetime, by: str, **fields: Any) -> None:
    """Move many deliveries in a few statements; those that are there already stay, without an event.

    `fields` change with the state. Hash and size are written as the rows have them: only who stages changes those. Each
    keeps its reason when it is STAGED, and loses it otherwise. Raises UsageError for a move that the table does not
    have; then none moves.
    """
    with transaction.atomic():
        locked = Delivery.objects.select_for_update().filter(pk__in=[row.pk for row in rows])
        present: dict[int, str] = dict(locked.values_list("pk", "state"))
        moving = [row for row in rows if present[row.pk] != to]
        for row in moving:
            if not states.is_legal(states.DELIVERY, present[row.pk], to):
                raise _refusal("delivery", row, present[row.pk], to, states.DELIVERY)
            row.reason = row.reason if to == "STAGED" else ""
        own = ("reason", "sha256", "bytes_count")
        changes = ((to, *fields.values(), *(getattr(row, name) for name in own), row.pk) for row in moving)
        many.update(Delivery, ("state", *fields, *own), changes, keys=("id",))
        record_all(((row.reference, row.reason) for row in moving), to, at=at, by=by)
    for row in moving:
        for name, value in fields.items():
            setattr(row, name, value)
    for row in rows:
        row.state = to


def record(subject: str, what: str, *, at: datetime, by: str, reason: str = "") -> None:
    """Write down that something happened: `subject` is `A-17`, `D-5` or `inbox banca-demo`."""
    Event.objects.create(at=at, by=by, subject=subject, what=what, reason=reason)


def record_all(subjects: Iterable[tuple[str, str]], what: str, *, at: datetime, by: str) -> None:
    """`record` for many: (subject, reason) of each."""
    events = ((at, by, subject, what, reason) for subject, reason in subjects)
    many.insert(Event, ("at", "by", "subject", "what", "reason"), events)


def _refusal(kind: str, row: Arrival | Delivery, present: str, to: str, table: states.Moves) -> UsageError:
    allowed = ", ".join(table[present]) or "nothing: this state is an end"
    hint = f"from {present} it can become: {allowed}"
    if isinstance(row, Arrival):
        hint += f"; look at it with `cominflow arrival show {row.reference}`"
    return UsageError(f"{kind} {row.reference} ({row.shown_name}) is {present} and cannot become {to}", hint=hint)
