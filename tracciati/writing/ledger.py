"""Ledger: what a writer must remember of the records it wrote. Their order, what they add up to, where totals stand.

Totals are taken from the written bytes themselves, so that they say what any reader of the file will find.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tracciati import bases
from tracciati.errors import DoesNotFit, WritingError
from tracciati.framing.delimited import CellFrame
from tracciati.framing.matching import present
from tracciati.totals import Computed, Totals
from tracciati.values import Values, numbers
from tracciati.values.cells import Column
from tracciati.writing.output import Place

if TYPE_CHECKING:
    from tracciati.framing import Frame, Index
    from tracciati.framing.matching import Types
    from tracciati.layout import Direction, Field, Layout, Record

# No cell of a number, date or code is longer; what lies beyond does not matter to a total.
CELL_BYTES_MAX = 64


@dataclass(frozen=True)
class _Total:
    """A field that was written and holds a total, or repeats one.

    path   of the total
    value  what the field holds now, None when nobody can read it
    made   by us
    """

    path: str
    field: Field
    place: Place
    value: int | None
    made: bool


class Ledger:
    """Follows one file."""

    def __init__(self, layout: Layout, direction: Direction) -> None:
        self.records_count = 0
        self._layout, self._direction = layout, direction
        self._automaton = layout.structure[direction]
        self._state = 0
        self._totals = Totals(layout, direction)
        self._needs = self._totals.needs()
        self._groups = self._totals.counts_groups()
        self._derived = {
            record.index: [one for one in record.fields_in(direction) if self._total_of(record, one) is not None]
            for record in layout.records
            if record.is_in(direction)
        }
        self._has_total = np.array([bool(self._derived.get(record.index)) for record in layout.records])
        self._written: list[_Total] = []

    def _total_of(self, record: Record, field: Field) -> str | None:
        """Path of the total that the field holds: its own, or that of the field it repeats. None: it holds none."""
        path = self._layout.repeated_path(record, field)
        return path if self._direction in self._layout.field(path).derive else None

    def must_see(self, types: Types) -> bool:
        """Must the bytes of such records be looked at, for a sum or for a place?"""
        return any(self._derived.get(t) or self._layout.records[t].name in self._needs for t in present(types))

    def add(self, types: Types, frame: Frame | None, *, made: bool) -> int:
        """Account for records about to be written: index of the first one with a total, -1 when there is none.

        frame  how they are cut; None when `must_see` said no

        Raises WritingError for a record that cannot stand where it stands.
        """
        self._follow(types)
        for index in present(types):
            record = self._layout.records[index]
            rows = np.flatnonzero(types == index)
            columns: dict[str, Values] = {}
            for name in self._needs.get(record.name, ()):
                assert frame is not None, "must_see had to be asked"
                columns[name] = read_column(frame, self._layout, self._direction, record, record.by_name[name], rows)
            self._totals.add(record.name, len(rows), columns)
        self.records_count += len(types)
        held = np.flatnonzero(self._has_total[types])
        return int(held[0]) if len(held) else -1

    def _follow(self, types: Types) -> None:
        run = self._automaton.run(types, self._state)
        if run.stop >= 0:
            record = self._layout.records[int(types[run.stop])].name
            before = self._state if run.stop == 0 else int(run.states[run.stop - 1])
            expected = " or ".join(self._automaton.expected(before))
            number = self.records_count + run.stop + 1
            cause = f"a {record} cannot stand there; expected {expected}"
            raise WritingError(self._layout.name, number, cause, f"the structure is: {self._automaton.text}")
        before_each = np.concatenate(([self._state], run.states[:-1]))
        for group in self._groups:
            begins = self._automaton.begins[before_each, types, self._automaton.group_index(group)]
            self._totals.add_group(group, int(np.count_nonzero(begins)))
        self._state = run.state

    def note_places(self, frame: Frame, types: Types, moved: int, *, made: bool) -> None:
        """Remember where the totals of these records stand. moved: from the frame's buffer to the held bytes."""
        for index, fields in self._derived.items():
            record = self._layout.records[index]
            rows = np.flatnonzero(types == index) if fields else np.empty(0, np.int64)
            for field in fields if len(rows) else ():
                column = read_column(frame, self._layout, self._direction, record, field, rows)
                assert column.numbers is not None, "declare lets only numbers be derived"
                for at, row in enumerate(rows.tolist()):
                    start, stop = _span(frame, record, field, row, self._direction)
                    is_lost = any(flags is not None and bool(flags[at]) for flags in (column.null, column.bad))
                    value = None if is_lost else int(column.numbers[at])
                    place = Place(start + moved, stop - start)
                    path = self._total_of(record, field)
                    assert path is not None, "only fields with totals are asked"
                    self._written.append(_Total(path, field, place, value, made))

    def finish(self) -> dict[Place, bytes]:
        """The bytes that totals must have, for those that differ from what was written.

        Raises WritingError when the file is not complete or a new total has no value, DoesNotFit when one is too big.
        """
        if not self._automaton.accepting[self._state]:
            expected = " or ".join(self._automaton.expected(self._state))
            cause = f"the file ends too soon; expected {expected}"
            raise WritingError(
                self._layout.name, self.records_count + 1, cause, f"the structure is: {self._automaton.text}"
            )
        computed = self._totals.finish()
        return {
            total.place: self._spelled(total, value)
            for total in self._written
            if (value := self._value(total, computed[total.path])) is not None and value != total.value
        }

    def _value(self, total: _Total, computed: Computed) -> int | None:
        """What the total must be; None when a copied one stays as it came, because nobody can compute it."""
        if computed.value is not None and not computed.unreadable:
            return computed.value
        if not total.made:
            return None
        cause = f"{total.path} has no value: {computed.unreadable} of the amounts it sums cannot be read"
        raise WritingError(self._layout.name, self.records_count, cause, "leave the records with such amounts out")

    def _spelled(self, total: _Total, value: int) -> bytes:
        field = total.field
        room = 10 ** (field.digits or 18)
        if not (1 - room if field.sign else 0) <= value < room:
            raise DoesNotFit(
                total.path, 0, value, f"the total {value} needs more than the field's {field.digits} digits"
            )
        column = Column(np.array([value], np.int64), None, None)
        array = numbers.decimal_array(column, field) if field.base == "decimal" else pa.array(column.values)
        base, codec = bases.of(field.base), self._layout.file.codec
        if self._layout.file.kind == "delimited":
            text: str = base.spell(array, field, codec, path=total.path)[0].as_py()
            return text.encode("ascii")
        cells: bytes = base.write(array, field, codec, path=total.path).tobytes()
        return cells


def read_column(
    frame: Frame,
    layout: Layout,
    direction: Direction,
    record: Record,
    field: Field,
    rows: Index,
    *,
    cell_bytes_max: int = CELL_BYTES_MAX,
) -> Values:
    """One field of some records, read. cell_bytes_max: bytes of a delimited cell that are looked at."""
    lengths = None
    if isinstance(frame, CellFrame):
        place = record.fields_in(direction).index(field)
        right = field.base in bases.RIGHT_ALIGNED
        cells, lengths = frame.cells(rows, place, right=right, width_max=cell_bytes_max)
    else:
        assert layout.file.length is not None, "a fixed layout has a record length"
        every = slice(None) if len(rows) == len(frame) else rows
        cells = frame.records(every, layout.file.length)[:, field.start : field.stop]
    column = bases.of(field.base).read(cells, field, lengths, codec=layout.file.codec)
    return Values(field, column.values, cells, lengths, column.null, column.bad)


def _span(frame: Frame, record: Record, field: Field, row: int, direction: Direction) -> tuple[int, int]:
    if isinstance(frame, CellFrame):
        return frame.cell_span(row, record.fields_in(direction).index(field))
    start = int(frame.starts[row])
    return start + field.start, start + field.stop
