"""Interruption: whoever waits for a provider stops waiting when the engine is being stopped.

A portion may take many minutes (a slow service, a rate limit). Without this the process would not end before it.
"""

from __future__ import annotations

import threading

from cominflow.errors import WorldError

_asked = threading.Event()


class Interrupted(WorldError):
    """The engine stops: nothing failed, and what was being asked is asked again at the next start."""

    def __init__(self) -> None:
        super().__init__(
            "wait for",
            "a provider",
            "the engine is being stopped",
            retryable=True,
            hint="start it again: what was asked is asked once more, under the same keys",
        )


def ask() -> None:
    """From here on every wait for a provider ends."""
    _asked.set()


def clear() -> None:
    """The engine starts."""
    _asked.clear()


def check() -> None:
    """Raises Interrupted when it was asked for."""
    if _asked.is_set():
        raise Interrupted


def wait(seconds: float) -> None:
    """Wait so long. Raises Interrupted as soon as it is asked for."""
    if _asked.wait(seconds):
        raise Interrupted
