"""Session: one customer's requests, answered one after the other until the connection ends.

A session that ends, however it ends, discards every upload that was not closed. A refusal is an answer with a text;
a defect of ours is logged and answered as a failure, and the session goes on.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from typing import Protocol

from cominflow import shown
from cominflow.errors import CominflowError
from cominflow.exchange.inbox import is_temporary
from cominflow.exchange.sftp import packets, place
from cominflow.exchange.sftp.download import Download
from cominflow.exchange.sftp.packets import Attributes, BadPacketError, Code, Fields, Kind, RefusedError
from cominflow.exchange.sftp.upload import Upload
from cominflow.exchange.sftp.view import Told, View
from cominflow.limits import SFTP_HANDLES_MAX

_log = logging.getLogger("cominflow.sftp")

# Names per answer of a listing: about 16 KiB, far below what any client takes.
_NAMES_PER_ANSWER = 64


class Stream(Protocol):
    """The two directions of a connection: paramiko's Channel, or anything like it."""

    def recv(self, bytes_max: int) -> bytes:
        """Some bytes; none when the other side ended. Raises OSError (a time-out too)."""

    def sendall(self, data: bytes) -> None:
        """Send all of it. Raises OSError."""


class Listing:
    """A folder being listed: the names were read when it was opened."""

    def __init__(self, folder: place.Place, names: list[bytes]) -> None:
        self.folder, self.names = folder, names


