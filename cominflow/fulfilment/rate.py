"""Rate: at most so many calls per second to one place, whoever in this process makes them."""

from __future__ import annotations

import threading


class Rate:
    """`per_second` calls on average, `burst` of them at once after a quiet time. Safe between threads."""

    def __init__(self, per_second: float, burst: int) -> None:
        self.apart_s = 1 / per_second
        self.burst = burst
        self._free_at = float("-inf")
        self._lock = threading.Lock()

    def reserve(self, now_s: float) -> float:
        """Take the next place. Returns how many seconds the caller has to wait for it.

        now_s  of a clock that never goes back (`time.monotonic`)
        """
        with self._lock:
            free_at = max(self._free_at, now_s)
            self._free_at = free_at + self.apart_s
            return max(0.0, free_at - (self.burst - 1) * self.apart_s - now_s)


_rates: dict[tuple[str, float, int], Rate] = {}
_lock = threading.Lock()


def of(place: str, per_second: float, burst: int) -> Rate:
    """The rate of one place, the same for all who ask in this process."""
    with _lock:
        return _rates.setdefault((place, per_second, burst), Rate(per_second, burst))
