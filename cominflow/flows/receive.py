"""Receive: from a claimed file to queued requests, or to the reason why not.

    identify   CLAIMED: hash, keep the original; READING, or DUPLICATE when its content is here already
    read       READING: QUEUED, REFUSED, QUARANTINED or HELD, with every finding counted

A large file's requests are stored chunk by chunk, each in a transaction of its own, under an arrival that nobody
sees; only the last, small transaction moves it to QUEUED. That instant is the acceptance: it fixes the prices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
from django.db import transaction

from cominflow import clock, failpoint
from cominflow.exchange import archive, arrivals, feeds, payload, quarantine, requests
from cominflow.exchange.arrivals import move
from cominflow.exchange.disk import Folders
from cominflow.exchange.feed import Feed
from cominflow.exchange.requests import Incoming
from cominflow.flows import portions
from cominflow.limits import CHUNK_REQUESTS, REQUESTS_AS_ROWS_MAX
from cominflow.models import Arrival, Batch, FeedVersion, LayoutVersion, Once, Service
from cominflow.pricing import prices
from tracciati.findings import refuses_file
from tracciati.layout import Layout
from tracciati.reading import Block, Reading
from tracciati.report import Report

READER = "reader"
UNVERIFIABLE = "TR-T402"


def arrivals_of(batch: Batch) -> list[Arrival]:
    """The arrivals that a batch works on, in the order they were claimed."""
    if batch.late_for_id is not None:
        return [Arrival.objects.select_related("customer").get(pk=batch.late_for_id)]
    return list(batch.arrivals.select_related("customer").order_by("pk"))


def identify(batch: Sequence[Arrival], folders: Folders, *, at: datetime) -> None:
    """Hash the files of a batch, keep their bytes in the archive, and set those aside whose content is here already."""
    claimed = [arrival for arrival in batch if arrival.state == "CLAIMED"]
    kept = archive.keep_all(folders, claimed)
    with transaction.atomic():
        for arrival, written in zip(claimed, kept, strict=True):
            arrivals.begin_reading(arrival, written=written, at=at, by=READER)
    failpoint.hit("receive.identified")
    for arrival in batch:
        if arrival.sha256:
            archive.clear_spool(folders, arrival)


@dataclass
class _Outline:
    """The records that belong to no request: those before the first one (the head), and all others (the tail)."""

    head: bytearray = field(default_factory=bytearray)
    tail: bytearray = field(default_factory=bytearray)
    has_units: bool = False

    def add(self, block: Block) -> None:
        """Take them out of a block, in file order."""
        for first, stop in portions.outside_units(block):
            is_head = not self.has_units and (not len(block.units) or stop <= block.units[0, 0])
            target = self.head if is_head else self.tail
            target += block.raw(first, stop)
        self.has_units = self.has_units or len(block.units) > 0


def read(arrival: Arrival, folders: Folders, *, at: datetime) -> None:
    """Read an identified file with the layout of its own date, store its requests and decide about it."""
    if arrival.state != "READING":
        return
    version = feeds.current(arrival.customer, bytes(arrival.name))
    if version is None:
        known = "; ".join(feeds.names_of(arrival.customer)) or "none is published"
        reason = f"no feed takes a file of this name; the names agreed: {known}"
        quarantine.put(folders, arrival, reason=reason, at=at)
        failpoint.hit("receive.quarantined")
        _set_aside(arrival, "QUARANTINED", reason, at=at)
        return
    feed = feeds.load(version)
    source = archive.locate(folders, arrival)
    layout_version, layout, reference_date = _layout(version, source)
    arrival.feed_version, arrival.layout_version, arrival.reference_date = version, layout_version, reference_date
    if layout_version is None or layout is None:
        _set_aside(arrival, "HELD", f"no layout of this feed is valid on {reference_date}", at=at)
        return
    reading = Reading(
        source, layout, direction="request", unit=feed.request.unit, reveal=True, source_name=arrival.shown_name
    )
    outline = _Outline()
    stored, small, unpriced = _store(arrival, _good_units(reading, layout, feed, outline), at=at)
    failpoint.hit("receive.read")
    _decide(arrival, feed, reading.report, outline, small, stored=stored, unpriced=unpriced, at=at)


def _layout(version: FeedVersion, source: Path) -> tuple[LayoutVersion | None, Layout | None, date | None]:
    """The newest layout version that was valid at the file's own date, and that date."""
    day: date | None = None
    for layout_version, layout in feeds.layouts(version):  # newest first
        day = _reference_date(source, layout)
        if layout.valid_from is None or (day or clock.today()) >= layout.valid_from:
            return layout_version, layout, day
    return None, None, day


