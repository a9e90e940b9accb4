"""Publish: files for the customer, from their plan to the outbox. What was published never changes.

    plan      a row: which file, of which arrival, under which name in which folder (`exchange.planning`)
    stage     its bytes, in publish/<id>, where the customer cannot see them; fsync; hash; STAGED
    publish   one rename into the customer's folder; fsync; PUBLISHED

The order is bytes, then name, then state, so that a restart at any point goes on and ends with the same file once.
A name that is there already with the same bytes is ours, from before the restart; with other bytes the delivery is
HELD for an operator, and neither file is touched.
"""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from django.db import transaction
from django.db.models import Q

from cominflow import entered, failpoint, logs
from cominflow.behind import Behind
from cominflow.errors import UsageError, WorldError
from cominflow.exchange import disk, kernel, moves, states
from cominflow.limits import FSYNC_EACH_MAX
from cominflow.models import Arrival, Customer, Delivery

MOVES = states.DELIVERY

# Staged under a name with this ending until the bytes are complete.
_WRITING = ".writing"


@dataclass(frozen=True)
class _Made:
    """The bytes of a delivery under a temporary name."""

    delivery: Delivery
    temporary: Path
    written: disk.Written


@contextmanager
def stage(folders: disk.Folders, delivery: Delivery, *, at: datetime, by: str = "publish") -> Iterator[BinaryIO]:
    """A new file to write the delivery's bytes into; STAGED when the block ends without an exception.

    What is STAGED stays as it is: staged again, the new bytes are thrown away (ask `is_planned` first to save the
    work). One that was published before and is PLANNED again has its hash: other bytes are thrown away, and it is
    HELD. Raises WorldError when the bytes cannot be made durable; the delivery is still PLANNED then.
    """
    with ExitStack() as leftovers:
        made: list[_Made] = []
        with _making(folders, delivery, made, leftovers) as sink:
            yield sink
        _state_staged(folders, made, at=at, by=by)


def stage_all(
    folders: disk.Folders,
    deliveries: Sequence[Delivery],
    write: Callable[[BinaryIO, Delivery], None],
    *,
    at: datetime,
    by: str = "publish",
    side_by_side: bool = False,
) -> set[int]:
    """As `stage`, for many: their bytes are made durable together, and stated in one transaction.

    write         writes the bytes of one delivery
    side_by_side  writes the last one while a second thread is at the others: worth it where they are large

    Returns the keys of those that were staged now.
    """
    with ExitStack() as leftovers:
        made: list[_Made] = []

        def make(delivery: Delivery) -> None:
            about = logs.about(arrival=delivery.arrival.reference, delivery=delivery.reference)
            with about, _making(folders, delivery, made, leftovers) as sink:
                write(sink, delivery)

        with Behind("writing deliveries") as behind:
            for number, delivery in enumerate(deliveries, 1):
                if side_by_side and number < len(deliveries):
                    behind.do(make, delivery)
                else:
                    make(delivery)
        return _state_staged(folders, made, at=at, by=by)


@contextmanager
def _making(folders: disk.Folders, delivery: Delivery, made: list[_Made], leftovers: ExitStack) -> Iterator[BinaryIO]:
    """A file for the bytes, added to `made` when they are written."""
    temporary = folders.publish / f"{delivery.pk}-{secrets.token_hex(8)}{_WRITING}"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as cause:
        raise disk.world_error("write", temporary, cause) from cause
    leftovers.callback(temporary.unlink, missing_ok=True)
    failpoint.hit("publish.opened")
    try:
        with disk.Hashing(io.FileIO(descriptor, "w")) as sink:
            yield sink
            sink.flush()
            os.fchmod(sink.fileno(), 0o440)
    except OSError as cause:
        raise disk.world_error("write", temporary, cause) from cause
    made.append(_Made(delivery, temporary, sink.written))


