"""Batch: the durable workflow that takes files from their claim to their published answers.

    identify → read → acknowledge → fulfil (small files together, each large one by itself) → settle → publish

Each arrow is a step that the engine remembers. Every step also finds its work by state, so repeating one is safe.
A failure of the world (disk, database, provider) ends the workflow in order: the batch keeps its error and is begun
again later, under a new workflow id; so is one that rests because an operator has paused a provider. One arrival's
defect puts that arrival aside and the batch goes on; one whose bytes the world withholds goes into a batch of its own;
one that cannot be told, settled or published keeps no other waiting.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, transaction

from cominflow import clock, failpoint, logs, quoting, settings, stopping
from cominflow.errors import WorldError
from cominflow.exchange import feeds, quarantine, requests, turns
from cominflow.exchange.disk import Folders
from cominflow.exchange.moves import move
from cominflow.flows import deliver, engine, reasons, receive
from cominflow.flows import fulfil as fulfilment
from cominflow.flows import settle as settlement
from cominflow.flows.reasons import Reason
from cominflow.fulfilment import pauses
from cominflow.limits import BATCH_ATTEMPTS_MAX, LARGE_FILE_BYTES, READ_TOGETHER_MAX, SETTLED_TOGETHER_MAX
from cominflow.models import Arrival, Batch

log = logging.getLogger("cominflow.flows")

FAILED, PAUSED = "failed", "paused"
_BACKOFF_S_MAX = 900
_UNREAD = ("CLAIMED", "READING")

# A file, and what the world failed it with.
_Failed = tuple[Arrival, WorldError | OSError]


def workflow_id(batch: Batch) -> str:
    """The engine's id of the batch's present try."""
    return f"batch-{batch.pk}-{batch.failures_count}"


def _guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """A step whose failure by the world is written beside the batch, and told to the workflow instead of raised."""

    @wraps(function)
    def guarded(batch_id: int, *ids: int) -> Any:
        with logs.about(batch=batch_id):
            try:
                stopping.look()
                return function(batch_id, *ids)
            except stopping.StoppedError:  # the engine ends in order: this was no try that killed it
                Batch.objects.filter(pk=batch_id).update(attempts_count=0)
                raise
            except (WorldError, OSError, DatabaseError) as error:
                log.warning("batch %s failed in %s and is tried again: %s", batch_id, function.__name__, error)
                _record_failure(batch_id, f"{function.__name__}: {quoting.said(error)}")
            except Exception as defect:  # ours; retried as well, since the next version may have it mended
                log.exception("batch %s met a defect in %s", batch_id, function.__name__)
                said = f"a defect of ours ({type(defect).__name__}); see the log"
                _record_failure(batch_id, f"{function.__name__}: {said}")
            return FAILED

    return engine.step(guarded)


def _record_failure(batch_id: int, error: str) -> None:
    batch = Batch.objects.get(pk=batch_id)
    batch.error = error
    batch.not_before = clock.now() + timedelta(seconds=min(_BACKOFF_S_MAX, 2 ** min(batch.failures_count, 10)))
    batch.failures_count += 1
    batch.attempts_count = 0
    batch.save(update_fields=["error", "not_before", "failures_count", "attempts_count"])


@engine.workflow
def process_batch(batch_id: int) -> None:
    """Take a batch to its end, or to the step where the world failed it."""
    if _begin(batch_id):
        with feeds.remembered():
            _take_to_its_end(batch_id)


def _take_to_its_end(batch_id: int) -> None:
    work = identify(batch_id)
    if work != FAILED:
        work = read(batch_id)
    if work == FAILED:
        return
    is_told = acknowledge(batch_id) != FAILED
    work = unanswered(batch_id, is_told)
    if work == FAILED:
        return
    # A provider that is down keeps its files waiting, and no others.
    became = [fulfil(batch_id, *arrival_ids) for arrival_ids in work]
    is_settled = settle(batch_id) != FAILED
    is_published = publish(batch_id) != FAILED
    if FAILED in became or not (is_told and is_settled and is_published):
        return
    if PAUSED in became:
        wait_for_providers(batch_id)
    else:
        finish(batch_id)


def _begin(batch_id: int) -> bool:
    """Count this try. Not a step: it runs again after each crash, and so notices a file that kills the process."""
    batch = Batch.objects.get(pk=batch_id)
    if batch.finished_at is not None:
        return False
    batch.attempts_count += 1
    batch.save(update_fields=["attempts_count"])
    failpoint.hit("batch.begun")
    if batch.attempts_count <= BATCH_ATTEMPTS_MAX:
        return True
    _give_up(batch)
    return False


def _give_up(batch: Batch) -> None:
    """The process died again and again in this batch: quarantine the file, or find out which of several it is."""
    reason = reasons.killer(BATCH_ATTEMPTS_MAX)
    at, folders = clock.now(), Folders(settings.DATA)
    with transaction.atomic():
        unread = [arrival for arrival in receive.arrivals_of(batch) if arrival.state in _UNREAD]
        for arrival in unread:
            if len(unread) > 1:  # each in a batch of its own: only the one that does it will be quarantined
                Arrival.objects.filter(pk=arrival.pk).update(batch=Batch.objects.create(created_at=at))
                continue
            if arrival.state == "CLAIMED":
                move(arrival, "READING", at=at, by="engine")
            _quarantine(arrival, folders, reason, at=at)
        # With a file out of the way the rest goes on at once; else it is the asking or answering that kills.
        batch.not_before = None if unread else at + timedelta(seconds=_BACKOFF_S_MAX)
        batch.error, batch.attempts_count = reason.operator, 0
        batch.failures_count += 1
        batch.save(update_fields=["error", "not_before", "attempts_count", "failures_count"])
    log.error("batch %s: %s", batch.pk, reason.operator, extra={"batch": batch.pk})


def _quarantine(arrival: Arrival, folders: Folders, reason: Reason, *, at: datetime) -> None:
    """Put a file aside that could not be read, without the requests that the reading had stored."""
    quarantine.put(folders, arrival, reason=reason.operator, at=at)
    with transaction.atomic():
        requests.discard(arrival)
        move(arrival, "QUARANTINED", at=at, by="engine", reason=reason.operator, **reason.columns())


@_guarded
def identify(batch_id: int) -> None:
    """Hash and keep each file; set duplicates aside, but for those of a file of this batch (see `read`)."""
    arrivals = _to_read(batch_id)
    with ExitStack() as taken:
        if _are_small(arrivals):  # a large file is hashed for seconds
            taken.enter_context(turns.working())
            taken.enter_context(turns.writing())
        failed = _identified(arrivals, Folders(settings.DATA))
    _part(batch_id, failed, "identify")


def _identified(arrivals: Sequence[Arrival], folders: Folders) -> list[_Failed]:
    """Identify them together, or where that fails each by itself. Returns those that the world failed."""
    try:
        receive.identify(arrivals, folders, at=clock.now())
    except (WorldError, OSError) as failure:
        if len(arrivals) == 1:
            return [(arrivals[0], failure)]
        return [one for arrival in arrivals for one in _identified([arrival], folders)]
    return []


@_guarded
def read(batch_id: int) -> None:
    """Read each file, and decide about it: about some small ones in one transaction. Large ones chunk by chunk.

    One that `identify` left CLAIMED has a twin before it: whether it is a duplicate is decided just before its turn.
    """
    folders = Folders(settings.DATA)
    failed: list[_Failed] = []
    arrivals = [arrival for arrival in _to_read(batch_id) if arrival.state in _UNREAD]
    small = [arrival for arrival in arrivals if arrival.bytes_count <= LARGE_FILE_BYTES]
    for together in _read_together(small):
        if together[0].state == "CLAIMED":
            with turns.writing():
                failed += _identified(together[:1], folders)
        with turns.working(), feeds.remembered():
            examined = _examined(together, folders, failed)
            with turns.writing(), transaction.atomic():
                for decided in _decided_together(examined):
                    _decide(decided, folders, failed)
    failpoint.hit("batch.read")
    for arrival in arrivals:
        if arrival.bytes_count > LARGE_FILE_BYTES:
            if arrival.state == "CLAIMED":
                failed += _identified([arrival], folders)
            for one in _examined([arrival], folders, failed):
                _decide([one], folders, failed)
    _part(batch_id, failed, "read")


def _part(batch_id: int, failed: Sequence[_Failed], step: str) -> None:
    """Take files that the world failed out of a batch, into one of their own that is tried again: the others go on.

    Raises the first failure when there are no others.
    """
    if not failed:
        return
    first = failed[0][1]
    if len(failed) == len(receive.arrivals_of(Batch.objects.get(pk=batch_id))):
        raise first
    with transaction.atomic():
        apart = Batch.objects.create(created_at=clock.now())
        Arrival.objects.filter(pk__in=[arrival.pk for arrival, _ in failed]).update(batch=apart)
        _record_failure(apart.pk, f"{step}: {quoting.said(first)}")
    for arrival, failure in failed:
        log.warning("%s is tried again in batch %s, apart from the others: %s", arrival.reference, apart.pk, failure)


def _read_together(small: Sequence[Arrival]) -> Iterator[list[Arrival]]:
    """Shares of one transaction each, in file order; what is still CLAIMED comes first in its share.

    It is identified when all before it have been committed: only then its spool may be cleared.
    """
    share: list[Arrival] = []
    for arrival in small:
        if share and (arrival.state == "CLAIMED" or len(share) == READ_TOGETHER_MAX):
            yield share
            share = []
        share.append(arrival)
    if share:
        yield share


def _to_read(batch_id: int) -> list[Arrival]:
    """None of a late batch, which only brings out what its arrival has: one that is released meanwhile is another
    batch's to read.
    """
    batch = Batch.objects.get(pk=batch_id)
    return [] if batch.late_for_id is not None else receive.arrivals_of(batch)


def _about(arrival: Arrival) -> AbstractContextManager[None]:
    """What happens within is about this arrival, for the log."""
    return logs.about(arrival=arrival.reference, customer=arrival.customer.code)


def _examined(arrivals: Sequence[Arrival], folders: Folders, failed: list[_Failed]) -> list[receive.Examined]:
    """Read them, one after the other. One with which we meet a defect of ours is put aside.

    Those that the world fails are added to `failed`.
    """
    at, priced = clock.now(), set[tuple[int, str]]()
    examined = []
    for arrival in arrivals:
        stopping.look()
        if arrival.state != "READING":
            continue
        try:
            with _about(arrival):
                examined.append(receive.examine(arrival, folders, priced, at=at))
        except (WorldError, OSError) as failure:
            failed.append((arrival, failure))
        except DatabaseError:
            raise
        except Exception as defect:  # ours: this file waits for us, the others of the batch go on
            log.exception("arrival %s could not be read", arrival.reference)
            _put_aside(arrival, folders, defect, at=at)
    return examined


def _decided_together(examined: Sequence[receive.Examined]) -> Iterator[list[receive.Examined]]:
    """In file order: plain ones that are neighbours together, every other alone."""
    for is_plain, group in itertools.groupby(examined, key=lambda one: one.is_plain):
        its = list(group)
        yield from [its] if is_plain else [[one] for one in its]


def _decide(examined: Sequence[receive.Examined], folders: Folders, failed: list[_Failed]) -> None:
    """Write down what became of these files. Where that fails together, of each by itself.

    One that the world fails is added to `failed`.
    """
    first = examined[0].arrival
    is_small = first.bytes_count <= LARGE_FILE_BYTES  # what a large one stores has transactions of its own
    try:
        with (
            _about(first) if len(examined) == 1 else nullcontext(),
            transaction.atomic() if is_small else nullcontext(),
        ):
            receive.decide(examined, folders)
    except DatabaseError:
        raise
    except Exception as defect:
        if len(examined) > 1:
            log.warning("each file is decided about by itself now, since together they failed: %s", defect)
            for one in examined:
                _decide([one], folders, failed)
            return
        if isinstance(defect, WorldError | OSError):
            failed.append((first, defect))
            return
        log.exception("arrival %s could not be read", first.reference)
        _put_aside(first, folders, defect, at=examined[0].at)


def _put_aside(arrival: Arrival, folders: Folders, defect: Exception, *, at: datetime) -> None:
    arrival.refresh_from_db()
    _quarantine(arrival, folders, reasons.defect(type(defect).__name__), at=at)


def _all(batch_id: int, do: Callable[[Sequence[Arrival]], object], *, among: Collection[int] = ()) -> None:
    """Do it for the batch's arrivals together. Where that fails, for each by itself: one keeps no other waiting.

    among  keys of those that are meant; all of them where none is given
    """
    arrivals = _arrivals(batch_id, among)
    # No turn where providers are asked (`among`): others do not wait for that.
    with nullcontext() if among or not _are_small(arrivals) else turns.working():
        deliver.prepare(arrivals)
        try:
            with _about(arrivals[0]) if len(arrivals) == 1 else nullcontext():
                do(arrivals)
        except (OperationalError, InterfaceError):  # the database is away, for all of them
            raise
        except Exception as failure:  # raised where it is the only one, or told by `_each`
            if len(arrivals) == 1:
                raise
            log.warning("batch %s: each file by itself now, since together they failed: %s", batch_id, failure)
            _each(_arrivals(batch_id, among), lambda arrival: do([arrival]))


def _are_small(arrivals: Sequence[Arrival]) -> bool:
    return all(arrival.bytes_count <= LARGE_FILE_BYTES for arrival in arrivals)


def _arrivals(batch_id: int, among: Collection[int]) -> list[Arrival]:
    arrivals = receive.arrivals_of(Batch.objects.get(pk=batch_id))
    return [arrival for arrival in arrivals if arrival.pk in among] if among else arrivals


def _each(arrivals: Sequence[Arrival], do: Callable[[Arrival], object]) -> None:
    """Do it for every arrival. One that fails keeps no other waiting: its failure is raised at the end."""
    first: tuple[Arrival, Exception] | None = None
    try:
        for arrival in arrivals:
            stopping.look()
            try:
                with _about(arrival):
                    do(arrival)
            except (OperationalError, InterfaceError):  # the database is away, for all of them
                raise
            except Exception as failure:  # noqa: BLE001  raised at the end
                if first is not None:
                    _tell(arrival, failure)
                first = first or (arrival, failure)
    except BaseException:  # raised in its stead: nothing else would tell the first
        if first is not None:
            _tell(*first)
        raise
    if first is not None:
        raise first[1]


def _tell(arrival: Arrival, failure: Exception) -> None:
    """Log what failed of one file, where another failure is the one that is raised."""
    is_defect = not isinstance(failure, WorldError | OSError)
    log.warning("%s failed as well: %s", arrival.reference, failure, exc_info=failure if is_defect else None)


@_guarded
def acknowledge(batch_id: int) -> None:
    """Plan and publish receipts and rejections."""
    folders = Folders(settings.DATA)

    def tell(arrivals: Sequence[Arrival]) -> None:
        deliver.acknowledge(arrivals, at=clock.now())
        failpoint.hit("batch.acknowledged")
        deliver.publish_all(arrivals, folders)

    _all(batch_id, tell)


@_guarded
def unanswered(batch_id: int, is_told: int) -> list[list[int]]:
    """Ids of the arrivals that are to be fulfilled, as they are asked for. Not `is_told`: of files that were told.

    The engine remembers it. What it remembers of releases that asked portion by portion has another name, so that such
    a batch is begun anew.
    """
    arrivals = receive.arrivals_of(Batch.objects.get(pk=batch_id))
    told = {arrival.pk for arrival in arrivals} if is_told else deliver.acknowledged(arrivals)
    together = fulfilment.together([arrival for arrival in arrivals if arrival.pk in told])
    return [[arrival.pk for arrival in its] for its in together]


@_guarded
def fulfil(batch_id: int, *arrival_ids: int) -> str | None:
    """Ask the providers for these files. PAUSED when some of it waits for a provider that is paused."""
    became: set[bool] = set()
    _all(batch_id, lambda arrivals: became.add(fulfilment.fulfil(arrivals)), among=arrival_ids)
    return PAUSED if False in became else None


@_guarded
def settle(batch_id: int) -> None:
    """Charge, invoice and plan the answers."""

    def charge(arrivals: Sequence[Arrival]) -> None:
        for start in range(0, len(arrivals), SETTLED_TOGETHER_MAX):
            stopping.look()
            with turns.writing():
                settlement.settle_all(arrivals[start : start + SETTLED_TOGETHER_MAX], at=clock.now())

    _all(batch_id, charge)


@_guarded
def publish(batch_id: int) -> None:
    """Write and publish answers and invoice records."""
    folders = Folders(settings.DATA)

    def bring_out(arrivals: Sequence[Arrival]) -> None:
        requests.keep_rows(arrivals)
        deliver.publish_all(arrivals, folders)

    _all(batch_id, bring_out)


@_guarded
def wait_for_providers(batch_id: int) -> None:
    """Rest until a provider is resumed. No failure: the batch keeps no error, and is looked at now and then."""
    with transaction.atomic():
        # Under the lock a resume comes before, and nothing is left to wait for, or after, and wakes this batch.
        until = clock.now() + timedelta(seconds=_BACKOFF_S_MAX) if pauses.lock() else None
        Batch.objects.filter(pk=batch_id).update(error="", not_before=until, attempts_count=0)
        failpoint.hit("batch.paused")


@_guarded
def finish(batch_id: int) -> None:
    """Nothing of this batch is left to do."""
    Batch.objects.filter(pk=batch_id).update(finished_at=clock.now(), error="", not_before=None)
    failpoint.hit("batch.finished")
