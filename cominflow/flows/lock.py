"""Lock: one engine per data folder, and whether one is alive, without disturbing it.

The engine holds two locks on `state/engine.lock` until it ends, however it ends. The first (flock) is what keeps a
second engine out. The second (an open file description lock) is there to be asked about: asking for the first one would
mean to take it, and an engine that starts at that moment would find it taken.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from cominflow.errors import LockedError
from cominflow.exchange import disk
from cominflow.exchange.disk import Folders

# `struct flock` of fcntl(2) on 64-bit Linux: type, whence, start, length (0: to the end), process.
_FLOCK = "hhqqi4x"


@contextmanager
def locked(folders: Folders) -> Iterator[None]:
    """Hold the engine's lock. LockedError (exit 4) when another process has it; WorldError."""
    path = folders.state / "engine.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as cause:
        raise disk.world_error("lock", path, cause) from cause
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = path.read_text().strip() or "unknown"
            raise LockedError(
                f"an engine already runs on {folders.data} (process {holder})",
                hint="use `cominflow run --once`, which asks that engine to sweep, or stop it first",
            ) from None
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _asked(fcntl.F_WRLCK))
        try:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        except OSError as cause:
            raise disk.world_error("lock", path, cause) from cause
        yield
    finally:
        os.close(descriptor)


def holder(folders: Folders) -> str:
    """The process number of the living engine, as it wrote it; empty when none is alive. Takes no lock."""
    try:
        descriptor = os.open(folders.state / "engine.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    try:
        found = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _asked(fcntl.F_RDLCK)))
        if found[0] == fcntl.F_UNLCK:
            return ""
        return os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
    finally:
        os.close(descriptor)


def _asked(kind: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, 0, 0, 0)
