"""Desk: who has which open request; an answer by hand is taken back as long as it has not gone out, and no longer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from cominflow.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from cominflow.exchange.requests import Place
    from cominflow.models import Arrival
    from tests.house import House

STEM = "RV_20260301_001"
NAME = f"{STEM}.txt"


@pytest.fixture(params=["rows", "chunks"])
def opened(house: House, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Arrival:
    """An arrival of five requests, however they are kept, whose first answer went out; 2, 4 and 5 are open."""
    from cominflow.flows import batch, receive
    from tests.house import bank_file, scored

    if request.param == "chunks":
        monkeypatch.setattr(receive, "REQUESTS_AS_ROWS_MAX", 1)
        monkeypatch.setattr(receive, "CHUNK_REQUESTS", 2)
        monkeypatch.setattr(batch, "LARGE_FILE_BYTES", 1_000)
    content = bank_file(5, by_hand=(1, 3, 4))
    house.tell(scored(content))
    return house.receive(NAME, content)


def place(arrival: Arrival, number: int) -> Place:
    from cominflow.exchange import requests

    return requests.place(arrival, number - 1)


def now() -> datetime:
    from cominflow import clock

    return clock.now()


def events(subject: str) -> list[tuple[str, str, str]]:
    from cominflow.models import Event

    rows = Event.objects.filter(subject=subject).order_by("pk")
    return [(event.what, event.by, event.reason) for event in rows]


def test_an_open_request_is_assigned_given_to_another_and_ends_with_its_answer(house: House, opened: Arrival) -> None:
    from cominflow.exchange import assignments
    from cominflow.flows import desk

    both = [place(opened, 2), place(opened, 4)]
    assert desk.assign(both, " rossi ", by="capo", at=now()) == ["", ""]
    assert desk.assign(both[:1], "bianchi", by="capo", at=now()) == ["rossi"]
    assert desk.assign(both[:1], "bianchi", by="capo", at=now()) == ["bianchi"], "a second time changes nothing"
    assert assignments.assignees() == {(opened.pk, 1): "bianchi", (opened.pk, 3): "rossi"}
    assert assignments.assignees(assignee="rossi") == {(opened.pk, 3): "rossi"}
    house.answer(opened, 1, punteggio=7)
    assert assignments.assignees() == {(opened.pk, 3): "rossi"}
    assert desk.unassign(both[1:], by="capo", at=now()) == ["rossi"]
    assert desk.unassign(both[1:], by="capo", at=now()) == [""], "nobody had it"
    assert assignments.assignees() == {}
    assert events(f"A-{opened.pk}/2") == [
        ("assigned", "capo", "rossi"), ("assigned", "capo", "bianchi"), ("answered", "operator", "fulfilled"),
    ]  # fmt: skip
    assert events(f"A-{opened.pk}/4")[1:] == [("assigned to nobody", "capo", "rossi had it")]


def test_only_open_requests_are_assigned_and_none_of_several_when_one_is_not(opened: Arrival) -> None:
    from cominflow.exchange import assignments
    from cominflow.flows import desk

    with pytest.raises(UsageError, match=rf"A-{opened.pk}/1 is ANSWERED: only open requests are assigned"):
        desk.assign([place(opened, 2), place(opened, 1)], "rossi", by="capo", at=now())
    assert assignments.assignees() == {} and events(f"A-{opened.pk}/2") == []
    for name in ("", "  ", "x" * 81, "ros\nsi"):
        with pytest.raises(UsageError, match="nobody can be called"):
            desk.assign([place(opened, 2)], name, by="capo", at=now())


def test_two_who_ask_for_the_oldest_at_once_get_different_requests(house: House, opened: Arrival) -> None:
    from django.db import connections

    from cominflow.exchange import assignments
    from cominflow.flows import desk
    from tests.house import bank_file, scored

    content = bank_file(4, seed=2, by_hand=(0, 1, 2, 3))
    house.tell(scored(content))
    house.receive("RV_20260301_002.txt", content)
    together = threading.Barrier(2)

    def take(name: str) -> list[str]:
        try:
            together.wait()
            found = desk.assign_oldest(3, name, customer=None, service="VIS2", by=name, at=now())
            return [one.name for one in found]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as people:
        first, second = people.map(take, ("rossi", "bianchi"))
    assert (len(first), len(second), len({*first, *second})) == (3, 3, 6)
    assert sorted(assignments.assignees().values()) == ["bianchi"] * 3 + ["rossi"] * 3
    (last,) = desk.assign_oldest(20, "verdi", customer=opened.customer, service=None, by="capo", at=now())
    assert last.name not in {*first, *second}
    assert desk.assign_oldest(1, "verdi", customer=None, service=None, by="capo", at=now()) == []


def test_an_answer_taken_back_is_in_no_file_and_the_one_given_instead_is(house: House, opened: Arrival) -> None:
    from cominflow.flows import desk
    from cominflow.models import Batch, Charge
    from tests.house import answers

    charged = Charge.objects.count()
    house.answer(opened, 1, punteggio=7)
    desk.undo(place(opened, 2), by="rossi", reason="of another person", at=now())
    assert place(opened, 2).state == "OPEN"
    house.work()
    opened.refresh_from_db()
    assert (opened.state, opened.answers_count, Charge.objects.count()) == ("QUEUED", 1, charged)
    assert f"{STEM}.A02" not in house.outbox(), "the batch found nothing to settle"
    assert not Batch.objects.filter(finished_at=None).exists() and not Batch.objects.exclude(error="").exists()
    house.answer(opened, 1, punteggio=8)
    house.work()
    assert answers(house.outbox()[f"{STEM}.A02"]) == [("00", 8)]
    assert events(f"A-{opened.pk}/2") == [
        ("answered", "operator", "fulfilled"),
        ("answer taken back", "rossi", "fulfilled, by operator: of another person"),
        ("answered", "operator", "fulfilled"),
    ]


def test_what_has_gone_out_is_open_or_was_not_given_by_hand_is_not_taken_back(house: House, opened: Arrival) -> None:
    from cominflow.flows import desk
    from cominflow.models import Delivery

    house.answer(opened, 1, punteggio=7)
    with pytest.raises(UsageError, match="needs a reason"):
        desk.undo(place(opened, 2), by="rossi", reason=" ", at=now())
    house.work()
    sent = Delivery.objects.get(kind="answer", number=2)
    with pytest.raises(UsageError) as refused:
        desk.undo(place(opened, 2), by="rossi", reason="wrong", at=now())
    assert f"went out with answer 2 of A-{opened.pk} ({sent.reference} outbox/{STEM}.A02, PUBLISHED)" in str(refused)
    assert ", and is charged with it" in str(refused.value)
    assert "a correction is a further delivery" in refused.value.hint
    with pytest.raises(UsageError, match=rf"A-{opened.pk}/4 is OPEN, and has no answer to take back"):
        desk.undo(place(opened, 4), by="rossi", reason="wrong", at=now())
    house.answer(opened, 3, "not_found")
    house.work()
    with pytest.raises(UsageError, match=r"A03, PUBLISHED\)\n"):
        desk.undo(place(opened, 4), by="rossi", reason="wrong", at=now())


def test_a_providers_answer_that_has_not_gone_out_is_not_taken_back(house: House) -> None:
    from cominflow.flows import batch as batches
    from cominflow.flows import desk, fulfil
    from tests.house import bank_file, scored

    content = bank_file(1)
    house.tell(scored(content))
    arrival = house.send(NAME, content)
    batches.identify(arrival.batch_id)
    batches.read(arrival.batch_id)
    arrival.refresh_from_db()
    fulfil.fulfil([arrival])
    with pytest.raises(UsageError, match="answered by the provider of VIS1, not by hand"):
        desk.undo(place(arrival, 1), by="rossi", reason="wrong", at=now())


def test_settling_and_taking_back_at_once_either_sends_the_answer_or_opens_the_request(
    house: House, opened: Arrival
) -> None:
    from django.db import connections

    from cominflow.flows import desk, settle
    from cominflow.models import Charge, Once

    for number in (2, 4, 5):
        house.answer(opened, number - 1, punteggio=number)
        together = threading.Barrier(2)

        def settled(together: threading.Barrier = together) -> int | None:
            try:
                together.wait()
                return settle.settle(opened.pk, at=now())
            finally:
                connections.close_all()

        def undone(number: int = number, together: threading.Barrier = together) -> bool:
            try:
                answered = place(opened, number)
                together.wait()
                desk.undo(answered, by="rossi", reason="wrong", at=now())
                return True
            except UsageError as refused:
                assert "went out with answer" in str(refused)
                return False
            finally:
                connections.close_all()

        with ThreadPoolExecutor(2) as people:
            sent, opened_again = people.submit(settled), people.submit(undone)
        is_sent, is_open = sent.result() is not None, opened_again.result()
        assert is_sent != is_open
        assert place(opened, number).state == ("OPEN" if is_open else "ANSWERED")
        assert bool(place(opened, number).delivery_number) == is_sent
    answers_count = Once.objects.filter(step__startswith="answer-").count()
    assert set(Charge.objects.values_list("delivery_number", flat=True)) == set(range(1, answers_count + 1))
