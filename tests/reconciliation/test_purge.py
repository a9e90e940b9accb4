"""A purge takes every byte of what has ended, keeps the facts, and leaves a system that adds up."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cominflow.errors import UsageError
from tests.reconciliation import damages
from tests.reconciliation.test_gallery import look

if TYPE_CHECKING:
    from tests.house import House


def later() -> datetime:
    """An instant at which everything that has ended is long past."""
    from cominflow import clock

    return clock.now() + timedelta(days=500)


def due() -> list[int]:
    """The arrivals whose retention of 400 days has ended by then."""
    from cominflow.exchange import purge

    return [one.pk for one in purge.due(purge.before(later(), 400))]


def purge(house: House, key: int) -> bool:
    """Purge one arrival."""
    from cominflow import clock
    from cominflow.exchange import purge
    from cominflow.models import Arrival

    return purge.purge(house.folders, Arrival.objects.get(pk=key), at=clock.now(), by="operator", reason="old")


def files(house: House) -> dict[Path, bytes]:
    """Every file below the data folder."""
    return {path: path.read_bytes() for path in house.folders.data.rglob("*") if path.is_file()}


def test_only_what_has_ended_long_ago_with_all_its_files_out_is_due(house: House) -> None:
    from cominflow import clock
    from cominflow.customers import register
    from cominflow.exchange import purge
    from cominflow.models import Batch, Delivery

    assert due() == [1, 2, 4]  # wait for a person, A-6 for an answer
    assert list(purge.due(purge.before(clock.now(), 400))) == []
    Delivery.objects.filter(arrival_id=1, kind="answer", number=1).update(state="HELD")
    Batch.objects.create(created_at=clock.now(), late_for_id=2)
    assert due() == [4]
    house.add_customer("istituto-demo")
    assert list(purge.due(purge.before(later(), 400), customer=register.find("istituto-demo"))) == []


def test_fewer_days_than_the_archive_needs_are_refused() -> None:
    from cominflow.exchange import purge

    with pytest.raises(UsageError, match="32d at least"):
        purge.before(datetime.fromisoformat("2026-03-01T00:00:00+00:00"), 31)


def test_after_a_purge_no_byte_of_a_file_is_left_and_the_facts_are(house: House) -> None:
    from cominflow.exchange import arrivals, requests
    from cominflow.models import Arrival, Charge, Invoice, Request

    person = damages.original(house, 2).read_bytes().splitlines()[1][25:41]
    assert any(person in content for content in files(house).values())
    kept = Arrival.objects.get(pk=2)
    counted = requests.counts(kept)
    money = (Charge.objects.count(), Invoice.objects.count())
    assert all(purge(house, key) for key in (1, 2, 4))
    assert not any(person in content for content in files(house).values() if b"SQLite format" not in content[:20])
    assert [path for path in files(house) if "002" in path.name] == []
    arrival = Arrival.objects.get(pk=2)
    assert (arrival.state, arrival.sha256, arrival.name) == ("PURGED", kept.sha256, kept.name)
    assert (requests.counts(arrival), arrival.requests_count) == (counted, 30)
    assert (Charge.objects.count(), Invoice.objects.count()) == money
    assert Request.objects.filter(arrival_id=1, outcome="fulfilled").exists()
    (event,) = [event for event in arrivals.history(arrival) if event.what == "PURGED"]
    assert (event.by, event.reason) == ("operator", "old")
    report = look(house)
    assert list(report.lines()) == []


def test_the_database_holds_no_contents_of_what_was_purged(house: House) -> None:
    from cominflow.models import Arrival, Chunk, ChunkPayload, Overlay, ReferenceRun, Request

    for key in (1, 2, 4):
        purge(house, key)
    keys = (1, 2, 4)
    assert (
        not Request.objects.filter(arrival_id__in=keys).exclude(payload=b"", result=None, reference_hash=None).exists()
    )
    assert not Chunk.objects.filter(arrival_id__in=keys).exclude(result=None).exists()
    assert not ChunkPayload.objects.filter(chunk__arrival_id__in=keys).exists()
    assert not Overlay.objects.filter(chunk__arrival_id__in=keys).exists()
    assert not ReferenceRun.objects.filter(arrival_id__in=keys).exists()
    assert not Arrival.objects.filter(pk__in=keys).exclude(report=None, head=None, tail=None).exists()


def test_an_original_stays_as_long_as_another_arrival_has_the_same_content(house: House) -> None:
    from cominflow import clock
    from cominflow.flows import operate

    original = damages.original(house, 1)
    assert purge(house, 1)
    assert original.exists()  # A-3 is a duplicate, which an operator may still release
    operate.discard(3, by="operator", reason="sent twice", at=clock.now())
    assert due() == [2, 3, 4]
    assert purge(house, 3)
    assert not original.exists()
    assert look(house).is_clean


def test_an_original_stays_while_a_file_of_its_month_is_not_read_yet(house: House) -> None:
    from cominflow.exchange import purge as purging
    from cominflow.models import Arrival

    sha256 = Arrival.objects.values_list("sha256", flat=True).get(pk=6)
    Arrival.objects.filter(pk=6).update(sha256="", state="CLAIMED")
    assert not purge(house, 2)
    assert damages.original(house, 2).exists()
    assert [one.pk for one in purging.unfinished()] == [2]
    Arrival.objects.filter(pk=6).update(sha256=sha256, state="QUEUED")
    assert purge(house, 2)
    assert not damages.original(house, 2).exists()
    assert list(purging.unfinished()) == []


def test_a_file_that_the_customer_put_in_the_place_of_ours_stays(house: House) -> None:
    answer = house.folders.customer("banca-demo").outbox / "RV_20260301_001.A01"
    damages.put(answer, b"my own notes\n")
    assert purge(house, 1)
    assert answer.read_bytes() == b"my own notes\n"


def test_what_waits_or_is_on_its_way_cannot_be_purged(house: House) -> None:
    for key in (3, 5, 6):
        with pytest.raises(UsageError, match="cannot become PURGED"):
            purge(house, key)


def test_a_purge_of_something_in_quarantine_takes_its_place_there_away(house: House) -> None:
    from cominflow import clock
    from cominflow.flows import operate

    operate.discard(5, by="operator", reason="of no use", at=clock.now())
    assert purge(house, 5)
    assert list(house.folders.quarantine.iterdir()) == []
    assert look(house, is_later=True).is_clean


def test_the_same_bytes_after_a_purge_are_a_new_file(house: House) -> None:
    content = damages.original(house, 2).read_bytes()
    purge(house, 2)
    assert house.receive("RV_20270401_001.txt", content).state == "QUEUED"


def test_a_request_of_a_purged_file_is_told_to_be_purged(house: House) -> None:
    from cominflow.exchange import requests
    from cominflow.models import Arrival

    reference = requests.place(Arrival.objects.get(pk=2), 0).reference
    assert 2 in {place.arrival_id for place in requests.find(reference)}
    purge(house, 2)
    assert 2 not in {place.arrival_id for place in requests.find(reference)}
    with pytest.raises(UsageError, match="the contents of arrival A-2 were purged"):
        requests.place(Arrival.objects.get(pk=2), 0)


@pytest.mark.parametrize("key", [1, 2])
def test_a_purge_that_stopped_anywhere_is_ended_by_the_next_one(house: House, key: int) -> None:
    """Stopped by an exception at each failpoint that it passes; kills are the simulation's."""
    from cominflow import failpoint
    from cominflow.exchange import purge as purging

    class Stop(Exception):
        pass

    def stop_after(count: int) -> None:
        left = [count]

        def listen(name: str) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Stop(name)

        failpoint.arm(listen)

    stops = 0
    try:
        while True:
            stop_after(stops)
            try:
                purge(house, key)
                break
            except Stop:
                assert [one.pk for one in purging.unfinished()] in ([key], [])
                stops += 1
    finally:
        failpoint.arm(None)
    assert stops >= 4
    assert list(purging.unfinished()) == []
    assert look(house, is_later=True).is_clean


