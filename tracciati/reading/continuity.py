"""Continuity: what ties a record to the ones before it. Sequences, and values of the head that others repeat.

Both go from block to block: what is carried over is one value, never a list of records.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tracciati.framing import Index
    from tracciati.layout import Sequence
    from tracciati.values import Values

Flags = NDArray[np.bool_]


@dataclass
class Counter:
    """Follows one field with `sequence` through a file.

    After a number that is out of sequence the count goes on from it; when the next one fits the count as it was, only
    the stray number is wrong. So one mistake is one complaint.
    """

    sequence: Sequence
    wanted: int | None = None  # what the next record must hold; None: anything
    stray: int | None = None  # what it may hold as well, when the one before was out of sequence

    def check(self, values: Values) -> tuple[Index, list[int]]:
        """The rows that are out of sequence, and what each should have held. Unreadable cells are counted on."""
        assert values.numbers is not None, "declare lets only numbers be in sequence"
        count, step = len(values.numbers), self.sequence.step
        if not count:
            return np.empty(0, np.int64), []
        start = self.sequence.start if self.wanted is None and self.stray is None else self.wanted
        numbers = values.numbers.astype(np.int64, copy=False)
        lost = _either(values.null, values.bad)
        if lost is None and self.stray is None:
            first = int(numbers[0]) if start is None else start
            if int(numbers[0]) == first and (np.diff(numbers) == step).all():
                self.wanted = int(numbers[-1]) + step
                return np.empty(0, np.int64), []
        return self._walk(numbers, lost, start)

    def _walk(self, numbers: NDArray[np.int64], lost: Flags | None, wanted: int | None) -> tuple[Index, list[int]]:
        """Runs that count on are taken whole; only where one breaks is there anything to decide."""
        step = self.sequence.step
        rows: list[int] = []
        expected: list[int] = []
        stray = self.stray
        cells = numbers.tolist()
        absent = lost.tolist() if lost is not None else [False] * len(cells)
        for row, (number, is_lost) in enumerate(zip(cells, absent, strict=True)):
            if is_lost:
                wanted = None if wanted is None else wanted + step
                stray = None if stray is None else stray + step
                continue
            if wanted is None or number == wanted or stray is not None and number == stray:
                wanted, stray = number + step, None
            else:
                rows.append(row)
                expected.append(wanted)
                # The next one may go on from here, or as if this one had been right.
                wanted, stray = number + step, wanted + step
        self.wanted, self.stray = wanted, stray
        return np.array(rows, np.int64), expected


def _either(one: Flags | None, other: Flags | None) -> Flags | None:
    flags = one if other is None else other if one is None else one | other
    return flags if flags is not None and flags.any() else None


class Memory:
    """The last value of a field of another record type, for records that repeat it or are compared with it."""

    def __init__(self) -> None:
        self._last: Values | None = None

    def aligned(self, other: Values | None, other_rows: Index, rows: Index) -> Values | None:
        """For each record at `rows`, the value in the latest record of the other type before it.

        other, other_rows   values of this block's records of that type, and where those stand

        Returns Values with one row for each of `rows` (bad where there is no such record), or None if there is none
        at all. Remembers the last value for the next block.
        """
        past = self._last
        if other is not None and len(other_rows):
            known = other if past is None else _joined(past, other)
            self._last = other.take(np.array([len(other_rows) - 1]))
        elif past is not None:
            known = past
        else:
            return None
        index = np.searchsorted(other_rows, rows, side="left") - 1 + (past is not None)
        found = known.take(np.maximum(index, 0))
        if (index < 0).any():
            found = replace(found, bad=index < 0 if found.bad is None else found.bad | (index < 0))
        return found


def _joined(one: Values, other: Values) -> Values:
    width = max(one.cells.shape[1], other.cells.shape[1])
    count = len(one.cells) + len(other.cells)
    return replace(
        other,
        numbers=_numbers_joined(one, other),
        cells=np.concatenate((_widened(one, width), _widened(other, width))),
        lengths=None if one.lengths is None or other.lengths is None else np.concatenate((one.lengths, other.lengths)),
        null=_flags_joined(one.null, other.null, len(one.cells), count),
        bad=_flags_joined(one.bad, other.bad, len(one.cells), count),
    )


def _numbers_joined(one: Values, other: Values) -> NDArray[np.int64] | NDArray[np.int32] | None:
    if one.numbers is None or other.numbers is None:
        return None
    return np.concatenate((one.numbers, other.numbers), dtype=other.numbers.dtype)  # type: ignore[return-value]


def _widened(values: Values, width: int) -> NDArray[np.uint8]:
    # Only delimited text cells differ in width from block to block; they are filled with 0x00 on the right.
    missing = width - values.cells.shape[1]
    return values.cells if not missing else np.pad(values.cells, ((0, 0), (0, missing)))


def _flags_joined(one: Flags | None, other: Flags | None, first_count: int, count: int) -> Flags | None:
    if one is None and other is None:
        return None
    flags = np.zeros(count, np.bool_)
    if one is not None:
        flags[:first_count] = one
    if other is not None:
        flags[first_count:] = other
    return flags
