"""Quarantine: files that could not be processed, each with the reason beside it, for an operator to look at.

    quarantine/A-17/payload, reason.json          an arrival: `cominflow arrival release|discard A-17`
    quarantine/spool-<name>/payload, reason.json  a file of the spool that no row knows

First the reason is written, then the file moves in: a file in quarantine always says why it is there.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from cominflow import failpoint
from cominflow.exchange import archive, disk
from cominflow.models import Arrival

_PAYLOAD = "payload"
_REASON = "reason.json"


def put(folders: disk.Folders, arrival: Arrival, *, reason: str, at: datetime) -> Path:
    """Move the original of an arrival into quarantine; the row's move to QUARANTINED is the caller's, afterwards.

    An original that is in the archive stays there and gets a second name here. Run again it only writes the reason
    anew. Returns the file's place. Raises WorldError.
    """
    place = folders.quarantine / arrival.reference
    what = {
        "arrival": arrival.reference,
        "customer": arrival.customer.code,
        "name": arrival.shown_name,
        "bytes_count": arrival.bytes_count,
        "sha256": arrival.sha256,
    }
    _write_reason(place, what, reason=reason, at=at)
    payload = place / _PAYLOAD
    source = archive.locate(folders, arrival)
    if source == payload:
        return payload
    if source.parent == folders.spool:
        _move_in(source, payload)
    elif not payload.exists():
        os.link(source, payload, follow_symlinks=False)
        failpoint.hit("quarantine.linked")
        disk.fsync_folder(place)
    return payload


def put_orphan(folders: disk.Folders, name: str, *, reason: str, at: datetime) -> Path:
    """Move a file of the spool that no row knows into quarantine. Returns its place. Raises WorldError."""
    place = folders.quarantine / f"spool-{name}"
    source = folders.spool / name
    _write_reason(place, {"spool": name, "bytes_count": source.lstat().st_size}, reason=reason, at=at)
    _move_in(source, place / _PAYLOAD)
    return place / _PAYLOAD


def bring_back(folders: disk.Folders, arrival: Arrival) -> None:
    """Move the original from quarantine back into the spool, before the row is released; the reason stays.

    Does nothing when the file is not in quarantine. Raises WorldError.
    """
    payload = folders.quarantine / arrival.reference / _PAYLOAD
    if payload.exists():
        _move_in(payload, folders.spool / arrival.claim_id)


def _move_in(source: Path, target: Path) -> None:
    try:
        disk.rename_noreplace(source, target)
    except disk.NameTaken:
        # Both names stand for one file when it was linked, or two files hold the same content; else nothing moves.
        if not target.samefile(source):
            raise disk.world_error("move", target, FileExistsError(errno.EEXIST, "another file is there")) from None
        source.unlink()
    failpoint.hit("quarantine.renamed")
    disk.fsync_folder(target.parent)
    disk.fsync_folder(source.parent)
    failpoint.hit("quarantine.durable")


def _write_reason(place: Path, what: Mapping[str, str | int], *, reason: str, at: datetime) -> None:
    disk.ensure_folder(place)
    text = json.dumps({**what, "reason": reason, "at": at.isoformat()}, indent=2, ensure_ascii=False)
    disk.write_durably(place / _REASON, [text.encode() + b"\n"])
    failpoint.hit("quarantine.explained")
