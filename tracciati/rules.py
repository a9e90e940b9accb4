"""Rules: conditions evaluated over whole columns, without eval and without a loop over records.

A comparison with a null is false, whichever the operator; `not` is plain. Numbers are compared exactly, whatever
their scales; dates as days; texts byte by byte without their padding, which is the order of their characters in
every encoding that layouts may name (cp1252's few exceptions are in no alphabetical order anyway).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tracciati.expression import And, Compare, IsNull, Literal, Name, Not, Or, names
from tracciati.values.cells import equal, words
from tracciati.values.texts import padded

if TYPE_CHECKING:
    from tracciati.expression import Condition, Operand
    from tracciati.values import Values

Flags = NDArray[np.bool_]
Columns = Mapping[str, "Values"]

_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MIRRORED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_EPOCH = date(1970, 1, 1)
_INT64_DIGITS = 18


def evaluate(condition: Condition, columns: Columns, count: int) -> Flags:
    """Where the condition holds: bool (count,).

    columns  Values by `field`, and by `record.field` for fields of other records, one row for each record checked
    """
    if isinstance(condition, And | Or):
        flags = evaluate(condition.parts[0], columns, count)
        for part in condition.parts[1:]:
            other = evaluate(part, columns, count)
            flags = flags & other if isinstance(condition, And) else flags | other
        return flags
    if isinstance(condition, Not):
        return ~evaluate(condition.part, columns, count)
    if isinstance(condition, IsNull):
        null = columns[condition.name.path].null
        return np.zeros(count, np.bool_) if null is None else null
    return _compare(condition, columns, count)


def doubtful(condition: Condition, columns: Columns, count: int) -> Flags | None:
    """Where the condition reads a value that is unreadable, so that nobody knows: bool (count,), or None."""
    flags: Flags | None = None
    for name in names(condition):
        bad = columns[name.path].bad
        if bad is not None and bad.any():
            flags = bad if flags is None else flags | bad
    return flags


def presence(condition: Condition | None, columns: Columns, count: int) -> Flags | None:
    """In which records a field is there: bool (count,), None when in all. Where nobody can tell, it is not."""
    if condition is None:
        return None
    found = evaluate(condition, columns, count)
    unknown = doubtful(condition, columns, count)
    return found if unknown is None else found & ~unknown


def _compare(compare: Compare, columns: Columns, count: int) -> Flags:
    left, right, op = compare.left, compare.right, compare.op
    if isinstance(left, Literal) and isinstance(right, Name):
        left, right, op = right, left, _MIRRORED[op]  # type: ignore[assignment]
    if isinstance(left, Literal):
        assert isinstance(right, Literal), "a name on the right was moved to the left"
        return np.full(count, bool(_OPERATORS[op](left.value, right.value)))
    values = columns[left.path]
    if isinstance(right, Literal):
        flags = _with_literal(values, op, right.value, count)
    else:
        flags = _with_column(values, op, columns[right.path])
    for side in (left, right):
        flags = _where_present(flags, side, columns)
    return flags


def _where_present(flags: Flags, side: Operand, columns: Columns) -> Flags:
    if isinstance(side, Literal):
        return flags
    for absent in (columns[side.path].null, columns[side.path].bad):
        if absent is not None:
            flags = flags & ~absent
    return flags


def _with_literal(values: Values, op: str, literal: str | Decimal | date, count: int) -> Flags:
    compare = _OPERATORS[op]
    if isinstance(literal, str):
        return _with_text(values, op, literal, count)
    assert values.numbers is not None, "declare compares numbers with numbers only"
    if isinstance(literal, date):
        return np.asarray(compare(values.numbers, (literal - _EPOCH).days), np.bool_)
    return _with_number(values.numbers, op, Fraction(literal) * 10**values.field.scale, count)


def _with_text(values: Values, op: str, literal: str, count: int) -> Flags:
    try:
        raw = literal.encode(values.codec)
    except UnicodeEncodeError:
        return np.full(count, op == "!=")  # no cell of this encoding can hold that text
    if op not in ("=", "!="):
        return np.asarray(_OPERATORS[op](text_keys(values), raw), np.bool_)
    field, width = values.field, values.cells.shape[1]
    is_delimited = values.lengths is not None
    same: Flags | None = None
    # Zeros on the left of an identifier belong to it: '7' is not '0007'.
    if len(raw) == width or (len(raw) < width and (is_delimited or field.pad != "0")):
        whole = padded(raw, field, width, delimited=is_delimited)
        same = equal(words(values.cells), whole) if width else np.full(count, not raw)
    if same is not None and values.lengths is not None:
        same = same & (values.lengths == len(raw))
    if same is None:
        same = np.zeros(count, np.bool_)
    return same if op == "=" else ~same


def text_keys(values: Values) -> NDArray[np.bytes_]:
    """Cells as byte strings without padding, comparable with one another: (n,)."""
    cells = np.ascontiguousarray(values.cells)
    if not cells.shape[1]:
        return np.full(len(cells), b"", "S1")
    keys: NDArray[np.bytes_] = cells.view(f"S{cells.shape[1]}")[:, 0]
    field = values.field
    if values.lengths is not None:
        return keys
    keys = np.strings.rstrip(keys, b" ")
    if field.pad == "0":
        return keys
    pad = field.pad.encode("latin-1")
    return np.strings.lstrip(keys, pad) if field.align == "right" else np.strings.rstrip(keys, pad)


def same_values(one: Values, other: Values) -> Flags:
    """Where two columns hold the same: bool (n,). Two nulls are the same; where either is bad, nobody knows: true."""
    if one.numbers is not None and other.numbers is not None:
        flags = _with_column(one, "=", other)
    else:
        flags = np.asarray(text_keys(one) == text_keys(other), np.bool_)
    none_one = np.zeros(len(flags), np.bool_) if one.null is None else one.null
    none_other = np.zeros(len(flags), np.bool_) if other.null is None else other.null
    flags = np.where(none_one | none_other, none_one & none_other, flags)
    for bad in (one.bad, other.bad):
        if bad is not None:
            flags = flags | bad
    return flags


def _with_number(numbers: NDArray[Any], op: str, wanted: Fraction, count: int) -> Flags:
    """Integers against an exact number that need not be one: v < 2.5 is v <= 2."""
    if wanted.denominator != 1:
        if op in ("=", "!="):
            return np.full(count, op == "!=")
        op, bound = ("<=", wanted.__floor__()) if op in ("<", "<=") else (">=", wanted.__ceil__())
    else:
        bound = wanted.numerator
    if not -(2**63) <= bound < 2**63:
        return np.full(count, bool(_OPERATORS[op](0, bound)))
    return np.asarray(_OPERATORS[op](numbers, np.int64(bound)), np.bool_)


def _with_column(one: Values, op: str, other: Values) -> Flags:
    compare = _OPERATORS[op]
    if one.numbers is None or other.numbers is None:
        return np.asarray(compare(text_keys(one), text_keys(other)), np.bool_)
    left, right = _to_scale(one, other.field.scale), _to_scale(other, one.field.scale)
    return np.asarray(compare(left, right), np.bool_)


def _to_scale(values: Values, scale: int) -> NDArray[Any]:
    """Numbers in units of a finer scale; Python integers where int64 could overflow."""
    assert values.numbers is not None
    shift = scale - values.field.scale
    if shift <= 0 or values.field.base == "date":
        return values.numbers
    if values.field.digits + shift > _INT64_DIGITS:
        exact: NDArray[Any] = values.numbers.astype(object) * 10**shift
        return exact
    scaled: NDArray[Any] = values.numbers * np.int64(10**shift)
    return scaled
