"""Killing: run a function in a process of its own, and kill that with SIGKILL as it passes a failpoint.

Nothing of the dead process runs on: no `finally`, no rollback by us, no closing of files.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable

from django.db import connections

from cominflow import failpoint

_FAILED = 70


def passed(work: Callable[[], object]) -> list[str]:
    """Run `work` in this process; the failpoints that it passes, in order."""
    names: list[str] = []
    failpoint.arm(names.append)
    try:
        work()
    finally:
        failpoint.arm(None)
    return names


def killed_at(number: int | str, work: Callable[[], object]) -> bool:
    """Run `work` in a forked process that dies as it passes its `number`-th failpoint (from 1), or the one so called.

    Returns False when `work` ended before. Raises AssertionError when it raised.
    """
    connections.close_all()
    child = os.fork()
    if child == 0:
        _run(number, work)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the work raised in the process that should have been killed; see above"
    return False


def _run(number: int | str, work: Callable[[], object]) -> None:
    passed_count = 0

    def count(name: str) -> None:
        nonlocal passed_count
        passed_count += 1
        if number in (passed_count, name):
            os.kill(os.getpid(), signal.SIGKILL)

    exit_code = _FAILED
    try:
        failpoint.arm(count)
        work()
        connections.close_all()
        exit_code = 0
    except Exception:  # noqa: BLE001  the parent sees the exit code; this is the only place that can tell why
        traceback.print_exc()
    finally:
        os._exit(exit_code)
