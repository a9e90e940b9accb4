"""Series: numbers that rise through records of several types, or that begin anew in each occurrence of a group.

The members of a series are laid side by side in the order of the file; then it is followed like any other sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from tracciati.reading.continuity import Counter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracciati.framing import Index
    from tracciati.layout import Field, Record
    from tracciati.reading.columns import RecordColumns
    from tracciati.reading.continuity import Unread

    Flags = NDArray[np.bool_]
    Marks = Callable[[str], tuple[Flags, Flags]]


class Series:
    """Follows one series through a file, block by block.

    members  the record types that are numbered, each with its field
    """

    def __init__(self, members: list[tuple[Record, Field]]) -> None:
        self._members = members
        sequence = members[0][1].sequence
        assert sequence is not None, "a member of a series has a sequence"
        self._within, self._counter = sequence.within, Counter(sequence)

    def check(
        self, columns: Mapping[str, RecordColumns], marks: Marks, unread: Unread | None
    ) -> Iterator[tuple[RecordColumns, Field, int, range]]:
        """What is out of sequence: columns and field it is in, its row among those, and what might have stood there.

        marks   group -> which records of the block lie inside it, and which begin a new occurrence
        unread  the records that nobody can read; None when there is none
        """
        parts = [
            (columns[r.name], f) for r, f in self._members if r.name in columns and f.name in columns[r.name].values
        ]
        rows = np.concatenate([np.zeros(0, np.int64), *(read.rows for read, _ in parts)]).astype(np.int64)
        order = np.argsort(rows, kind="stable")
        rows = rows[order]
        indexes = [record.index for record, _ in self._members]
        lost = None if unread is None else unread.before(indexes, rows)
        if not len(rows):
            if lost is not None:
                self._counter.pass_over(lost)
            if self._within and marks(self._within)[1].any():
                self._counter.restart()
            return
        numbers = np.concatenate([_numbers(read, field) for read, field in parts])[order]
        absent = np.concatenate([_absent(read, field) for read, field in parts])[order]
        owner = np.repeat(np.arange(len(parts)), [len(read.rows) for read, _ in parts])[order]
        inner = np.concatenate([np.arange(len(read.rows)) for read, _ in parts])[order]
        for at, wanted in self._followed(rows, numbers, absent if absent.any() else None, marks, lost):
            read, field = parts[int(owner[at])]
            yield read, field, int(inner[at]), wanted

    def forget(self) -> None:
        """Nobody knows how many records were lost: the next one may hold anything."""
        self._counter.forget()

    def _followed(
        self,
        rows: Index,
        numbers: Index,
        absent: Flags | None,
        marks: Marks,
        lost: tuple[Index, Index] | None,
    ) -> Iterator[tuple[int, range]]:
        """The rows that are out of sequence, occurrence by occurrence of the group."""
        if not self._within:
            yield from zip(*self._pairs(self._counter.follow(numbers, absent, lost)), strict=True)
            return
        begun: Index = np.cumsum(marks(self._within)[1], dtype=np.int64)
        occurrences = begun[rows]
        if absent is None and lost is None and self._counter.runs_on(numbers, occurrences):
            if begun[-1] > occurrences[-1]:
                self._counter.restart()
            return
        before = 0
        for occurrence in np.unique(occurrences).tolist():
            chosen = np.flatnonzero(occurrences == occurrence)
            if occurrence > before:
                self._counter.restart()
            before = occurrence
            first, stop = int(chosen[0]), int(chosen[-1]) + 1
            part = None if lost is None else tuple(np.append(one[first:stop], 0) for one in lost)
            found = self._counter.follow(
                numbers[first:stop],
                None if absent is None else absent[first:stop],
                part,  # type: ignore[arg-type]
            )
            for at, wanted in zip(*self._pairs(found), strict=True):
                yield first + at, wanted
        if begun[-1] > before:
            self._counter.restart()

    @staticmethod
    def _pairs(found: tuple[Index, list[range]]) -> tuple[list[int], list[range]]:
        return found[0].tolist(), found[1]


def _numbers(read: RecordColumns, field: Field) -> Index:
    numbers = read.values[field.name].numbers
    assert numbers is not None, "declare lets only numbers be in sequence"
    return numbers.astype(np.int64, copy=False)


def _absent(read: RecordColumns, field: Field) -> Flags:
    found = np.zeros(len(read.rows), np.bool_)
    for flags in (read.values[field.name].null, read.values[field.name].bad):
        if flags is not None:
            found |= flags
    return found
