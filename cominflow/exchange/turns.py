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
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from cominflow import stopping

_writing = threading.RLock()

# How often who waits looks whether the engine is being stopped.
_LOOK_S = 0.1


class _Line:
    """Threads that wait for one place, the first to come at its head; whoever has the place may take it again."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._line: deque[int] = deque()  # threads; the first one has the place
        self._depth = 0

    def enter(self) -> None:
        """Wait for the place. Raises StoppedError where the engine is stopped meanwhile."""
        me = threading.get_ident()
        with self._changed:
            if not self._line or self._line[0] != me:
                self._line.append(me)
            try:
                while self._line[0] != me:
                    if not self._changed.wait(_LOOK_S):
                        stopping.look()
            except BaseException:
                self._line.remove(me)
                raise
            self._depth += 1

    def leave(self) -> None:
        """Give the place to the next one."""
        with self._changed:
            self._depth -= 1
            if not self._depth:
                self._line.popleft()
                self._changed.notify_all()


_working = _Line()


@contextmanager
def working() -> Iterator[None]:
    """Take a turn, in the order in which they are asked for. Raises StoppedError where the engine is stopped."""
    _working.enter()
    try:
        yield
    finally:
        _working.leave()


@contextmanager
def writing() -> Iterator[None]:
    """Take a turn, before the transaction begins. On PostgreSQL, where writers do not wait for each other, nothing."""
    if connection.vendor != "sqlite":
        yield
        return
    with _writing:
        yield
