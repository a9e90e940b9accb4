"""Place: where a client's path leads. A customer sees three folders and files in them, and nothing else exists.

    /  inbox/  outbox/  receipts/

A path is resolved as text first (`cd ..` works and ends at `/`), which only *finds* a place; what keeps it inside is
the kernel, when the name is opened beneath the folder's descriptor.
"""

from __future__ import annotations

from dataclasses import dataclass

from cominflow import shown
from cominflow.exchange.sftp.packets import Code, RefusedError
from cominflow.limits import NAME_BYTES_MAX

FOLDERS = (b"inbox", b"outbox", b"receipts")


@dataclass(frozen=True)
class Place:
    """The root (folder and name empty), a folder (name empty), or a name in a folder, there or not."""

    folder: str
    name: bytes

    @property
    def is_root(self) -> bool:
        """Whether it is `/`."""
        return not self.folder

    @property
    def is_folder(self) -> bool:
        """Whether it is one of the three folders."""
        return bool(self.folder) and not self.name

    def shown(self) -> str:
        """For a person: what is not printable is escaped, so that a name cannot fake a line of the log."""
        return f"/{self.folder}/{shown.name(self.name)}" if self.name else f"/{self.folder}"


def normal(path: bytes) -> bytes:
    """The path from the root, without `.`, `..` and doubled slashes: what REALPATH answers.

    >>> normal(b"inbox/../../outbox/./a")
    b'/outbox/a'
    """
    parts: list[bytes] = []
    for part in path.split(b"/"):
        if part == b"..":
            del parts[-1:]
        elif part not in (b"", b"."):
            parts.append(part)
    return b"/" + b"/".join(parts)


def find(path: bytes) -> Place:
    """The place that a path names. Raises RefusedError for a path that cannot be one."""
    if b"\0" in path:
        raise RefusedError(Code.BAD_MESSAGE, "a path cannot hold a zero byte")
    parts = [part for part in normal(path).split(b"/") if part]
    if not parts:
        return Place("", b"")
    if parts[0] not in FOLDERS or len(parts) > 2:
        raise RefusedError(
            Code.NO_SUCH_FILE, "no such file; there are /inbox, /outbox and /receipts, without subfolders"
        )
    name = parts[1] if len(parts) == 2 else b""
    if len(name) > NAME_BYTES_MAX:
        raise RefusedError(Code.FAILURE, f"the name has {len(name)} bytes; at most {NAME_BYTES_MAX} are possible")
    return Place(parts[0].decode("ascii"), name)


def check_new_name(name: bytes) -> None:
    """Refuse a name that a new file must not have: control characters fake lines in lists and logs."""
    text = name.decode("utf-8", "replace")
    if any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text):
        raise RefusedError(
            Code.FAILURE, f"the name {shown.name(name)} holds control characters; rename the file and send it again"
        )
