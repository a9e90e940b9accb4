"""Bounded: foreign code gets so many seconds and no more.

Nothing can end a call that never returns, be it a look-up of a name, a connection or somebody's library. So it runs in
a thread of its own, which is left behind when the time is up; it keeps no process alive (`daemon`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from cominflow import stopping

# How often a wait looks whether the engine is being stopped.
_LOOK_S = 0.25


class TooLong(Exception):
    """The time is up. `thread` still runs, and nobody hears what it says."""

    def __init__(self, thread: threading.Thread) -> None:
        self.thread = thread
        super().__init__("it took too long")


def call(seconds: float, function: Callable[[], Any], *, name: str) -> Any:
    """What `function` returns or raises, even SystemExit. Raises TooLong, or StoppedError when the process is to end.

    name  of the thread, for whoever looks at a hanging process
    """
    said: list[tuple[Any, BaseException | None]] = []

    def run() -> None:
        try:
            said.append((function(), None))
        except BaseException as error:  # noqa: BLE001  raised again below, in the thread that waits
            said.append((None, error))

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    deadline = time.monotonic() + seconds
    while thread.is_alive():
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            break
        thread.join(min(_LOOK_S, left_s))
        if thread.is_alive():
            stopping.look()
    if not said:
        raise TooLong(thread)
    value, error = said[0]
    if error is not None:
        raise error
    return value
