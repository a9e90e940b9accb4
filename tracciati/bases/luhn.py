"""Luhn: a number whose last digit makes its Luhn sum a multiple of ten, as on cards; zeros on the left belong to it.

A wider field has blanks after it. Source: ISO/IEC 7812-1, annex B.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tracciati.layout import Field
from tracciati.values import attested, diagnosis, spelling, strings, texts
from tracciati.values.attested import Sizes
from tracciati.values.cells import Bytes, Column, Flags, Lengths
from tracciati.values.diagnosis import Diagnosis

SIZE_MAX = 40


def _is_right(cells: Bytes, sizes: Sizes, field: Field) -> Flags:
    right: Flags = sizes > 1
    total = np.zeros(len(cells), np.int64)
    for column, after, within in attested.places(cells, sizes):
        right &= attested.are_digits(column) | ~within
        digit = column.astype(np.int64) - ord("0")
        twice = np.where(digit > 4, 2 * digit - 9, 2 * digit)
        total += np.where(within, np.where(after % 2 == 1, twice, digit), 0)
    right &= total % 10 == 0
    return right


def check_digit(digits: str) -> str:
    """The last digit, for those before it.

    >>> check_digit("7992739871")
    '3'
    """
    numbers = [int(digit) for digit in reversed(digits)]
    return str(-sum((2 * n - 9 if n > 4 else 2 * n) if place % 2 == 0 else n for place, n in enumerate(numbers)) % 10)


def diagnose(cell: bytes, field: Field, codec: str = "ascii") -> Diagnosis:
    """Say why a cell that `read` called bad is bad. cell: its bytes as they stand in the file."""
    if (problem := diagnosis.too_long(cell, field)) is not None:
        return problem
    text = cell.rstrip(b" ").decode("ascii", "replace")
    if len(text) > 1 and text.isascii() and text.isdigit():
        return diagnosis.check_character(check_digit(text[:-1]))
    return Diagnosis("TR-F220", {}, "digits, the last one a check digit", "cifre, l'ultima di controllo")


_KIND = attested.Kind("a number with a Luhn check digit", SIZE_MAX, _is_right)


def read(cells: Bytes, field: Field, lengths: Lengths | None = None, *, codec: str = "ascii") -> Column:
    """Check the form and the check characters.

    cells    uint8 (n, width); delimited cells left-aligned and filled with 0x00
    lengths  int (n,): true lengths of delimited cells, None in fixed layouts

    Returns a Column without values (`arrow` makes the strings). Never raises for bad data.
    """
    return attested.read(_KIND, cells, field, lengths, codec)


def arrow(
    cells: Bytes, column: Column, field: Field, codec: str = "ascii", lengths: Lengths | None = None
) -> pa.StringArray:
    """Make Arrow strings of the cells that `read` was given: without padding; null where null or bad."""
    return strings.from_cells(cells, column, field, codec, lengths)


def write(values: pa.Array, field: Field, codec: str = "ascii", *, path: str = "") -> Bytes:
    """Make the cells of a fixed field: uint8 (n, field.length).

    values  strings
    path    `record.field`, for messages

    Raises DoesNotFit, naming the first row, rather than write something else than the value.
    """
    checked = attested.checked(_KIND, values, field, codec, delimited=False)
    spelling.refuse(checked, values, field, path)
    return texts.cells(checked, field)


def spell(values: pa.Array, field: Field, codec: str = "ascii", *, path: str = "") -> pa.StringArray:
    """Make the cells of a delimited column: strings in the file's encoding, null where there is no value.

    Raises DoesNotFit as `write` does.
    """
    checked = attested.checked(_KIND, values, field, codec, delimited=True)
    spelling.refuse(checked, values, field, path)
    return checked.values


def fits(values: pa.Array, field: Field, codec: str = "ascii", *, delimited: bool = False) -> Flags:
    """Which values can be written: bool (n,). Raises DoesNotFit only for a column of a type that never fits."""
    return spelling.fits(attested.checked(_KIND, values, field, codec, delimited=delimited), values, field)
