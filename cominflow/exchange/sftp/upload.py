"""Upload: a file that a customer is writing. It is staged where nobody sees it; only its CLOSE puts it into the inbox.

    write → (CLOSE) → fsync → close our descriptor → rename into the inbox → fsync the inbox → answer OK

Anything else, a cut connection first of all, removes the staged file: nothing appears, and the client, which got no
OK, sends it again. Our descriptor is closed before the rename, so that the claim's lease ("does anybody still write
this?") is granted at once.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import uuid

from cominflow import failpoint, shown
from cominflow.exchange import disk, kernel, uploaded
from cominflow.exchange.sftp.coverage import Coverage
from cominflow.exchange.sftp.packets import Attributes, Code, RefusedError

_MODE = 0o640
# How often the free space is looked at: the floor is 64 MiB, so this much can be written in between.
_SPACE_EVERY_BYTES = 8 * 1024 * 1024
# Pieces that came out of order and leave gaps; every client fills them within its window of some hundred requests.
_RANGES_MAX = 4096


class Upload:
    """One file being written, in <data>/staging. Ends with `commit` or `discard`; used by one thread."""

    def __init__(self, staging: int, inbox: int, name: bytes, *, bytes_max: int, free_bytes_min: int) -> None:
        self.name, self.bytes_count = name, 0
        self._staging, self._inbox = staging, inbox
        self._bytes_max, self._free_bytes_min = bytes_max, free_bytes_min
        self._covered, self._unchecked_bytes, self._failure = Coverage(), 0, ""
        self._digest, self._digested_bytes = hashlib.sha256(), 0
        self._staged = uuid.uuid4().hex.encode("ascii")
        self._file = kernel.open_beneath(staging, self._staged, os.O_RDWR | os.O_CREAT | os.O_EXCL, _MODE)
        try:
            # The lock tells a starting server that this file is being written; see `remove_leftovers`.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(self._file).st_nlink != 1:
                raise RefusedError(Code.FAILURE, "the server is starting; send the file again")
            self._check_space()
            uploaded.note(self._file, name)
            failpoint.hit("upload.opened")
        except BaseException:
            self.discard()
            raise

    def write(self, offset: int, data: bytes) -> None:
        """Write at an offset. After a failure every further write, and the commit, fails too.

        Raises RefusedError (too large, disk nearly full) and OSError.
        """
        if self._failure:
            raise RefusedError(Code.FAILURE, self._failure)
        try:
            self._write(offset, data)
        except RefusedError as refused:
            self._failure = refused.text
            raise
        except OSError as cause:
            self._failure = f"the file could not be stored ({cause.strerror}); send it again later"
            raise

    def _write(self, offset: int, data: bytes) -> None:
        stop = offset + len(data)
        if stop > self._bytes_max:
            raise RefusedError(Code.FAILURE, f"the file is longer than {self._bytes_max} bytes; divide it")
        self._unchecked_bytes += len(data)
        if self._unchecked_bytes >= _SPACE_EVERY_BYTES:
            self._check_space()
        rest, at = memoryview(data), offset
        while rest:  # a full disk gives a short count first, and the error only on the next call
            written = os.pwrite(self._file, rest, at)
            rest, at = rest[written:], at + written
        self._covered.add(offset, stop)
        if self._covered.ranges_count > _RANGES_MAX:
            raise RefusedError(Code.FAILURE, "the pieces of the file come in no order; send it from its beginning")
        if offset == self._digested_bytes:
            self._digest.update(data)
            self._digested_bytes = stop
        elif offset < self._digested_bytes:
            self._digested_bytes = -1  # written over: hashed again at the end
        self.bytes_count = max(self.bytes_count, stop)

    def _check_space(self) -> None:
        self._unchecked_bytes = 0
        space = os.fstatvfs(self._file)
        if space.f_bavail * space.f_frsize < self._free_bytes_min:
            raise RefusedError(Code.FAILURE, "the server's disk is nearly full; send the file again later")

    def fail(self, why: str) -> None:
        """Make the commit fail: something that the client asked for with this file was refused."""
        self._failure = self._failure or why

    def attributes(self) -> Attributes:
        """Size, mode and time so far."""
        known = os.fstat(self._file)
        return Attributes(known.st_size, known.st_mode, int(known.st_mtime))

    def commit(self) -> str:
        """Put the file into the inbox, durably. Returns its SHA-256 in hexadecimal.

        Raises RefusedError or OSError or WorldError; the staged file is removed then. One case is left open: when
        only the last fsync fails, the file is in the inbox and the client is told that it failed. It will send the
        file again, and the second one is recognised as a duplicate by its content.
        """
        try:
            if self._failure:
                raise RefusedError(Code.FAILURE, self._failure)
            if not self._covered.is_whole(self.bytes_count):
                gap = self._covered.first_gap(self.bytes_count)
                text = f"byte {gap} was never sent, but later ones were; send the file again"
                raise RefusedError(Code.FAILURE, text)
            sha256 = self._sha256()
            os.fsync(self._file)
            failpoint.hit("upload.synced")
            os.close(self._file)
            self._file = -1
            disk.rename_noreplace(self._staged, self.name, source_folder=self._staging, target_folder=self._inbox)
        except disk.NameTaken:
            self.discard()
            raise name_taken(self.name) from None
        except BaseException:
            self.discard()
            raise
        failpoint.hit("upload.renamed")
        # The staging folder is not synced: should its old name come back after a power cut, the next start removes it.
        disk.fsync_folder(self._inbox)
        failpoint.hit("upload.durable")
        return sha256

    def _sha256(self) -> str:
        if self._digested_bytes == self.bytes_count:
            return self._digest.hexdigest()
        return disk.sha256_of(self._file).sha256

    def discard(self) -> None:
        """Remove the staged file. Raises OSError only when it is there and cannot be removed."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        try:
            os.unlink(self._staged, dir_fd=self._staging)
        except FileNotFoundError:
            return


def name_taken(name: bytes) -> RefusedError:
    """Why a name in the inbox cannot be written."""
    return RefusedError(
        Code.FAILURE,
        f"a file {shown.name(name)} is already in the inbox and is not replaced; "
        "wait until it is taken, or rename yours",
    )


def remove_leftovers(staging: int) -> list[bytes]:
    """Remove what a killed server left in a customer's staging folder; returns the names.

    Files that a living server writes are locked and stay. Raises OSError.
    """
    removed = []
    for entry in os.listdir(staging):
        name = os.fsencode(entry)
        try:
            file = kernel.open_beneath(staging, name, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(name, dir_fd=staging)
            removed.append(name)
        except BlockingIOError:
            continue  # being written right now
        finally:
            os.close(file)
    return removed
