"""Pulse: what is where and what waits, cheaply enough to be asked every second while the engine works.

Counters of a chunk stand behind its blobs, and reading them all means reading the blobs: `cominflow status` does that
once. Here a chunk counts as waiting until all of it was asked, which its state says, and only chunks with open
requests, which an index names, are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, Sum

from cominflow.exchange import request_states
from cominflow.limits import CHUNK_REQUESTS
from cominflow.models import Arrival, Batch, Chunk, Delivery, Request

# Whose requests are counted: the file was accepted.
_ACCEPTED = ("QUEUED", "ANSWERED", "CLOSED", "PURGED")


@dataclass(frozen=True)
class Waiting:
    """The oldest arrival of a kind of waiting: which, and since when."""

    arrival: str
    file: str
    state: str
    since: datetime


@dataclass(frozen=True)
class Failing:
    """A batch whose last try failed."""

    batch: int
    error: str
    tried_again_at: datetime | None


@dataclass(frozen=True)
class Pulse:
    """One look.

    files, deliveries  state -> how many there are
    requests           "read" (of files being read), "waiting" (for their provider), "open", "done"
    unfinished_files   files that the engine has not brought to an end, those of late answers included
    oldest_waiting     the file that has been with us longest without the engine having done its part
    oldest_open        the file that has been waiting longest for a person's answer
    """

    at: datetime
    files: Mapping[str, int]
    requests: Mapping[str, int]
    deliveries: Mapping[str, int]
    unfinished_files: int
    oldest_waiting: Waiting | None
    oldest_open: Waiting | None
    failing: tuple[Failing, ...]


def look(at: datetime) -> Pulse:
    """Count. Locks nothing and writes nothing; raises what the database raises."""
    unfinished = Batch.objects.filter(finished_at=None)
    in_work = Arrival.objects.filter(batch__in=unfinished)
    late = unfinished.exclude(late_for=None)
    rows = Request.objects.filter(state=request_states.OPEN).values("arrival_id")
    chunks = Chunk.objects.filter(open_count__gt=0).values("arrival_id")
    return Pulse(
        at=at,
        files=_by_state(Arrival),
        requests=_requests(),
        deliveries=_by_state(Delivery),
        unfinished_files=in_work.count() + late.values("late_for").distinct().count(),
        oldest_waiting=_oldest(in_work, "claimed_at"),
        oldest_open=_oldest(Arrival.objects.filter(Q(pk__in=rows) | Q(pk__in=chunks)), "accepted_at"),
        failing=tuple(
            Failing(batch.pk, batch.error, batch.not_before) for batch in unfinished.exclude(error="").order_by("pk")
        ),
    )


def _by_state(model: Any) -> dict[str, int]:
    return dict(model.objects.order_by("state").values_list("state").annotate(Count("pk")))


def _requests() -> dict[str, int]:
    live = Arrival.objects.filter(state="QUEUED")
    rows = dict(Request.objects.filter(arrival__in=live).values_list("state").order_by("state").annotate(Count("pk")))
    unasked = Chunk.objects.filter(arrival__in=live).exclude(state="FULFILLED").count() * CHUNK_REQUESTS
    accepted = Arrival.objects.filter(state__in=_ACCEPTED).aggregate(count=Sum("requests_count"))["count"] or 0
    counts = {
        "read": Chunk.objects.filter(arrival__state="READING").count() * CHUNK_REQUESTS,
        "waiting": rows.get(request_states.WAITING, 0) + unasked,
        "open": rows.get(request_states.OPEN, 0)
        + (Chunk.objects.filter(open_count__gt=0).aggregate(count=Sum("open_count"))["count"] or 0),
    }
    # The last chunk of a file is smaller than the others, so "waiting" may say too much; "done" never less than none.
    counts["waiting"] = min(counts["waiting"], accepted)
    return {**counts, "done": max(0, accepted - counts["waiting"] - counts["open"])}


def _oldest(rows: Any, instant: str) -> Waiting | None:
    since = rows.aggregate(since=Min(instant))["since"]
    if since is None:
        return None
    found = rows.filter(**{instant: since}).only("name", "state").order_by("pk").first()
    return None if found is None else Waiting(found.reference, found.shown_name, found.state, since)
