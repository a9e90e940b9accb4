"""Tables: the records of the samples as columns of bytes, fixed or delimited, whatever file they are of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tracciati import bases
from tracciati.framing import gather
from tracciati.infer import dialects
from tracciati.infer.framing import Framing
from tracciati.infer.samples import Bytes, Samples, refuse_too_many
from tracciati.layout import Base, Field
from tracciati.limits import RECORD_BYTES_MAX, SAMPLE_BYTES_MAX, SAMPLE_ROWS, SAMPLES_CELLS_MAX

if TYPE_CHECKING:
    from tracciati.framing.delimited import CellFrame

Index = NDArray[np.int64]
Flags = NDArray[np.bool_]
BLANK = ord(" ")
# Bytes of a cell of a delimited file that are looked at.
_CELL_BYTES = 256


@dataclass(frozen=True)
class Cells:
    """One field of some records of one type.

    cells    uint8 (n, width): as they stand in a fixed record; left-aligned and filled with 0x00 in a delimited one
    lengths  int64 (n,) of delimited cells; None in a fixed layout
    numbers  the same right-aligned and filled with "0", as numbers of delimited files are read; None in a fixed layout
    """

    cells: Bytes
    lengths: Index | None = None
    numbers: Bytes | None = None

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def width(self) -> int:
        """Bytes of the widest cell; of each, in a fixed layout."""
        return int(self.cells.shape[1])

    def cut(self, start: int, stop: int) -> Cells:
        """Some columns of fixed cells."""
        return Cells(self.cells[:, start:stop])

    def chosen(self, rows: Flags | Index) -> Cells:
        """Some of the records."""
        lengths = None if self.lengths is None else self.lengths[rows]
        numbers = None if self.numbers is None else self.numbers[rows]
        return Cells(self.cells[rows], lengths, numbers)

    def empty(self) -> Flags:
        """bool (n,): blank throughout, or without a byte."""
        if self.lengths is not None:
            none: Flags = self.lengths == 0
            return none
        found: Flags = (self.cells == BLANK).all(axis=1)
        return found

    def distinct(self) -> tuple[list[bytes], Index]:
        """The different values, padding blanks taken off, and how often each is there; the most frequent first."""
        if not len(self) or not self.width:
            return [], np.zeros(0, np.int64)
        kinds, counts = np.unique(np.ascontiguousarray(self.cells).view(f"V{self.width}").ravel(), return_counts=True)
        order = np.argsort(-counts, kind="stable")
        texts = [kinds[at].tobytes() for at in order.tolist()]
        strip = b"\0" if self.lengths is not None else b" "
        return [text.rstrip(strip) for text in texts], counts[order]

    def read(self, field: Field, codec: str) -> tuple[Flags, Flags]:
        """What the engine makes of them as that field: (null, bad), bool (n,) each."""
        shown = self.cells
        if self.numbers is not None and field.base in bases.RIGHT_ALIGNED:
            shown = self.numbers
        column = bases.of(field.base).read(shown, field, self.lengths, codec=codec)
        none = np.zeros(len(self), np.bool_)
        return none if column.null is None else column.null, none if column.bad is None else column.bad

    def values(self, field: Field, codec: str) -> NDArray[np.int64]:
        """The numbers that the engine reads out of them; 0 where there is none."""
        shown = self.numbers if self.numbers is not None else self.cells
        column = bases.of(field.base).read(shown, field, self.lengths, codec=codec)
        assert column.values is not None, "only numbers and dates are asked for"
        values = column.values.astype(np.int64)
        return values if column.bad is None else np.where(column.bad, 0, values)


def field_of(base: Base, cells: Cells, **keys: object) -> Field:
    """A field that reads such cells, with the engine's own defaults."""
    is_number = base in ("integer", "decimal", "digits")
    length = cells.width if cells.lengths is None else None
    usual = Field("", base, 0, length, align="right" if is_number else "left", pad="0" if is_number else " ")
    return replace(usual, **keys)  # type: ignore[arg-type]


