"""Broken: three orders of writes that are wrong on purpose. Each is a change to a life, made before it begins.

The recorder of the order of writes must refuse each. Those that a killed process (not only a power cut) can show must
be found by kills as well, at the failpoint `broken.between`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from cominflow import clock, failpoint
from cominflow.exchange import publish
from cominflow.exchange.claim import taking
from cominflow.models import Arrival

BETWEEN = "broken.between"


def published_before_the_rename() -> None:
    """The row says PUBLISHED, then the file gets its name."""
    into_folder = publish._into_folder

    def wrong(folders: Any, delivery: Any, **how: Any) -> str:
        publish.moves.move(delivery, "PUBLISHED", at=clock.now(), by="broken", published_at=clock.now())
        failpoint.hit(BETWEEN)
        return into_folder(folders, delivery, **how)

    publish._into_folder = wrong


def renamed_before_the_fsync() -> None:
    """The file gets its name, then its bytes are made durable: well when a process is killed, wrong at a power cut."""
    fsync, replace = os.fsync, Path.replace

    def later(descriptor: int) -> None:
        if not os.readlink(f"/proc/self/fd/{descriptor}").endswith(".writing"):
            fsync(descriptor)

    def wrong(source: Path, target: Path) -> Path:
        named = replace(source, target)
        descriptor = os.open(named, os.O_RDONLY)
        fsync(descriptor)
        os.close(descriptor)
        return named

    os.fsync, Path.replace = later, wrong


def no_intent_row() -> None:
    """The file is renamed into the spool, then its row is written for the first time."""
    objects, stated = Arrival.objects, taking.state_claimed
    create = objects.bulk_create

    def not_yet(rows: Any, **options: Any) -> Any:
        return rows

    def wrong(rows: Any, *, at: Any, **options: Any) -> None:
        failpoint.hit(BETWEEN)
        create(rows)
        stated(rows, at=at, **options)

    objects.bulk_create = not_yet
    taking.state_claimed = wrong


ORDERS = (published_before_the_rename, renamed_before_the_fsync, no_intent_row)
SEEN_BY_KILLS = (published_before_the_rename, no_intent_row)
