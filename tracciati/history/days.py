"""Days: on which days was a file expected, and none came? Pure; which days those are, a calendar has to say."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date


def missing_days(expected: Iterable[date], seen: Iterable[date]) -> tuple[date, ...]:
    """The days on which a file was expected and of which there is none, in order.

    seen  the files' own dates; days on which none was expected do not matter

    >>> first, second = date(2026, 3, 2), date(2026, 3, 3)
    >>> missing_days([first, second], [second])
    (datetime.date(2026, 3, 2),)
    """
    return tuple(sorted({*expected} - {*seen}))
