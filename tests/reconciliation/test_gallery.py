"""Each finding code is seen once in a system that was damaged in just that way, and in no other."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cominflow.reconciliation.codes import CATALOGUE, PARTS
from tests.reconciliation import damages
from tests.reconciliation.damages import GALLERY, Damage

if TYPE_CHECKING:
    from cominflow.reconciliation.report import Report
    from tests.house import House


def look(house: House, *, is_later: bool = False, is_deep: bool = True) -> Report:
    """Reconcile the house."""
    from cominflow import clock
    from cominflow.reconciliation.block import Look
    from cominflow.reconciliation.whole import reconcile

    return reconcile(Look(house.folders, clock.now() + timedelta(hours=2 * is_later), is_deep=is_deep))


def places(text: str) -> str:
    """A place of the gallery with the numbers that this system gave."""
    from cominflow.models import Arrival, Delivery, Invoice

    one = Arrival.objects.get(pk=1)
    return text.format(
        answer=Delivery.objects.filter(arrival_id=1, kind="answer").order_by("pk").values_list("pk", flat=True).first(),
        open=Delivery.objects.filter(arrival_id=6, kind="answer").values_list("pk", flat=True).first(),
        year=Invoice.objects.values_list("year", flat=True).first(),
        batch=one.batch_id,
        day=look_day(one),
    )


def look_day(arrival: object) -> str:
    """The day in Italy on which an arrival came."""
    from cominflow import clock

    return f"{clock.day_of(arrival.claimed_at):%Y-%m-%d}"  # type: ignore[attr-defined]


@pytest.mark.parametrize("is_later", [False, True])
@pytest.mark.parametrize("is_deep", [False, True])
def test_a_system_in_which_everything_happened_adds_up(house: House, is_later: bool, is_deep: bool) -> None:
    report = look(house, is_later=is_later, is_deep=is_deep)
    assert list(report.lines()) == []
    (day,) = report.days
    assert (day["files"], day["requests"], day["answered"], day["open"]) == (3, 39, 38, 1)
    assert day["charged_net_cents"] == day["invoiced_net_cents"] > 0
    assert report.seen["originals hashed"] == report.seen["originals"] == 6


@pytest.mark.parametrize("damage", GALLERY, ids=lambda one: f"{one.code} {one.what}")
def test_a_damage_is_found_and_nothing_else_is(house: House, damage: Damage) -> None:
    where = places(damage.where)
    damage.spoil(house)
    report = look(house, is_later=damage.is_later)
    assert where in {one.where for one in report.findings if one.code == damage.code}, list(report.lines())
    assert set(report.counts) <= {damage.code, *damage.others}, list(report.lines())


def test_every_code_has_a_damage_that_shows_it() -> None:
    assert {damage.code for damage in GALLERY} == set(CATALOGUE)
    assert {code[2] for code in CATALOGUE} == set(PARTS)


def test_a_file_that_the_customer_took_away_is_no_finding(house: House) -> None:
    for path in house.folders.customer("banca-demo").outbox.iterdir():
        path.unlink()
    assert look(house).is_clean


def test_of_many_findings_the_first_are_told_and_all_are_counted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from cominflow.reconciliation import report as reports

    monkeypatch.setattr(reports, "RECONCILE_FINDINGS_MAX", 2)
    for key in (1, 2, 4, 6):
        damages.original(house, key).unlink()
    report = look(house)
    assert report.counts == {"R-101": 5}  # A-3 is the same content as A-1
    assert [one.where for one in report.findings] == ["A-1", "A-2"]
    assert "R-101: and 3 more" in list(report.lines())


def test_a_day_is_looked_at_without_the_others(house: House) -> None:
    from cominflow import clock
    from cominflow.models import Arrival
    from cominflow.reconciliation.block import Look
    from cominflow.reconciliation.whole import reconcile

    damages.original(house, 2).unlink()
    at = clock.now()
    today = clock.day_of(at)
    Arrival.objects.filter(pk=4).update(claimed_at=at - timedelta(days=40))  # and its original is not there any more
    assert reconcile(Look(house.folders, at, today)).counts == {"R-101": 1}
    other = reconcile(Look(house.folders, at, today - timedelta(days=1)))
    assert (other.seen["arrivals"], other.counts) == (0, {})
    assert reconcile(Look(house.folders, at, clock.day_of(at - timedelta(days=40)))).findings[0].where == "A-4"


def test_what_is_written_while_it_reads_is_not_seen_and_is_not_kept_waiting(house: House) -> None:
    """A writer commits in the middle of a snapshot, at once; the reader goes on with what was there before."""
    import threading

    from django.db import connection, connections

    from cominflow.models import Arrival
    from cominflow.reconciliation.snapshot import snapshot

    def write() -> None:
        Arrival.objects.filter(pk=1).update(requests_count=99)
        connections.close_all()

    with snapshot():
        before = Arrival.objects.get(pk=1).requests_count
        writer = threading.Thread(target=write)
        writer.start()
        writer.join()  # it would wait for 30 s and fail if a read took the write lock
        assert Arrival.objects.get(pk=1).requests_count == before
    assert Arrival.objects.get(pk=1).requests_count == 99
    if connection.vendor == "sqlite":
        assert connection.transaction_mode == "IMMEDIATE"


def test_a_snapshot_cannot_be_written_in(house: House) -> None:
    from django.db import DatabaseError

    from cominflow.models import Arrival
    from cominflow.reconciliation.snapshot import snapshot

    with pytest.raises(DatabaseError), snapshot():
        Arrival.objects.filter(pk=1).update(requests_count=99)
    assert Arrival.objects.filter(pk=1).update(requests_count=5) == 1


def test_a_delivery_that_is_made_again_long_afterwards_is_no_finding(house: House) -> None:
    from cominflow import clock
    from cominflow.flows import operate
    from cominflow.models import Delivery

    delivery = Delivery.objects.get(arrival_id=1, kind="answer", number=1)
    Delivery.objects.filter(pk=delivery.pk).update(planned_at=clock.now() - timedelta(days=3))
    (house.folders.customer("banca-demo").outbox / delivery.shown_name).unlink()
    assert operate.republish(delivery, by="operator", reason="the customer lost it", at=clock.now())
    assert look(house).is_clean
    house.work()
    assert look(house, is_later=True).is_clean
