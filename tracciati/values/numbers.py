"""Numbers: what integer and decimal share on their way from and to Arrow arrays. Cells of digits are in `numerals`."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tracciati.errors import DoesNotFit
from tracciati.layout import Field
from tracciati.values import numerals, signs, spelling, strings
from tracciati.values.cells import Bytes, Column, Flags
from tracciati.values.spelling import Checked, Misfit
from tracciati.values.strings import validity
from tracciati.wording import counted

_INTEGER, _DECIMAL = re.compile("-?[0-9]{1,18}"), re.compile("-?[0-9]{1,18}([.,][0-9]{1,18})?")
# Up to so many texts Python is done before Arrow has compiled the pattern, which it does each time.
_FEW = 100


def int64_array(column: Column) -> pa.Int64Array:
    """The column's values as they are, null where null or bad."""
    assert column.values is not None, "a number always has values"
    return pa.Int64Array.from_buffers(pa.int64(), len(column.values), [validity(column), pa.py_buffer(column.values)])


def decimal_array(column: Column, field: Field) -> pa.Decimal128Array:
    """The column's values with their decimals, null where null or bad."""
    assert column.values is not None, "a number always has values"
    count = len(column.values)
    # Arrow's decimals are 128 bits; the upper half only repeats the sign.
    wide = np.zeros((count, 2), np.int64)
    wide[:, 0] = column.values
    if field.sign:
        wide[:, 1] = column.values >> 63
    if column.bad is not None:
        wide[column.bad] = 0
    kind = pa.decimal128(max(field.digits or numerals.DIGITS_MAX, field.scale), field.scale)
    return pa.Decimal128Array.from_buffers(kind, count, [validity(column), pa.py_buffer(wide)])


def unscaled(values: pa.Array, field: Field) -> tuple[NDArray[np.int64], Flags | None, tuple[Misfit, ...]]:
    """A column as int64 in units of the field's last decimal: (numbers, null, misfits); 0 where null or misfit.

    values  integers, decimals, or strings such as "1250" or "12.50". No float: it does not know its own decimals;
            only in an integer field are floats taken, if they are whole (pandas makes them of integers with gaps).
    """
    column = spelling.plain(values)
    kind = column.type
    if pa.types.is_integer(kind) and not pa.types.is_uint64(kind) and not field.scale:
        whole = pc.fill_null(column, 0) if column.null_count else column
        return np.asarray(whole).astype(np.int64), spelling.nulls(column), ()
    if pa.types.is_decimal128(kind) and kind.scale == field.scale and kind.precision <= numerals.DIGITS_MAX:
        numbers = np.frombuffer(column.buffers()[1], np.int64)[::2][column.offset : column.offset + len(column)]
        null = spelling.nulls(column)
        return numbers.copy() if null is None else np.where(null, 0, numbers), null, ()
    if pa.types.is_floating(kind):
        if field.base != "integer":
            raise DoesNotFit(field.name, 0, None, f"values of type {kind} are no amounts; give decimals or strings")
        return _whole(column)
    text_like = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    if any(is_it(kind) for is_it in text_like):
        return _read(column.cast(pa.string()), field)
    if not (pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind)):
        raise DoesNotFit(
            field.name, 0, None, f"values of type {kind} are no numbers; give integers, decimals or strings"
        )
    return _from_decimals(column, field)


def _whole(column: pa.Array) -> tuple[NDArray[np.int64], Flags | None, tuple[Misfit, ...]]:
    null = np.asarray(pc.is_null(column, nan_is_null=True))
    floats = np.asarray(pc.fill_null(column, 0.0), np.float64)
    floats = np.where(null, 0.0, floats)
    # Above 2^53 a float no longer tells neighbours apart.
    broken = (floats != np.floor(floats)) | (np.abs(floats) > 2**53)
    numbers = np.where(broken, 0.0, floats).astype(np.int64)
    return numbers, null if null.any() else None, spelling.misfit(broken, "{value} is not a whole number")


def _read(column: pa.StringArray, field: Field) -> tuple[NDArray[np.int64], Flags | None, tuple[Misfit, ...]]:
    """Strings: digits, and in a decimal field a point or comma before the decimals."""
    column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    well_formed = _matches(column, _DECIMAL if field.scale else _INTEGER)
    misfits = spelling.misfit(~well_formed, "{value} is not a number")
    if not well_formed.all():
        column = pc.if_else(pa.array(well_formed), column, "0")
    null = spelling.nulls(column)
    if not field.scale:
        return np.asarray(pc.fill_null(column.cast(pa.int64()), 0), np.int64), null, misfits
    points = pc.replace_substring(pc.fill_null(column, "0"), ",", ".")
    numbers, _, more = _from_decimals(points.cast(pa.decimal128(36, 18)), field)
    return numbers, null, (*misfits, *more)


def _matches(column: pa.StringArray, pattern: re.Pattern[str]) -> Flags:
    """bool (n,): which texts are of that pattern, or null."""
    if len(column) <= _FEW:
        return np.array([text is None or pattern.fullmatch(text) is not None for text in column.to_pylist()], np.bool_)
    return np.asarray(pc.fill_null(pc.match_substring_regex(column, f"^(?:{pattern.pattern})$"), True))


