"""Work that is asked to end: it leaves its step in order, and nobody holds the end against a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from cominflow import failpoint, stopping

if TYPE_CHECKING:
    from tests.house import House


@pytest.fixture
def asked_at() -> Iterator[dict[str, int]]:
    """Failpoint -> at which passing the end is asked for; forgotten after the test."""
    wanted: dict[str, int] = {}

    def listen(name: str) -> None:
        if name in wanted:
            wanted[name] -= 1
            if wanted[name] == 0:
                stopping.ask()

    failpoint.arm(listen)
    yield wanted
    failpoint.arm(None)
    stopping.forget()


@pytest.mark.parametrize("where", ["batch.begun", "receive.identified", "batch.acknowledged", "fulfil.committed"])
def test_a_batch_that_is_stopped_does_not_count_as_a_try_and_goes_on_later(
    house: House, asked_at: dict[str, int], where: str
) -> None:
    from cominflow.models import Batch
    from tests.house import bank_file

    arrival = house.send("RV_20260301_001.txt", bank_file(2))
    asked_at[where] = 1
    for _ in range(8):  # more often than a file that kills the process is tried
        with pytest.raises(stopping.StoppedError):
            house.work()
        assert Batch.objects.get().attempts_count == 0
    stopping.forget()
    house.work()
    arrival.refresh_from_db()
    assert arrival.state == "CLOSED"
    assert Batch.objects.get().failures_count == 0
