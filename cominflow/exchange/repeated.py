"""Repeated: what was decided about requests that repeat or change earlier ones, kept beside the portion they are in.

A kept fact, never changed: the receipt names these requests, `trace` says what each repeats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from django.db.models import Sum
from numpy.typing import NDArray

from cominflow.exchange import payload
from cominflow.exchange.stored.reference_runs import arrivals_of, positions_of
from cominflow.models import Arrival, Repeats

# What was decided about a request, by number as it is stored.
REFUSED, ANSWERED_AGAIN, CORRECTS = 0, 1, 2


@dataclass(frozen=True)
class Decided:
    """Decisions about n requests of one arrival, side by side.

    positions  int64 (n,), rising
    places     int64 (n,): the earlier request that each repeats or changes (see `reference_runs.place_of`)
    is_same    bool (n,): the same content; else it was changed
    what       int8 (n,): REFUSED, ANSWERED_AGAIN or CORRECTS
    """

    positions: NDArray[np.int64]
    places: NDArray[np.int64]
    is_same: NDArray[np.bool_]
    what: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.positions)

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Decided:
        """Some of them."""
        return Decided(self.positions[index], self.places[index], self.is_same[index], self.what[index])


class Repeat(NamedTuple):
    """One decision for people: `position` from 0, `earlier` as `A-17/3`."""

    position: int
    earlier: str
    is_same: bool
    what: int


class Counts(NamedTuple):
    """How many requests of an arrival were refused as repeated, answered again, and correct an earlier one."""

    refused: int
    answered: int
    corrected: int


def keep(arrival: Arrival, ordinal: int, decided: Decided) -> None:
    """Write the decisions about one portion; in the transaction that accepts the arrival."""
    counts = np.bincount(decided.what, minlength=3).tolist()
    table = {
        "position": decided.positions,
        "arrival": arrivals_of(decided.places),
        "earlier": positions_of(decided.places),
        "same": decided.is_same,
        "what": decided.what,
    }
    Repeats.objects.create(
        arrival=arrival,
        ordinal=ordinal,
        refused_count=counts[REFUSED],
        answered_count=counts[ANSWERED_AGAIN],
        corrected_count=counts[CORRECTS],
        payload=payload.seal_table(pa.table(table)),
    )


def counts(arrival: Arrival) -> Counts:
    """How many there are; all zero where nothing was repeated."""
    names = ("refused_count", "answered_count", "corrected_count")
    sums = Repeats.objects.filter(arrival=arrival).aggregate(**{f"all_{name}": Sum(name) for name in names})
    return Counts(*(sums[f"all_{name}"] or 0 for name in names))


def of(arrival: Arrival) -> Iterator[Repeat]:
    """Every decision about an arrival's requests, in the order of the file."""
    for blob in Repeats.objects.filter(arrival=arrival).order_by("ordinal").values_list("payload", flat=True):
        yield from _repeats(blob)


def of_request(arrival_id: int, ordinal: int, position: int) -> Repeat | None:
    """The decision about one request; None when it repeats nothing."""
    rows = Repeats.objects.filter(arrival_id=arrival_id, ordinal=ordinal)
    blob = rows.values_list("payload", flat=True).first()
    found = [] if blob is None else [one for one in _repeats(blob) if one.position == position]
    return found[0] if found else None


def _repeats(blob: bytes | memoryview) -> Iterator[Repeat]:
    for row in payload.open_table(blob).to_pylist():
        yield Repeat(row["position"], f"A-{row['arrival']}/{row['earlier'] + 1}", row["same"], row["what"])
