"""Rows: requests of a small arrival (up to 256), each a database row with a payload of its own.

A one-request chunk would cost 2.6 kB and 16 ms. The row holds the effective answer: a further answer raises its
revision and takes the place of the one before.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from django.db import connection, transaction
from django.db.models import QuerySet
from numpy.typing import NDArray

from cominflow import text_hash
from cominflow.errors import CominflowError, UsageError
from cominflow.exchange import request_states
from cominflow.exchange.request_states import CANCELLED, WAITING
from cominflow.exchange.stored import asked, cells
from cominflow.exchange.stored.asked import Asked
from cominflow.exchange.stored.portion import ROWS_ORDINAL, Answers, Incoming, Portion
from cominflow.limits import REQUESTS_AS_ROWS_MAX
from cominflow.models import Arrival, Request, Service, many

_FIELDS = (
    "arrival_id",
    "position",
    "service__code",
    "state",
    "outcome",
    "payload",
    "result",
    "revision",
    "delivery_number",
    "answered_at",
    "answered_by",
)
# What a row is known by, and what it was, before it is answered.
_BEFORE = ("pk", "state", "revision", "delivery_number")
_UPDATE = (
    f"update {Request._meta.db_table} set state = %s, outcome = %s, result = %s, revision = %s, delivery_number = 0, "
    "answered_at = %s, answered_by = %s where id = %s"
)


def add(arrival: Arrival, first_position: int, incoming: Incoming) -> None:
    """Store requests as rows. The same requests once more are no change; others in their place are our defect."""
    count = len(incoming)
    assert count > 0 and first_position + count <= REQUESTS_AS_ROWS_MAX, f"{first_position + count} requests as rows"
    payloads = _payloads(incoming)
    with transaction.atomic():
        there = Request.objects.filter(
            arrival=arrival, position__gte=first_position, position__lt=first_position + count
        ).order_by("position")
        stored = [bytes(blob) for blob in there.values_list("payload", flat=True)]
        if stored:
            if stored != payloads:
                raise CominflowError(
                    f"requests {first_position + 1} to {first_position + count} of arrival {arrival.reference} were "
                    f"stored with other contents",
                    hint="the same file was read twice with different results; report this with the file",
                )
            return
        _insert([(arrival.pk, first_position, incoming, payloads)])


def add_all(together: Sequence[tuple[Arrival, Incoming]]) -> None:
    """`add` from position 0 on, for many arrivals."""
    there = Request.objects.filter(arrival_id__in=[arrival.pk for arrival, _ in together])
    begun = set(there.values_list("arrival_id", flat=True).distinct())
    fresh = []
    for arrival, incoming in together:
        if arrival.pk in begun:
            add(arrival, 0, incoming)
        else:
            assert 0 < len(incoming) <= REQUESTS_AS_ROWS_MAX, f"{len(incoming)} requests as rows"
            fresh.append((arrival.pk, 0, incoming, _payloads(incoming)))
    if fresh:
        _insert(fresh)


def _insert(together: Sequence[tuple[int, int, Incoming, list[bytes]]]) -> None:
    """(arrival id, first position, requests, their payloads) of each."""
    references = pa.concat_arrays([incoming.references for _, _, incoming, _ in together])
    codes = pa.concat_arrays([incoming.services for _, _, incoming, _ in together]).to_pylist()
    services = _services(codes)
    named = zip(text_hash.hashes(references).tolist(), references.to_pylist(), strict=True)
    hashes = [key if name else None for key, name in named]
    places = [
        (arrival_id, first + index, blob)
        for arrival_id, first, _, blobs in together
        for index, blob in enumerate(blobs)
    ]
    many.insert(
        Request,
        ("arrival_id", "position", "payload", "reference_hash", "service_id"),
        ((*place, key, services[code]) for place, key, code in zip(places, hashes, codes, strict=True)),
    )


def read(arrival_id: int, states: frozenset[str] | None) -> Iterator[Portion]:
    """The arrival's rows as one portion; none when there are no rows (in `states`)."""
    rows = Request.objects.filter(arrival_id=arrival_id).order_by("position")
    if states is not None:
        rows = rows.filter(state__in=states)
    yield from _portions(rows)


def read_many(arrival_ids: Collection[int]) -> dict[int, Portion]:
    """Arrival id -> its rows; arrivals without rows are left out."""
    rows = Request.objects.filter(arrival_id__in=arrival_ids).order_by("arrival_id", "position")
    return {portion.arrival_id: portion for portion in _portions(rows)}


def read_at(arrival_id: int, position: int) -> Portion | None:
    """The portion with only the request at `position` of the arrival, or None."""
    return next(_portions(Request.objects.filter(arrival_id=arrival_id, position=position)), None)


def read_positions(arrival_id: int, positions: NDArray[np.int64]) -> Iterator[Portion]:
    """The requests at these positions of the arrival; none when it is not held as rows."""
    rows = Request.objects.filter(arrival_id=arrival_id, position__in=positions.tolist()).order_by("position")
    yield from _portions(rows)


def store(answered: Sequence[tuple[int, Answers]], at: datetime, *, but_cancelled: bool = False) -> None:
    """Store answers to requests of some arrivals, (arrival id, answers) each. See `requests.store_all`."""
    positions = {position for _, answers in answered for position in answers.positions.tolist()}
    with transaction.atomic():
        there = Request.objects.select_for_update(of=("self",)).filter(
            arrival_id__in=[arrival_id for arrival_id, _ in answered], position__in=positions
        )  # fmt: skip
        found = {(one[0], one[1]): one[2:] for one in there.values_list("arrival_id", "position", *_BEFORE)}
        changes: list[tuple[Any, ...]] = []
        for arrival_id, answers in answered:
            before = [found.get((arrival_id, position)) for position in answers.positions.tolist()]
            assert None not in before, "a position elsewhere"
            changes += _changes(arrival_id, answers, [one for one in before if one], at, but_cancelled=but_cancelled)
        with connection.cursor() as cursor:
            cursor.executemany(_UPDATE, changes)  # bulk_update takes twenty times as long


