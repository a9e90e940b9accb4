"""Ledger: what a writer must remember of the records it wrote. Their order, what they add up to, where totals stand.

Totals are taken from the written bytes themselves, so that they say what any reader of the file will find.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracciati import bases, rules
from tracciati.errors import DoesNotFit, WritingError
from tracciati.expression import names
from tracciati.framing.delimited import CellFrame
from tracciati.framing.matching import Order, group_marks, present
from tracciati.totals import Computed, Settled, Totals
from tracciati.values import Values, numbers, pages, signs
from tracciati.values.cells import Bytes, Column, Flags
from tracciati.writing.output import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracciati.framing import Frame, Index
    from tracciati.framing.matching import Types
    from tracciati.layout import Direction, Field, Layout, Record

# No cell of a number, date or code is longer; what lies beyond does not matter to a total.
CELL_BYTES_MAX = 64


@dataclass(frozen=True)
class _Total:
    """A field that was written and holds a total, or repeats one.

    path    of the total
    value   what the field holds now, None when nobody can read it
    made    by us
    number  of the occurrence that it is the total of; 0 when it is of the file
    """

    path: str
    field: Field
    place: Place
    value: int | None
    made: bool
    number: int


class Ledger:
    """Follows one file."""

    def __init__(self, layout: Layout, direction: Direction) -> None:
        self.records_count = 0
        self._layout, self._direction = layout, direction
        self._automaton = layout.structure[direction]
        self._state = 0
        self._totals = Totals(layout, direction)
        self._needs = self._totals.needs()
        self._settled: dict[str, Settled] = {}
        self._derived = {
            record.index: [one for one in record.fields_in(direction) if self._total_of(record, one) is not None]
            for record in layout.records
            if record.is_in(direction)
        }
        self._has_total = np.array([bool(self._derived.get(record.index)) for record in layout.records])
        self._waiting: list[_Total] = []
        self._changes: dict[Place, bytes] = {}

    def _total_of(self, record: Record, field: Field) -> str | None:
        """Path of the total that the field holds: its own, or that of the field it repeats. None: it holds none."""
        path = self._layout.repeated_path(record, field)
        return path if self._direction in self._layout.field(path).derive else None

    def must_see(self, types: Types) -> bool:
        """Must the bytes of such records be looked at, for a sum or for a place?"""
        return any(self._derived.get(t) or self._layout.records[t].name in self._needs for t in present(types))

    def begins(self, types: Types) -> Callable[[str], Flags]:
        """Which of the records that are to be written next begin a new occurrence of a group: group -> bool (n,)."""
        run = self._automaton.run(types, self._state)
        before = np.concatenate((np.array([self._state], np.int16), run.states[:-1]))

        def of_group(group: str) -> Flags:
            found: Flags = self._automaton.begins[before, types, self._automaton.group_index(group)]
            return found & (before >= 0)

        return of_group

    def add(self, types: Types, frame: Frame | None, *, made: bool) -> int:
        """Account for records about to be written: index of the first one with a total, -1 when there is none.

        frame  how they are cut; None when `must_see` said no

        Raises WritingError for a record that cannot stand where it stands.
        """
        order = self._follow(types)
        columns: dict[str, tuple[Index, dict[str, Values]]] = {}
        for index in present(types):
            record = self._layout.records[index]
            rows = np.flatnonzero(types == index)
            values: dict[str, Values] = {}
            for name in self._needs.get(record.name, ()):
                assert frame is not None, "must_see had to be asked"
                values[name] = read_column(frame, self._layout, self._direction, record, record.by_name[name], rows)
            columns[record.name] = (rows, values)
        self._settled = self._totals.add(
            types, lambda group: group_marks(self._automaton, group, types, order), columns
        )
        self._waiting = [total for total in self._waiting if not self._is_settled(total)]
        self.records_count += len(types)
        held = np.flatnonzero(self._has_total[types])
        return int(held[0]) if len(held) else -1

    def _is_settled(self, total: _Total) -> bool:
        """Is its occurrence complete now? Then what it must hold is among the changes."""
        settled = self._settled.get(total.path)
        if settled is None or not settled.covers(np.array([total.number])).any():
            return False
        self._change(total, settled.one(total.number))
        return True

    def _follow(self, types: Types) -> Order:
        run, state = self._automaton.run(types, self._state), self._state
        if run.stop >= 0:
            record = self._layout.records[int(types[run.stop])].name
            before = state if run.stop == 0 else int(run.states[run.stop - 1])
            expected = " or ".join(self._automaton.expected(before))
            number = self.records_count + run.stop + 1
            cause = f"a {record} cannot stand there; expected {expected}"
            raise WritingError(self._layout.name, number, cause, f"the structure is: {self._automaton.text}")
        self._state = run.state
        before_each = np.concatenate((np.array([state], np.int16), run.states[:-1]))
        return Order(run.states, before_each, run.state, ())

    def note_places(self, frame: Frame, types: Types, moved: int, *, made: bool) -> None:
        """Remember where the totals of these records stand. moved: from the frame's buffer to the held bytes."""
        for index, fields in self._derived.items():
            record = self._layout.records[index]
            rows = np.flatnonzero(types == index) if fields else np.empty(0, np.int64)
            for field in fields if len(rows) else ():
                path = self._total_of(record, field)
                assert path is not None, "only fields with totals are asked"
                numbers = self._totals.numbers(path)[rows]
                column = read_column(frame, self._layout, self._direction, record, field, rows)
                for at in self._to_look_at(path, column, numbers).tolist():
                    start, stop = _span(frame, record, field, int(rows[at]), self._direction)
                    place = Place(start + moved, stop - start)
                    value = _value_at(column, at)
                    total = _Total(path, field, place, value, made, int(numbers[at]))
                    if not self._is_settled(total):
                        self._waiting.append(total)

    def _to_look_at(self, path: str, column: Values, numbers: Index) -> Index:
        """All but the totals that hold what they must: whole columns at a time."""
        settled = self._settled.get(path)
        if settled is None or not len(settled):
            return np.arange(len(numbers))
        assert column.numbers is not None, "declare lets only numbers be derived"
        places = np.clip(numbers - settled.first, 0, len(settled) - 1)
        right = settled.covers(numbers) & settled.has[places] & (settled.unreadable[places] == 0)
        right &= (settled.values[places] == column.numbers).astype(np.bool_)
        for flags in (column.null, column.bad):
            right = right if flags is None else right & ~flags
        return np.flatnonzero(~right)

    def settled_until(self, stop: int) -> int:
        """How far the held bytes are known to be right but for the changes: `stop`, or the first that is not."""
        return min((total.place.start for total in self._waiting), default=stop)

    def take_changes(self, stop: int) -> dict[Place, bytes]:
        """What has to be written over bytes that are held before `stop`; each is given once."""
        taken = {place: raw for place, raw in self._changes.items() if place.start < stop}
        self._changes = {place: raw for place, raw in self._changes.items() if place.start >= stop}
        return taken

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
        for total in self._waiting:
            self._change(total, computed[total.path].one(total.number))
        return self._changes

    def _change(self, total: _Total, computed: Computed) -> None:
        """Note what the total must hold; a copied one stays as it came where nobody can compute it."""
        if computed.unreadable:
            if not total.made:
                return
            cause = f"{total.path} has no value: {computed.unreadable} of the values it is made of cannot be read"
            raise WritingError(self._layout.name, self.records_count, cause, "leave the records with such values out")
        if computed.value != total.value:
            self._changes[total.place] = self._spelled(total, computed.value)

    def _spelled(self, total: _Total, value: int | None) -> bytes:
        field = total.field
        room = 10 ** (field.digits or 18)
        if value is not None and not (1 - room if field.sign else 0) <= value < room:
            raise DoesNotFit(
                total.path, 0, value, f"the total {value} needs more than the field's {field.digits} digits"
            )
        column = Column(np.array([value or 0], np.int64), None if value is not None else np.ones(1, np.bool_), None)
        array = numbers.decimal_array(column, field) if field.is_amount else numbers.int64_array(column)
        base, codec = bases.of(field.base), pages.inner(self._layout.file.codec)
        if self._layout.file.kind == "delimited":
            text: str | None = base.spell(array, field, codec, path=total.path)[0].as_py()
            return (text or "").encode("ascii")
        cells: Bytes = pages.closed(base.write(array, field, codec, path=total.path), field, self._layout.file.codec)
        return cells.tobytes()


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
        every = slice(None) if len(rows) == len(frame) else rows
        cells = frame.records(every, record.length)[:, field.start : field.stop]
        cells = pages.opened(cells, field, layout.file.codec)
    codec = pages.inner(layout.file.codec)
    column = bases.of(field.base).read(cells, field, lengths, codec=codec)
    if field.sign_in:
        sign = read_column(frame, layout, direction, record, record.by_name[field.sign_in], rows)
        column = signs.in_column(column, sign.cells, sign.lengths, field, sign.field, codec)
    values = Values(field, column.values, cells, lengths, column.null, column.bad, codec)
    return values.where(present_in(frame, layout, direction, record, field, rows))


def present_in(
    frame: Frame, layout: Layout, direction: Direction, record: Record, field: Field, rows: Index
) -> Flags | None:
    """In which of the records the field is there: bool (n,), None when in all."""
    if field.when is None:
        return None
    asked = {name.field for name in names(field.when)}
    read = {name: read_column(frame, layout, direction, record, record.by_name[name], rows) for name in asked}
    return rules.presence(field.when, read, len(rows))


def _value_at(column: Values, at: int) -> int | None:
    """A number, None where there is none that could be read."""
    assert column.numbers is not None, "declare lets only numbers be derived"
    is_lost = any(flags is not None and bool(flags[at]) for flags in (column.null, column.bad))
    return None if is_lost else int(column.numbers[at])


def _span(frame: Frame, record: Record, field: Field, row: int, direction: Direction) -> tuple[int, int]:
    if isinstance(frame, CellFrame):
        return frame.cell_span(row, record.fields_in(direction).index(field))
    start = int(frame.starts[row])
    return start + field.start, start + field.stop
