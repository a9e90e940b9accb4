"""Luhn: the check digit of a partita IVA, and of a codice fiscale that is eleven digits, over pairs of bytes.

Two digits are one 16-bit word and one look-up. Source: D.M. 23 dicembre 1976, n. 12386 (Agenzia delle Entrate).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from tracciati.values.cells import Bytes, Flags

DIGITS = 11
_NO_DIGIT = 256  # more than six pairs of good digits can sum up to


def read(cells: Bytes) -> tuple[Flags, Flags]:
    """Check eleven digits. cells: uint8 (n, 11 or more), of which the first eleven bytes count.

    Returns (malformed, wrong): bool (n,) each. Malformed: not digits, or the company's number (first seven) is zero.
    Wrong: digits, but the check digit is another one.
    """
    total = pair_sums(cells)
    malformed = total >= _NO_DIGIT
    zeros = (cells[:, :7] == ord("0")).all(axis=1)
    return malformed | zeros, ~malformed & ~zeros & (total % 10 != 0)


def pair_sums(cells: Bytes) -> NDArray[np.uint16]:
    """The Luhn sum of each row: a multiple of 10 when the number is right, 256 or more when a byte is no digit."""
    pairs, single = _tables()
    total = single.take(cells[:, DIGITS - 1])
    for start in range(0, DIGITS - 1, 2):
        total += pairs.take(cells[:, start : start + 2].view("<u2")[:, 0])
    return total


@cache
def right_sums() -> NDArray[np.bool_]:
    """By Luhn sum: is it right?"""
    table = np.zeros(_NO_DIGIT * 7, np.bool_)
    table[0:_NO_DIGIT:10] = True
    return table


@cache
def _tables() -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    single = np.full(256, _NO_DIGIT, np.uint16)
    pairs = np.full(65536, _NO_DIGIT, np.uint16)
    for odd in range(10):
        single[ord("0") + odd] = odd
        for even in range(10):
            twice = even * 2
            key = int.from_bytes(b"%d%d" % (odd, even), "little")
            pairs[key] = odd + (twice - 9 if twice > 9 else twice)
    return pairs, single


def check_digit(digits: str) -> str:
    """The eleventh digit, for the ten before it.

    >>> check_digit("0000001000")
    '9'
    """
    cells = np.frombuffer(digits.encode("ascii") + b"0", np.uint8).reshape(1, -1)
    return str(-int(pair_sums(cells)[0]) % 10)


def expected(number: bytes) -> tuple[str, str]:
    """What a wrong check digit should have been, in English and Italian."""
    right = check_digit(number[: DIGITS - 1].decode("ascii"))
    return f"the check digit {right}", f"la cifra di controllo {right}"
