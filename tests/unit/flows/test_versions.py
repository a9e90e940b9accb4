"""Versions: which layout a file is read with. Its own date says it, or for a while the feed."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.house import House

NAME = "RV_20260301_001.txt"
RECEIPT = "RV_20260301_001.R01"
STILL_TAKEN = "calendar.old_layout_until = 2999-12-31"


def test_the_files_own_date_chooses_the_layout_version(house: House) -> None:
    from tests.house import LAYOUTS, bank_file, with_bytes

    old = (LAYOUTS / "banca-demo" / "visure.toml").read_text()
    new = old.replace('version    = "2.0.0"', 'version    = "2.1.0"').replace("2026-01-01", "2026-06-01")
    house.publish(layouts=[new, old])
    for number, (day, version) in enumerate({b"20260531": "2.0.0", b"20260601": "2.1.0"}.items(), start=1):
        arrival = house.receive(f"RV_20260301_00{number}.txt", with_bytes(bank_file(1, seed=number), 1, 11, day))
        assert arrival.layout_version.version == version
        assert arrival.reference_date.isoformat().replace("-", "").encode() == day


def test_a_file_older_than_every_layout_is_held_with_its_date(house: House) -> None:
    from tests.house import bank_file, with_bytes

    arrival = house.receive(NAME, with_bytes(bank_file(1), 1, 11, b"20251231"))
    assert arrival.state == "HELD"
    assert "banca-demo-visure is valid on 2025-12-31" in arrival.reason
    assert "begins on 2026-01-01" in arrival.reason
    receipt = house.receipt(RECEIPT)
    assert "alla data del file, 2025-12-31" in receipt["reason_it"] and "2025-12-31" in receipt["reason_en"]


def publish_two_layouts(house: House, calendar: str = "") -> None:
    """The bank's layout and one that replaces it, where requests have another type and VIS2 is no service."""
    from tests.house import LAYOUTS

    old = (LAYOUTS / "banca-demo" / "visure.toml").read_text()
    new = old.replace('version    = "2.0.0"', 'version    = "3.0.0"').replace("2026-01-01", "2026-06-01")
    new = new.replace('match  = { tipo = "20" }', 'match  = { tipo = "21" }').replace('value = "20"', 'value = "21"')
    house.publish(layouts=[new, old], feed={"[names]": f"{calendar}\n[names]"})


def in_the_layout_before(count: int) -> bytes:
    """A file of a day on which the new layout holds, in the old one."""
    from tests.house import bank_file, with_bytes

    return with_bytes(bank_file(count), 1, 11, b"20260701")


@pytest.mark.parametrize(
    ("calendar", "words"),
    [
        ("", "does not say how long the old one is taken"),
        ("calendar.old_layout_until = 2020-12-31", "took the old one until 2020-12-31"),
    ],
)
def test_a_file_in_the_layout_before_is_held_with_those_words(house: House, calendar: str, words: str) -> None:
    publish_two_layouts(house, calendar)
    arrival = house.receive(NAME, in_the_layout_before(2))
    assert arrival.state == "HELD"
    assert "reads clean only with banca-demo-visure@2.0.0" in arrival.reason
    assert words in arrival.reason
    receipt = house.receipt(RECEIPT)
    assert "il file è conforme soltanto a banca-demo-visure@2.0.0" in receipt["reason_it"]
    assert "send the file in the layout that holds now" in receipt["reason_en"]
    # The customer needs some days more: the file that waits is taken with that, though it came before.
    publish_two_layouts(house, STILL_TAKEN)
    house.release(arrival)
    house.work()
    arrival.refresh_from_db()
    assert (arrival.state, arrival.layout_version.version) == ("CLOSED", "2.0.0")


@pytest.mark.parametrize(
    ("count", "killed_at"),
    [
        (2, ""),
        (2, "receive.older_layout"),
        (2, "receive.read"),
        (300, ""),  # kept as a chunk
        (300, "receive.older_layout"),
        (300, "receive.chunk_stored"),
        (300, "receive.decided"),
    ],
)
def test_until_the_day_agreed_a_file_in_the_layout_before_is_read_and_answered_with_it(
    house: House, count: int, killed_at: str
) -> None:
    from cominflow import failpoint
    from tests.house import answers

    class Killed(BaseException):
        pass

    passed: list[str] = []

    def listen(hit: str) -> None:
        passed.append(hit)
        if hit == killed_at and "receive.older_layout" in passed:
            raise Killed

    publish_two_layouts(house, STILL_TAKEN)
    arrival = house.send(NAME, in_the_layout_before(count))
    failpoint.arm(listen)
    try:
        with pytest.raises(Killed) if killed_at else contextlib.nullcontext():
            house.work()
    finally:
        failpoint.arm(None)
    assert "receive.older_layout" in passed
    house.work()
    arrival.refresh_from_db()
    assert (arrival.state, arrival.layout_version.version, arrival.requests_count) == ("CLOSED", "2.0.0", count)
    receipt = house.receipt(RECEIPT)
    assert receipt["outcome"] == "QUEUED"
    assert receipt["layout"].startswith("banca-demo-visure@2.0.0#")
    assert re.sub(r"#[0-9a-f]{8}", "", receipt["reason_en"]) == (
        "read with banca-demo-visure@2.0.0, the layout before, which is taken until 2999-12-31; "
        "after that only banca-demo-visure@3.0.0 holds"
    )
    assert len(answers(house.outbox()["RV_20260301_001.A01"])) == count


def test_a_file_with_some_wrong_requests_is_read_with_the_layout_before_in_which_none_is_wrong(house: House) -> None:
    from tests.house import LAYOUTS, bank_file, with_bytes

    old = (LAYOUTS / "banca-demo" / "visure.toml").read_text()
    new = old.replace('version    = "2.0.0"', 'version    = "3.0.0"').replace("2026-01-01", "2026-06-01")
    new = new.replace(', VIS2 = "Visura storica"', "").replace("servizio = 'VIS2'", "servizio = 'VIS1'")
    house.publish(layouts=[new, old], feed={"[names]": f"{STILL_TAKEN}\n[names]"})
    content = with_bytes(bank_file(2, by_hand=[1]), 1, 11, b"20260701")
    arrival = house.receive(NAME, content)
    assert (arrival.requests_count, arrival.rejected_count, arrival.layout_version.version) == (2, 0, "2.0.0")
    # One that is wrong in both is judged by the layout of its date.
    arrival = house.receive("RV_20260301_002.txt", content.replace(b"VIS1", b"VIS9"))
    assert (arrival.rejected_count, arrival.layout_version.version) == (2, "3.0.0")
