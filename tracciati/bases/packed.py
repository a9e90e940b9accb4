"""Packed: a number with two decimal digits in each byte and its sign in the last half one, as COBOL's COMP-3.

A field of 5 bytes has 9 digits. The sign is C or F (also A, E) for a number that is not below zero, D (also B) for one
that is. A field that is `signed` is written with C and D, the others with F.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from tracciati.layout import Field
from tracciati.values import numerals, raw
from tracciati.values.cells import Bytes, Flags
from tracciati.values.diagnosis import Diagnosis
from tracciati.wording import counted

_PLUS, _MINUS, _UNSIGNED = 0xC, 0xD, 0xF
_NEGATIVE = (0xB, 0xD)
_NO_DIGITS = 255


def digits_of(length: int) -> int:
    """How many digits so many bytes have."""
    return 2 * length - 1


def _read(cells: Bytes, field: Field) -> tuple[NDArray[np.int64], Flags | None]:
    pairs = _pairs()
    found = np.zeros(len(cells), np.int64)
    wrong = np.zeros(len(cells), np.uint8)
    surplus = max(0, cells.shape[1] - numerals.DIGITS_MAX // 2 - 1)
    for place in range(surplus):  # beyond what an int64 can hold there are only zeros
        wrong |= cells[:, place]
    wrong[wrong != 0] = _NO_DIGITS
    for place in range(surplus, cells.shape[1] - 1):
        pair = pairs.take(cells[:, place])
        wrong |= pair & 128
        found *= 100
        found += pair
    last = cells[:, -1]
    digit, sign = last >> 4, last & 15
    found *= 10
    found += digit
    bad: Flags = ((wrong & 128) != 0) | (digit > 9) | (sign < 10)
    negative = (sign == _NEGATIVE[0]) | (sign == _NEGATIVE[1])
    return np.where(negative, -found, found), bad if bad.any() else None


def _write(numbers: NDArray[np.int64], field: Field) -> Bytes:
    assert field.length is not None, "a fixed field has a length"
    digits = numerals.write(np.abs(numbers), digits_of(field.length)) & 15
    plus = _PLUS if field.sign else _UNSIGNED
    sign = np.where(numbers < 0, _MINUS, plus).astype(np.uint8)[:, None]
    halves = np.concatenate((digits, sign), axis=1)
    cells: Bytes = (halves[:, ::2] << np.uint8(4)) | halves[:, 1::2]
    return cells


def _bounds(field: Field) -> tuple[int, int]:
    most = 10 ** (field.digits or numerals.DIGITS_MAX) - 1
    return -most if field.sign else 0, most


read, arrow, write, spell, fits = raw.verbs(raw.Kind(_read, _write, _bounds))


def diagnose(cell: bytes, field: Field, codec: str = "ascii") -> Diagnosis:
    """Say why a cell that `read` called bad is bad. cell: its bytes as they stand in the file."""
    halves = cell.hex()
    signs_en, signs_it = ("C, D or F", "C, D o F") if field.sign else ("F or C", "F o C")
    english = f"{counted(field.digits, 'packed digit')}, and {signs_en} for the sign"
    italian = f"{field.digits} cifre impaccate, e {signs_it} per il segno"
    if not halves[:-1].isdigit():
        return Diagnosis("TR-F223", {}, english, italian)
    if halves[-1].isdigit() or (not field.sign and halves[-1] in "bd"):
        return Diagnosis("TR-F222", {}, english, italian)
    return Diagnosis("TR-F214", {}, english, italian)


@cache
def _pairs() -> Bytes:
    """By byte: the number that its two digits are, 255 where one of them is none."""
    table = np.full(256, _NO_DIGITS, np.uint8)
    for number in range(100):
        table[number // 10 * 16 + number % 10] = number
    return table
