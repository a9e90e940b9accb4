"""Integer: a whole number, so that "0000042" is 42; below zero only where the layout says where its sign stands.

Right-aligned and filled with "0" unless the layout says otherwise (`align`, `pad`); ASCII digits only.
A cell of blanks is no number: where the contract lets it stand for "no value", the layout lists it under `null`.
"""

from __future__ import annotations

import pyarrow as pa

from tracciati.layout import Field
from tracciati.values import diagnosis, numbers, numerals, signs, spelling, texts
from tracciati.values.cells import Bytes, Column, Flags, Lengths, either
from tracciati.values.diagnosis import Diagnosis


def read(cells: Bytes, field: Field, lengths: Lengths | None = None, *, codec: str = "ascii") -> Column:
    """Turn digit cells into integers.

    cells    uint8 (n, width); delimited cells right-aligned and filled with "0"
    lengths  int (n,): true lengths of delimited cells, None in fixed layouts

    Returns a Column with int64 values; UNREADABLE where bad. Never raises for bad data.
    """
    blank = None
    digits = cells
    signed = signs.taken_off(cells, field, lengths) if signs.is_beside(field) else None
    if signed is not None:
        digits = signed.digits
    if lengths is None and field.pad != "0":
        digits, blank = numerals.without_padding(digits, field)
    values, bad = numerals.read(digits, digits_max=field.digits or numerals.DIGITS_MAX)
    if signed is not None:
        values, bad = signs.with_signs(values, signed, bad)
    return numerals.column(cells, values, either(bad, texts.too_long(lengths, field)), field, lengths, blank)


def arrow(
    cells: Bytes, column: Column, field: Field, codec: str = "ascii", lengths: Lengths | None = None
) -> pa.Int64Array:
    """Make an Arrow array, int64, of what `read` returned: null where null or bad."""
    return numbers.int64_array(column)


def diagnose(cell: bytes, field: Field, codec: str = "ascii") -> Diagnosis:
    """Say why a cell that `read` called bad is bad. cell: its bytes as they stand in the file."""
    return diagnosis.not_number(cell, field)


def write(values: pa.Array, field: Field, codec: str = "ascii", *, path: str = "") -> Bytes:
    """Make the cells of a fixed field: uint8 (n, field.length).

    values  integers; whole floats and strings of digits are taken too
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
