"""Reference runs: sorted arrays of reference hashes with the places of their requests, cut into slices.

An arrival held as chunks has a run per RUN_REFERENCES references. Small runs of one customer and month are merged, so
that a look-up, which reads one slice per run, has few to read however many files came in. A run never changes: a merge
writes a new one and removes the old ones in one transaction. Whether an arrival counts is not known here: a place is
only a hint, also where its arrival was refused since.
"""

from __future__ import annotations

import functools
import operator
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc
from django.db import transaction
from django.db.models import Q, QuerySet
from numpy.typing import NDArray

from cominflow import failpoint
from cominflow.clock import ROME
from cominflow.exchange import payload
from cominflow.exchange.stored import chunks, columns
from cominflow.exchange.stored.asked import REFERENCE
from cominflow.models import Arrival, Chunk, ReferenceRun, ReferenceSlice, Request
from cominflow.text_hash import hashes

Numbers = NDArray[np.int64]

# 8 bytes of hash and 8 of place each: a look-up reads 32 kB of hashes per run, and as much of places where it hits.
SLICE_REFERENCES = 4_096
# References that are sorted, and written, together: 16 MB. A larger arrival has several runs.
RUN_REFERENCES = 1_000_000
# No merge makes a larger run: it is read into memory and written in one transaction.
MERGED_REFERENCES_MAX = 1 << 20
# Runs of one size that are merged: each reference is written again once for each power of this number.
MERGE_RUNS = 4
# A run of more slices has a filter, by which most of what is not in it is known without reading a slice.
SLICES_UNFILTERED_MAX = 4
_FILTER_BITS = 16
# Runs below this count as one size.
_SMALLEST = 256

_NUMBER_BITS, POSITION_BITS = 20, 30


class Run(NamedTuple):
    """Hashes (int64, rising) and, side by side, places (arrival's key and position, see `place_of`)."""

    hashes: Numbers
    places: Numbers


def place_of(arrival_id: int, positions: Numbers) -> Numbers:
    """Places as they are stored: int64 (n,)."""
    assert arrival_id < 1 << (63 - POSITION_BITS) and (not len(positions) or positions.max() < 1 << POSITION_BITS)
    return (np.int64(arrival_id) << POSITION_BITS) | positions.astype(np.int64)


def arrivals_of(places: Numbers) -> Numbers:
    """The arrivals' keys of places."""
    return places >> POSITION_BITS


def positions_of(places: Numbers) -> Numbers:
    """The positions of places, from 0."""
    return places & ((1 << POSITION_BITS) - 1)


def write(arrival: Arrival, *, at: datetime) -> int:
    """Write the runs of an arrival held as chunks, a transaction for each; it is accepted afterwards, at `at`.

    Returns how many references were written; empty ones are left out. What an earlier call wrote, whole or in part,
    is written anew.
    """
    remove(arrival)
    found: list[Run] = []
    waiting = total = 0
    for one in _named(arrival):
        found.append(one)
        waiting += len(one.hashes)
        if waiting >= RUN_REFERENCES:
            keep(_sorted(found), arrival.customer_id, at, arrival=arrival)
            found, total, waiting = [], total + waiting, 0
    if waiting:
        keep(_sorted(found), arrival.customer_id, at, arrival=arrival)
    return total + waiting


def remove(arrival: Arrival) -> None:
    """Remove the runs that are only this arrival's; its places in merged ones stay, and are left out when read."""
    with transaction.atomic():
        runs = ReferenceRun.objects.select_for_update().filter(arrival=arrival)
        _delete(list(runs.values_list("pk", flat=True)))


def read(run: ReferenceRun) -> Run:
    """A whole run."""
    found: list[tuple[bytes, bytes]] = list(_slices([run.pk]).values_list("hashes", "places"))
    return Run(np.concatenate([numbers(one) for one, _ in found]), np.concatenate([numbers(one) for _, one in found]))


def key_of(run_id: int, slice_number: int) -> int:
    """The key of a slice."""
    return run_id << _NUMBER_BITS | slice_number


def numbers(blob: bytes | memoryview) -> Numbers:
    """What a blob of hashes, of places or of bounds holds."""
    return np.frombuffer(payload.open(blob), dtype="<i8").astype(np.int64)  # a copy: sealed numbers are not aligned


