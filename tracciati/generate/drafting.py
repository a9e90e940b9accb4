"""Drafting: the records of a generated file, stretch by stretch, with invented values that the layout accepts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tracciati import bases, rules
from tracciati.encodings import blank
from tracciati.expression import Aggregate, Combined, Count, Name, names
from tracciati.framing import SEPARATORS
from tracciati.framing.matching import Order as Succession
from tracciati.generate import specimens, succession
from tracciati.generate.refusal import SpecimenError
from tracciati.values import Values, numbers, pages, signs
from tracciati.values.cells import Flags
from tracciati.writing import lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracciati.layout import Direction, Field, Layout, Record, Rule
    from tracciati.structure import Automaton

# (record type, field) -> its value in the latest record of that type before each of those that are being made
Beside = Callable[["Record", str], pa.Array]

UNITS_PER_STRETCH = 5_000

# Times that the values of a record are drawn again until a rule holds. Nineteen of twenty draws may fail it.
DRAWS_MAX = 200


@dataclass(frozen=True)
class Order:
    """What is asked for.

    count  how many units (records or groups) the file holds
    unit   which; "" for the one that repeats
    given  `record.field` -> the value of all of them, instead of an invented one
    """

    seed: int
    count: int = 10
    unit: str = ""
    direction: Direction = "request"
    given: Mapping[str, object] = field(default_factory=dict)


@dataclass
class Part:
    """A stretch of the file: its record types in order, and the values of each type's records."""

    draft: Draft
    types: NDArray[np.int16]
    order: Succession
    arrays: dict[str, dict[str, pa.Array]]

    def encoded(self) -> bytes:
        """Its bytes."""
        return self._fixed() if self.draft.layout.file.kind == "fixed" else self._delimited()

    def _fixed(self) -> bytes:
        layout = self.draft.layout
        separator = SEPARATORS[layout.file.separator]
        if layout.file.length is None:
            return self._of_many_lengths()
        length = layout.file.length
        out = np.full((len(self.types), length + len(separator)), blank(layout.file.codec), np.uint8)
        out[:, length:] = np.frombuffer(separator, np.uint8)
        for record in layout.records:
            rows = np.flatnonzero(self.types == record.index)
            if not len(rows):
                continue
            out[rows, :length] = self._table(record, len(rows))
        return out.tobytes()

    def _table(self, record: Record, count: int) -> NDArray[np.uint8]:
        """The records of one type: uint8 (count, length)."""
        table = np.full((count, record.length), blank(self.draft.layout.file.codec), np.uint8)
        own = self.arrays[record.name]
        for one in sorted(record.fields_in(self.draft.order.direction), key=lambda one: one.when is not None):
            cells = pages.closed(self.draft.cells(record, one, own[one.name]), one, self.draft.layout.file.codec)
            present = self.draft.present(record, one, own)
            if present is None:
                table[:, one.start : one.stop] = cells
            else:
                table[present, one.start : one.stop] = cells[present]
        return table

    def _sizes(self, record: Record, count: int) -> list[int]:
        """How many bytes each record of one type has."""
        if record.repeated is None or not count:
            return [record.length] * count
        by, start, size = record.repeated
        times = self.draft.values(record, by, self.arrays[record.name][by]).numbers
        assert times is not None, "declare lets only numbers repeat"
        return [start + size * number for number in times.tolist()]

    def _of_many_lengths(self) -> bytes:
        separator = SEPARATORS[self.draft.layout.file.separator]
        raw: list[bytes] = [b""] * len(self.types)
        for record in self.draft.layout.records:
            rows = np.flatnonzero(self.types == record.index)
            table = self._table(record, len(rows)) if len(rows) else ()
            sizes = self._sizes(record, len(rows))
            for row, cells, size in zip(rows.tolist(), table, sizes, strict=True):
                raw[row] = cells[:size].tobytes() + separator
        return b"".join(raw)

    def _delimited(self) -> bytes:
        layout, direction = self.draft.layout, self.draft.order.direction
        made: list[pa.StringArray] = []
        places: list[NDArray[np.intp]] = []
        for record in layout.records:
            rows = np.flatnonzero(self.types == record.index)
            if len(rows):
                own = self.arrays[record.name]
                cells = [self.draft.spelled(record, one, own[one.name]) for one in record.fields_in(direction)]
                made.append(in_lines(cells, layout))
                places.append(rows)
        if not made:
            return b""
        in_order = pa.concat_arrays(made).take(pa.array(np.argsort(np.concatenate(places))))
        return lines.ended(in_order, SEPARATORS[layout.file.separator]).tobytes()


