"""Numerals: cells of ASCII digits to int64 and back, for every base that is a number.

Eight digits are one 64-bit word: three multiplications turn it into a number, whatever the count of rows.
Implied decimals are the caller's business: here "0001250" is 1250.

Source for the word arithmetic: D. Lemire, "Quickly parsing eight digits" (2018).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tracciati.layout import Field
from tracciati.values.cells import (
    SIXES,
    Bytes,
    Column,
    Flags,
    Lengths,
    Words,
    ascii_zeros,
    either,
    equal,
    flagged,
    word,
    words,
)

if TYPE_CHECKING:
    from tracciati.values import Values

DIGITS_MAX = 18  # 18 nines is the widest run of digits that int64 can hold

# Below every legal amount: a sum that forgets `bad` comes out absurd, not plausible.
UNREADABLE = -(10**18)

_TEN_8 = np.uint64(10**8)
_ZERO, _NINE = ord("0"), ord("9")


def read(cells: Bytes, *, digits_max: int = DIGITS_MAX) -> tuple[NDArray[np.int64], Flags | None]:
    """Cells of digits, filled with "0" on the left, as numbers.

    cells       uint8 (n, width), any width from 1
    digits_max  most digits a number may have; what is left of them must be zeros

    Returns (numbers int64 (n,), bad bool (n,) or None). Where bad the number means nothing. Never raises for bad data.
    """
    bad: Flags | None = None
    surplus = cells.shape[1] - DIGITS_MAX
    if surplus > 0:
        zeros = equal(words(cells[:, :surplus]), b"0" * surplus)
        if zeros is None:
            bad = np.ones(len(cells), np.bool_)
        elif not zeros.all():
            bad = ~zeros
        cells = cells[:, surplus:]
    numbers, not_digits = _parse(cells)
    bad = either(bad, not_digits)
    if digits_max < cells.shape[1]:
        wide = numbers >= 10**digits_max
        if wide.any():
            bad = either(bad, wide)
    return numbers, bad


def _parse(cells: Bytes) -> tuple[NDArray[np.int64], Flags | None]:
    width = cells.shape[1]
    seen: Words | None = None
    numbers: Words | None = None
    first = width % 8
    for start, stop in ([(0, first)] if first else []) + [(s, s + 8) for s in range(first, width, 8)]:
        size = stop - start
        x = word(cells, start, stop)
        x ^= ascii_zeros(size)
        check = x + SIXES
        check |= x
        seen = check if seen is None else np.bitwise_or(seen, check, out=seen)
        if size < 8:
            x <<= np.uint64(8 * (8 - size))
        x = _eight_digits(x)
        if numbers is None:
            numbers = x
        else:
            numbers *= _TEN_8
            numbers += x
    if numbers is None:
        return np.zeros(len(cells), np.int64), None
    return numbers.view(np.int64), flagged(seen)


def _eight_digits(x: Words) -> Words:
    """Bytes 0..9, the first of them lowest, as one number; in place."""
    x *= np.uint64(2561)  # 10 * 2^8 + 1: neighbours become pairs
    x >>= np.uint64(8)
    x &= np.uint64(0x00FF00FF00FF00FF)
    x *= np.uint64(6553601)  # 100 * 2^16 + 1
    x >>= np.uint64(16)
    x &= np.uint64(0x0000FFFF0000FFFF)
    x *= np.uint64(42949672960001)  # 10000 * 2^32 + 1
    x >>= np.uint64(32)
    return x


def without_padding(cells: Bytes, field: Field) -> tuple[Bytes, Flags]:
    """Cells padded with something else than "0", right-aligned and filled with "0"; and which were all padding.

    For the rare declaration: it costs a few passes over n x width bytes, where the word arithmetic needs none.
    """
    padding = cells == np.uint8(ord(field.pad))
    width = cells.shape[1]
    if field.align == "right":
        lead = np.logical_and.accumulate(padding, axis=1)
        return np.where(lead, np.uint8(_ZERO), cells), lead[:, -1]
    trail = np.logical_and.accumulate(padding[:, ::-1], axis=1)
    source = np.arange(width) - trail.sum(axis=1)[:, None]
    moved = np.take_along_axis(cells, np.maximum(source, 0), axis=1)
    return np.where(source < 0, np.uint8(_ZERO), moved), trail[:, -1]


def of_digits(column: Values) -> tuple[NDArray[np.int64], Flags | None]:
    """The numbers that identifiers of digits are, zeros in front or not, and which are none: as `read`."""
    cells, lengths = column.cells, column.lengths
    if lengths is not None:
        # From the left, filled with 0x00, to the right.
        source = np.arange(cells.shape[1]) - (cells.shape[1] - np.minimum(lengths, cells.shape[1]))[:, None]
        cells = np.where(source < 0, np.uint8(_ZERO), np.take_along_axis(cells, np.maximum(source, 0), axis=1))
    elif column.field.pad != "0":
        cells, _ = without_padding(cells, column.field)
    numbers, bad = read(cells)
    return numbers, either(column.bad, bad if column.null is None or bad is None else bad & ~column.null)


def column(
    cells: Bytes,
    numbers: NDArray[np.int64],
    bad: Flags | None,
    field: Field,
    lengths: Lengths | None,
    blank: Flags | None,
) -> Column:
    """Numbers and what is bad, with the null texts of the field taken out.

    cells    as they stand in the file
    blank    cells that were all padding and therefore null, or None
    """
    null = blank if blank is not None and blank.any() else None
    if lengths is not None and not lengths.all():
        null = either(null, lengths == 0)
    cell_words: list[Words] | None = None
    for text in field.null:
        if len(text) > cells.shape[1] or not text:
            continue
        # A null text that is no number can only stand where the cell is bad.
        if (
            bad is None
            and lengths is None
            and field.pad == "0"
            and not (text.isascii() and text.isdigit() or field.mark or field.sign)
        ):
            continue
        cell_words = words(cells) if cell_words is None else cell_words
        same = equal(cell_words, text.encode("latin-1").rjust(cells.shape[1], b"0"))
        if same is not None and lengths is not None:
            same &= lengths == len(text)
        null = either(null, same)
    if null is not None and bad is not None:
        bad = bad & ~null
    if bad is not None and not bad.any():
        bad = None
    if null is not None:
        numbers[null] = 0
    if bad is not None:
        numbers[bad] = UNREADABLE
    return Column(numbers, null, bad)


def write(numbers: NDArray[np.int64], width: int) -> Bytes:
    """Numbers as cells of digits filled with "0": uint8 (n, width). None may have more digits, or be negative.

    Four digits at a time come out of a table; a division by 10 for each digit would cost three times as much.
    """
    quads = -(-width // 4)
    cells = np.empty((len(numbers), quads), np.uint32)
    rest = numbers
    for place in range(quads - 1, 0, -1):
        above = rest // 10_000
        cells[:, place] = _quads().take(rest - above * 10_000)
        rest = above
    cells[:, 0] = _quads().take(rest)
    return cells.view(np.uint8)[:, quads * 4 - width :]


@cache
def _quads() -> NDArray[np.uint32]:
    """0..9999 as four ASCII digits, the first one in the lowest byte."""
    return np.frombuffer(b"".join(b"%04d" % number for number in range(10_000)), "<u4")


def without_zeros(cells: Bytes, *, kept: int) -> Bytes:
    """Blanks in place of the zeros that lead, but for the last `kept` bytes."""
    lead = np.logical_and.accumulate(cells == _ZERO, axis=1)
    lead[:, cells.shape[1] - kept :] = False
    return np.where(lead, np.uint8(ord(" ")), cells)
