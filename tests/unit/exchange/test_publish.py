"""Publishing: whole files only, under names of their own, and never changed afterwards."""

from __future__ import annotations

import errno
import itertools
import resource
import signal
import stat
from typing import TYPE_CHECKING

import pytest

from cominflow.errors import UsageError, WorldError
from tests import killing

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from cominflow.exchange.disk import Folders
    from cominflow.models import Arrival, Delivery

    Claimed = Callable[[str, bytes], Arrival]

pytestmark = pytest.mark.usefixtures("database")

ANSWER = b"00RISPOSTA\r\n"


@pytest.fixture
def arrival(claimed: Claimed) -> Arrival:
    return claimed("RV_001.txt", b"richiesta")


@pytest.fixture
def outbox(folders: Folders) -> Path:
    return folders.customer("banca-demo").outbox


def plan(arrival: Arrival, at: datetime, name: bytes = b"RV_001.A01", number: int = 1) -> Delivery:
    from cominflow.exchange import planning

    return planning.plan(arrival, "answer", number, "outbox", name, at=at)


def stage(folders: Folders, delivery: Delivery, at: datetime, content: bytes = ANSWER) -> None:
    from cominflow.exchange import publish

    with publish.stage(folders, delivery, at=at) as sink:
        sink.write(content)


def leftovers(folders: Folders) -> list[str]:
    return [path.name for path in folders.publish.iterdir()]


def test_a_customers_folder_that_is_missing_is_named_with_what_to_do(
    folders: Folders, arrival: Arrival, outbox: Path, at: datetime
) -> None:
    from cominflow.exchange import publish

    delivery = plan(arrival, at)
    stage(folders, delivery, at)
    outbox.rmdir()
    with pytest.raises(WorldError) as caught:
        publish.publish(folders, delivery, at=at)
    assert str(caught.value) == (
        f"cannot publish into {outbox}: there is no such folder\n"
        f"  do: make it again, for the account that runs cominflow: mkdir {outbox}"
    )
    outbox.mkdir()
    assert publish.publish(folders, delivery, at=at)


def test_a_delivery_is_planned_once(arrival: Arrival, at: datetime) -> None:
    from cominflow.models import Delivery

    first, again = plan(arrival, at), plan(arrival, at)
    assert first == again and first.state == "PLANNED"
    assert Delivery.objects.count() == 1


def test_two_uploads_of_one_name_have_receipts_of_two_names(claimed: Claimed, at: datetime) -> None:
    from cominflow.exchange import planning

    first, second = claimed("RV_001.txt", b"one"), claimed("RV_001.txt", b"two")
    names = []
    for arrival in (first, second, first, second):
        names.append(bytes(planning.plan(arrival, "receipt", 0, "receipts", b"RV_001.R01", at=at).name))
    assert names == [b"RV_001.R01", b"RV_001.%s.R01" % second.reference.encode()] * 2


def test_many_are_planned_as_one_would_be(claimed: Claimed, at: datetime) -> None:
    from django.db import transaction

    from cominflow.exchange import planning
    from cominflow.models import Delivery

    first, second, third = (claimed(f"{name}.txt", name.encode()) for name in "abc")
    plan(first, at, b"TAKEN.A01")
    with transaction.atomic():
        planning.plan_all(
            [
                planning.Plan(first, "answer", 2, "outbox", b"FREE.A02"),
                planning.Plan(second, "answer", 1, "outbox", b"TAKEN.A01"),
                planning.Plan(second, "receipt", 1, "receipts", b"TWICE.R01", "QUEUED"),
                planning.Plan(third, "receipt", 1, "receipts", b"TWICE.R01", "REFUSED"),
            ],
            at=at,
        )
    names = {(row.arrival_id, bytes(row.name), row.reason) for row in Delivery.objects.all()}
    assert names == {
        (first.pk, b"TAKEN.A01", ""),
        (first.pk, b"FREE.A02", ""),
        (second.pk, b"TAKEN.%s.A01" % second.reference.encode(), ""),
        (second.pk, b"TWICE.R01", "QUEUED"),
        (third.pk, b"TWICE.%s.R01" % third.reference.encode(), "REFUSED"),
    }


