"""Failpoints: named places between two steps where a test may kill the process, or raise.

In production `hit` is one comparison. A test arms a function that is told each name as it is passed; what it raises
is raised there, as if the step before had failed.
"""

from __future__ import annotations

from collections.abc import Callable

_armed: Callable[[str], None] | None = None


def hit(name: str) -> None:
    """Pass the failpoint `name`, e.g. "claim.renamed". Does nothing unless a test armed it."""
    if _armed is not None:
        _armed(name)


def arm(function: Callable[[str], None] | None) -> None:
    """Call `function` at every failpoint from here on in this process; None disarms."""
    global _armed
    _armed = function
