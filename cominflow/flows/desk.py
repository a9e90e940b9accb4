"""Desk: who answers which open request, and the taking back of an answer that has not gone out.

Each is one transaction that holds the rows of the arrivals, as storing an answer and settling do: of two that come at
the same time, one sees what the other did. Nothing here starts work.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from cominflow import entered, failpoint
from cominflow.errors import UsageError
from cominflow.exchange import assignments, moves, request_states, requests
from cominflow.exchange.requests import Place
from cominflow.models import Arrival, Customer, Delivery, WorkAssignment

_NOBODY = "nobody"


def assign(places: Sequence[Place], assignee: str, *, by: str, at: datetime) -> list[str]:
    """Assign open requests to a person, whoever had them before. All or none.

    Returns who had each of them, side by side with `places`; empty where nobody had. Raises UsageError when one is
    not open, or nobody can be called so.
    """
    assignee = assignments.name_of(assignee)
    with transaction.atomic():
        before = []
        for place in _held(places):
            if place.state != request_states.OPEN:
                raise UsageError(
                    f"{place.name} is {place.state}: only open requests are assigned",
                    hint="see what is open: cominflow work list",
                )
            before.append(assignments.assignee_of(place.arrival_id, place.position))
            if before[-1] != assignee:
                _give(place, assignee, by=by, at=at)
        failpoint.hit("desk.assigned")
    return before


def assign_oldest(
    count: int, assignee: str, *, customer: Customer | None, service: str | None, by: str, at: datetime
) -> list[Place]:
    """Assign up to `count` open requests that nobody has, those of the oldest arrivals first; returns them.

    Two people who ask at the same time get different ones.
    """
    assignee = assignments.name_of(assignee)
    given: list[Place] = []
    found = requests.open_items(customer=customer, service=service)
    for (arrival_id, ordinal), places in itertools.groupby(found, key=lambda place: (place.arrival_id, place.ordinal)):
        if len(given) == count:
            break
        with transaction.atomic():
            _hold({arrival_id})
            free = _free(arrival_id, ordinal)
            chosen = [place for place in places if place.position in free][: count - len(given)]
            for place in chosen:
                _give(place, assignee, by=by, at=at)
        given += chosen
    return given


def unassign(places: Sequence[Place], *, by: str, at: datetime) -> list[str]:
    """Nobody has these requests any more. Returns who had each; empty where nobody had, which is no fault."""
    with transaction.atomic():
        before = []
        for place in _held(places):
            had = assignments.assignee_of(place.arrival_id, place.position)
            before.append(had)
            if had:
                WorkAssignment.objects.filter(arrival_id=place.arrival_id, position=place.position).delete()
                moves.record(place.name, f"assigned to {_NOBODY}", at=at, by=by, reason=f"{had} had it")
    return before


def undo(place: Place, *, by: str, reason: str, at: datetime) -> None:
    """Take back an answer that was given by hand and has not gone out: the request is open again.

    Settling holds the same row: either it took the answer before, and this is refused with the name of the delivery,
    or it finds the request open and leaves it out. A batch that was to deliver only this answer finds nothing and
    ends. Raises UsageError when there is no such answer, or no reason.
    """
    from cominflow.flows.fulfil import WORKER  # pandas: only when an answer is taken back

    if not entered.one_line("the reason", reason):
        raise UsageError(
            f"to take back the answer of {place.name} needs a reason",
            hint="say why, for whoever reads the history later",
        )
    with transaction.atomic():
        (now,) = _held([place])
        if now.state != request_states.ANSWERED:
            hint = f"it is open: `cominflow work answer {now.name}`" if now.state == request_states.OPEN else ""
            raise UsageError(f"{now.name} is {now.state}, and has no answer to take back", hint=hint)
        if now.delivery_number:
            raise _gone_out(now)
        if now.answered_by == WORKER:
            raise UsageError(
                f"{now.name} was answered by the provider of {now.service}, not by hand",
                hint="wait until it has gone out, and tell the customer what is wrong with it",
            )
        requests.retract(now, by=by, at=at)
        told = f"{now.outcome}, by {now.answered_by}: {reason.strip()}"
        moves.record(now.name, "answer taken back", at=at, by=by, reason=told)
        failpoint.hit("desk.undone")


def _gone_out(place: Place) -> UsageError:
    """Which file the answer is in, and what can be done now."""
    sent = Delivery.objects.filter(arrival_id=place.arrival_id, kind="answer", number=place.delivery_number)
    files = ", ".join(f"{one.reference} {one.folder}/{one.shown_name}, {one.state}" for one in sent.order_by("pk"))
    return UsageError(
        f"the answer of {place.name} went out with answer {place.delivery_number} of A-{place.arrival_id} ({files})"
        + (", and is charged with it" if place.outcome == "fulfilled" else ""),
        hint="a file that went out is not changed; a correction is a further delivery, which no command makes yet: "
        "tell the customer which request of which file is wrong",
    )


def _held(places: Sequence[Place]) -> list[Place]:
    """The requests as they are now, once the rows of their arrivals are held."""
    _hold({place.arrival_id for place in places})
    return [requests.place(_arrival(place.arrival_id), place.position) for place in places]


def _hold(arrivals: set[int]) -> None:
    """In the order of their keys, so that two who hold several never wait for each other."""
    rows = Arrival.objects.select_for_update(no_key=True).filter(pk__in=arrivals).order_by("pk")
    found = len(rows.values_list("pk", flat=True))
    assert found == len(arrivals), "arrivals are never removed"


def _arrival(arrival_id: int) -> Arrival:
    return Arrival.objects.only("pk").get(pk=arrival_id)


def _free(arrival_id: int, ordinal: int) -> set[int]:
    """Positions of one portion that are open now and that nobody has."""
    portion = requests.read_portion(_arrival(arrival_id), ordinal, states={request_states.OPEN})
    taken = WorkAssignment.objects.filter(arrival_id=arrival_id).values_list("position", flat=True)
    return set() if portion is None else set(portion.positions.tolist()) - set(taken)


def _give(place: Place, assignee: str, *, by: str, at: datetime) -> None:
    WorkAssignment.objects.update_or_create(
        arrival_id=place.arrival_id,
        position=place.position,
        defaults={"assignee": assignee, "assigned_at": at, "assigned_by": by},
    )
    moves.record(place.name, "assigned", at=at, by=by, reason=assignee)
