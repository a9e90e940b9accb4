"""Continuity: what ties a record to the ones before it. Sequences, and values of the head that others repeat.

Both go from block to block: what is carried over is one value, never a list of records.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tracciati.framing import NONE, line_end
from tracciati.framing.matching import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Collection

    from tracciati.framing import Frame, Index
    from tracciati.framing.matching import Types
    from tracciati.layout import FileForm, Sequence
    from tracciati.values import Values

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Unread:
    """The records of a block that nobody can read: broken ones, and those of no known type.

    rows        int64 (n,): where they stand in the block
    types       int16 (n,): what type each seems to be, UNKNOWN where it cannot be told
    room        int64 (n,): how many records there may be in each; two where the line end between two of them is lost
    is_endless  the last one goes on behind the block; how many records it swallowed is never known
    """

    rows: Index
    types: Types
    room: Index
    is_endless: bool

    @classmethod
    def of(cls, frame: Frame, types: Types, form: FileForm) -> Unread:
        """Look for them in a block."""
        record_bytes = form.length
        unknown = types == UNKNOWN
        rows = np.flatnonzero(unknown if frame.broken is None else unknown | frame.broken)
        starts, lengths = frame.starts[rows], frame.lengths[rows]
        if record_bytes is None:
            feeds = np.flatnonzero(frame.buffer == line_end(form.separator))
            room = np.searchsorted(feeds, starts + lengths) - np.searchsorted(feeds, starts) + 1
        else:
            room = np.maximum(lengths // record_bytes, 1)
        return cls(rows, types[rows], room, bool(frame.continues))

    def before(self, indexes: Collection[int], rows: Index) -> tuple[Index, Index]:
        """How many records of some types are certainly and possibly lost before each of their rows, and after the last.

        Both int64 (len(rows) + 1,). One that seems to be of the type is one for certain. One of no known type may be of
        any, and so may what else has room in a broken one.
        """
        certain = np.isin(self.types, list(indexes))
        possible = np.where(certain | (self.types == UNKNOWN), self.room, self.room - 1)
        places = np.append(np.searchsorted(self.rows, rows), len(self.rows))
        return _between(certain.astype(np.int64), places), _between(possible, places)


def _between(counts: Index, places: Index) -> Index:
    before = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))[places]
    return np.diff(before, prepend=0)


class Counter:
    """Follows one field with `sequence` through a file.

    After a number that is out of sequence the count goes on from it; when the next one fits the count as it was, only
    the stray number is wrong. Records that nobody can read have taken the numbers that are missing behind them, so far
    as they can have. So one mistake is one complaint, and a number that is really skipped is told.
    """

    def __init__(self, sequence: Sequence) -> None:
        self._start, self._step = sequence.start, sequence.step
        # What the next record may hold (None: anything); and what it may hold as well, behind one out of sequence.
        self._wanted: range | None = None
        self._stray: range | None = None
        self.restart()

    def check(self, values: Values, lost_before: tuple[Index, Index] | None = None) -> tuple[Index, list[range]]:
        """The rows that are out of sequence, and what each might have held.

        Unreadable cells are counted on. lost_before: `Unread.before` of the rows; None when there is none.
        """
        assert values.numbers is not None, "declare lets only numbers be in sequence"
        numbers = values.numbers.astype(np.int64, copy=False)
        return self.follow(numbers, _either(values.null, values.bad), lost_before)

    def follow(
        self, numbers: NDArray[np.int64], absent: Flags | None, lost_before: tuple[Index, Index] | None
    ) -> tuple[Index, list[range]]:
        """The same, for numbers and where there is none."""
        if absent is None and lost_before is None and len(numbers) and self._stray is None:
            first, wanted = int(numbers[0]), self._wanted
            if (wanted is None or first in wanted) and (np.diff(numbers) == self._step).all():
                self._take(int(numbers[-1]))
                return np.empty(0, np.int64), []
        return self._walk(numbers, absent, lost_before)

    def runs_on(self, numbers: NDArray[np.int64], occurrences: NDArray[np.int64]) -> bool:
        """Are all of the numbers in sequence, beginning anew with each occurrence but the one that went on (0)?

        If so they are counted; if not, nothing has happened.
        """
        changes = np.diff(occurrences) > 0
        firsts = numbers[1:][changes]
        if self._stray is not None or (np.diff(numbers)[~changes] != self._step).any():
            return False
        if self._start is not None and (firsts != self._start).any():
            return False
        wanted = self._wanted
        if occurrences[0] > 0:
            wanted = None if self._start is None else range(self._start, self._start + 1)
        if wanted is not None and int(numbers[0]) not in wanted:
            return False
        self._take(int(numbers[-1]))
        return True

    def restart(self) -> None:
        """Begin anew, as at the beginning of the file."""
        self._wanted = self._stray = None
        if self._start is not None:
            self._take(self._start - self._step)

    def pass_over(self, lost: tuple[Index, Index]) -> None:
        """Count on over a block without a record of the type. lost: `Unread.before` of no rows."""
        self._count_on(*(int(count[0]) for count in lost))

    def forget(self) -> None:
        """Nobody knows how many records were lost: the next one may hold anything."""
        self._wanted = self._stray = None

    def _walk(
        self, numbers: NDArray[np.int64], absent: Flags | None, lost_before: tuple[Index, Index] | None
    ) -> tuple[Index, list[range]]:
        """Runs that count on are taken whole; only where one breaks is there anything to decide."""
        count, step = len(numbers), self._step
        rows: list[int] = []
        expected: list[range] = []
        if absent is None:
            absent = np.zeros(count, np.bool_)
        if lost_before is None:
            lost_before = np.zeros(count + 1, np.int64), np.zeros(count + 1, np.int64)
        certain, possible = lost_before
        breaks = absent | (possible[:-1] > 0)
        breaks[:1] = True
        breaks[1:] |= absent[:-1] | (np.diff(numbers) != step)
        after = 0  # the row behind the last one that was looked at
        for row in np.flatnonzero(breaks).tolist():
            if row > after:
                self._take(int(numbers[row - 1]))
            after = row + 1
            self._count_on(int(certain[row]), int(possible[row]))
            if absent[row]:
                self._count_on(1, 1)
                continue
            number, wanted, stray = int(numbers[row]), self._wanted, self._stray
            self._take(number)
            if wanted is not None and number not in wanted and (stray is None or number not in stray):
                rows.append(row)
                expected.append(wanted)
                # The next one may go on from here, or as if this one had been right.
                self._stray = _counted_on(wanted, 1, 1)
        if count > after:
            self._take(int(numbers[-1]))
        self._count_on(int(certain[count]), int(possible[count]))
        return np.array(rows, np.int64), expected

    def _take(self, number: int) -> None:
        self._wanted, self._stray = range(number + self._step, number + 2 * self._step, self._step), None

    def _count_on(self, certain: int, possible: int) -> None:
        if self._wanted is not None:
            self._wanted = _counted_on(self._wanted, certain, possible)
        if self._stray is not None:
            self._stray = _counted_on(self._stray, certain, possible)


def _counted_on(numbers: range, certain: int, possible: int) -> range:
    return range(numbers.start + certain * numbers.step, numbers.stop + possible * numbers.step, numbers.step)


def _either(one: Flags | None, other: Flags | None) -> Flags | None:
    flags = one if other is None else other if one is None else one | other
    return flags if flags is not None and flags.any() else None


class Memory:
    """The last value of a field of another record type, for records that repeat it or are compared with it."""

    def __init__(self) -> None:
        self._last: Values | None = None
        self._turn = 0

    def aligned(self, other: Values | None, other_rows: Index, rows: Index, turns: Index | None) -> Values | None:
        """For each record at `rows`, the value in the latest record of the other type before it.

        other, other_rows   values of this block's records of that type, and where those stand
        turns   of each record of the block: which occurrence it lies in of the group that both belong to; a value of
                another occurrence is none of it (bad). None where the other record is there once in the file

        Returns Values with one row for each of `rows` (bad where there is no such record), or None if there is none
        at all. Remembers the last value for the next block.
        """
        past, known_turns = self._last, np.array([self._turn])
        if turns is not None:
            known_turns = np.append(known_turns if past is not None else NONE, turns[other_rows])
            self._turn = int(turns[other_rows[-1]]) if len(other_rows) else self._turn
        if other is not None and len(other_rows):
            known = other if past is None else _joined(past, other)
            self._last = other.take(np.array([len(other_rows) - 1]))
        elif past is not None:
            known = past
        else:
            return None
        index = np.searchsorted(other_rows, rows, side="left") - 1 + (past is not None)
        found = known.take(np.maximum(index, 0))
        nowhere = index < 0
        if turns is not None:
            nowhere |= known_turns[np.maximum(index, 0)] != turns[rows]
        if nowhere.any():
            found = replace(found, bad=nowhere if found.bad is None else found.bad | nowhere)
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
