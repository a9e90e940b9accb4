"""Run: the loop of the one engine process. It finds work by state, and starts a workflow for each batch.

    wake-up (watcher, 5 s, or another process's request) → claim in every inbox → start the batches that are due

Exactly one engine per data folder: whoever holds its lock (`flows.lock`). `run --once` beside a living engine asks it
to sweep and waits for it.
"""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from django.db import DatabaseError, close_old_connections
from django.db.models import Q

from cominflow import clock, failpoint
from cominflow.errors import WorldError
from cominflow.exchange import publish, requests
from cominflow.exchange.claim import Memory, New, claim, recover
from cominflow.exchange.disk import Folders
from cominflow.exchange.watcher import Watcher
from cominflow.flows import batch as batches
from cominflow.flows import engine
from cominflow.fulfilment import command
from cominflow.limits import SWEEP_S
from cominflow.models import Batch, Customer

log = logging.getLogger("cominflow.flows")

# How often the loop looks for batches that other processes wrote (a released file, a late answer).
LOOK_S = 0.5

# Workflows of finished batches that a sweep has the engine forget: a few milliseconds' work.
FORGOTTEN_AT_ONCE = 500

# References that are merged after a sweep, in several runs: some tenths of a second.
REFERENCES_AT_ONCE = 250_000

# How soon `run --once` looks whether what runs has ended, and how long it waits at most. Each look sweeps every inbox
# and asks the engine: a few milliseconds, which the work itself would miss if they came twenty times a second.
ONCE_LOOK_S, ONCE_LOOK_S_MAX = 0.02, 0.5


class Runner:
    """Claims, starts, and knows what runs. One per process, which holds the lock (`flows.lock`)."""

    def __init__(self, folders: Folders) -> None:
        self.folders = folders
        self.stopping = threading.Event()
        # What the last sweep could not do in some customer's inbox; None when it could do all.
        self.failure: WorldError | OSError | None = None
        # Customer -> what its inbox failed with, as it was logged: it is swept many times a second.
        self._failing: dict[str, str] = {}
        self.memory = Memory()
        # Files that may have come without an event: a late one may still tell of them.
        self._new: list[New] = []

    def recover(self) -> None:
        """What a killed process left half done: claims first, then the engine's own workflows."""
        recover(self.folders, at=clock.now())
        publish.recover(self.folders, at=clock.now())
        command.remove_leftovers(self.folders.data)
        failpoint.hit("run.recovered")
        engine.launch()

    def sweep(self, customers: set[str] | None = None) -> int:
        """Claim what lies complete in the inboxes (of these customers, or of all). Returns how many files.

        An inbox that fails is kept in `failure`, and does not keep the others waiting.
        """
        rows = Customer.objects.order_by("code")
        if customers is not None:
            rows = rows.filter(code__in=customers)
        count, self.failure = 0, None
        for customer in rows:
            if self.stopping.is_set():
                break
            try:
                count += len(claim(self.folders, customer, at=clock.now(), memory=self.memory))
            except (WorldError, OSError) as failure:
                about = {"customer": customer.code}
                if self._failing.get(customer.code) != str(failure):
                    log.error("the inbox of %s was not swept: %s", customer.code, failure, extra=about)
                self._failing[customer.code] = str(failure)
                self.failure = self.failure or failure
                self.memory.forget_dues(customer.code)
            else:
                if self._failing.pop(customer.code, None) is not None:
                    log.warning("the inbox of %s is swept again", customer.code)
        return count

    def start_due(self) -> int:
        """Start a workflow for each batch that is due and not running. Returns how many are unfinished in all."""
        running = engine.unfinished()
        at = clock.now()
        unfinished = list(Batch.objects.filter(finished_at=None).order_by("pk"))
        for batch in unfinished:
            if self.stopping.is_set():
                break
            if any(name.startswith(f"batch-{batch.pk}-") for name in running):
                continue
            if batch.not_before is not None and batch.not_before > at:
                continue
            if batch.late_for_id is not None and self._is_busy(batch):
                continue
            if engine.has_ended(batches.workflow_id(batch)):  # it rested, or ended without a word in our tables
                engine.forget([batches.workflow_id(batch)])
            failpoint.hit("run.start")
            engine.start(batches.process_batch, batches.workflow_id(batch), batch.pk)
            failpoint.hit("run.started")
        return len(unfinished)

    def _is_busy(self, batch: Batch) -> bool:
        """Does an earlier batch still work on the arrival that this late one is for?"""
        earlier = Batch.objects.filter(finished_at=None, pk__lt=batch.pk)
        return earlier.filter(Q(late_for=batch.late_for_id) | Q(arrivals=batch.late_for_id)).exists()

    def forget_ended(self) -> None:
        """Have the engine forget the workflows of finished batches: its tables would grow for ever."""
        ids = engine.ended(limit=FORGOTTEN_AT_ONCE)
        unfinished = set(Batch.objects.filter(finished_at=None).values_list("pk", flat=True))
        engine.forget([name for name in ids if int(name.split("-")[1]) not in unfinished])

    def run_once(self, *, timeout_s: float, on_look: Callable[[], None] = lambda: None) -> bool:
        """Claim all there is and work until nothing is due. False when the time was up first.

        A file that has to be quiet for a while is waited for, where the time allows.

        A batch that failed and waits for its next try is tried at once, one time: who calls this may have mended the
        cause. What only rests for a paused provider rests on.

        on_look  called at each look that finds work under way

        Raises WorldError (OSError) when an inbox could not be swept, after all else is done. What failed in a batch
        and waits for its next try is in `failing`.
        """
        deadline = time.monotonic() + timeout_s
        wait_s, before = ONCE_LOOK_S, -1
        _try_failed_now()
        while time.monotonic() < deadline and not self.stopping.is_set():
            _take_request(self.folders)
            claimed = self.sweep()
            _finish_request(self.folders)
            due = self.start_due()
            is_waiting = self.memory.is_due_before(deadline)  # for a file to be quiet
            if not claimed and not is_waiting and not _is_any_due() and not engine.unfinished():
                if self.failure is not None:
                    raise self.failure
                while requests.merge_references(references_max=REFERENCES_AT_ONCE) and time.monotonic() < deadline:
                    pass
                return True
            on_look()
            wait_s = ONCE_LOOK_S if claimed or due != before else min(ONCE_LOOK_S_MAX, wait_s * 1.5)
            before = due
            self.stopping.wait(wait_s if due else self.memory.wait_s(LOOK_S) if is_waiting else 0.0)
        return False

    def run(self) -> None:
        """Work until `stopping` is set. A failure of the world is logged and tried again at the next sweep."""
        gc.freeze()  # what was imported stays: looking through it again and again took a twentieth of the work
        wake = threading.Event()
        watcher = Watcher(self.folders, wake, on_moved=self.memory.note_moved)
        watcher.start()
        next_sweep = 0.0
        try:
            while not self.stopping.is_set():
                wake.clear()
                dirty = watcher.take() | self.memory.due()
                self._count_unannounced(watcher)
                is_sweep = time.monotonic() >= next_sweep
                try:
                    if _take_request(self.folders):
                        is_sweep = True
                        _try_failed_now()
                    if dirty or is_sweep:
                        self.sweep(None if is_sweep else dirty)
                    self.start_due()
                    if is_sweep:
                        _finish_request(self.folders)
                        self.forget_ended()
                        requests.merge_references(references_max=REFERENCES_AT_ONCE)
                except (WorldError, OSError, DatabaseError, engine.DatabaseAway) as failure:
                    log.error("a sweep failed and is repeated in %g s: %s", SWEEP_S, failure)
                    close_old_connections()
                    _show_life(self.folders)
                    self.stopping.wait(SWEEP_S)
                    next_sweep = 0.0  # whose inboxes were to be looked at is forgotten: all are
                    continue
                if is_sweep:
                    next_sweep = time.monotonic() + SWEEP_S
                    _show_life(self.folders)
                wake.wait(self.memory.wait_s(LOOK_S))
        finally:
            watcher.stop()

    def _count_unannounced(self, watcher: Watcher) -> None:
        """Count files that were found though no event told of them, neither since the look before nor by now."""
        self._new += self.memory.pop_new()
        late = [one for one in self._new if time.monotonic() - one.looked_s > LOOK_S]
        self._new = [one for one in self._new if one not in late]
        for one in late:
            if watcher.heard_s(one.customer) < one.before_s:
                log.warning("%s files of %s were found by a sweep; no event told of them", one.count, one.customer)
                watcher.count_unannounced(one.count)


