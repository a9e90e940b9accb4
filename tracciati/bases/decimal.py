"""Decimal: an amount with a fixed count of decimals, so that "0001250" with scale 2 is 12.50.

The decimals are implied, or written after the mark that the layout declares (`mark = ","`): then exactly `scale` of
them, and at least one digit before the mark. It is below zero only where the layout says where its sign stands. No
separator of thousands. Values are integers in units of the last decimal; no float is ever made.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tracciati.layout import Field
from tracciati.values import diagnosis, numbers, numerals, signs, spelling, texts
from tracciati.values.cells import Bytes, Column, Flags, Lengths, either
from tracciati.values.diagnosis import Diagnosis


def read(cells: Bytes, field: Field, lengths: Lengths | None = None, *, codec: str = "ascii") -> Column:
    """Turn amount cells into integers in units of the last decimal.

    cells    uint8 (n, width); delimited cells right-aligned and filled with "0"
    lengths  int (n,): true lengths of delimited cells, None in fixed layouts

    Returns a Column with int64 values; UNREADABLE where bad. Never raises for bad data.
    """
    blank = None
    digits, sizes = cells, lengths
    signed = signs.taken_off(cells, field, lengths) if signs.is_beside(field) else None
    if signed is not None:
        digits, sizes = signed.digits, signed.lengths
    if lengths is None and field.pad != "0":
        digits, blank = numerals.without_padding(digits, field)
    misplaced: Flags | None = None
    if field.mark and field.scale:
        digits, misplaced = _without_mark(digits, field, sizes)
    values, bad = numerals.read(digits, digits_max=field.digits or numerals.DIGITS_MAX)
    if signed is not None:
        values, bad = signs.with_signs(values, signed, bad)
    bad = either(either(bad, misplaced), texts.too_long(lengths, field))
    return numerals.column(cells, values, bad, field, lengths, blank)


def arrow(
    cells: Bytes, column: Column, field: Field, codec: str = "ascii", lengths: Lengths | None = None
) -> pa.Decimal128Array:
    """Make an Arrow array, decimal128(digits, scale), of what `read` returned: null where null or bad."""
    return numbers.decimal_array(column, field)


def diagnose(cell: bytes, field: Field, codec: str = "ascii") -> Diagnosis:
    """Say why a cell that `read` called bad is bad. cell: its bytes as they stand in the file."""
    return diagnosis.not_number(cell, field)


def write(values: pa.Array, field: Field, codec: str = "ascii", *, path: str = "") -> Bytes:
    """Make the cells of a fixed field: uint8 (n, field.length).

    values  decimals or integers; strings such as "12.50" are taken too, floats are not
    path    `record.field`, for messages

    Raises DoesNotFit, naming the first row, rather than write something else than the value.
    """
    checked = numbers.checked(values, field, delimited=False)
    spelling.refuse(checked, values, field, path)
    return numbers.cells(checked, field)


def spell(values: pa.Array, field: Field, codec: str = "ascii", *, path: str = "") -> pa.StringArray:
    """Make the cells of a delimited column: strings in the file's encoding, null where there is no value.

    Raises DoesNotFit as `write` does.
    """
    checked = numbers.checked(values, field, delimited=True)
    spelling.refuse(checked, values, field, path)
    return numbers.texts(checked, field)


def fits(values: pa.Array, field: Field, codec: str = "ascii", *, delimited: bool = False) -> Flags:
    """Which values can be written: bool (n,). Raises DoesNotFit only for a column of a type that never fits."""
    return spelling.fits(numbers.checked(values, field, delimited=delimited), values, field)


def _without_mark(cells: Bytes, field: Field, lengths: Lengths | None) -> tuple[Bytes, Flags | None]:
    """The digits before and after the mark, joined; and the rows whose mark is not where it must be."""
    place = cells.shape[1] - field.scale - 1
    if place < 1:
        return cells, np.ones(len(cells), np.bool_)
    misplaced = cells[:, place] != ord(field.mark)
    if lengths is not None:
        misplaced |= lengths < field.scale + 2
    joined = np.concatenate((cells[:, :place], cells[:, place + 1 :]), axis=1)
    return joined, misplaced if misplaced.any() else None
