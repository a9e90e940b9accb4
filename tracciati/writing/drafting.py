"""Drafting: new records, canonically. Constants, fillers, sequences and repeated fields are filled in here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tracciati import bases
from tracciati.encodings import blank
from tracciati.errors import DoesNotFit
from tracciati.framing import SEPARATORS, Frame
from tracciati.framing.matching import lengths_of
from tracciati.values import numbers, pages, signs, spelling
from tracciati.values.cells import place
from tracciati.writing import lines
from tracciati.writing.ledger import present_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracciati.layout import Direction, Field, Layout, Record
    from tracciati.values.cells import Bytes, Flags

Values = Mapping[str, pa.Array]
Made = dict[str, pa.Array]  # field path -> its values, for the columns that repeat it
Prepare = Callable[[pa.Array, "Field", str], pa.Array]


class Draft:
    """Makes the bytes of new records of one file.

    prepare  what is done to given values before they are encoded (transliteration)
    """

    def __init__(self, layout: Layout, direction: Direction, prepare: Prepare) -> None:
        self._layout, self._direction, self._prepare = layout, direction, prepare
        self._blanks: dict[str, Bytes] = {}
        self._next: dict[str, int] = {}  # field path -> the next number of its sequence
        self._begins: Callable[[str], Flags] = lambda group: np.zeros(0, np.bool_)
        # Counts that begin anew in a group, by the name of their series: with what, and in which group.
        self._series = {
            f.sequence.series or f"{r.name}.{f.name}": (
                1 if f.sequence.start is None else f.sequence.start,
                f.sequence.within,
            )
            for r in layout.records
            for f in r.fields
            if f.sequence is not None and f.sequence.within
        }
        self._last: dict[str, pa.Array] = {}  # field path -> its value in the last record, for `same_as`
        self.repeated = frozenset(
            f.same_as for r in layout.records for f in r.fields if f.same_as and r.source_of(f) is f
        )

    def make(self, record: Record, values: Values, count: int, begins: Callable[[str], Flags]) -> Bytes:
        """The records, each with its separator: uint8.

        begins  group -> which of them begin a new occurrence: bool (count,)
        """
        self._begins = begins
        own = {f.sequence.series or f"{record.name}.{f.name}" for f in record.fields if f.sequence is not None}
        for series, (start, within) in self._series.items():
            if series not in own and begins(within).any():
                self._next[series] = start
        form = self._layout.file
        separator = SEPARATORS[form.separator]
        if form.kind == "delimited":
            made: Made = {}
            fields = record.fields_in(self._direction)
            columns = [self.cells(record, field, values, count, made=made) for field in fields]
            return lines.ended(lines.records(columns, form.dialect), separator)
        table = np.empty((count, record.length + len(separator)), np.uint8)
        table[:] = self._blank(record)
        made = {}
        signed = {field.sign_in: field for field in record.fields if field.sign_in}
        # What is there under a condition comes after what the condition asks for.
        for field in sorted(record.fields_in(self._direction), key=lambda one: one.when is not None):
            if self._is_blank(record, field, values) or (field.name in signed and field.name not in values):
                continue
            array = self._values(record, field, values, count, made)
            self._place(table, record, field, array)
            if field.sign_in:
                self._place(table, record, record.by_name[field.sign_in], signs.texts_of(array, field))
        return self._ended(table, record)

    def _place(self, table: Bytes, record: Record, field: Field, array: pa.Array) -> None:
        """Put the values of a field into the records in which it is there."""
        form, path = self._layout.file, f"{record.name}.{field.name}"
        present = present_in(self._frame(table, record), self._layout, self._direction, record, field, _all(table))
        if present is not None:
            array = array.filter(pa.array(present))
        try:
            cells = bases.of(field.base).write(array, field, pages.inner(form.codec), path=path)
        except DoesNotFit as problem:
            if present is None:
                raise
            row = int(np.flatnonzero(present)[problem.row])  # of all records, not of those that have the field
            raise DoesNotFit(path, row, problem.value, problem.why) from None
        closed = pages.closed(cells, field, form.codec)
        if present is None:
            place(table, field.start, closed)
        else:
            table[present, field.start : field.stop] = closed

    def _frame(self, table: Bytes, record: Record) -> Frame:
        """How the records of a table are cut, their separators included."""
        starts = np.arange(0, table.size, table.shape[1], dtype=np.int64)
        lengths = np.full(len(table), record.length, np.int64)
        code = blank(self._layout.file.codec)
        return Frame(table.ravel(), starts, lengths, starts + table.shape[1], stride=table.shape[1], blank=code)

    def _ended(self, table: Bytes, record: Record) -> Bytes:
        """The records without what is not there at their end."""
        lengths = lengths_of(self._frame(table, record), self._layout, record, _all(table))
        if lengths is None:
            return table.ravel()
        separator = np.arange(table.shape[1]) >= record.length
        kept: Bytes = table[(np.arange(table.shape[1]) < lengths[:, None]) | separator]
        return kept

    def _is_blank(self, record: Record, field: Field, values: Values) -> bool:
        """Does every record of the type have the same bytes there, whatever the values?"""
        if field.base == "filler":
            return True
        return field.base == "const" and field.name not in values and field.when is None

    def _blank(self, record: Record) -> Bytes:
        """A record with its constants and fillers, and the separator: uint8 (stride,)."""
        if record.name not in self._blanks:
            form = self._layout.file
            separator = np.frombuffer(SEPARATORS[form.separator], np.uint8)
            row = np.concatenate((np.full(record.length, blank(form.codec), np.uint8), separator))
            for field in record.fields:
                if field.base in ("const", "filler") and field.when is None:
                    cells = bases.of(field.base).write(pa.nulls(1), field, pages.inner(form.codec))
                    row[field.start : field.stop] = pages.closed(cells[0], field, form.codec)
            self._blanks[record.name] = row
        return self._blanks[record.name]

    def cells(
        self, record: Record, field: Field, values: Values, count: int, *, made: Made, kept: Flags | None = None
    ) -> pa.StringArray:
        """One column of a delimited file, quoted as it stands in the lines.

        made  the same for all columns of the same records: a column that another one repeats is made once
        kept  rows that keep their quotes
        """
        form, path = self._layout.file, f"{record.name}.{field.name}"
        array = self._values(record, field, values, count, made)
        cells = bases.of(field.base).spell(array, field, form.codec, path=path)
        needed = lines.must_be_quoted(cells, form.dialect)
        if needed is not None and not form.dialect.quote:
            row = int(needed.argmax())
            why = f"it holds a delimiter or line break, and the layout's files have no quote: {field.title}"
            raise DoesNotFit(path, row, spelling.plain(array)[row].as_py(), why)
        return lines.quoted(cells, form.dialect, kept=kept)

    def _values(self, record: Record, field: Field, values: Values, count: int, made: Made) -> pa.Array:
        path = f"{record.name}.{field.name}"
        if path in made:
            return made[path]
        source = record.source_of(field)
        is_given = field.origin in values or field.name in values
        if source is field or is_given:
            array = self._found(record, field, values, count, path)
        else:
            array = self._values(record, source, values, count, made)
        made[path] = array
        if path in self.repeated and count:
            self.remember(path, array[-1:])
        return array

    def remember(self, path: str, last: pa.Array) -> None:
        """What later records repeat: one value."""
        self._last[path] = last

    def _found(self, record: Record, field: Field, values: Values, count: int, path: str) -> pa.Array:
        given = values.get(field.origin) if field.origin else None
        if given is None:
            given = values.get(field.name)
        if given is not None:
            if field.sequence is not None and count:
                last, null, misfits = numbers.unscaled(given[-1:], field)
                if null is None and not misfits:  # what is no number is refused when it is written
                    self._next[field.sequence.series or path] = int(last[0]) + field.sequence.step
            return self._prepare(given, field, path)
        form = self._layout.file
        if field.name == form.length_in and record.repeated is not None:
            by, start, size = record.repeated
            array = self._values(record, record.by_name[by], values, count, {})
            times = numbers.unscaled(array, record.by_name[by])[0]
            return pa.array(start + size * times - form.length_adds)
        if field.name == form.length_in:
            return pa.array(np.full(count, record.length - form.length_adds))
        if field.name in record.match:
            return pa.array([record.match[field.name]] * count, pa.string())
        if self._direction in field.derive:
            return pa.array(np.zeros(count, np.int64))  # the total is written over it when the file is closed
        if field.sequence is not None and (field.sequence.scope == "file" or field.sequence.start is not None):
            start = 1 if field.sequence.start is None else field.sequence.start
            key, step = field.sequence.series or path, field.sequence.step
            first = self._next.get(key, start)
            made = np.arange(first, first + count * step, step, dtype=np.int64)
            if field.sequence.within and (begun := np.flatnonzero(self._begins(field.sequence.within))).size:
                last = np.searchsorted(begun, np.arange(count), side="right") - 1
                made = np.where(last >= 0, start + step * (np.arange(count) - begun[np.maximum(last, 0)]), made)
            self._next[key] = int(made[-1]) + step if count else first
            return pa.array(made)
        if field.same_as in self._last:
            return pa.concat_arrays([self._last[field.same_as]] * count)
        return pa.array([field.default] * count, pa.string()) if field.default else pa.nulls(count)


def _all(table: Bytes) -> NDArray[np.int64]:
    return np.arange(len(table))
