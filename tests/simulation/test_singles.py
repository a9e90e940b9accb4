"""Every failpoint, each at one passing drawn by seed: the process dies there, another one goes on, and all holds."""

from __future__ import annotations

from tests.simulation import schedules, simulated


def test_a_kill_at_each_failpoint_changes_nothing_that_anybody_is_told() -> None:
    printed = simulated.run(
        "kills", "--seed", "1", "--short", "--singles", "drawn", "--pairs", "0", "--random", "0", "--postgresql", "no"
    )
    failpoints_count = len(schedules.in_source()) - len(schedules.NOT_PASSED)
    assert simulated.number(r"workload: (\d+) failpoints", printed) == failpoints_count
    assert simulated.number(r"singles: (\d+) schedules", printed) == failpoints_count
    # Those that only a restart passes are reached by a kill before.
    assert simulated.number(r"singles: \d+ schedules, (\d+) kills", printed) > failpoints_count
