"""Proofs: what stands in a file (or beside it) against its being whole. Asked for while its lease is held.

    marker    `sha256` and size that the marker names, if it names any, are those of the file
    trailer   the file's last bytes are the record that ends every file, by one of the feed's layouts
    rename    our SFTP server wrote another name on the file when its upload began; or, of a file that it did not
              receive, somebody saw the rename

A marker may hold anything: 64 hexadecimal digits in it are taken for the file's SHA-256 (as `sha256sum` writes it),
`size=606`, `size: 606` or `bytes=606` for its size; the rest is not looked at.
"""

from __future__ import annotations

import os
import re
from datetime import datetime

from cominflow import shown
from cominflow.exchange import disk, feeds, lease, uploaded
from cominflow.exchange.claim.judging import WAITS_FOR_RENAME, Agreed, Ready, Waiting
from cominflow.exchange.claim.memory import Memory
from cominflow.exchange.claim.opened import OPEN_FLAGS
from cominflow.limits import MARKER_BYTES_MAX
from tracciati.ending import bytes_wanted, closing_record, ends_with

_SHA256 = re.compile(rb"(?<![0-9A-Fa-f])[0-9A-Fa-f]{64}(?![0-9A-Fa-f])")
_SIZE = re.compile(rb"(?i)\b(?:size|bytes)\s*[=:]\s*(\d{1,15})\b")


def refute(
    customer: str, inbox: disk.OpenFolder, ready: Ready, descriptor: int, memory: Memory, *, at: datetime
) -> Waiting | None:
    """Why an open file is not whole after all; None when nothing is known against it. Raises OSError."""
    candidate, agreed = ready.candidate, ready.agreed
    if agreed is None:
        return None
    if agreed.complete.policy == "trailer":
        why = _without_trailer(agreed, descriptor)
        return Waiting(candidate.name, why) if why else None
    if agreed.complete.policy == "rename":
        noted = uploaded.name_of(descriptor)
        if noted != candidate.name and (noted is not None or ready.is_renamed):
            return None
        return Waiting(candidate.name, WAITS_FOR_RENAME.format(seconds=agreed.complete.seconds))
    assert ready.marker is not None, "only a file with a marker has another proof"
    marker = ready.marker
    key = (candidate.name, candidate.ino, candidate.changed_ns, marker.ino, marker.changed_ns)
    why = memory.refuted(customer, key)  # a large file is not hashed again at every look
    if not why:
        said = _read_marker(inbox, marker.name)
        if said is None:
            return Waiting(candidate.name, f"its marker {shown.name(marker.name)} is being written")
        why = _against(said, descriptor)
        if not why:
            return None
        memory.refute(customer, key, why)
    changed_s = max(candidate.changed_ns, marker.changed_ns) / 1e9
    return Waiting(candidate.name, why, is_overdue=at.timestamp() - changed_s > agreed.complete.patience_s)


def _without_trailer(agreed: Agreed, descriptor: int) -> str:
    """Why the file is partial; empty when it ends as one of the feed's layouts says."""
    size = os.fstat(descriptor).st_size
    wanted = ""
    for _, layout in feeds.layouts(agreed.version):
        record = closing_record(layout, "request")
        assert record is not None, "a feed with this policy is only published with such layouts"
        count = min(size, bytes_wanted(layout))
        if ends_with(layout, record, os.pread(descriptor, count, size - count)):
            return ""
        wanted = wanted or record.name
    patience = agreed.complete.patience_s
    return (
        f"it is partial: its last record is no whole `{wanted}`; it is taken as it is {patience:g} s after it changed"
    )


def _read_marker(inbox: disk.OpenFolder, name: bytes) -> bytes | None:
    """What a marker says; None while somebody writes it, or when it has gone."""
    try:
        descriptor = os.open(name, OPEN_FLAGS, dir_fd=inbox.fd)
    except FileNotFoundError:
        return None
    try:
        return os.pread(descriptor, MARKER_BYTES_MAX, 0) if lease.take(descriptor) else None
    finally:
        os.close(descriptor)


def _against(said: bytes, descriptor: int) -> str:
    """Why a file is not the one that its marker tells of; empty when it is, or the marker tells nothing."""
    size = _SIZE.search(said)
    bytes_count = os.fstat(descriptor).st_size
    if size is not None and int(size.group(1)) != bytes_count:
        return f"its marker says {int(size.group(1))} bytes, and it has {bytes_count}"
    sha256 = _SHA256.search(said)
    if sha256 is None:
        return ""
    found = disk.sha256_of(descriptor).sha256
    told = sha256.group().decode("ascii").lower()
    return "" if found == told else f"its marker says SHA-256 {told[:16]}…, and its content has {found[:16]}…"
