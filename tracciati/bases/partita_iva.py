"""Partita IVA: the eleven digits by which Italian companies are taxed; the last one is a Luhn check digit.

A wider field has blanks after them. Source: D.P.R. 633/1972, art. 35; D.M. 23 dicembre 1976, n. 12386.
"""

from __future__ import annotations

import numpy as np

from tracciati.layout import Field
from tracciati.values import attested, diagnosis, luhn, texts
from tracciati.values.attested import Sizes
from tracciati.values.cells import Bytes, Column, Flags, Lengths, equal, word, words
from tracciati.values.diagnosis import Diagnosis

_SEVEN_ZEROS = np.uint64(int.from_bytes(b"0" * 7, "little"))


def read(cells: Bytes, field: Field, lengths: Lengths | None = None, *, codec: str = "ascii") -> Column:
    """Check the digits and the check digit.

    cells    uint8 (n, width); delimited cells left-aligned and filled with 0x00
    lengths  int (n,): true lengths of delimited cells, None in fixed layouts

    Returns a Column without values (`arrow` makes the strings). Never raises for bad data.
    """
    width = cells.shape[1]
    if width < luhn.DIGITS:
        good = np.zeros(len(cells), np.bool_)
    else:
        good = luhn.right_sums().take(luhn.pair_sums(cells))
        good &= word(cells, 0, 7) != _SEVEN_ZEROS
        if lengths is not None:
            good &= lengths == luhn.DIGITS
        elif width > luhn.DIGITS:
            tail = cells[:, luhn.DIGITS :]
            blank = equal(words(tail), b" " * tail.shape[1])
            good = good & blank if blank is not None else np.zeros(len(cells), np.bool_)
    return texts.checked(cells, good, field, lengths, codec)


def diagnose(cell: bytes, field: Field, codec: str = "ascii") -> Diagnosis:
    """Say why a cell that `read` called bad is bad. cell: its bytes as they stand in the file."""
    if (problem := diagnosis.too_long(cell, field)) is not None:
        return problem
    number = cell.rstrip(b" ")
    if len(number) == luhn.DIGITS and not luhn.read(np.frombuffer(number, np.uint8).reshape(1, -1))[0][0]:
        return Diagnosis("TR-F210", {}, *luhn.expected(number))
    return Diagnosis("TR-F209", {}, "11 digits, the last one a check digit", "11 cifre, l'ultima di controllo")


def _is_right(cells: Bytes, sizes: Sizes, field: Field) -> Flags:
    bad = read(cells, field, sizes).bad
    return np.ones(len(cells), np.bool_) if bad is None else ~bad


_, arrow, write, spell, fits = attested.verbs(attested.Kind("a partita IVA", luhn.DIGITS, _is_right))
