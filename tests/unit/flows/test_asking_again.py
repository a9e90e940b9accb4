"""Asking again: whatever happens between a question and its answer's commit, the partner sees the same key."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from cominflow import stopping
from tests.partner import Partner, serving

if TYPE_CHECKING:
    from tests.house import House

STEM = "RV_20260301_001"
NAME = f"{STEM}.txt"


@pytest.fixture
def partner() -> Iterator[Partner]:
    with serving(Partner()) as served:
        yield served


def _asks(partner: Partner, **settings: object) -> None:
    """VIS1 is fulfilled by the partner from here on."""
    from cominflow.models import Service

    Service.objects.filter(code="VIS1").update(provider="http", provider_settings=partner.settings(**settings))


@pytest.mark.parametrize("batch", [1, 2])
def test_a_kill_after_the_question_repeats_it_under_the_same_keys(house: House, partner: Partner, batch: int) -> None:
    from tests import killing
    from tests.house import answers, bank_file, scored

    content = bank_file(3)
    partner.scores = scored(content)
    _asks(partner, batch=batch)
    house.send(NAME, content)
    assert killing.killed_at("fulfil.stored", house.work), "after the question, before the commit"
    before = [asked.key for asked in partner.asked]
    house.work()
    assert before and [asked.key for asked in partner.asked] == before * 2
    assert answers(house.outbox()[f"{STEM}.A01"]) == [("00", 100), ("00", 101), ("00", 102)]


def test_a_slow_provider_is_asked_in_goes_and_what_was_stored_is_not_asked_again(
    house: House, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cominflow.exchange import requests
    from cominflow.fulfilment.http import HttpProvider
    from tests.house import answers, bank_file, scored

    monkeypatch.setattr(HttpProvider, "requests_at_once", 4)
    content = bank_file(10)
    partner.scores = scored(content)
    partner.judge = lambda asked: 503 if len(partner.asked) > 6 else None
    _asks(partner)
    arrival = house.receive(NAME, content)
    assert requests.counts(arrival)["answered"] == 4, "the first go; nothing of the one that failed"
    partner.judge = lambda asked: None
    asked_before = {asked.key for asked in partner.asked[:4]}
    partner.asked.clear()
    house.work(is_later=True)
    assert len(partner.asked) == 6 and not asked_before & {asked.key for asked in partner.asked}
    assert answers(house.outbox()[f"{STEM}.A01"]) == [("00", 100 + n) for n in range(10)]


def test_a_poison_request_goes_to_a_person_and_the_arrivals_history_says_why(house: House, partner: Partner) -> None:
    from cominflow.exchange import requests
    from cominflow.models import Charge, Event
    from tests.house import answers, bank_file, people, scored

    content = bank_file(5)
    partner.scores = scored(content)
    partner.judge = lambda asked: 422 if any(row["cf"] == people(content)[3] for row in asked.rows) else None
    _asks(partner, batch=5)
    arrival = house.receive(NAME, content)
    assert answers(house.outbox()[f"{STEM}.A01"]) == [("00", 100), ("00", 101), ("00", 102), ("70", None), ("00", 104)]
    assert [place.position for place in requests.open_items()] == [3]
    assert Charge.objects.get().quantity == 4
    event = Event.objects.get(subject=arrival.reference, what=f"{arrival.reference}/4 set aside")
    assert event.reason == f"it said 422 ({HTTPStatus(422).phrase})"  # which Python 3.13 has from a newer RFC
    house.answer(arrival, 3, "failed")
    house.work()
    assert answers(house.outbox()[f"{STEM}.A02"]) == [("85", None)]


def test_a_stop_of_the_engine_is_no_failure_of_the_provider(house: House, partner: Partner) -> None:
    from cominflow.fulfilment import pauses
    from cominflow.models import Batch
    from tests.house import bank_file, scored

    content = bank_file(1)
    partner.scores = scored(content)
    _asks(partner)
    partner.drips = "body"
    stopper = threading.Thread(target=lambda: (partner.was_asked.wait(60), stopping.ask()))
    stopper.start()
    try:
        with pytest.raises(stopping.StoppedError):
            house.receive(NAME, content)
    finally:
        stopper.join()
        stopping.forget()
    partner.drips = ""
    batch = Batch.objects.get()
    assert (batch.error, batch.failures_count, batch.not_before, batch.finished_at) == ("", 0, None, None)
    assert pauses.last_failure("http") is None
    house.work()
    assert f"{STEM}.A01" in house.outbox()
