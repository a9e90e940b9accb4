"""Comparing: which requests of a file were there before, and whether they say the same. Only looks, changes nothing.

The same reference makes two requests comparable, found by its hash and verified by its text. They are the same when
the service and every field that the customer fills agree; constants, counted numbers (`sequence`) and what we fill do
not count, since they differ from file to file. Fields of one file only (another version of the layout) count as empty
in the other. Where a group may hold a record several times, its bytes have to agree as well: its columns say only what
stands in the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cominflow.exchange import requests
from cominflow.exchange.feed import Feed
from cominflow.exchange.requests import Portion
from cominflow.exchange.stored import columns, reference_runs, references
from cominflow.exchange.stored.reference_runs import Numbers, Run, arrivals_of, place_of, positions_of
from cominflow.flows import portions
from cominflow.models import Arrival, FeedVersion, ReferenceRun
from tracciati.layout import Layout

# Requests that are compared together: some 10 MB of text on each side.
_COMPARED_AT_ONCE = 50_000
_IDS_AT_ONCE = 10_000
# A reference that stands a million times in one file must not make as many pairs squared.
_OF_ONE_FILE_MAX = 20
_REFERENCE, _SERVICE, _BYTES = "reference", "service", "bytes"


@dataclass(frozen=True)
class Compared:
    """Pairs of a request of the file and an earlier one with the same reference, of another file or of this one.

    positions  int64 (n,), rising: the file's own request
    places     int64 (n,): the earlier one; of its own file those before it
    is_same    bool (n,): whether they say the same
    """

    positions: Numbers
    places: Numbers
    is_same: np.ndarray

    def __len__(self) -> int:
        return len(self.positions)


def compare(arrival: Arrival, feed: Feed, layout: Layout, *, since: datetime | None) -> Compared:
    """Compare the stored requests of an arrival with those of its feed that were accepted, not before `since`.

    Call it when its requests, and of a large file its references, are stored.
    """
    own, places = _candidates(arrival, since, is_unique=layout.field(feed.request.reference).unique == "file")
    own, places = _accepted(arrival, own, places, since)
    order = np.lexsort((places, own))
    own, places = own[order], places[order]
    names = tuple(_compared_columns(layout, feed.request.unit))
    with_bytes = "*" in _structure(layout, feed.request.unit) or "+" in _structure(layout, feed.request.unit)
    kept: list[Compared] = []
    for start in range(0, len(own), _COMPARED_AT_ONCE):
        some, earlier = own[start : start + _COMPARED_AT_ONCE], places[start : start + _COMPARED_AT_ONCE]
        mine = _told(place_of(arrival.pk, some), with_bytes=with_bytes)
        theirs = _told(earlier, with_bytes=with_bytes)
        is_hit = _equal(mine, theirs, _REFERENCE)
        is_same = is_hit.copy()
        for name in (_SERVICE, *((_BYTES,) if with_bytes else ()), *names):
            is_same &= _equal(mine, theirs, name)
        kept.append(Compared(some[is_hit], earlier[is_hit], is_same[is_hit]))
    return Compared(
        np.concatenate([one.positions for one in kept] or [np.zeros(0, np.int64)]),
        np.concatenate([one.places for one in kept] or [np.zeros(0, np.int64)]),
        np.concatenate([one.is_same for one in kept] or [np.zeros(0, np.bool_)]),
    )


def _candidates(arrival: Arrival, since: datetime | None, *, is_unique: bool) -> tuple[Numbers, Numbers]:
    """(own position, earlier place) of requests whose references have one hash."""
    own, earlier = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    runs = list(ReferenceRun.objects.filter(arrival=arrival).order_by("pk"))
    for number, run in enumerate(_own_runs(arrival, runs)):
        later = {one.pk for one in (runs if is_unique else runs[number:])}
        wanted = run.hashes[np.append(True, run.hashes[1:] != run.hashes[:-1])]
        found = references.matches(wanted, customer_id=arrival.customer_id, since=since, runs_but=later)
        first, stop = (
            np.searchsorted(run.hashes, found.hashes, "left"),
            np.searchsorted(run.hashes, found.hashes, "right"),
        )
        # Each place as often as this run has its hash.
        times = stop - first
        index = np.repeat(first - np.append(0, np.cumsum(times)[:-1]), times) + np.arange(times.sum())
        own.append(positions_of(run.places[index]))
        earlier.append(np.repeat(found.places, times))
        if not is_unique:
            pairs = _within(run)
            own.append(pairs[0])
            earlier.append(pairs[1])
    return np.concatenate(own), np.concatenate(earlier)


def _own_runs(arrival: Arrival, runs: list[ReferenceRun]) -> Iterator[Run]:
    """The arrival's own references, sorted, a million at a time."""
    yield from (reference_runs.read(run) for run in runs)
    if not runs:
        run = references.of_rows(arrival)
        if len(run.hashes):
            yield run


