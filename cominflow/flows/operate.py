"""Operate: what an operator does by hand. Each writes rows, with who and why; the engine finds them by state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pyarrow as pa
from django.db import transaction

from cominflow import entered, failpoint, settings
from cominflow.errors import CominflowError, UsageError
from cominflow.exchange import arrivals, feeds, moves, publish, requests
from cominflow.exchange.disk import Folders
from cominflow.exchange.request_states import ANSWERED
from cominflow.exchange.requests import Answers, Place
from cominflow.exchange.states import ARRIVAL_WAITING
from cominflow.flows import contents, repeats
from cominflow.models import Arrival, Batch, Delivery


def release(arrival_id: int, *, by: str, reason: str, at: datetime, changed_only: bool = False) -> None:
    """Let a duplicate, quarantined or held file through: it is read again. See `arrivals.release`.

    changed_only  of a duplicate: requests that were accepted before, and say the same, are refused as repeated

    Of a file that went its way, deliveries that are HELD are tried again: what stood in their place may be gone.
    """
    arrival = Arrival.objects.get(pk=arrival_id)
    if arrival.state not in ARRIVAL_WAITING and arrival.deliveries.filter(state="HELD").exists():
        with transaction.atomic():
            moves.record(arrival.reference, "HELD deliveries released", at=at, by=by, reason=reason)
            Batch.objects.create(created_at=at, late_for=arrival)
        return
    _demand_receipt(arrival)
    if changed_only:
        _demand_repeat(arrival)
    repeat_as = repeats.CHANGED if changed_only else repeats.ANEW
    arrivals.release(Folders(settings.DATA), arrival, at=at, by=by, reason=reason, repeat_as=repeat_as)


def _demand_repeat(arrival: Arrival) -> None:
    """Only a repeat has something that did not change, and its customer must have a word for that."""
    if arrival.state != "DUPLICATE":
        raise UsageError(
            f"arrival {arrival.reference} is {arrival.state}, not DUPLICATE: it was not received before",
            hint="release it without --changed-only; the feed's `repeats` say what becomes of its requests",
        )
    version = feeds.current(arrival.customer, bytes(arrival.name))
    feed = None if version is None else feeds.load(version)
    if feed is not None and feed.outcomes and "repeated" not in feed.outcomes:
        raise UsageError(
            f"the feed of arrival {arrival.reference} has no code for `repeated`, which its requests would be answered",
            hint='agree one with the customer, publish the feed with repeated = "…" in `outcomes`, and release it then',
        )


def discard(arrival_id: int, *, by: str, reason: str, at: datetime) -> None:
    """Decide that a duplicate, quarantined or held file will not be processed. See `arrivals.discard`."""
    arrival = Arrival.objects.get(pk=arrival_id)
    _demand_receipt(arrival)
    arrivals.discard(arrival, at=at, by=by, reason=reason)


def _demand_receipt(arrival: Arrival) -> None:
    """Each reading has its receipt: the customer is told what became of the file before a person changes that."""
    if arrival.state not in ARRIVAL_WAITING:
        return
    receipts = arrival.deliveries.filter(kind="receipt", number=arrival.readings_count)
    if not receipts.exists() or receipts.filter(state__in=("PLANNED", "STAGED")).exists():
        raise UsageError(
            f"the receipt of arrival {arrival.reference} has not gone out yet",
            hint="let the engine run (`cominflow run --once` if none does), then give the command again",
        )


def republish(delivery: Delivery, *, by: str, reason: str, at: datetime) -> bool:
    """Have a file that is gone from the customer's folder made again, with the same bytes under the same name.

    Whatever took it away; what is there is never touched. The bytes are made here once and thrown away, so that a
    difference is known before anything is planned; the engine makes them once more and publishes them.

    Returns False when the file is there, whole. Raises UsageError (another file has its name, it has not gone out, no
    reason), WorldError when its folder is missing, CominflowError when its bytes come out otherwise.
    """
    if not entered.one_line("the reason", reason):
        raise UsageError(f"to publish {delivery.reference} again needs a reason", hint="say how the file was lost")
    folders = Folders(settings.DATA)
    if publish.is_there(folders, delivery):
        return False
    publish.demand_gone(folders, delivery)
    _demand_same_bytes(delivery, folders)
    with transaction.atomic():
        publish.plan_again(folders, delivery, at=at, by=by, reason=reason.strip())
        Batch.objects.create(created_at=at, late_for=delivery.arrival)
        failpoint.hit("operate.republished")
    return True


def _demand_same_bytes(delivery: Delivery, folders: Folders) -> None:
    """Refuse what cannot be made again as it was."""
    from cominflow.flows import deliver  # templates and layouts: only when a file is made

    readings = delivery.arrival.readings_count
    if delivery.kind in ("receipt", "rejection") and delivery.number != readings:
        raise UsageError(
            f"{delivery.reference} tells of reading {delivery.number} of {delivery.arrival.reference}, and what was "
            f"found in it gave way to reading {readings}",
            hint=f"`cominflow delivery list --arrival {delivery.arrival.reference}` has the one of reading {readings}",
        )
    made = deliver.made_again(delivery, folders)
    if made.sha256 != delivery.sha256:
        raise CominflowError(
            f"made again, {delivery.reference} ({delivery.shown_name}) has {made.bytes_count} bytes of sha256 "
            f"{made.sha256}, and {delivery.bytes_count} of {delivery.sha256} were published: a defect of ours",
            hint="nothing was changed: report it with these lines, and take the file from a backup",
        )


def _demand_unanswered(now: Place) -> None:
    """Say who answered, and what can be done: the table of moves knows neither."""
    if now.state == ANSWERED:
        raise UsageError(
            f"request {now.name} is ANSWERED already: {now.outcome}, by {now.answered_by}",
            hint=f"an answer by hand that has not gone out is taken back with `cominflow work undo {now.name} --reason "
            "TEXT`; then give the new one",
        )


def answer(place: Place, outcome: str, result: Mapping[str, object], *, by: str, at: datetime) -> None:
    """Answer one open request by hand. It goes out in a further, numbered delivery of its arrival.

    Raises UsageError when the request is not open, or the result does not fit the customer's layout.
    """
    from cominflow.flows import why_open
    from cominflow.flows.fulfil import misfits  # pandas: only when an answer is given

    answers = Answers(
        positions=np.array([place.position]),
        states=np.array(["ANSWERED"]),
        outcomes=np.array([outcome]),
        results=pa.Table.from_pylist([dict(result)]),
        by=by,
    )
    with transaction.atomic():
        arrival = Arrival.objects.select_for_update().get(pk=place.arrival_id)
        _demand_unanswered(requests.place(arrival, place.position))
        layout = contents.layout_of(arrival)
        for path in misfits(layout, answers):
            field = layout.field(path)
            takes = why_open.takes(field, layout.file.codec)
            raise UsageError(
                f"{field.origin} does not fit {path} ({takes}) of the customer's layout",
                hint="give a value that the field takes, as the contract says, or answer with --outcome failed",
            )
        requests.store(place, answers, at=at)
        moves.record(place.name, "answered", at=at, by=by, reason=outcome)
        # A batch that has not begun will see this answer; the lock makes a beginning one wait for our commit.
        late = Batch.objects.select_for_update().filter(late_for=arrival, finished_at=None, attempts_count=0)
        if not late.exists():
            Batch.objects.create(created_at=at, late_for=arrival)
        failpoint.hit("operate.answered")
