"""References: does every name in `same_as`, `derive`, `check` and `reference_date` lead to a field that can be asked?

A name `record.field` leads to the one record of that type: of the file, or of the group that the asking record lies
in. It is refused where there could be several, so that nobody could tell which is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from tracciati.declare.fitting import encoded_length
from tracciati.declare.toml import did_you_mean
from tracciati.expression import (
    Aggregate,
    And,
    Combined,
    Compare,
    Condition,
    Count,
    Expression,
    IsNull,
    Name,
    Not,
    Operand,
    Or,
    names,
    text_of,
)
from tracciati.expression import Literal as LiteralValue
from tracciati.values.numerals import DIGITS_MAX
from tracciati.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tracciati.layout import Direction, Field, FileForm, Record
    from tracciati.structure import Automaton

Kind = Literal["text", "number", "date", "time"]

_KINDS: Mapping[str, Kind] = {
    "text": "text",
    "digits": "text",
    "const": "text",
    "codice_fiscale": "text",
    "partita_iva": "text",
    "iban": "text",
    "luhn": "text",
    "mod97": "text",
    "mod11": "text",
    "boolean": "text",
    "integer": "number",
    "decimal": "number",
    "packed": "number",
    "binary": "number",
    "date": "date",
    "time": "time",
}
_SPELLINGS: Mapping[Kind, str] = {
    "text": "a text stands in single quotes: 'VIS1'",
    "number": "a number stands without quotes, with a point: 12.50",
    "date": "a date stands as 2026-01-31, without quotes",
    "time": "a time can be compared with another time only",
}


_PARTITA_IVA_DIGITS = 11
_CODICE_FISCALE_LENGTHS = (16, 11)


@dataclass(frozen=True)
class Trouble:
    """What is wrong with a reference, and the remedy. Without a place: the caller knows the key."""

    text: str
    hint: str = ""


@dataclass(frozen=True)
class World:
    """What names can lead to: the records, the groups, the order of records in each direction, and the file's form."""

    records: Mapping[str, Record]
    groups: Mapping[str, str]
    structure: Mapping[Direction, Automaton]
    form: FileForm

    def directions_of(self, record: Record) -> tuple[Direction, ...]:
        """The directions whose structure names the record."""
        return tuple(d for d, automaton in self.structure.items() if record.index in automaton.types)

    def is_single(self, record: Record) -> bool:
        """Can no file hold two records of this type?"""
        return not any(record.index in automaton.repeated_types for automaton in self.structure.values())


def resolve(expression: Expression, world: World, record: Record) -> list[Trouble]:
    """All that is wrong with an expression that stands at `record`.

    Names are looked up, sides of comparisons must be of one kind, and a literal must be a value that the field can
    have. An empty list means that the expression can be evaluated over columns.
    """
    if isinstance(expression, Combined):
        return [trouble for _, part in expression.parts for trouble in resolve(part, world, record)]
    if isinstance(expression, Count):
        return list(_count_troubles(expression, world))
    if isinstance(expression, Aggregate):
        return list(_aggregate_troubles(expression, world))
    return list(_troubles(expression, world, record))


def find(name: Name, world: World, record: Record) -> Field | Trouble:
    """The field that a name leads to from a record, or why it leads to none."""
    if name.record is None or name.record == record.name:
        return _field(record, name.field)
    other = world.records.get(name.record)
    if other is None:
        hint = did_you_mean(name.record, world.records) or f"records are {', '.join(world.records)}"
        return Trouble(f"there is no record `{name.record}`", hint)
    return _not_one(name, world, record, other) or _field(other, name.field)


def _not_one(name: Name, world: World, record: Record, other: Record) -> Trouble | None:
    """Why the other record is not one for each record that asks."""
    for automaton in world.structure.values():
        if other.index not in automaton.types:
            continue
        group = automaton.scope(other.index, (record.name,) if record.index in automaton.types else ())
        if group is None:
            hint = (
                "name a field of the same record, or of one that is there once in the file, or once in a group of both"
            )
            return Trouble(f"`{name.path}` is not one field: a file can hold several records {name.record}", hint)
        if (
            group
            and record.index in automaton.types
            and not automaton.is_always_before(other.index, record.index, group)
        ):
            hint = "name a field of a record that always comes first in the group"
            return Trouble(
                f"`{name.path}`: in group {group} a {record.name} can come without a {other.name} before", hint
            )
    return None


