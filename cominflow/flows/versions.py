"""Versions: with which feed and which layout version a file is read. It keeps them for life.

The feed is the live one that takes files of its name; the layout the newest that is valid on the file's own date. A
reading that was interrupted after it stored requests goes on with the versions it began with, whatever was published
since.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cominflow import clock
from cominflow.exchange import feeds, requests
from cominflow.flows import reasons
from cominflow.flows.reasons import Reason
from cominflow.limits import LARGE_FILE_BYTES
from cominflow.models import Arrival, FeedVersion, LayoutVersion
from tracciati.layout import Layout
from tracciati.reading import Block, Reading, check


@dataclass(frozen=True)
class Chosen:
    """A layout version, and the date that the file gives itself (None: it gives none)."""

    layout_version: LayoutVersion
    layout: Layout
    reference_date: date | None


@dataclass(frozen=True)
class NoneValid:
    """No layout version is valid on the file's date."""

    reason: Reason
    reference_date: date | None


def feed_of(arrival: Arrival) -> FeedVersion | None:
    """The feed version that takes the file, None when none does."""
    if _is_interrupted(arrival):
        return arrival.feed_version
    return feeds.current(arrival.customer, bytes(arrival.name))


class Look:
    """A file as layouts of its feed read it. A small one is read once with each: for its date and for all the rest."""

    def __init__(self, arrival: Arrival, source: Path, *, unit: str) -> None:
        self._arrival, self._source, self._unit = arrival, source, unit
        self._read: dict[str, tuple[Reading, list[Block]]] = {}

    def with_layout(self, layout: Layout) -> tuple[Reading, Iterable[Block]]:
        """A reading of the whole file, whose report is complete when the blocks have been seen."""
        if layout.fingerprint in self._read:
            return self._read[layout.fingerprint]
        reading = Reading(
            self._source,
            layout,
            direction="request",
            unit=self._unit,
            reveal=True,
            source_name=self._arrival.shown_name,
            sha256=self._arrival.sha256,
        )
        if self._arrival.bytes_count > LARGE_FILE_BYTES:
            return reading, reading
        self._read[layout.fingerprint] = reading, list(reading)
        return self._read[layout.fingerprint]

    def date(self, layout: Layout) -> date | None:
        """The date that the file gives itself, as this layout reads it; None when it has none, or it is unreadable."""
        record, _, name = layout.file.reference_date.partition(".")
        if not record:
            return None
        block = next(iter(self.with_layout(layout)[1]), None)
        table = block.tables.get(record) if block is not None else None
        if table is None or not len(table.rows):
            return None
        value: date | None = table.columns[name][0].as_py()
        return value


def layout_of(arrival: Arrival, version: FeedVersion, look: Look) -> Chosen | NoneValid:
    """The layout version that the file is to be read with."""
    if _is_interrupted(arrival):
        assert arrival.layout_version is not None, "versions are stored with the first requests"
        return Chosen(arrival.layout_version, feeds.layout(arrival.layout_version), arrival.reference_date)
    published = feeds.layouts(version)  # newest first
    dates = [(layout, look.date(layout)) for _, layout in published]
    # A layout may find a date in bytes that mean something else: only one that is valid on the date it found counts.
    agreeing = [day for layout, day in dates if day is not None and _is_valid(layout, day)]
    found = [day for _, day in dates if day is not None]
    own_date = next(iter([*agreeing, *found]), None)
    for layout_version, layout in published:
        if _is_valid(layout, own_date or clock.today()):
            return Chosen(layout_version, layout, own_date)
    begins = published[-1][1].valid_from
    return NoneValid(reasons.no_layout(published[0][1].id, own_date, begins), own_date)


def before(version: FeedVersion, chosen: Chosen, source: Path, *, unit: str) -> Chosen | None:
    """An older layout of the feed that finds no error in a file in which the chosen one finds some."""
    published = feeds.layouts(version)
    older = published[[row.pk for row, _ in published].index(chosen.layout_version.pk) + 1 :]
    for layout_version, layout in older:
        if not check(source, layout, direction="request", unit=unit).errors_count:
            return Chosen(layout_version, layout, chosen.reference_date)
    return None


def replaced_by(version: FeedVersion, chosen: Chosen) -> Layout | None:
    """The layout that holds on the file's date, where the one it is read with is an older one."""
    day = chosen.reference_date or clock.today()
    newest = next((one for _, one in feeds.layouts(version) if _is_valid(one, day)), chosen.layout)
    return newest if newest.fingerprint != chosen.layout.fingerprint else None


def _is_interrupted(arrival: Arrival) -> bool:
    """Did an earlier try of this reading store requests? What is set aside or refused has none."""
    return arrival.layout_version_id is not None and requests.stored(arrival) != (0, 0)


def _is_valid(layout: Layout, day: date) -> bool:
    return layout.valid_from is None or layout.valid_from <= day
