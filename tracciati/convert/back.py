"""Back: values become a file of the layout.

JSON lines hold all records in their order. Rows of CSV and Parquet are of one type: what stands around them is made by
the layout, from its constants, totals and sequences and from what is given. Totals and lengths are computed over what
is written, whatever the data say of them. A column that is not there is filled in as in any new record; one that is
there is written as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
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
    portions: Iterable[Sequence[Portion]],
    sink: BinaryIO,
    layout: Layout,
    direction: Direction,
    source: Source,
    *,
    record: str = "",
    given: Given | None = None,
) -> Written:
    """Write a file of the layout.

    portions  what `taking` found in the source, some thousand rows at a time
    record    the type of all rows, around which the others are made; "" where the portions say theirs
    given     `record.field` -> the value in every such record that has none of its own

    Raises ConversionError, naming line or row, field and value, WritingError for records in an order that the layout
    does not have, NoPlace when the rows of one type do not say where they stand. The sink is then to be thrown away.
    """
    with Writer(sink, layout, direction) as writer:
        work = _Work(writer, layout, direction, source, given or {})
        if not record:
            for stretch in portions:
                work.add(stretch)
            return work.close()
        frame = around(layout.structure[direction], record)
        work.check_given((*frame.before, record, *frame.after))
        for name in frame.before:
            work.make(name)
        for stretch in portions:
            for portion in stretch:
                if portion.record not in ("", record):
                    why, hint = f"it is a `{portion.record}`, not a `{record}`", "leave it out, or leave --record out"
                    raise source.wrong(portion.first, why, hint)
            work.add([replace(portion, record=record) for portion in stretch])
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

    def add(self, stretch: Sequence[Portion]) -> None:
        """Write rows, in the order of their numbers."""
        columns = [self._columns(portion, self._record(portion)) for portion in stretch]
        self.rows_count += sum(len(portion.numbers) for portion in stretch)
        if len(stretch) == 1:
            (portion,) = stretch
            with self._placed(portion, columns[0]):
                self._writer.add(portion.record, columns[0], len(portion.numbers))
        elif all(self._is_settled(*pair) for pair in zip(stretch, columns, strict=True)):
            drafts = []
            for portion, own in zip(stretch, columns, strict=True):
                with self._placed(portion, own):
                    drafts.append(self._writer.draft(portion.record, own, portion.numbers))
            self._writer.add_drafts(drafts)
        else:  # what is filled in goes on from record to record
            for run in _runs(stretch):
                self.add([run])

    def _record(self, portion: Portion) -> Record:
        if portion.record not in self._layout.by_name:
            unknown = UnknownName("the layout has no record type", portion.record, self._layout.by_name)
            raise self._source.wrong(portion.first, str(unknown))
        return self._layout.by_name[portion.record]

    @contextmanager
    def _placed(self, portion: Portion, columns: Mapping[str, pa.Array]) -> Iterator[None]:
        """A value that does not fit is told with its place in the data."""
        try:
            yield
        except DoesNotFit as problem:
            path = _path(problem, portion.record)
            hint = "correct the value; nothing was cut or rounded, and nothing was written"
            if path.partition(".")[2] not in columns:
                hint = f"the data have no such column: add it, or give all rows a value: --set {path}=VALUE"
            raise self._source.wrong(portion.at(problem.row), f"{path}: {problem.why}", hint) from None

    def _is_settled(self, portion: Portion, columns: Mapping[str, pa.Array]) -> bool:
        """Do the data say all that would else be made of the records before?"""
        fields = self._layout.by_name[portion.record].fields_in(self._direction)
        return all(field.name in columns for field in fields if field.sequence is not None or field.same_as)

    def _columns(self, portion: Portion, record: Record) -> dict[str, pa.Array]:
        fields = {field.name: field for field in record.fields_in(self._direction) if field.base != "filler"}
        columns = self._constants(record.name, len(portion.numbers))
        for name, array in portion.columns.items():
            if name == NUMBER and name not in fields:
                continue
            if name not in fields:
                unknown = UnknownName(f"record {record.name} has no field", name, fields)
                hint = "part the cells by commas" if ";" in name else ""
                place = "" if portion.word == "row" else portion.first
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


def _runs(stretch: Sequence[Portion]) -> Iterator[Portion]:
    """The rows in the order of their numbers, as runs of one portion each."""
    numbers = np.concatenate([portion.numbers for portion in stretch])
    whose = np.repeat(np.arange(len(stretch)), [len(portion.numbers) for portion in stretch])[np.argsort(numbers)]
    begun = [0] * len(stretch)
    for rows in np.split(whose, np.flatnonzero(np.diff(whose)) + 1):
        which = int(rows[0])
        yield stretch[which].slice(begun[which], begun[which] + len(rows))
        begun[which] += len(rows)


def _path(problem: DoesNotFit, record: str) -> str:
    """`record.field`: columns of a type that never fits are told by the field alone."""
    return problem.path if "." in problem.path else f"{record}.{problem.path}"
