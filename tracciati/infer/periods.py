"""Periods: how long records are that no separator ends: the length at which every column says least that is new."""

from __future__ import annotations

from math import gcd

import numpy as np
from numpy.typing import NDArray

from tracciati.framing import CARRIAGE_RETURN
from tracciati.infer.samples import Bytes
from tracciati.limits import RECORD_BYTES_MAX

# Bytes of the samples that each length is tried on, and the longest length that is tried where none divides the files.
_TRIED_BYTES, _TRIED_LENGTH_MAX = 65_536, 2_048
# Of the bits a byte takes when nothing is known of columns, the most that a record length may leave.
_GAIN, _GAIN_ANY = 0.8, 0.6


def length(parts: list[Bytes]) -> tuple[int, str, bool]:
    """The record length of files without separators: (length, why, whether that is sure)."""
    whole = gcd(*(len(part) for part in parts))
    shortest = min(len(part) for part in parts)
    longest = min(max(whole, 1), RECORD_BYTES_MAX)
    divisors = [size for size in range(2, longest + 1) if whole % size == 0]
    costs = {size: _cost(parts, size) for size in divisors}
    best = min(costs, key=lambda size: costs[size]) if costs else 0
    # Every text has some letters more often than others: columns have to say more than that.
    plain = _cost(parts, 1)
    if best and best < longest and costs[best] < _GAIN * plain:
        return best, "it divides every sample, and at this length columns vary least", True
    top = min(_TRIED_LENGTH_MAX, shortest // 2)
    tried = {size: _cost(parts, size) for size in range(8, top + 1)}
    best_any = min(tried, key=lambda size: tried[size]) if tried else 0
    if best_any and tried[best_any] < _GAIN_ANY * plain:
        return best_any, "no length divides every sample; at this one columns vary least", False
    return longest, "nothing repeats itself; the shortest step that divides every sample", False


def between_returns(parts: list[Bytes]) -> tuple[int, str, bool] | None:
    """As `length`, for records that end in carriage returns alone, which stand at one distance; None for others."""
    steps = [np.diff(np.flatnonzero(part == CARRIAGE_RETURN), prepend=-1) for part in parts]
    every = np.concatenate(steps)
    if len(every) < len(parts) * 2 or (every != every[0]).any():
        return None
    return int(every[0]), "the distance of the carriage returns", True


def _cost(parts: list[Bytes], size: int) -> float:
    """Bits a byte to write the files column by column, with what it takes to say how each column is spread."""
    bits = bytes_count = 0.0
    for part in parts:
        rows = min(len(part), _TRIED_BYTES) // size
        if not rows:
            continue
        bits += _bits(part[: rows * size].reshape(rows, size))
        bytes_count += rows * size
    return bits / bytes_count if bytes_count else float("inf")


def _bits(table: Bytes) -> float:
    rows, size = table.shape
    keys = (np.arange(size, dtype=np.int64) * 256 + table).ravel()
    counts: NDArray[np.int64] = np.bincount(keys, minlength=size * 256)
    counts = counts[counts > 0]
    entropy = rows * size * np.log2(rows) - float((counts * np.log2(counts)).sum())
    # Each value that a column has costs its place in the table of the column.
    return float(entropy + len(counts) * (0.5 * np.log2(rows) + 6))
