"""Taking: from the inbox into the spool, up to 256 files with one commit before the renames and one after.

Somebody may be waiting to write a file that we have leased: he found it by its name before we renamed it, and would
write into the spool when the lease ends. Then the file goes back to the inbox, and is claimed when he is done.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from cominflow import failpoint
from cominflow.exchange import disk, inbox, kernel, lease, turns
from cominflow.exchange.claim import proofs
from cominflow.exchange.claim.judging import Ready, Waiting
from cominflow.exchange.claim.memory import Memory
from cominflow.exchange.claim.opened import (
    COPYING,
    OPEN_FLAGS,
    Opened,
    fsync_file,
    identity,
    remove_markers,
    state_claimed,
)
from cominflow.limits import FSYNC_EACH_MAX
from cominflow.models import Arrival


@dataclass(frozen=True)
class Taken:
    """Ids that are CLAIMED, what waits, and whether rows are left CLAIMING for `settling`."""

    claimed: list[int]
    waiting: list[Waiting]
    is_unsettled: bool


@dataclass(frozen=True)
class _Held:
    """A file of the inbox that is open and leased, and the row that says what is meant to become of it."""

    candidate: inbox.Candidate
    descriptor: int
    row: Arrival
    marker: bytes


def take(
    opened: Opened, group: Sequence[Ready], memory: Memory, *, at: datetime, claim_ids: Callable[[], str]
) -> Taken:
    """Take a group of files that a scan found. Raises WorldError; rows may then be left CLAIMING."""
    waiting: list[Waiting] = []
    with ExitStack() as leases:
        held = []
        for ready in group:
            candidate = ready.candidate
            descriptor = open_leased(opened, candidate, leases)
            if descriptor is None:
                continue
            if isinstance(descriptor, Waiting):
                waiting.append(descriptor)
                continue
            refuted = proofs.refute(opened.customer.code, opened.inbox, ready, descriptor, memory, at=at)
            if refuted is not None:
                waiting.append(refuted)
                continue
            row = _intent(opened, descriptor, candidate, at, claim_ids())
            held.append(_Held(candidate, descriptor, row, ready.marker.name if ready.marker else b""))
        if not held:
            return Taken([], waiting, is_unsettled=False)
        failpoint.hit("claim.leased")
        _make_durable(opened, held)
        with turns.writing(), transaction.atomic():
            Arrival.objects.bulk_create([one.row for one in held])
        failpoint.hit("claim.intended")
        taken = [one for one in held if _move(opened, one)]
        opened.fsync()
        failpoint.hit("claim.durable")
        free = _without_contested(opened, taken)
        failpoint.hit("claim.checked")
        rows, markers = [one.row for one in free], {one.row.pk: one.marker for one in free if one.marker}
        remove_markers(opened, markers.values())
        state_claimed(rows, at=at, markers=markers)
        failpoint.hit("claim.stated")
    memory.taken(opened.customer.code, [one.candidate for one in free])
    return Taken([row.pk for row in rows], waiting, is_unsettled=len(rows) < len(held))


def open_leased(opened: Opened, candidate: inbox.Candidate, leases: ExitStack) -> int | Waiting | None:
    """Open and lease one file until `leases` ends; or why it is not to be had now. None when it is gone by now."""
    name = candidate.name
    try:
        descriptor = os.open(name, OPEN_FLAGS, dir_fd=opened.inbox.fd)
    except FileNotFoundError:
        return None
    except OSError as cause:
        why = f"it cannot be opened ({os.strerror(cause.errno or 0)}); let our account read it: `chmod u+r`, or `chown`"
        return Waiting(name, why, is_overdue=True)
    leases.callback(os.close, descriptor)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or (status.st_dev, status.st_ino) != (candidate.dev, candidate.ino):
        return None
    try:
        if not lease.take(descriptor):
            return Waiting(name, "somebody has it open for writing; it is taken when that is closed (`lsof` tells who)")
    except OSError as cause:
        why = (
            f"it cannot be leased ({os.strerror(cause.errno or 0)}); where it is another account's: `chown` it to ours"
        )
        return Waiting(name, why, is_overdue=True)
    return descriptor


def _make_durable(opened: Opened, held: Sequence[_Held]) -> None:
    """The bytes, before anybody is told that we have them. Our SFTP server did it already; a `cp` here did not."""
    if len(held) > FSYNC_EACH_MAX:
        try:
            kernel.sync_file_system(opened.inbox.fd)
        except OSError as cause:
            raise disk.world_error("make durable the files in", opened.inbox.path, cause) from cause
        return
    for one in held:
        fsync_file(one.descriptor, opened.inbox.path / os.fsdecode(one.candidate.name))


def _intent(opened: Opened, descriptor: int, candidate: inbox.Candidate, at: datetime, claim_id: str) -> Arrival:
    return Arrival(
        claim_id=claim_id,
        customer=opened.customer,
        name=candidate.name,
        state="CLAIMING",
        dev=candidate.dev,
        ino=candidate.ino,
        bytes_count=os.fstat(descriptor).st_size,
        claimed_at=at,
    )


def _move(opened: Opened, one: _Held) -> bool:
    """Rename one leased file into the spool (copy it when it has other names); False when it did not come off."""
    if os.fstat(one.descriptor).st_nlink > 1:
        return _copy(opened, one)
    try:
        disk.rename_noreplace(
            one.candidate.name, one.row.claim_id, source_folder=opened.inbox.fd, target_folder=opened.spool.fd
        )
    except disk.NameMissing:
        return False
    failpoint.hit("claim.renamed")
    # The name may have come to stand for another file since we opened it.
    return identity(one.row.claim_id, opened.spool) == (one.row.dev, one.row.ino)


def _copy(opened: Opened, one: _Held) -> bool:
    """Copy a file that others can reach by another name, then take its name away from the inbox."""
    copying = opened.spool.path / (one.row.claim_id + COPYING)
    disk.write_durably(copying, _blocks(one.descriptor))
    failpoint.hit("claim.copied")
    disk.rename_noreplace(copying, opened.spool.path / one.row.claim_id)
    disk.fsync_folder(opened.spool.fd)
    failpoint.hit("claim.copy_named")
    is_the_file = identity(one.candidate.name, opened.inbox) == (one.row.dev, one.row.ino)
    if not is_the_file or lease.is_contested(one.descriptor):
        return False
    os.unlink(one.candidate.name, dir_fd=opened.inbox.fd)
    failpoint.hit("claim.copy_unlinked")
    return True


def _without_contested(opened: Opened, taken: Sequence[_Held]) -> list[_Held]:
    """Those that nobody waits to write. The others go back, unless their name is taken: they stay CLAIMING."""
    free, returned = [], []
    for one in taken:
        is_copy = identity(one.row.claim_id, opened.spool) != (one.row.dev, one.row.ino)
        if is_copy or not lease.is_contested(one.descriptor):
            free.append(one)
            continue
        try:
            disk.rename_noreplace(
                one.row.claim_id, one.candidate.name, source_folder=opened.spool.fd, target_folder=opened.inbox.fd
            )
        except disk.NameTaken:
            continue
        returned.append(one)
        failpoint.hit("claim.returned")
    if returned:
        opened.fsync()
        failpoint.hit("claim.returned_durable")
        Arrival.objects.filter(pk__in=[one.row.pk for one in returned], state="CLAIMING").delete()
        failpoint.hit("claim.withdrawn")
    return free


def _blocks(descriptor: int) -> Iterator[bytes]:
    offset = 0
    while block := os.pread(descriptor, 1 << 20, offset):
        yield block
        offset += len(block)
