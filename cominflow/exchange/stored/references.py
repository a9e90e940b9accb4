"""References: where a request is, found by the customer's own words for it.

A reference is known by a 64-bit hash: of small arrivals in a column of their rows, of large ones in sorted runs (see
`reference_runs`). One is looked up in one slice of each run; many are held against whole runs, read once from end to
end: a random index row per request would decay as the table grows. A hit is only a hint: the caller verifies it
against the text.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cominflow.exchange import payload
from cominflow.exchange.stored import reference_runs
from cominflow.exchange.stored.reference_runs import (
    POSITION_BITS,
    SLICES_UNFILTERED_MAX,
    Numbers,
    Run,
    arrivals_of,
    is_possible,
    key_of,
    numbers,
    positions_of,
)
from cominflow.models import Arrival, ReferenceRun, ReferenceSlice, Request
from cominflow.text_hash import hash_of

# Arrivals whose requests exist for others: while it is being read, an arrival can still be refused.
VISIBLE = ("QUEUED", "ANSWERED", "CLOSED")

# Keys in one `in`: SQLite and PostgreSQL both take more, and are not faster then.
_KEYS_AT_ONCE = 500
# Up to so many hashes of rows are asked for; for more, the rows that are in no run yet are read: they are few.
_FEW = 1_000
# Up to so many hashes are sifted by the filter of each run; more of them touch nearly all slices, which are then read
# one after the other.
_SIFTED_MAX = 20_000
# Filters that a process keeps: 2 MB each for a run of a million.
_FILTERS_KEPT = 32
_SLICES_AT_ONCE = 16
# A look into the table of wanted hashes hits by chance once in this many: it has as many entries for each of them.
_SPREAD = 64
_SPREAD_BITS_MAX = 25  # 32 MB: twice as many take longer to make than they save
# Times that a look-up begins again because a merge took a run away under it; merges are rare and short.
_TRIES = 10


class Hit(NamedTuple):
    """A request whose reference has the wanted hash."""

    arrival_id: int
    position: int


class _Merged(Exception):
    """A run was merged into another one while it was read."""


def hits(reference: str, *, customer_id: int | None = None) -> list[Hit]:
    """Requests of visible arrivals whose reference has the hash of `reference`, the newest arrival first."""
    places = matches(np.array([hash_of(reference)]), customer_id=customer_id).places
    arrivals = Arrival.objects.filter(pk__in=np.unique(arrivals_of(places)).tolist())
    visible = {
        key
        for key, state, owner in arrivals.values_list("pk", "state", "customer_id")
        if state in VISIBLE and customer_id in (None, owner)
    }
    found = [Hit(*one) for one in zip(arrivals_of(places).tolist(), positions_of(places).tolist(), strict=True)]
    return sorted((hit for hit in found if hit.arrival_id in visible), key=lambda hit: (-hit.arrival_id, hit.position))


def matches(
    wanted: Numbers, *, customer_id: int | None = None, since: datetime | None = None, runs_but: Collection[int] = ()
) -> Run:
    """Every place of a wanted hash (int64 (n,), rising, each once), also of arrivals that do not count.

    customer_id  places of other customers may be missing
    since        places of arrivals accepted before may be missing
    runs_but     keys of runs that are left out
    """
    runs = ReferenceRun.objects.all() if customer_id is None else ReferenceRun.objects.filter(customer_id=customer_id)
    if since is not None:
        runs = runs.filter(newest_at__gte=since)
    for _ in range(_TRIES):
        try:
            chosen = [one for one in runs.values_list("pk", "bounds", "slices_count") if one[0] not in runs_but]
            found = [*_in_rows(wanted), *_in_runs(wanted, chosen)]
        except _Merged:
            continue
        return Run(
            np.concatenate([one.hashes for one in found] or [np.zeros(0, np.int64)]),
            np.concatenate([one.places for one in found] or [np.zeros(0, np.int64)]),
        )
    raise AssertionError("runs of references are merged without end")


def of_rows(arrival: Arrival) -> Run:
    """The references of an arrival held as rows, sorted."""
    rows = Request.objects.filter(arrival=arrival, reference_hash__isnull=False)
    found = np.array(list(rows.values_list("reference_hash", "position")), dtype=np.int64).reshape(-1, 2)
    found = found[np.argsort(found[:, 0], kind="stable")]
    return Run(found[:, 0].copy(), reference_runs.place_of(arrival.pk, found[:, 1]))


def _in_rows(wanted: Numbers) -> Iterator[Run]:
    """Among the hashes of rows that are in no run yet, of all customers: joined with their arrivals, the database
    would read every row of a customer instead of its small index.
    """
    rows = Request.objects.filter(reference_hash__isnull=False)
    columns = ("reference_hash", "arrival_id", "position")
    if len(wanted) <= _FEW:
        asked = _some(wanted.tolist())
        found = [row for keys in asked for row in rows.filter(reference_hash__in=keys).values_list(*columns)]
    else:
        found = list(rows.filter(reference_hash__gte=-(2**63)).values_list(*columns))
    if found:
        hashes, arrivals, positions = np.array(found, dtype=np.int64).T
        kept = np.isin(hashes, wanted)
        yield Run(hashes[kept], (arrivals << POSITION_BITS | positions)[kept])


def _in_runs(wanted: Numbers, runs: Sequence[tuple[int, bytes, int]]) -> Iterator[Run]:
    """In sorted runs, given as (key, bounds, number of slices). Raises _Merged."""
    is_many = len(wanted) > _SIFTED_MAX
    table = _Table(wanted) if is_many else None
    some: list[int] = []
    found: dict[int, tuple[Numbers, Numbers]] = {}
    for run_id, bounds, count in runs:
        if table is not None:
            _look_through(run_id, count, table, found)
            continue
        possible = wanted
        if count > SLICES_UNFILTERED_MAX:
            bits = _filter(run_id, bytes(bounds))
            if bits is None:
                raise _Merged
            possible = wanted[is_possible(bits, wanted)]
        some += [key_of(run_id, number) for number in _slices_of(numbers(bounds), possible).tolist()]
    for keys in _some(some):
        _look_into(keys, wanted, found)
    for keys in _some(list(found)):
        slices = list(ReferenceSlice.objects.filter(key__in=keys).values_list("key", "places"))
        if len(slices) != len(keys):
            raise _Merged
        for key, blob in slices:
            hashes, index = found[key]
            yield Run(hashes, numbers(blob)[index])


def _look_into(keys: list[int], wanted: Numbers, found: dict[int, tuple[Numbers, Numbers]]) -> None:
    """Add to `found`, by the slice's key, the hashes that are wanted and where in the slice they are."""
    slices = list(ReferenceSlice.objects.filter(key__in=keys).values_list("key", "hashes"))
    if len(slices) != len(keys):
        raise _Merged
    for key, blob in slices:
        hashes = numbers(blob)
        first, stop = np.searchsorted(wanted, hashes[0], "left"), np.searchsorted(wanted, hashes[-1], "right")
        starts = np.searchsorted(hashes, wanted[first:stop], "left")
        stops = np.searchsorted(hashes, wanted[first:stop], "right")
        hit = np.flatnonzero(starts < stops)
        if len(hit):
            index = np.concatenate([np.arange(a, z) for a, z in zip(starts[hit], stops[hit], strict=True)])
            found[key] = hashes[index], index


