"""Pulse: counts of one look, and who has waited longest, however the requests are kept."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.house import House

NAME = "RV_20260301_001.txt"


@pytest.mark.parametrize("kept", ["rows", "chunks"])
def test_a_file_is_counted_on_its_way_through(house: House, monkeypatch: pytest.MonkeyPatch, kept: str) -> None:
    from cominflow import clock, failpoint
    from cominflow.flows import batch as batches
    from cominflow.flows import fulfil, pulse, receive
    from tests.house import bank_file, scored

    def interrupt(name: str) -> None:
        if name == "fulfil.committed":
            raise InterruptedError("after the first portion")

    if kept == "chunks":
        for module in (receive, pulse):
            monkeypatch.setattr(module, "CHUNK_REQUESTS", 2)
        monkeypatch.setattr(receive, "REQUESTS_AS_ROWS_MAX", 1)
        monkeypatch.setattr(batches, "LARGE_FILE_BYTES", 1_000)
    empty = pulse.look(clock.now())
    assert (empty.files, empty.requests["done"], empty.unfinished_files) == ({}, 0, 0)
    assert (empty.oldest_waiting, empty.oldest_open, empty.failing) == (None, None, ())
    content = bank_file(6, by_hand=(1, 4))
    house.tell(scored(content))
    arrival = house.send(NAME, content)
    claimed = pulse.look(clock.now())
    assert (claimed.files, claimed.unfinished_files) == ({"CLAIMED": 1}, 1)
    assert claimed.oldest_waiting is not None
    assert (claimed.oldest_waiting.arrival, claimed.oldest_waiting.since) == (arrival.reference, arrival.claimed_at)
    batches.identify(arrival.batch_id)
    batches.read(arrival.batch_id)
    assert pulse.look(clock.now()).requests == {"read": 0, "waiting": 6, "open": 0, "done": 0}
    arrival.refresh_from_db()
    failpoint.arm(interrupt)
    with pytest.raises(InterruptedError):
        fulfil.fulfil([arrival])
    failpoint.arm(None)
    half = pulse.look(clock.now()).requests
    assert half == (
        {"read": 0, "waiting": 0, "open": 2, "done": 4} if kept == "rows"
        else {"read": 0, "waiting": 4, "open": 1, "done": 1}
    )  # fmt: skip
    house.work()
    answered = pulse.look(clock.now())
    assert answered.requests == {"read": 0, "waiting": 0, "open": 2, "done": 4}
    assert (answered.unfinished_files, answered.oldest_waiting) == (0, None)
    assert answered.oldest_open is not None and answered.oldest_open.file == NAME
    assert answered.deliveries == {"PUBLISHED": 4}
    for position in (1, 4):
        house.answer(arrival, position, punteggio=1)
    assert pulse.look(clock.now()).unfinished_files == 1, "its answers have not gone out"
    house.work()
    closed = pulse.look(clock.now())
    assert (closed.files, closed.requests["done"], closed.oldest_open) == ({"CLOSED": 1}, 6, None)


def test_the_oldest_of_several_files_is_named_and_what_fails_is_told(house: House) -> None:
    from cominflow import clock
    from cominflow.flows import pulse
    from cominflow.models import Arrival, Batch
    from tests.house import bank_file

    first = house.send(NAME, bank_file(1))
    house.send("RV_20260301_002.txt", bank_file(1, seed=2))
    at = clock.now()
    Arrival.objects.filter(pk=first.pk).update(claimed_at=at - timedelta(hours=3))
    Batch.objects.filter(arrivals=first).update(error="read: no disk", not_before=at)
    seen = pulse.look(at)
    assert seen.oldest_waiting is not None and seen.oldest_waiting.arrival == first.reference
    (failing,) = seen.failing
    assert (failing.error, failing.tried_again_at) == ("read: no disk", at)
