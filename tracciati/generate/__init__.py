"""Generate: valid files by seed, for tests, demos and the person who has to try a layout before a real file comes.

The same layout, order and seed give the same bytes. A file is made in two passes over the same random choices: the
first adds up what the derived fields must hold, the second writes; so a head that counts what follows needs neither
memory nor a file that can be patched, and any stream will do.

    declare.load(...) -> generate(layout, sink, Order(seed=1, count=300)) -> Written
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa

from tracciati import bases, rules
from tracciati.errors import DoesNotFit
from tracciati.expression import Count, Name, Sum, names
from tracciati.framing import SEPARATORS
from tracciati.generate import counters, specimens, succession
from tracciati.generate.refusal import SpecimenError
from tracciati.totals import Totals
from tracciati.values import Values, strings
from tracciati.wording import counted
from tracciati.writing import lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracciati.layout import Direction, Field, Layout, Record, Rule

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


@dataclass(frozen=True)
class Generated:
    """What was written: records (a header row is none), bytes, and their hash."""

    records_count: int
    bytes_count: int
    sha256: str


def generate(
    layout: Layout, sink: BinaryIO, order: Order, *, on_stretch: Callable[[int], None] | None = None
) -> Generated:
    """Write a valid file.

    sink        any binary stream, written from its present place on
    on_stretch  called now and then with how many of the units are done, as a share of all work: a file with totals
                is made twice, the first time for its sums

    Returns what was written. Raises SuccessionError when the structure has no such file, SpecimenError when a field
    or rule leaves no value that would do or a given one is none of the field, DoesNotFit when a total does not fit.
    """
    assert order.direction in layout.structure, f"{layout.id} has no structure for {order.direction}"
    unknown = [path for path in order.given if not _has(layout, path)]
    if unknown:
        raise SpecimenError(unknown[0], "the layout has no such field", "write it as record.field")
    for path in order.given:
        _check_given(layout, order, path)
    counters.check(layout, order.direction, _stretches(layout, order), _unit(layout, order))
    totals = Totals(layout, order.direction)
    computed: dict[str, int] = {}
    passes_count = 2 if totals.paths() else 1
    told = _Told(on_stretch, order.count, passes_count)
    if totals.paths():
        for part in _Draft(layout, order, computed).parts():
            part.add_to(totals)
            told.stretch()
        told.next_pass()
        for path, total in totals.finish().items():
            if total.value is None:
                why = "the sum has more decimals than the total"
                raise SpecimenError(path, why, "give the total the scale of what it sums")
            digits = layout.field(path).digits or 18
            if abs(total.value) >= 10**digits:
                why = f"the total needs more than the field's {counted(digits, 'digit')}"
                raise SpecimenError(path, why, "ask for fewer (--count), or for smaller amounts (--set)")
            computed[path] = total.value
    output = _Output(sink, SEPARATORS[layout.file.separator] if layout.file.last_separator == "forbidden" else b"")
    output.write(_header(layout, order.direction))
    records_count = 0
    for part in _Draft(layout, order, computed).parts():
        output.write(part.encoded())
        records_count += len(part.types)
        told.stretch()
    return Generated(records_count, output.bytes_count, output.hashed.hexdigest())


class _Told:
    """Counts stretches of one pass or two, and says how many units that is of what was ordered."""

    def __init__(self, on_stretch: Callable[[int], None] | None, count: int, passes_count: int) -> None:
        self.on_stretch, self.count, self.passes_count = on_stretch, count, passes_count
        self.before = self.stretches = 0

    def stretch(self) -> None:
        """One more is made; the last one may be shorter than the others."""
        self.stretches += 1
        if self.on_stretch is not None:
            made = min(self.count, self.stretches * UNITS_PER_STRETCH)
            self.on_stretch((self.before + made) // self.passes_count)

    def next_pass(self) -> None:
        """From the beginning."""
        self.before, self.stretches = self.count, 0


class _Output:
    """Counts and hashes what is written. `held_back`: the separator that the last record goes without."""

    def __init__(self, sink: BinaryIO, held_back: bytes) -> None:
        self.sink, self.held_back, self.is_held = sink, held_back, False
        self.bytes_count = 0
        self.hashed = hashlib.sha256()

    def write(self, content: bytes) -> None:
        """Write records; the separator at their end waits for the next ones."""
        if not content:
            return
        whole = (self.held_back if self.is_held else b"") + content
        if self.held_back:
            whole, self.is_held = whole.removesuffix(self.held_back), True
        self.sink.write(whole)
        self.hashed.update(whole)
        self.bytes_count += len(whole)


def _has(layout: Layout, path: str) -> bool:
    record, _, name = path.partition(".")
    return record in layout.by_name and name in layout.by_name[record].by_name


def _check_given(layout: Layout, order: Order, path: str) -> None:
    """A given value must be one that a reader accepts, in a field that is not filled in by what the layout says."""
    record, one = layout.by_name[path.partition(".")[0]], layout.field(path)
    kinds = (
        (order.direction in one.derive, "is computed from the file"),
        (bool(one.same_as), f"repeats {one.same_as}"),
        (one.sequence is not None, "counts the records"),
        (one.base == "const", "is fixed"),
        (bool(one.origin) and order.direction == "request", "is filled by the answer"),
    )
    for is_filled, why in kinds:
        if is_filled:
            raise SpecimenError(path, f"the field {why}", "leave it out: what is right is filled in")
    text = str(order.given[path])
    array = pa.array([order.given[path]], specimens.arrow_type(one))
    try:
        values = _Draft(layout, order, {}).values(record, one.name, array)
    except DoesNotFit as problem:
        raise SpecimenError(path, problem.why, _expected(one, text, layout)) from problem
    if values.bad is not None and values.bad.any():
        raise SpecimenError(path, f"{text!r} is no value of this field", _expected(one, text, layout))


def _expected(one: Field, text: str, layout: Layout) -> str:
    why = bases.of(one.base).diagnose(text.encode(layout.file.codec, "replace"), one, layout.file.codec)
    return f"write {why.expected_en}" if why.expected_en else "write one that the layout accepts"


def _header(layout: Layout, direction: Direction) -> bytes:
    if not layout.file.dialect.header:
        return b""
    record = next(r for r in layout.records if r.is_in(direction))
    titles = [pa.array([one.label or one.name], pa.string()) for one in record.fields_in(direction)]
    cells = [strings.encoded(title, layout.file.codec)[0] for title in titles]
    return lines.ended(_lines(cells, layout), SEPARATORS[layout.file.separator]).tobytes()


@dataclass
class _Part:
    """A stretch of the file: its record types in order, and the values of each type's records."""

    draft: _Draft
    types: NDArray[np.int16]
    groups: Mapping[str, int]
    arrays: dict[str, dict[str, pa.Array]]

    def add_to(self, totals: Totals) -> None:
        """Count and sum it."""
        layout, needs = self.draft.layout, totals.needs()
        for record in layout.records:
            if record.name in self.arrays:
                count = int((self.types == record.index).sum())
                wanted = needs.get(record.name, ())
                columns = {name: self.draft.values(record, name, self.arrays[record.name][name]) for name in wanted}
                totals.add(record.name, count, columns)
        for group, count in self.groups.items():
            if group in totals.counts_groups():
                totals.add_group(group, count)

    def encoded(self) -> bytes:
        """Its bytes."""
        return self._fixed() if self.draft.layout.file.kind == "fixed" else self._delimited()

    def _fixed(self) -> bytes:
        layout = self.draft.layout
        separator = SEPARATORS[layout.file.separator]
        assert layout.file.length is not None, "a fixed layout has a record length"
        length = layout.file.length
        out = np.full((len(self.types), length + len(separator)), ord(" "), np.uint8)
        out[:, length:] = np.frombuffer(separator, np.uint8)
        for record in layout.records:
            rows = np.flatnonzero(self.types == record.index)
            if not len(rows):
                continue
            table = np.empty((len(rows), length), np.uint8)
            for one in record.fields_in(self.draft.order.direction):
                table[:, one.start : one.stop] = self.draft.cells(record, one, self.arrays[record.name][one.name])
            out[rows, :length] = table
        return out.tobytes()

    def _delimited(self) -> bytes:
        layout, direction = self.draft.layout, self.draft.order.direction
        made: list[pa.StringArray] = []
        places: list[NDArray[np.intp]] = []
        for record in layout.records:
            rows = np.flatnonzero(self.types == record.index)
            if len(rows):
                own = self.arrays[record.name]
                cells = [self.draft.spelled(record, one, own[one.name]) for one in record.fields_in(direction)]
                made.append(_lines(cells, layout))
                places.append(rows)
        if not made:
            return b""
        in_order = pa.concat_arrays(made).take(pa.array(np.argsort(np.concatenate(places))))
        return lines.ended(in_order, SEPARATORS[layout.file.separator]).tobytes()


