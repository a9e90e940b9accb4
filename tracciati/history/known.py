"""Known: the numbers that files have had, and which file had which. One entry a file, whatever it holds."""

from __future__ import annotations

from bisect import bisect_right


class Known:
    """Runs of numbers that do not overlap, each with the name of its file."""

    def __init__(self) -> None:
        self._round = 0
        self._firsts: list[int] = []
        self._runs: list[tuple[int, int, str]] = []

    def holder(self, first: int, last: int) -> tuple[int, str] | None:
        """A number of `first` to `last` that was there before, and the file that had it."""
        place = bisect_right(self._firsts, last) - 1
        if place < 0 or self._runs[place][1] < first:
            return None
        begin, _, name = self._runs[place]
        return max(first, begin), name

    def add(self, first: int, last: int, name: str, round_: int) -> None:
        """Take over the numbers of a file; what was there before is forgotten where a new round begins with it."""
        if round_ != self._round:
            self._round, self._firsts, self._runs = round_, [], []
        place = bisect_right(self._firsts, first)
        self._firsts.insert(place, first)
        self._runs.insert(place, (first, last, name))
