"""Clock: the only place that asks for the time. Everything else is handed a clock or an instant.

Instants are aware datetimes in UTC. A calendar day (an invoice's date, a file's reference date) is a day in Italy.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

ROME = ZoneInfo("Europe/Rome")


def now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)


def today() -> date:
    """The present day in Italy."""
    return day_of(now())


def day_of(instant: datetime) -> date:
    """The day in Italy that an instant belongs to.

    >>> day_of(datetime(2026, 3, 1, 23, 30, tzinfo=UTC))
    datetime.date(2026, 3, 2)
    """
    return instant.astimezone(ROME).date()


def to_the_minute(instant: datetime) -> str:
    """An instant as clocks in Italy have it, with the offset: an hour of autumn comes twice.

    >>> to_the_minute(datetime(2026, 3, 1, 8, 0, 59, tzinfo=UTC))
    '2026-03-01 09:00 +0100'
    """
    return f"{instant.astimezone(ROME):%Y-%m-%d %H:%M %z}"


def to_the_second(instant: datetime) -> str:
    """The same, with the seconds.

    >>> to_the_second(datetime(2026, 7, 1, 7, 0, 59, tzinfo=UTC))
    '2026-07-01 09:00:59 +0200'
    """
    return f"{instant.astimezone(ROME):%Y-%m-%d %H:%M:%S %z}"
