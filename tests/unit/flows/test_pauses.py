"""Pauses: a provider that an operator stopped is asked nothing; its files wait, hold up nobody, and go on at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.house import House

STEM = "RV_20260301_001"
NAME = f"{STEM}.txt"


def _pause(name: str) -> None:
    from cominflow import clock
    from cominflow.fulfilment import pauses

    pauses.pause(name, by="operator", reason="it is repaired", at=clock.now())


def _resume(name: str) -> int:
    from cominflow import clock
    from cominflow.fulfilment import pauses

    return pauses.resume(name, by="operator", at=clock.now())


def test_other_services_of_the_file_are_asked_and_their_answers_wait_with_it(house: House) -> None:
    from cominflow.exchange import requests
    from cominflow.models import Charge
    from tests.house import answers, bank_file, scored

    content = bank_file(4, by_hand=(1,))
    house.tell(scored(content))
    _pause("manual")
    arrival = house.receive(NAME, content)
    counts = requests.counts(arrival)
    assert (counts["answered"], counts["waiting"], counts["open"]) == (3, 1, 0)
    assert house.outbox() == {} and not Charge.objects.exists(), "the first answer has all requests of the file"
    house.table.unlink()  # what was answered is not asked again
    assert _resume("manual") == 1
    house.work()
    assert answers(house.outbox()[f"{STEM}.A01"]) == [("00", 100), ("70", None), ("00", 102), ("00", 103)]


def test_a_large_file_waits_chunk_by_chunk_and_is_answered_whole(house: House) -> None:
    from cominflow.exchange import requests
    from tests.house import answers, bank_file, scored

    content = bank_file(600, by_hand=(3, 599))
    house.tell(scored(content))
    _pause("table")
    arrival = house.receive(NAME, content)
    assert requests.counts(arrival)["waiting"] == 598 and requests.counts(arrival)["open"] == 2
    _resume("table")
    house.work()
    found = answers(house.outbox()[f"{STEM}.A01"])
    assert found[0] == ("00", 100) and found[3] == ("70", None) and found[598] == ("00", 698)


def test_a_pause_and_its_end_stand_in_the_history_with_who_and_why(house: House) -> None:
    from cominflow.errors import UsageError
    from cominflow.fulfilment import pauses
    from cominflow.models import Event

    _pause("table")
    with pytest.raises(UsageError, match="provider table is paused already since .* by operator"):
        _pause("table")
    assert [row.reason for row in pauses.everything()] == ["it is repaired"]
    _resume("table")
    with pytest.raises(UsageError, match="provider table is not paused"):
        _resume("table")
    with pytest.raises(UsageError, match=r"no provider 'tabel'\n  do: did you mean table\?"):
        _pause("tabel")
    history = Event.objects.filter(subject="provider table").order_by("pk").values_list("what", "by", "reason")
    assert list(history) == [("paused", "operator", "it is repaired"), ("resumed", "operator", "")]


def test_a_resume_wakes_what_failed_before_the_pause_too(house: House) -> None:
    from tests.house import bank_file, scored

    content = bank_file(2)
    house.table.unlink()
    house.receive(NAME, content)
    _pause("table")
    house.tell(scored(content))
    assert _resume("table") == 1
    house.work()
    assert f"{STEM}.A01" in house.outbox()


def test_a_batch_does_not_rest_when_the_provider_was_resumed_meanwhile(house: House) -> None:
    import inspect

    from cominflow.flows import batch as batches
    from cominflow.models import Batch
    from tests.house import bank_file

    _pause("table")
    house.receive(NAME, bank_file(1))
    batch = Batch.objects.get()
    _resume("table")  # just before it would rest
    inspect.unwrap(batches.wait_for_providers)(batch.pk)
    batch.refresh_from_db()
    assert batch.not_before is None


def test_files_that_wait_for_a_paused_provider_are_not_due_and_are_told_with_whom_they_wait_for(house: House) -> None:
    from cominflow.flows import run, waiting
    from tests.house import bank_file

    _pause("table")
    arrival = house.receive(NAME, bank_file(3, by_hand=(0,)))
    assert run.wait_until_idle(house.folders, timeout_s=0)
    assert run.failing() == []
    assert list(waiting.resting()) == [arrival]
    assert [pause.provider for pause in waiting.waits_for(arrival)] == ["table"]
    house.answer(arrival, 0, "not_found")  # a late batch behind one that rests
    assert run.wait_until_idle(house.folders, timeout_s=0), "it would be waited for until the time is up"
    _resume("table")
    assert not run.wait_until_idle(house.folders, timeout_s=0)
    house.work()
    assert not waiting.resting() and run.wait_until_idle(house.folders, timeout_s=0)
    assert f"{STEM}.A01" in house.outbox()


def test_a_service_that_is_given_another_provider_no_longer_waits_for_the_paused_one(house: House) -> None:
    from click.testing import CliRunner

    from cominflow.cli.service import service
    from cominflow.exchange import requests
    from tests.house import bank_file

    _pause("table")
    arrival = house.receive(NAME, bank_file(2))
    words = ["set", "VIS1", "--provider", "manual", "--settings", "{}"]
    done = CliRunner().invoke(service, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    house.work()
    assert requests.counts(arrival)["open"] == 2


def test_what_one_provider_said_is_kept_when_another_one_of_the_file_fails(house: House) -> None:
    from cominflow.exchange import requests
    from cominflow.models import Batch, Service
    from tests.house import answers, bank_file, scored

    content = bank_file(3, by_hand=(2,))
    house.tell(scored(content))
    missing = {"file": str(house.folder / "gone.csv"), "key": {"codice_fiscale": "cf"}, "result": {}}
    Service.objects.filter(code="VIS2").update(provider="table", provider_settings=missing)
    arrival = house.receive(NAME, content)
    assert "provider table for service VIS2" in Batch.objects.get().error
    assert requests.counts(arrival)["answered"] == 2 and house.outbox() == {}
    house.table.unlink()
    (house.folder / "gone.csv").write_text("cf\n")
    house.work(is_later=True)
    assert answers(house.outbox()[f"{STEM}.A01"]) == [("00", 100), ("00", 101), ("10", None)]


def test_a_provider_that_is_no_longer_installed_keeps_its_files_waiting(house: House) -> None:
    from cominflow.models import Batch, Service
    from tests.house import bank_file

    Service.objects.filter(code="VIS1").update(provider="removed")
    arrival = house.receive(NAME, bank_file(1))
    assert arrival.state == "QUEUED"
    error = Batch.objects.get().error
    assert "provider removed for service VIS1" in error and "service set VIS1 --provider" in error
