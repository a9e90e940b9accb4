"""Bytes before the name, the name before the state, the state before the receipt; and a checker that was checked."""

from __future__ import annotations

from tests.simulation import damage, simulated, sites


def test_no_name_and_no_commit_comes_before_its_bytes_and_no_fsync_can_be_taken_out() -> None:
    printed = simulated.run("order")
    assert simulated.number(r"(\d+) steps watched", printed) > 500
    assert simulated.number(r"fsyncs taken out: (\d+)", printed) == len(list(sites.all_sites())) > 25
    assert simulated.number(r"wrong orders: (\d+)", printed) == 3
    assert simulated.number(r"wrong orders that a kill shows: (\d+)", printed) == 2


def test_each_invariant_sees_the_damage_that_breaks_it() -> None:
    printed = simulated.run("damage")
    assert simulated.number(r"damages: (\d+)", printed) == len(list(damage.damages())) > 40
