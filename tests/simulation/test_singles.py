"""Every failpoint: the process dies there, another one goes on (and dies further on its way), and all holds."""

from __future__ import annotations

from tests.simulation import schedules, simulated


def test_a_kill_at_each_failpoint_changes_nothing_that_anybody_is_told() -> None:
    printed = simulated.run(
        "kills", "--seed", "1", "--short", "--singles", "chained", "--pairs", "0", "--random", "0", "--postgresql", "no"
    )
    failpoints_count = len(schedules.in_source()) - len(schedules.NOT_PASSED)
    assert simulated.number(r"workload: (\d+) failpoints", printed) == failpoints_count
    in_chains = simulated.number(r"chains: killed at (\d+) failpoints", printed)
    assert in_chains > failpoints_count // 2, "chains that do not reach their later kills save nothing"
    alone = simulated.number(r"singles: (\d+) schedules", printed)
    assert in_chains + alone == failpoints_count
    # Those that only a restart passes are reached by a kill before.
    assert simulated.number(r"singles: \d+ schedules, (\d+) kills", printed) > alone
