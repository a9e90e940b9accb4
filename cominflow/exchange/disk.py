"""Disk: the folders under the data folder, and the few operations that must survive a power cut.

Every folder is on one file system, because a file changes hands by rename and never by copying:

    customers/<code>/inbox|outbox|receipts   what the customer sees
    staging/<code>/                          uploads before their CLOSE, invisible
    spool/                                   claimed files
    publish/                                 results before their rename
    quarantine/  archive/  state/

A name is only on the disk when its folder was fsynced, the bytes only when the file was; so: write, fsync the
file, rename, fsync the folder. `NameTaken` and `NameMissing` are the two outcomes of a rename that a caller acts on
(they are FileExistsError and FileNotFoundError); everything else is a WorldError with the path and what to do.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import os
import re
import stat
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cominflow import quoting
from cominflow.errors import UsageError, WorldError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
from cominflow.exchange import kernel

CUSTOMER_CODE = re.compile(r"[a-z0-9_-]{1,32}")

NameTaken = FileExistsError
NameMissing = FileNotFoundError

# A file's name within an open folder, or a whole path.
Name = str | bytes | os.PathLike[str]

# People's data are inside.
FOLDER_MODE = 0o750

_HINTS = {
    errno.ENOSPC: "free space on this file system; what was written so far is removed and nothing is lost",
    errno.EDQUOT: "raise the quota of this account, or free space; nothing is lost",
    errno.EROFS: "the file system is mounted read-only: look at the system's log, then mount it writable",
    errno.EACCES: "give the account that runs cominflow the right to write here",
    errno.EPERM: "give the account that runs cominflow the right to write here",
    errno.EEXIST: "something else has this name: see whose it is, and move it away",
    errno.ENOTDIR: "a file is where one of the path's folders has to be: see whose it is, and move it away",
    errno.EXDEV: "keep the whole data folder on one file system",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENAMETOOLONG: "use a shorter path for COMINFLOW_DATA",
}
_MISSING = "mount what holds it, or have it made again with `cominflow init`"
_RETRYABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EINTR, errno.EAGAIN})


@dataclass(frozen=True)
class CustomerFolders:
    """One customer's folders: the three that the customer sees, and where uploads wait for their CLOSE."""

    inbox: Path
    outbox: Path
    receipts: Path
    staging: Path

    def all(self) -> tuple[Path, ...]:
        """Every folder of the customer."""
        return (self.inbox, self.outbox, self.receipts, self.staging)


@dataclass(frozen=True)
class Written:
    """What reached the disk: the hash in hexadecimal and the number of bytes."""

    sha256: str
    bytes_count: int


