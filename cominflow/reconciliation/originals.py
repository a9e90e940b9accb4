"""Originals: is every completed upload somewhere, byte for byte? And is what was purged really gone?

spool/<claim id>    archive/<yyyy>/<mm>/<sha256> (month of the claim, UTC)    quarantine/A-<n>/payload
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

from cominflow.exchange.disk import Folders
from cominflow.models import Arrival, Event
from cominflow.reconciliation import requesting
from cominflow.reconciliation.block import Block
from cominflow.reconciliation.published import place_of
from cominflow.reconciliation.report import Finding


def check(block: Block) -> Iterator[Finding]:
    """R-101 to R-104."""
    purged = []
    for arrival in block.arrivals:
        if arrival.state == "PURGED":
            purged.append(arrival)
        elif arrival.state not in ("CLAIMING", "VANISHED"):
            yield from _original(block, arrival)
    if purged:
        yield from _purged(block, purged)


def places_of(folders: Folders, arrival: Arrival) -> list[Path]:
    """Where an original may be, in the order in which it moves on."""
    places = [folders.spool / arrival.claim_id]
    if arrival.sha256:
        places.append(archived(folders, arrival))
    return [*places, folders.quarantine / arrival.reference / "payload"]


def archived(folders: Folders, arrival: Arrival) -> Path:
    """The original's place in the archive."""
    claimed = arrival.claimed_at.astimezone(UTC)
    return folders.archive / f"{claimed:%Y}" / f"{claimed:%m}" / arrival.sha256


def hash_of(path: Path) -> str:
    """The SHA-256 of a file, read a megabyte at a time. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _original(block: Block, arrival: Arrival) -> Iterator[Finding]:
    folders = block.look.folders
    places = places_of(folders, arrival)
    # Of what is at rest the archive has the original, whatever else has it too.
    if arrival.sha256 and arrival.state not in ("CLAIMED", "READING"):
        places = [archived(folders, arrival)]
    shown = str(places[-1 if len(places) == 1 else 0].relative_to(folders.data))
    for place in places:
        try:
            bytes_count = place.lstat().st_size
            is_hashed = bool(arrival.sha256) and block.look.is_hashed(arrival.claimed_at)
            sha256 = hash_of(place) if is_hashed else arrival.sha256
        except FileNotFoundError:
            continue
        block.seen["originals"] = block.seen.get("originals", 0) + 1
        block.seen["originals hashed"] = block.seen.get("originals hashed", 0) + is_hashed
        if bytes_count != arrival.bytes_count:
            expected = f"{arrival.bytes_count} bytes"
            yield Finding("R-102", arrival.reference, expected, f"{bytes_count} bytes", arrival.pk)
        elif sha256 != arrival.sha256:
            yield Finding("R-103", arrival.reference, f"SHA-256 {arrival.sha256}", sha256, arrival.pk)
        return
    yield Finding("R-101", arrival.reference, shown, "nothing there", arrival.pk)


def _purged(block: Block, purged: list[Arrival]) -> Iterator[Finding]:
    """Everything of a purged arrival is gone, unless its purge is under way."""
    folders = block.look.folders
    rows = block.deliveries[block.deliveries["arrival_id"].isin([arrival.pk for arrival in purged])]
    kept: dict[int, list[str]] = {arrival.pk: [] for arrival in purged}
    for key in requesting.leftover(block):
        kept[key].append("contents in the database")
    for row in rows.itertuples():
        place = place_of(folders, block.by_key[row.arrival_id].customer.code, row.folder, row.name)
        if row.sha256 and place.is_file() and hash_of(place) == row.sha256:
            kept[row.arrival_id].append(str(place.relative_to(folders.data)))
    for arrival in purged:
        if not _is_shared(arrival):
            found = [place for place in places_of(folders, arrival) if place.exists()]
            kept[arrival.pk] += [str(place.relative_to(folders.data)) for place in found]
        is_ended = "purged" in block.once[arrival.pk]
        if not is_ended and _began(arrival) >= block.look.stale_before.isoformat():
            continue
        if kept[arrival.pk] or not is_ended:
            found_text = ", ".join(kept[arrival.pk]) or "nothing, but it was not noted that the purge ended"
            yield Finding("R-104", arrival.reference, "none of its bytes", found_text, arrival.pk)


def _began(arrival: Arrival) -> str:
    instant = Event.objects.filter(subject=arrival.reference, what="PURGED").values_list("at", flat=True).first()
    return "" if instant is None else instant.isoformat()


def _is_shared(arrival: Arrival) -> bool:
    """Whether another arrival of the same month, which is not purged, has the same content."""
    others = Arrival.objects.filter(sha256=arrival.sha256).exclude(state="PURGED")
    month = arrival.claimed_at.astimezone(UTC)
    claimed = [instant.astimezone(UTC) for instant in others.values_list("claimed_at", flat=True)]
    return any((instant.year, instant.month) == (month.year, month.month) for instant in claimed)
