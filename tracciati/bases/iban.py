"""IBAN: the international number of a bank account, in capitals and without blanks inside; IT60X0542811101000000123456.

Two letters for the country, two check digits, then the country's own number. A wider field has blanks after it.
Source: ISO 13616; lengths by country from the IBAN registry of SWIFT; check digits by ISO 7064, MOD 97-10.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tracciati.layout import Field
from tracciati.values import attested, diagnosis, spelling, strings, texts
from tracciati.values.attested import Sizes
from tracciati.values.cells import Bytes, Column, Flags, Lengths
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