def is_possible(bits: NDArray[np.uint8], wanted: Numbers) -> NDArray[np.bool_]:
    """bool (n,): which hashes can be in the run with that filter. Of those that are not, one in 200 passes."""
    passes = np.ones(len(wanted), dtype=np.bool_)
    for place in _bit_places(wanted, len(bits) * 8):
        passes &= (bits[place >> 3] >> (7 - (place & 7)).astype(np.uint8) & 1).astype(np.bool_)
    return passes


def _filter_of(hashes: Numbers) -> NDArray[np.uint8]:
    """Three bits of at least sixteen for each hash (a Bloom filter; the hash itself is as good as random)."""
    is_set = np.zeros(1 << (len(hashes) * _FILTER_BITS - 1).bit_length(), dtype=np.bool_)
    for place in _bit_places(hashes, len(is_set)):
        is_set[place] = True
    return np.packbits(is_set)


def _bit_places(hashes: Numbers, bits: int) -> Iterator[Numbers]:
    words = hashes.view(np.uint64)
    for shift in (0, 20, 40):
        yield ((words >> np.uint64(shift)) & np.uint64(bits - 1)).view(np.int64)


def merge_some(visible: Collection[str], *, references_max: int) -> int:
    """Merge runs where a customer's month has MERGE_RUNS of one size, and make one of many rows. Repeatable.

    visible         states of the arrivals that are merged, and kept: one that is being read may still be refused
    references_max  begin no further merge when so many were written in this call: a limit on its time

    Returns how many references were written: 0 when nothing is left to merge. Each run is a transaction of its own.
    """
    written = _collect_rows(visible)
    while written < references_max and (chosen := _mergeable(visible)):
        for runs in chosen:
            if written >= references_max:
                break
            _merge(runs, visible)
            written += sum(run.references_count for run in runs)
    return written


def _collect_rows(visible: Collection[str]) -> int:
    """Move the hashes of rows into a run, where a customer has as many as fill a slice: the rows' index stays small.

    Returns how many were moved. The rows are never joined with their arrivals: of all rows of a customer few count.
    """
    rows = Request.objects.filter(reference_hash__isnull=False, reference_hash__gte=-(2**63))
    if rows.count() < SLICE_REFERENCES:
        return 0
    # Counted here: grouping, SQLite would read all rows by their arrivals.
    counts = Counter(rows.values_list("arrival_id", flat=True).iterator())
    accepted: dict[tuple[int, int], dict[int, datetime]] = {}  # by customer and month: arrival -> when
    for ids in _some(list(counts)):
        known = Arrival.objects.filter(pk__in=ids).values_list("pk", "customer_id", "state", "accepted_at")
        for key, customer_id, state, at in known:
            if state in visible:
                accepted.setdefault((customer_id, _month(at)), {})[key] = at
    moved = 0
    for (customer_id, month), arrivals in accepted.items():
        if sum(counts[key] for key in arrivals) >= SLICE_REFERENCES:
            moved += _collect(customer_id, month, arrivals)
    return moved


def _collect(customer_id: int, month: int, arrivals: Mapping[int, datetime]) -> int:
    """Make a run of the rows of these arrivals (key -> when it was accepted)."""
    with transaction.atomic():
        found: list[tuple[int, int, int, int]] = []
        for ids in _some(list(arrivals)):
            rows = Request.objects.filter(arrival_id__in=ids, reference_hash__isnull=False)
            found += rows.values_list("pk", "reference_hash", "arrival_id", "position")
        if not found:
            return 0
        keys, every, ids_of, positions = np.array(found[:RUN_REFERENCES], dtype=np.int64).T
        run = Run(every, ids_of << POSITION_BITS | positions)
        keep(_sorted([run]), customer_id, max(arrivals.values()), month=month)
        for some in _some(keys.tolist()):
            Request.objects.filter(pk__in=some).update(reference_hash=None)
        failpoint.hit("references.collected")
    return len(keys)


def _some(keys: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(keys), 500):
        yield keys[start : start + 500]


