"""Republish: a file that is gone comes back with the same bytes; one that is there is never touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cominflow.errors import CominflowError, UsageError, WorldError

if TYPE_CHECKING:
    from pathlib import Path

    from cominflow.models import Arrival, Delivery
    from tests.house import House

STEM = "RV_20260301_001"
NAME = f"{STEM}.txt"


@pytest.fixture
def arrival(house: House) -> Arrival:
    """An arrival of four requests with a rejected one, closed after a late answer: each kind of file went out."""
    from tests.house import bank_file, scored, with_wrong_person

    content = with_wrong_person(bank_file(4, by_hand=(1,)), 4)
    house.tell(scored(content))
    found = house.receive(NAME, content)
    house.answer(found, 1, punteggio=7)
    house.work()
    found.refresh_from_db()
    assert found.state == "CLOSED"
    return found


def answer_of(arrival: Arrival) -> Delivery:
    from cominflow.models import Delivery

    return Delivery.objects.select_related("customer", "arrival").get(arrival=arrival, kind="answer", number=1)


def path_of(house: House, delivery: Delivery) -> Path:
    from cominflow.exchange import publish

    return publish.place_of(house.folders, delivery)


def republish(delivery: Delivery, reason: str = "removed by mistake") -> bool:
    from cominflow import clock
    from cominflow.flows import operate

    return operate.republish(delivery, by="rossi", reason=reason, at=clock.now())


def test_every_file_that_is_gone_comes_back_with_the_same_bytes_and_nothing_is_charged(
    house: House, arrival: Arrival
) -> None:
    from cominflow.models import Charge, Delivery, Invoice

    every = list(Delivery.objects.filter(arrival=arrival).select_related("customer", "arrival").order_by("pk"))
    assert [one.kind for one in every] == ["receipt"] * 2 + ["rejection"] + ["answer", "invoice"] * 2
    before = house.outbox() | house.receipts()
    charged = Charge.objects.count(), Invoice.objects.count()
    for delivery in every:
        path_of(house, delivery).unlink()
        assert republish(delivery)
    assert not house.outbox() and not house.receipts(), "the command itself publishes nothing"
    house.work()
    assert house.outbox() | house.receipts() == before
    assert (Charge.objects.count(), Invoice.objects.count()) == charged
    assert set(Delivery.objects.values_list("state", flat=True)) == {"PUBLISHED"}
    arrival.refresh_from_db()
    assert arrival.state == "CLOSED"
    assert list(house.folders.publish.iterdir()) == []


def test_a_file_that_the_customer_had_fetched_is_planned_again_and_its_history_says_why(
    house: House, arrival: Arrival
) -> None:
    from cominflow import clock
    from cominflow.exchange import deliveries, publish

    delivery = answer_of(arrival)
    publish.retrieved(delivery.customer, "outbox", bytes(delivery.name), at=clock.now())
    path_of(house, delivery).unlink()
    delivery.refresh_from_db()
    assert delivery.state == "RETRIEVED" and republish(delivery, "  asked for by telephone ")
    delivery.refresh_from_db()
    assert (delivery.state, delivery.published_at, delivery.retrieved_at) == ("PLANNED", None, None)
    with pytest.raises(UsageError, match="is PLANNED: it has not gone out yet"):
        republish(delivery)
    house.work()
    assert [(event.what, event.reason) for event in deliveries.history(delivery)][2:5] == [
        ("RETRIEVED", ""), ("PLANNED", "asked for by telephone"), ("STAGED", "asked for by telephone"),
    ]  # fmt: skip
    delivery.refresh_from_db()
    assert delivery.state == "PUBLISHED" and delivery.published_at is not None


def test_a_file_that_is_there_is_never_touched(house: House, arrival: Arrival) -> None:
    from cominflow.models import Batch, Event

    delivery = answer_of(arrival)
    place = path_of(house, delivery)
    before, events = place.stat(), Event.objects.count()
    assert republish(delivery) is False
    after = place.stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_ctime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
        before.st_ctime_ns,
    )
    place.unlink()
    place.write_bytes(b"not ours")
    with pytest.raises(UsageError, match="its bytes are not those of delivery D-"):
        republish(delivery)
    assert place.read_bytes() == b"not ours"
    place.unlink()
    place.symlink_to(house.folders.data)
    with pytest.raises(UsageError, match="its bytes are not those of delivery D-"):
        republish(delivery)
    assert place.is_symlink()
    assert Event.objects.count() == events and not Batch.objects.filter(finished_at=None).exists()


def test_a_file_that_comes_back_before_the_engine_does_stays_and_another_one_holds_the_delivery(
    house: House, arrival: Arrival
) -> None:
    delivery = answer_of(arrival)
    place = path_of(house, delivery)
    kept = place.rename(house.folder / "kept")
    assert republish(delivery)
    kept.rename(place)
    inode = place.stat().st_ino
    house.work()
    assert place.stat().st_ino == inode and house.states(arrival)[f"{STEM}.A01"] == "PUBLISHED"
    place.unlink()
    assert republish(delivery)
    place.write_bytes(b"not ours")
    house.work()
    assert place.read_bytes() == b"not ours" and house.states(arrival)[f"{STEM}.A01"] == "HELD"
    place.unlink()
    with pytest.raises(UsageError, match="is HELD, and its file is there: .*publish"):
        republish(delivery)
    house.release(arrival)
    house.work()
    assert house.states(arrival)[f"{STEM}.A01"] == "PUBLISHED"
    assert republish(delivery) is False


def test_bytes_that_come_out_otherwise_are_refused_before_anything_is_planned(house: House, arrival: Arrival) -> None:
    from cominflow.models import Delivery

    delivery = answer_of(arrival)
    place = path_of(house, delivery)
    place.unlink()
    Delivery.objects.filter(pk=delivery.pk).update(sha256="0" * 64)
    delivery.refresh_from_db()
    with pytest.raises(CominflowError, match="a defect of ours") as refused:
        republish(delivery)
    assert refused.value.exit_code == 70
    delivery.refresh_from_db()
    assert delivery.state == "PUBLISHED" and not place.exists()
    assert list(house.folders.publish.iterdir()) == []


def test_bytes_that_the_engine_makes_otherwise_are_held_and_can_be_asked_for_again(
    house: House, arrival: Arrival
) -> None:
    from cominflow.models import Batch, Delivery

    delivery = answer_of(arrival)
    before = path_of(house, delivery).read_bytes()
    path_of(house, delivery).unlink()
    assert republish(delivery)
    sha256 = delivery.sha256
    Delivery.objects.filter(pk=delivery.pk).update(sha256="0" * 64)
    house.work()
    delivery.refresh_from_db()
    assert delivery.state == "HELD" and "a defect of ours; nothing was put into outbox" in delivery.reason
    assert not path_of(house, delivery).exists() and list(house.folders.publish.iterdir()) == []
    assert not Batch.objects.filter(finished_at=None).exists(), "other files of the arrival are not kept waiting"
    house.release(arrival)
    house.work()
    assert house.states(arrival)[f"{STEM}.A01"] == "HELD", "there is nothing to publish"
    Delivery.objects.filter(pk=delivery.pk).update(sha256=sha256)
    delivery.refresh_from_db()
    assert republish(delivery)
    house.work()
    assert path_of(house, delivery).read_bytes() == before


def test_the_kinds_that_the_command_offers_are_those_that_there_are(arrival: Arrival) -> None:
    from cominflow.cli import delivery
    from cominflow.exchange import planning
    from cominflow.models import Delivery

    assert delivery.KINDS == planning.KINDS
    assert set(Delivery.objects.values_list("kind", flat=True)) == set(planning.KINDS)


def test_without_a_reason_or_a_folder_nothing_is_planned(house: House, arrival: Arrival) -> None:
    delivery = answer_of(arrival)
    place = path_of(house, delivery)
    place.unlink()
    with pytest.raises(UsageError, match="needs a reason"):
        republish(delivery, " ")
    place.parent.rename(house.folder / "elsewhere")
    with pytest.raises(WorldError, match="the customer's folder is gone") as refused:
        republish(delivery)
    assert "cominflow init" in str(refused.value)


def test_the_receipt_of_a_reading_that_gave_way_to_another_is_not_made_again(house: House) -> None:
    from cominflow.models import Delivery
    from tests.house import bank_file, scored

    content = bank_file(2)
    house.tell(scored(content))
    house.receive(NAME, content)
    repeat = house.receive("RV_20260301_002.txt", content)
    house.release(repeat)
    house.work()
    rows = Delivery.objects.filter(arrival=repeat, kind="receipt").select_related("customer", "arrival")
    first, second = (rows.filter(number=number).order_by("pk")[1] for number in (1, 2))
    assert second.shown_name.endswith(".json")
    before = path_of(house, second).read_bytes()
    for one in (first, second):
        path_of(house, one).unlink()
    with pytest.raises(UsageError, match="tells of reading 1"):
        republish(first)
    assert republish(second)
    house.work()
    assert path_of(house, second).read_bytes() == before


def test_a_late_batch_leaves_the_reading_of_a_released_file_to_the_batch_that_is_for_it(house: House) -> None:
    from cominflow import clock
    from cominflow.flows import batch as batches
    from cominflow.models import Batch
    from tests.house import bank_file, scored

    content = bank_file(2)
    house.tell(scored(content))
    house.receive(NAME, content)
    repeat = house.receive("RV_20260301_002.txt", content)
    house.release(repeat)
    late = Batch.objects.create(created_at=clock.now(), late_for=repeat)
    batches.identify(late.pk)
    batches.read(late.pk)
    repeat.refresh_from_db()
    assert repeat.state == "CLAIMED"
    house.work()
    repeat.refresh_from_db()
    assert repeat.state == "CLOSED"
