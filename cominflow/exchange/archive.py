"""Archive: every original that was received, under the hash of its content, never changed.

    archive/<yyyy>/<mm>/<sha256>     year and month of the claim, in UTC; read-only

An original has two names for a while: `keep` links the claimed file into the archive and tells its hash; when the
hash is in the arrival's row, `clear_spool` takes the spool's name away. Killed in between, the file is found under
either name. The same content received twice in a month is kept once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC
from pathlib import Path
from typing import BinaryIO

from cominflow import failpoint
from cominflow.errors import WorldError
from cominflow.exchange import disk, lease
from cominflow.models import Arrival

_DAMAGED = "take the file from a backup; its name is the SHA-256 that its content had"


def place_of(folders: disk.Folders, arrival: Arrival, sha256: str) -> Path:
    """Where content of this hash, received with this arrival, is kept."""
    claimed = arrival.claimed_at.astimezone(UTC)
    return folders.archive / f"{claimed:%Y/%m}/{sha256}"


def locate(folders: disk.Folders, arrival: Arrival) -> Path:
    """Where the original is now: in the spool, the archive or quarantine. Raises WorldError when in none of them."""
    for place in _places(folders, arrival):
        if place.is_file():
            return place
    raise WorldError(
        "find the original of",
        f"{arrival.reference} ({arrival.shown_name})",
        f"it is not at {', '.join(str(place) for place in _places(folders, arrival))}",
        hint="restore these folders from the backup that belongs to the database",
    )


def _places(folders: disk.Folders, arrival: Arrival) -> Iterator[Path]:
    yield folders.spool / arrival.claim_id
    if arrival.sha256:
        yield place_of(folders, arrival, arrival.sha256)
    yield folders.quarantine / arrival.reference / "payload"


def open_original(folders: disk.Folders, arrival: Arrival) -> BinaryIO:
    """Open the original for reading, wherever it is. Close it. Raises WorldError."""
    place = locate(folders, arrival)
    try:
        return place.open("rb")
    except OSError as cause:
        raise disk.world_error("read", place, cause) from cause


def keep(folders: disk.Folders, arrival: Arrival) -> disk.Written:
    """Hash the original and link it into the archive, durably. Run again it finds what it did.

    The hash is taken under a lease, so the bytes in the archive are those that were hashed; they were made durable
    when the file was claimed. Storing the hash in the arrival is the caller's, in the transaction that looks for a
    duplicate (`arrivals.begin_reading`).

    Returns hash and size. Raises WorldError; `retryable` when somebody writes the file, or the disk is full.
    """
    (written,) = keep_all(folders, [arrival])
    return written


def keep_all(folders: disk.Folders, arrivals: Sequence[Arrival]) -> list[disk.Written]:
    """As `keep`, for many: one fsync for each month instead of one for each file."""
    found, months = [], set()
    for arrival in arrivals:
        written = _keep(folders, arrival)
        found.append(written)
        months.add(place_of(folders, arrival, written.sha256).parent)
    for month in sorted(months):
        disk.fsync_folder(month)
    failpoint.hit("archive.durable")
    return found


def _keep(folders: disk.Folders, arrival: Arrival) -> disk.Written:
    with open_original(folders, arrival) as original:
        source = Path(original.name)
        if not lease.take(original.fileno()):
            hint = "find what holds it open (`lsof`); it is read again when that is closed"
            raise WorldError("archive", str(source), "somebody has it open for writing", retryable=True, hint=hint)
        try:
            written = disk.sha256_of(original.fileno())
            os.fchmod(original.fileno(), 0o400)
        except OSError as cause:
            raise disk.world_error("read", source, cause) from cause
        place = place_of(folders, arrival, written.sha256)
        disk.ensure_folder(place.parent)
        failpoint.hit("archive.hashed")
        if source != place:
            _link(source, place, written)
        failpoint.hit("archive.linked")
    return written


def clear_spool(folders: disk.Folders, arrival: Arrival) -> None:
    """Take the spool's name away from an original that the archive has. Call it when the row has the hash.

    Without a file in the spool it does nothing. Raises WorldError when the archive does not have the same bytes:
    then the spool's file stays.
    """
    spooled = folders.spool / arrival.claim_id
    if not spooled.exists():
        return
    assert arrival.sha256, f"{arrival.reference}: the hash is stored before the spool is cleared"
    place = place_of(folders, arrival, arrival.sha256)
    if not place.exists():
        return  # It was not archived yet, or went to quarantine: the spool's is the only one.
    if not place.samefile(spooled):
        _verify(place, arrival.sha256)
        _verify(spooled, arrival.sha256)
    # No fsync: should the name come back after a power cut, `claim.recover` clears it again.
    spooled.unlink()
    failpoint.hit("archive.cleared")


def _link(source: Path, place: Path, written: disk.Written) -> None:
    try:
        os.link(source, place, follow_symlinks=False)
    except FileExistsError:
        if not place.samefile(source):
            _verify(place, written.sha256)
    except OSError as cause:
        raise disk.world_error("link into the archive", place, cause) from cause


def _verify(place: Path, sha256: str) -> None:
    with place.open("rb") as kept:
        found = disk.sha256_of(kept.fileno())
    if found.sha256 != sha256:
        cause = f"its content has the SHA-256 {found.sha256}, not {sha256}: it was changed or damaged"
        raise WorldError("trust", str(place), cause, hint=_DAMAGED)