def _mergeable(visible: Collection[str]) -> list[list[ReferenceRun]]:
    """Groups of MERGE_RUNS runs, each of one customer, month and size, the smallest size first."""
    waiting: dict[tuple[int, int, int], list[ReferenceRun]] = {}
    groups: list[tuple[int, list[ReferenceRun]]] = []
    rows = ReferenceRun.objects.filter(references_count__lte=MERGED_REFERENCES_MAX // MERGE_RUNS).order_by("pk")
    for run in rows.select_related("arrival").only(*_MERGED):
        if run.arrival is None or run.arrival.state in visible:
            key = (_size(run.references_count), run.customer_id, run.month)
            waiting.setdefault(key, []).append(run)
            if len(waiting[key]) == MERGE_RUNS:
                groups.append((key[0], waiting.pop(key)))
    return [runs for _, runs in sorted(groups, key=lambda group: group[0])]


_MERGED = ("customer_id", "month", "newest_at", "references_count", "arrival__state")


def _size(count: int) -> int:
    """The size class: 0 below 1,024, 1 below 4,096 …"""
    size = 0
    while count >= _SMALLEST * MERGE_RUNS ** (size + 1):
        size += 1
    return size


def _merge(runs: Sequence[ReferenceRun], visible: Collection[str]) -> None:
    """One run instead of several, without the places of arrivals that do not count any more."""
    keys = [run.pk for run in runs]
    with transaction.atomic():
        held = ReferenceRun.objects.select_for_update().filter(pk__in=keys).values_list("pk", flat=True)
        if len(held) < len(keys):
            return  # one was purged meanwhile
        whole = _sorted([read(run) for run in runs])
        ids = np.unique(arrivals_of(whole.places))
        counts = Arrival.objects.filter(pk__in=ids.tolist(), state__in=visible).values_list("pk", flat=True)
        kept = np.isin(arrivals_of(whole.places), np.array(list(counts), dtype=np.int64))
        if kept.any():
            newest = max(run.newest_at for run in runs)
            keep(Run(whole.hashes[kept], whole.places[kept]), runs[0].customer_id, newest, month=runs[0].month)
        failpoint.hit("references.merged")
        _delete(keys)
    failpoint.hit("references.committed")


def _named(arrival: Arrival) -> Iterator[Run]:
    """Hashes and places of the requests that have a reference, chunk by chunk, not sorted."""
    rows = Chunk.objects.filter(arrival=arrival).order_by("ordinal")
    for key, first in list(rows.values_list("pk", "first_position")):
        references = columns.one(payload.open_table(chunks.asked_of(key), only=[REFERENCE]), REFERENCE)
        named = np.flatnonzero(np.asarray(pc.fill_null(pc.binary_length(references), 0)) > 0)
        if len(named):
            yield Run(hashes(references)[named], place_of(arrival.pk, named + first))


def _sorted(parts: Sequence[Run]) -> Run:
    every, places = np.concatenate([one.hashes for one in parts]), np.concatenate([one.places for one in parts])
    order = np.argsort(every)
    if (every[order[1:]] == every[order[:-1]]).any():  # two requests with one hash stay in their order
        order = np.argsort(every, kind="stable")  # takes five times as long
    return Run(every[order], places[order])


def keep(
    run: Run, customer_id: int, newest_at: datetime, *, month: int | None = None, arrival: Arrival | None = None
) -> None:
    """Write a sorted run and its slices."""
    starts = range(0, len(run.hashes), SLICE_REFERENCES)
    with transaction.atomic():
        row = ReferenceRun.objects.create(
            customer_id=customer_id,
            arrival=arrival,
            month=_month(newest_at) if month is None else month,
            newest_at=newest_at,
            references_count=len(run.hashes),
            slices_count=len(starts),
            bounds=_sealed(run.hashes[::SLICE_REFERENCES]),
            filter=payload.seal(_filter_of(run.hashes).tobytes()) if len(starts) > SLICES_UNFILTERED_MAX else b"",
        )
        ReferenceSlice.objects.bulk_create(
            (
                ReferenceSlice(
                    key=key_of(row.pk, number),
                    hashes=_sealed(run.hashes[start : start + SLICE_REFERENCES]),
                    places=_sealed(run.places[start : start + SLICE_REFERENCES]),
                )
                for number, start in enumerate(starts)
            ),
            batch_size=64,
        )


def _slices(run_ids: Sequence[int]) -> QuerySet[ReferenceSlice]:
    """The slices of runs, in order."""
    ranges = [Q(key__gte=key_of(one, 0), key__lt=key_of(one + 1, 0)) for one in run_ids]
    return ReferenceSlice.objects.filter(functools.reduce(operator.or_, ranges)).order_by("key")


def _delete(run_ids: Sequence[int]) -> None:
    if run_ids:
        _slices(run_ids).delete()
        ReferenceRun.objects.filter(pk__in=run_ids).delete()


def _sealed(values: Numbers) -> bytes:
    return payload.seal(values.astype("<i8").tobytes())


def _month(at: datetime) -> int:
    local = at.astimezone(ROME)
    return local.year * 100 + local.month
