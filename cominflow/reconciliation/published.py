"""Published: are the files in the customers' folders those that were delivered? A file that is gone is no finding."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cominflow.exchange.disk import Folders
from cominflow.reconciliation.block import Block
from cominflow.reconciliation.report import Finding


def check(block: Block) -> Iterator[Finding]:
    """R-304 and R-306."""
    rows = block.deliveries
    block.seen["deliveries"] = block.seen.get("deliveries", 0) + len(rows)
    for row in rows[rows["state"].isin(("PUBLISHED", "RETRIEVED"))].itertuples():
        yield from _in_folder(block, row)
    for row in rows[rows["state"] == "STAGED"].itertuples():
        staged = block.look.folders.publish / str(row.pk)
        # It leaves `publish/` by one rename: whoever is not there any more has arrived.
        if not staged.exists() and not _place(block, row).exists():
            expected = str(staged.relative_to(block.look.folders.data))
            yield Finding("R-306", f"D-{row.pk}", expected, "nothing there", row.arrival_id)


def place_of(folders: Folders, code: str, folder: str, name: bytes) -> Path:
    """Where a customer finds a delivery."""
    return folders.customers / code / folder / os.fsdecode(name)


def _place(block: Block, row: Any) -> Path:
    code = block.by_key[row.arrival_id].customer.code
    return place_of(block.look.folders, code, row.folder, row.name)


def _in_folder(block: Block, row: Any) -> Iterator[Finding]:
    place = _place(block, row)
    published_at = row.published_at.to_pydatetime() if row.published_at is not None else None
    try:
        status = place.lstat()
        if not stat.S_ISREG(status.st_mode):
            found = "something that is no file"
        elif status.st_size != row.bytes_count:
            found = f"{status.st_size} bytes"
        elif not block.look.is_hashed(published_at):
            return
        else:
            with place.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            block.seen["published files hashed"] = block.seen.get("published files hashed", 0) + 1
            if sha256 == row.sha256:
                return
            found = f"SHA-256 {sha256}"
    except FileNotFoundError:
        return
    yield Finding("R-304", f"D-{row.pk}", f"{row.bytes_count} bytes, SHA-256 {row.sha256}", found, row.arrival_id)