class Folders:
    """The folders under one data folder. Making the value touches nothing; `ensure` makes the folders."""

    def __init__(self, data: Path) -> None:
        self.data = data.absolute()
        self.customers = self.data / "customers"
        self.staging = self.data / "staging"
        self.spool = self.data / "spool"
        self.publish = self.data / "publish"
        self.quarantine = self.data / "quarantine"
        self.archive = self.data / "archive"
        self.state = self.data / "state"
        self._of_customers: dict[str, CustomerFolders] = {}  # made once: they are asked for at every delivery

    def all(self) -> tuple[Path, ...]:
        """Every folder directly under the data folder."""
        return (
            self.customers,
            self.staging,
            self.spool,
            self.publish,
            self.quarantine,
            self.archive,
            self.state,
        )

    def remains(self) -> Path | None:
        """What shows that a system worked here: a customer's folder or an original. None in a folder that is new."""
        for folder in (self.customers, self.archive):
            if folder.is_dir():
                with os.scandir(folder) as entries:
                    first = min((entry.name for entry in entries), default="")
                if first:
                    return folder / first
        return None

    def customer(self, code: str) -> CustomerFolders:
        """The folders of a customer, whether they exist or not. Raises UsageError for a code that is no folder name."""
        if code in self._of_customers:
            return self._of_customers[code]
        if not CUSTOMER_CODE.fullmatch(code):
            raise UsageError(
                f"customer code {code!r} cannot name a folder",
                hint="use 1 to 32 of the characters a-z 0-9 _ -, as in `banca-demo`",
            )
        home = self.customers / code
        found = CustomerFolders(home / "inbox", home / "outbox", home / "receipts", self.staging / code)
        self._of_customers[code] = found
        return found

    def ensure(self, customers: Iterable[str] = ()) -> None:
        """Make what is missing, for us and for these customers, durably. What exists keeps its owner and rights."""
        for folder in self.all():
            # The database, the host key and the lock: nobody else's, its group's neither.
            ensure_folder(folder, mode=0o700 if folder == self.state else FOLDER_MODE)
        for code in customers:
            for folder in self.customer(code).all():
                ensure_folder(folder)

    def place_elsewhere(self, code: str, place: Path) -> None:
        """Let a customer's inbox, outbox and receipts lie in `place`: the name under `customers/` leads there.

        Call it before `ensure`. Raises UsageError when the customer has folders already, or the file system is another.
        """
        home = self.customer(code).inbox.parent
        ensure_folder(place.absolute())
        if os.stat(place).st_dev != os.stat(self.data).st_dev:
            raise UsageError(
                f"{place} is on another file system than {self.data}",
                hint="a file changes hands by rename: choose a folder beside the data, or move the data there",
            )
        try:
            home.symlink_to(place.absolute(), target_is_directory=True)
        except FileExistsError:
            if home.is_symlink() and home.readlink() == place.absolute():
                return  # by a command that failed afterwards, and is given again
            raise UsageError(
                f"{code} has its folders in {home} already", hint="move what is in them, then remove that folder"
            ) from None
        fsync_folder(home.parent)

    def check(self) -> None:
        """Prove that the folders can do what the program relies on. Call it at start, after `ensure`.

        One file system; a rename that never overwrites; opens that stay beneath a folder; leases (they tell whether
        somebody still writes a file). Raises WorldError naming the first that fails and what to do.
        """
        devices = {folder: os.stat(folder).st_dev for folder in (self.data, *self.all(), *self._customer_folders())}
        for folder, device in devices.items():
            if device != devices[self.data]:
                raise WorldError(
                    "use", str(folder), f"it is on another file system than {self.data}", hint=_HINTS[errno.EXDEV]
                )
        probe = f"probe-{uuid.uuid4().hex}"
        before, after = self.staging / probe, self.spool / probe
        try:
            write_durably(before, [b"probe"])
            self._probe_kernel(before, after)
        finally:
            before.unlink(missing_ok=True)
            after.unlink(missing_ok=True)

    def _customer_folders(self) -> list[Path]:
        return [folder for home in self.customers.iterdir() if home.is_dir() for folder in home.iterdir()]

    def _probe_kernel(self, before: Path, after: Path) -> None:
        hint = "use a local file system (ext4, xfs, btrfs, tmpfs) and Linux 5.6 or newer; network file systems cannot"
        try:
            rename_noreplace(before, after)
            write_durably(before, [b"probe"])
            try:
                rename_noreplace(before, after)
            except NameTaken:
                pass
            else:
                raise WorldError("use", str(self.spool), "a rename overwrote a name that existed", hint=hint)
            with open_folder(self.spool) as folder:
                descriptor = kernel.open_beneath(folder.fd, os.fsencode(after.name), os.O_RDONLY)
            try:
                fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
                fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            finally:
                os.close(descriptor)
        except OSError as cause:
            raise WorldError("use", str(self.data), quoting.said(cause), hint=hint) from cause