def unreachable(name: Name, world: World, record: Record, directions: Iterable[Direction]) -> Iterator[Trouble]:
    """Why a check at `record` could not ask for that field, which exists, in some of the directions."""
    is_own = name.record in (None, record.name)
    other = record if is_own else world.records[str(name.record)]
    field = other.by_name[name.field]
    absent, without, later = [], [], []
    for direction in directions:
        automaton = world.structure[direction]
        if other.index not in automaton.types:
            absent.append(direction)
        elif field not in other.fields_in(direction):
            without.append(direction)
        elif not is_own and not automaton.can_precede(other.index, record.index):
            later.append(direction)
    hint = "a check holds in every direction that has its record: name a field that is there in all of them"
    if absent:
        yield Trouble(f"direction {', '.join(absent)} has no record {other.name}", hint)
    if without:
        yield Trouble(f"in direction {', '.join(without)} record {other.name} has no field `{field.name}`", hint)
    if later:
        text = f"`{name.path}`: in direction {', '.join(later)} no {other.name} stands before a {record.name}"
        yield Trouble(text, "put the check on the later of the two records, or name a field of one that comes before")


def _field(record: Record, name: str) -> Field | Trouble:
    field = record.by_name.get(name)
    if field is None:
        named = [f.name for f in record.fields if f.base != "filler"]
        hint = did_you_mean(name, named) or f"its fields are {', '.join(named)}"
        return Trouble(f"record {record.name} has no field `{name}`", hint)
    if field.base == "filler":
        return Trouble(f"`{name}` is a filler: it has no value", "give it a type when it has a meaning")
    return field


def _troubles(expression: Expression, world: World, record: Record) -> Iterator[Trouble]:
    if isinstance(expression, And | Or):
        for part in expression.parts:
            yield from _troubles(part, world, record)
    elif isinstance(expression, Not):
        yield from _troubles(expression.part, world, record)
    elif isinstance(expression, IsNull):
        found = find(expression.name, world, record)
        if isinstance(found, Trouble):
            yield found
    elif isinstance(expression, Compare):
        yield from _compare_troubles(expression, world, record)


def _compare_troubles(compare: Compare, world: World, record: Record) -> Iterator[Trouble]:
    sides = [_side(side, world, record) for side in (compare.left, compare.right)]
    troubles = [side for side in sides if isinstance(side, Trouble)]
    yield from troubles
    if troubles:
        return
    fields = [side for side in (compare.left, compare.right) if isinstance(side, Name)]
    if not fields:
        yield Trouble(f"`{text_of(compare)}` compares two fixed values", "name a field on one side")
        return
    left, right = (_kind(side) for side in sides)
    if left != right:
        sides_text = f"{text_of(compare.left)} is a {left}, {text_of(compare.right)} a {right}"
        yield Trouble(f"`{text_of(compare)}` cannot be compared: {sides_text}", _SPELLINGS[_kind(sides[0])])
        return
    yield from _value_troubles(compare, sides, world)


def _value_troubles(compare: Compare, sides: list[Field | LiteralValue | Trouble], world: World) -> Iterator[Trouble]:
    """A literal that the field can never hold; two numbers whose scales lie too far apart."""
    one, other = sides
    if isinstance(one, LiteralValue):
        one, other = other, one
    assert not isinstance(one, Trouble | LiteralValue), "at least one side is a field"
    if isinstance(other, LiteralValue):
        yield from _literal_troubles(compare, one, other, world.form)
    elif not isinstance(other, Trouble) and _kind(one) == "number":
        # One is multiplied to the scale of the other; the product must stay an int64.
        scale = max(one.scale, other.scale)
        if max(one.digits - one.scale, other.digits - other.scale) + scale > DIGITS_MAX:
            yield Trouble(f"`{text_of(compare)}`: no number has room for the digits of both fields")


def _literal_troubles(compare: Compare, field: Field, literal: LiteralValue, form: FileForm) -> Iterator[Trouble]:
    value = literal.value
    where = f"`{text_of(compare)}`"
    if isinstance(value, Decimal):
        decimals = max(0, -int(value.normalize().as_tuple().exponent))
        if decimals > field.scale:
            yield Trouble(f"{where}: `{field.name}` has {counted(field.scale, 'decimal')}, {value} has {decimals}")
        if abs(value) >= 10 ** (DIGITS_MAX - field.scale):
            yield Trouble(f"{where}: {value} is greater than any number of {DIGITS_MAX} digits")
    elif isinstance(value, str):
        size = encoded_length(value, form.codec)
        if size is None:
            yield Trouble(f"{where}: {value!r} cannot be written in {form.codec}")
        elif field.codes is not None and value not in field.codes:
            hint = did_you_mean(value, field.codes) or f"its codes are {', '.join(field.codes)}"
            yield Trouble(f"{where}: {value!r} is not a code of `{field.name}`", hint)
        elif field.length is not None and size > field.length:
            yield Trouble(f"{where}: `{field.name}` has {counted(field.length, 'byte')}, {value!r} has {size}")
        elif compare.op in ("=", "!="):
            yield from _never_equal(where, field, value, form)