def _reference_date(source: Path, layout: Layout) -> date | None:
    """The date that the file gives itself, as this layout reads it; None when it has none, or it cannot be read."""
    record, _, name = layout.file.reference_date.partition(".")
    if not record:
        return None
    block = next(iter(Reading(source, layout, direction="request")), None)
    table = block.tables.get(record) if block is not None else None
    if table is None or not len(table.rows):
        return None
    value: date | None = table.columns[name][0].as_py()
    return value


def _good_units(reading: Reading, layout: Layout, feed: Feed, outline: _Outline) -> Iterator[Incoming]:
    for block in reading:
        outline.add(block)
        incoming = portions.of_block(block, layout, feed)
        if incoming is not None:
            yield incoming


def _store(arrival: Arrival, incoming: Iterator[Incoming], *, at: datetime) -> tuple[int, Incoming | None, set[str]]:
    """Store what is more than rows take as chunks; give back what is few enough to be rows.

    Returns (requests counted, the few or None, services without a price for this customer).
    """
    count, unpriced = 0, set[str]()
    for ordinal, portion in enumerate(portions.in_sizes(incoming, CHUNK_REQUESTS)):
        unpriced |= _unpriced(arrival, portion, at=at)
        if ordinal == 0 and len(portion) <= REQUESTS_AS_ROWS_MAX:
            return len(portion), portion, unpriced
        with transaction.atomic():
            requests.add(arrival, ordinal, count, portion)
        failpoint.hit("receive.chunk_stored")
        count += len(portion)
    return count, None, unpriced


def _unpriced(arrival: Arrival, portion: Incoming, *, at: datetime) -> set[str]:
    """Services asked for that this customer has no price for: unknown ones too."""
    codes = set(pc.unique(portion.services).to_pylist())
    known = Service.objects.filter(code__in=codes)
    return codes - {service.code for service in known if prices.price_at(arrival.customer, service, at) is not None}


def _decide(
    arrival: Arrival,
    feed: Feed,
    report: Report,
    outline: _Outline,
    small: Incoming | None,
    *,
    stored: int,
    unpriced: set[str],
    at: datetime,
) -> None:
    """The last transaction of the reading: requests become visible, or the file is refused with its report."""
    state, reason = verdict(feed, report, unpriced)
    found: dict[str, Any] = {
        "feed_version": arrival.feed_version,
        "layout_version": arrival.layout_version,
        "reference_date": arrival.reference_date,
        "records_count": report.records_count,
        "rejected_count": report.units_bad_count,
        "report": payload.seal(report.to_json(indent=None).encode()),
    }
    with transaction.atomic():
        if state == "QUEUED":
            if small is not None:
                requests.add(arrival, None, 0, small)
            requests.write_references(arrival)
            Once.objects.create(arrival=arrival, step="accepted", done_at=at)
            found |= {
                "requests_count": stored,
                "accepted_at": at,
                "head": payload.seal(bytes(outline.head)),
                "tail": payload.seal(bytes(outline.tail)),
            }
        else:
            requests.discard(arrival)
        move(arrival, state, at=at, by=READER, reason=reason, **found)
        failpoint.hit("receive.decided")


def verdict(feed: Feed, report: Report, unpriced: set[str]) -> tuple[str, str]:
    """(state, reason) of a file that was read: the feed's policy applied to its report. Pure."""
    against = {code for (code, _), severity in report.severities.items() if severity == "error" and refuses_file(code)}
    if against == {UNVERIFIABLE} and feed.unverifiable_total != "reject-file":
        if feed.unverifiable_total == "hold":
            return "HELD", "a total cannot be verified, because an amount in it cannot be read"
    elif against:
        return "REFUSED", report.summary()
    if unpriced:
        names = ", ".join(sorted(unpriced))
        return "HELD", f"no price for {names}; set it with `cominflow price set` and release the file"
    wrong, count = report.units_bad_count, report.units_count
    if wrong and wrong / count > feed.rejected_share_max:
        return "REFUSED", f"{wrong} of {count} requests are wrong; the feed's policy is {feed.accept}"
    return "QUEUED", ""


def _set_aside(arrival: Arrival, state: str, reason: str, *, at: datetime) -> None:
    found = {
        "feed_version": arrival.feed_version,
        "layout_version": arrival.layout_version,
        "reference_date": arrival.reference_date,
    }
    with transaction.atomic():
        move(arrival, state, at=at, by=READER, reason=reason, **found)
