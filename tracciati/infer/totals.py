"""Totals: numbers of a record that is there once in a file which equal a count of records, or the sum of a column."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tracciati.infer.tables import Cells
from tracciati.values.numerals import DIGITS_MAX

# What chance may do, over all places and all that could be counted or summed.
_CHANCE_MAX = 0.02
# No count is so wide, when another one is narrower.
_WIDE = 10


@dataclass(frozen=True)
class Target:
    """What a total could be: its expression, and its value in each file."""

    expression: str
    values: tuple[int, ...]

    @property
    def is_count(self) -> bool:
        """Is it a number of records?"""
        return self.expression.startswith("count")


@dataclass(frozen=True)
class Total:
    """A stretch [start, stop) that holds a target."""

    start: int
    stop: int
    target: Target
    chance: float


def found(cells: Cells, targets: list[Target], free: list[tuple[int, int]]) -> list[Total]:
    """The totals in whole records, one of each file, in the order of the columns; none over another."""
    hits: list[tuple[float, int, int, int, Target]] = []
    figures = (cells.cells >= 48) & (cells.cells < 58)
    places = sum(int(np.count_nonzero(figures[:, start:stop].all(axis=0))) for start, stop in free)
    windows = places * max(len({target.values for target in targets}), 1)
    for order, target in enumerate(targets):
        if min(target.values) < 1 or (max(target.values) < 2 and len(target.values) < 3):
            continue
        texts = [str(value).encode("ascii") for value in target.values]
        longest = max(len(text) for text in texts)
        for start, stop in free:
            for end in range(start + longest, stop + 1) if longest <= DIGITS_MAX else ():
                if all(_ends_with(cells.cells[row], text, start, end) for row, text in enumerate(texts)):
                    begin = _zeros_before(cells.cells, end - longest, start, longest, texts, end)
                    chance = _chance(texts, end - begin) * windows
                    if chance <= _CHANCE_MAX and end - begin >= 2:
                        hits.append((chance, order, end - longest, end, target))
    return _apart(cells.cells, hits, free)


def _ends_with(row: NDArray[np.uint8], text: bytes, start: int, end: int) -> bool:
    """Does the number end there? What stands before it in a shorter one is checked with the zeros."""
    return end - len(text) >= start and row[end - len(text) : end].tobytes() == text


def _zeros_before(table: NDArray[np.uint8], begin: int, start: int, longest: int, texts: list[bytes], end: int) -> int:
    """The first column of the number with the zeros that fill it in every row; `end` where a row has other digits."""
    for row, text in enumerate(texts):
        if (table[row, end - longest : end - len(text)] != 48).any():
            return end
    while begin > max(start, end - DIGITS_MAX) and (table[:, begin - 1] == 48).all():
        begin -= 1
    return begin


def _chance(texts: list[bytes], width: int) -> float:
    """Random numbers filled with zeros would agree so often: a digit each, and half a digit for each zero."""
    different = set(texts)
    if width < max(len(text) for text in texts):
        return 1.0
    digits = sum(len(text) + (width - len(text)) * 0.5 for text in different)
    return float(10.0**-digits)


def _apart(
    table: NDArray[np.uint8], hits: list[tuple[float, int, int, int, Target]], free: list[tuple[int, int]]
) -> list[Total]:
    chosen: list[tuple[float, int, int, Target]] = []
    for chance, _, begin, end, target in sorted(hits, key=lambda hit: hit[:2]):
        is_free = all(end <= other[1] or other[2] <= begin for other in chosen)
        if is_free and target.expression not in {other[3].expression for other in chosen}:
            chosen.append((chance, begin, end, target))
    found: list[Total] = []
    before = 0
    for chance, begin, end, target in sorted(chosen, key=lambda one: one[1]):
        edge = max(before, end - DIGITS_MAX, max(start for start, stop in free if start <= begin))
        while begin > edge and (table[:, begin - 1] == 48).all():
            begin -= 1
        before = end
        found.append(Total(begin, end, target, chance))
    return [_as_wide_as_others(one, found) for one in found]


def _as_wide_as_others(one: Total, others: list[Total]) -> Total:
    """A count with many zeros before it, whose beginning nobody sees, is as wide as the narrowest other count."""
    if not one.target.is_count or one.stop - one.start < _WIDE:
        return one
    widths = [other.stop - other.start for other in others if other.target.is_count]
    width = max(min(widths), max(len(str(value)) for value in one.target.values))
    return replace(one, start=one.stop - width)
