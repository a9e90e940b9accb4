"""Packets: the words of SFTP version 3, as bytes. Names are bytes everywhere; nothing here touches a file.

A packet is a length of four bytes, one byte for its kind, and fields: numbers of 4 or 8 bytes, texts behind a length
of four bytes. Source: draft-ietf-secsh-filexfer-02, which every client and server speaks.
"""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum

VERSION = 3

# A request, with room for 256 KiB of data: what OpenSSH takes. A client that announces more is not speaking SFTP.
PACKET_BYTES_MAX = 256 * 1024 + 1024
# The data of one answer: it must fit the client's own limit (OpenSSH: 256 KiB in all).
READ_BYTES_MAX = 255 * 1024


class Kind(IntEnum):
    """Requests (3..20, 200) and answers (2, 101..105)."""

    INIT = 1
    VERSION = 2
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    LSTAT = 7
    FSTAT = 8
    SETSTAT = 9
    FSETSTAT = 10
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    MKDIR = 14
    RMDIR = 15
    REALPATH = 16
    STAT = 17
    RENAME = 18
    READLINK = 19
    SYMLINK = 20
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED = 200


class Code(IntEnum):
    """What a STATUS answer says."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4
    BAD_MESSAGE = 5
    OP_UNSUPPORTED = 8


class Opening(IntEnum):
    """Flags of OPEN."""

    READ = 0x01
    WRITE = 0x02
    APPEND = 0x04
    CREATE = 0x08
    TRUNCATE = 0x10
    EXCLUSIVE = 0x20


_HAS_SIZE, _HAS_OWNER, _HAS_MODE, _HAS_TIMES, _HAS_EXTENDED = 0x1, 0x2, 0x4, 0x8, 0x80000000


class BadPacketError(Exception):
    """The bytes are not the packet they claim to be."""


class RefusedError(Exception):
    """A request that is answered with a status and a text for the person at the other end."""

    def __init__(self, code: Code, text: str) -> None:
        self.code, self.text = code, text
        super().__init__(text)


@dataclass(frozen=True)
class Attributes:
    """What is said about a file. None: not said. Never an owner: accounts of this machine are nobody's business."""

    size: int | None = None
    mode: int | None = None
    modified_s: int | None = None

    def packed(self) -> bytes:
        """As bytes."""
        flags, fields = 0, b""
        if self.size is not None:
            flags, fields = flags | _HAS_SIZE, fields + struct.pack(">Q", self.size)
        if self.mode is not None:
            flags, fields = flags | _HAS_MODE, fields + struct.pack(">I", self.mode)
        if self.modified_s is not None:
            # 32 bits without sign: times before 1970 and after 2106 are shown at the border.
            modified_s = min(max(self.modified_s, 0), 0xFFFFFFFF)
            flags, fields = flags | _HAS_TIMES, fields + struct.pack(">II", modified_s, modified_s)
        return struct.pack(">I", flags) + fields

    def line(self, name: bytes) -> bytes:
        """The line that `ls -l` shows. The time is in UTC."""
        mode = stat.filemode(self.mode or 0)
        modified = datetime.fromtimestamp(self.modified_s or 0, UTC).strftime("%Y-%m-%d %H:%M")
        return f"{mode} 1 customer customer {self.size or 0:>12} {modified} ".encode("ascii") + name


class Fields:
    """The fields of a request, read one after the other. Raises BadPacketError when they end too early."""

    def __init__(self, data: bytes) -> None:
        self._data, self._offset = data, 0

    def _take(self, bytes_count: int) -> bytes:
        taken = self._data[self._offset : self._offset + bytes_count]
        if len(taken) != bytes_count:
            raise BadPacketError(f"ends {bytes_count - len(taken)} bytes too early")
        self._offset += bytes_count
        return taken

    def number(self) -> int:
        """Four bytes."""
        return int.from_bytes(self._take(4), "big")

    def long_number(self) -> int:
        """Eight bytes."""
        return int.from_bytes(self._take(8), "big")

    def text(self) -> bytes:
        """A length of four bytes, and so many bytes."""
        return self._take(self.number())

    def attributes(self) -> Attributes:
        """A file's attributes; owner and extensions are passed over."""
        flags = self.number()
        size = self.long_number() if flags & _HAS_SIZE else None
        if flags & _HAS_OWNER:
            self._take(8)
        mode = self.number() if flags & _HAS_MODE else None
        modified_s = None
        if flags & _HAS_TIMES:
            self._take(4)
            modified_s = self.number()
        if flags & _HAS_EXTENDED:
            for _ in range(min(self.number(), 64)):
                self.text()
                self.text()
        return Attributes(size, mode, modified_s)


def _text(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def _packet(kind: Kind, body: bytes) -> bytes:
    return struct.pack(">IB", len(body) + 1, kind) + body


def version() -> bytes:
    """The first answer. No extensions: a client then uses the plain rename, which never overwrites."""
    return _packet(Kind.VERSION, struct.pack(">I", VERSION))


def status(request: int, code: Code, text: str) -> bytes:
    """How a request went, with a text in English."""
    return _packet(Kind.STATUS, struct.pack(">II", request, code) + _text(text.encode("utf-8")) + _text(b"en"))


def handle(request: int, value: bytes) -> bytes:
    """The name of an opened file or folder."""
    return _packet(Kind.HANDLE, struct.pack(">I", request) + _text(value))


def data(request: int, value: bytes) -> bytes:
    """Bytes of a file."""
    return b"".join((struct.pack(">IBII", len(value) + 9, Kind.DATA, request, len(value)), value))


def names(request: int, entries: list[tuple[bytes, Attributes]]) -> bytes:
    """Entries of a folder, or one name."""
    body = b"".join(_text(name) + _text(known.line(name)) + known.packed() for name, known in entries)
    return _packet(Kind.NAME, struct.pack(">II", request, len(entries)) + body)


def attributes(request: int, value: Attributes) -> bytes:
    """What is known of a file."""
    return _packet(Kind.ATTRS, struct.pack(">I", request) + value.packed())
