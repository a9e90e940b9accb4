"""Requests: the one door to an arrival's requests, however they are stored.

    Incoming ──add──► rows (up to 256) or chunks (above) ──read──► Portion
                                   ▲                                  │ providers, operators
                                   └──────────────store─────────── Answers

A request has one effective answer: that of the newest revision. What the customer was sent, and with which delivery,
is noted per answer (`mark_delivered`), so that a late answer goes out with the next one and none goes out twice.
Every function is one transaction of its own or a part of the caller's; repeating one after a crash changes nothing,
or is refused because the move was made already (`store`: the flow's once-row stands in the same transaction).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import transaction
from django.db.models import Count, F, Sum
from numpy.typing import NDArray

from cominflow.errors import UsageError
from cominflow.exchange import assignments, request_states
from cominflow.exchange.stored import chunks, reference_runs, references, rows
from cominflow.exchange.stored.portion import ROWS_ORDINAL, Answers, Incoming, Place, Portion, joined
from cominflow.limits import CHUNK_REQUESTS, REQUESTS_AS_ROWS_MAX
from cominflow.models import Arrival, Chunk, Customer, Request

__all__ = [
    "Answers",
    "Incoming",
    "Place",
    "Portion",
    "ROWS_ORDINAL",
    "add",
    "add_rows",
    "counts",
    "discard",
    "find",
    "joined",
    "keep_rows",
    "mark_delivered",
    "mark_rows_delivered",
    "merge",
    "merge_references",
    "open_count",
    "open_items",
    "open_of",
    "place",
    "read",
    "read_positions",
    "read_portion",
    "read_portions",
    "retract",
    "store",
    "store_all",
    "stored",
    "waiting_of",
    "waiting_ordinals",
    "with_chunks",
    "write_references",
]


class Stored(Protocol):
    """What says where requests are stored: a Portion or a Place."""

    @property
    def arrival_id(self) -> int:
        """The arrival's key."""

    @property
    def ordinal(self) -> int:
        """The chunk's ordinal, or ROWS_ORDINAL."""


def add(arrival: Arrival, ordinal: int | None, first_position: int, incoming: Incoming) -> None:
    """Store requests, all WAITING: as rows (`ordinal` None) or as the chunk `ordinal`.

    Repeating it with the same requests changes nothing. Raises UsageError for an unknown service (rows only: a
    chunk's services are checked when it is read for a provider) and CominflowError when other requests are there.
    """
    if ordinal is None:
        rows.add(arrival, first_position, incoming)
    else:
        chunks.add(arrival, ordinal, first_position, incoming)


def add_rows(together: Sequence[tuple[Arrival, Incoming]]) -> None:
    """`add` as rows, for many arrivals in a few statements. Call it inside a transaction."""
    rows.add_all(together)


def stored(arrival: Arrival) -> tuple[int, int]:
    """(ordinal, position) that the next `add` of this arrival takes: (0, 0) when nothing is stored yet."""
    last = Chunk.objects.filter(arrival=arrival).order_by("-ordinal").defer("result").first()
    if last is not None:
        return last.ordinal + 1, last.first_position + last.requests_count
    return 0, Request.objects.filter(arrival=arrival).count()


def read(arrival: Arrival, *, states: Collection[str] | None = None) -> Iterator[Portion]:
    """The arrival's requests with their effective answers, in the order of the file, a portion at a time.

    states  only requests in one of these; portions without any are skipped, chunks unread where counters tell
    """
    kept = arrival.__dict__.get(_KEPT)
    if kept is not None and states is None:
        return iter((kept,))
    return _read(arrival.pk, None if states is None else frozenset(states))


def keep_rows(arrivals: Sequence[Arrival]) -> None:
    """Read the rows of many small arrivals in one query. From then on `read` and `counts` of these very objects tell
    what was read: keep them no longer than a step, and only where nothing is answered meanwhile or it does not matter.

    Arrivals that are held as chunks, and rows beyond some ten thousand, are read when they are asked for.
    """
    chosen, count = [], 0
    for arrival in arrivals:
        count += arrival.requests_count
        if count <= CHUNK_REQUESTS:
            chosen.append(arrival)
    found = rows.read_many([arrival.pk for arrival in chosen])
    for arrival in chosen:
        if arrival.pk in found:
            arrival.__dict__[_KEPT] = found[arrival.pk]


