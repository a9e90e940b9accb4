"""Claim: take completed files out of a customer's inbox, so that each is taken once, whatever is killed when.

For up to 256 files at a time:

    complete by its feed's policy? → lease each (nobody writes it) → proofs (trailer, marker's hash) → make the bytes
    durable → rows CLAIMING → rename each into the spool → fsync both folders → does nobody wait to write? → remove
    their markers → rows CLAIMED, with their batches → leases end

A file whose row is CLAIMING is in the inbox or in the spool; `claim` settles such rows before it takes more, and
`recover` does so for everybody at start.

Claims of one process take turns (a lock here); two processes on one data folder are kept apart by the lock in
`state/`. The spool's names are random and known before anything is renamed.
"""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime

from cominflow import shown
from cominflow.exchange import disk, inbox, moves
from cominflow.exchange.claim import judging, proofs, settling, taking
from cominflow.exchange.claim.judging import Ready, Waiting
from cominflow.exchange.claim.memory import Memory, New
from cominflow.exchange.claim.opened import OPEN_FLAGS, Opened, Recovered, open_folders
from cominflow.limits import BATCH_ARRIVALS_MAX
from cominflow.models import Customer, Event

__all__ = ["Memory", "New", "Recovered", "claim", "random_claim_id", "recover", "waiting"]

_log = logging.getLogger(__name__)

# One claim or recovery at a time in this process: what is CLAIMING then belongs to one that was killed.
_turn = threading.Lock()


def random_claim_id() -> str:
    """A name in the spool that nothing else has: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def claim(
    folders: disk.Folders,
    customer: Customer,
    *,
    at: datetime,
    claim_ids: Callable[[], str] = random_claim_id,
    memory: Memory | None = None,
) -> list[int]:
    """Take every completed file out of a customer's inbox into the spool.

    memory   what was seen at earlier looks; without it no file is known to be quiet

    Returns the ids of the arrivals that became CLAIMED, first those that a killed process left half-way, then in the
    order in which the files came. Files that somebody still writes, or that are not complete by their feed's policy,
    stay for the next time; what is no file stays too and is reported once, and again when it was gone meanwhile (event
    `ignored` of `inbox <code>`), and so is what waits for too long. Raises WorldError; what was taken by then stays
    taken, and the rest is taken the next time.
    """
    memory = memory or Memory()
    with _turn, open_folders(folders, customer) as opened:
        memory.begin(customer.code, disk.device_of(opened.inbox.fd))
        claimed = settling.settle(opened, at=at).claimed
        scan = inbox.candidates(opened.inbox.fd, at=at)
        agreed = judging.agreements(customer) if scan.candidates else []
        judged = judging.judge(customer.code, scan, agreed, memory, at=at)
        ignored, waiting = list(scan.ignored), list(judged.waiting)
        for start in range(0, len(judged.ready), BATCH_ARRIVALS_MAX):
            group = judged.ready[start : start + BATCH_ARRIVALS_MAX]
            taken = taking.take(opened, group, memory, at=at, claim_ids=claim_ids)
            claimed += taken.claimed
            waiting += taken.waiting
            if taken.is_unsettled:
                claimed += settling.settle(opened, at=at).claimed
        ignored += [inbox.Ignored(one.name, one.why) for one in waiting if one.is_overdue]
        _report(customer, ignored, memory, at=at)
    return claimed


def waiting(folders: disk.Folders, customer: Customer, *, at: datetime) -> list[inbox.Ignored]:
    """What lies in a customer's inbox and is not taken now, and why; takes nothing. Raises WorldError, OSError."""
    memory = Memory()
    with open_folders(folders, customer) as opened:
        scan = inbox.candidates(opened.inbox.fd, at=at)
        judged = judging.judge(customer.code, scan, judging.agreements(customer), memory, at=at)
        found = list(judged.waiting)
        for ready in judged.ready:
            if (why := _refuted(opened, ready, memory, at=at)) is not None:
                found.append(why)
    return [*scan.ignored, *(inbox.Ignored(one.name, one.why) for one in found)]


def _refuted(opened: Opened, ready: Ready, memory: Memory, *, at: datetime) -> Waiting | None:
    """What stands against a file. The lease ends before a proof is asked for: nobody is kept from writing for long."""
    with ExitStack() as leases:
        leased = taking.open_leased(opened, ready.candidate, leases)
    if isinstance(leased, Waiting):
        return leased
    if ready.agreed is None:
        return None
    try:
        descriptor = os.open(ready.candidate.name, OPEN_FLAGS, dir_fd=opened.inbox.fd)
    except OSError:
        return None
    try:
        return proofs.refute(opened.customer.code, opened.inbox, ready, descriptor, memory, at=at)
    finally:
        os.close(descriptor)


def recover(folders: disk.Folders, *, at: datetime) -> Recovered:
    """Put right what a killed process left: call it at start, before the first claim.

    Rows that are CLAIMING become CLAIMED (the spool has the file), go away (the inbox has it) or become VANISHED
    (nobody has it); one whose file is being written waits. A file in the spool that no row knows goes to quarantine
    with a message; one that the archive has as well leaves the spool. Safe at any time and again. Raises WorldError.
    """
    recovered = Recovered()
    with _turn:
        for customer in Customer.objects.filter(arrivals__state="CLAIMING").distinct().order_by("code"):
            with open_folders(folders, customer) as opened:
                recovered.add(settling.settle(opened, at=at))
        recovered.orphans = settling.tidy_spool(folders, at=at)
    return recovered


def _report(customer: Customer, ignored: Sequence[inbox.Ignored], memory: Memory, *, at: datetime) -> None:
    """One event for each thing that is not taken, however often it is seen; one more when it was gone and came again.

    An engine that has just begun does not know what was gone: it goes by the events that there are.
    """
    texts = dict.fromkeys(f"{shown.name(one.name)}: {one.why}" for one in ignored)
    said = memory.ignored(customer.code, texts)
    if not texts or said is not None and said >= texts.keys():
        return
    subject = f"inbox {customer.code}"
    if said is None:
        said = set(Event.objects.filter(subject=subject, what="ignored").values_list("reason", flat=True))
    for text in texts:
        if text not in said:
            moves.record(subject, "ignored", at=at, by="claim", reason=text)
            _log.warning("%s: %s; it is ignored", subject, text, extra={"customer": customer.code})
