"""Codice fiscale: the sixteen characters of a person, or the eleven digits of a company, as Italian tax law gives them.

ROSSI MARIO, born in Rome on 10 December 1985, is RSSMRA85T10H501O: three letters of the surname,
three of the name, the year, a letter for the month, the day (women: plus 40), the place's code, and the sum of all.
Where two persons would share a code, digits are replaced by letters from the right (*omocodia*: 0-9 become LMNPQRSTUV).
Eleven digits, followed by blanks in a fixed field, are checked as a partita IVA is.

Two neighbours are one 16-bit word and one look-up, which gives their part of the sum and refuses impossible pairs.
Source: D.M. 23 dicembre 1976, n. 13813 and n. 12386 (Agenzia delle Entrate).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from tracciati.layout import Field
from tracciati.values import attested, diagnosis, luhn, texts
from tracciati.values.attested import Sizes
from tracciati.values.cells import Bytes, Column, Flags, Lengths
from tracciati.values.diagnosis import Diagnosis

LENGTH = 16
OMOCODIA = "LMNPQRSTUV"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789" + OMOCODIA
MONTHS = "ABCDEHLMPRST"
# What may stand at each of the sixteen places.
PLACES = (*[LETTERS] * 6, DIGITS, DIGITS, MONTHS, DIGITS, DIGITS, LETTERS, DIGITS, DIGITS, DIGITS, LETTERS)
# What a character adds at the odd places (first, third...): the law's own table, for 0-9 and A-J alike, then K-Z.
_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_MISFIT = 256  # more than eight good pairs can sum up to: their parts are below 26
_SUMS_COUNT = 9 * (_MISFIT + 26)


def read(cells: Bytes, field: Field, lengths: Lengths | None = None, *, codec: str = "ascii") -> Column:
    """Check the form and the check character.

    cells    uint8 (n, width); delimited cells left-aligned and filled with 0x00
    lengths  int (n,): true lengths of delimited cells, None in fixed layouts

    Returns a Column without values (`arrow` makes the strings). Never raises for bad data.
    """
    good = _is_person(cells, lengths)
    if not good.all():
        rows = np.flatnonzero(~good)
        good[rows] = _is_company(cells[rows], None if lengths is None else lengths[rows])
    return texts.checked(cells, good, field, lengths, codec)


def _is_person(cells: Bytes, lengths: Lengths | None) -> Flags:
    width = cells.shape[1]
    if width < LENGTH:
        return np.zeros(len(cells), np.bool_)
    total = _days().take(cells[:, 9:11].view("<u2")[:, 0])
    for start, table in zip(range(0, LENGTH, 2), _pairs(), strict=True):
        total += table.take(cells[:, start : start + 2].view("<u2")[:, 0])
    good: Flags = _right_sums().take(total)
    if lengths is not None:
        good &= lengths == LENGTH
    elif width > LENGTH:
        good &= (cells[:, LENGTH:] == ord(" ")).all(axis=1)
    return good


def _is_company(cells: Bytes, lengths: Lengths | None) -> Flags:
    if cells.shape[1] < luhn.DIGITS or not len(cells):
        return np.zeros(len(cells), np.bool_)
    malformed, wrong = luhn.read(cells)
    good = ~malformed & ~wrong
    if lengths is not None:
        good &= lengths == luhn.DIGITS
    else:
        good &= (cells[:, luhn.DIGITS :] == ord(" ")).all(axis=1)
    return good


def check_character(code: str) -> str:
    """The last character, for the fifteen before it.

    >>> check_character("RSSMRA85T10H501")
    'O'
    """
    return LETTERS[sum(amount(character, index) for index, character in enumerate(code)) % 26]


def amount(character: str, index: int) -> int:
    """What a character adds to the sum at that place (from 0)."""
    number = ord(character) - ord("0") if character.isdigit() else ord(character) - ord("A")
    return _ODD[number] if index % 2 == 0 else number


@cache
def _pairs() -> tuple[NDArray[np.uint16], ...]:
    """Eight tables over pairs of bytes: their part of the sum modulo 26, where the check character counts negative."""
    tables = []
    for index in range(0, LENGTH, 2):
        table = np.full(65536, _MISFIT, np.uint16)
        for one in PLACES[index]:
            for two in PLACES[index + 1]:
                second = -(ord(two) - ord("A")) if index + 1 == LENGTH - 1 else amount(two, index + 1)
                table[_key(one + two)] = (amount(one, index) + second) % 26
        tables.append(table)
    return tuple(tables)


@cache
def _days() -> NDArray[np.uint16]:
    """By the two bytes of the day: 0 when it is 1..31 or 41..71, a misfit when not."""
    table = np.full(65536, _MISFIT, np.uint16)
    for one in DIGITS:
        for two in DIGITS:
            if _is_day(one + two):
                table[_key(one + two)] = 0
    return table


def _is_day(pair: str) -> bool:
    day = digit(pair[0]) * 10 + digit(pair[1])
    return 1 <= day <= 31 or 41 <= day <= 71


def digit(character: str) -> int:
    """A digit, or the letter that stands for it after omocodia."""
    return int(character) if character.isdigit() else OMOCODIA.index(character)


@cache
def _right_sums() -> NDArray[np.bool_]:
    table = np.zeros(_SUMS_COUNT, np.bool_)
    table[0:_MISFIT:26] = True
    return table


def _key(pair: str) -> int:
    return int.from_bytes(pair.encode("ascii"), "little")


def diagnose(cell: bytes, field: Field, codec: str = "ascii") -> Diagnosis:
    """Say why a cell that `read` called bad is bad. cell: its bytes as they stand in the file."""
    if (problem := diagnosis.too_long(cell, field)) is not None:
        return problem
    code = cell.rstrip(b" ")
    if len(code) == luhn.DIGITS and not luhn.read(np.frombuffer(code, np.uint8).reshape(1, -1))[0][0]:
        return Diagnosis("TR-F208", {}, *luhn.expected(code))
    text = code.decode("ascii", "replace")
    if len(text) == LENGTH and all(c in place for c, place in zip(text, PLACES, strict=True)) and _is_day(text[9:11]):
        right = check_character(text[:-1])
        return Diagnosis("TR-F208", {}, f"the check character {right}", f"il carattere di controllo {right}")
    return Diagnosis(
        "TR-F207",
        {},
        "16 characters as in RSSMRA85T10H501O, or 11 digits",
        "16 caratteri come in RSSMRA85T10H501O, o 11 cifre",
    )


def _is_right(cells: Bytes, sizes: Sizes, field: Field) -> Flags:
    bad = read(cells, field, sizes).bad
    return np.ones(len(cells), np.bool_) if bad is None else ~bad


_, arrow, write, spell, fits = attested.verbs(attested.Kind("a codice fiscale", LENGTH, _is_right))