_KEPT = "kept_rows"


def read_portion(arrival: Arrival, ordinal: int, *, states: Collection[str] | None = None) -> Portion | None:
    """One portion of the arrival (ROWS_ORDINAL: its rows), of `states` only; None when it has no such request."""
    return next(iter(read_portions([arrival], ordinal, states=states)), None)


def read_portions(arrivals: Sequence[Arrival], ordinal: int, *, states: Collection[str] | None = None) -> list[Portion]:
    """That portion of each arrival that has such a request; of the rows of many arrivals in one query."""
    keys = [arrival.pk for arrival in arrivals]
    if ordinal == ROWS_ORDINAL:
        there = rows.read_many(keys)
        found = [there[key] for key in keys if key in there]
    else:
        found = [portion for key in keys if (portion := chunks.read_one(key, ordinal)) is not None]
    chosen = found if states is None else [portion.in_states(frozenset(states)) for portion in found]
    return [portion for portion in chosen if len(portion)]


def waiting_ordinals(arrival: Arrival) -> list[int]:
    """Ordinals of the portions in which a request waits to be asked, in the order of the file."""
    return waiting_of([arrival]).get(arrival.pk, [])


def waiting_of(arrivals: Sequence[Arrival]) -> dict[int, list[int]]:
    """Arrival id -> its `waiting_ordinals`; those of which nothing waits are left out."""
    waits = Request.objects.filter(arrival__in=arrivals, state=request_states.WAITING)
    found = {key: [ROWS_ORDINAL] for key in waits.values_list("arrival_id", flat=True).distinct()}
    chunked = Chunk.objects.filter(arrival__in=arrivals, waiting_count__gt=0).order_by("arrival_id", "ordinal")
    for key, ordinal in chunked.values_list("arrival_id", "ordinal"):
        found.setdefault(key, []).append(ordinal)
    return found


def with_chunks(arrivals: Sequence[Arrival]) -> set[int]:
    """Which of these arrivals are held as chunks."""
    return set(Chunk.objects.filter(arrival__in=arrivals).values_list("arrival_id", flat=True).distinct())


def read_positions(arrival_id: int, positions: NDArray[np.int64]) -> Iterator[Portion]:
    """The requests at these positions (from 0, rising) of an arrival, portion by portion."""
    yield from rows.read_positions(arrival_id, positions) if len(positions) <= REQUESTS_AS_ROWS_MAX else ()
    yield from chunks.read_positions(arrival_id, positions)


def store(where: Stored, answers: Answers, *, at: datetime, but_cancelled: bool = False) -> None:
    """Store answers to some requests of one portion, and move those requests to their new states.

    where    the portion (or a place of it) that the positions belong to
    answers  see `Answers`; a first answer is the base, each further one a revision that covers it whole
    but_cancelled  leave out what was cancelled since it was asked

    All or none, in one transaction, which holds the arrival's row: who locks that row sees no answer come or go.
    Whoever a request was assigned to, the assignment ends when it is open no more.
    UsageError when a request cannot make that move (it was answered already).
    """
    store_all([(where, answers)], at=at, but_cancelled=but_cancelled)


