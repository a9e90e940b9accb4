"""What holds for every provider: it is asked, believed only when it answers well, and asked again when it does not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.providers.conftest import FAULTS

if TYPE_CHECKING:
    from tests.house import House

NAME, STEM = "RV_20260301_001.txt", "RV_20260301_001"
EVERY = ("table", "http", "command", "foreign")


@pytest.mark.parametrize("kind_name", EVERY)
def test_what_a_provider_says_reaches_the_customer_and_what_was_fulfilled_is_charged(
    house: House, kind_of: Callable[[str], Any], kind_name: str
) -> None:
    from cominflow.models import Charge
    from tests.house import answers, bank_file, scored

    content = bank_file(4)
    kind_of(kind_name).tell(scored(content, but=(2,)))
    arrival = house.receive(NAME, content)
    assert arrival.state == "CLOSED"
    assert answers(house.outbox()[f"{STEM}.A01"]) == [("00", 100), ("00", 101), ("10", None), ("00", 103)]
    assert [(charge.quantity, charge.amount_cents) for charge in Charge.objects.all()] == [(3, 1050)]


def test_what_a_person_is_to_answer_lies_on_the_work_list(house: House, kind_of: Callable[[str], Any]) -> None:
    from cominflow.exchange import requests
    from tests.house import bank_file

    kind_of("manual")
    house.receive(NAME, bank_file(2))
    assert [place.position for place in requests.open_items()] == [0, 1]


@pytest.mark.parametrize(("kind_name", "fault"), [(name, fault) for name, faults in FAULTS.items() for fault in faults])
def test_a_provider_that_answers_wrongly_is_named_and_nothing_is_lost_stored_or_told(
    house: House, kind_of: Callable[[str], Any], kind_name: str, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    from cominflow import clock
    from cominflow.customers import register
    from cominflow.exchange.claim import claim
    from cominflow.fulfilment import pauses
    from cominflow.models import Arrival, Batch, Charge, Request
    from tests.house import BANK, answers, bank_file, people, scored

    caplog.set_level(logging.DEBUG)
    content, other = bank_file(3, seed=1), bank_file(2, seed=2, by_hand=(0, 1))
    kind = kind_of(kind_name)
    house.tell(scored(other))
    _answer_vis2_by_table(house)
    kind.tell(scored(content))
    kind.spoil(fault)
    inbox = house.folders.customer(BANK).inbox
    (inbox / NAME).write_bytes(content)
    (inbox / "RV_20260301_002.txt").write_bytes(other)
    claim(house.folders, register.find(BANK), at=clock.now())
    house.work()

    batch = Batch.objects.get()
    assert f"provider {kind_name} for service VIS1" in batch.error and "\n  do: " in batch.error
    assert batch.not_before is not None and (batch.failures_count, batch.finished_at) == (1, None)
    assert set(Request.objects.filter(arrival__name=NAME.encode()).values_list("state", flat=True)) == {"WAITING"}
    assert Arrival.objects.get(name=NAME.encode()).state == "QUEUED"
    assert list(house.outbox()) == ["RV_20260301_002.A01", "RV_20260301_002.F01"], "other files go on"
    failure = pauses.last_failure(kind_name)
    assert failure is not None and f"provider {kind_name} for service VIS1" in failure.reason
    for person in [*people(content), *people(other)]:
        assert person not in batch.error + failure.reason + caplog.text, "nobody is named"

    kind.mend()
    if (kind_name, fault) == ("foreign", "time-out"):
        return  # it hangs for good, as long as this process lives
    house.work(is_later=True)
    assert Arrival.objects.get(name=NAME.encode()).state == "CLOSED"
    assert answers(house.outbox()[f"{STEM}.A01"]) == [("00", 100), ("00", 101), ("00", 102)]
    assert Charge.objects.filter(arrival__name=NAME.encode()).get().quantity == 3


def test_a_provider_that_hangs_is_not_asked_into_a_second_hanging(house: House, kind_of: Callable[[str], Any]) -> None:
    from cominflow.models import Batch
    from tests.house import bank_file, scored

    content = bank_file(1, seed=7)
    kind = kind_of("foreign")
    kind.tell(scored(content))
    kind.spoil("time-out")
    house.receive(NAME, content)
    house.work(is_later=True)
    assert "still hangs in an earlier call" in Batch.objects.get().error


@pytest.mark.parametrize("kind_name", (*EVERY, "manual"))
def test_a_provider_that_is_paused_is_asked_nothing_and_goes_on_when_it_is_resumed(
    house: House, kind_of: Callable[[str], Any], kind_name: str
) -> None:
    from cominflow import clock
    from cominflow.exchange import requests
    from cominflow.fulfilment import pauses
    from cominflow.models import Batch
    from tests.house import answers, bank_file, scored

    content = bank_file(3)
    kind = kind_of(kind_name)
    kind.tell(scored(content))
    if kind.faults:
        kind.spoil("gone")  # whoever asks now fails
    pauses.pause(kind_name, by="operator", reason="it is repaired", at=clock.now())
    arrival = house.receive(NAME, content)
    batch = Batch.objects.get()
    assert (arrival.state, batch.error, batch.failures_count, batch.finished_at) == ("QUEUED", "", 0, None)
    assert batch.not_before is not None and requests.counts(arrival)["waiting"] == 3
    assert house.outbox() == {} and list(house.receipts())
    house.work(is_later=True)
    assert Batch.objects.get().error == "", "waiting is no failure, however often it is looked at"
    kind.mend()
    pauses.resume(kind_name, by="operator", at=clock.now())
    house.work()
    arrival.refresh_from_db()
    if kind_name == "manual":
        assert requests.counts(arrival)["open"] == 3
    else:
        assert answers(house.outbox()[f"{STEM}.A01"]) == [("00", 100), ("00", 101), ("00", 102)]
    assert Batch.objects.get().finished_at is not None


def _answer_vis2_by_table(house: House) -> None:
    from cominflow.models import Service

    settings = {"file": str(house.table), "key": {"codice_fiscale": "cf"}, "result": {"punteggio": "score"}}
    Service.objects.filter(code="VIS2").update(provider="table", provider_settings=settings)
