"""Make the file that `bench/read.py` and `bench/write.py` measure with: records of 200 bytes, all of them valid.

    python bench/make_file.py /tmp/pratiche.txt --records 1000000 --seed 1

The same seed gives the same bytes. Persons and companies do not exist: check characters are right, the rest is drawn.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LAYOUT = Path(__file__).with_name("pratiche.toml")

# Values of the characters 0-9 A-Z at the odd places (counted from 1) of a codice fiscale: D.M. 23 dicembre 1976.
_ODD_DIGITS = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21]
_ODD_LETTERS = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]
_MONTHS = np.frombuffer(b"ABCDEHLMPRST", np.uint8)
_CONSONANTS = np.frombuffer(b"BCDFGHLMNPRSTVZ", np.uint8)
_SERVICES = [b"VIS1", b"VIS2", b"PROT", b"CATA"]
_NAMES = ["ROSSI MARIO", "BIANCHI ANNA", "VERDI LUIGI", "NERI NICOLÒ", "PROVA SOCIETA' A RESPONSABILITA' LIMITATA"]
_NOTES = ["", "URGENTE", "RICHIESTA DI PROVA", "VEDI ALLEGATO", "PERCHÉ NO"]

Bytes = NDArray[np.uint8]


def make(path: Path, records_count: int, seed: int) -> None:
    """Write the file: `records_count` records and a tail with count and sum."""
    chance = np.random.default_rng(seed)
    total = 0
    with path.open("wb") as file:
        for first in range(0, records_count, 50_000):
            table, amounts = block(first, min(50_000, records_count - first), chance)
            total += int(amounts.sum())
            file.write(table.tobytes())
        file.write(f"99{records_count:09d}{total:017d}".encode().ljust(200) + b"\r\n")


def block(first: int, count: int, chance: np.random.Generator) -> tuple[Bytes, NDArray[np.int64]]:
    """Records `first` .. `first + count` as bytes (count, 202), and their amounts."""
    table = np.full((count, 202), ord(" "), np.uint8)
    table[:, 200:] = np.frombuffer(b"\r\n", np.uint8)
    table[:, :2] = np.frombuffer(b"20", np.uint8)
    numbers = np.arange(first + 1, first + count + 1)
    table[:, 2:9] = digits(numbers, 7)
    table[:, 9:12] = np.frombuffer(b"RIF", np.uint8)
    table[:, 12:21] = digits(numbers * 7, 9)
    table[:, 21:25] = _chosen(_SERVICES, 4, count, chance)
    table[:, 25:41] = codici_fiscali(count, chance)
    table[:, 41:52] = partite_iva(count, chance)
    table[:, 52:92] = _chosen([n.encode("iso8859-1")[:40] for n in _NAMES], 40, count, chance)
    table[:, 92:97] = digits(chance.integers(0, 98_000, count), 5)
    table[:, 97:107] = digits(chance.integers(0, 10**10, count), 10)
    table[:, 107:115] = _dates(1930, 2005, count, chance)
    table[:, 115:123] = _dates(2025, 2030, count, chance)
    table[:, 115:123][chance.random(count) < 0.1] = ord("0")
    amounts = chance.integers(1, 5_000_000, count)
    table[:, 123:134] = digits(amounts, 11)
    table[:, 134:145] = digits(chance.integers(0, 50_000, count), 11)
    table[:, 145:151] = digits(chance.integers(0, 1000, count), 6)
    table[:, 151:181] = _chosen([n.encode("iso8859-1") for n in _NOTES], 30, count, chance)
    return table, amounts


def digits(numbers: NDArray[np.int64], width: int) -> Bytes:
    """Numbers as ASCII digits (n, width)."""
    weights = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (numbers[:, None] // weights % 10 + ord("0")).astype(np.uint8)


def codici_fiscali(count: int, chance: np.random.Generator) -> Bytes:
    """Valid codici fiscali (n, 16) of nobody."""
    cells = np.empty((count, 16), np.uint8)
    cells[:, :6] = _CONSONANTS[chance.integers(0, len(_CONSONANTS), (count, 6))]
    cells[:, 6:8] = digits(chance.integers(30, 100, count), 2)
    cells[:, 8] = _MONTHS[chance.integers(0, 12, count)]
    cells[:, 9:11] = digits(chance.integers(1, 29, count) + 40 * chance.integers(0, 2, count), 2)
    cells[:, 11] = ord("Z")
    cells[:, 12:15] = digits(chance.integers(100, 1000, count), 3)
    odd, even = np.zeros(128, np.int64), np.zeros(128, np.int64)
    for number in range(10):
        odd[ord("0") + number], even[ord("0") + number] = _ODD_DIGITS[number], number
    for number in range(26):
        odd[ord("A") + number], even[ord("A") + number] = _ODD_LETTERS[number], number
    check = odd[cells[:, 0:15:2]].sum(axis=1) + even[cells[:, 1:15:2]].sum(axis=1)
    cells[:, 15] = check % 26 + ord("A")
    return cells


def partite_iva(count: int, chance: np.random.Generator) -> Bytes:
    """Valid partite IVA (n, 11) of nobody."""
    cells = np.empty((count, 11), np.uint8)
    cells[:, :10] = digits(chance.integers(10**9, 10**10, count), 10)
    values = cells[:, :10].astype(np.int64) - ord("0")
    doubled = values[:, 1::2] * 2
    total = values[:, ::2].sum(axis=1) + (doubled - 9 * (doubled > 9)).sum(axis=1)
    cells[:, 10] = -total % 10 + ord("0")
    return cells


def _chosen(texts: list[bytes], width: int, count: int, chance: np.random.Generator) -> Bytes:
    cells = np.frombuffer(b"".join(text.ljust(width) for text in texts), np.uint8).reshape(len(texts), width)
    return cells[chance.integers(0, len(texts), count)]


def _dates(first_year: int, last_year: int, count: int, chance: np.random.Generator) -> Bytes:
    years = chance.integers(first_year, last_year + 1, count)
    return digits(years * 10_000 + chance.integers(1, 13, count) * 100 + chance.integers(1, 29, count), 8)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    make(chosen.path, chosen.records, chosen.seed)


if __name__ == "__main__":
    main()
