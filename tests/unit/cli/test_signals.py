"""Signals: which of them stop a long-running command in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
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


AS_IT_IS_ASKED = """
import os, signal
from cominflow.cli import signals

stop = signals.stop_event()
with stop._cond:  # as whoever begins to wait for it holds it, for a moment
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(1000):
        pass  # the handler runs between two steps of these
assert stop.wait(10)
"""


def test_a_signal_that_comes_just_when_the_event_is_asked_hangs_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", AS_IT_IS_ASKED], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")


def test_under_nohup_a_closed_terminal_stops_nothing() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop = signals.stop_event()
    os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN and not stop.is_set()
