"""Turns: on SQLite, the long transactions of one process wait for each other here and not at the database.

One transaction writes at a time, and whoever waits at the database looks again every tenth of a second; who has just
committed begins the next one at once. Of several threads that write long ones, somebody would wait in vain for the half
minute after which a writer gives up.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

_turn = threading.RLock()


@contextmanager
def writing() -> Iterator[None]:
    """Take a turn, before the transaction begins. On PostgreSQL, where writers do not wait for each other, nothing."""
    if connection.vendor != "sqlite":
        yield
        return
    with _turn:
        yield