def _show_life(folders: Folders) -> None:
    """The time of the lock's file is the last sign of life: `cominflow doctor` notices an engine that stands still."""
    with suppress(OSError):  # a disk that is away is told by what fails on it
        os.utime(folders.state / "engine.lock")


def request_sweep(folders: Folders) -> None:
    """Ask the living engine to sweep now, and to try again what failed."""
    (folders.state / _ASKED).touch()


# A request to sweep, and one that is being done: who waits for it must not look between the two.
_ASKED, _SWEEPING = "sweep", "sweeping"


def _take_request(folders: Folders) -> bool:
    try:
        (folders.state / _ASKED).replace(folders.state / _SWEEPING)
    except FileNotFoundError:
        return False
    return True


def _finish_request(folders: Folders) -> None:
    (folders.state / _SWEEPING).unlink(missing_ok=True)


def _try_failed_now() -> None:
    """Let batches that failed wait no longer for their next try. Killed afterwards, they are just due."""
    waiting = Batch.objects.filter(finished_at=None).exclude(not_before=None).exclude(error="")
    waiting.update(not_before=None)


def _is_any_due() -> bool:
    """Is a batch to be worked on now: not finished, and not waiting for its next try, nor behind one that waits?"""
    at, resting = clock.now(), set[int]()
    for batch in Batch.objects.filter(finished_at=None).order_by("pk"):
        if batch.late_for_id in resting:
            continue
        if batch.not_before is None or batch.not_before <= at:
            return True
        resting.update([batch.late_for_id] if batch.late_for_id else batch.arrivals.values_list("pk", flat=True))
    return False


def wait_until_idle(folders: Folders, *, timeout_s: float) -> bool:
    """Wait until the living engine did what was asked (`request_sweep`) and nothing is due. False at the time-out."""
    deadline = time.monotonic() + timeout_s
    while True:
        is_asked = (folders.state / _ASKED).exists() or (folders.state / _SWEEPING).exists()
        if not is_asked and not _is_any_due():
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.1)


def failing() -> list[Batch]:
    """Unfinished batches whose last try failed, oldest first: `error` says why, `not_before` when it is repeated."""
    return list(Batch.objects.filter(finished_at=None).exclude(error="").order_by("pk"))