class Table:
    """The records of the samples. `framing` has where each stands; a delimited one has no header row any more."""

    def __init__(self, samples: Samples, framing: Framing) -> None:
        self.samples = samples
        self.framing = framing
        self.is_fixed = framing.form.kind == "fixed"
        self._frames: list[CellFrame] = []
        self._first_rows: Index = np.zeros(0, np.int64)
        if not self.is_fixed:
            self._cut()

    def __len__(self) -> int:
        return len(self.framing)

    def _cut(self) -> None:
        delimiter = ord(self.framing.form.dialect.delimiter)
        cells_count = int(np.count_nonzero(self.samples.buffer == delimiter)) + len(self)
        refuse_too_many(cells_count, SAMPLES_CELLS_MAX, "cells", self.samples.names)
        starts, lengths, files = [], [], []
        for index, (begin, _) in enumerate(self.samples.bounds):
            at = begin
            for frame in dialects.frames(self.samples.file(index), self.framing.form):
                starts.append(frame.starts + at)
                lengths.append(frame.lengths)
                files.append(np.full(len(frame), index))
                self._frames.append(frame)
                at += len(frame.buffer)
        counts = np.array([len(frame) for frame in self._frames])
        self._first_rows = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
        self.framing = replace(
            self.framing,
            starts=np.concatenate(starts),
            lengths=np.concatenate(lengths),
            files=np.concatenate(files),
        )
        self._rows = np.arange(len(self.framing))

    def without(self, rows: Flags) -> None:
        """Take records out, as header rows are."""
        kept = ~rows
        form = self.framing
        self.framing = replace(form, starts=form.starts[kept], lengths=form.lengths[kept], files=form.files[kept])
        self._rows = self._rows[kept]

    def bytes(self, rows: Index, start: int, stop: int) -> Bytes:
        """Columns [start, stop) of fixed records, filled with blanks where a record is shorter."""
        starts, lengths = self.framing.starts[rows] + start, self.framing.lengths[rows] - start
        table = gather(self.samples.buffer, starts, stop - start)
        if len(rows) and int(lengths.min()) < stop - start:
            table[np.arange(stop - start) >= lengths[:, None]] = BLANK
        return table

    def counts(self, rows: Index) -> Index:
        """How many cells each delimited record has."""
        found = np.zeros(len(rows), np.int64)
        for frame, places, own in self._by_frame(rows):
            found[places] = frame.cell_counts[own]
        return found

    def cells(self, rows: Index, column: int) -> Cells:
        """One column of delimited records; records that do not have it count as empty."""
        width = 1
        parts = []
        for frame, places, own in self._by_frame(rows):
            there = frame.cell_counts[own] > column
            most = min(_CELL_BYTES, RECORD_BYTES_MAX)
            left, lengths = frame.cells(own[there], column, right=False, width_max=most)
            right, _ = frame.cells(own[there], column, right=True, width_max=most)
            parts.append((places[there], left, right, lengths))
            width = max(width, left.shape[1])
        left, right = np.zeros((len(rows), width), np.uint8), np.full((len(rows), width), ord("0"), np.uint8)
        lengths = np.zeros(len(rows), np.int64)
        for places, its, numbers, sizes in parts:
            left[places, : its.shape[1]] = its
            right[places, width - numbers.shape[1] :] = numbers
            lengths[places] = sizes
        return Cells(left, lengths, right)

    def _by_frame(self, rows: Index) -> list[tuple[CellFrame, Index, Index]]:
        """For each block with some of the records: it, their places in `rows`, and their rows in it."""
        whole = self._rows[rows]
        of = np.searchsorted(self._first_rows, whole, side="right") - 1
        found = []
        for index in np.unique(of).tolist():
            places = np.flatnonzero(of == index)
            found.append((self._frames[index], places, whole[places] - int(self._first_rows[index])))
        return found


def rows_count(length: int) -> int:
    """How many records of that length are looked at."""
    return max(50, min(SAMPLE_ROWS, SAMPLE_BYTES_MAX // length))


def spread(rows: Index, most: int, files: Index) -> Index:
    """At most about so many of the rows: the first half of them as they follow one another, the others evenly spread,
    the first and the last of each file among them.
    """
    if len(rows) <= most:
        return rows
    chosen = np.linspace(0, len(rows) - 1, most // 2).astype(np.int64)
    of = files[rows]
    firsts = np.flatnonzero(np.diff(of, prepend=-1))
    lasts = np.append(firsts[1:] - 1, len(rows) - 1)
    picked: Index = rows[np.unique(np.concatenate((np.arange(most // 2), chosen, firsts, lasts)))]
    return picked
