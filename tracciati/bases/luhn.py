"""Luhn: a number whose last digit makes its Luhn sum a multiple of ten, as on cards; zeros on the left belong to it.

A wider field has blanks after it. Source: ISO/IEC 7812-1, annex B.
"""

from __future__ import annotations

import numpy as np

from tracciati.layout import Field
from tracciati.values import attested, diagnosis
from tracciati.values.attested import Sizes
from tracciati.values.cells import Bytes, Flags
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
read, arrow, write, spell, fits = attested.verbs(_KIND)
