"""Batch: what one file meets is its own; the others of the batch are told, settled and answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from cominflow import failpoint

if TYPE_CHECKING:
    from pathlib import Path

    from cominflow.models import Arrival
    from tests.house import House


@pytest.fixture
def at_failpoint() -> Iterator[dict[str, Callable[[], object]]]:
    """Failpoint -> what happens there, once."""
    wanted: dict[str, Callable[[], object]] = {}

    def listen(name: str) -> None:
        wanted.pop(name, lambda: None)()

    failpoint.arm(listen)
    yield wanted
    failpoint.arm(None)


def sent_together(house: House, *contents: bytes) -> list[Arrival]:
    """Files that one sweep finds, and that one batch has."""
    from cominflow import clock
    from cominflow.customers import register
    from cominflow.exchange.claim import claim
    from cominflow.models import Arrival, Batch
    from tests.house import BANK

    for number, content in enumerate(contents, start=1):
        (house.folders.customer(BANK).inbox / f"RV_20260301_00{number}.txt").write_bytes(content)
    keys = claim(house.folders, register.find(BANK), at=clock.now())
    assert Batch.objects.count() == 1
    return list(Arrival.objects.filter(pk__in=keys).order_by("pk"))


def test_a_file_that_cannot_be_told_keeps_no_other_of_its_batch_waiting(
    house: House, at_failpoint: dict[str, Callable[[], object]]
) -> None:
    from cominflow.exchange import archive
    from cominflow.models import Arrival, Batch
    from tests.house import bank_file, with_wrong_person

    first, _ = sent_together(house, with_wrong_person(bank_file(2), 2), bank_file(2, seed=2))
    away = house.folder / "away"
    places: list[Path] = []

    def take_away() -> None:
        places.append(archive.locate(house.folders, Arrival.objects.get(pk=first.pk)))
        places[0].rename(away)

    at_failpoint["batch.read"] = take_away  # its wrong request cannot be returned: the original is not there
    house.work()
    assert "RV_20260301_002.A01" in house.outbox()
    assert not any(name.startswith("RV_20260301_001.") for name in house.outbox())
    batch = Batch.objects.get()
    assert (
        batch.finished_at is None and "cannot find the original of A-1" in batch.error and batch.not_before is not None
    )

    away.rename(places[0])
    house.work(is_later=True)
    assert {"RV_20260301_001.S01", "RV_20260301_001.A01"} <= set(house.outbox())
    assert Batch.objects.get().finished_at is not None


@pytest.mark.parametrize("moment", ["engine.step_begun", "receive.identified"])
def test_a_file_whose_bytes_are_away_keeps_no_other_of_its_batch_waiting(
    house: House, at_failpoint: dict[str, Callable[[], object]], moment: str
) -> None:
    from cominflow.exchange import archive
    from cominflow.models import Arrival, Batch
    from tests.house import bank_file

    first, _, _ = sent_together(house, bank_file(2), bank_file(2, seed=2), bank_file(2, seed=3))
    away = house.folder / "away"
    places: list[Path] = []

    def take_away() -> None:
        arrival = Arrival.objects.get(pk=first.pk)
        if arrival.sha256:
            archive.clear_spool(house.folders, arrival)
        places.append(archive.locate(house.folders, arrival))
        places[0].rename(away)

    at_failpoint[moment] = take_away
    house.work()
    assert {"RV_20260301_002.A01", "RV_20260301_003.A01"} <= set(house.outbox())
    assert set(Arrival.objects.filter(pk__gt=first.pk).values_list("state", flat=True)) == {"CLOSED"}
    (apart,) = Batch.objects.filter(finished_at=None)
    assert [one.pk for one in apart.arrivals.all()] == [first.pk]
    assert "cannot find the original of A-1" in apart.error and apart.not_before is not None

    away.rename(places[0])
    house.work(is_later=True)
    assert "RV_20260301_001.A01" in house.outbox()
    assert not Batch.objects.filter(finished_at=None).exists()


def test_a_file_that_cannot_be_put_into_quarantine_keeps_no_other_of_its_batch_waiting(house: House) -> None:
    from cominflow import clock
    from cominflow.customers import register
    from cominflow.exchange.claim import claim
    from cominflow.models import Arrival, Batch
    from tests.house import BANK, bank_file

    inbox = house.folders.customer(BANK).inbox
    (inbox / "nobody-knows.txt").write_bytes(bank_file(2))
    (inbox / "RV_20260301_002.txt").write_bytes(bank_file(2, seed=2))
    claim(house.folders, register.find(BANK), at=clock.now())
    unknown = Arrival.objects.get(name=b"nobody-knows.txt")
    in_the_way = house.folders.quarantine / unknown.reference
    in_the_way.write_bytes(b"")
    house.work()
    assert "RV_20260301_002.A01" in house.outbox()
    assert Batch.objects.get(finished_at=None).error.startswith("read: ")

    in_the_way.unlink()
    house.work(is_later=True)
    assert Arrival.objects.get(pk=unknown.pk).state == "QUARANTINED"


def test_an_answer_that_cannot_be_written_keeps_no_other_of_its_batch_waiting(
    house: House, at_failpoint: dict[str, Callable[[], object]]
) -> None:
    from cominflow.models import Arrival, Batch
    from tests.house import bank_file

    first, _ = sent_together(house, bank_file(2), bank_file(2, seed=2))
    row = Arrival.objects.filter(pk=first.pk)
    kept: list[bytes] = []

    def damage() -> None:
        kept.append(row.values_list("head", flat=True).get())
        row.update(head=b"no sealed payload")

    at_failpoint["fulfil.committed"] = damage
    house.work()
    assert "RV_20260301_002.A01" in house.outbox() and "RV_20260301_001.A01" not in house.outbox()
    assert Batch.objects.get().error.startswith("publish: ")

    row.update(head=kept[0])
    house.work(is_later=True)
    assert "RV_20260301_001.A01" in house.outbox()
    assert set(Arrival.objects.values_list("state", flat=True)) == {"CLOSED"}


def test_what_failed_of_a_file_is_logged_when_the_database_goes_away_at_the_next(
    house: House, at_failpoint: dict[str, Callable[[], object]], caplog: pytest.LogCaptureFixture
) -> None:
    from django.db import OperationalError

    from cominflow import logs
    from cominflow.models import Batch
    from tests.house import bank_file

    def fail(error: Exception) -> None:
        raise error

    at_failpoint["batch.acknowledged"] = lambda: fail(ValueError())  # together they fail, so each goes by itself
    at_failpoint["publish.opened"] = lambda: fail(OSError(28, ""))
    at_failpoint["publish.written"] = lambda: fail(OperationalError())
    first, second = sent_together(house, bank_file(2), bank_file(2, seed=2))
    house.work()
    said = {logs.message_of(record): logs.references_of(record) for record in caplog.records}
    about = said[f"{first.reference} failed as well: No space left on device"]
    assert about["arrival"] == first.reference and about["delivery"] == "D-1"
    (raised,) = [text for text in said if "failed in acknowledge" in text]
    assert said[raised]["arrival"] == second.reference

    house.work(is_later=True)
    assert {"RV_20260301_001.A01", "RV_20260301_002.A01"} <= set(house.outbox())
    assert Batch.objects.get().finished_at is not None


class Remembers:
    """A provider that keeps what it was asked, and fails where it is asked about the person `poison`."""

    def __init__(self, poison: str = "") -> None:
        self.poison = poison
        self.asked: list[list[str]] = []

    def check(self, settings: Any) -> list[str]:
        """Anything goes."""
        return []

    def fulfil(self, requests: Any, settings: Any) -> Any:
        """Every request is fulfilled with its place."""
        self.asked.append(requests.index.tolist())
        if self.poison in requests["codice_fiscale"].tolist():
            raise ValueError("this one")
        return requests[["codice_fiscale"]].assign(outcome="fulfilled", punteggio=range(len(requests)))[
            ["outcome", "punteggio"]
        ]


def test_small_files_that_came_together_are_asked_for_in_one_go_each_under_keys_of_its_own(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cominflow.fulfilment import provider
    from tests.house import answers, bank_file

    told = Remembers()
    monkeypatch.setattr(provider, "find", lambda name: told)
    first, second = sent_together(house, bank_file(2), bank_file(3, seed=2))
    house.work()
    assert told.asked == [
        [f"A-1/{place}.{first.claim_id}" for place in (1, 2)]
        + [f"A-2/{place}.{second.claim_id}" for place in (1, 2, 3)]
    ]
    assert answers(house.outbox()["RV_20260301_001.A01"]) == [("00", 0), ("00", 1)]
    assert answers(house.outbox()["RV_20260301_002.A01"]) == [("00", 2), ("00", 3), ("00", 4)]


def test_a_file_that_its_provider_cannot_take_keeps_no_other_of_its_batch_waiting(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cominflow.exchange import requests
    from cominflow.fulfilment import provider
    from cominflow.models import Batch
    from tests.house import bank_file, scored

    poisoned, fine = bank_file(2), bank_file(2, seed=2)
    told = Remembers(poison=next(iter(scored(poisoned))))
    monkeypatch.setattr(provider, "find", lambda name: told)
    first, second = sent_together(house, poisoned, fine)
    house.work()
    assert [requests.counts(one)["waiting"] for one in (first, second)] == [2, 0]
    assert "RV_20260301_002.A01" in house.outbox() and "RV_20260301_001.A01" not in house.outbox()
    assert "it raised ValueError" in Batch.objects.get().error
    assert [len(keys) for keys in told.asked] == [4, 2, 2]


def test_many_small_files_ask_the_database_no_more_often_than_few(house: House) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from cominflow import clock
    from cominflow.customers import register
    from cominflow.exchange.claim import claim
    from tests.house import BANK, bank_file, scored

    def statements(batch: int, count: int) -> int:
        contents = [bank_file(1, seed=100 * batch + number) for number in range(count)]
        house.tell({key: value for content in contents for key, value in scored(content).items()})
        for number, content in enumerate(contents):
            (house.folders.customer(BANK).inbox / f"RV_2026030{batch}_{number:03d}.txt").write_bytes(content)
        with CaptureQueriesContext(connection) as asked:
            claim(house.folders, register.find(BANK), at=clock.now())
            house.work()
        return len(asked)

    statements(1, 1)  # the year's first invoice
    assert statements(2, 2) == statements(3, 12)
    assert len(house.outbox()) == 2 * (1 + 2 + 12)
