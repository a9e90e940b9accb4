"""Kernel: the Linux calls that Python has no name for, renameat2, openat2 and syncfs.

renameat2(RENAME_NOREPLACE)  a rename that fails when the new name is taken. `os.rename` would overwrite it, and
                             "look, then rename" leaves a moment between the two.
openat2(RESOLVE_BENEATH)     an open that the kernel keeps inside one folder, whatever the name says: no "..", no
                             absolute path, no symbolic link. About 5 microseconds from here.

They raise OSError as the functions of `os` do. Source: renameat2(2), openat2(2); Linux 3.15 and 5.6.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform

# renameat2 got a different number on each architecture; openat2 is from the time when new calls got one for all.
_RENAMEAT2 = {"x86_64": 316, "aarch64": 276, "riscv64": 276, "armv7l": 382, "i686": 353, "ppc64le": 357, "s390x": 347}
_OPENAT2 = 437
_RENAME_NOREPLACE = 1
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_NO_SYMLINKS = 0x04
_RESOLVE_BENEATH = 0x08

# CDLL lets go of the interpreter's lock during the call, so that a slow disk does not stop the other sessions.
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def rename_noreplace(source_folder: int, source: bytes, target_folder: int, target: bytes) -> None:
    """Rename `source` (relative to an open folder) to `target` (relative to another), never over a name that exists.

    Raises FileExistsError when `target` is taken, FileNotFoundError when `source` is gone, OSError for the rest:
    EXDEV (two file systems), EINVAL (a file system that cannot do it), ENOSYS (a system that cannot).
    """
    number = _RENAMEAT2.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, f"renameat2 has no number here for the architecture {platform.machine()}")
    result = _libc.syscall(
        ctypes.c_long(number),
        ctypes.c_int(source_folder),
        ctypes.c_char_p(source),
        ctypes.c_int(target_folder),
        ctypes.c_char_p(target),
        ctypes.c_uint(_RENAME_NOREPLACE),
    )
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), source, None, target)


def open_beneath(folder: int, name: bytes, flags: int, mode: int = 0) -> int:
    """Open `name` below the open folder `folder`; the kernel refuses every way out of it. Returns a descriptor.

    The descriptor closes on exec. Raises OSError: EXDEV for a path that leaves the folder, ELOOP for a symbolic link
    on the way, the usual ones otherwise.
    """
    how = _OpenHow(flags | os.O_CLOEXEC, mode, _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS)
    # EAGAIN: somebody renamed something on the way while the kernel looked; it asks to be called again.
    for _ in range(100):
        descriptor = _libc.syscall(
            ctypes.c_long(_OPENAT2),
            ctypes.c_int(folder),
            ctypes.c_char_p(name),
            ctypes.byref(how),
            ctypes.c_size_t(ctypes.sizeof(how)),
        )
        if descriptor >= 0:
            return int(descriptor)
        code = ctypes.get_errno()
        if code != errno.EAGAIN:
            break
    raise OSError(code, os.strerror(code), name)


def sync_file_system(descriptor: int) -> None:
    """Make everything durable on the file system that holds an open file or folder. Raises OSError.

    Since Linux 5.8 it reports bytes that could not be written. Source: syncfs(2).
    """
    if _libc.syncfs(ctypes.c_int(descriptor)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