def _unit(layout: Layout, order: Order) -> str:
    return order.unit or succession.default_unit(layout.structure[order.direction])


def _stretches(layout: Layout, order: Order) -> Iterator[succession.Stretch]:
    """The types of the file's records: the same each time that they are asked for."""
    unit = _unit(layout, order)
    # The walk has chances of its own, so that values do not depend on how the file is cut into stretches.
    chance = np.random.default_rng((order.seed, 1))
    automaton, count = layout.structure[order.direction], order.count if unit else 0
    return succession.walk(automaton, unit, count, chance, units_per_stretch=UNITS_PER_STRETCH)


def _lines(cells: list[pa.StringArray], layout: Layout) -> pa.StringArray:
    dialect = layout.file.dialect
    return lines.records([lines.quoted(column, dialect) for column in cells], dialect)


class _Draft:
    """One pass over the file. Two passes with the same order make the same choices."""

    def __init__(self, layout: Layout, order: Order, computed: Mapping[str, int]) -> None:
        self.layout, self.order, self.computed = layout, order, computed
        self.chance = np.random.default_rng(order.seed)
        self.automaton = layout.structure[order.direction]
        self.made: dict[str, int] = dict.fromkeys((r.name for r in layout.records), 0)
        self.narrowest = {path: _narrowest(layout, path, fields) for path, fields in _repeaters(layout, order).items()}
        # Of a record that is there once, the values: `same_as` and rules of other records ask for them.
        self.single: dict[str, dict[str, pa.Array]] = {}

    def parts(self) -> Iterator[_Part]:
        """The file, stretch by stretch."""
        state = 0
        for stretch in _stretches(self.layout, self.order):
            run = self.automaton.run(stretch.types, state)
            assert run.stop == -1, "the walk left the structure"
            groups = counters.groups_begun(self.automaton, stretch.types, run.states, state)
            state = run.state
            arrays: dict[str, dict[str, pa.Array]] = {}
            for record in self.layout.records:
                rows = int((stretch.types == record.index).sum())
                if rows:
                    arrays[record.name] = self._arrays(record, rows)
                    self.made[record.name] += rows
            yield _Part(self, stretch.types, groups, arrays)

    def _is_single(self, record: Record) -> bool:
        return record.index not in self.automaton.repeated_types

    def _arrays(self, record: Record, count: int) -> dict[str, pa.Array]:
        """The values of `count` records, next in the file."""
        if self._is_single(record):
            assert count == 1, "the automaton says that there is one"
            return self._single(record)
        return self._drawn(record, count)

    def _single(self, record: Record) -> dict[str, pa.Array]:
        if record.name not in self.single:
            self.single[record.name] = self._drawn(record, 1)
        return self.single[record.name]

    def _drawn(self, record: Record, count: int) -> dict[str, pa.Array]:
        fields = record.fields_in(self.order.direction)
        arrays = {one.name: self._column(record, one, count) for one in fields if not one.same_as}
        self._repeat(record, arrays, count)
        for rule in self.layout.rules:
            if rule.on == record.name:
                self._obey(rule, record, arrays, count)
        return arrays

    def _repeat(self, record: Record, arrays: dict[str, pa.Array], count: int) -> None:
        """Fill in the fields with `same_as`: first those that repeat another record's."""
        repeating = [one for one in record.fields_in(self.order.direction) if one.same_as]
        for one in sorted(repeating, key=lambda one: record.source_of(one) is not one):
            source = record.source_of(one)
            if source is not one:
                arrays[one.name] = _as_type(arrays[source.name], one)
                continue
            owner, _, name = one.same_as.partition(".")
            value = self._single(self.layout.by_name[owner])[name][0]
            arrays[one.name] = _as_type(pa.repeat(value, count), one)

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
            return specimens.amounts(one, np.full(count, self.computed.get(path, 0), np.int64))
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

    def _obey(self, rule: Rule, record: Record, arrays: dict[str, pa.Array], count: int) -> None:
        """Draw the values that the rule speaks of again, until it holds for every record."""
        check = rule.check
        assert not isinstance(check, Count | Sum), "declare lets a rule be a condition only"
        asked = [name for name in names(check) if self._is_known(name, record)]
        free = [record.source_of(record.by_name[n.field]) for n in asked if n.record in (None, record.name)]
        free = [one for one in free if self._is_free(one, record)]
        for _ in range(DRAWS_MAX):
            columns = {name.path: self._named(name, record, arrays, count) for name in asked}
            broken = ~rules.evaluate(check, columns, count)
            if not broken.any():
                return
            if not free:
                break
            for one in free:
                again = self._column(record, one, count)
                arrays[one.name] = pa.compute.if_else(pa.array(broken), again, arrays[one.name])
            self._repeat(record, arrays, count)
        why = f"no values were found for which rule {rule.id} holds"
        raise SpecimenError(record.name, why, "give a value that it holds for (--set record.field=value)")

    def _is_known(self, name: Name, record: Record) -> bool:
        return name.record in (None, record.name) or self._is_single(self.layout.by_name[name.record])

    def _is_free(self, one: Field, record: Record) -> bool:
        is_given = f"{record.name}.{one.name}" in self.order.given
        is_bound = one.base in ("const", "filler") or one.same_as or one.sequence or one.derive or one.unique
        return not is_given and not is_bound and not (one.origin and self.order.direction == "request")

    def _named(self, name: Name, record: Record, arrays: dict[str, pa.Array], count: int) -> Values:
        if name.record in (None, record.name):
            return self.values(record, name.field, arrays[name.field])
        owner = self.layout.by_name[name.record]
        values = self.values(owner, name.field, self._single(owner)[name.field])
        return values.take(np.zeros(count, np.int64))

    def values(self, record: Record, name: str, array: pa.Array) -> Values:
        """An array as checks and totals want it: written, and read back."""
        one = record.by_name[name]
        lengths = None
        if self.layout.file.kind == "fixed":
            cells = self.cells(record, one, array)
        else:
            cells, lengths = _padded(self.spelled(record, one, array), right=one.base in bases.RIGHT_ALIGNED)
        column = bases.of(one.base).read(cells, one, lengths, codec=self.layout.file.codec)
        return Values(one, column.values, cells, lengths, column.null, column.bad)

    def cells(self, record: Record, one: Field, array: pa.Array) -> NDArray[np.uint8]:
        """The cells of a fixed field."""
        if one.origin and self.order.direction == "request":
            return _blank(one, len(array))
        path = f"{record.name}.{one.name}"
        cells: NDArray[np.uint8] = bases.of(one.base).write(array, one, self.layout.file.codec, path=path)
        return cells

    def spelled(self, record: Record, one: Field, array: pa.Array) -> pa.StringArray:
        """The cells of a delimited column, in the file's encoding, without quotes."""
        if one.origin and self.order.direction == "request":
            return pa.nulls(len(array), pa.string())
        return bases.of(one.base).spell(array, one, self.layout.file.codec, path=f"{record.name}.{one.name}")


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
    is_free = one.base in ("text", "integer", "decimal") and one.codes is None
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
    return array.cast(specimens.arrow_type(one)) if one.base == "decimal" else array


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
