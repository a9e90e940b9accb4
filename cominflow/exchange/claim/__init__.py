"""Claim: take completed files out of a customer's inbox, so that each is taken once, whatever is killed when.

For up to 256 files at a time:

    lease each (nobody writes it) → make the bytes durable → rows CLAIMING → rename each into the spool
    → fsync both folders → does nobody wait to write? → rows CLAIMED, with their batches → leases end

A file whose row is CLAIMING is in the inbox or in the spool; `claim` settles such rows before it takes more, and
`recover` does so for everybody at start.

Claims of one process take turns (a lock here); two processes on one data folder are kept apart by the lock in
`state/`. The spool's names are random and known before anything is renamed.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime

from cominflow import shown
from cominflow.exchange import disk, inbox, moves
from cominflow.exchange.claim import settling, taking
from cominflow.exchange.claim.opened import Recovered, open_folders
from cominflow.limits import BATCH_ARRIVALS_MAX
from cominflow.models import Customer, Event

__all__ = ["Recovered", "claim", "random_claim_id", "recover"]

_log = logging.getLogger(__name__)

# One claim or recovery at a time in this process: what is CLAIMING then belongs to one that was killed.
_turn = threading.Lock()


def random_claim_id() -> str:
    """A name in the spool that nothing else has: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def claim(
    folders: disk.Folders, customer: Customer, *, at: datetime, claim_ids: Callable[[], str] = random_claim_id
) -> list[int]:
    """Take every completed file out of a customer's inbox into the spool.

    Returns the ids of the arrivals that became CLAIMED, first those that a killed process left half-way, then in the
    order in which the files came. Files that somebody still writes stay for the next time; what is no file stays too
    and is reported once (event `ignored` of `inbox <code>`). Raises WorldError; what was taken by then stays taken,
    and the rest is taken the next time.
    """
    with _turn, open_folders(folders, customer) as opened:
        claimed = settling.settle(opened, at=at).claimed
        scan = inbox.candidates(opened.inbox.fd, at=at)
        ignored = list(scan.ignored)
        for start in range(0, len(scan.candidates), BATCH_ARRIVALS_MAX):
            group = scan.candidates[start : start + BATCH_ARRIVALS_MAX]
            taken = taking.take(opened, group, at=at, claim_ids=claim_ids)
            claimed += taken.claimed
            ignored += taken.ignored
            if taken.is_unsettled:
                claimed += settling.settle(opened, at=at).claimed
        _report(customer, ignored, at=at)
    return claimed


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


def _report(customer: Customer, ignored: Sequence[inbox.Ignored], *, at: datetime) -> None:
    """One event for each thing that is not taken, however often it is seen."""
    if not ignored:
        return
    subject = f"inbox {customer.code}"
    said = set(Event.objects.filter(subject=subject, what="ignored").values_list("reason", flat=True))
    for text in dict.fromkeys(f"{shown.name(one.name)}: {one.why}" for one in ignored):
        if text not in said:
            moves.record(subject, "ignored", at=at, by="claim", reason=text)
            _log.warning("%s: %s; it is ignored", subject, text, extra={"customer": customer.code})