class Session:
    """One session. `run` returns when it has ended and everything open was let go."""

    def __init__(self, view: View, stream: Stream, told: Told, *, handles_max: int = SFTP_HANDLES_MAX) -> None:
        self._view, self._stream, self._told, self._handles_max = view, stream, told, handles_max
        self._open: dict[bytes, Upload | Download | Listing] = {}
        self._handles_count = 0
        self._received = bytearray()
        self._answers: dict[int, Callable[[int, Fields], bytes]] = {
            Kind.OPEN: self._on_open,
            Kind.CLOSE: self._on_close,
            Kind.READ: self._on_read,
            Kind.WRITE: self._on_write,
            Kind.LSTAT: self._on_stat,
            Kind.STAT: self._on_stat,
            Kind.FSTAT: self._on_handle_stat,
            Kind.SETSTAT: self._on_set,
            Kind.FSETSTAT: self._on_handle_set,
            Kind.OPENDIR: self._on_open_folder,
            Kind.READDIR: self._on_read_folder,
            Kind.REMOVE: self._on_remove,
            Kind.MKDIR: self._on_folders_are_fixed,
            Kind.RMDIR: self._on_folders_are_fixed,
            Kind.REALPATH: self._on_real_path,
            Kind.RENAME: self._on_rename,
            Kind.READLINK: self._on_links,
            Kind.SYMLINK: self._on_links,
            Kind.EXTENDED: self._on_extended,
        }

    def run(self) -> None:
        """Answer until the other side ends, is silent for too long, or sends what is no SFTP."""
        try:
            while (packet := self._receive()) is not None:
                self._stream.sendall(self._answer(packet))
        except BadPacketError as cause:
            _log.warning("%s: session ended: not SFTP: %s", self._view.customer, cause)
        except OSError as cause:
            _log.info("%s: session ended: %s", self._view.customer, cause or type(cause).__name__)
        finally:
            self._end()

    def _end(self) -> None:
        with contextlib.ExitStack() as letting_go:  # each of them, even when one fails
            letting_go.callback(self._view.close)
            for opened in self._open.values():
                if isinstance(opened, Upload | Download):
                    letting_go.callback(opened.discard)
                if isinstance(opened, Upload):
                    _log.warning(
                        "%s: aborted /inbox/%s after %d bytes: no CLOSE came, nothing is kept",
                        self._view.customer,
                        shown.name(opened.name),
                        opened.bytes_count,
                    )
            self._open.clear()

    def _receive(self) -> bytes | None:
        """The next packet without its length; None at the end."""
        head = self._take(4)
        if head is None:
            return None
        length = int.from_bytes(head, "big")
        if not 1 <= length <= packets.PACKET_BYTES_MAX:
            raise BadPacketError(f"a packet of {length} bytes")
        return self._take(length)

    def _take(self, bytes_count: int) -> bytes | None:
        while len(self._received) < bytes_count:
            more = self._stream.recv(65536)
            if not more:
                return None
            self._received += more
        taken = bytes(memoryview(self._received)[:bytes_count])
        del self._received[:bytes_count]
        return taken

    def _answer(self, packet: bytes) -> bytes:
        kind, fields = packet[0], Fields(packet[1:])
        if kind == Kind.INIT:
            return packets.version()
        request = fields.number()
        answer = self._answers.get(kind)
        if answer is None:
            return packets.status(request, Code.OP_UNSUPPORTED, "this server does not know that request")
        try:
            return answer(request, fields)
        except RefusedError as refused:
            _log.info("%s: refused: %s", self._view.customer, refused.text)
            return packets.status(request, refused.code, refused.text)
        except BadPacketError:
            raise
        except OSError as cause:
            _log.error("%s: %s failed: %s", self._view.customer, Kind(kind).name, cause)
            return packets.status(request, Code.FAILURE, failure_text(cause))
        except CominflowError as cause:
            _log.error("%s: %s failed: %s", self._view.customer, Kind(kind).name, cause)
            return packets.status(request, Code.FAILURE, "the server could not do it; try again later")
        except Exception:  # noqa: BLE001 a defect of one request must not end the others
            _log.exception("%s: defect while answering %s", self._view.customer, Kind(kind).name)
            return packets.status(request, Code.FAILURE, "the server failed; its log says why")

    # --- files

    def _on_open(self, request: int, fields: Fields) -> bytes:
        where, flags = place.find(fields.text()), fields.number()
        self._check_room()
        opened = self._view.open(where, flags)
        _log.info("%s: open %s for %s", self._view.customer, where.shown(), type(opened).__name__.lower())
        return packets.handle(request, self._keep(opened))

    def _check_room(self) -> None:
        if len(self._open) >= self._handles_max:
            raise RefusedError(Code.FAILURE, f"{self._handles_max} files are open already; close one first")

    def _keep(self, opened: Upload | Download | Listing) -> bytes:
        self._handles_count += 1
        handle = b"%d" % self._handles_count
        self._open[handle] = opened
        return handle

    def _find(self, handle: bytes) -> Upload | Download | Listing:
        if handle not in self._open:
            raise RefusedError(Code.FAILURE, "that file is not open")
        return self._open[handle]

    def _on_write(self, request: int, fields: Fields) -> bytes:
        opened, offset, data = self._find(fields.text()), fields.long_number(), fields.text()
        if not isinstance(opened, Upload):
            raise RefusedError(Code.PERMISSION_DENIED, "that file was opened for reading")
        opened.write(offset, data)
        return packets.status(request, Code.OK, "written")

    def _on_read(self, request: int, fields: Fields) -> bytes:
        opened, offset, length = self._find(fields.text()), fields.long_number(), fields.number()
        if not isinstance(opened, Download):
            raise RefusedError(Code.PERMISSION_DENIED, "an upload cannot be read back")
        found = opened.read(offset, length)
        if not found and length:
            return packets.status(request, Code.EOF, "end of the file")
        return packets.data(request, found)

    def _on_close(self, request: int, fields: Fields) -> bytes:
        handle = fields.text()
        opened = self._find(handle)
        del self._open[handle]
        if isinstance(opened, Upload):
            self._commit(opened)
        elif isinstance(opened, Download) and opened.close():
            _log.info("%s: retrieved /%s/%s", self._view.customer, opened.folder, shown.name(opened.name))
            self._tell(lambda: self._told.on_retrieved(self._view.customer, opened.folder, opened.name))
        return packets.status(request, Code.OK, "closed")

    def _commit(self, upload: Upload) -> None:
        try:
            sha256 = self._view.commit(upload)
        except (RefusedError, OSError, CominflowError):
            _log.warning("%s: lost /inbox/%s: its CLOSE failed", self._view.customer, shown.name(upload.name))
            raise
        _log.info(
            "%s: received /inbox/%s %d bytes sha256 %s",
            self._view.customer,
            shown.name(upload.name),
            upload.bytes_count,
            sha256,
        )
        self._tell_uploaded(upload.name)

    def _tell_uploaded(self, name: bytes) -> None:
        if not is_temporary(name):
            self._tell(lambda: self._told.on_upload(self._view.customer, name))

    def _tell(self, tell: Callable[[], None]) -> None:
        """Tell the rest of the system. It does not undo what the client was promised, so a failure is only logged."""
        try:
            tell()
        except Exception:  # noqa: BLE001 whatever it is, the client keeps the answer it was promised
            _log.exception("%s: telling the system failed; the sweep will find it", self._view.customer)

    # --- attributes

    def _on_stat(self, request: int, fields: Fields) -> bytes:
        return packets.attributes(request, self._view.attributes(place.find(fields.text())))

    def _on_handle_stat(self, request: int, fields: Fields) -> bytes:
        opened = self._find(fields.text())
        if isinstance(opened, Listing):
            return packets.attributes(request, self._view.attributes(opened.folder))
        return packets.attributes(request, opened.attributes())

    def _on_set(self, request: int, fields: Fields) -> bytes:
        """Times and modes are ours; clients set them after every transfer, so in the inbox they are told "fine"."""
        where, wanted = place.find(fields.text()), fields.attributes()
        self._view.attributes(where)
        if where.folder != "inbox" or not where.name or wanted.size is not None:
            raise RefusedError(Code.PERMISSION_DENIED, f"{where.shown()} cannot be changed")
        return packets.status(request, Code.OK, "noted; the server keeps its own times and rights")

    def _on_handle_set(self, request: int, fields: Fields) -> bytes:
        opened, wanted = self._find(fields.text()), fields.attributes()
        if not isinstance(opened, Upload):
            raise RefusedError(Code.PERMISSION_DENIED, "a published file cannot be changed")
        if wanted.size is not None and wanted.size != opened.bytes_count:
            text = "an upload's length cannot be set; send its bytes"
            opened.fail(text)
            raise RefusedError(Code.OP_UNSUPPORTED, text)
        return packets.status(request, Code.OK, "noted; the server keeps its own times and rights")

    # --- folders and names

    def _on_open_folder(self, request: int, fields: Fields) -> bytes:
        folder = place.find(fields.text())
        self._check_room()
        return packets.handle(request, self._keep(Listing(folder, self._view.names(folder))))

    def _on_read_folder(self, request: int, fields: Fields) -> bytes:
        listing = self._find(fields.text())
        if not isinstance(listing, Listing):
            raise RefusedError(Code.FAILURE, "that is no folder")
        while listing.names:
            names, listing.names = listing.names[:_NAMES_PER_ANSWER], listing.names[_NAMES_PER_ANSWER:]
            entries = [(name, known) for name in names if (known := self._known(listing.folder, name)) is not None]
            if entries:
                return packets.names(request, entries)
        return packets.status(request, Code.EOF, "end of the folder")

    def _known(self, folder: place.Place, name: bytes) -> Attributes | None:
        """What to show of a name; None when it is gone by now or is no regular file."""
        where = place.Place(folder.folder, name) if folder.folder else place.Place(os.fsdecode(name), b"")
        try:
            return self._view.attributes(where)
        except RefusedError:
            return None

    def _on_remove(self, request: int, fields: Fields) -> bytes:
        where = place.find(fields.text())
        self._view.remove(where)
        _log.info("%s: removed %s", self._view.customer, where.shown())
        return packets.status(request, Code.OK, "removed")

    def _on_rename(self, request: int, fields: Fields) -> bytes:
        return self._rename(request, fields.text(), fields.text())

    def _rename(self, request: int, source: bytes, target: bytes) -> bytes:
        before, after = place.find(source), place.find(target)
        self._view.rename(before, after)
        _log.info("%s: renamed %s to %s", self._view.customer, before.shown(), after.shown())
        self._tell_uploaded(after.name)
        return packets.status(request, Code.OK, "renamed")

    def _on_extended(self, request: int, fields: Fields) -> bytes:
        """Only posix-rename, and it does not overwrite either: a file in the inbox is never replaced."""
        if fields.text() != b"posix-rename@openssh.com":
            raise RefusedError(Code.OP_UNSUPPORTED, "this server has no extensions")
        return self._rename(request, fields.text(), fields.text())

    def _on_real_path(self, request: int, fields: Fields) -> bytes:
        return packets.names(request, [(place.normal(fields.text()), Attributes())])

    def _on_folders_are_fixed(self, request: int, fields: Fields) -> bytes:
        raise RefusedError(Code.PERMISSION_DENIED, "folders are neither made nor removed; there are three")

    def _on_links(self, request: int, fields: Fields) -> bytes:
        raise RefusedError(Code.PERMISSION_DENIED, "there are no links here")


def failure_text(cause: OSError) -> str:
    """What a client is told when the system fails what it asked for."""
    return f"the server could not do it: {cause.strerror}; try again later"
