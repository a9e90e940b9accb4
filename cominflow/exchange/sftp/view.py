"""View: what one customer may see and do in one session.

    /inbox      list, stat, upload, rename; remove what has a temporary name. Nothing is read back or written over.
    /outbox     list, stat, read
    /receipts   list, stat, read

Every name is opened by the kernel beneath the folder's descriptor (`kernel.open_beneath`), so no link, `..` or race
leads out. Everything that is refused says why, and what to do, in English.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from cominflow import failpoint, shown
from cominflow.exchange import disk, kernel
from cominflow.exchange.inbox import is_temporary
from cominflow.exchange.sftp.download import Begun, Download
from cominflow.exchange.sftp.packets import Attributes, Code, Opening, RefusedError
from cominflow.exchange.sftp.place import FOLDERS, Place, check_new_name
from cominflow.exchange.sftp.upload import Upload, name_taken
from cominflow.limits import SFTP_FREE_BYTES_MIN, SFTP_UPLOAD_BYTES_MAX

# Uploads of this session that are still answered for after the claim took them away.
_REMEMBERED_MAX = 1024

_INBOX_MODE, _READ_ONLY_MODE = stat.S_IFDIR | 0o750, stat.S_IFDIR | 0o550
_NO_SUCH_FILE = "no such file"
# What the kernel says of a name that is not there, or that is a link, a socket or a way out: nothing, to a customer.
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV, errno.ENXIO})


@dataclass(frozen=True)
class Told:
    """Who is told what. Both are hints: the sweep finds an upload anyway, and a retrieval is only a date.

    on_upload      (customer code, name): a file is complete in the inbox
    on_retrieved   (customer code, folder, name): the customer has every byte of a published file
    """

    on_upload: Callable[[str, bytes], None]
    on_retrieved: Callable[[str, str, bytes], None]


@dataclass(frozen=True)
class Room:
    """How much one upload may take, in bytes, and how much must stay free on the disk."""

    upload_bytes_max: int = SFTP_UPLOAD_BYTES_MAX
    free_bytes_min: int = SFTP_FREE_BYTES_MIN


class View:
    """One customer's folders, held open for one session; used by one thread. `close` it at the end."""

    def __init__(self, folders: disk.Folders, customer: str, begun: Begun, room: Room) -> None:
        folders.ensure([customer])
        owned = folders.customer(customer)
        self.customer, self._begun, self._room = customer, begun, room
        self._remembered: OrderedDict[bytes, Attributes] = OrderedDict()
        self._open: dict[str, disk.OpenFolder] = {}
        try:
            for path in owned.all():
                self._open[path.name if path != owned.staging else "staging"] = disk.open_folder(path)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the folders."""
        for folder in self._open.values():
            folder.close()

    def names(self, place: Place) -> list[bytes]:
        """The names in the root or in a folder, in order. Raises RefusedError."""
        if place.is_root:
            return list(FOLDERS)
        if not place.is_folder:
            raise RefusedError(Code.FAILURE, "that is no folder")
        return sorted(os.fsencode(name) for name in os.listdir(self._open[place.folder].fd))

    def attributes(self, place: Place) -> Attributes:
        """What is known of a place. Raises RefusedError when nothing visible is there.

        An upload of this session is answered for even after it was taken out of the inbox, which happens within
        milliseconds: many clients look at the size of a file that they have just sent, and call it lost otherwise.
        """
        if place.is_root:
            return Attributes(0, _READ_ONLY_MODE, 0)
        if place.is_folder:
            known = os.fstat(self._open[place.folder].fd)
            return Attributes(0, _INBOX_MODE if place.folder == "inbox" else _READ_ONLY_MODE, int(known.st_mtime))
        try:
            file = kernel.open_beneath(self._open[place.folder].fd, place.name, os.O_PATH)
        except OSError as cause:
            if cause.errno not in _ABSENT:
                raise
            if place.folder == "inbox" and place.name in self._remembered:
                return self._remembered[place.name]
            raise RefusedError(Code.NO_SUCH_FILE, _NO_SUCH_FILE) from cause
        try:
            known = os.fstat(file)
        finally:
            os.close(file)
        if not stat.S_ISREG(known.st_mode):
            raise RefusedError(Code.NO_SUCH_FILE, _NO_SUCH_FILE)
        rights = 0o220 if place.folder == "inbox" else 0o440
        return Attributes(known.st_size, stat.S_IFREG | rights, int(known.st_mtime))

    def open(self, place: Place, flags: int) -> Upload | Download:
        """Begin an upload or a download. Raises RefusedError, OSError."""
        if not place.name:
            raise RefusedError(Code.FAILURE, f"{place.shown()} is a folder; name a file in it, such as /inbox/FILE")
        writes = flags & (Opening.WRITE | Opening.CREATE | Opening.TRUNCATE | Opening.APPEND)
        if place.folder != "inbox":
            if writes:
                raise RefusedError(Code.PERMISSION_DENIED, f"/{place.folder} can only be read; uploads go to /inbox")
            return self._open_download(place)
        if not writes:
            self.attributes(place)
            raise RefusedError(Code.PERMISSION_DENIED, "what is in /inbox cannot be read back; see /receipts")
        return self._open_upload(place, flags)

    def _open_download(self, place: Place) -> Download:
        try:
            return Download(self._open[place.folder].fd, place.folder, place.name, self._begun)
        except OSError as cause:
            if cause.errno not in _ABSENT:
                raise
            raise RefusedError(Code.NO_SUCH_FILE, _NO_SUCH_FILE) from cause

    def _open_upload(self, place: Place, flags: int) -> Upload:
        check_new_name(place.name)
        if self._is_in_inbox(place.name):
            raise name_taken(place.name)
        if not flags & Opening.CREATE:
            raise RefusedError(Code.NO_SUCH_FILE, "no such file: an upload cannot be resumed; send the file again")
        return Upload(
            self._open["staging"].fd,
            self._open["inbox"].fd,
            place.name,
            bytes_max=self._room.upload_bytes_max,
            free_bytes_min=self._room.free_bytes_min,
        )

    def _is_in_inbox(self, name: bytes) -> bool:
        try:
            os.stat(name, dir_fd=self._open["inbox"].fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def commit(self, upload: Upload) -> str:
        """Put a finished upload into the inbox; returns its SHA-256. Raises RefusedError, OSError, WorldError."""
        known = upload.attributes()
        sha256 = upload.commit()
        self._remember(upload.name, Attributes(upload.bytes_count, stat.S_IFREG | 0o220, known.modified_s))
        return sha256

    def _remember(self, name: bytes, known: Attributes) -> None:
        self._remembered[name] = known
        while len(self._remembered) > _REMEMBERED_MAX:
            self._remembered.popitem(last=False)

    def rename(self, source: Place, target: Place) -> None:
        """Rename a complete upload that was not yet taken, never over another. Raises RefusedError, WorldError."""
        if source.folder != "inbox" or target.folder != "inbox" or not source.name or not target.name:
            raise RefusedError(Code.PERMISSION_DENIED, "only files in /inbox can be renamed, and only within it")
        check_new_name(target.name)
        known = self.attributes(source)
        inbox = self._open["inbox"].fd
        try:
            disk.rename_noreplace(source.name, target.name, source_folder=inbox, target_folder=inbox)
        except disk.NameTaken as cause:
            raise name_taken(target.name) from cause
        except disk.NameMissing as cause:
            raise RefusedError(
                Code.NO_SUCH_FILE, f"{shown.name(source.name)} was already taken for processing; see /receipts"
            ) from cause
        failpoint.hit("upload.name_changed")
        disk.fsync_folder(inbox)
        failpoint.hit("upload.name_durable")
        self._remembered.pop(source.name, None)
        self._remember(target.name, known)

    def remove(self, place: Place) -> None:
        """Remove an upload with a temporary name, which was never complete. Raises RefusedError, OSError."""
        if place.folder != "inbox" or not place.name:
            raise RefusedError(Code.PERMISSION_DENIED, "nothing can be removed here; published files stay")
        self.attributes(place)
        if not is_temporary(place.name):
            raise RefusedError(
                Code.PERMISSION_DENIED, "a complete upload is not removed; ask for the file to be discarded"
            )
        try:
            os.unlink(place.name, dir_fd=self._open["inbox"].fd)
        except FileNotFoundError as cause:
            raise RefusedError(Code.NO_SUCH_FILE, _NO_SUCH_FILE) from cause
        finally:
            self._remembered.pop(place.name, None)
