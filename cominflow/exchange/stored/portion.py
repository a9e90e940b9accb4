"""Portion: requests side by side, as they come in (Incoming), as they are read back, and as they are answered.

Positions count a request's place in its arrival, from 0; people say `A-17/1` of the first. All arrays of one value have
the same length n.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cominflow.exchange import request_states
from cominflow.exchange.request_states import ENDED
from cominflow.exchange.stored import columns
from cominflow.exchange.stored.asked import Asked

ROWS_ORDINAL = -1


@dataclass(frozen=True)
class Incoming:
    """Requests to store.

    references  string (n,): the customer's own words for each request; empty where there is none
    services    string (n,): service codes
    subjects    string (n,): whom a request is about (personal data)
    raw         the records of all requests, one after the other
    offsets     int64 (n+1,): request i is raw[offsets[i]:offsets[i+1]]
    columns     n rows: what providers may ask for (string, int64, bool, decimal128, date32)
    """

    references: pa.StringArray
    services: pa.StringArray
    subjects: pa.StringArray
    raw: bytes
    offsets: NDArray[np.int64]
    columns: pa.Table

    def __post_init__(self) -> None:
        """Assert that the parts belong together."""
        count = len(self.references)
        assert len(self.services) == len(self.subjects) == count, "references, services and subjects differ in length"
        assert len(self.offsets) == count + 1, f"{len(self.offsets)} offsets for {count} requests"
        assert int(self.offsets[0]) == 0 and int(self.offsets[-1]) == len(self.raw), "offsets do not span raw"
        assert self.services.null_count == 0, "a request without a service"
        object.__setattr__(self, "columns", columns.storable(self.columns, count))

    def __len__(self) -> int:
        return len(self.references)


@dataclass(frozen=True)
class Answers:
    """What is to be said of some requests of a portion.

    positions  int64 (k,): places in the arrival, as in `Portion.positions`, each once
    states     texts (k,): the state each request gets
    outcomes   texts (k,): outcome codes: fulfilled, not_found, pending …
    results    k rows: the result fields; no columns where there are none
    by         who answered: a provider's name, or a person
    """

    positions: NDArray[np.int64]
    states: NDArray[np.str_]
    outcomes: NDArray[np.str_]
    results: pa.Table
    by: str

    def __post_init__(self) -> None:
        """Assert that the parts belong together."""
        count = len(self.positions)
        assert len(self.states) == len(self.outcomes) == count, "positions, states and outcomes differ in length"
        is_rising = bool(np.all(np.diff(self.positions) > 0))
        assert is_rising or len(np.unique(self.positions)) == count, "a request is answered twice in one go"
        # Callers may hand over pandas' own arrays of objects.
        object.__setattr__(self, "positions", np.asarray(self.positions, dtype=np.int64))
        object.__setattr__(self, "states", np.asarray(self.states, dtype=np.str_))
        object.__setattr__(self, "outcomes", np.asarray(self.outcomes, dtype=np.str_))
        object.__setattr__(self, "results", columns.storable(self.results, count))

    def where(self, kept: NDArray[np.bool_]) -> Answers:
        """Those of which `kept` (n,) says so."""
        if kept.all():
            return self
        index = np.flatnonzero(kept)
        return Answers(
            self.positions[index],
            self.states[index],
            self.outcomes[index],
            columns.take(self.results, index),
            self.by,
        )


def joined(parts: Sequence[Answers]) -> Answers:
    """Answers to different requests of one portion, by one worker, as one; in the order of the file."""
    if len(parts) == 1:
        return parts[0]
    positions = np.concatenate([part.positions for part in parts])
    order = np.argsort(positions, kind="stable")
    results = columns.stacked([part.results for part in parts], [len(part.positions) for part in parts])
    return Answers(
        positions[order],
        np.concatenate([part.states for part in parts])[order],
        np.concatenate([part.outcomes for part in parts])[order],
        columns.take(results, order),
        parts[0].by,
    )


@dataclass(frozen=True)
class Portion:
    """Stored requests of one arrival with their effective answers: those of the newest revision.

    ordinal      the chunk's, or ROWS_ORDINAL for an arrival that is held as rows
    positions    int64 (n,), rising; with gaps when requests were left out
    asked        what the requests say; `references`, `services`, `subjects`, `raw`, `offsets`, `columns` are its parts
    revisions    int32 (n,): rises with each further answer
    deliveries   int32 (n,): number of the delivery the answer went out with, 0 when it has not
    answered_at  datetime64[us] (n,) in UTC, NaT when there is no answer
    results      n rows, null where a request has no such result; no columns where there is none at all
    """

    arrival_id: int
    ordinal: int
    positions: NDArray[np.int64]
    asked: Asked
    states: NDArray[np.str_]
    outcomes: NDArray[np.str_]
    revisions: NDArray[np.int32]
    deliveries: NDArray[np.int32]
    answered_at: NDArray[np.datetime64]
    answered_by: NDArray[np.str_]
    results: pa.Table

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def is_fresh(self) -> NDArray[np.bool_]:
        """bool (n,): has an answer that went out with no delivery yet. An open request has none."""
        fresh: NDArray[np.bool_] = (self.deliveries == 0) & request_states.are(self.states, ENDED)
        return fresh

    @property
    def references(self) -> pa.StringArray:
        """string (n,): the customer's own words for each request; empty where there is none."""
        return self.asked.references

    @property
    def services(self) -> pa.StringArray:
        """string (n,): service codes."""
        return self.asked.services

    @property
    def subjects(self) -> pa.StringArray:
        """string (n,): whom each request is about (personal data)."""
        return self.asked.subjects

    @property
    def columns(self) -> pa.Table:
        """n rows: the fields that providers may ask for."""
        return self.asked.columns

    @property
    def raw(self) -> bytes:
        """The records of all requests, one after the other."""
        return self.asked.records[0]

    @property
    def offsets(self) -> NDArray[np.int64]:
        """int64 (n+1,): request i is raw[offsets[i]:offsets[i+1]]."""
        return self.asked.records[1]

    def take(self, index: NDArray[np.int64]) -> Portion:
        """The requests `index` (places in this portion, rising), all that belongs to them included."""
        if len(index) == len(self) and np.array_equal(index, np.arange(len(self))):
            return self
        return replace(
            self,
            positions=self.positions[index],
            asked=self.asked.take(index),
            states=self.states[index],
            outcomes=self.outcomes[index],
            revisions=self.revisions[index],
            deliveries=self.deliveries[index],
            answered_at=self.answered_at[index],
            answered_by=self.answered_by[index],
            results=columns.take(self.results, index),
        )

    def in_states(self, states: frozenset[str]) -> Portion:
        """Only the requests in one of these states."""
        return self.take(np.flatnonzero(request_states.are(self.states, states)).astype(np.int64))


@dataclass(frozen=True)
class Place:
    """One request, where it is and what became of it: an entry of the work list, an answer to `trace`.

    position  in its arrival, from 0
    """

    customer: str
    arrival_id: int
    ordinal: int
    position: int
    reference: str
    service: str
    state: str
    outcome: str
    revision: int
    delivery_number: int
    answered_at: datetime | None
    answered_by: str
    # Personal data: never in a log line or a traceback.
    subject: str = field(repr=False)
    columns: Mapping[str, Any] = field(repr=False)
    results: Mapping[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        """How people name it: `A-17/3`; its events have this subject."""
        return f"A-{self.arrival_id}/{self.position + 1}"
