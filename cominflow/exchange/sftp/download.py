"""Download: a published file that a customer reads. Published files never change, so a broken get can be resumed."""

from __future__ import annotations

import os
import stat
import threading
from collections import OrderedDict

from cominflow.exchange import kernel
from cominflow.exchange.sftp.coverage import Coverage
from cominflow.exchange.sftp.packets import READ_BYTES_MAX, Attributes, Code, RefusedError

# Files whose reading has begun and not ended, remembered over sessions so that a resumed get counts as one.
_BEGUN_MAX = 1024

# Device, inode, size and time: an inode is used again after its file was purged.
_FileKey = tuple[int, int, int, int]


class Begun:
    """What was sent of each file, over all sessions of the process; the oldest are forgotten."""

    def __init__(self) -> None:
        self._coverages: OrderedDict[_FileKey, Coverage] = OrderedDict()
        self._lock = threading.Lock()

    def sent(self, key: _FileKey, start: int, stop: int, size: int) -> bool:
        """Note that bytes were sent; returns whether all of the file's were by now."""
        with self._lock:
            coverage = self._coverages.setdefault(key, Coverage())
            self._coverages.move_to_end(key)
            coverage.add(start, stop)
            while len(self._coverages) > _BEGUN_MAX:
                self._coverages.popitem(last=False)
            return coverage.is_whole(size)

    def forget(self, key: _FileKey) -> None:
        """The file was retrieved."""
        with self._lock:
            self._coverages.pop(key, None)


class Download:
    """One published file, open for reading; used by one thread."""

    def __init__(self, folder_fd: int, folder: str, name: bytes, begun: Begun) -> None:
        self.folder, self.name = folder, name
        # NONBLOCK: a pipe with a file's name must not hold the session.
        self._file = kernel.open_beneath(folder_fd, name, os.O_RDONLY | os.O_NONBLOCK)
        known = os.fstat(self._file)
        if not stat.S_ISREG(known.st_mode):
            os.close(self._file)
            raise RefusedError(Code.NO_SUCH_FILE, "no such file")
        self.bytes_count, self._known, self._begun = known.st_size, known, begun
        self._key = (known.st_dev, known.st_ino, known.st_size, known.st_mtime_ns)
        self._was_all_sent = False

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`; empty at the end. Raises OSError."""
        if offset >= self.bytes_count:
            self._note(self.bytes_count, self.bytes_count)
            return b""
        found = os.pread(self._file, min(length, READ_BYTES_MAX), offset)
        self._note(offset, offset + len(found))
        return found

    def _note(self, start: int, stop: int) -> None:
        self._was_all_sent = self._begun.sent(self._key, start, stop, self.bytes_count) or self._was_all_sent

    def attributes(self) -> Attributes:
        """Size, mode and time."""
        return Attributes(self._known.st_size, self._known.st_mode, int(self._known.st_mtime))

    def close(self) -> bool:
        """Close it at the client's request; returns whether the customer has now got every byte of the file."""
        self.discard()
        if self._was_all_sent:
            self._begun.forget(self._key)
        return self._was_all_sent

    def discard(self) -> None:
        """Let go of it: the session ended."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
