"""Settling: what a killed claim left. A row that is CLAIMING has its file in the inbox, in the spool, or nowhere."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import Literal

from cominflow import failpoint
from cominflow.exchange import archive, disk, inbox, lease, moves, quarantine
from cominflow.exchange.claim import judging
from cominflow.exchange.claim.opened import (
    COPYING,
    OPEN_FLAGS,
    Opened,
    Recovered,
    fsync_file,
    identity,
    remove_markers,
    state_claimed,
)
from cominflow.limits import BATCH_ARRIVALS_MAX
from cominflow.models import Arrival

_log = logging.getLogger(__name__)

_VANISHED = (
    "it was in the inbox when its claim began; now it is neither there nor in the spool (did the client remove it?)"
)
_ORPHAN = "the database does not know this file of the spool (was an older copy of the database restored?)"


def settle(opened: Opened, *, at: datetime) -> Recovered:
    """Settle the rows of one customer that are CLAIMING. Raises WorldError."""
    settled = Recovered()
    rows = list(Arrival.objects.filter(customer=opened.customer, state="CLAIMING").order_by("pk"))
    if not rows:
        return settled
    # What a killed process renamed may not be durable yet; what is decided from it here must not outlive it.
    opened.fsync()
    failpoint.hit("claim.settling")
    in_inbox = inbox.identities(opened.inbox.fd)
    for start in range(0, len(rows), BATCH_ARRIVALS_MAX):
        with ExitStack() as leases:
            claimed = []
            for row in rows[start : start + BATCH_ARRIVALS_MAX]:
                verdict = _verdict(opened, row, in_inbox, leases)
                if verdict == "claimed":
                    claimed.append(row)
                elif verdict == "withdrawn":
                    settled.withdrawn.append(row.pk)
                    Arrival.objects.filter(pk=row.pk, state="CLAIMING").delete()
                elif verdict == "vanished":
                    settled.vanished.append(row.pk)
                    moves.move(row, "VANISHED", at=at, by="claim", reason=_VANISHED)
                    found = {"arrival": row.reference, "customer": opened.customer.code}
                    _log.warning("%s (%s) vanished: %s", row.reference, row.shown_name, _VANISHED, extra=found)
                failpoint.hit("claim.settled")
            markers = judging.markers(opened.customer, claimed)
            remove_markers(opened, markers.values())
            state_claimed(claimed, at=at, markers=markers)
            failpoint.hit("claim.settled_stated")
        settled.claimed += [row.pk for row in claimed]
    return settled


def _verdict(
    opened: Opened, row: Arrival, in_inbox: frozenset[tuple[int, int]], leases: ExitStack
) -> Literal["claimed", "withdrawn", "vanished", "later"]:
    """What becomes of one row; "later": somebody writes its file."""
    meant = (row.dev, row.ino)
    try:
        descriptor = os.open(row.claim_id, OPEN_FLAGS, dir_fd=opened.spool.fd)
    except FileNotFoundError:
        return "withdrawn" if meant in in_inbox else "vanished"
    leases.callback(os.close, descriptor)
    status = os.fstat(descriptor)
    if (status.st_dev, status.st_ino) != meant and _is_needless_copy(opened, row, descriptor):
        os.unlink(row.claim_id, dir_fd=opened.spool.fd)
        disk.fsync_folder(opened.spool.fd)
        failpoint.hit("claim.copy_dropped")
        return "withdrawn"
    if not lease.take(descriptor):
        return "later"
    fsync_file(descriptor, opened.spool.path / row.claim_id)
    # Another inode than the row's: a copy, or a file that took the name between our look and our rename.
    row.dev, row.ino, row.bytes_count = status.st_dev, status.st_ino, os.fstat(descriptor).st_size
    row.save(update_fields=["dev", "ino", "bytes_count"])
    return "claimed"


def _is_needless_copy(opened: Opened, row: Arrival, copy: int) -> bool:
    """Whether the inbox still has the very file that this one was copied from, with the same bytes."""
    name = bytes(row.name)
    if identity(name, opened.inbox) != (row.dev, row.ino):
        return False
    original = os.open(name, OPEN_FLAGS, dir_fd=opened.inbox.fd)
    try:
        return disk.sha256_of(original) == disk.sha256_of(copy)
    finally:
        os.close(original)


def tidy_spool(folders: disk.Folders, *, at: datetime) -> list[str]:
    """Look at every file of the spool: known, also in the archive, or nobody's. Returns the names of nobody's."""
    orphans = []
    for names in _shares(sorted(os.listdir(folders.spool))):
        rows = {row.claim_id: row for row in Arrival.objects.filter(claim_id__in=names).select_related("customer")}
        for name in names:
            if name.endswith(COPYING):
                os.unlink(folders.spool / name)
            elif name not in rows:
                place = quarantine.put_orphan(folders, name, reason=_ORPHAN, at=at)
                orphans.append(name)
                moves.record("spool", "orphan", at=at, by="claim", reason=f"{name}: {_ORPHAN}; it is now {place}")
                _log.warning("%s: %s; it is now %s", folders.spool / name, _ORPHAN, place)
            elif rows[name].sha256:
                archive.clear_spool(folders, rows[name])
            failpoint.hit("claim.tidied")
    return orphans


def _shares(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), BATCH_ARRIVALS_MAX):
        yield names[start : start + BATCH_ARRIVALS_MAX]
