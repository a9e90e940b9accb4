"""Columns: one field of one record type in one block, read, checked and explained.

The loop is over fields. A column of good cells makes no Python object; only bad cells are looked at one by one,
and the same bad cell is explained once per block.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tracciati import bases, rules
from tracciati.bases import text as text_base
from tracciati.expression import names
from tracciati.findings import Fault, Faults, path_of
from tracciati.framing import Frame, Index
from tracciati.framing.delimited import CellFrame
from tracciati.values import Values, bounds, pages, signs
from tracciati.values.cells import Bytes, Column, Flags, equal, words
from tracciati.wording import counted

if TYPE_CHECKING:
    from tracciati.layout import Direction, Field, Layout, Record

# A longer cell cannot be a number, a date or a code of any kind: what lies beyond is not looked at.
NARROW_BYTES = 64


@dataclass(frozen=True)
class RecordColumns:
    """Everything read from the records of one type in one block.

    rows     index of each record in the block
    values   fields that later checks need
    arrays   the Arrow columns, empty when no values were asked for
    bad      bool (m,): the record has a field error
    """

    record: Record
    rows: Index
    values: dict[str, Values]
    arrays: dict[str, pa.Array]
    bad: Flags


def _asked(record: Record) -> frozenset[str]:
    """The fields of a record that conditions ask for under which others are there."""
    return frozenset(name.field for field in record.fields if field.when is not None for name in names(field.when))


@dataclass(frozen=True)
class Reader:
    """Reads the fields of records; the same for every block of a file.

    keep     record name -> fields whose values later checks need
    arrow    make Arrow columns
    """

    layout: Layout
    direction: Direction
    keep: dict[str, frozenset[str]]
    arrow: bool

    def read(self, frame: Frame, record: Record, rows: Index, faults: Faults) -> RecordColumns:
        """Read and check all fields of the records at `rows`; what is wrong goes to `faults`."""
        bad = np.zeros(len(rows), np.bool_)
        values: dict[str, Values] = {}
        arrays: dict[str, pa.Array] = {}
        keep = self.keep.get(record.name, frozenset())
        table = None if isinstance(frame, CellFrame) else self._table(frame, record, rows)
        places = {field.name: place for place, field in enumerate(record.fields_in(self.direction))}
        keep |= _asked(record)
        # What is there under a condition comes after what the condition asks for.
        for field in sorted(record.fields_in(self.direction), key=lambda one: one.when is not None):
            if field.base == "filler":
                continue
            place = places[field.name]
            present = rules.presence(field.when, values, len(rows))
            cells, lengths = self._cells(frame, rows, table, field, place)
            if field.origin and self.direction == "request":
                self._check_blank(frame, record, field, rows, cells, lengths, faults)
                if field.name in keep:
                    values[field.name] = self._absent(field, cells, lengths)
                if self.arrow:
                    arrays[field.name] = pa.nulls(len(rows), arrow_type(field))
                continue
            sign = None
            if field.sign_in:
                other = record.by_name[field.sign_in]
                sign = (other, *self._cells(frame, rows, table, other, places[other.name]))
            column = self._column(frame, record, field, rows, cells, lengths, sign, present, faults, bad)
            if field.name in keep:
                values[field.name] = Values(field, column.values, cells, lengths, column.null, column.bad, self.codec)
            if self.arrow:
                arrays[field.name] = bases.of(field.base).arrow(cells, column, field, self.codec, lengths)
        return RecordColumns(record, rows, values, arrays, bad)

    @property
    def codec(self) -> str:
        """The codec of cells as bases get them."""
        return pages.inner(self.layout.file.codec)

    def _absent(self, field: Field, cells: Bytes, lengths: Index | None) -> Values:
        """A column without values, whatever stands in it: what we fill in the answer has none in the request."""
        numbers = np.zeros(len(cells), np.int64) if field.is_number or field.base in ("date", "time") else None
        return Values(field, numbers, cells, lengths, np.ones(len(cells), np.bool_), None, self.codec)

    def _table(self, frame: Frame, record: Record, rows: Index) -> Bytes:
        """The records' bytes: a view where they lie side by side, else a copy of just these."""
        width = record.length
        if len(rows) and int(rows[-1]) - int(rows[0]) + 1 == len(rows):
            return frame.records(slice(int(rows[0]), int(rows[-1]) + 1), width)
        return frame.records(rows, width)

    def _cells(
        self, frame: Frame, rows: Index, table: Bytes | None, field: Field, place: int
    ) -> tuple[Bytes, Index | None]:
        if table is not None:
            return pages.opened(table[:, field.start : field.stop], field, self.layout.file.codec), None
        assert isinstance(frame, CellFrame), "no table: a delimited file"
        is_text = field.base == "text" and not field.codes
        width_max = 1 << 30 if is_text or field.base == "const" else max(NARROW_BYTES, field.length or 0)
        return frame.cells(rows, place, right=field.base in bases.RIGHT_ALIGNED, width_max=width_max)

    def _column(
        self,
        frame: Frame,
        record: Record,
        field: Field,
        rows: Index,
        cells: Bytes,
        lengths: Index | None,
        sign: tuple[Field, Bytes, Index | None] | None,
        present: Flags | None,
        faults: Faults,
        bad: Flags,
    ) -> Column:
        codec = self.codec
        column: Column
        if field.base == "text":
            column = text_base.read(cells, field, lengths, codec=codec, plain=frame.is_plain)
        else:
            column = bases.of(field.base).read(cells, field, lengths, codec=codec)
        if present is not None:
            one = Values(field, column.values, cells, lengths, column.null, column.bad).where(present)
            column = Column(one.numbers, one.null, one.bad)
        if lengths is not None:
            column = self._too_long(frame, record, field, rows, cells, lengths, column, faults, bad)
        elif column.bad is not None:
            self._explain(frame, record, field, rows, np.flatnonzero(column.bad), faults, bad)
        if sign is not None:
            column = self._signed(frame, record, field, rows, column, sign, faults, bad)
        if field.required and column.null is not None:
            empty = np.flatnonzero(column.null if present is None else column.null & present)
            expected = ("a value", "un valore")
            if self._report("TR-F201", frame, record, field, rows[empty], faults, expected):
                bad[empty] = True
        self._check_bounds(frame, record, field, rows, cells, lengths, column, faults, bad)
        return column

    def _signed(
        self,
        frame: Frame,
        record: Record,
        field: Field,
        rows: Index,
        column: Column,
        sign: tuple[Field, Bytes, Index | None],
        faults: Faults,
        bad: Flags,
    ) -> Column:
        """The numbers with the sign that stands in a column of its own, which must be one of two texts."""
        other, cells, lengths = sign
        signed = signs.in_column(column, cells, lengths, field, other, self.codec)
        if signed.bad is None:
            return signed
        at = np.flatnonzero(signed.bad if column.bad is None else signed.bad & ~column.bad)
        words = (
            f"{field.minus!r} or {field.plus!r} in {other.name}",
            f"{field.minus!r} o {field.plus!r} in {other.name}",
        )
        if self._report("TR-F222", frame, record, field, rows[at], faults, words):
            bad[at] = True
        return signed

    def _check_bounds(
        self,
        frame: Frame,
        record: Record,
        field: Field,
        rows: Index,
        cells: Bytes,
        lengths: Index | None,
        column: Column,
        faults: Faults,
        bad: Flags,
    ) -> None:
        """A value that could be read lies where the layout says, or its record is wrong."""
        if field.pattern:
            texts = bases.of(field.base).arrow(cells, column, field, self.codec, lengths)
            code, found = "TR-F216", bounds.unlike(texts, field)
        elif column.values is not None:
            code, found = "TR-F217", bounds.outside(column.values, field)
            for without in (column.null, column.bad):
                found = found if found is None or without is None else found & ~without
        else:
            return
        if found is not None and found.any():
            at = np.flatnonzero(found)
            if self._report(code, frame, record, field, rows[at], faults, bounds.expected(field)):
                bad[at] = True

    def _too_long(
        self,
        frame: Frame,
        record: Record,
        field: Field,
        rows: Index,
        cells: Bytes,
        lengths: Index,
        column: Column,
        faults: Faults,
        bad: Flags,
    ) -> Column:
        """Delimited cells that are longer than the field, or than any cell of its kind, are bad for that alone."""
        limit = field.length if field.length is not None else None
        long = np.zeros(len(rows), np.bool_) if limit is None else lengths > limit
        cut = lengths > cells.shape[1]
        if long.any():
            at = np.flatnonzero(long)
            expected = (f"at most {counted(limit or 0, 'byte')}", f"al massimo {limit} byte")
            if self._report("TR-F214", frame, record, field, rows[at], faults, expected):
                bad[at] = True
        wrong = cut if column.bad is None else column.bad | cut
        if wrong.any():
            self._explain(frame, record, field, rows, np.flatnonzero(wrong & ~long), faults, bad)
        wrong = wrong | long
        if not wrong.any():
            return column
        null = None if column.null is None else column.null & ~wrong
        return Column(column.values, null, wrong)

    def _explain(
        self, frame: Frame, record: Record, field: Field, rows: Index, at: Index, faults: Faults, bad: Flags
    ) -> None:
        """Say of each bad cell why it is bad."""
        diagnose, codec = bases.of(field.base).diagnose, self.codec
        known: dict[bytes, Fault] = {}
        for index in at.tolist():
            row = int(rows[index])
            start, stop = span(frame, record, field, row, self.direction)
            raw = cell_bytes(frame, record, field, row, self.direction, self.layout.file.codec)
            if raw not in known:
                why = diagnose(raw, field, codec)
                expected = {"expected_en": why.expected_en, "expected_it": why.expected_it}
                known[raw] = Fault(why.code, 0, 0, 0, record, field, params=dict(why.params), **expected)
            if faults.add(replace(known[raw], row=row, start=start, length=stop - start)):
                bad[index] = True

    def _report(
        self,
        code: str,
        frame: Frame,
        record: Record,
        field: Field,
        rows: Index,
        faults: Faults,
        expected: tuple[str, str],
    ) -> bool:
        """Count one fault per row; is it an error?"""
        if not len(rows):
            return False
        return faults.count(
            code,
            path_of(record, field),
            len(rows),
            lambda i: fault_at(code, frame, record, field, int(rows[i]), self.direction, expected),
        )

    def _check_blank(
        self,
        frame: Frame,
        record: Record,
        field: Field,
        rows: Index,
        cells: Bytes,
        lengths: Index | None,
        faults: Faults,
    ) -> None:
        """A field that the answer fills holds its padding, blanks or a null text in a request."""
        filled = _is_filled(cells, lengths, field, self.codec)
        if filled is not None:
            at = np.flatnonzero(filled)
            self._report("TR-F213", frame, record, field, rows[at], faults, ("blanks", "spazi"))


