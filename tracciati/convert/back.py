"""Back: values become a file of the layout.

JSON lines hold all records in their order. Rows of CSV and Parquet are of one type: what stands around them is made by
the layout, from its constants, totals and sequences and from what is given. Totals and lengths are computed over what
is written, whatever the data say of them. A column that is not there is filled in as in any new record; one that is
there is written as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from tracciati.convert import NUMBER
from tracciati.convert.around import around
from tracciati.convert.taking import Portion, Source
from tracciati.errors import DoesNotFit, TracciatiError, UnknownName, WritingError
from tracciati.writing import Writer, Written

if TYPE_CHECKING:
    from tracciati.layout import Direction, Field, Layout, Record

Given = Mapping[str, object]


def write(
    portions: Iterable[Portion],
    sink: BinaryIO,
    layout: Layout,
    direction: Direction,
    source: Source,
    *,
    record: str = "",
    given: Given | None = None,
) -> Written:
    """Write a file of the layout.

    portions  what `taking` found in the source
    record    the type of all rows, around which the others are made; "" where the portions say theirs
    given     `record.field` -> the value in every such record that has none of its own

    Raises ConversionError, naming line or row, field and value, WritingError for records in an order that the layout
    does not have, NoPlace when the rows of one type do not say where they stand. The sink is then to be thrown away.
    """
    with Writer(sink, layout, direction) as writer:
        work = _Work(writer, layout, direction, source, given or {})
        if not record:
            for portion in portions:
                work.add(portion)
            return work.close()
        frame = around(layout.structure[direction], record)
        work.check_given((*frame.before, record, *frame.after))
        for name in frame.before:
            work.make(name)
        for portion in portions:
            if portion.record not in ("", record):
                why, hint = f"it is a `{portion.record}`, not a `{record}`", f"name that one: --record {portion.record}"
                raise source.wrong(f"{portion.word} {portion.first}", why, hint)
            work.add(replace(portion, record=record))
        try:
            for name in frame.after:
                work.make(name)
            return work.close()
        except WritingError:
            if work.rows_count:
                raise
            why = f"it has no rows, and the structure `{layout.structure[direction].text}` wants a `{record}`"
            raise source.wrong("", why, "write no file where there is nothing to send") from None


class GivenError(TracciatiError):
    """A value that cannot be given."""

    def __init__(self, path: str, why: str, hint: str) -> None:
        self.hint = hint
        super().__init__(f"--set {path}: {why}")


class _Work:
    """One file on its way."""

    def __init__(self, writer: Writer, layout: Layout, direction: Direction, source: Source, given: Given) -> None:
        self._writer, self._layout, self._direction = writer, layout, direction
        self._source, self._given = source, given
        self.rows_count = 0

    def check_given(self, records: tuple[str, ...]) -> None:
        """What is given must be for a record that is written, and not be computed."""
        for path in self._given:
            name, field = path.partition(".")[0], self._layout.field(path)
            if name not in records:
                why = f"no `{name}` is written: the structure asks for {' '.join(records)}"
                raise GivenError(path, why, "leave it out")
            if self._is_computed(field):
                raise GivenError(path, "it is computed from the file", "leave it out")

    def _is_computed(self, field: Field) -> bool:
        return self._direction in field.derive or field.name == self._layout.file.length_in

    def make(self, name: str) -> None:
        """Write a record that stands around the rows."""
        try:
            self._writer.add(name, self._constants(name, 1), 1)
        except DoesNotFit as problem:
            path = _path(problem, name)
            hint = f"give it a value: --set {path}=VALUE"
            raise self._source.wrong("", f"{path}, in the {name} around the rows: {problem.why}", hint) from None

    def add(self, portion: Portion) -> None:
        """Write rows."""
        name = portion.record
        place = f"{portion.word} {portion.first}"
        if name not in self._layout.by_name:
            unknown = UnknownName("the layout has no record type", name, self._layout.by_name)
            raise self._source.wrong(place, str(unknown))
        columns = self._columns(portion, self._layout.by_name[name])
        self.rows_count += portion.count
        try:
            self._writer.add(name, columns, portion.count)
        except DoesNotFit as problem:
            path = _path(problem, name)
            where = f"{portion.word} {portion.first + problem.row}"
            hint = "correct the value; nothing was cut or rounded, and nothing was written"
            if path.partition(".")[2] not in columns:
                hint = f"the data have no such column: add it, or give all rows a value: --set {path}=VALUE"
            raise self._source.wrong(where, f"{path}: {problem.why}", hint) from None

    def _columns(self, portion: Portion, record: Record) -> dict[str, pa.Array]:
        fields = {field.name: field for field in record.fields_in(self._direction) if field.base != "filler"}
        columns = self._constants(record.name, portion.count)
        for name, array in portion.columns.items():
            if name == NUMBER and name not in fields:
                continue
            if name not in fields:
                unknown = UnknownName(f"record {record.name} has no field", name, fields)
                hint = "part the cells by commas" if ";" in name else ""
                place = "" if portion.word == "row" else f"{portion.word} {portion.first}"
                raise self._source.wrong(place, str(unknown), hint)
            if name in columns:
                why = f"the data have a column `{name}` of their own"
                raise GivenError(f"{record.name}.{name}", why, "leave one of the two out")
            if not self._is_computed(fields[name]):
                columns[name] = array
        return columns

    def _constants(self, record: str, count: int) -> dict[str, pa.Array]:
        """What is given for each record of that type."""
        found = {path.partition(".")[2]: value for path, value in self._given.items() if path.startswith(f"{record}.")}
        return {name: pa.array([value] * count) for name, value in found.items()}

    def close(self) -> Written:
        """Complete the file."""
        try:
            return self._writer.close()
        except DoesNotFit as problem:
            hint = "split the data into several files"
            raise self._source.wrong("", f"{problem.path}: {problem.why}", hint) from None


def _path(problem: DoesNotFit, record: str) -> str:
    """`record.field`: columns of a type that never fits are told by the field alone."""
    return problem.path if "." in problem.path else f"{record}.{problem.path}"