def unit_of(layout: Layout, order: Order) -> str:
    """What is repeated: what was asked for, or what the structure repeats."""
    return order.unit or succession.default_unit(layout.structure[order.direction])


def stretches(layout: Layout, order: Order) -> Iterator[succession.Stretch]:
    """The types of the file's records: the same each time that they are asked for."""
    unit = unit_of(layout, order)
    # The walk has chances of its own, so that values do not depend on how the file is cut into stretches.
    chance = np.random.default_rng((order.seed, 1))
    automaton, count = layout.structure[order.direction], order.count if unit else 0
    return succession.walk(automaton, unit, count, chance, units_per_stretch=UNITS_PER_STRETCH)


def in_lines(cells: list[pa.StringArray], layout: Layout) -> pa.StringArray:
    """Cells of one record type, as records without their separators."""
    dialect = layout.file.dialect
    return lines.records([lines.quoted(column, dialect) for column in cells], dialect)


class Draft:
    """One pass over the file. Two passes with the same order make the same choices."""

    def __init__(self, layout: Layout, order: Order, computed: Mapping[str, pa.Array]) -> None:
        self.layout, self.order, self.computed = layout, order, computed
        self.codec = pages.inner(layout.file.codec)
        self.chance = np.random.default_rng(order.seed)
        self.automaton = layout.structure[order.direction]
        self.made: dict[str, int] = dict.fromkeys((r.name for r in layout.records), 0)
        self.narrowest = {path: _narrowest(layout, path, fields) for path, fields in _repeaters(layout, order).items()}
        # Of a record that is there once, the values: `same_as` and rules of other records ask for them.
        self.single: dict[str, dict[str, pa.Array]] = {}
        self.last: dict[str, dict[str, pa.Array]] = {}
        self.series = _series(layout, order.direction)
        self.counted: dict[str, int] = {}
        self.numbered: dict[str, NDArray[np.int64]] = {}
        self.in_turn = _in_turn(layout, self.automaton)

    def parts(self) -> Iterator[Part]:
        """The file, stretch by stretch."""
        state = 0
        for stretch in stretches(self.layout, self.order):
            run = self.automaton.run(stretch.types, state)
            assert run.stop == -1, "the walk left the structure"
            before = np.concatenate((np.array([state], np.int16), run.states[:-1]))
            state = run.state
            self._number(stretch.types, before)
            arrays: dict[str, dict[str, pa.Array]] = {}
            for record in self.in_turn:
                rows = np.flatnonzero(stretch.types == record.index)
                if len(rows):
                    arrays[record.name] = self._arrays(record, rows, stretch.types, arrays)
                    self.made[record.name] += len(rows)
            self._remember(arrays)
            yield Part(self, stretch.types, Succession(run.states, before, run.state, ()), arrays)

    def _number(self, types: NDArray[np.int16], before: NDArray[np.int16]) -> None:
        """The numbers of the stretch's records in counts of several types, or that begin anew in a group."""
        for key, members in self.series.items():
            sequence = members[0][1].sequence
            assert sequence is not None, "a member of a series has a sequence"
            is_member = np.isin(types, [record.index for record, _ in members])
            place = self.counted.get(key, 0) + np.cumsum(is_member)
            if sequence.within:
                group = self.automaton.group_index(sequence.within)
                begun = np.flatnonzero(self.automaton.begins[before, types, group])
                last = np.searchsorted(begun, np.arange(len(types)), side="right") - 1
                so_far = place - is_member
                place = np.where(last >= 0, place - so_far[begun[np.maximum(last, 0)]] if len(begun) else place, place)
            self.counted[key] = int(place[-1]) if len(place) else self.counted.get(key, 0)
            start = 1 if sequence.start is None else sequence.start
            for record, one in members:
                at = types == record.index
                self.numbered[f"{record.name}.{one.name}"] = start + sequence.step * (place[at] - 1)

    def _remember(self, arrays: dict[str, dict[str, pa.Array]]) -> None:
        """Of each record type the last values: a record of the next stretch may repeat them."""
        for name, columns in arrays.items():
            self.last[name] = {one: column[-1:] for one, column in columns.items()}

    def _is_single(self, record: Record) -> bool:
        return record.index not in self.automaton.repeated_types

    def _arrays(
        self,
        record: Record,
        rows: NDArray[np.intp],
        types: NDArray[np.int16],
        drawn: dict[str, dict[str, pa.Array]],
    ) -> dict[str, pa.Array]:
        """The values of the records at `rows` of a stretch, next in the file. drawn: those of other types, so far."""
        if self._is_single(record):
            assert len(rows) == 1, "the automaton says that there is one"
            return self._single(record)

        def beside(owner: Record, name: str) -> pa.Array:
            if self._is_single(owner):
                return pa.repeat(self._single(owner)[name][0], len(rows))
            before = np.searchsorted(np.flatnonzero(types == owner.index), rows) - 1
            known = [self.last[owner.name][name]] if owner.name in self.last else []
            known += [drawn[owner.name][name]] if owner.name in drawn else []
            return pa.concat_arrays(known).take(pa.array(before + (owner.name in self.last)))

        return self._drawn(record, len(rows), beside)

    def _single(self, record: Record) -> dict[str, pa.Array]:
        if record.name not in self.single:
            self.single[record.name] = self._drawn(record, 1, lambda owner, name: self._single(owner)[name])
        return self.single[record.name]

    def _drawn(self, record: Record, count: int, beside: Beside) -> dict[str, pa.Array]:
        fields = record.fields_in(self.order.direction)
        arrays = {one.name: self._column(record, one, count) for one in fields if not one.same_as}
        self._repeat(record, arrays, beside)
        form = self.layout.file
        if form.length_in and record.repeated is not None:
            by, start, size = record.repeated
            times = np.asarray(pc.fill_null(arrays[by].cast(pa.int64()), 0))
            arrays[form.length_in] = pa.array(start + size * times - form.length_adds, pa.int64())
        for one in fields:
            if one.sign_in:
                arrays[one.sign_in] = signs.texts_of(arrays[one.name], one)
        rules_of_it = [rule for rule in self.layout.rules if rule.on == record.name]
        # What is drawn again for one rule may break another that speaks of the same field: then once more.
        for _ in range(DRAWS_MAX):
            again = [self._obey(rule, record, arrays, count, beside) for rule in rules_of_it]
            if not any(again[1:]):
                return arrays
        why = f"no values were found for which rules {', '.join(rule.id for rule in rules_of_it)} hold together"
        raise SpecimenError(record.name, why, "give a value that they hold for (--set record.field=value)")

    def _repeat(self, record: Record, arrays: dict[str, pa.Array], beside: Beside) -> None:
        """Fill in the fields with `same_as`: first those that repeat another record's."""
        repeating = [one for one in record.fields_in(self.order.direction) if one.same_as]
        for one in sorted(repeating, key=lambda one: record.source_of(one) is not one):
            source = record.source_of(one)
            if source is not one:
                arrays[one.name] = _as_type(arrays[source.name], one)
                continue
            owner, _, name = one.same_as.partition(".")
            arrays[one.name] = _as_type(beside(self.layout.by_name[owner], name), one)

    def _column(self, record: Record, one: Field, count: int) -> pa.Array:
        path, direction = f"{record.name}.{one.name}", self.order.direction
        if path in self.order.given:
            if one.unique and self.made[record.name] + count > 1:
                why = "no two records may have the same value, and all of them would have the given one"
                raise SpecimenError(path, why, "leave it out, or ask for one record (--count 1)")
            return pa.array([self.order.given[path]] * count, specimens.arrow_type(one))
        if one.base == "const":
            return pa.array([one.value] * count, pa.string())
        if one.base == "filler" or (one.origin and direction == "request"):
            return specimens.nothing(one, count)
        if direction in one.derive:
            first = self.made[record.name]
            known = self.computed.get(path)
            return specimens.amounts(one, np.zeros(count, np.int64)) if known is None else known[first : first + count]
        form = self.layout.file
        if one.name == form.length_in:
            return pa.array(np.full(count, record.length - form.length_adds), pa.int64())
        if path in self.numbered:
            return pa.array(self.numbered[path], pa.int64())
        if one.sequence is not None:
            start = 1 if one.sequence.start is None else one.sequence.start
            step = one.sequence.step
            return pa.array(start + step * (self.made[record.name] + np.arange(count)), pa.int64())
        if path == self.layout.file.reference_date:
            return specimens.days_from(self.layout.valid_from, count, self.chance)
        drawn, is_needed = self.narrowest.get(path, (one, False))
        column = specimens.column(
            drawn,
            count,
            self.chance,
            path=path,
            codec=self.layout.file.codec,
            first=self.made[record.name],
            can_be_empty=self.layout.file.kind == "delimited" or _has_blanks(one),
            is_needed=is_needed,
        )
        return _as_type(column, one)

    def _obey(self, rule: Rule, record: Record, arrays: dict[str, pa.Array], count: int, beside: Beside) -> bool:
        """Draw the values that the rule speaks of again, until it holds for every record; was any drawn?"""
        check = rule.check
        assert not isinstance(check, Count | Aggregate | Combined), "declare lets a rule be a condition only"
        asked = names(check)
        free = [record.source_of(record.by_name[n.field]) for n in asked if n.record in (None, record.name)]
        free = [one for one in free if self._is_free(one, record)]
        for draws_count in range(DRAWS_MAX):
            columns = {name.path: self._named(name, record, arrays, beside) for name in asked}
            broken = ~rules.evaluate(check, columns, count)
            if not broken.any():
                return draws_count > 0
            if not free:
                break
            for one in free:
                again = self._column(record, one, count)
                arrays[one.name] = pc.if_else(pa.array(broken), again, arrays[one.name])
            self._repeat(record, arrays, beside)
        why = f"no values were found for which rule {rule.id} holds"
        raise SpecimenError(record.name, why, "give a value that it holds for (--set record.field=value)")

    def _is_free(self, one: Field, record: Record) -> bool:
        is_given = f"{record.name}.{one.name}" in self.order.given
        is_bound = (
            one.base in ("const", "filler")
            or one.name == self.layout.file.length_in
            or one.same_as
            or one.sequence
            or one.derive
            or one.unique
        )
        return not is_given and not is_bound and not (one.origin and self.order.direction == "request")

    def _named(self, name: Name, record: Record, arrays: dict[str, pa.Array], beside: Beside) -> Values:
        if name.record in (None, record.name):
            return self.values(record, name.field, arrays[name.field], arrays)
        owner = self.layout.by_name[name.record]
        return self.values(owner, name.field, beside(owner, name.field))

    def values(
        self, record: Record, name: str, array: pa.Array, arrays: Mapping[str, pa.Array] | None = None
    ) -> Values:
        """An array as checks and totals want it: written, and read back. arrays: all of the records' values."""
        one = record.by_name[name]
        lengths = None
        if self.layout.file.kind == "fixed":
            cells = self.cells(record, one, array)
        else:
            cells, lengths = _padded(self.spelled(record, one, array), right=one.base in bases.RIGHT_ALIGNED)
        column = bases.of(one.base).read(cells, one, lengths, codec=self.codec)
        read = column.values
        if one.sign_in:
            read = numbers.unscaled(array, one)[0]
        values = Values(one, read, cells, lengths, column.null, column.bad, self.codec)
        return values if arrays is None else values.where(self.present(record, one, arrays))

    def present(self, record: Record, one: Field, arrays: Mapping[str, pa.Array]) -> Flags | None:
        """In which of the records a field is there, by their other values; None: in all."""
        if one.when is None:
            return None
        asked = {name.field for name in names(one.when)}
        read = {name: self.values(record, name, arrays[name]) for name in asked}
        return rules.presence(one.when, read, len(arrays[one.name]))

    def cells(self, record: Record, one: Field, array: pa.Array) -> NDArray[np.uint8]:
        """The cells of a fixed field, as its base writes them."""
        if one.origin and self.order.direction == "request":
            return _blank(one, len(array))
        path = f"{record.name}.{one.name}"
        cells: NDArray[np.uint8] = bases.of(one.base).write(array, one, self.codec, path=path)
        return cells

    def spelled(self, record: Record, one: Field, array: pa.Array) -> pa.StringArray:
        """The cells of a delimited column, in the file's encoding, without quotes."""
        if one.origin and self.order.direction == "request":
            return pa.nulls(len(array), pa.string())
        return bases.of(one.base).spell(array, one, self.codec, path=f"{record.name}.{one.name}")