def _is_filled(cells: Bytes, lengths: Index | None, field: Field, codec: str) -> Flags | None:
    if not len(cells):
        return None
    if lengths is not None:
        filled = lengths > 0
    else:
        cell_words = words(cells)
        filled = np.ones(len(cells), np.bool_)
        for fill in {" ", field.pad}:
            same = equal(cell_words, fill.encode(codec) * cells.shape[1])
            if same is not None:
                filled &= ~same
    if not filled.any():
        return None
    for text in field.null:
        raw = text.encode(codec)
        for row in np.flatnonzero(filled).tolist() if len(raw) else ():
            cell = cells[row].tobytes()
            length = cells.shape[1] if lengths is None else int(lengths[row])
            content = (
                cell if lengths is None else cell[-length:] if field.base in bases.RIGHT_ALIGNED else cell[:length]
            )
            filled[row] = content != raw
    return filled if filled.any() else None


def span(frame: Frame, record: Record, field: Field, row: int, direction: Direction) -> tuple[int, int]:
    """Where a field's bytes stand in the block's buffer."""
    if isinstance(frame, CellFrame):
        return frame.cell_span(row, record.fields_in(direction).index(field))
    begin, end = int(frame.starts[row]), int(frame.starts[row] + frame.lengths[row])
    return min(begin + field.start, end), min(begin + field.stop, end)