def _state_staged(folders: disk.Folders, made: Sequence[_Made], *, at: datetime, by: str) -> set[int]:
    """Bytes, then names, then states. Returns the keys of what is STAGED now."""
    if not made:
        return set()
    _make_durable(folders, made)
    failpoint.hit("publish.written")
    rows = Delivery.objects.filter(pk__in=[one.delivery.pk for one in made], state="PLANNED")
    planned = dict(rows.values_list("pk", "sha256"))
    for one in made:
        if one.delivery.pk not in planned:
            is_planned(one.delivery)  # brings it up to date
            continue
        if planned[one.delivery.pk] not in ("", one.written.sha256):  # it was published before, with other bytes
            del planned[one.delivery.pk]
            moves.move(one.delivery, "HELD", at=at, by=by, reason=_other_bytes(one.delivery, one.written))
            continue
        one.temporary.replace(_staged(folders, one.delivery))
        failpoint.hit("publish.staged_name")
        one.delivery.sha256, one.delivery.bytes_count = one.written.sha256, one.written.bytes_count
    disk.fsync_folder(folders.publish)
    failpoint.hit("publish.staged_durable")
    staged = [one.delivery for one in made if one.delivery.pk in planned]
    moves.move_deliveries(staged, "STAGED", at=at, by=by)
    failpoint.hit("publish.staged")
    return {delivery.pk for delivery in staged}


def _make_durable(folders: disk.Folders, made: Sequence[_Made]) -> None:
    if len(made) > FSYNC_EACH_MAX:
        with disk.open_folder(folders.publish) as folder:
            try:
                kernel.sync_file_system(folder.fd)
            except OSError as cause:
                raise disk.world_error("make durable the files in", folders.publish, cause) from cause
        return
    for one in made:
        try:
            with one.temporary.open("rb") as file:
                os.fsync(file.fileno())
        except OSError as cause:
            raise disk.world_error("write", one.temporary, cause) from cause


def is_planned(delivery: Delivery) -> bool:
    """Whether the delivery's bytes are still to be staged, as the database has it now."""
    delivery.refresh_from_db(fields=["state", "sha256", "bytes_count", "reason"])
    return bool(delivery.state == "PLANNED")


def publish(folders: disk.Folders, delivery: Delivery, *, at: datetime, by: str = "publish") -> bool:
    """Put a STAGED delivery (or a HELD one, again) into the customer's folder under its name.

    Returns True when the customer has it, now or from before; False when it is HELD: another file has its name, or
    the staged file is gone. `delivery.reason` says which. Raises UsageError when nothing was staged, WorldError.
    """
    delivery.refresh_from_db(fields=["state", "sha256", "bytes_count", "published_at"])
    if delivery.state in ("PUBLISHED", "RETRIEVED"):
        _staged(folders, delivery).unlink(missing_ok=True)
        return True
    if delivery.state not in ("STAGED", "HELD"):
        hint = "its bytes are staged first" if delivery.state == "PLANNED" else "an operator gave it up"
        raise UsageError(f"delivery {delivery.reference} is {delivery.state} and has nothing to publish", hint=hint)
    publish_all(folders, [delivery], at=at, by=by)
    return bool(delivery.state == "PUBLISHED")


def publish_all(
    folders: disk.Folders,
    deliveries: Sequence[Delivery],
    *,
    at: datetime,
    by: str = "publish",
    hashed: Collection[int] = (),
) -> None:
    """As `publish`, for many that are STAGED or HELD, in this order: one fsync for each folder, one transaction.

    hashed  keys of those that `stage_all` hashed just now: their bytes are not looked at again
    """
    named, held = [], []
    for delivery in deliveries:
        reason = _into_folder(folders, delivery, is_hashed=delivery.pk in hashed)
        if reason:
            held.append((delivery, reason))
        else:
            named.append(delivery)
    # Not `publish/`: should its name come back after a power cut, the next publish finds the customer's file equal.
    for place in sorted({place_of(folders, delivery).parent for delivery in named}):
        disk.fsync_folder(place)
    failpoint.hit("publish.durable")
    with transaction.atomic():
        moves.move_deliveries(named, "PUBLISHED", at=at, by=by, published_at=at)
        for delivery, reason in held:
            moves.move(delivery, "HELD", at=at, by=by, reason=reason)
    failpoint.hit("publish.published")
    for delivery in named:
        # Left over where the customer's folder had the same bytes already.
        _staged(folders, delivery).unlink(missing_ok=True)


