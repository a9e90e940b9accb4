"""`derive`: totals and counts, per direction; each must be able to hold what it is the total of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tracciati.declare.references import World, resolve
from tracciati.expression import (
    Condition,
    Count,
    Derivation,
    Expression,
    ExpressionError,
    Term,
    names,
    parse,
    targets,
    terms,
    text_of,
)
from tracciati.layout import DIRECTIONS
from tracciati.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracciati.declare.records import Lines
    from tracciati.declare.toml import Table
    from tracciati.layout import Direction, Field, Record


def derived(lines: Lines, world: World) -> tuple[Record, ...]:
    """The records with the `derive` of their fields read and checked; problems are noted."""
    records = []
    for record in lines.records:
        fields = [_with_derive(lines.fields[record.name, field.name], world, record, field) for field in record.fields]
        records.append(replace(record, fields=tuple(fields)))
    return tuple(records)


def _with_derive(line: Table, world: World, record: Record, field: Field) -> Field:
    if "derive" not in line or not field.is_number:
        return field
    written = line.value["derive"]
    texts: Mapping[Direction, str]
    if isinstance(written, dict):
        table = line.inner("derive")
        table.asked.extend(DIRECTIONS)
        table.close()
        texts = {d: table.text(d) for d in DIRECTIONS if d in table}
        if not written:
            table.problem("", f"`{field.name}`: `derive` names no direction", f"it can be {', '.join(DIRECTIONS)}")
    else:
        text = line.text("derive")
        texts = dict.fromkeys(world.directions_of(record), text)
    derive: dict[Direction, Expression] = {}
    for direction, text in texts.items():
        key = ("derive", direction) if isinstance(written, dict) else ("derive",)
        expression = _total(line, key, text, field) if text else None
        if expression is not None and _is_sound(line, key, expression, world, record, field, direction):
            derive[direction] = expression
    return replace(field, derive=derive)


def _total(line: Table, key: tuple[str, ...], text: str, field: Field) -> Derivation | None:
    try:
        expression = parse(text)
    except ExpressionError as error:
        marked = f"`{field.name}`: {error.why}\n  {text}\n  {' ' * error.position}^"
        line.problem(key, marked, _EXAMPLES)
        return None
    if isinstance(expression, Condition):
        line.problem(key, f"`{field.name}`: `{text}` is a condition, not a total", _EXAMPLES)
        return None
    return expression


def _is_sound(
    line: Table,
    key: tuple[str, ...],
    expression: Derivation,
    world: World,
    record: Record,
    field: Field,
    direction: Direction,
) -> bool:
    troubles = resolve(expression, world, record)
    for trouble in troubles:
        line.problem(key, f"`{field.name}`: {trouble.text}", trouble.hint)
    if troubles or not world.structure:
        return False
    automaton = world.structure.get(direction)
    if automaton is None or record.index not in automaton.types:
        hint = "take the direction out, or name the record in its structure"
        line.problem(key, f"`{field.name}`: record {record.name} does not occur in direction {direction}", hint)
        return False
    missing = next((m for _, term in terms(expression) if (m := _missing(term, world, direction))), "")
    if missing:
        hint = 'give one per direction: derive = { request = "...", invoice = "..." }'
        line.problem(key, f"`{field.name}`: direction {direction} has no {missing}", hint)
        return False
    if automaton.scope(record.index, targets(expression)) is None:
        hint = "put it into a record that is there once in the file, or once in a group that holds all that it counts"
        line.problem(key, f"`{field.name}`: a file can hold several records {record.name}", hint)
        return False
    if any(sign < 0 for sign, _ in terms(expression)) and not field.sign:
        hint = "give the total a `sign`"
        line.problem(key, f"`{field.name}` has no sign, and {text_of(expression)} may be below zero", hint)
        return False
    return all(_has_room(line, key, term, world, field) for _, term in terms(expression))


_EXAMPLES = "write count(record), count(group), count(*), sum(record.field where ...), or several of them with + and -"


def _missing(expression: Term, world: World, direction: Direction) -> str:
    """The record or group that is counted or summed, when that direction does not have it."""
    automaton = world.structure[direction]
    target = expression.target if isinstance(expression, Count) else str(expression.path.record)
    if target == "*":
        return ""
    if target in world.records:
        record = world.records[target]
        there = {field.name for field in record.fields_in(direction)}
        absent = [name.field for name in names(expression) if name.field not in there]
        if record.index not in automaton.types:
            return f"record {target}"
        return f"column {target}.{absent[0]}" if absent else ""
    return "" if automaton.inside[:, automaton.group_index(target)].any() else f"group {target}"


def _has_room(line: Table, key: tuple[str, ...], expression: Term, world: World, field: Field) -> bool:
    if isinstance(expression, Count):
        if field.is_amount:
            line.problem(key, f"`{field.name}` is {field.base}; a count is an integer", 'write type = "integer"')
        return not field.is_amount
    part = world.records[str(expression.path.record)].by_name[expression.path.field]
    digits = len(str(expression.modulus - 1)) if expression.modulus else part.digits or part.length or 0
    if part.scale != field.scale:
        text = f"`{field.name}` has {counted(field.scale, 'decimal')}, {text_of(expression.path)} has {part.scale}"
        line.problem(key, text, "give both the same scale")
    elif part.sign and not field.sign:
        text = f"`{field.name}` has no sign, and {text_of(expression)} may be below zero"
        line.problem(key, text, "give the total a `sign`")
    elif field.digits < digits:
        least = f"fewer than the {digits} of {text_of(expression if expression.modulus else expression.path)}"
        text = f"`{field.name}` has {counted(field.digits, 'digit')}, {least}"
        line.problem(key, text, "a total is at least as wide as the field it sums")
    else:
        return True
    return False
