"""Cells: one field's bytes, one row per record, taken eight bytes at a time as 64-bit words.

A comparison or a check of a word does the work of eight, and needs no n x width table in between; numpy reads
the words straight out of the block, unaligned and strided. Byte 0 of a cell is the lowest byte of its word.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Flags = NDArray[np.bool_]
Lengths = NDArray[np.int32] | NDArray[np.int64]

HIGH_BITS = np.uint64(0x8080808080808080)


class Column(NamedTuple):
    """What a base reads out of its cells.

    values  int64 (integer; decimal, in units of its last decimal) or int32 (date: days since 1970-01-01);
            None for bases whose value is text. 0 where null, the base's UNREADABLE where bad
    null    bool (n,): the cell says "no value"; None when no cell does
    bad     bool (n,): the cell cannot be what the layout says; None when no cell is bad. Never bad and null at once
    """

    values: NDArray[np.int64] | NDArray[np.int32] | None
    null: Flags | None
    bad: Flags | None


def words(cells: Bytes) -> list[Words]:
    """All bytes of the cells (n, width) as uint64 (n,) arrays; the last one overlaps the one before it.

    A cell narrower than eight bytes is one word whose upper bytes are zero.
    """
    width = cells.shape[1]
    if width <= 8:
        return [word(cells, 0, width)] if width else []
    starts = list(range(0, width - 7, 8))
    if width % 8:
        starts.append(width - 8)
    return [word(cells, start, start + 8) for start in starts]


def word(cells: Bytes, start: int, stop: int) -> Words:
    """Bytes [start, stop) of the cells, at most eight, as uint64 (n,); bytes not taken are zero."""
    size = stop - start
    assert 1 <= size <= 8, (start, stop)
    if not len(cells):
        return np.zeros(0, np.uint64)
    assert cells.strides[1] == 1 or cells.shape[1] == 1, "a cell's bytes stand one beside the other"
    if size == 8:
        return _load(cells, start, 8)
    half = 4 if size >= 4 else 2 if size >= 2 else 1
    low = _load(cells, start, half)
    if half < size:
        # The two loads overlap and agree on the bytes they share, so "or" joins them.
        low |= _load(cells, stop - half, half) << np.uint64(8 * (size - half))
    return low


def _load(cells: Bytes, start: int, size: int) -> Words:
    part = cells[:, start : start + size]
    if size == 1:
        return part[:, 0].astype(np.uint64)
    return part.view(f"<u{size}")[:, 0].astype(np.uint64)


@cache
def constant_words(text: bytes) -> tuple[np.uint64, ...]:
    """The words that a cell holding exactly `text` has, in the order of `words`."""
    cell = np.frombuffer(text, np.uint8).reshape(1, -1)
    return tuple(w[0] for w in words(cell))


def equal(cell_words: list[Words], text: bytes) -> Flags | None:
    """Which cells hold exactly `text` (as wide as they are): bool (n,), or None when none does."""
    found: Flags | None = None
    for column, constant in zip(cell_words, constant_words(text), strict=True):
        same = column == constant
        if found is None:
            found = same
        else:
            found &= same
        if not found.any():
            return None
    return found


def has_high_bytes(cell_words: list[Words]) -> bool:
    """Is any byte of any cell above 127?"""
    return any(bool(np.bitwise_or.reduce(w) & HIGH_BITS) for w in cell_words)


def not_digits(cell_words: list[Words], width: int) -> Flags | None:
    """Which cells hold anything but ASCII digits: bool (n,), or None when none does."""
    seen: Words | None = None
    for column in cell_words:
        x = column ^ ascii_zeros(min(width, 8))
        x |= x + SIXES
        seen = x if seen is None else np.bitwise_or(seen, x, out=seen)
    return flagged(seen)


def flagged(seen: Words | None) -> Flags | None:
    """Rows of `seen` (x | x + 6 of bytes that should be 0..9) in which some byte is above 9."""
    if seen is None or not np.bitwise_or.reduce(seen) & HIGH_NIBBLES:
        return None
    flags: Flags = (seen & HIGH_NIBBLES) != 0
    return flags


# A byte is a digit 0..9 exactly when neither it nor it plus six reaches the high four bits.
SIXES = np.uint64(0x0606060606060606)
HIGH_NIBBLES = np.uint64(0xF0F0F0F0F0F0F0F0)


@cache
def ascii_zeros(size: int) -> np.uint64:
    """`size` times "0" as a word."""
    return np.uint64(int.from_bytes(b"0" * size, "little"))


def either(one: Flags | None, other: Flags | None) -> Flags | None:
    """One flag or the other, where None is "nowhere"."""
    if one is None:
        return other
    return one if other is None else one | other


def place(table: Bytes, start: int, cells: Bytes) -> None:
    """Put cells (n, width) into their columns of a table of records (n, stride), a cell at a time and not a byte."""
    width = cells.shape[1]
    if not width or not len(cells):
        return
    assert table.flags.c_contiguous and cells.strides[1] == 1, "cells and records stand byte beside byte"
    column = np.ndarray((len(table),), f"V{width}", table.data, offset=start, strides=(table.strides[0],))
    column[:] = cells.view(f"V{width}")[:, 0]
