"""Result blob: the answers of a whole chunk, one entry per request, as columns in one payload. Pure.

Columns of ours stand under their own names; a result field stands under its name with a mark before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cominflow.exchange import payload, request_states
from cominflow.exchange.request_states import ENDED, WAITING
from cominflow.exchange.stored import asked, columns
from cominflow.exchange.stored.asked import MARK
from cominflow.exchange.stored.portion import Answers

_NEVER = np.datetime64("NaT", "us")


@dataclass(frozen=True)
class ResultBlob:
    """States, outcomes, revisions, deliveries and who answered when, as in `Portion`; `results` may have no columns."""

    states: NDArray[np.str_]
    outcomes: NDArray[np.str_]
    revisions: NDArray[np.int32]
    deliveries: NDArray[np.int32]
    answered_at: NDArray[np.datetime64]
    answered_by: NDArray[np.str_]
    results: pa.Table

    def laid_over(self, index: NDArray[np.int64], above: ResultBlob) -> ResultBlob:
        """With rows `index` replaced, whole, by those of `above`."""
        return ResultBlob(
            states=_replaced(self.states, index, above.states),
            outcomes=_replaced(self.outcomes, index, above.outcomes),
            revisions=_replaced(self.revisions, index, above.revisions),
            deliveries=_replaced(self.deliveries, index, above.deliveries),
            answered_at=_replaced(self.answered_at, index, above.answered_at),
            answered_by=_replaced(self.answered_by, index, above.answered_by),
            results=columns.lay_over(self.results, above.results, index, len(self.states)),
        )

    def delivered_with(self, number: int) -> ResultBlob:
        """Answers without a delivery of their own have this one (0: still none)."""
        fresh = (self.deliveries == 0) & request_states.are(self.states, ENDED)
        return replace(self, deliveries=np.where(fresh, np.int32(number), self.deliveries).astype(np.int32))

    def sealed(self) -> bytes:
        """The payload to store."""
        ours = {
            "state": columns.dictionary(self.states),
            "outcome": columns.dictionary(self.outcomes),
            "revision": pa.array(self.revisions),
            "delivery": pa.array(self.deliveries),
            "answered_at": pa.array(self.answered_at, pa.timestamp("us")),
            "answered_by": columns.dictionary(self.answered_by),
        }
        return payload.seal_table(pa.table(ours | asked.marked(self.results)), codec="lz4")


def empty(count: int) -> ResultBlob:
    """Of a chunk that nobody answered yet."""
    return ResultBlob(
        states=np.full(count, WAITING),
        outcomes=np.full(count, "", dtype="U1"),
        revisions=np.zeros(count, dtype=np.int32),
        deliveries=np.zeros(count, dtype=np.int32),
        answered_at=np.full(count, _NEVER),
        answered_by=np.full(count, "", dtype="U1"),
        results=pa.table({}),
    )


def of_answers(answers: Answers, at: datetime) -> ResultBlob:
    """Answers as entries: first ones, not delivered yet."""
    count = len(answers.positions)
    return ResultBlob(
        states=answers.states,
        outcomes=answers.outcomes,
        revisions=np.zeros(count, dtype=np.int32),
        deliveries=np.zeros(count, dtype=np.int32),
        answered_at=np.full(count, instant(at)),
        answered_by=np.full(count, answers.by),
        results=answers.results,
    )


def open_blob(blob: bytes | memoryview) -> ResultBlob:
    """What `sealed` made."""
    table = payload.open_table(blob)
    return ResultBlob(
        states=columns.texts(columns.one(table, "state")),
        outcomes=columns.texts(columns.one(table, "outcome")),
        revisions=columns.one(table, "revision").to_numpy(),
        deliveries=columns.one(table, "delivery").to_numpy(),
        answered_at=columns.one(table, "answered_at").to_numpy(zero_copy_only=False).astype("datetime64[us]"),
        answered_by=columns.texts(columns.one(table, "answered_by")),
        results=unmarked(table),
    )


def unmarked(table: pa.Table) -> pa.Table:
    """The columns that are not ours, under their own names."""
    names = [name for name in table.column_names if name.startswith(MARK)]
    return table.select(names).rename_columns([name.removeprefix(MARK) for name in names])


def instant(value: datetime) -> np.datetime64:
    """An instant as numpy keeps it: UTC, microseconds, no zone."""
    return np.datetime64(value.astimezone(UTC).replace(tzinfo=None), "us")


def _replaced(below: NDArray, index: NDArray[np.int64], above: NDArray) -> NDArray:
    """A copy with other values at `index`, wide enough for both."""
    result = below.astype(np.result_type(below.dtype, above.dtype))
    result[index] = above
    return result