def test_of_many_that_are_published_one_whose_name_is_taken_is_held(
    folders: Folders, arrival: Arrival, outbox: Path, at: datetime
) -> None:
    from cominflow.exchange import deliveries, publish

    planned = [plan(arrival, at, b"RV_001.A%02d" % number, number) for number in range(1, 13)]
    publish.stage_all(folders, planned, lambda sink, delivery: sink.write(bytes(delivery.name)) and None, at=at)
    (outbox / "RV_001.A03").write_bytes(b"another file")
    publish.publish_all(folders, planned, at=at)
    assert [delivery.state for delivery in planned] == ["PUBLISHED"] * 2 + ["HELD"] + ["PUBLISHED"] * 9
    for delivery in planned:
        delivery.refresh_from_db()
        whole = bytes(delivery.name) if delivery.state == "PUBLISHED" else b"another file"
        assert (outbox / delivery.shown_name).read_bytes() == whole
        assert [event.what for event in deliveries.history(delivery)] == ["STAGED", delivery.state]
    assert leftovers(folders) == [str(planned[2].pk)]


def test_a_name_with_a_number_is_at_most_as_long_as_a_name_can_be(claimed: Claimed, at: datetime) -> None:
    first, second = claimed("a.txt", b"one"), claimed("b.txt", b"two")
    name = b"x" * 251 + b".A01"
    plan(first, at, name)
    numbered = bytes(plan(second, at, name).name)
    assert len(numbered) == 255 and numbered.endswith(b"." + second.reference.encode() + b".A01")


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"a\0b", b"x" * 256])
def test_a_name_that_no_file_can_have_is_refused(arrival: Arrival, at: datetime, name: bytes) -> None:
    with pytest.raises(UsageError, match="no file can be called"):
        plan(arrival, at, name)


def test_nothing_is_in_the_outbox_before_it_is_whole(
    folders: Folders, arrival: Arrival, outbox: Path, at: datetime
) -> None:
    from cominflow.exchange import deliveries, publish

    delivery = plan(arrival, at)
    with publish.stage(folders, delivery, at=at) as sink:
        sink.write(b"00")
        sink.write(b"RISPOSTA\r\n")
        assert list(outbox.iterdir()) == []
    assert (delivery.state, delivery.bytes_count) == ("STAGED", 12)
    assert list(outbox.iterdir()) == []
    for _ in range(2):
        assert publish.publish(folders, delivery, at=at)
        assert (outbox / "RV_001.A01").read_bytes() == ANSWER
        assert (delivery.state, delivery.published_at) == ("PUBLISHED", at)
    assert stat.S_IMODE((outbox / "RV_001.A01").stat().st_mode) == 0o440
    assert leftovers(folders) == []
    assert [event.what for event in deliveries.history(delivery)] == ["STAGED", "PUBLISHED"]


def test_a_writer_that_fails_leaves_the_delivery_planned_and_nothing_behind(
    folders: Folders, arrival: Arrival, at: datetime
) -> None:
    from cominflow.exchange import publish

    delivery = plan(arrival, at)
    with pytest.raises(ZeroDivisionError), publish.stage(folders, delivery, at=at) as sink:
        sink.write(b"half")
        raise ZeroDivisionError
    assert publish.is_planned(delivery)
    assert leftovers(folders) == []


