"""Quarantine: files that wait for an operator, each with its reason beside it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cominflow.exchange.disk import Folders
    from cominflow.models import Arrival

    Claimed = Callable[[str, bytes], Arrival]

pytestmark = pytest.mark.usefixtures("database")


def test_a_file_goes_into_quarantine_with_its_reason_and_comes_back(
    folders: Folders, claimed: Claimed, at: datetime
) -> None:
    from cominflow.exchange import archive, quarantine

    arrival = claimed("a.txt", b"what is this")
    for _ in range(2):
        place = quarantine.put(folders, arrival, reason="no feed takes this name", at=at)
        assert place.read_bytes() == b"what is this"
    said = json.loads((place.parent / "reason.json").read_text())
    assert (said["arrival"], said["customer"], said["name"]) == (arrival.reference, "banca-demo", "a.txt")
    assert (said["reason"], said["at"]) == ("no feed takes this name", "2026-03-01T08:00:00+00:00")
    assert archive.locate(folders, arrival) == place
    for _ in range(2):
        quarantine.bring_back(folders, arrival)
        assert archive.locate(folders, arrival) == folders.spool / arrival.claim_id


def test_what_the_archive_has_stays_there_as_well(folders: Folders, claimed: Claimed, at: datetime) -> None:
    from cominflow.exchange import archive, quarantine

    arrival = claimed("a.txt", b"what is this")
    arrival.sha256 = archive.keep(folders, arrival).sha256
    archive.clear_spool(folders, arrival)
    place = quarantine.put(folders, arrival, reason="five times the process died in it", at=at)
    assert place.read_bytes() == b"what is this"
    assert archive.place_of(folders, arrival, arrival.sha256).samefile(place)
    quarantine.bring_back(folders, arrival)
    archive.clear_spool(folders, arrival)
    assert archive.locate(folders, arrival) == archive.place_of(folders, arrival, arrival.sha256)
