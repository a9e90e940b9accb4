"""Signals: which of them stop a long-running command in order."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from cominflow.cli import signals

NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_closed_terminal_stops_in_order_as_sigterm_does(number: int) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    stop = signals.stop_event()
    os.kill(os.getpid(), number)
    assert stop.wait(10)


def test_under_nohup_a_closed_terminal_stops_nothing() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop = signals.stop_event()
    os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN and not stop.is_set()
