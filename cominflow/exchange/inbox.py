"""Inbox: what lies in a customer's inbox, and what of it may be taken. Looks only; `exchange.claim` takes.

The scan is the truth about an inbox; events of the watcher only mean "look now". 10,000 names take about 30 ms.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

_TEMPORARY_STARTS = (b".", b"~")
_TEMPORARY_ENDS = (b".tmp", b".part", b".filepart", b".partial")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be claimed.

    name         the client's bytes
    dev, ino     which file the name stood for when it was looked at
    bytes_count  its size then
    changed_ns   when the kernel last changed it (ctime; a client can set the time of modification, not this one)
    links_count  above 1: another name for the same bytes exists somewhere
    """

    name: bytes
    dev: int
    ino: int
    bytes_count: int
    changed_ns: int
    links_count: int


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something in an inbox that is never claimed, and why. Names of uploads under way are not reported."""

    name: bytes
    why: str


@dataclass(frozen=True, slots=True)
class Scan:
    """One look at an inbox: candidates in the order in which they arrived, and what was passed over."""

    candidates: tuple[Candidate, ...]
    ignored: tuple[Ignored, ...]


def is_temporary(name: bytes) -> bool:
    """Whether a name is one that clients use during an upload, to be renamed at its end.

    >>> is_temporary(b"RV_20260301.txt.filepart"), is_temporary(b"RV_20260301.txt")
    (True, False)
    """
    return name.startswith(_TEMPORARY_STARTS) or name.lower().endswith(_TEMPORARY_ENDS)


def shown(name: bytes) -> str:
    """A client's name for a person: bytes that are not printable ASCII are escaped, and it stays on one line."""
    return name.decode("utf-8", "backslashreplace").encode("unicode_escape").decode("ascii")


def candidates(folder: int) -> Scan:
    """Look at the open folder `folder` (a descriptor).

    Symbolic links, folders, pipes and devices are ignored with a reason; nothing is opened. A name that disappears
    while we look is as if it had not been there. Raises OSError when the folder cannot be read.
    """
    found: list[Candidate] = []
    ignored: list[Ignored] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = os.fsencode(entry.name)
            if is_temporary(name):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                found.append(_candidate(name, status))
            else:
                ignored.append(Ignored(name, f"{_kind(status.st_mode)}, not a file"))
    found.sort(key=lambda candidate: (candidate.changed_ns, candidate.name))
    return Scan(tuple(found), tuple(ignored))


def identities(folder: int) -> frozenset[tuple[int, int]]:
    """Device and inode of every name in the open folder, also of temporary ones. Raises OSError."""
    found = set()
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            found.add((status.st_dev, status.st_ino))
    return frozenset(found)


def _candidate(name: bytes, status: os.stat_result) -> Candidate:
    return Candidate(name, status.st_dev, status.st_ino, status.st_size, status.st_ctime_ns, status.st_nlink)


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device"
