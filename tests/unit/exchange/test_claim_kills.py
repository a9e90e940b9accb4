"""Claiming, killed between any two steps: nothing is lost, nothing is taken twice."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest

from tests import killing

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from cominflow.exchange.disk import Folders
    from cominflow.models import Customer

pytestmark = pytest.mark.usefixtures("database")

CONTENTS = {"a.txt": b"alpha", "b.txt": b"beta", "linked.txt": b"gamma"}


def put(inbox: Path, outside: Path) -> None:
    for name, data in CONTENTS.items():
        (inbox / name).write_bytes(data)
    # One of them has a second name elsewhere, and is copied.
    os.link(inbox / "linked.txt", outside)


def check(folders: Folders, inbox: Path) -> None:
    """Every file is in the spool once, with a row that is CLAIMED in a batch; there is nothing else."""
    from cominflow.models import Arrival

    assert list(inbox.iterdir()) == []
    rows = {row.claim_id: row for row in Arrival.objects.all()}
    assert {path.name for path in folders.spool.iterdir()} == set(rows)
    found = sorted((row.shown_name, (folders.spool / row.claim_id).read_bytes()) for row in rows.values())
    assert found == sorted(CONTENTS.items())
    for row in rows.values():
        assert row.state == "CLAIMED" and row.batch_id is not None
        assert row.bytes_count == len(CONTENTS[row.shown_name])
    assert list(folders.quarantine.iterdir()) == []


def test_a_claim_killed_at_any_point_and_again_while_it_is_put_right(
    folders: Folders, customer: Customer, inbox: Path, at: datetime, tmp_path: Path
) -> None:
    from cominflow.exchange.claim import claim, recover
    from cominflow.models import Arrival, Batch, Event

    def begin() -> None:
        claim(folders, customer, at=at)

    def restart() -> None:
        recover(folders, at=at)
        claim(folders, customer, at=at)

    schedules = 0
    for first in itertools.count(1):
        is_first_killed = False
        for second in itertools.count(1):
            outside = tmp_path / f"outside-{first}-{second}"
            put(inbox, outside)
            is_first_killed = killing.killed_at(first, begin)
            is_second_killed = killing.killed_at(second, restart)
            restart()
            schedules += 1
            check(folders, inbox)
            assert outside.read_bytes() == b"gamma"
            for path in folders.spool.iterdir():
                path.unlink()
            for model in (Event, Arrival, Batch):
                model.objects.all().delete()
            if not is_second_killed or not is_first_killed:
                break
        if not is_first_killed:
            break
    # Steps of a claim of two files and a copy, each with the steps of the restart that follows.
    assert first >= 10
    assert schedules >= 60


def test_a_process_killed_while_a_file_is_handed_back_leaves_it_in_one_place(
    folders: Folders, customer: Customer, inbox: Path, at: datetime
) -> None:
    """The row says CLAIMING and the spool has the file, but somebody writes it: it waits for him."""
    from cominflow.exchange.claim import claim, recover
    from cominflow.models import Arrival

    (inbox / "a.txt").write_bytes(b"first")
    names = []
    assert killing.killed_at(3, lambda: names.append(claim(folders, customer, at=at)))
    row = Arrival.objects.get()
    assert row.state == "CLAIMING" and (folders.spool / row.claim_id).exists()
    with (folders.spool / row.claim_id).open("wb") as writer:
        writer.write(b"second")
        writer.flush()
        assert recover(folders, at=at).claimed == []
        assert claim(folders, customer, at=at) == []
    assert claim(folders, customer, at=at) == [row.pk]
    assert (folders.spool / row.claim_id).read_bytes() == b"second"
