"""Mod 11: a number whose last character is 11 less the weighted sum of the others modulo 11.

Weights go from 2 up to the field's `weights` (9 when nothing is said), from the right, and begin anew. A check of 10 is
written as the field's `ten` ("X" when nothing is said), one of 11 as its `eleven` ("0"): contracts differ there.
A wider field has blanks after it.
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
    total, check = np.zeros(len(cells), np.int64), np.full(len(cells), ord("0"), np.uint8)
    for column, after, within in attested.places(cells, sizes):
        is_last = after == 0
        right &= attested.are_digits(column) | is_last | ~within
        weight = (after - 1) % (field.weights - 1) + 2
        total += np.where(within & ~is_last, (column.astype(np.int64) - ord("0")) * weight, 0)
        check = np.where(within & is_last, column, check)
    wanted = np.frombuffer(_characters(field).encode("ascii"), np.uint8)
    right &= check == wanted.take(11 - total % 11)
    return right


def _characters(field: Field) -> str:
    """What stands for a check of 0 to 11 (0 does not occur)."""
    return "0123456789" + field.ten + field.eleven


def check_character(digits: str, field: Field) -> str:
    """The last character, for the digits before it.

    >>> check_character("030640615", Field("isbn", "mod11", 0, 10, weights=10))
    '2'
    """
    total = sum(int(digit) * (place % (field.weights - 1) + 2) for place, digit in enumerate(reversed(digits)))
    return _characters(field)[11 - total % 11]


def diagnose(cell: bytes, field: Field, codec: str = "ascii") -> Diagnosis:
    """Say why a cell that `read` called bad is bad. cell: its bytes as they stand in the file."""
    if (problem := diagnosis.too_long(cell, field)) is not None:
        return problem
    text = cell.rstrip(b" ").decode("ascii", "replace")
    if len(text) > 1 and text[:-1].isascii() and text[:-1].isdigit():
        return diagnosis.check_character(check_character(text[:-1], field))
    return Diagnosis(
        "TR-F220", {}, "digits and a check character after them", "cifre, e dopo di esse un carattere di controllo"
    )


_KIND = attested.Kind("a number with a check digit modulo 11", SIZE_MAX, _is_right)
read, arrow, write, spell, fits = attested.verbs(_KIND)
