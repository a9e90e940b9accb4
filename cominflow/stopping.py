"""Stopping: how work that is under way learns that the process is to end.

Long steps call `look` between two pieces of their work (two files, two portions, two blocks), and whoever waits for a
provider does so with `wait`. Once somebody asked for the end both raise, and the step is left as by a kill, only in
order: transactions roll back, files are closed, programs are ended. What it had done stays done, and the next start
goes on from there: what was being asked is asked again, under the same keys.
"""

from __future__ import annotations

import threading


class StoppedError(BaseException):
    """The process is to end. No Exception: nobody who isolates failures may take it for one, the engine least."""


_asked = threading.Event()


def ask() -> None:
    """Have all work of this process end at its next `look`."""
    _asked.set()


def forget() -> None:
    """A new engine begins in this process."""
    _asked.clear()


def look() -> None:
    """Raise StoppedError when the process is to end."""
    if _asked.is_set():
        raise StoppedError


def wait(seconds: float) -> None:
    """Wait so long. Raises StoppedError as soon as the process is to end."""
    if _asked.wait(seconds):
        raise StoppedError