def _never_equal(where: str, field: Field, value: str, form: FileForm) -> Iterator[Trouble]:
    """A text that no sound cell of the field is: the comparison would say the same of every record."""
    is_number = value.isascii() and value.isdigit()
    if field.base == "const" and value != field.value:
        yield Trouble(f"{where}: `{field.name}` is always {field.value!r}", "compare another field")
    elif field.base == "boolean" and value not in (field.yes, field.no):
        yield Trouble(f"{where}: `{field.name}` is {field.yes!r} or {field.no!r}, never {value!r}")
    elif field.base in ("digits", "partita_iva") and not is_number:
        yield Trouble(f"{where}: `{field.name}` is a run of digits, {value!r} is none")
    elif field.base == "digits" and form.kind == "fixed" and field.pad == "0" and len(value) != field.length:
        hint = f"digits keep their zeros: write '{value.zfill(field.length or 0)}'"
        text = f"{where}: `{field.name}` has {counted(field.length or 0, 'digit')}, {value!r} has {len(value)}"
        yield Trouble(text, hint)
    elif field.base == "partita_iva" and len(value) != _PARTITA_IVA_DIGITS:
        yield Trouble(f"{where}: a partita IVA has {_PARTITA_IVA_DIGITS} digits, {value!r} has {len(value)}")
    elif field.base == "codice_fiscale" and len(value) not in _CODICE_FISCALE_LENGTHS:
        yield Trouble(f"{where}: a codice fiscale has 16 characters (or 11 digits), {value!r} has {len(value)}")


def _side(side: Operand, world: World, record: Record) -> Field | LiteralValue | Trouble:
    return find(side, world, record) if isinstance(side, Name) else side


def _kind(side: Field | LiteralValue | Trouble) -> Kind:
    assert not isinstance(side, Trouble), "troubles were reported before"
    if isinstance(side, LiteralValue):
        return "text" if isinstance(side.value, str) else "date" if isinstance(side.value, date) else "number"
    return _KINDS[side.base]


def _count_troubles(count: Count, world: World) -> Iterator[Trouble]:
    options = [*world.records, *world.groups]
    if count.target != "*" and count.target not in options:
        hint = did_you_mean(count.target, options) or f"it can be *, {', '.join(options)}"
        yield Trouble(f"`{text_of(count)}` counts neither a record nor a group", hint)
        return
    if count.where is None:
        return
    record = world.records.get(count.target)
    if record is None:
        hint = "name a record, or take the condition out"
        yield Trouble(f"`{text_of(count)}`: only records of one type are counted by a condition", hint)
        return
    yield from _where_troubles(count, count.where, world, record)


def _aggregate_troubles(total: Aggregate, world: World) -> Iterator[Trouble]:
    record = world.records.get(total.path.record or "")
    if record is None:
        hint = did_you_mean(total.path.record or "", world.records) or f"records are {', '.join(world.records)}"
        yield Trouble(f"`{text_of(total)}`: there is no record `{total.path.record}`", hint)
        return
    field = _field(record, total.path.field)
    if isinstance(field, Trouble):
        yield field
    elif field.base == "digits" and total.function == "hash_sum":
        if field.length is not None and field.length > DIGITS_MAX:
            text = f"`{text_of(total)}`: {total.path.path} has {counted(field.length, 'digit')}"
            yield Trouble(text, f"{DIGITS_MAX} are the most that can be summed")
    elif _KINDS[field.base] != "number":
        hint = "" if field.base != "digits" else "the sum of identifiers is a hash_sum(...)"
        text = f"`{text_of(total)}`: `{total.path.path}` is {field.base}; {total.function} is of numbers"
        yield Trouble(text, hint)
    elif field.derive:
        yield Trouble(f"`{text_of(total)}`: `{total.path.path}` is itself derived", "name the fields it is made of")
    if total.where is not None:
        yield from _where_troubles(total, total.where, world, record)


def _where_troubles(total: Count | Aggregate, where: Condition, world: World, record: Record) -> Iterator[Trouble]:
    troubles = list(_troubles(where, world, record))
    yield from troubles
    for name in names(where) if not troubles else ():
        if name.record not in (None, record.name):
            hint = f"a total looks at one {record.name} at a time: name its own fields only"
            yield Trouble(f"`{text_of(total)}`: `{name.path}` is a field of another record", hint)
