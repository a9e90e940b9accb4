"""Chunks: requests of a large arrival, up to 10,000 in one payload, their answers in one result blob.

A stored payload is never edited. First answers go into the chunk's result blob. Once they went out (or for a request
that has its first answer), a further answer is an overlay: a row (chunk, position, revision) laid over the blob, the
newest revision being the effective one. `merge` puts the overlays into a new blob when nothing is open.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import pyarrow as pa
from django.db import transaction
from django.db.models import QuerySet
from numpy.typing import NDArray

from cominflow.errors import CominflowError
from cominflow.exchange import payload, request_states
from cominflow.exchange.request_states import CANCELLED, COUNTERS, ENDED, STATE_TEXT, WAITING
from cominflow.exchange.stored import asked, cells, columns, result_blob
from cominflow.exchange.stored.asked import RAW, Asked
from cominflow.exchange.stored.portion import Answers, Incoming, Portion
from cominflow.exchange.stored.result_blob import ResultBlob
from cominflow.limits import CHUNK_REQUESTS
from cominflow.models import Arrival, Chunk, ChunkPayload, Overlay


def add(arrival: Arrival, ordinal: int, first_position: int, incoming: Incoming) -> None:
    """Store one chunk. The same chunk once more is no change; another one in its place is our defect."""
    count = len(incoming)
    assert 0 < count <= CHUNK_REQUESTS, f"a chunk of {count} requests"
    table = _payload_table(incoming)
    with transaction.atomic():
        stored = Chunk.objects.filter(arrival=arrival, ordinal=ordinal).first()
        if stored is not None:
            if stored.first_position != first_position or not _asked(stored.pk).is_of(table):
                raise CominflowError(
                    f"chunk {ordinal} of arrival {arrival.reference} was stored with other requests",
                    hint="the same file was read twice with different results; report this with the file",
                )
            return
        chunk = Chunk.objects.create(
            arrival=arrival,
            ordinal=ordinal,
            first_position=first_position,
            requests_count=count,
            waiting_count=count,
        )
        said, records = payload.seal_table(table.drop_columns([RAW])), payload.seal_table(table.select([RAW]))
        ChunkPayload.objects.create(chunk=chunk, payload=said, records=records)


def asked_of(key: int) -> bytes | memoryview:
    """The sealed table of what a chunk's requests say; empty when it was purged."""
    return _blob_of(key, "payload") or b""


def _blob_of(key: int, name: str) -> bytes | memoryview | None:
    blob: bytes | memoryview | None = ChunkPayload.objects.filter(pk=key).values_list(name, flat=True).first()
    return blob


def _asked(key: int) -> Asked:
    """What a chunk's requests say; each of its blobs is fetched when somebody first looks into it."""
    said = functools.cache(lambda: asked_of(key))

    def opened(names: Sequence[str]) -> pa.Table:
        records = _blob_of(key, "records") if list(names) == [RAW] else None
        return payload.open_table(said() if records is None else records, only=names)

    return Asked(lambda: payload.names(said()), opened)


def discard(arrival_id: int) -> None:
    """Remove an arrival's chunks. Joins the caller's transaction."""
    ChunkPayload.objects.filter(chunk__arrival_id=arrival_id).delete()
    Chunk.objects.filter(arrival_id=arrival_id).delete()


def read(arrival_id: int, states: frozenset[str] | None) -> Iterator[Portion]:
    """The arrival's chunks, by ordinal, with what lies over them; those without a request in `states` are not read."""
    chunks = Chunk.objects.filter(arrival_id=arrival_id).order_by("ordinal")
    counts = chunks.values_list("pk", *(f"{counter}_count" for counter in COUNTERS))
    wanted = {COUNTERS.index(request_states.COUNTER_OF[state]) for state in states or ()}
    overlaid = set(chunks.filter(overlays__isnull=False).values_list("pk", flat=True))
    for key, *numbers in list(counts):
        if states is None or any(numbers[index] for index in wanted):
            yield _portion(Chunk.objects.get(pk=key), has_overlays=key in overlaid)


def read_one(arrival_id: int, ordinal: int) -> Portion | None:
    """One chunk, or None."""
    chunk = Chunk.objects.filter(arrival_id=arrival_id, ordinal=ordinal).first()
    return None if chunk is None else _portion(chunk)


def read_at(arrival_id: int, position: int) -> Portion | None:
    """The portion with only the request at `position` of the arrival, or None."""
    before = Chunk.objects.filter(arrival_id=arrival_id, first_position__lte=position)
    # Its key alone first: a database that sorts rows would carry their blobs along.
    key = before.order_by("-ordinal").values_list("pk", flat=True).first()
    chunk = None if key is None else Chunk.objects.get(pk=key)
    if chunk is None or position >= chunk.first_position + chunk.requests_count:
        return None
    return _portion(chunk).take(np.array([position - chunk.first_position], dtype=np.int64))