def _within(run: Run) -> tuple[Numbers, Numbers]:
    """Requests of one hash in the file itself: each with those before it; of many, the first and the nearest."""
    starts = np.flatnonzero(np.append(True, run.hashes[1:] != run.hashes[:-1]))
    stops = np.append(starts[1:], len(run.hashes))
    own, earlier = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for start, stop in zip(starts[stops - starts > 1].tolist(), stops[stops - starts > 1].tolist(), strict=True):
        places = np.sort(run.places[start:stop])
        for index in range(1, len(places)):
            before = places[:index]
            if index > _OF_ONE_FILE_MAX:
                before = np.append(places[0], places[index - _OF_ONE_FILE_MAX : index])
            own.append(np.full(len(before), positions_of(places[index])))
            earlier.append(before)
    return np.concatenate(own), np.concatenate(earlier)


def _accepted(arrival: Arrival, own: Numbers, places: Numbers, since: datetime | None) -> tuple[Numbers, Numbers]:
    """Those whose earlier request is of an accepted file of the same feed, or stands before it in its own."""
    ids = np.unique(arrivals_of(places))
    assert arrival.feed_version is not None
    versions = set(FeedVersion.objects.filter(feed=arrival.feed_version.feed_id).values_list("pk", flat=True))
    counting = {arrival.pk}
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = ids[start : start + _IDS_AT_ONCE].tolist()
        rows = Arrival.objects.filter(pk__in=some).values_list("pk", "state", "feed_version_id", "accepted_at")
        counting |= {
            key
            for key, state, version, at in rows
            if state in references.VISIBLE and version in versions and (since is None or at >= since)
        }
    kept = np.isin(arrivals_of(places), np.array(sorted(counting), np.int64))
    kept &= (arrivals_of(places) != arrival.pk) | (positions_of(places) < own)
    return own[kept], places[kept]


def _compared_columns(layout: Layout, unit: str) -> Iterator[str]:
    for name, _, field in portions.columns_of(layout, unit):
        if field.base != "const" and field.sequence is None:
            yield name


def _structure(layout: Layout, unit: str) -> str:
    """The text of the group that a request is, with those in it; empty when a request is one record."""
    if unit not in layout.groups:
        return ""
    text = layout.groups[unit]
    return text + "".join(_structure(layout, name) for name in layout.groups if name != unit and name in text.split())


def _told(places: Numbers, *, with_bytes: bool) -> pa.Table:
    """What the requests at these places say, as texts, in the order of `places`; unknown columns are null."""
    known, back = np.unique(places, return_inverse=True)
    ids = arrivals_of(known)
    tables = [
        _texts(portion, with_bytes=with_bytes)
        for arrival_id in np.unique(ids).tolist()
        for portion in requests.read_positions(arrival_id, positions_of(known[ids == arrival_id]))
    ]
    whole = pa.concat_tables(tables, promote_options="default").combine_chunks()
    assert whole.num_rows == len(known), "a request that is accepted is stored"
    return columns.take(whole, back.astype(np.int64))


def _texts(portion: Portion, *, with_bytes: bool) -> pa.Table:
    parts = {_REFERENCE: portion.references, _SERVICE: portion.services.cast(pa.string())}
    if with_bytes:
        raw, bounds = portion.raw, portion.offsets.tolist()
        pieces = [raw[a:z] for a, z in zip(bounds, bounds[1:], strict=False)]
        parts[_BYTES] = pa.array(pieces, pa.binary())
    found = {":" + name: portion.columns.column(name).cast(pa.string()) for name in portion.columns.column_names}
    return pa.table(parts | found)


def _equal(mine: pa.Table, theirs: pa.Table, name: str) -> np.ndarray:
    """bool (n,): the same value in both, or none in either."""
    key = name if name in (_REFERENCE, _SERVICE, _BYTES) else ":" + name
    one, other = _column(mine, key), _column(theirs, key)
    equal = pc.fill_null(pc.equal(one, other), False)
    return np.asarray(pc.or_(equal, pc.and_(pc.is_null(one), pc.is_null(other))))


def _column(table: pa.Table, key: str) -> pa.Array:
    if key not in table.column_names:
        return pa.nulls(table.num_rows, pa.string())
    return columns.one(table, key)
