"""Mod 97: a text of capitals and digits whose last two digits make it leave 1 when divided by 97 (A is 10, Z is 35).

A wider field has blanks after it. Source: ISO 7064, MOD 97-10.
"""

from __future__ import annotations

import numpy as np

from tracciati.layout import Field
from tracciati.values import attested, diagnosis
from tracciati.values.attested import Sizes
from tracciati.values.cells import Bytes, Flags
from tracciati.values.diagnosis import Diagnosis

SIZE_MAX = 60


def _is_right(cells: Bytes, sizes: Sizes, field: Field) -> Flags:
    right: Flags = sizes > 2
    rest = np.zeros(len(cells), np.int64)
    for column, after, within in attested.places(cells, sizes):
        is_known = np.where(after < 2, attested.are_digits(column), attested.are_letters_or_digits(column))
        right &= is_known | ~within
        rest = attested.remainder_97(column, rest, within)
    right &= rest == 1
    return right


def check_digits(text: str) -> str:
    """The last two digits, for what stands before them.

    >>> check_digits("794")
    '44'
    """
    return f"{98 - attested.number_97(text + '00'):02}"


def diagnose(cell: bytes, field: Field, codec: str = "ascii") -> Diagnosis:
    """Say why a cell that `read` called bad is bad. cell: its bytes as they stand in the file."""
    if (problem := diagnosis.too_long(cell, field)) is not None:
        return problem
    text = cell.rstrip(b" ").decode("ascii", "replace")
    before, digits = text[:-2], text[-2:]
    if before and all(character in _CHARACTERS for character in before) and digits.isascii() and digits.isdigit():
        right = check_digits(before)
        return Diagnosis("TR-F221", {}, f"the check digits {right}", f"le cifre di controllo {right}")
    return Diagnosis(
        "TR-F220",
        {},
        "capitals and digits, the last two of them check digits",
        "maiuscole e cifre, le ultime due di controllo",
    )


_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_KIND = attested.Kind("a text with check digits modulo 97", SIZE_MAX, _is_right)
read, arrow, write, spell, fits = attested.verbs(_KIND)
