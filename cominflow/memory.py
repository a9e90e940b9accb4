"""Memory: the engine's process keeps little of what it has freed."""

from __future__ import annotations

import ctypes

import pyarrow as pa

# malloc.h of glibc
_M_ARENA_MAX, _M_MMAP_THRESHOLD = -8, -3

# What is larger goes back to the system as soon as it is freed. glibc would raise this by itself up to 32 MB; with a
# quarter of it a large file takes a tenth more processor time.
_GIVEN_BACK_BYTES = 1 << 19


def keep_little() -> None:
    """Call it before there are threads. Of a large file, seventy megabytes less than the libraries would take.

    Arrow's own allocator keeps pages for each thread, and so does glibc's with its arenas; neither is faster here.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _GIVEN_BACK_BYTES)
