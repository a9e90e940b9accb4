"""Leftovers: files in our own folders that no row knows. What is younger than an hour may be on its way."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from cominflow.limits import RECONCILE_ARRIVALS
from cominflow.models import Arrival, Delivery
from cominflow.reconciliation.block import Look
from cominflow.reconciliation.report import Finding

_ARRIVAL = re.compile(r"A-(\d{1,18})")
_DELIVERY = re.compile(r"(\d{1,18})")


def check(look: Look) -> Iterator[Finding]:
    """R-105."""
    folders = look.folders
    for place, known in (
        (folders.spool, _in_spool),
        (folders.quarantine, _in_quarantine),
        (folders.publish, _in_publish),
        *((month, _in_archive) for month in sorted(folders.archive.glob("[0-9]*/[0-9]*"))),
    ):
        yield from _unknown(look, place, known)


def _unknown(look: Look, folder: Path, known: Callable[[list[str], Path], set[str]]) -> Iterator[Finding]:
    every = _names(look, folder)
    while names := list(islice(every, RECONCILE_ARRIVALS)):
        found = known(names, folder)
        for name in names:
            if name not in found:
                where = str((folder / name).relative_to(look.folders.data))
                yield Finding("R-105", where, "a row that knows it", "none")


def _names(look: Look, folder: Path) -> Iterator[str]:
    """Names that are older than what may be on its way, in no order."""
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                changed = entry.stat(follow_symlinks=False).st_ctime_ns
            except FileNotFoundError:
                continue
            if changed < int(look.stale_before.timestamp()) * 1_000_000_000:
                yield entry.name


def _in_spool(names: list[str], folder: Path) -> set[str]:
    return set(Arrival.objects.filter(claim_id__in=names).values_list("claim_id", flat=True))


def _in_quarantine(names: list[str], folder: Path) -> set[str]:
    numbers = {int(found[1]): name for name in names if (found := _ARRIVAL.fullmatch(name))}
    rows = Arrival.objects.filter(pk__in=list(numbers)).exclude(state="PURGED")
    known = {numbers[key] for key in rows.values_list("pk", flat=True)}
    # A file of the spool that no row knew was put aside by us, and says why: that is for an operator, not for us.
    return known | {name for name in names if name.startswith("spool-") and (folder / name / "reason.json").exists()}


def _in_publish(names: list[str], folder: Path) -> set[str]:
    numbers = {int(name): name for name in names if _DELIVERY.fullmatch(name)}
    rows = Delivery.objects.filter(pk__in=list(numbers), state__in=("PLANNED", "STAGED", "HELD"))
    return {numbers[key] for key in rows.values_list("pk", flat=True)}


def _in_archive(names: list[str], folder: Path) -> set[str]:
    """By the hash that is the name; or, while the row has none yet, by the file that was claimed."""
    rows = Arrival.objects.filter(sha256__in=names).exclude(state="PURGED").values_list("sha256", "claimed_at")
    month = (folder.parent.name, folder.name)
    known = {sha256 for sha256, at in rows if (f"{at:%Y}", f"{at:%m}") == month}
    rest = [name for name in names if name not in known]
    if rest:
        inodes = {(folder / name).lstat().st_ino: name for name in rest if (folder / name).exists()}
        unread = Arrival.objects.filter(sha256="", ino__in=list(inodes)).values_list("ino", flat=True)
        known |= {inodes[ino] for ino in unread}
    return known
