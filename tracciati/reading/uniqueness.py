"""Uniqueness: has this value stood in this field before, anywhere in the file.

A table of 64-bit hashes with open addressing, filled a block at a time; each hit is verified against the bytes of
the earlier record, so that two values which share a hash are never called the same. It costs 16 to 64 bytes for
each record with a unique field: the only thing that grows with a file.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Index = NDArray[np.int64]

_FIRST_SIZE = 1 << 14
# Odd constants of splitmix64 (Steele, Lea, Flood 2014): good mixing in three multiplications.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def hashes(cells: NDArray[np.uint8], lengths: Index | None) -> Hashes:
    """A 64-bit hash of each cell: uint64 (n,), never 0 (0 marks an empty slot)."""
    count, width = cells.shape
    words = -(-width // 8)
    filled = np.zeros((count, words * 8), np.uint8)
    filled[:, :width] = cells
    columns = filled.view(np.uint64)
    mixed = np.full(count, _GOLDEN, np.uint64)
    if lengths is not None:
        mixed += lengths.astype(np.uint64)
        # A cell filled with 0x00 must hash alike in a block where the column happens to be wider.
    for index in range(words):
        column = columns[:, index]
        part = _mix(column + np.uint64((index + 1) * int(_GOLDEN) % 2**64))
        mixed += np.where(column != 0, part, np.uint64(0)) if lengths is not None else part
    mixed = _mix(mixed)
    mixed[mixed == 0] = np.uint64(1)
    return mixed


def _mix(x: Hashes) -> Hashes:
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    return x ^ (x >> np.uint64(31))


class Seen:
    """The values of one unique field, as far as the file has been read."""

    def __init__(self, read_back: Callable[[int, int], bytes | None]) -> None:
        """read_back(offset, length) gives bytes of the file again, or None where the source cannot."""
        self._read_back = read_back
        self._hashes = np.zeros(_FIRST_SIZE, np.uint64)
        self._places = np.zeros(_FIRST_SIZE, np.int64)
        self._lengths = np.zeros(_FIRST_SIZE, np.int32)
        self._count = 0
        # Values that share a hash with a different one; an adversary's work, or one chance in 10^8.
        self._clashing: dict[bytes, int] = {}

    def check(self, cell_hashes: Hashes, places: Index, lengths: Index, text_of: Callable[[int], bytes]) -> Index:
        """The rows whose value was there before, in this block or an earlier one.

        places, lengths   where each value's bytes stand in the file
        text_of           row -> the value's bytes
        """
        while (self._count + len(cell_hashes)) * 2 > len(self._hashes):
            self._grow()
        known = self._insert(cell_hashes, places, lengths)
        hits = np.flatnonzero(known >= 0)
        repeated = []
        earlier: dict[int, bytes | None] = {}
        for row in hits.tolist():
            slot = int(known[row])
            if slot not in earlier:
                earlier[slot] = self._read_back(int(self._places[slot]), int(self._lengths[slot]))
            text = text_of(row)
            first = earlier[slot]
            if first is None or first == text or text in self._clashing:
                repeated.append(row)
            else:
                self._clashing[text] = int(places[row])
        return np.array(repeated, np.int64)

    def _insert(self, cell_hashes: Hashes, places: Index, lengths: Index) -> Index:
        """Put hashes into the table; the slot of the earlier equal hash for those that were there, else -1."""
        mask = np.uint64(len(self._hashes) - 1)
        known = np.full(len(cell_hashes), -1, np.int64)
        pending = np.arange(len(cell_hashes))
        slots = (cell_hashes & mask).astype(np.int64)
        while len(pending):
            found = self._hashes[slots]
            mine = cell_hashes[pending]
            same = found == mine
            known[pending[same]] = slots[same]
            free = found == 0
            # Of several rows that want one free slot the first in the file gets it: written last to first.
            at, who = slots[free][::-1], pending[free][::-1]
            self._hashes[at] = cell_hashes[who]
            self._places[at] = places[who]
            self._lengths[at] = lengths[who]
            won = free.copy()
            won[free] = self._places[slots[free]] == places[pending[free]]
            self._count += int(np.count_nonzero(won))
            waiting = ~same & ~won
            pending = pending[waiting]
            # A row that lost a free slot looks at it again: its equal may be there now.
            slots = np.where(free[waiting], slots[waiting], (slots[waiting] + 1) & np.int64(mask))
        return known

    def _grow(self) -> None:
        full = self._hashes != 0
        kept, places, lengths = self._hashes[full], self._places[full], self._lengths[full]
        size = len(self._hashes) * 4
        self._hashes = np.zeros(size, np.uint64)
        self._places = np.zeros(size, np.int64)
        self._lengths = np.zeros(size, np.int32)
        self._count = 0
        self._insert(kept, places, lengths)
