"""Arrivals: legal moves only, one live arrival per content, and what an operator may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cominflow.errors import UsageError
from cominflow.exchange import states

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cominflow.exchange.disk import Folders
    from cominflow.models import Arrival

    Claimed = Callable[[str, bytes], Arrival]

pytestmark = pytest.mark.usefixtures("database")


def read(folders: Folders, arrival: Arrival, at: datetime) -> Arrival | None:
    from cominflow.exchange import archive, arrivals

    return arrivals.begin_reading(arrival, written=archive.keep(folders, arrival), at=at, by="test")


@pytest.mark.parametrize("table", [states.ARRIVAL, states.DELIVERY], ids=["arrival", "delivery"])
def test_every_state_that_a_move_leads_to_has_its_own_moves(table: states.Moves) -> None:
    assert {to for moves in table.values() for to in moves} <= set(table)


def test_the_live_states_are_those_of_the_database_constraint() -> None:
    from cominflow.models import Arrival

    (constraint,) = (one for one in Arrival._meta.constraints if one.name == "one_live_arrival_per_content")
    # Q: (was_released, state__in) AND NOT (sha256 = "")
    assert dict(constraint.condition.children[:2])["state__in"] == sorted(states.ARRIVAL_LIVE, key=_as_in_the_table)


def _as_in_the_table(state: str) -> int:
    return ["CLAIMED", "READING", "QUEUED", "ANSWERED", "CLOSED"].index(state)


def test_a_move_that_the_table_has_is_made_and_written_down(claimed: Claimed, at: datetime) -> None:
    from cominflow.exchange import arrivals
    from cominflow.models import Arrival

    arrival = claimed("a.txt", b"x")
    assert arrivals.move(arrival, "READING", at=at, by="reader")
    assert arrivals.move(arrival, "REFUSED", at=at, by="reader", reason="totals differ", records_count=3)
    stored = Arrival.objects.get(pk=arrival.pk)
    assert (stored.state, stored.reason, stored.records_count) == ("REFUSED", "totals differ", 3)
    said = [(event.what, event.by, event.reason) for event in arrivals.history(arrival)]
    assert said == [("CLAIMED", "claim", ""), ("READING", "reader", ""), ("REFUSED", "reader", "totals differ")]


def test_a_move_made_before_is_not_made_again(claimed: Claimed, at: datetime) -> None:
    from cominflow.exchange import arrivals

    arrival = claimed("a.txt", b"x")
    assert arrivals.move(arrival, "READING", at=at, by="reader")
    assert not arrivals.move(arrival, "READING", at=at, by="reader")
    assert len(arrivals.history(arrival)) == 2


def test_any_other_move_is_refused_with_what_can_be_done(claimed: Claimed, at: datetime) -> None:
    from cominflow.exchange import arrivals

    arrival = claimed("a.txt", b"x")
    for to in set(states.ARRIVAL) - {"CLAIMED", *states.ARRIVAL["CLAIMED"]}:
        with pytest.raises(UsageError, match=f"A-{arrival.pk} .a.txt. is CLAIMED and cannot become {to}") as caught:
            arrivals.move(arrival, to, at=at, by="test")
        assert "READING" in caught.value.hint
    assert arrival.state == "CLAIMED"


def test_the_state_in_the_database_decides(claimed: Claimed, at: datetime) -> None:
    from cominflow.exchange import arrivals
    from cominflow.models import Arrival

    arrival = claimed("a.txt", b"x")
    stale = Arrival.objects.get(pk=arrival.pk)
    arrivals.move(arrival, "READING", at=at, by="test")
    arrivals.move(arrival, "QUEUED", at=at, by="test")
    with pytest.raises(UsageError, match="is QUEUED and cannot become READING"):
        arrivals.move(stale, "READING", at=at, by="test")


def test_a_content_received_again_under_another_name_is_a_duplicate(
    folders: Folders, claimed: Claimed, at: datetime
) -> None:
    first, second = claimed("a.txt", b"same"), claimed("b.txt", b"same")
    assert read(folders, first, at) is None
    for _ in range(2):
        assert read(folders, second, at) == first
    second.refresh_from_db()
    assert (second.state, second.duplicate_of) == ("DUPLICATE", first)
    assert second.reason == f"the same content as {first.reference} (a.txt)"
    assert second.sha256 == first.sha256


def test_a_content_that_was_refused_may_come_again(folders: Folders, claimed: Claimed, at: datetime) -> None:
    from cominflow.exchange import arrivals

    first = claimed("a.txt", b"same")
    read(folders, first, at)
    arrivals.move(first, "REFUSED", at=at, by="test", reason="totals differ")
    assert read(folders, claimed("a.txt", b"same"), at) is None


def test_another_customers_same_content_is_no_duplicate(folders: Folders, claimed: Claimed, at: datetime) -> None:
    from cominflow.exchange.claim import claim
    from cominflow.models import Arrival, Customer

    read(folders, claimed("a.txt", b"same"), at)
    folders.ensure(["istituto-demo"])
    other = Customer.objects.create(code="istituto-demo", name="Istituto Demo", created_at=at)
    (folders.customer("istituto-demo").inbox / "a.txt").write_bytes(b"same")
    (pk,) = claim(folders, other, at=at)
    assert read(folders, Arrival.objects.get(pk=pk), at) is None


def test_of_two_same_contents_read_at_the_same_moment_one_is_the_duplicate(
    folders: Folders, claimed: Claimed, at: datetime
) -> None:
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    from django.db import connections

    from cominflow.exchange import archive, arrivals
    from cominflow.models import Arrival

    found = [claimed(f"{number}.txt", b"same") for number in range(4)]
    written = [archive.keep(folders, arrival) for arrival in found]
    barrier = Barrier(4)

    def begin(index: int) -> None:
        try:
            barrier.wait()
            arrivals.begin_reading(found[index], written=written[index], at=at, by="test")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(begin, index) for index in range(4)]:
            future.result()
    assert sorted(Arrival.objects.values_list("state", flat=True)) == ["DUPLICATE"] * 3 + ["READING"]


def test_a_released_duplicate_is_read_again_in_a_batch_of_its_own(
    folders: Folders, claimed: Claimed, at: datetime
) -> None:
    from cominflow.exchange import arrivals

    first, second = claimed("a.txt", b"same"), claimed("b.txt", b"same")
    read(folders, first, at)
    read(folders, second, at)
    batch = second.batch
    for _ in range(2):
        arrivals.release(folders, second, at=at, by="operator", reason="the customer asked for it twice")
    assert (second.state, second.was_released, second.readings_count) == ("CLAIMED", True, 2)
    assert second.batch != batch and second.batch.finished_at is None
    assert read(folders, second, at) is None
    # A restart of the first, whose content is now live twice, changes nothing about it.
    assert read(folders, first, at) is None
    assert first.state == "READING"


def test_a_quarantined_file_whose_content_came_again_is_not_released(
    folders: Folders, claimed: Claimed, at: datetime
) -> None:
    from cominflow.exchange import arrivals, quarantine

    first = claimed("a.txt", b"same")
    read(folders, first, at)
    quarantine.put(folders, first, reason="a defect of ours", at=at)
    arrivals.move(first, "QUARANTINED", at=at, by="test", reason="a defect of ours")
    again = claimed("a.txt", b"same")
    assert read(folders, again, at) is None
    with pytest.raises(UsageError, match=f"has the same content as {again.reference}, which is READING"):
        arrivals.release(folders, first, at=at, by="operator", reason="mended")


def test_a_quarantined_file_is_released_and_read_from_the_spool(
    folders: Folders, claimed: Claimed, at: datetime
) -> None:
    from cominflow.exchange import archive, arrivals, quarantine

    arrival = claimed("a.txt", b"x")
    arrivals.move(arrival, "READING", at=at, by="test")
    quarantine.put(folders, arrival, reason="a defect of ours", at=at)
    arrivals.move(arrival, "QUARANTINED", at=at, by="test", reason="a defect of ours")
    arrivals.release(folders, arrival, at=at, by="operator", reason="mended")
    assert archive.locate(folders, arrival) == folders.spool / arrival.claim_id
    assert read(folders, arrival, at) is None


@pytest.mark.parametrize("state", ["DUPLICATE", "QUARANTINED", "HELD"])
def test_what_waits_for_an_operator_can_be_discarded_with_a_reason(claimed: Claimed, at: datetime, state: str) -> None:
    from cominflow.exchange import arrivals

    arrival = claimed("a.txt", b"x")
    arrivals.move(arrival, "READING", at=at, by="test")
    arrivals.move(arrival, state, at=at, by="test")
    with pytest.raises(UsageError, match="needs a reason"):
        arrivals.discard(arrival, at=at, by="operator", reason=" ")
    arrivals.discard(arrival, at=at, by="operator", reason="sent by mistake, says the customer")
    assert (arrival.state, arrival.closed_at) == ("DISCARDED", at)


def test_nothing_else_is_released_or_discarded(folders: Folders, claimed: Claimed, at: datetime) -> None:
    from cominflow.exchange import arrivals
    from cominflow.models import Batch

    arrival = claimed("a.txt", b"x")
    with pytest.raises(UsageError, match="nothing holds it"):
        arrivals.release(folders, arrival, at=at, by="operator", reason="why not")
    arrivals.move(arrival, "READING", at=at, by="test")
    with pytest.raises(UsageError, match="is READING and cannot become CLAIMED"):
        arrivals.release(folders, arrival, at=at, by="operator", reason="why not")
    with pytest.raises(UsageError, match="is READING and cannot become DISCARDED"):
        arrivals.discard(arrival, at=at, by="operator", reason="why not")
    assert Batch.objects.count() == 1


def test_an_arrival_is_found_by_its_number_or_by_a_name_that_only_one_has(claimed: Claimed) -> None:
    from cominflow.exchange import arrivals

    first, second = claimed("a.txt", b"x"), claimed("b.txt", b"y")
    for text in (first.reference, first.reference.lower(), str(first.pk), "a.txt"):
        assert arrivals.find(text) == first
    third = claimed("b.txt", b"z")
    with pytest.raises(UsageError, match=rf"{third.reference} \(CLAIMED\), {second.reference} \(CLAIMED\)"):
        arrivals.find("b.txt")
    for text in ("A-999999", "c.txt", "9" * 30, ""):
        with pytest.raises(UsageError, match="there is no arrival"):
            arrivals.find(text)


def test_arrivals_are_listed_newest_first(claimed: Claimed, at: datetime) -> None:
    from cominflow.exchange import arrivals

    first, second = claimed("a.txt", b"x"), claimed("b.txt", b"y")
    arrivals.move(first, "READING", at=at, by="test")
    assert list(arrivals.listing()) == [second, first]
    assert list(arrivals.listing(arrival_states=["READING"])) == [first]
    assert list(arrivals.listing(customer=first.customer, since=at)) == [second, first]
