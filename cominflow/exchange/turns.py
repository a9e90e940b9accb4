"""Turns: what several threads of one process had better not do at the same time.

    working   batches of small files, but for what they ask of providers. All of it holds the interpreter, and threads
              that take it from each other all the time need twice the processor time of one after the other
    writing   on SQLite, long transactions. One writes at a time, and whoever waits at the database looks again every
              tenth of a second; who has just committed begins the next one at once. Of several threads that write long
              ones, somebody would wait in vain for the half minute after which a writer gives up

Whoever takes both takes `working` first.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from cominflow import stopping

_working, _writing = threading.RLock(), threading.RLock()

# How often who waits looks whether the engine is being stopped.
_LOOK_S = 0.1


@contextmanager
def working() -> Iterator[None]:
    """Take a turn. Raises StoppedError where the engine is stopped meanwhile."""
    while not _working.acquire(timeout=_LOOK_S):
        stopping.look()
    try:
        yield
    finally:
        _working.release()


@contextmanager
def writing() -> Iterator[None]:
    """Take a turn, before the transaction begins. On PostgreSQL, where writers do not wait for each other, nothing."""
    if connection.vendor != "sqlite":
        yield
        return
    with _writing:
        yield
