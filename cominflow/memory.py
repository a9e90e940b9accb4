"""Memory: the engine's process keeps little of what it has freed."""

from __future__ import annotations

import ctypes

import pyarrow as pa

_M_ARENA_MAX = -8  # malloc.h of glibc


def keep_little() -> None:
    """Call it before there are threads. Of a large file, fifty megabytes less than the libraries would take.

    Arrow's own allocator keeps pages for each thread, and so does glibc's with its arenas; neither is faster here.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
