"""Schedules: which kills, in which order. Names of failpoints are learnt from recorded runs, never listed by hand."""

from __future__ import annotations

import ast
import random
from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.simulation import lives
from tests.simulation.files import Sent
from tests.simulation.lives import After, At, Ended, Kill
from tests.simulation.place import Place

SOURCE = Path(__file__).resolve().parents[2] / "cominflow"

# Kills whose restart passes failpoints that an undisturbed life does not.
OPENERS = (At("claim.durable"), At("claim.copy_named"), At("publish.opened"))

# Failpoints that the workload does not pass, each with the reason.
NOT_PASSED: dict[str, str] = {
    "receive.older_layout": "no feed of the workload is in its time of two layouts; tests/unit/flows kills there",
}

Schedule = tuple[Kill, ...]

# Kills in one schedule of a chain: each life dies about a fourth of the way after the one before.
_CHAINED = 4


@dataclass(frozen=True)
class Recorded:
    """What the recorded runs passed: how often in an undisturbed life, and what only a restart passes (after whom)."""

    counts: Counter[str]
    restarts: dict[str, At]

    @property
    def names(self) -> list[str]:
        """Every failpoint that the workload can pass."""
        return sorted([*self.counts, *self.restarts])


def record(template: Place, sent: list[Sent]) -> tuple[Recorded, list[Ended]]:
    """Run undisturbed, and once through each opener."""
    undisturbed = lives.run(template, "recorded", (), sent)
    ended = [undisturbed]
    restarts: dict[str, At] = {}
    for opener in OPENERS:
        opened = lives.run(template, "recorded", (opener,), sent)
        ended.append(opened)
        for name in opened.passed[-1]:
            if name not in undisturbed.passed[0]:
                restarts.setdefault(name, opener)
    return Recorded(Counter(undisturbed.passed[0]), restarts), ended


def singles(recorded: Recorded) -> Iterator[Schedule]:
    """Each failpoint at its first and its last passing."""
    for name, count in sorted(recorded.counts.items()):
        yield from ((At(name, nth),) for nth in sorted({1, count}))
    yield from _after_openers(recorded)


def chains(recorded: Recorded) -> Iterator[Schedule]:
    """Each failpoint at its first passing, some in one schedule: life after life dies further on its way."""
    names = list(recorded.counts)  # in the order in which they are passed first
    count = -(-len(names) // _CHAINED)
    for start in range(count):
        yield tuple(At(name) for name in names[start::count])


def singles_but(recorded: Recorded, killed: Container[str], chosen: random.Random) -> Iterator[Schedule]:
    """Each failpoint at which nothing was killed, at one passing, drawn from all of them."""
    for name, count in sorted(recorded.counts.items()):
        if name not in killed:
            yield (At(name, chosen.randint(1, count)),)
    yield from _after_openers(recorded)


def _after_openers(recorded: Recorded) -> Iterator[Schedule]:
    """What only a restart passes."""
    for name, opener in sorted(recorded.restarts.items()):
        yield (opener, At(name))


def is_first(schedule: Schedule) -> bool:
    """Whether it is one kill, at a failpoint's first passing."""
    return len(schedule) == 1 and isinstance(schedule[0], At) and schedule[0].nth == 1


def pairs(ended: list[Ended]) -> Iterator[Schedule]:
    """Each failpoint, and then each that its restart passes, at their first passing: from singles that were run."""
    for one in ended:
        if is_first(one.schedule) and len(one.passed) == 2:
            yield from ((*one.schedule, At(name)) for name in sorted(set(one.passed[1])))


def drawn_pairs(recorded: Recorded, chosen: random.Random, count: int) -> Iterator[Schedule]:
    """`count` pairs by chance: any two failpoints, each at any passing."""
    names = sorted(recorded.counts)
    for _ in range(count):
        first, second = chosen.choice(names), chosen.choice(names)
        yield (
            At(first, chosen.randint(1, recorded.counts[first])),
            At(second, chosen.randint(1, (recorded.counts[second] + 1) // 2)),
        )


def at_random(recorded: Recorded, chosen: random.Random, count: int) -> Iterator[Schedule]:
    """`count` schedules of one to four kills, each after a random number of passings or a random time."""
    total = recorded.counts.total()
    for _ in range(count):
        kills = chosen.randint(1, 4)
        yield tuple(
            At("", chosen.randint(1, total)) if chosen.random() < 0.5 else After(chosen.uniform(0.05, 2.5))
            for _ in range(kills)
        )


def in_source() -> dict[str, str]:
    """Failpoint -> where it stands in the source."""
    found: dict[str, str] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("failpoint.hit"):
                (name,) = node.args
                assert isinstance(name, ast.Constant) and isinstance(name.value, str), "a failpoint's name is a text"
                where = f"{path.relative_to(SOURCE.parent)}:{node.lineno}"
                assert name.value not in found, f"{where}: {name.value} stands at {found[name.value]} too"
                found[name.value] = where
    return found


def not_passed(recorded: Recorded) -> list[str]:
    """Failpoints of the source that the workload never passed, and reasons for failpoints that are gone or passed."""
    source = in_source()
    missing = [f"{name} ({where})" for name, where in source.items() if name not in {*recorded.names, *NOT_PASSED}]
    stale = [
        f"{name} has a reason and needs none" for name in NOT_PASSED if name in recorded.names or name not in source
    ]
    return missing + stale