def _from_decimals(column: pa.Array, field: Field) -> tuple[NDArray[np.int64], Flags | None, tuple[Misfit, ...]]:
    null = spelling.nulls(column)
    if pa.types.is_null(column.type):
        return np.zeros(len(column), np.int64), null, ()
    exact = pc.fill_null(column.cast(pa.decimal256(76, max(field.scale, getattr(column.type, "scale", 0)))), 0)
    rounded = pc.round(exact, ndigits=field.scale, round_mode="towards_zero")
    finer = np.asarray(pc.not_equal(rounded, exact))
    limit = pa.scalar(10 ** (numerals.DIGITS_MAX - field.scale), pa.decimal256(40, 0))
    huge = np.asarray(pc.greater_equal(pc.abs(exact), limit))
    fit = pc.if_else(pa.array(huge | finer), pa.scalar(0, rounded.type), rounded)
    low = _low_words(fit.cast(pa.decimal256(76, field.scale)))
    misfits = (
        *spelling.misfit(finer, f"{{value}} has more than the field's {counted(field.scale, 'decimal')}"),
        *spelling.misfit(huge, f"{{value}} has more than {numerals.DIGITS_MAX} digits"),
    )
    return low, null, misfits


def _low_words(column: pa.Decimal256Array) -> NDArray[np.int64]:
    """The lowest 64 of each value's 256 bits, which hold all of it."""
    words = np.frombuffer(column.buffers()[1], np.int64).reshape(-1, 4)
    return words[column.offset : column.offset + len(column), 0].copy()


def checked(values: pa.Array, field: Field, *, delimited: bool) -> Checked:
    """Check numbers that are to be written: sign, digits, and that they read back as themselves."""
    numbers, null, misfits = unscaled(values, field)
    most = field.digits or numerals.DIGITS_MAX
    if field.length is not None:
        most = min(most, field.length - (1 if field.mark and field.scale else 0) - signs.width_of(field.sign))
    most = min(most, numerals.DIGITS_MAX)
    too_big = spelling.misfit(
        np.abs(numbers) >= 10**most, f"{{value}} needs more than the field's {counted(most, 'digit')}"
    )
    negative = () if field.sign else spelling.misfit(numbers < 0, "{value} is negative, and the field has no sign")
    blank_is_null = delimited or field.pad != "0" or bool(field.null)
    found = Checked(
        pa.array(numbers),
        null,
        (*misfits, *spelling.missing(null, field, has_spelling=blank_is_null), *negative, *too_big),
    )
    for text in field.null:
        number = _number_of(text, field)
        if number is not None:
            same = numbers == number if null is None else (numbers == number) & ~null
            if delimited:
                same &= len(text) == len(plain_text(number, field))
            found = found._replace(
                misfits=(*found.misfits, *spelling.misfit(same, "{value} would be read back as no value"))
            )
    return found


def _number_of(text: str, field: Field) -> int | None:
    """The number that a null text would be, if it is one (zeros, nines)."""
    digits = text.replace(field.mark, "", 1) if field.mark else text
    return int(digits) if digits.isascii() and digits.isdigit() else None


def plain_text(number: int, field: Field) -> str:
    """A number as a delimited file has it: no zeros before it but the one before the mark."""
    digits = str(abs(number))
    if field.mark and field.scale:
        digits = digits.rjust(field.scale + 1, "0")
        digits = f"{digits[: -field.scale]}{field.mark}{digits[-field.scale :]}"
    if not signs.is_beside(field):
        return digits
    found: str = signs.spelled(pa.array([digits]), np.array([number]), field)[0].as_py()
    return found


def cells(found: Checked, field: Field) -> Bytes:
    """Cells of a fixed field. Rows without value get the first null text, or blanks when there is none."""
    assert field.length is not None, "cells of a delimited file have no fixed width"
    numbers = np.asarray(found.values)
    mark = bool(field.mark and field.scale)
    width = field.length - signs.width_of(field.sign)
    made = numerals.write(np.abs(numbers), width - mark)
    if mark:
        place = width - field.scale - 1
        column = np.full((len(made), 1), ord(field.mark), np.uint8)
        made = np.concatenate((made[:, :place], column, made[:, place:]), axis=1)
    if field.pad != "0":
        made = numerals.without_zeros(made, kept=field.scale + 2 if mark else 1)
    if signs.is_beside(field):
        made = signs.put_on(made, numbers, field)
    if found.null is not None and found.null.any():
        empty = field.null[0] if field.null else " " * field.length
        made[found.null] = np.frombuffer(empty.encode("latin-1"), np.uint8)
    return made


def texts(found: Checked, field: Field) -> pa.StringArray:
    """Cells of a delimited column: as few digits as the number has, null where there is no value."""
    numbers = np.asarray(found.values)
    if field.mark and field.scale:
        spelled = decimal_array(Column(np.abs(numbers), None, None), field).cast(pa.string())
        if field.mark != ".":
            spelled = pc.replace_substring(spelled, ".", field.mark)
    else:
        spelled = pa.array(np.abs(numbers)).cast(pa.string())
    if signs.is_beside(field):
        spelled = signs.spelled(spelled, numbers, field)
    return strings.absent(spelled, found.null, field)
