"""Coverage: which bytes of a file were seen. A client may send or ask for them in any order, and twice."""

from __future__ import annotations


class Coverage:
    """Ranges of bytes, merged as they touch.

    >>> seen = Coverage()
    >>> seen.add(0, 4); seen.add(6, 8)
    >>> seen.first_gap(8), seen.is_whole(8)
    (4, False)
    >>> seen.add(4, 6); seen.is_whole(8)
    True
    """

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int]] = []  # disjoint, not touching, in order

    def add(self, start: int, stop: int) -> None:
        """The bytes from `start` to before `stop` were seen."""
        if start >= stop:
            return
        if self._ranges and self._ranges[-1][1] == start:  # the usual case: the next piece
            self._ranges[-1] = (self._ranges[-1][0], stop)
            return
        before = [known for known in self._ranges if known[1] < start]
        after = [known for known in self._ranges if known[0] > stop]
        touched = self._ranges[len(before) : len(self._ranges) - len(after)]
        if touched:
            start, stop = min(start, touched[0][0]), max(stop, touched[-1][1])
        self._ranges = [*before, (start, stop), *after]

    def first_gap(self, size: int) -> int:
        """Where the first byte is that was not seen; `size` when there is none before it."""
        if not self._ranges or self._ranges[0][0] > 0:
            return 0
        return min(self._ranges[0][1], size)

    def is_whole(self, size: int) -> bool:
        """Whether each of `size` bytes was seen."""
        return size == 0 or self.first_gap(size) == size

    @property
    def ranges_count(self) -> int:
        """How scattered it is: 1 for what came in order."""
        return len(self._ranges)