def read_positions(arrival_id: int, positions: NDArray[np.int64]) -> Iterator[Portion]:
    """The requests at these positions (int64, rising) of the arrival, chunk by chunk."""
    chunks = Chunk.objects.filter(arrival_id=arrival_id).order_by("ordinal")
    for key, first, count in list(chunks.values_list("pk", "first_position", "requests_count")):
        start, stop = np.searchsorted(positions, [first, first + count])
        if start < stop:
            yield _portion(Chunk.objects.get(pk=key)).take(positions[start:stop] - first)


def store(arrival_id: int, ordinal: int, answers: Answers, at: datetime, *, but_cancelled: bool = False) -> None:
    """Store answers, in one transaction with the chunk's counters. See `requests.store`."""
    with transaction.atomic():
        chunk = _locked(arrival_id, ordinal)
        index = answers.positions - chunk.first_position
        assert np.all((index >= 0) & (index < chunk.requests_count)), f"a position outside of chunk {ordinal}"
        base = _base(chunk)
        overlays = chunk.overlays.order_by("revision").values_list("position", "revision", "state", "delivery_number")
        newest = {position: (revision, state, number) for position, revision, state, number in overlays}
        before = base.states.astype(STATE_TEXT)
        # A first answer is its provider's and in the blob; a person's lies over it, until it is merged after going out.
        retractable = np.zeros(len(before), dtype=np.bool_)
        for position, (_, state, number) in newest.items():
            before[position], retractable[position] = state, number == 0
        if but_cancelled:
            kept = before[index] != CANCELLED
            answers, index = answers.where(kept), index[kept]
        after = before.copy()
        after[index] = answers.states
        request_states.require(
            arrival_id, answers.positions, before[index], answers.states, retractable=retractable[index]
        )
        # When the blob has gone out, what comes now must be told from it.
        is_first = (before[index] == WAITING) & (chunk.delivery_number == 0)
        if is_first.any():
            first = result_blob.of_answers(answers.where(is_first), at)
            is_whole = np.array_equal(index[is_first], np.arange(chunk.requests_count))
            chunk.result = (first if is_whole else base.laid_over(index[is_first], first)).sealed()
        further = np.flatnonzero(~is_first)
        last = [
            newest[position][0] if position in newest else int(base.revisions[position])
            for position in index[further].tolist()
        ]
        _add_overlays(chunk, answers, further, last, at)
        counts = request_states.counted(after)
        for counter, count in counts.items():
            setattr(chunk, f"{counter}_count", count)
        chunk.state = "FULFILLING" if counts["waiting"] else "FULFILLED"
        changed = ["state", *(f"{counter}_count" for counter in counts)]
        chunk.save(update_fields=[*changed, "result"] if is_first.any() else changed)


def mark_delivered(portion: Portion, number: int) -> None:
    """Note that the fresh answers of `portion`, at its revisions, go out with delivery `number`."""
    if _is_first_of_all(portion) and _as_read(portion).update(delivery_number=number):
        return
    fresh = portion.is_fresh
    with transaction.atomic():
        chunk = _locked(portion.arrival_id, portion.ordinal)
        overlays = list(chunk.overlays.values_list("pk", "position", "revision"))
        index = portion.positions[fresh] - chunk.first_position
        revision_of = dict(zip(index.tolist(), portion.revisions[fresh].tolist(), strict=True))
        sent = [(key, position) for key, position, revision in overlays if revision_of.get(position) == revision]
        Overlay.objects.filter(pk__in=[key for key, _ in sent], delivery_number=0).update(delivery_number=number)
        first = np.setdiff1d(index, np.array([position for _, position in sent], np.int64), assume_unique=True)
        if len(first):
            _mark_first(chunk, first, np.array([position for _, position, _ in overlays], np.int64), number)


def merge(arrival_id: int) -> int:
    """Put overlays into new result blobs, for chunks with nothing waiting, open or undelivered; how many were."""
    merged = 0
    done = Chunk.objects.filter(arrival_id=arrival_id, waiting_count=0, open_count=0, overlays__isnull=False)
    for key in list(done.values_list("pk", flat=True).distinct()):
        with transaction.atomic():
            chunk = Chunk.objects.select_for_update().get(pk=key)
            effective = _effective(chunk)
            if chunk.open_count or chunk.waiting_count or not effective.deliveries.all():
                continue
            chunk.result = effective.sealed()
            chunk.save(update_fields=["result"])
            chunk.overlays.all().delete()
            merged += 1
    return merged


def _locked(arrival_id: int, ordinal: int) -> Chunk:
    """The chunk, held until the transaction ends; its result is fetched when it is looked at."""
    chunk: Chunk = Chunk.objects.select_for_update().defer("result").get(arrival_id=arrival_id, ordinal=ordinal)
    return chunk


