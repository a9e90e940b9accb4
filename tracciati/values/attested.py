"""Attested: texts whose last or first characters prove the others. What the bases of that kind share.

A cell is the text, with blanks after it in a fixed field. Each base says which texts are right, and why one is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tracciati.layout import Field
from tracciati.values import spelling, strings, texts
from tracciati.values.cells import Bytes, Column, Flags, Lengths
from tracciati.values.spelling import Checked
from tracciati.values.verbs import Verbs

Sizes = NDArray[np.int64]


class Kind(NamedTuple):
    """A kind of text.

    title     what one is called in a message: "an IBAN"
    size_max  the most characters that one can have
    is_right  (cells uint8 (n, width), sizes int64 (n,), field) -> bool (n,); bytes after a cell's size mean nothing
    """

    title: str
    size_max: int
    is_right: Callable[[Bytes, Sizes, Field], Flags]


def verbs(kind: Kind) -> Verbs:
    """The verbs of a base of that kind, all but `diagnose`."""

    def read(cells: Bytes, field: Field, lengths: Lengths | None = None, *, codec: str = "ascii") -> Column:
        """Check the form and the check characters.

        cells    uint8 (n, width); delimited cells left-aligned and filled with 0x00
        lengths  int (n,): true lengths of delimited cells, None in fixed layouts

        Returns a Column without values (`arrow` makes the strings). Never raises for bad data.
        """
        sizes = _sizes(cells) if lengths is None else np.minimum(lengths, cells.shape[1]).astype(np.int64)
        right = kind.is_right(cells, sizes, field) if cells.size else np.zeros(len(cells), np.bool_)
        return texts.checked(cells, right, field, lengths, codec)

    return Verbs(read, _arrow, *texts.verbs(partial(_checked, kind)))


def _arrow(
    cells: Bytes, column: Column, field: Field, codec: str = "ascii", lengths: Lengths | None = None
) -> pa.StringArray:
    """Make Arrow strings of the cells that `read` was given: without padding; null where null or bad."""
    return strings.from_cells(cells, column, field, codec, lengths)


def _checked(kind: Kind, values: pa.Array, field: Field, codec: str, *, delimited: bool) -> Checked:
    """The column before it is written: what is no such text does not fit."""
    column = spelling.text(values, field)
    found = texts.checked_text(column, field, codec, delimited=delimited)
    sizes = strings.byte_lengths(column)
    if len(sizes) and sizes.max() > kind.size_max:
        column = pc.if_else(pa.array(sizes <= kind.size_max), column, "?")
        sizes = strings.byte_lengths(column)
    right = kind.is_right(strings.zero_filled(column, kind.size_max), sizes, field)
    wrong = ~right & (sizes > 0)
    return found._replace(misfits=(*found.misfits, *spelling.misfit(wrong, f"{{value}} is not {kind.title}")))


def _sizes(cells: Bytes) -> Sizes:
    """How many bytes each cell has before the blanks at its end."""
    width = cells.shape[1]
    if not cells.size:
        return np.zeros(len(cells), np.int64)
    is_text = cells[:, ::-1] != ord(" ")
    found: Sizes = np.where(is_text.any(axis=1), width - is_text.argmax(axis=1), 0)
    return found


def places(cells: Bytes, sizes: Sizes) -> Iterator[tuple[Bytes, Sizes, Flags]]:
    """Column by column from the left: its bytes, how many come after it in each text, and which texts reach so far."""
    for place in range(min(cells.shape[1], int(sizes.max()) if len(sizes) else 0)):
        yield cells[:, place], sizes - 1 - place, sizes > place


def remainder_97(column: Bytes, before: NDArray[np.int64], within: Flags) -> NDArray[np.int64]:
    """One more character of a number modulo 97, where A is 10 and Z is 35 (ISO 7064, MOD 97-10)."""
    factors, amounts = _tables()
    return np.where(within, (before * factors.take(column) + amounts.take(column)) % 97, before)


def are_letters_or_digits(column: Bytes) -> Flags:
    """bool (n,): A to Z, or 0 to 9."""
    found: Flags = _tables()[1].take(column) >= 0
    return found


def are_digits(column: Bytes) -> Flags:
    """bool (n,): 0 to 9."""
    found: Flags = (column - np.uint8(ord("0"))) <= 9
    return found


def number_97(text: str) -> int:
    """The text's number modulo 97."""
    return int("".join(str(int(character, 36)) for character in text)) % 97


@cache
def _tables() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """By byte: by what a number before it is multiplied, and what it adds; -1 for what is neither letter nor digit."""
    factors, amounts = np.ones(256, np.int64), np.full(256, -1, np.int64)
    for number in range(36):
        character = ord("0") + number if number < 10 else ord("A") + number - 10
        factors[character], amounts[character] = (10 if number < 10 else 100), number
    return factors, amounts
