"""Streams: standard output and error as a command needs them, whatever it was started with."""

from __future__ import annotations

import io
import os
import sys


def made_usable() -> bool:
    """Make standard output and error usable; False when there is no standard output (it was closed: `>&-`).

    A path of odd bytes is printed with them escaped, as on standard error, instead of failing at the last step.
    """
    if sys.stderr is None:
        # Also keeps its number from the next file that is opened, which would get what libraries write there.
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # it stays open as long as the process
    if sys.stdout is None:
        return False
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    return True


CLOSED = "standard output is closed\n  do: send it somewhere, as > /dev/null"
