"""Signals and addresses of the long-running commands."""

from __future__ import annotations

import _thread
import signal
import threading

from cominflow.errors import UsageError


def stop_event() -> threading.Event:
    """An event that SIGTERM, Ctrl-C and a terminal that is closed set; under `nohup` the last is ignored as before.

    It is set by a thread of its own: the signal may come just when the first thread holds the event's lock, since it
    is about to wait for it, and would then wait for itself, for ever.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: _thread.start_new_thread(stop.set, ()))
    return stop


def address(text: str) -> tuple[str, int]:
    """HOST:PORT. UsageError when it is not.

    >>> address("127.0.0.1:2222"), address("[::1]:0")
    (('127.0.0.1', 2222), ('::1', 0))
    """
    host, colon, port = text.rpartition(":")
    host = host.strip("[]")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise UsageError(f"{text!r} is not HOST:PORT", hint="for example --listen 127.0.0.1:2222")
    return host, int(port)