def _series(layout: Layout, direction: Direction) -> dict[str, list[tuple[Record, Field]]]:
    """Counts that go through several record types, or begin anew in a group: their fields, by the name of each."""
    found: dict[str, list[tuple[Record, Field]]] = {}
    for record in layout.records:
        for one in record.fields_in(direction) if record.is_in(direction) else ():
            if one.sequence is not None and (one.sequence.series or one.sequence.within):
                found.setdefault(one.sequence.series or f"{record.name}.{one.name}", []).append((record, one))
    return found


def _in_turn(layout: Layout, automaton: Automaton) -> list[Record]:
    """The record types as they are declared, but each behind those, there more than once, that it asks for values."""
    found: dict[str, Record] = {}

    def put(record: Record, waiting: frozenset[str]) -> None:
        asked = [field.same_as for field in record.fields] + [
            name.path for rule in layout.rules if rule.on == record.name for name in names(rule.check)
        ]
        for path in asked:
            owner = path.partition(".")[0]
            is_other = "." in path and owner not in waiting
            if is_other and layout.by_name[owner].index in automaton.repeated_types:
                put(layout.by_name[owner], waiting | {owner})
        found.setdefault(record.name, record)

    for record in layout.records:
        put(record, frozenset({record.name}))
    return list(found.values())