def test_a_disk_that_is_full_leaves_the_delivery_planned_and_nothing_behind(
    folders: Folders, arrival: Arrival, at: datetime
) -> None:
    from cominflow.exchange import publish

    delivery = plan(arrival, at)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with pytest.raises(WorldError) as caught, publish.stage(folders, delivery, at=at) as sink:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
            sink.write(b"x" * (2 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert isinstance(caught.value.__cause__, OSError) and caught.value.__cause__.errno == errno.EFBIG
    assert publish.is_planned(delivery)
    assert leftovers(folders) == []
    stage(folders, delivery, at)
    assert publish.publish(folders, delivery, at=at)


def test_what_is_staged_stays_as_it_is(folders: Folders, arrival: Arrival, outbox: Path, at: datetime) -> None:
    from cominflow.exchange import publish

    delivery = plan(arrival, at)
    stage(folders, delivery, at)
    stage(folders, delivery, at, b"other bytes")
    publish.publish(folders, delivery, at=at)
    stage(folders, delivery, at, b"other bytes")
    assert (outbox / "RV_001.A01").read_bytes() == ANSWER
    assert leftovers(folders) == []


def test_another_file_of_the_name_is_not_touched_and_the_delivery_is_held(
    folders: Folders, arrival: Arrival, outbox: Path, at: datetime
) -> None:
    from cominflow.exchange import publish

    delivery = plan(arrival, at)
    stage(folders, delivery, at)
    (outbox / "RV_001.A01").write_bytes(b"somebody else's")
    for _ in range(2):
        assert not publish.publish(folders, delivery, at=at)
        assert (delivery.state, delivery.reason) == ("HELD", "another file is called RV_001.A01 in outbox")
    assert (outbox / "RV_001.A01").read_bytes() == b"somebody else's"
    (outbox / "RV_001.A01").rename(outbox / "moved-away-by-an-operator")
    assert publish.publish(folders, delivery, at=at)
    assert (outbox / "RV_001.A01").read_bytes() == ANSWER


def test_a_file_of_the_name_with_the_same_bytes_is_ours(
    folders: Folders, arrival: Arrival, outbox: Path, at: datetime
) -> None:
    from cominflow.exchange import publish

    delivery = plan(arrival, at)
    stage(folders, delivery, at)
    (outbox / "RV_001.A01").write_bytes(ANSWER)
    assert publish.publish(folders, delivery, at=at)
    assert delivery.state == "PUBLISHED"
    assert leftovers(folders) == []


def test_bytes_that_changed_since_they_were_staged_are_not_published(
    folders: Folders, arrival: Arrival, outbox: Path, at: datetime
) -> None:
    from cominflow.exchange import publish

    delivery = plan(arrival, at)
    stage(folders, delivery, at)
    staged = folders.publish / str(delivery.pk)
    staged.chmod(0o600)
    staged.write_bytes(b"00RISPOSTE\r\n")
    with pytest.raises(WorldError, match="not what was staged"):
        publish.publish(folders, delivery, at=at)
    assert list(outbox.iterdir()) == []


def test_a_delivery_that_was_not_staged_or_was_given_up_has_nothing_to_publish(
    folders: Folders, arrival: Arrival, outbox: Path, at: datetime
) -> None:
    from cominflow.exchange import publish

    delivery = plan(arrival, at)
    with pytest.raises(UsageError, match="is PLANNED and has nothing to publish"):
        publish.publish(folders, delivery, at=at)
    stage(folders, delivery, at)
    (outbox / "RV_001.A01").write_bytes(b"somebody else's")
    publish.publish(folders, delivery, at=at)
    publish.discard(folders, delivery, at=at, by="operator", reason="the customer has it by mail")
    with pytest.raises(UsageError, match="is DISCARDED"):
        publish.publish(folders, delivery, at=at)
    assert leftovers(folders) == []


def test_a_file_that_the_customer_read_is_retrieved_once(folders: Folders, arrival: Arrival, at: datetime) -> None:
    from cominflow.exchange import deliveries, publish

    delivery = plan(arrival, at)
    stage(folders, delivery, at)
    publish.publish(folders, delivery, at=at)
    for _ in range(2):
        assert publish.retrieved(arrival.customer, "outbox", b"RV_001.A01", at=at)
    assert not publish.retrieved(arrival.customer, "outbox", b"unknown", at=at)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.retrieved_at) == ("RETRIEVED", at)
    assert publish.publish(folders, delivery, at=at)
    assert deliveries.find(delivery.reference) == delivery and list(deliveries.selected(arrival=arrival)) == [delivery]


def test_a_delivery_killed_at_any_point_ends_as_the_same_file_once(
    folders: Folders, arrival: Arrival, outbox: Path, at: datetime
) -> None:
    from cominflow.exchange import deliveries, publish

    def work() -> None:
        delivery = plan(arrival, at, b"RV_001.A%02d" % number, number)
        if publish.is_planned(delivery):
            stage(folders, delivery, at)
        publish.publish(folders, delivery, at=at)

    def restart() -> None:
        publish.recover(folders, at=at)
        work()

    schedules = 0
    for first in itertools.count(1):
        for second in itertools.count(1):
            number = schedules = schedules + 1
            is_first_killed = killing.killed_at(first, work)
            is_second_killed = killing.killed_at(second, restart)
            restart()
            delivery = plan(arrival, at, b"RV_001.A%02d" % number, number)
            assert delivery.state == "PUBLISHED"
            assert [event.what for event in deliveries.history(delivery)] == ["STAGED", "PUBLISHED"]
            assert leftovers(folders) == []
            assert {path.read_bytes() for path in outbox.iterdir()} == {ANSWER}
            assert len(list(outbox.iterdir())) == number
            if not is_second_killed or not is_first_killed:
                break
        if not is_first_killed:
            break
    assert first >= 8 and schedules >= 25
