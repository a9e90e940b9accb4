"""Arrivals: what may happen to a received file, and how operators look at it. The table of moves is in `states`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from cominflow import entered, shown
from cominflow.errors import UsageError
from cominflow.exchange import disk, moves, quarantine, states
from cominflow.models import Arrival, Batch, Customer, Event

MOVES = states.ARRIVAL


def move(arrival: Arrival, to: str, *, at: datetime, by: str, reason: str = "", **fields: Any) -> bool:
    """Move an arrival to a state, with an event; `fields` change in the same statement (see `moves.move`).

    Returns False when it was there already. Raises UsageError for a move that the table does not have.
    """
    return moves.move(arrival, to, at=at, by=by, reason=reason, **fields)


def begin_reading(
    arrival: Arrival,
    *,
    written: disk.Written,
    at: datetime,
    by: str,
    counts: Callable[[Arrival], bool] = lambda twin: True,
    is_decided: Callable[[Arrival], bool] = lambda twin: True,
) -> Arrival | None:
    """Store what `archive.keep` found and move to READING; or to DUPLICATE, when this content was received before.

    Of two files with the same content that are read at the same moment, one becomes the duplicate: the database's
    constraint decides. A repeat that an operator released is not looked at again.

    counts  says of a live arrival with this content whether it makes this one a duplicate; else this one is read, as
            if it had been released
    is_decided  says of one that counts whether it is known by now to be live for good; else this one stays CLAIMED,
            without its hash, and is to be asked about again when that one has been read

    Returns the live arrival that has the same content (the row is DUPLICATE then, or still CLAIMED), or None (it is
    READING). Run again, it says the same. Raises UsageError when the arrival is past reading.
    """
    arrival.refresh_from_db(fields=["state", "sha256", "was_released", "duplicate_of"])
    if arrival.state == "DUPLICATE":
        return arrival.duplicate_of
    if arrival.state == "READING" and arrival.sha256 == written.sha256:
        return None
    found: dict[str, Any] = {"sha256": written.sha256, "bytes_count": written.bytes_count}
    twin = None
    if not _is_released_repeat(arrival):
        twin = _twin(arrival, written.sha256)
        if twin is None:
            try:
                with transaction.atomic():
                    _to_reading(arrival, at=at, by=by, **found)
                return None
            except IntegrityError:
                twin = _twin(arrival, written.sha256)
                if twin is None:
                    raise
    if twin is None:
        _to_reading(arrival, at=at, by=by, **found)
        return None
    if not counts(twin):
        twin = _read_beside(arrival, twin, counts=counts, at=at, by=by, **found)
        if twin is None:
            return None
    if not is_decided(twin):
        return twin
    with transaction.atomic():
        # The hash comes with the second move: while READING it would break the constraint.
        move(arrival, "READING", at=at, by=by)
        reason = f"the same content as {twin.reference} ({twin.shown_name})"
        move(arrival, "DUPLICATE", at=at, by=by, reason=reason, duplicate_of=twin, **found)
    return twin


def begin_new(found: Sequence[tuple[Arrival, disk.Written]], *, at: datetime, by: str) -> None:
    """As `begin_reading`, together for those among many whose content nobody else of the customer has.

    The others stay CLAIMED: they are asked about one by one, after these. Call it inside a transaction.
    """
    first: dict[tuple[int, str], tuple[Arrival, disk.Written]] = {}
    for arrival, written in found:
        first.setdefault((arrival.customer_id, written.sha256), (arrival, written))
    fresh = Arrival.objects.select_for_update(no_key=True).filter(state="CLAIMED", sha256="", was_released=False)
    untouched = set(fresh.filter(pk__in=[one.pk for one, _ in first.values()]).values_list("pk", flat=True))
    live = Arrival.objects.filter(
        customer_id__in={customer_id for customer_id, _ in first},
        sha256__in=[sha256 for _, sha256 in first],
        state__in=states.ARRIVAL_LIVE,
    )
    known = set(live.values_list("customer_id", "sha256"))
    new = [pair for key, pair in first.items() if key not in known and pair[0].pk in untouched]
    try:
        with transaction.atomic():
            for arrival, written in new:
                arrival.sha256, arrival.bytes_count, arrival.reason = written.sha256, written.bytes_count, ""
            moves.move_each([one for one, _ in new], "READING", ("sha256", "bytes_count"), at=at, by=by)
    except IntegrityError:  # one of these contents came elsewhere since we looked: the database tells which
        return


def release(
    folders: disk.Folders, arrival: Arrival, *, at: datetime, by: str, reason: str, repeat_as: str = ""
) -> None:
    """Let a duplicate, quarantined or held file through: it is read again, in a batch of its own.

    A released DUPLICATE is processed as a repeat, `repeat_as` says how (see `flows.repeats`).
    A quarantined or held file whose content has meanwhile been
    received again is refused, as releasing it would do the same work twice.

    Raises UsageError: another state, no reason, or a live arrival with the same content; WorldError.
    """
    _demand_reason("release", arrival, reason)
    arrival.refresh_from_db(fields=["state", "sha256", "was_released", "duplicate_of", "readings_count"])
    if arrival.state == "CLAIMED" and arrival.was_released:
        return
    if arrival.state == "REFUSED":
        raise UsageError(
            f"arrival {arrival.reference} is REFUSED: none of its requests was accepted, and the customer was told so",
            hint="the customer corrects the file and sends it again; what is wrong stands in its receipt",
        )
    if arrival.state in ("QUARANTINED", "HELD") and arrival.sha256 and not _is_released_repeat(arrival):
        twin = _twin(arrival, arrival.sha256)
        if twin is not None:
            raise UsageError(
                f"arrival {arrival.reference} has the same content as {twin.reference}, which is {twin.state}",
                hint=f"`cominflow arrival discard {arrival.reference} --reason TEXT`: its work is done by the other",
            )
    if arrival.state in states.ARRIVAL_WAITING:
        quarantine.bring_back(folders, arrival)
    with transaction.atomic():
        batch = Batch.objects.create(created_at=at)
        again = {"was_released": True, "batch": batch, "readings_count": arrival.readings_count + 1}
        if arrival.state == "DUPLICATE":
            again["released_as"] = repeat_as
        is_moved = move(arrival, "CLAIMED", at=at, by=by, reason=reason, **again)
        if not is_moved:
            hint = "it is read without being released; look again with `cominflow arrival list`"
            raise UsageError(f"arrival {arrival.reference} is CLAIMED: nothing holds it", hint=hint)


def discard(arrival: Arrival, *, at: datetime, by: str, reason: str) -> None:
    """Give a duplicate, quarantined or held file up; its bytes stay until they are purged.

    Raises UsageError: another state, or no reason.
    """
    _demand_reason("discard", arrival, reason)
    move(arrival, "DISCARDED", at=at, by=by, reason=reason, closed_at=at)


def find(text: str) -> Arrival:
    """The arrival that a person means: `A-17`, `17`, or the name of the file when only one arrival has it.

    Raises UsageError when there is none, or several (they are listed).
    """
    number = text[2:] if text[:2].upper() == "A-" else text
    rows = Arrival.objects.select_related("customer").defer("head", "tail", "report")
    if number.isascii() and number.isdigit():
        found = rows.filter(pk=int(number)).first() if len(number) < 19 else None
        if found is not None:
            return found
    named = list(rows.filter(name=text.encode()).order_by("-pk")[:20])
    if len(named) == 1:
        return named[0]
    if named:
        several = ", ".join(f"{one.reference} ({one.state})" for one in named)
        raise UsageError(
            f"several arrivals are called {shown.name(text.encode())}: {several}", hint="use the A- number"
        )
    raise UsageError(f"there is no arrival {text}", hint="`cominflow arrival list` shows them")


def listing(
    *, customer: Customer | None = None, arrival_states: Iterable[str] | None = None, since: datetime | None = None
) -> QuerySet[Arrival]:
    """Arrivals, newest first, without their large columns; slice it for a page. None of the arguments: all."""
    rows = Arrival.objects.select_related("customer").defer("head", "tail", "report").order_by("-pk")
    if customer is not None:
        rows = rows.filter(customer=customer)
    if arrival_states is not None:
        rows = rows.filter(state__in=list(arrival_states))
    if since is not None:
        rows = rows.filter(claimed_at__gte=since)
    return rows


def history(arrival: Arrival) -> list[Event]:
    """What happened to an arrival, oldest first."""
    return list(Event.objects.filter(subject=arrival.reference).order_by("pk"))


def _to_reading(arrival: Arrival, *, at: datetime, by: str, **found: Any) -> None:
    if not move(arrival, "READING", at=at, by=by, **found):
        Arrival.objects.filter(pk=arrival.pk).update(**found)
        for name, value in found.items():
            setattr(arrival, name, value)


def _read_beside(
    arrival: Arrival, twin: Arrival, *, counts: Callable[[Arrival], bool], at: datetime, by: str, **found: Any
) -> Arrival | None:
    """Read an arrival beside the latest live one with its content, which does not count; None when it is READING.

    No constraint keeps two copies apart here. The row of the one that does not count does: who waited for it sees the
    copy that was first, and when that one counts, it is returned.
    """
    with transaction.atomic():
        Arrival.objects.select_for_update(no_key=True).only("pk").get(pk=twin.pk)
        latest = _twin(arrival, found["sha256"])
        if latest is not None and latest != twin and counts(latest):
            return latest
        _to_reading(arrival, at=at, by=by, was_released=True, duplicate_of=latest or twin, **found)
        return None


def _twin(arrival: Arrival, sha256: str) -> Arrival | None:
    """The live arrival of this customer with this content, if there is another one; of several the last accepted.

    Whether a content counts as received may end with time (`repeats.within_days`), so the latest of them decides; one
    that is not accepted yet is later than all that are.
    """
    rows = Arrival.objects.filter(customer_id=arrival.customer_id, sha256=sha256, state__in=states.ARRIVAL_LIVE)
    latest = rows.exclude(pk=arrival.pk).order_by(F("accepted_at").desc(nulls_first=True), "-pk")
    return latest.defer("head", "tail", "report").first()


def _is_released_repeat(arrival: Arrival) -> bool:
    return arrival.was_released and arrival.duplicate_of_id is not None


def _demand_reason(what: str, arrival: Arrival, reason: str) -> None:
    if not entered.one_line("the reason", reason):
        hint = f"`cominflow arrival {what} {arrival.reference} --reason TEXT`"
        raise UsageError(f"to {what} arrival {arrival.reference} needs a reason", hint=hint)