def _changes(
    arrival_id: int, answers: Answers, before: list[tuple[Any, ...]], at: datetime, *, but_cancelled: bool
) -> list[tuple[Any, ...]]:
    """What `_UPDATE` takes for each answered request of one arrival. `before`: its row, as `_BEFORE`."""
    current = np.array([state for _, state, _, _ in before], dtype=np.str_)
    if but_cancelled:
        kept = current != CANCELLED
        answers, before, current = answers.where(kept), [before[i] for i in np.flatnonzero(kept)], current[kept]
    # A first answer is its provider's; one of a later revision came for a request that was open.
    retractable = np.array([revision > 0 and number == 0 for _, _, revision, number in before], dtype=np.bool_)
    request_states.require(arrival_id, answers.positions, current, answers.states, retractable=retractable)
    results = cells.rows_of(answers.results, len(before))
    answered_at = connection.ops.adapt_datetimefield_value(at)
    said = zip(answers.states.tolist(), answers.outcomes.tolist(), results, before, strict=True)
    return [
        (state, outcome, cells.seal_result(result), revision + (was != WAITING), answered_at, answers.by, key)
        for state, outcome, result, (key, was, revision, _) in said
    ]


def mark_delivered(together: Sequence[tuple[Portion, int]]) -> None:
    """Note that the fresh answers of each portion, at its revisions, go out with the delivery beside it."""
    places = (
        (number, portion.arrival_id, position, revision, 0)
        for portion, number in together
        for position, revision, is_fresh in zip(
            portion.positions.tolist(), portion.revisions.tolist(), portion.is_fresh.tolist(), strict=True
        )
        if is_fresh
    )
    keys = ("arrival_id", "position", "revision", "delivery_number")
    many.update(Request, ("delivery_number",), places, keys=keys)


def _payloads(incoming: Incoming) -> list[bytes]:
    """Each request's payload: reference, subject, typed columns and the raw bytes."""
    heads = cells.rows_of(incoming.columns, len(incoming))
    names = zip(incoming.references.to_pylist(), incoming.subjects.to_pylist(), heads, strict=True)
    bounds = incoming.offsets.tolist()
    return [
        cells.seal_request(
            {"reference": reference, "subject": subject, "columns": head}, incoming.raw[bounds[i] : bounds[i + 1]]
        )
        for i, (reference, subject, head) in enumerate(names)
    ]


def _services(codes: list[str]) -> dict[str, int]:
    """The keys of these services. UsageError when one does not exist."""
    known = dict(Service.objects.filter(code__in=set(codes)).values_list("code", "pk"))
    for code in codes:
        if code not in known:
            raise UsageError(f"there is no service {code!r}", hint=f"add it with `cominflow service add {code} …`")
    return known


def _portions(rows: QuerySet[Request]) -> Iterator[Portion]:
    """Rows side by side, those of one arrival in one portion."""
    found = list(rows.values_list(*_FIELDS))
    if not found:
        return
    arrivals, position, service, state, outcome, blobs, results, revision, delivery, at, by = zip(*found, strict=True)
    positions, states, outcomes = np.array(position, dtype=np.int64), np.array(state), np.array(outcome)
    revisions, deliveries = np.array(revision, dtype=np.int32), np.array(delivery, dtype=np.int32)
    answered_at, answered_by = _instants(at), np.array(by)
    start = 0
    for arrival_id, its in itertools.groupby(arrivals):
        part = slice(start, start + len(list(its)))
        yield Portion(
            arrival_id=arrival_id,
            ordinal=ROWS_ORDINAL,
            positions=positions[part],
            asked=_asked(pa.array(service[part], pa.string()), blobs[part]),
            states=states[part],
            outcomes=outcomes[part],
            revisions=revisions[part],
            deliveries=deliveries[part],
            answered_at=answered_at[part],
            answered_by=answered_by[part],
            results=cells.table_of([cells.open_result(blob) for blob in results[part]]),
        )
        start = part.stop


def _asked(services: pa.StringArray, blobs: Sequence[bytes]) -> Asked:
    """What requests say. Who only wants their services has no payload opened."""

    @functools.cache
    def table() -> pa.Table:
        opened = [cells.open_request(blob) for blob in blobs]
        raw = [record for _, record in opened]
        offsets = np.concatenate(([0], np.cumsum([len(record) for record in raw]))).astype(np.int64)
        return asked.table_of(
            pa.array([head["reference"] for head, _ in opened], pa.string()),
            services,
            pa.array([head["subject"] for head, _ in opened], pa.string()),
            b"".join(raw),
            offsets,
            cells.table_of([head["columns"] for head, _ in opened]),
        )

    def select(names: Sequence[str]) -> pa.Table:
        return pa.table({asked.SERVICE: services}) if list(names) == [asked.SERVICE] else table().select(names)

    return Asked(lambda: table().column_names, select)


def _instants(values: tuple[datetime | None, ...]) -> NDArray[np.datetime64]:
    naive = [None if value is None else value.astimezone(UTC).replace(tzinfo=None) for value in values]
    return np.array(naive, dtype="datetime64[us]")
