"""Inbox: what lies in a customer's inbox, and what of it may be taken. Looks only; `exchange.claim` takes.

The scan is the truth about an inbox; events of the watcher only mean "look now". 10,000 names take about 30 ms.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from datetime import datetime

from cominflow.limits import TEMPORARY_NAME_S_MAX

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
    """Something in an inbox that is never claimed, and why: a temporary name only when its upload must be over."""

    name: bytes
    why: str


@dataclass(frozen=True, slots=True)
class Scan:
    """One look at an inbox: candidates in the order in which they arrived, and what was passed over.

    uploading   device and inode of the files under temporary names
    """

    candidates: tuple[Candidate, ...]
    ignored: tuple[Ignored, ...]
    uploading: frozenset[tuple[int, int]] = frozenset()


def is_temporary(name: bytes) -> bool:
    """Whether a name is one that clients use during an upload, to be renamed at its end.

    >>> is_temporary(b"RV_20260301.txt.filepart"), is_temporary(b"RV_20260301.txt")
    (True, False)
    """
    return bool(_temporary_part(name))


def candidates(folder: int, *, at: datetime) -> Scan:
    """Look at the open folder `folder` (a descriptor) at the instant `at`.

    Symbolic links, folders, pipes and devices are ignored with a reason; nothing is opened. So is a temporary name that
    nothing has changed for ten minutes; until then its upload may be under way, and nothing is said of it. A name that
    disappears while we look is as if it had not been there. Raises OSError when the folder cannot be read.
    """
    found: list[Candidate] = []
    ignored: list[Ignored] = []
    uploading: set[tuple[int, int]] = set()
    with os.scandir(folder) as entries:
        for entry in entries:
            name = os.fsencode(entry.name)
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            part = _temporary_part(name)
            if part:
                uploading.add((status.st_dev, status.st_ino))
            if part and at.timestamp() - status.st_ctime <= TEMPORARY_NAME_S_MAX:
                continue
            if not stat.S_ISREG(status.st_mode):
                ignored.append(Ignored(name, f"{_kind(status.st_mode)}, not a file"))
            elif part:
                ignored.append(Ignored(name, f"is a temporary name ({part}); rename it when it is complete"))
            else:
                found.append(_candidate(name, status))
    found.sort(key=lambda candidate: (candidate.changed_ns, candidate.name))
    return Scan(tuple(found), tuple(ignored), frozenset(uploading))


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


def _temporary_part(name: bytes) -> str:
    """What makes a name a temporary one, for a person: `begins with ~`, `ends with .part`; empty when it is none."""
    start = next((part for part in _TEMPORARY_STARTS if name.startswith(part)), b"")
    end = next((part for part in _TEMPORARY_ENDS if name.lower().endswith(part)), b"")
    return f"begins with {start.decode()}" if start else f"ends with {end.decode()}" if end else ""


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