def _repeaters(layout: Layout, order: Order) -> dict[str, list[Field]]:
    """Field path -> the fields that repeat it, straight or by way of others."""
    found: dict[str, list[Field]] = {}
    for record in layout.records:
        for one in record.fields_in(order.direction) if record.is_in(order.direction) else ():
            if one.same_as and not (one.origin and order.direction == "request"):
                found.setdefault(layout.repeated_path(record, one), []).append(one)
    return found


def _narrowest(layout: Layout, path: str, repeaters: list[Field]) -> tuple[Field, bool]:
    """The field at `path` as short as the shortest that repeats it, and whether one of these must have a value."""
    one = layout.field(path)
    lengths = [field.length for field in (one, *repeaters) if field.length is not None]
    is_free = one.base in ("text", "integer", "decimal", "packed") and one.codes is None
    digits = min(field.digits for field in (one, *repeaters))
    narrow = replace(one, length=min(lengths, default=None), digits=digits) if is_free else one
    can_be_empty = layout.file.kind == "delimited"
    needed = [field.required or not (field.null or can_be_empty or _has_blanks(field)) for field in repeaters]
    return narrow, any(needed)


def _has_blanks(one: Field) -> bool:
    """Are blanks of a fixed cell "no value", without a null text?"""
    return one.base == "text" and one.codes is None


def _as_type(array: pa.Array, one: Field) -> pa.Array:
    """Another field's values in the type of this one: amounts of the same scale may differ in their digits."""
    return array.cast(specimens.arrow_type(one)) if one.is_amount else array


def _blank(one: Field, count: int) -> NDArray[np.uint8]:
    """What a field that the answer fills holds in a request: its first null text, else blanks."""
    assert one.length is not None, "a fixed field has a length"
    text = (one.null[0] if one.null else " " * one.length).encode("latin-1")
    cells: NDArray[np.uint8] = np.broadcast_to(np.frombuffer(text, np.uint8), (count, one.length))
    return cells


def _padded(spelled: pa.StringArray, *, right: bool) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Cells side by side: numbers right-aligned and filled with "0", others left-aligned and with 0x00."""
    texts = [text or b"" for text in spelled.cast(pa.binary()).to_pylist()]
    lengths = np.array([len(text) for text in texts], np.int64)
    width = max(1, int(lengths.max()) if len(lengths) else 1)
    filled = b"".join(text.rjust(width, b"0") if right else text.ljust(width, b"\0") for text in texts)
    return np.frombuffer(filled, np.uint8).reshape(len(texts), width).copy(), lengths
