"""Orphans: what a test run starts ends with it, also when the run is killed."""

from __future__ import annotations

import ctypes

_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


def end_with_the_parent(number: int) -> None:
    """Have the kernel send this process a signal when its parent ends; a `preexec_fn`."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