class OpenFolder:
    """A folder held open: names in it are reached through `fd`, whatever happens to the path meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as cause:
            raise world_error("open the folder", path, cause, missing=_MISSING) from cause

    def __enter__(self) -> OpenFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder; a second time does nothing."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def open_folder(path: Path) -> OpenFolder:
    """Open a folder (not through a symbolic link); use with `with`. Raises WorldError."""
    return OpenFolder(path)


def world_error(operation: str, path: Name, cause: OSError, *, missing: str = "") -> WorldError:
    """An OSError as a WorldError: with the path, whether to try again, and what to do (`missing`: when it is gone)."""
    number = cause.errno or 0
    hint = (
        missing
        if missing and number == errno.ENOENT
        else _HINTS.get(number, f"see that {os.fsdecode(path)} exists and that its disk is healthy")
    )
    return WorldError(
        operation,
        os.fsdecode(path),
        quoting.said(cause),
        retryable=number in _RETRYABLE,
        hint=hint,
    )


def ensure_folder(path: Path, *, mode: int = FOLDER_MODE) -> None:
    """Make a folder (and its parents, 0750) where missing, and fsync what holds them."""
    missing = [path, *path.parents]
    missing = missing[: next((n for n, folder in enumerate(missing) if folder.is_dir()), len(missing))]
    for folder in reversed(missing):
        try:
            folder.mkdir(mode=mode if folder == path else FOLDER_MODE, exist_ok=True)
        except OSError as cause:
            raise world_error("make the folder", folder, cause) from cause
        fsync_folder(folder.parent)


def fsync_folder(folder: Path | int) -> None:
    """Make the names in a folder durable: those added, renamed and removed. A path or an open descriptor.

    Raises WorldError. After a failure the kernel may say "fine" the next time, so do not merely call it again:
    treat the rename as not done.
    """
    try:
        if isinstance(folder, int):
            os.fsync(folder)
            return
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as cause:
        path = f"/proc/self/fd/{folder}" if isinstance(folder, int) else folder
        raise world_error("make durable the folder", path, cause) from cause


def rename_noreplace(
    source: Name, target: Name, *, source_folder: int | None = None, target_folder: int | None = None
) -> None:
    """Rename, never over a name that exists. Atomic; durable only after `fsync_folder` of both folders.

    source, target                 paths, or names relative to the open folders given as descriptors.

    Raises NameTaken (FileExistsError) when `target` exists, NameMissing (FileNotFoundError) when `source` does not,
    WorldError for everything else.
    """
    at_fdcwd = -100
    try:
        kernel.rename_noreplace(
            at_fdcwd if source_folder is None else source_folder,
            os.fsencode(source),
            at_fdcwd if target_folder is None else target_folder,
            os.fsencode(target),
        )
    except (NameTaken, NameMissing):
        raise
    except OSError as cause:
        raise world_error("rename", f"{os.fsdecode(source)} to {os.fsdecode(target)}", cause) from cause


def write_all(descriptor: int, data: bytes | bytearray | memoryview) -> None:
    """Write every byte. A limit or a full disk gives a short count first and the error only on the next call.

    Raises OSError.
    """
    rest = memoryview(data).cast("B")
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def write_durably(path: Path, chunks: Iterable[bytes | bytearray | memoryview], *, mode: int = 0o640) -> Written:
    """Write a file and return only when it and its name are on the disk. An existing file is written anew.

    For bytes whose name nobody watches (publish, quarantine, state): a reader of `path` can see it half-written.
    On failure nothing is left under the name. Raises WorldError.
    """
    digest, bytes_count = hashlib.sha256(), 0
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        try:
            for chunk in chunks:
                write_all(descriptor, chunk)
                digest.update(chunk)
                bytes_count += memoryview(chunk).nbytes
            os.fsync(descriptor)
        except BaseException:
            os.unlink(path)
            raise
        finally:
            os.close(descriptor)
    except OSError as cause:
        raise world_error("write", path, cause) from cause
    fsync_folder(path.parent)
    return Written(digest.hexdigest(), bytes_count)


class Hashing(io.BufferedWriter):
    """A new file that knows the hash and the size of what is written into it.

    raw  open for writing, at its beginning; it is only ever appended to
    """

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__(raw)
        self._digest, self._bytes_count = hashlib.sha256(), 0

    def write(self, part: ReadableBuffer, /) -> int:
        """Append bytes. Raises OSError."""
        self._digest.update(part)
        self._bytes_count += memoryview(part).nbytes
        return super().write(part)

    @property
    def written(self) -> Written:
        """Hash and size of all that was written."""
        return Written(self._digest.hexdigest(), self._bytes_count)


def sha256_of(descriptor: int) -> Written:
    """The hash and size of an open file, read from its beginning; its position is left alone. Raises OSError."""
    digest, offset = hashlib.sha256(), 0
    while block := os.pread(descriptor, 1 << 20, offset):
        digest.update(block)
        offset += len(block)
    return Written(digest.hexdigest(), offset)


def holds(place: Path, written: Written) -> bool:
    """Whether a plain file is at `place` (no link) that has this size and hash. Raises OSError."""
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as cause:
        if cause.errno in (errno.ENOENT, errno.ELOOP):
            return False
        raise
    try:
        status = os.fstat(descriptor)
        is_alike = stat.S_ISREG(status.st_mode) and status.st_size == written.bytes_count
        return is_alike and sha256_of(descriptor) == written
    finally:
        os.close(descriptor)


def device_of(descriptor: int) -> int:
    """The device on which an open file or folder lies."""
    return os.fstat(descriptor).st_dev
