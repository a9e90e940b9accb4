"""Signals: SIGTERM and SIGHUP end a command as Ctrl-C does, with whatever it has begun cleaned up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_NUMBERS = (signal.SIGTERM, signal.SIGHUP)


class Ended(BaseException):
    """A signal ended the command. Like KeyboardInterrupt no Exception: nobody but the end of the program takes it."""

    def __init__(self, number: int) -> None:
        self.name = signal.Signals(number).name
        self.exit_code = 128 + number  # what a shell reports for a program that the signal ended
        super().__init__(self.name)


@contextmanager
def raised() -> Iterator[None]:
    """Within, these signals raise Ended, once; afterwards they do what they did before.

    One that is ignored stays so: `nohup` means it. Only a process's first thread can be told of signals.
    """
    is_first = threading.current_thread() is threading.main_thread()
    taken = [number for number in _NUMBERS if is_first and signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _end(number: int, _frame: FrameType | None) -> None:
    for each in _NUMBERS:
        if signal.getsignal(each) is _end:
            signal.signal(each, signal.SIG_IGN)  # a second one would cut the cleaning up short
    raise Ended(number)