def _look_through(run_id: int, count: int, table: _Table, found: dict[int, tuple[Numbers, Numbers]]) -> None:
    """Add the same to `found` for all slices of a run, several at a time: what fits the processor's cache."""
    slices = ReferenceSlice.objects.filter(key__gte=key_of(run_id, 0), key__lt=key_of(run_id + 1, 0)).order_by("key")
    blobs = slices.values_list("hashes", flat=True).iterator(chunk_size=_SLICES_AT_ONCE)
    seen = 0
    while some := list(itertools.islice(blobs, _SLICES_AT_ONCE)):
        hashes = np.frombuffer(b"".join(payload.open(blob) for blob in some), dtype="<i8")
        index = table.search(hashes)
        full = reference_runs.SLICE_REFERENCES
        numbers_of = index // full  # all slices but the last are full
        for number in np.unique(numbers_of).tolist():
            own = index[numbers_of == number]
            found[key_of(run_id, seen + number)] = hashes[own], own - number * full
        seen += len(some)
    if seen != count:
        raise _Merged


def _slices_of(bounds: Numbers, wanted: Numbers) -> Numbers:
    """The numbers of the slices in which a wanted hash can stand; equal hashes may fill several."""
    from_here = np.searchsorted(wanted, bounds, "left")
    up_to_next = np.append(np.searchsorted(wanted, bounds[1:], "right"), len(wanted))
    return np.flatnonzero(up_to_next > from_here)


@functools.lru_cache(_FILTERS_KEPT)
def _filter(run_id: int, bounds: bytes) -> NDArray[np.uint8] | None:
    """A run's filter, kept in memory; `bounds` make sure that it is that run's. None when the run is gone."""
    blob = ReferenceRun.objects.filter(pk=run_id).values_list("filter", flat=True).first()
    return None if blob is None else np.frombuffer(payload.open(blob), dtype=np.uint8)


class _Table:
    """Which of many hashes are wanted: by their first bits in a table, and those that pass among the wanted ones."""

    def __init__(self, wanted: Numbers) -> None:
        bits = min(_SPREAD_BITS_MAX, (len(wanted) * _SPREAD).bit_length())
        self.wanted, self.shift = wanted, np.uint64(64 - bits)
        self.table = np.zeros(1 << bits, dtype=np.bool_)
        self.table[self._places(wanted)] = True

    def search(self, hashes: Numbers) -> Numbers:
        """int64 (k,), rising: which of the hashes (rising) are wanted."""
        possible = np.flatnonzero(self.table.take(self._places(hashes)))
        chosen = hashes[possible]
        nearest = np.searchsorted(self.wanted, chosen)
        nearest[nearest == len(self.wanted)] = 0
        return possible[self.wanted[nearest] == chosen]

    def _places(self, hashes: Numbers) -> Numbers:
        return (hashes.view(np.uint64) >> self.shift).view(np.int64)


def _some(keys: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        yield keys[start : start + _KEYS_AT_ONCE]
