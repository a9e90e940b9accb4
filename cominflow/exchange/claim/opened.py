"""Opened: a customer's inbox and the spool, held open during a claim, and what is asked of both."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from django.db import transaction

from cominflow import failpoint, shown
from cominflow.errors import WorldError
from cominflow.exchange import disk, moves, turns
from cominflow.limits import BATCH_ARRIVALS_MAX, BATCH_SMALL_FILE_BYTES_MAX
from cominflow.models import Arrival, Batch, Customer, Event

# Not through a link, and not waiting for anybody at the other end of a pipe.
OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY

# The ending of a copy under way in the spool. Its original stays in the inbox until the ending is gone.
COPYING = ".copy"


@dataclass(frozen=True)
class Opened:
    """One customer's inbox and the spool, held open."""

    customer: Customer
    inbox: disk.OpenFolder
    spool: disk.OpenFolder

    def fsync(self) -> None:
        """Make the renames between the two folders durable."""
        disk.fsync_folder(self.inbox.fd)
        disk.fsync_folder(self.spool.fd)


@dataclass
class Recovered:
    """What became of the rows that were CLAIMING (their ids), and files of the spool that no row knew."""

    claimed: list[int] = field(default_factory=list)
    withdrawn: list[int] = field(default_factory=list)
    vanished: list[int] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)

    def add(self, other: Recovered) -> None:
        """Take in what was found elsewhere."""
        self.claimed += other.claimed
        self.withdrawn += other.withdrawn
        self.vanished += other.vanished
        self.orphans += other.orphans


@contextmanager
def open_folders(folders: disk.Folders, customer: Customer) -> Iterator[Opened]:
    """Hold a customer's inbox and the spool open. Raises WorldError."""
    path = folders.customer(customer.code).inbox
    with disk.open_folder(path) as inbox_folder, disk.open_folder(folders.spool) as spool:
        if disk.device_of(inbox_folder.fd) != disk.device_of(spool.fd):
            raise WorldError(
                "claim from",
                str(path),
                f"it is on another file system than {folders.spool}",
                hint="mount what was mounted there when the customer's folders were made",
            )
        yield Opened(customer, inbox_folder, spool)


def identity(name: str | bytes, folder: disk.OpenFolder) -> tuple[int, int] | None:
    """Device and inode that a name stands for, or None."""
    try:
        status = os.stat(name, dir_fd=folder.fd, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def fsync_file(descriptor: int, path: Path) -> None:
    """Make the bytes of an open file durable. Raises WorldError."""
    try:
        os.fsync(descriptor)
    except OSError as cause:
        raise disk.world_error("make durable", path, cause) from cause


def remove_markers(opened: Opened, names: Collection[bytes]) -> None:
    """Take the markers of claimed files out of the inbox, durably: the next file of that name needs its own.

    After the files are in the spool for good, and before their rows say CLAIMED: killed in between, `settling` does it.
    """
    if not names:
        return
    for name in names:
        with suppress(FileNotFoundError):  # removed before a kill, or by the client
            os.unlink(name, dir_fd=opened.inbox.fd)
        failpoint.hit("claim.marker_removed")
    disk.fsync_folder(opened.inbox.fd)
    failpoint.hit("claim.markers_durable")


def state_claimed(
    rows: Sequence[Arrival], *, at: datetime, markers: Mapping[int, bytes] = MappingProxyType({})
) -> None:
    """CLAIMED, in batches: small files share one, a large file has its own. One transaction.

    markers   arrival id -> the marker that was removed with its file; each is written down
    """
    small = [row for row in rows if row.bytes_count <= BATCH_SMALL_FILE_BYTES_MAX]
    large = [row for row in rows if row.bytes_count > BATCH_SMALL_FILE_BYTES_MAX]
    shares = [small[start : start + BATCH_ARRIVALS_MAX] for start in range(0, len(small), BATCH_ARRIVALS_MAX)]
    with turns.writing(), transaction.atomic():
        for share in [*shares, *([row] for row in large)]:
            moves.move_all(share, "CLAIMED", at=at, by="claim", batch=Batch.objects.create(created_at=at))
        reasons = {row.reference: markers[row.pk] for row in rows if row.pk in markers}
        Event.objects.bulk_create(
            Event(at=at, by="claim", subject=reference, what="marker", reason=f"{shown.name(name)} was taken with it")
            for reference, name in reasons.items()
        )