def store_all(answered: Sequence[tuple[Stored, Answers]], *, at: datetime, but_cancelled: bool = False) -> None:
    """`store` for portions of different arrivals, in one transaction."""
    keys = [where.arrival_id for where, _ in answered]
    assert len(set(keys)) == len(keys), "an arrival is answered twice in one go"
    with transaction.atomic():
        list(Arrival.objects.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk").values_list("pk"))
        in_rows = [(where.arrival_id, answers) for where, answers in answered if where.ordinal == ROWS_ORDINAL]
        if in_rows:
            rows.store(in_rows, at, but_cancelled=but_cancelled)
        for where, answers in answered:
            if where.ordinal != ROWS_ORDINAL:
                chunks.store(where.arrival_id, where.ordinal, answers, at, but_cancelled=but_cancelled)
        assignments.end(
            {where.arrival_id: said.positions[said.states != request_states.OPEN] for where, said in answered}
        )


def retract(where: Place, *, by: str, at: datetime) -> None:
    """Take a person's answer back that has not gone out: the request is open again, in a further revision.

    Holds the arrival's row as `store` does. UsageError when the request has no such answer.
    """
    answers = Answers(
        positions=np.array([where.position]),
        states=np.array([request_states.OPEN]),
        outcomes=np.array(["pending"]),
        results=pa.table({}),
        by=by,
    )
    store(where, answers, at=at)


def mark_delivered(portion: Portion, number: int) -> None:
    """Note that the answers in `portion` which have not gone out yet go out with delivery `number`.

    Exactly those, at the revisions that `portion` has: an answer stored since it was read stays fresh. Requests that
    wait or are open have no answer to deliver and stay as they are.
    """
    assert number > 0, "deliveries of answers are numbered from 1"
    if portion.ordinal == ROWS_ORDINAL:
        rows.mark_delivered([(portion, number)])
    else:
        chunks.mark_delivered(portion, number)


def mark_rows_delivered(together: Sequence[tuple[Portion, int]]) -> None:
    """`mark_delivered` for the rows of many arrivals: (portion, number) of each."""
    rows.mark_delivered(together)


def merge(arrival: Arrival) -> int:
    """Put late answers into the chunks' result blobs where nothing is waiting, open or undelivered.

    Returns the number of chunks rewritten. Nothing that `read` returns changes. Rows have nothing to merge.
    """
    return chunks.merge(arrival.pk)


def counts(arrival: Arrival) -> dict[str, int]:
    """How many requests are waiting, open, answered, refused, cancelled and expired; they add up to all."""
    totals = dict.fromkeys(request_states.COUNTERS, 0)
    kept = arrival.__dict__.get(_KEPT)
    if kept is not None:
        for state in kept.states.tolist():
            totals[request_states.COUNTER_OF[state]] += 1
        return totals
    summed = Chunk.objects.filter(arrival=arrival).aggregate(
        **{counter: Sum(f"{counter}_count") for counter in request_states.COUNTERS}
    )
    for counter, count in summed.items():
        totals[counter] += count or 0
    by_state = Request.objects.filter(arrival=arrival).values_list("state").annotate(Count("pk"))
    for state, count in by_state:
        totals[request_states.COUNTER_OF[state]] += count
    return totals


def write_references(arrival: Arrival, *, at: datetime) -> int:
    """Make the requests of an arrival that is accepted at `at` findable. See `reference_runs.write`."""
    return reference_runs.write(arrival, at=at)


def merge_references(*, references_max: int) -> int:
    """Keep look-ups fast: merge sorted runs of references. See `reference_runs.merge_some`."""
    return reference_runs.merge_some(references.VISIBLE, references_max=references_max)


def discard(arrival: Arrival) -> None:
    """Remove what a reading stored that does not end in QUEUED. No request of it was ever asked or seen."""
    with transaction.atomic():
        asked = Request.objects.filter(arrival=arrival).exclude(state=request_states.WAITING)
        asked_chunks = Chunk.objects.filter(arrival=arrival).exclude(waiting_count=F("requests_count"))
        assert not asked.exists() and not asked_chunks.exists(), f"{arrival.reference} was asked for already"
        reference_runs.remove(arrival)
        Request.objects.filter(arrival=arrival).delete()
        chunks.discard(arrival.pk)


def find(reference: str, *, customer: Customer | None = None) -> list[Place]:
    """Every accepted request that the customer calls `reference`, exactly; the newest arrival first."""
    if not reference:
        return []
    hits = references.hits(reference, customer_id=None if customer is None else customer.pk)
    found = [_place(hit.arrival_id, hit.position) for hit in hits]
    return [one for one in found if one is not None and one.reference == reference]


def place(arrival: Arrival, position: int) -> Place:
    """The request at `position` (from 0) of the arrival. UsageError when it has none there, or was purged."""
    if arrival.state == "PURGED":
        raise UsageError(
            f"the contents of arrival {arrival.reference} were purged",
            hint=f"what is left is told by `cominflow arrival show {arrival.reference}`",
        )
    found = _place(arrival.pk, position)
    if found is None:
        raise UsageError(
            f"arrival {arrival.reference} has no request {position + 1}",
            hint=f"see it with `cominflow arrival show {arrival.reference}`",
        )
    return found


def open_count(*, customer: Customer | None = None, service: str | None = None) -> int:
    """How many `open_items` gives. Of one service chunks have to be read for it, of all their counters tell."""
    visible = {
        "arrival__state__in": references.VISIBLE,
        **({} if customer is None else {"arrival__customer": customer}),
    }
    in_rows = Request.objects.filter(state=request_states.OPEN, **visible)
    in_chunks = Chunk.objects.filter(open_count__gt=0, **visible)
    if service is None:
        return in_rows.count() + (in_chunks.aggregate(n=Sum("open_count"))["n"] or 0)
    count = in_rows.filter(service__code=service).count()
    for arrival_id, ordinal in in_chunks.values_list("arrival_id", "ordinal"):
        portion = chunks.read_one(arrival_id, ordinal)
        if portion is not None:
            offered = portion.in_states(frozenset({request_states.OPEN})).services
            count += pc.sum(pc.equal(offered, service)).as_py() or 0
    return count


def open_items(*, customer: Customer | None = None, service: str | None = None) -> Iterator[Place]:
    """The work list: requests that were asked and wait for an answer, the oldest arrival first."""
    arrivals = Arrival.objects.filter(state__in=references.VISIBLE)
    if customer is not None:
        arrivals = arrivals.filter(customer=customer)
    opened = set(Request.objects.filter(state=request_states.OPEN).values_list("arrival_id", flat=True).distinct())
    opened |= set(Chunk.objects.filter(open_count__gt=0).values_list("arrival_id", flat=True).distinct())
    for key, code in arrivals.filter(pk__in=opened).order_by("pk").values_list("pk", "customer__code"):
        for portion in _read(key, frozenset({request_states.OPEN})):
            chosen = [i for i, offered in enumerate(portion.services.to_pylist()) if service in (None, offered)]
            yield from _places(code, portion.take(np.array(chosen, dtype=np.int64)))


def open_of(arrival: Arrival) -> Iterator[Place]:
    """The open requests of one arrival, in the order of the file."""
    for portion in read(arrival, states={request_states.OPEN}):
        yield from _places(arrival.customer.code, portion)


def _read(arrival_id: int, states: frozenset[str] | None) -> Iterator[Portion]:
    assert states is None or states <= set(request_states.STATES), f"not states of requests: {states}"
    yield from rows.read(arrival_id, states)
    for portion in chunks.read(arrival_id, states):
        kept = portion if states is None else portion.in_states(states)
        if len(kept):
            yield kept


def _place(arrival_id: int, position: int) -> Place | None:
    portion = rows.read_at(arrival_id, position) or chunks.read_at(arrival_id, position)
    if portion is None:
        return None
    code = Customer.objects.values_list("code", flat=True).get(arrivals=arrival_id)
    return _places(code, portion)[0]


def _places(customer: str, portion: Portion) -> list[Place]:
    asked, results = _dicts(portion.columns, len(portion)), _dicts(portion.results, len(portion))
    return [
        Place(
            customer=customer,
            arrival_id=portion.arrival_id,
            ordinal=portion.ordinal,
            position=int(portion.positions[index]),
            reference=portion.references[index].as_py() or "",
            service=portion.services[index].as_py(),
            state=str(portion.states[index]),
            outcome=str(portion.outcomes[index]),
            revision=int(portion.revisions[index]),
            delivery_number=int(portion.deliveries[index]),
            answered_at=_instant(portion.answered_at[index]),
            answered_by=str(portion.answered_by[index]),
            subject=portion.subjects[index].as_py() or "",
            columns=asked[index],
            results=results[index],
        )
        for index in range(len(portion))
    ]


def _dicts(table: pa.Table, rows_count: int) -> list[dict[str, Any]]:
    return table.to_pylist() if table.num_columns else [{} for _ in range(rows_count)]


def _instant(value: np.datetime64) -> datetime | None:
    naive: datetime | None = value.astype("datetime64[us]").item()
    return None if naive is None else naive.replace(tzinfo=UTC)
