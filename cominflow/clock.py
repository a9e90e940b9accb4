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
