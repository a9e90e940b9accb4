"""Bounds of a field's value: `min`, `max` and `pattern`, each of which some value must be able to meet."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from tracciati.values import bounds
from tracciati.wording import counted

if TYPE_CHECKING:
    from tracciati.declare.fields import Line
    from tracciati.declare.toml import Table

_EPOCH = date(1970, 1, 1)


def read_pattern(line: Line) -> str:
    """The pattern, if there is one that RE2 can take."""
    table = line.table("pattern")
    pattern = table.text("pattern")
    if pattern and (why := bounds.problem(pattern)):
        table.problem("pattern", f"{line.called('pattern')}: {pattern!r} is no pattern: {why}", "see RE2's syntax")
        return ""
    if pattern and "codes" in line.table("codes"):
        table.problem("pattern", f"{line.called('pattern')}: `codes` say already what may stand there", "take one out")
    return pattern


def read_bounds(line: Line, scale: int, digits: int, *, is_signed: bool) -> tuple[int | None, int | None]:
    """`min` and `max` as `Field.least` and `Field.most` have them."""
    least, most = (_bound(line, key, scale, digits, is_signed) for key in ("min", "max"))
    if least is not None and most is not None and least > most:
        line.table("max").problem(
            "max", f"{line.called('max')}: `max` is below `min`, so that nothing is between them", "exchange them"
        )
        return None, None
    return least, most


def _bound(line: Line, key: str, scale: int, digits: int, is_signed: bool) -> int | None:
    table = line.table(key)
    if key not in table:
        return None
    if line.base == "date":
        day = table.day(key)
        return None if day is None else (day - _EPOCH).days
    least = -(10**digits) + 1 if is_signed else 0
    if line.base == "integer" or (line.base in ("packed", "binary") and not scale):
        number = table.integer(key, least=least)
    else:
        number = _amount(line, table, key, scale, least)
    if number is not None and number >= 10**digits:
        what = f"{line.called(key)}: `{key}` has more than the {counted(digits, 'digit')} of the field"
        table.problem(key, what, "write a smaller one, or take it out")
    return number


def _amount(line: Line, table: Table, key: str, scale: int, least: int) -> int | None:
    """A decimal, in quotes as no number of TOML is exact, or a whole number."""
    if isinstance(table.value.get(key), int):
        number = table.integer(key, least=least)
        return None if number is None else number * 10**scale
    text = table.text(key)
    try:
        amount = Decimal(text).scaleb(scale)
    except InvalidOperation:
        if text:
            table.problem(key, f"{line.called(key)}: {text!r} is no amount", f'write it as {key} = "0.01"')
        return None
    if amount % 1 or amount < least:
        table.problem(
            key,
            f"{line.called(key)}: {text} is no amount with {counted(scale, 'decimal')}",
            f'write it as {key} = "0.01"',
        )
        return None
    return int(amount)