def discard(folders: disk.Folders, delivery: Delivery, *, at: datetime, by: str, reason: str) -> None:
    """Give a HELD delivery up. Raises UsageError: another state, or no reason."""
    if not entered.one_line("the reason", reason):
        raise UsageError(f"to discard delivery {delivery.reference} needs a reason", hint="say why the customer waits")
    moves.move(delivery, "DISCARDED", at=at, by=by, reason=reason)
    _staged(folders, delivery).unlink(missing_ok=True)


def retrieved(customer: Customer, folder: str, name: bytes, *, at: datetime) -> bool:
    """Note that the customer read a published file to its end, the first time. Returns whether we know the file."""
    rows = Delivery.objects.filter(Q(state="PUBLISHED") | Q(state="RETRIEVED"), customer=customer, folder=folder)
    delivery = rows.filter(name=name).first()
    if delivery is None:
        return False
    moves.move(delivery, "RETRIEVED", at=at, by=customer.code, retrieved_at=at)
    return True


def recover(folders: disk.Folders, *, at: datetime) -> list[int]:
    """Finish what a killed process had half published; call it at start. Returns the ids that became PUBLISHED.

    A STAGED delivery whose file has already left `publish/` is published again, which only notes it; one that was
    not begun stays for its flow. Files that were being written are removed: their deliveries are PLANNED and staged
    anew.
    """
    for leftover in folders.publish.glob(f"*{_WRITING}"):
        leftover.unlink(missing_ok=True)
        failpoint.hit("publish.tidied")
    found = []
    for delivery in Delivery.objects.filter(state="STAGED").select_related("customer").order_by("pk"):
        if not _staged(folders, delivery).exists() and publish(folders, delivery, at=at):
            found.append(delivery.pk)
    return found


def plan_again(folders: disk.Folders, delivery: Delivery, *, at: datetime, by: str, reason: str) -> None:
    """Plan a delivery once more whose file is gone, under its name and with its hash: only the same bytes go out.

    Joins the caller's transaction. Raises as `demand_gone` does.
    """
    demand_gone(folders, delivery)
    again = {"planned_at": at, "published_at": None, "retrieved_at": None}
    moves.move(delivery, "PLANNED", at=at, by=by, reason=reason, **again)


def demand_gone(folders: disk.Folders, delivery: Delivery) -> None:
    """Prove that a delivery went out, or was about to, and that no file is left of it.

    Raises UsageError: it is on its way, it was given up, or a file has its name (which is never written over);
    WorldError when there is no folder to put it into.
    """
    delivery.refresh_from_db(fields=["state", "sha256", "bytes_count"])
    subject, place = f"delivery {delivery.reference} ({delivery.shown_name})", place_of(folders, delivery)
    if Arrival.objects.filter(pk=delivery.arrival_id, state="PURGED").exists():
        hint = "what it was made from is gone for good; take the file from a backup"
        raise UsageError(f"{subject} belongs to {delivery.arrival.reference}, which was purged", hint=hint)
    there, release = presence(folders, delivery), f"`cominflow arrival release {delivery.arrival.reference}"
    if delivery.state in ("PLANNED", "STAGED"):
        hint = "the engine publishes it; `cominflow run --once` if none runs"
        raise UsageError(f"{subject} is {delivery.state}: it has not gone out yet", hint=hint)
    if delivery.state == "DISCARDED":
        raise UsageError(f"{subject} is DISCARDED: it never went out", hint="its history says who gave it up, and why")
    if there == "other":
        raise UsageError(
            f"{place} is there, and its bytes are not those of {subject}",
            hint="find out who put it there and move it away, then give the command again; nothing is written over",
        )
    if there == "whole" or (delivery.state == "HELD" and _staged(folders, delivery).exists()):
        where = place if there == "whole" else _staged(folders, delivery)
        raise UsageError(
            f"{subject} is {delivery.state}, and its file is there: {where}",
            hint=f"{release} --reason TEXT` publishes it, when it is HELD; else there is nothing to do",
        )
    if not place.parent.is_dir():
        raise WorldError("find", str(place.parent), "the customer's folder is gone", hint="`cominflow init` makes it")


