"""Keeping: an arrival of seven requests, kept as rows or as chunks, and what tests ask of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from cominflow.exchange.requests import Answers, Incoming, Portion
    from cominflow.models import Arrival

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)

# A request of two records, one of one, one of an empty record …: raw bytes of any length, and any bytes.
RAW = [b"20A\r\n21A\r\n", b"20B\r\n", b"", b"\x00\xff\n", b"20E\r\n", b"20F\r\n", b"20G"]
REFERENCES = ["RIF-1", "RIF-2", "", "Perch\u00e9", "RIF-5", "RIF-2", "RIF-7"]
SERVICES = ["VIS1", "VIS2", "VIS1", "VIS1", "VIS2", "VIS1", "VIS1"]
N = len(RAW)


@dataclass(frozen=True)
class Kept:
    """An arrival with N requests, and how they are kept."""

    arrival: Arrival
    kind: str

    def all(self) -> list[Portion]:
        """Its portions, read anew."""
        from cominflow.exchange import requests

        return list(requests.read(self.arrival))

    def texts(self, attribute: str) -> list[Any]:
        """One attribute of every request, in the order of the file."""
        return [value for portion in self.all() for value in getattr(portion, attribute).tolist()]

    def results(self) -> list[dict[str, Any]]:
        """The results of every request, missing fields left out."""
        rows: list[dict[str, Any]] = []
        for portion in self.all():
            found = portion.results.to_pylist() if portion.results.num_columns else [{}] * len(portion)
            rows += [{name: value for name, value in row.items() if value is not None} for row in found]
        return rows

    def answer(
        self,
        positions: Sequence[int],
        state: str,
        outcome: str,
        results: Any = None,
        *,
        by: str = "table",
        at: datetime = AT,
    ) -> None:
        """Store the same state and outcome for some positions, in whichever portions they are."""
        from cominflow.exchange import requests

        for portion in self.all():
            here = [i for i, position in enumerate(positions) if position in portion.positions]
            if here:
                table = pa.table({}) if results is None else pa.table(results).take(pa.array(here))
                answers = answers_of([positions[i] for i in here], state, outcome, table, by=by)
                requests.store(portion, answers, at=at)

    def deliver(self, number: int) -> None:
        """Mark what is fresh as gone out."""
        from cominflow.exchange import requests

        for portion in self.all():
            requests.mark_delivered(portion, number)


def answers_of(positions: Sequence[int], state: str, outcome: str, results: pa.Table, *, by: str = "table") -> Answers:
    from cominflow.exchange.requests import Answers

    count = len(positions)
    return Answers(
        positions=np.array(positions, np.int64),
        states=np.array([state] * count),
        outcomes=np.array([outcome] * count),
        results=results,
        by=by,
    )


def incoming(start: int = 0, stop: int = N, *, references: Sequence[str] = REFERENCES) -> Incoming:
    from cominflow.exchange.requests import Incoming

    raw = RAW[start:stop]
    every = {
        "importo": pa.array([Decimal(n) for n in ("12.50", "-0.01", "0", "7", "8", "9", "1")], pa.decimal128(11, 2)),
        "codice": pa.array(["00712", "", None, "\u00e8", "x", "y", "z"]),
        "numero": pa.array([1, -(2**62), None, 4, 5, 6, 7], pa.int64()),
        "richiesta.data": pa.array([date(2026, 2, 28), None, None, date(1, 1, 1), None, None, None], pa.date32()),
        "urgente": pa.array([True, False, None, True, None, None, None], pa.bool_()),
    }  # fmt: skip
    return Incoming(
        references=pa.array(references[start:stop], pa.string()),
        services=pa.array(SERVICES[start:stop], pa.string()),
        subjects=pa.array([f"SOGGETTO{i}" for i in range(start, stop)], pa.string()),
        raw=b"".join(raw),
        offsets=np.cumsum([0] + [len(piece) for piece in raw]).astype(np.int64),
        columns=pa.table(every).slice(start, stop - start),
    )
