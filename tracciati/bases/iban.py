"""IBAN: the international number of a bank account, in capitals and without blanks inside; IT60X0542811101000000123456.

Two letters for the country, two check digits, then the country's own number. A wider field has blanks after it.
Source: ISO 13616; lengths by country from the IBAN registry of SWIFT; check digits by ISO 7064, MOD 97-10.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from tracciati.layout import Field
from tracciati.values import attested, diagnosis
from tracciati.values.attested import Sizes
from tracciati.values.cells import Bytes, Flags
from tracciati.values.diagnosis import Diagnosis

SIZE_MAX = 34
# Country -> characters of its IBAN.
SIZES = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20,
    "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
    "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip


def _is_right(cells: Bytes, sizes: Sizes, field: Field) -> Flags:
    if cells.shape[1] < 4:
        return np.zeros(len(cells), np.bool_)
    right: Flags = (sizes > 4) & (_sizes_by_country().take(cells[:, :2].view("<u2")[:, 0]) == sizes)
    right &= attested.are_digits(cells[:, 2]) & attested.are_digits(cells[:, 3])
    rest = np.zeros(len(cells), np.int64)
    for place, (column, _, within) in enumerate(attested.places(cells, sizes)):
        if place >= 4:
            right &= attested.are_letters_or_digits(column) | ~within
            rest = attested.remainder_97(column, rest, within)
    for place in range(4):
        rest = attested.remainder_97(cells[:, place], rest, right)
    right &= rest == 1
    return right


@cache
def _sizes_by_country() -> NDArray[np.int64]:
    """By the first two bytes: how long the country's numbers are, 0 for what is no country."""
    table = np.zeros(65536, np.int64)
    for country, size in SIZES.items():
        table[int.from_bytes(country.encode("ascii"), "little")] = size
    return table


def check_digits(country: str, number: str) -> str:
    """The third and fourth character, for a country and its own number.

    >>> check_digits("IT", "X0542811101000000123456")
    '60'
    """
    return f"{98 - attested.number_97(number + country + '00'):02}"


def diagnose(cell: bytes, field: Field, codec: str = "ascii") -> Diagnosis:
    """Say why a cell that `read` called bad is bad. cell: its bytes as they stand in the file."""
    if (problem := diagnosis.too_long(cell, field)) is not None:
        return problem
    text = cell.rstrip(b" ").decode("ascii", "replace")
    country, digits, number = text[:2], text[2:4], text[4:]
    size = SIZES.get(country)
    is_formed = all(character in _CHARACTERS for character in number) and digits.isascii() and digits.isdigit()
    if size == len(text) and is_formed:
        right = check_digits(country, number)
        return Diagnosis("TR-F219", {}, f"the check digits {right}", f"i caratteri di controllo {right}")
    if size is not None and is_formed:
        return Diagnosis("TR-F218", {}, f"{size} characters for {country}", f"{size} caratteri per {country}")
    return Diagnosis(
        "TR-F218", {}, "an IBAN as IT60X0542811101000000123456", "un IBAN come IT60X0542811101000000123456"
    )


_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_KIND = attested.Kind("an IBAN", SIZE_MAX, _is_right)
read, arrow, write, spell, fits = attested.verbs(_KIND)