def _is_first_of_all(portion: Portion) -> bool:
    """Was nothing of it answered twice, and nothing delivered?"""
    return not portion.revisions.any() and not portion.deliveries.any()


def _as_read(portion: Portion) -> QuerySet[Chunk]:
    """The chunk, if it has no overlays and is still what `portion`, the whole of it, was read from.

    Every first answer moves a counter, and every further one is an overlay.
    """
    counts = request_states.counted(portion.states)
    return Chunk.objects.filter(
        arrival_id=portion.arrival_id,
        ordinal=portion.ordinal,
        requests_count=len(portion),
        delivery_number=0,
        overlays__isnull=True,
        **{f"{counter}_count": count for counter, count in counts.items()},
    )


def _mark_first(chunk: Chunk, sent: NDArray[np.int64], overlaid: NDArray[np.int64], number: int) -> None:
    """Mark first answers: by the chunk's own number when no other fresh one is in effect, else one by one."""
    base = _base(chunk).delivered_with(chunk.delivery_number)
    in_effect = (base.deliveries == 0) & request_states.are(base.states, ENDED)
    in_effect[overlaid] = False
    if chunk.delivery_number == 0 and np.isin(np.flatnonzero(in_effect), sent).all():
        chunk.delivery_number = number
        chunk.save(update_fields=["delivery_number"])
        return
    deliveries = base.deliveries.copy()
    deliveries[sent[deliveries[sent] == 0]] = number
    chunk.result = replace(base, deliveries=deliveries).sealed()
    chunk.save(update_fields=["result"])


def _portion(chunk: Chunk, *, has_overlays: bool = True) -> Portion:
    """A chunk as it stands: what was asked, fetched when somebody looks at it, and the answers in effect.

    has_overlays  False where it is known that nothing lies over it
    """
    answered = _effective(chunk) if has_overlays else _delivered(chunk)
    return Portion(
        arrival_id=chunk.arrival_id,
        ordinal=chunk.ordinal,
        positions=np.arange(chunk.first_position, chunk.first_position + chunk.requests_count, dtype=np.int64),
        asked=_asked(chunk.pk),
        states=answered.states,
        outcomes=answered.outcomes,
        revisions=answered.revisions,
        deliveries=answered.deliveries,
        answered_at=answered.answered_at,
        answered_by=answered.answered_by,
        results=answered.results,
    )


def _base(chunk: Chunk) -> ResultBlob:
    """The chunk's result blob as it is stored."""
    return result_blob.empty(chunk.requests_count) if chunk.result is None else result_blob.open_blob(chunk.result)


def _delivered(chunk: Chunk) -> ResultBlob:
    """The chunk's result blob with the number of its delivery."""
    return _base(chunk).delivered_with(chunk.delivery_number)


def _effective(chunk: Chunk) -> ResultBlob:
    """The newest overlay of each position laid over the blob."""
    base = _delivered(chunk)
    newest: dict[int, Overlay] = {overlay.position: overlay for overlay in chunk.overlays.order_by("revision")}
    if not newest:
        return base
    overlays = list(newest.values())
    above = ResultBlob(
        states=np.array([overlay.state for overlay in overlays]),
        outcomes=np.array([overlay.outcome for overlay in overlays]),
        revisions=np.array([overlay.revision for overlay in overlays], dtype=np.int32),
        deliveries=np.array([overlay.delivery_number for overlay in overlays], dtype=np.int32),
        answered_at=np.array([result_blob.instant(overlay.created_at) for overlay in overlays]),
        answered_by=np.array([overlay.created_by for overlay in overlays]),
        results=cells.table_of([cells.open_result(overlay.result) for overlay in overlays]),
    )
    return base.laid_over(np.array(list(newest), dtype=np.int64), above)


def _add_overlays(chunk: Chunk, answers: Answers, further: NDArray[np.int64], last: list[int], at: datetime) -> None:
    """Lay further answers over the chunk, each with the revision after its `last` one."""
    rows = cells.rows_of(columns.take(answers.results, further), len(further))
    Overlay.objects.bulk_create(
        (
            Overlay(
                chunk=chunk,
                position=int(answers.positions[which]) - chunk.first_position,
                revision=last[place] + 1,
                state=str(answers.states[which]),
                outcome=str(answers.outcomes[which]),
                result=cells.seal_result(rows[place]),
                created_at=at,
                created_by=answers.by,
            )
            for place, which in enumerate(further.tolist())
        ),
        batch_size=1_000,
    )


def _payload_table(incoming: Incoming) -> pa.Table:
    names = (incoming.references, incoming.services, incoming.subjects)
    return asked.table_of(*names, incoming.raw, incoming.offsets, incoming.columns)
