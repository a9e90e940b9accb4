"""Queues: what waits at each stretch of the journey, and for how long."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cominflow import shown
from cominflow.cli import showing
from cominflow.cli.doctor.finding import Finding, Looked, ok, problem, span, warning
from cominflow.limits import (
    DELIVERY_WAIT_S_MAX,
    INBOX_WAIT_S_MAX,
    LEFTOVER_S_MAX,
    OPEN_S_MAX,
    PERSON_WAIT_S_MAX,
    PROVIDER_WAIT_S_MAX,
    READING_S_MAX,
)

# So many of one kind are told one by one.
_TOLD_MAX = 5


def inboxes(looked: Looked) -> Iterator[Finding]:
    """The oldest file of each inbox, and what is never taken."""
    from cominflow.exchange import disk, inbox
    from cominflow.models import Customer

    oldest_s, waiting = 0.0, 0
    for code in Customer.objects.order_by("code").values_list("code", flat=True):
        place = looked.folders.customer(code).inbox
        if not place.is_dir():
            yield problem(
                "inbox",
                place,
                "it is not there",
                why=f"{code} cannot send",
                do=f"make it again: `cominflow init` ({code})",
            )
            continue
        with disk.open_folder(place) as opened:
            scan = inbox.candidates(opened.fd, at=looked.at)
        waiting += len(scan.candidates)
        for first in scan.candidates[:1]:
            age_s = looked.at.timestamp() - first.changed_ns / 1e9
            oldest_s = max(oldest_s, age_s)
            if age_s > INBOX_WAIT_S_MAX:
                yield problem(
                    "inbox", place,
                    f"{len(scan.candidates)} files, the oldest for {span(age_s)}: {shown.name(first.name)}",
                    why="the engine takes a file within seconds, unless somebody still holds it open for writing",
                    do="see that the engine runs and what its log says of this inbox; `lsof` tells who writes the file",
                )  # fmt: skip
        for one in scan.ignored[:_TOLD_MAX]:
            yield warning(
                "inbox", place, f"{shown.name(one.name)}: {one.why}", why="it is never taken",
                do="ask the customer to rename or remove it",
            )  # fmt: skip
    if oldest_s <= INBOX_WAIT_S_MAX:
        yield ok("inbox", looked.folders.customers, f"{waiting} files wait, the oldest for {span(oldest_s)}")


def arrivals(looked: Looked) -> Iterator[Finding]:
    """Files that are being claimed or read, and those that wait for a person."""
    from cominflow.models import Arrival

    yield from _old(
        looked, "reading", Arrival.objects.filter(state__in=("CLAIMING", "CLAIMED", "READING")), "claimed_at",
        READING_S_MAX, why="the largest file is read within minutes",
        do="see `cominflow status` under failing, and the engine's log",
    )  # fmt: skip
    yield from _old(
        looked, "files set aside", Arrival.objects.filter(state__in=("HELD", "QUARANTINED")), "claimed_at",
        PERSON_WAIT_S_MAX, why="the customer waits, and only a person can decide",
        do="see why in `cominflow arrival list --state HELD --state QUARANTINED`, then release or discard each",
    )  # fmt: skip


def requests(looked: Looked) -> Iterator[Finding]:
    """Requests that no provider has answered, and those that wait for a person."""
    from django.db.models import Exists, OuterRef

    from cominflow.models import Arrival, Chunk, Request

    queued = Arrival.objects.filter(state="QUEUED")
    for what, rows, chunk, seconds, why, do in (
        (
            "requests waiting", {"state": "WAITING"}, {"waiting_count__gt": 0}, PROVIDER_WAIT_S_MAX,
            "their provider does not answer", "see `cominflow status` under failing, and put the provider right",
        ),
        (
            "requests open", {"state": "OPEN"}, {"open_count__gt": 0}, OPEN_S_MAX,
            "only a person can answer them", "see `cominflow work list`",
        ),
    ):  # fmt: skip
        own = Exists(Request.objects.filter(arrival=OuterRef("pk"), **rows))
        large = Exists(Chunk.objects.filter(arrival=OuterRef("pk"), **chunk))
        yield from _old(looked, what, queued.filter(own | large), "accepted_at", seconds, why=why, do=do)


def deliveries(looked: Looked) -> Iterator[Finding]:
    """Deliveries on their way out, and those that cannot go."""
    from cominflow.models import Delivery

    yield from _old(
        looked, "deliveries", Delivery.objects.filter(state__in=("PLANNED", "STAGED")), "planned_at",
        DELIVERY_WAIT_S_MAX, why="the customer's answer is settled and not published",
        do="see `cominflow status` under failing, and the engine's log",
    )  # fmt: skip
    for held in Delivery.objects.filter(state="HELD").select_related("arrival", "customer").order_by("pk")[:_TOLD_MAX]:
        yield problem(
            "deliveries", held.reference,
            f"{held.folder}/{held.shown_name} of {held.customer.code} is held: {held.reason}",
            why="the customer does not get it",
            do=f"move what has its name away, then `cominflow arrival release {held.arrival.reference} --reason TEXT`",
        )  # fmt: skip


def batches(looked: Looked) -> Iterator[Finding]:
    """Batches whose last try failed."""
    from cominflow.flows import waiting
    from cominflow.models import Batch

    failing = Batch.objects.filter(finished_at=None).exclude(error="").order_by("pk")
    for batch in failing[:_TOLD_MAX]:
        error, _, hint = batch.error.partition("\n  do: ")
        when = f"it is tried again at {showing.text_of(batch.not_before)}" if batch.not_before else "it is tried again"
        often = "once" if batch.failures_count == 1 else f"{batch.failures_count} times"
        yield problem(
            "batches", f"batch {batch.pk}", f"{waiting.files_of(batch) or 'it'} failed {often}: {error}",
            why=f"its files wait; {when}", do=hint or "see the engine's log",
        )  # fmt: skip
    count = failing.count()
    if count > _TOLD_MAX:
        yield problem(
            "batches", "all", f"{count - _TOLD_MAX} more fail", why="their files wait", do="see `cominflow status`"
        )
    if not count:
        yield ok("batches", "all", "none fails")


def leftovers(looked: Looked) -> Iterator[Finding]:
    """Files between two steps that nobody will come back for."""
    from cominflow.models import Arrival

    limit = looked.at - timedelta(seconds=LEFTOVER_S_MAX)
    spool = [path.name for path in looked.folders.spool.iterdir() if not path.name.startswith("probe-")]
    known: set[str] = set()
    for start in range(0, len(spool), 500):
        known |= set(Arrival.objects.filter(claim_id__in=spool[start : start + 500]).values_list("claim_id", flat=True))
    found = [looked.folders.spool / name for name in spool if name not in known]
    found += [path for home in looked.folders.staging.iterdir() if home.is_dir() for path in home.iterdir()]
    found += list(looked.folders.publish.glob("*.writing")) + list(looked.folders.spool.glob("probe-*"))
    old = [path for path in found if _changed(path) < limit]
    for path in old[:_TOLD_MAX]:
        yield warning(
            "leftovers", path, f"it lies there since {_changed(path):%Y-%m-%d}",
            why="nobody works on it; it takes space",
            do="it is tidied at the next start: systemctl restart cominflow-engine cominflow-sftp",
        )  # fmt: skip
    if not old:
        yield ok("leftovers", looked.folders.data, "none")


def _old(looked: Looked, what: str, rows: Any, since: str, seconds: float, *, why: str, do: str) -> Iterator[Finding]:
    """One finding for all rows of a queue: how many there are, and how old the oldest is."""
    count, first = rows.count(), rows.order_by(since, "pk").first()
    if first is None:
        yield ok(what, "all", "none")
        return
    age_s = (looked.at - getattr(first, since)).total_seconds()
    told = f"{count}, the oldest {first.reference} for {span(age_s)}"
    yield problem(what, first.reference, told, why=why, do=do) if age_s > seconds else ok(what, "all", told)


def _changed(path: Path) -> datetime:
    """When a file was last changed; long ahead when it is gone."""
    from datetime import UTC

    try:
        return datetime.fromtimestamp(os.lstat(path).st_ctime, UTC)
    except FileNotFoundError:
        return datetime.max.replace(tzinfo=UTC)
