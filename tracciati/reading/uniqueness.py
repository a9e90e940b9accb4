"""Uniqueness: has this value stood in this field before, anywhere in the file.

A table of 64-bit slots with open addressing, filled a block at a time: half of a hash, and the number of the value that
has it. Where each value's bytes stand is kept beside the table, on the disk once there are many. A hit is verified
against the bytes of the earlier record, so that two values which share a hash are never called the same. The table is
the only thing that grows with a file: 13 to 51 bytes for each record with a unique field.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Index = NDArray[np.int64]

# Slots of the table: at first, and from when on it grows by less. At most five eighths of them are filled.
_FIRST_SIZE, _LARGE_SIZE = 1 << 14, 1 << 24
# A slot: the upper half of the hash, and one more than the number of the value; 0 is empty.
_UPPER, _LOWER = np.uint64(0xFFFFFFFF00000000), np.uint64(0x00000000FFFFFFFF)
# What is kept of each value beside the table, how much of it in memory, and how many values are read back in one go.
_KEPT = np.dtype([("hash", "<u8"), ("place", "<i8"), ("length", "<i4")])
_KEPT_IN_MEMORY_BYTES = 4 * 1024**2
_READ_AT_ONCE = 1 << 16
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
        self._slots = np.zeros(_FIRST_SIZE, np.uint64)
        self._count = 0
        self._kept = tempfile.SpooledTemporaryFile(max_size=_KEPT_IN_MEMORY_BYTES)  # noqa: SIM115  # lives as we do
        weakref.finalize(self, self._kept.close)
        # Values that share a hash with a different one; an adversary's work, or one chance in a thousand files.
        self._clashing: dict[bytes, int] = {}

    def check(self, cell_hashes: Hashes, places: Index, lengths: Index, text_of: Callable[[int], bytes]) -> Index:
        """The rows whose value was there before, in this block or an earlier one.

        places, lengths   where each value's bytes stand in the file
        text_of           row -> the value's bytes
        """
        first = self._count
        self._keep(cell_hashes, places, lengths)
        while self._count * 8 > len(self._slots) * 5:
            self._grow(first)
        known = self._insert(cell_hashes, np.arange(first, self._count))
        hits = np.flatnonzero(known >= 0)
        repeated = []
        earlier: dict[int, bytes | None] = {}
        for row in hits.tolist():
            number = int(known[row])
            if number not in earlier:
                earlier[number] = self._text(number)
            text = text_of(row)
            before = earlier[number]
            if before is None or before == text or text in self._clashing:
                repeated.append(row)
            else:
                self._clashing[text] = int(places[row])
        return np.array(repeated, np.int64)

    def _keep(self, cell_hashes: Hashes, places: Index, lengths: Index) -> None:
        kept = np.empty(len(cell_hashes), _KEPT)
        kept["hash"], kept["place"], kept["length"] = cell_hashes, places, lengths
        self._kept.seek(0, os.SEEK_END)
        self._kept.write(kept.tobytes())
        self._count += len(kept)
        assert self._count < int(_LOWER), "a slot has room for the numbers of four thousand million values"

    def _text(self, number: int) -> bytes | None:
        """The bytes of the value that was looked at as number `number`, from 0."""
        self._kept.seek(number * _KEPT.itemsize)
        kept = np.frombuffer(self._kept.read(_KEPT.itemsize), _KEPT)[0]
        return self._read_back(int(kept["place"]), int(kept["length"]))

    def _insert(self, cell_hashes: Hashes, numbers: Index) -> Index:
        """Put values into the table; the number of an earlier one with the same hash for those that have one, else -1.

        numbers  int64 (n,), rising: how many values were looked at before each
        """
        mask = np.uint64(len(self._slots) - 1)
        known = np.full(len(cell_hashes), -1, np.int64)
        marks = cell_hashes & _UPPER
        entries = marks | (numbers.astype(np.uint64) + np.uint64(1))
        pending = np.arange(len(cell_hashes))
        slots = (cell_hashes & mask).astype(np.int64)
        while len(pending):
            found = self._slots[slots]
            free = found == 0
            # Of several rows that want one free slot the first in the file gets it: written last to first.
            self._slots[slots[free][::-1]] = entries[pending[free]][::-1]
            found = self._slots[slots]
            won = found == entries[pending]
            same = ((found & _UPPER) == marks[pending]) & ~won
            known[pending[same]] = (found[same] & _LOWER).astype(np.int64) - 1
            waiting = ~same & ~won
            pending = pending[waiting]
            slots = (slots[waiting] + 1) & np.int64(mask)
        return known

    def _grow(self, count: int) -> None:
        """A larger table with the first `count` values."""
        size = len(self._slots) * (4 if len(self._slots) < _LARGE_SIZE else 2)
        del self._slots  # two at once would be the peak of the whole reading
        self._slots = np.zeros(size, np.uint64)
        self._kept.seek(0)
        for first in range(0, count, _READ_AT_ONCE):
            stop = min(count, first + _READ_AT_ONCE)
            kept = np.frombuffer(self._kept.read((stop - first) * _KEPT.itemsize), _KEPT)
            self._insert(np.ascontiguousarray(kept["hash"]), np.arange(first, stop))