def is_there(folders: disk.Folders, delivery: Delivery) -> bool:
    """Whether it went out and the customer finds it, whole."""
    delivery.refresh_from_db(fields=["state", "sha256", "bytes_count"])
    return delivery.state in ("PUBLISHED", "RETRIEVED") and presence(folders, delivery) == "whole"


def presence(folders: disk.Folders, delivery: Delivery) -> str:
    """What has the delivery's name in the customer's folder: "whole" (its own bytes), "other" or "gone"."""
    place = place_of(folders, delivery)
    if not os.path.lexists(place):
        return "gone"
    return "whole" if holds(place, delivery) else "other"


def _into_folder(folders: disk.Folders, delivery: Delivery, *, is_hashed: bool) -> str:
    """Rename. Returns why not, or an empty text; durable is the name when its folder was fsynced."""
    source = _staged(folders, delivery)
    target = place_of(folders, delivery)
    if source.exists():
        if not is_hashed:
            _verify(source, delivery)
        try:
            disk.rename_noreplace(source, target)
        except disk.NameTaken:
            if not holds(target, delivery):
                return f"another file is called {delivery.shown_name} in {delivery.folder}"
        except disk.NameMissing:
            if target.parent.is_dir():
                raise
            raise WorldError(
                "publish into", str(target.parent), "there is no such folder", retryable=True,
                hint=f"make it again, for the account that runs cominflow: mkdir {target.parent}",
            ) from None  # fmt: skip
        failpoint.hit("publish.renamed")
    elif not target.exists():
        return f"neither the staged file nor {delivery.shown_name} in {delivery.folder} is there"
    elif not holds(target, delivery):
        return f"the staged file is gone, and {delivery.shown_name} in {delivery.folder} has other content"
    return ""


def place_of(folders: disk.Folders, delivery: Delivery) -> Path:
    """Where the customer finds the file."""
    customer = folders.customer(delivery.customer.code)
    return {"outbox": customer.outbox, "receipts": customer.receipts}[delivery.folder] / os.fsdecode(
        bytes(delivery.name)
    )


def _staged(folders: disk.Folders, delivery: Delivery) -> Path:
    return folders.publish / str(delivery.pk)


def holds(place: Path, delivery: Delivery) -> bool:
    """Whether a file at `place` has the bytes that were staged for the delivery."""
    return disk.holds(place, disk.Written(delivery.sha256, delivery.bytes_count))


def _other_bytes(delivery: Delivery, written: disk.Written) -> str:
    return (
        f"made again, it has {written.bytes_count} bytes of sha256 {written.sha256[:12]}…, and {delivery.bytes_count} "
        f"of {delivery.sha256[:12]}… were published: a defect of ours; nothing was put into {delivery.folder}"
    )


def _verify(source: Path, delivery: Delivery) -> None:
    if not holds(source, delivery):
        hint = "the disk changed bytes that were made durable; look at the system's log before anything is sent"
        raise WorldError(
            "publish", str(source), f"its content is not what was staged for {delivery.reference}", hint=hint
        )
