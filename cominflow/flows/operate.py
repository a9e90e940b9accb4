"""Operate: what an operator does by hand. Each writes rows, with who and why; the engine finds them by state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pyarrow as pa
from django.db import transaction

from cominflow import failpoint, settings
from cominflow.errors import UsageError
from cominflow.exchange import arrivals, moves, requests
from cominflow.exchange.disk import Folders
from cominflow.exchange.requests import Answers, Place
from cominflow.exchange.states import ARRIVAL_WAITING
from cominflow.flows import contents
from cominflow.models import Arrival, Batch


def release(arrival_id: int, *, by: str, reason: str, at: datetime) -> None:
    """Let a duplicate, quarantined or held file through: it is read again. See `arrivals.release`.

    Of a file that went its way, deliveries that are HELD are tried again: what stood in their place may be gone.
    """
    arrival = Arrival.objects.get(pk=arrival_id)
    if arrival.state not in ARRIVAL_WAITING and arrival.deliveries.filter(state="HELD").exists():
        with transaction.atomic():
            moves.record(arrival.reference, "HELD deliveries released", at=at, by=by, reason=reason)
            Batch.objects.create(created_at=at, late_for=arrival)
        return
    _demand_receipt(arrival)
    arrivals.release(Folders(settings.DATA), arrival, at=at, by=by, reason=reason)


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


def answer(place: Place, outcome: str, result: Mapping[str, object], *, by: str, at: datetime) -> None:
    """Answer one open request by hand. It goes out in a further, numbered delivery of its arrival.

    Raises UsageError when the request is not open, or the result does not fit the customer's layout.
    """
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
        for path in misfits(arrival, answers):
            field = contents.layout_of(arrival).field(path)
            raise UsageError(
                f"{field.origin} does not fit {path} ({field.base}, {field.length} bytes) of the customer's layout",
                hint="shorten it as the contract says, or answer with --outcome failed",
            )
        requests.store(place, answers, at=at)
        # A batch that has not begun will see this answer; the lock makes a beginning one wait for our commit.
        late = Batch.objects.select_for_update().filter(late_for=arrival, finished_at=None, attempts_count=0)
        if not late.exists():
            Batch.objects.create(created_at=at, late_for=arrival)
        failpoint.hit("operate.answered")
