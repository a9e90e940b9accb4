"""Two kills and more, drawn by seed, on the whole workload with late answers and a released repeat."""

from __future__ import annotations

from tests.simulation import simulated

PAIRS, RANDOM = 6, 3


def test_kills_of_what_a_kill_left_change_nothing_that_anybody_is_told() -> None:
    printed = simulated.run(
        "kills",
        "--seed",
        "1",
        "--singles",
        "none",
        "--pairs",
        str(PAIRS),
        "--random",
        str(RANDOM),
        "--jobs",
        "1",
        "--postgresql",
        "no",
    )
    assert simulated.number(r"pairs: (\d+) schedules", printed) == PAIRS
    assert simulated.number(r"pairs: \d+ schedules, (\d+) kills", printed) > PAIRS
    assert simulated.number(r"random: (\d+) schedules", printed) == RANDOM
    assert simulated.number(r"random: \d+ schedules, (\d+) kills", printed) >= RANDOM // 2
