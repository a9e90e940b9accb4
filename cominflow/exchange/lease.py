"""Lease: ask the kernel whether anybody still writes a file, and keep new writers waiting meanwhile.

A read lease (F_SETLEASE, F_RDLCK) is refused while anyone has the file open for writing, in 9 microseconds and
without waiting. While it is held, an open for writing waits until the lease ends. Closing the descriptor ends it.

The trap: such an open sends the holder a signal, SIGIO by default, which kills a process that does not expect it,
and a client could do that on purpose. Here the signal is SIGURG, which every process ignores unless it asked for it.

Needs a local file system and the same account as the file's owner. Source: fcntl(2), "Leases".
"""

from __future__ import annotations

import errno
import fcntl
import signal


def take(descriptor: int) -> bool:
    """Take a read lease on a file that is open for reading only.

    Returns False when somebody has it open for writing. Raises OSError: EACCES when the file belongs to another
    account, EINVAL when the file system has no leases.
    """
    fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as cause:
        if cause.errno == errno.EAGAIN:
            return False
        raise
    return True


def is_contested(descriptor: int) -> bool:
    """Whether somebody waits to open the leased file for writing (or waited so long that the lease is gone)."""
    return bool(fcntl.fcntl(descriptor, fcntl.F_GETLEASE) != fcntl.F_RDLCK)
