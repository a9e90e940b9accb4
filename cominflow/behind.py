"""Behind: pieces of work that a second thread does, one after the other, while the caller is at the next one.

What is done behind mostly compresses, hashes, writes and commits, which leaves the interpreter to others: so two cores
work at one large file. It has a database connection of its own, and sees only what was committed.
"""

from __future__ import annotations

import contextvars
import logging
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

from django.db import connection

from cominflow import quoting
from cominflow.limits import BEHIND_MAX

log = logging.getLogger(__name__)

Found = TypeVar("Found")


class Behind:
    """A second thread for the length of a `with`, begun with the first piece; nothing outlives it.

    What a piece raises is raised by a later `do`, or at the end; the pieces after it are not begun.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: ThreadPoolExecutor | None = None
        self._pieces: deque[Future[Any]] = deque()
        self._failure: BaseException | None = None

    def do(self, piece: Callable[..., object], *words: Any) -> None:
        """Have it done. Waits as long as BEHIND_MAX others are not finished.

        Inside a transaction it is done at once: another connection would wait for that transaction.
        """
        if connection.in_atomic_block:
            piece(*words)
            return
        while len(self._pieces) >= BEHIND_MAX:
            self._next()
        self._pieces.append(self._submit(self._run, piece, *words))

    def ahead(self, items: Iterator[Found]) -> Iterator[Found]:
        """The same items, each made by the second thread while the one before it is worked on.

        Raises what making one raised: pieces that were handed over are done all the same. Inside a transaction each
        item is made when it is wanted.
        """
        if connection.in_atomic_block:
            yield from items
            return
        coming = self._submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = self._submit(next, items, None)
            yield item

    def __enter__(self) -> Behind:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """What was handed over is done, also where the caller failed: its failure is the one that goes on."""
        if self._thread is None:
            return
        try:
            while self._pieces:
                self._next()
        except BaseException as failure:
            self._pieces.clear()
            if error is None:
                raise
            if failure is not error:
                log.warning("%s failed as well: %s", self._name, quoting.said(failure))
        finally:
            self._thread.submit(_close_connection)
            self._thread.shutdown()

    def _submit(self, piece: Callable[..., Any], *words: Any) -> Future[Any]:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix=self._name)
        return self._thread.submit(contextvars.copy_context().run, piece, *words)

    def _next(self) -> None:
        """Wait for the oldest piece."""
        self._pieces.popleft().result()

    def _run(self, piece: Callable[..., object], *words: Any) -> None:
        if self._failure is not None:
            raise self._failure
        try:
            piece(*words)
        except BaseException as failure:
            self._failure = failure
            raise


def _close_connection() -> None:
    connection.close()  # the one of the thread that runs this