def test_what_a_purge_left_behind_is_a_finding_an_hour_later(house: House) -> None:
    from cominflow.models import Once

    purge(house, 4)
    Once.objects.filter(arrival_id=4, step="purged").delete()
    assert look(house).is_clean  # it may be under way
    assert look(house, is_later=True).counts == {"R-104": 1}


@pytest.fixture
def on_sqlite(house: House) -> Path:
    """The database's file; PostgreSQL looks after its own."""
    from django.db import connection

    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL gives space back by itself")
    return Path(connection.settings_dict["NAME"])


def checkpoint(database: Path) -> int:
    """Put the log into the file; the file's size."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.fetchall()
    return database.stat().st_size


def test_after_a_purge_the_file_of_the_database_is_smaller_and_nobody_waited_for_it(
    house: House, on_sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two steps somebody else writes, and would not wait a moment for it."""
    import os
    import sqlite3

    from cominflow.exchange import space
    from cominflow.models import Chunk

    for chunk in Chunk.objects.filter(arrival_id=2):
        Chunk.objects.filter(pk=chunk.pk).update(result=os.urandom(4_000_000))
    before = checkpoint(on_sqlite)
    purge(house, 2)
    assert checkpoint(on_sqlite) == before  # the pages are free, and the file has them still
    writes = []

    def write(_: float) -> None:
        with sqlite3.connect(on_sqlite, timeout=0) as engine:
            writes.append(engine.execute("UPDATE cominflow_arrival SET readings_count = readings_count").rowcount)
        engine.close()

    monkeypatch.setattr(space.time, "sleep", write)
    given_back = space.give_back()
    assert given_back >= 11_000_000
    assert len(writes) >= 11
    assert checkpoint(on_sqlite) == before - given_back
    assert space.give_back() == 0
    assert look(house).counts == {}


def test_what_was_purged_is_overwritten_in_the_file_of_the_database(house: House, on_sqlite: Path) -> None:
    from cominflow.exchange import space

    person = damages.original(house, 1).read_bytes().splitlines()[2][25:41]
    checkpoint(on_sqlite)
    assert person in on_sqlite.read_bytes()
    space.overwrite_freed()
    purge(house, 1)
    space.give_back()
    checkpoint(on_sqlite)
    assert person not in on_sqlite.read_bytes()


def test_a_delivery_of_a_purged_file_cannot_be_made_again(house: House) -> None:
    from cominflow import clock
    from cominflow.flows import operate
    from cominflow.models import Delivery

    delivery = Delivery.objects.get(arrival_id=1, kind="answer", number=1)
    purge(house, 1)
    with pytest.raises(UsageError, match="belongs to A-1, which was purged"):
        operate.republish(delivery, by="operator", reason="the customer lost it", at=clock.now())


def test_a_file_that_is_being_made_again_is_not_purged(house: House) -> None:
    from cominflow import clock
    from cominflow.flows import operate
    from cominflow.models import Arrival, Delivery

    delivery = Delivery.objects.get(arrival_id=1, kind="answer", number=1)
    (house.folders.customer("banca-demo").outbox / delivery.shown_name).unlink()
    operate.republish(delivery, by="operator", reason="the customer lost it", at=clock.now())
    with pytest.raises(UsageError, match="a file of A-1 has not gone out yet"):
        purge(house, 1)
    assert Arrival.objects.get(pk=1).state == "CLOSED"
    house.work()
    assert purge(house, 1)
