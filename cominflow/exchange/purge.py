"""Purge: take the bytes of arrivals away whose retention has ended. The facts stay: hash, names, counts, money, events.

    PURGED (event: who, when, why) → contents in the database → files → the step `purged` is done

The row says it before a byte goes, and the step is noted when the last one is gone: killed in between, the arrival is
`unfinished`, and purging it again goes on. What is removed cannot be brought back but from a backup.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from cominflow import failpoint
from cominflow.errors import UsageError
from cominflow.exchange import archive, disk, moves, publish
from cominflow.exchange.stored import reference_runs
from cominflow.limits import PURGE_CHUNKS, PURGE_DAYS_MIN
from cominflow.models import (
    Arrival,
    Batch,
    Chunk,
    ChunkPayload,
    Customer,
    Delivery,
    Once,
    Overlay,
    Request,
    WorkAssignment,
)

STEP = "purged"
_OUT = ("PUBLISHED", "RETRIEVED", "DISCARDED")


def before(at: datetime, days_count: int) -> datetime:
    """The instant before which an arrival has to have ended. Raises UsageError for fewer days than it takes.

    The archive keeps originals by month and content: what is purged must be of a month in which nothing comes in.
    """
    if days_count < PURGE_DAYS_MIN:
        raise UsageError(
            f"{days_count} days are too few",
            hint=f"the archive of the last months is in use: {PURGE_DAYS_MIN}d at least",
        )
    return at - timedelta(days=days_count)


def due(ended_before: datetime, *, customer: Customer | None = None) -> QuerySet[Arrival]:
    """Arrivals that are CLOSED, DISCARDED or REFUSED since before an instant, with nothing on its way; by key."""
    ended = Q(state__in=("CLOSED", "DISCARDED"), closed_at__lt=ended_before)
    ended |= Q(state="REFUSED", batch__finished_at__lt=ended_before)
    unpublished = Delivery.objects.filter(arrival=OuterRef("pk")).exclude(state__in=_OUT)
    late = Batch.objects.filter(late_for=OuterRef("pk"), finished_at=None)
    rows = Arrival.objects.filter(ended, ~Exists(unpublished), ~Exists(late), claimed_at__lt=ended_before)
    return _of(rows, customer)


def unfinished(*, customer: Customer | None = None) -> QuerySet[Arrival]:
    """Arrivals whose purge was begun and did not come to its end; by key."""
    done = Once.objects.filter(arrival=OuterRef("pk"), step=STEP)
    return _of(Arrival.objects.filter(~Exists(done), state="PURGED"), customer)


def purge(folders: disk.Folders, arrival: Arrival, *, at: datetime, by: str, reason: str) -> bool:
    """Purge one arrival, or go on where it was interrupted. Safe at any time beside the engine, and again.

    Returns True when all is gone; False when its original has to stay, because a file of the same month
    has not been read yet and may have the same content: then it stays `unfinished`. Raises UsageError for an
    arrival that is not at its end, WorldError when a file cannot be removed.
    """
    with transaction.atomic():
        Arrival.objects.select_for_update().only("pk").get(pk=arrival.pk)
        if arrival.deliveries.exclude(state__in=_OUT).exists():
            hint = "let the engine publish it (`cominflow run --once` if none runs), then give the command again"
            raise UsageError(f"a file of {arrival.reference} has not gone out yet", hint=hint)
        moves.move(arrival, "PURGED", at=at, by=by, reason=reason, head=None, tail=None, report=None)
    failpoint.hit("purge.stated")
    _empty(arrival)
    _clear_folders(folders, arrival)
    if not _remove_original(folders, arrival):
        return False
    Once.objects.get_or_create(arrival=arrival, step=STEP, defaults={"done_at": at})
    failpoint.hit("purge.noted")
    return True


def _of(rows: QuerySet, customer: Customer | None) -> QuerySet:
    rows = rows.select_related("customer").defer("head", "tail", "report").order_by("pk")
    return rows if customer is None else rows.filter(customer=customer)


def _empty(arrival: Arrival) -> None:
    """Take the contents of requests out of their rows; a few at a time, so that nobody waits long for the database."""
    keys = list(Chunk.objects.filter(arrival=arrival).order_by("ordinal").values_list("pk", flat=True))
    for start in range(0, len(keys), PURGE_CHUNKS):
        with transaction.atomic():
            some = keys[start : start + PURGE_CHUNKS]
            Overlay.objects.filter(chunk_id__in=some).delete()
            ChunkPayload.objects.filter(pk__in=some).delete()
            Chunk.objects.filter(pk__in=some).update(result=None)
        failpoint.hit("purge.chunks_emptied")
    reference_runs.remove(arrival)
    failpoint.hit("purge.references_removed")
    with transaction.atomic():
        WorkAssignment.objects.filter(arrival=arrival).delete()
        Request.objects.filter(arrival=arrival).update(payload=b"", result=None, reference_hash=None)
    failpoint.hit("purge.rows_emptied")


def _clear_folders(folders: disk.Folders, arrival: Arrival) -> None:
    """Remove what lies outside the archive: its place in quarantine, and our files that the customer left lying."""
    touched = {_remove(path) for path in _copies(folders, arrival)}
    quarantined = folders.quarantine / arrival.reference
    try:
        quarantined.rmdir()
        touched = (touched - {quarantined}) | {folders.quarantine}
    except FileNotFoundError:
        touched.discard(quarantined)
    except OSError as cause:
        raise disk.world_error("remove", quarantined, cause) from cause
    failpoint.hit("purge.folders_cleared")
    for folder in sorted(folder for folder in touched if folder is not None):
        disk.fsync_folder(folder)


def _copies(folders: disk.Folders, arrival: Arrival) -> Iterator[Path]:
    yield from (folders.quarantine / arrival.reference / name for name in ("payload", "reason.json"))
    yield folders.spool / arrival.claim_id
    for delivery in arrival.deliveries.exclude(sha256="").select_related("customer"):
        yield folders.publish / str(delivery.pk)
        place = publish.place_of(folders, delivery)
        # Only what we put there: the customer's own file may have come to stand under the name.
        if publish.holds(place, delivery):
            yield place


def _remove(path: Path) -> Path | None:
    """Remove a file. Returns its folder, which is to be fsynced; None when it was not there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return None
    except OSError as cause:
        raise disk.world_error("remove", path, cause) from cause
    return path.parent


def _remove_original(folders: disk.Folders, arrival: Arrival) -> bool:
    """Remove the original from the archive, unless another arrival has it there. False: it cannot be said yet."""
    if not arrival.sha256:
        return True
    begin = arrival.claimed_at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = (begin + timedelta(days=32)).replace(day=1)
    same_month = Arrival.objects.filter(claimed_at__gte=begin, claimed_at__lt=end).exclude(state="PURGED")
    if same_month.filter(sha256=arrival.sha256).exists():
        return True
    if same_month.filter(sha256="").exclude(state__in=("VANISHED", "DISCARDED")).exists():
        return False
    place = archive.place_of(folders, arrival, arrival.sha256)
    folder = _remove(place)
    failpoint.hit("purge.original_removed")
    if folder is not None:
        disk.fsync_folder(folder)
    return True