def cell_bytes(frame: Frame, record: Record, field: Field, row: int, direction: Direction, codec: str) -> bytes:
    """A field's bytes as its base reads them: without doubled quotes, and a short record filled with blanks.

    codec  of the file
    """
    start, stop = span(frame, record, field, row, direction)
    raw: bytes = frame.buffer[start:stop].tobytes()
    if isinstance(frame, CellFrame):
        cell = int(frame.first_cells[row]) + record.fields_in(direction).index(field)
        return frame.unescaped.get(cell, raw)
    assert field.length is not None, "a fixed field has a length"
    whole = raw.ljust(field.length, bytes([frame.blank]))
    return pages.opened(np.frombuffer(whole, np.uint8), field, codec).tobytes()


def fault_at(
    code: str,
    frame: Frame,
    record: Record,
    field: Field,
    row: int,
    direction: Direction,
    expected: tuple[str, str] = ("", ""),
    params: dict[str, str] | None = None,
) -> Fault:
    """A fault in one field of one record."""
    start, stop = span(frame, record, field, row, direction)
    return Fault(code, row, start, stop - start, record, field, None, *expected, params=params or {})


def arrow_type(field: Field) -> pa.DataType:
    """The Arrow type of a field's column."""
    if field.is_amount:
        return pa.decimal128(field.digits, field.scale)
    if field.is_number:
        return pa.int64()
    if field.base == "time":
        return pa.time32("s")
    if field.base == "boolean":
        return pa.bool_()
    return pa.date32() if field.base == "date" else pa.string()
