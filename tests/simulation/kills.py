"""Kills: run many schedules in a few processes, and say how many there were, what was killed, and what was found."""

from __future__ import annotations

import json
import os
import random
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation import lives, schedules
from tests.simulation.files import Sent
from tests.simulation.lives import At, Ended
from tests.simulation.place import Place
from tests.simulation.schedules import Recorded, Schedule


@dataclass(frozen=True)
class Wanted:
    """What to run.

    singles  "all" (first and last passing of each failpoint), "chained" (each once, several in one schedule) or "none"
    pairs    how many by chance; None for every pair of failpoints, on the short workload
    drawn    schedules of one to four kills by chance
    is_short whether singles, pairs and drawn ones run on the short workload
    """

    seed: int
    singles: str
    pairs: int | None
    drawn: int
    is_short: bool
    jobs: int


@dataclass
class Tally:
    """Schedules that were run, kills that really happened, and what is wrong."""

    schedules_count: int = 0
    kills_count: int = 0
    problems: list[str] = field(default_factory=list)


def run(root: Path, server_url: str, wanted: Wanted) -> Tally:
    """Run what is wanted on one database, printing as it goes."""
    chosen = random.Random(wanted.seed)
    tally = Tally()
    system = _System(root / ("short" if wanted.is_short else "whole"), server_url, wanted, tally)
    if wanted.singles != "none":
        many = list(schedules.singles(system.recorded))
        if wanted.singles == "chained":
            chained = system.run("chains", list(schedules.chains(system.recorded)))
            killed = {kill.name for one in chained for kill in one.schedule[: one.kills_count] if isinstance(kill, At)}
            print(f"  chains: killed at {len(killed)} failpoints", flush=True)
            many = list(schedules.singles_but(system.recorded, killed, chosen))
        for one in system.run("singles", many):
            if one.kills_count != len(one.schedule):
                tally.problems.append(f"singles, {one}: only {one.kills_count} kills happened")
    if wanted.pairs is None:
        short = system if wanted.is_short else _System(root / "short", server_url, wanted, tally)
        firsts = [schedule for schedule in schedules.singles(short.recorded) if schedules.is_first(schedule)]
        short.run("pairs", list(schedules.pairs(short.run("firsts of pairs", firsts))))
    elif wanted.pairs:
        system.run("pairs", list(schedules.drawn_pairs(system.recorded, chosen, wanted.pairs)))
    if wanted.drawn:
        system.run("random", list(schedules.at_random(system.recorded, chosen, wanted.drawn)))
    return tally


class _System:
    """A template, the failpoints that its workload passes, and what was run on copies of it."""

    def __init__(self, root: Path, server_url: str, wanted: Wanted, tally: Tally) -> None:
        root.mkdir()
        self.wanted, self.tally = wanted, tally
        self.template, self.sent = lives.make_template(root, server_url, is_short=root.name == "short")
        self.recorded, ended = self._record()
        self._count("recorded", ended)
        tally.problems += [f"no life passes the failpoint {line}" for line in schedules.not_passed(self.recorded)]
        names, passings = len(self.recorded.names), self.recorded.counts.total()
        print(f"  {root.name} workload: {names} failpoints, passed {passings} times in one life", flush=True)

    def _record(self) -> tuple[Recorded, list[Ended]]:
        return schedules.record(self.template, self.sent)

    def run(self, title: str, many: Sequence[Schedule]) -> list[Ended]:
        """Run schedules; every one comes back."""
        found = run_all(self.template, self.sent, title.replace(" ", "-"), many, self.wanted.jobs)
        assert len(found) == len(many), f"{len(many)} schedules of {title}, {len(found)} were run"
        kills, wrong = self._count(title, found)
        print(f"  {title}: {len(found)} schedules, {kills} kills, {wrong} with findings", flush=True)
        return found

    def _count(self, title: str, found: list[Ended]) -> tuple[int, int]:
        kills = sum(one.kills_count for one in found)
        self.tally.schedules_count += len(found)
        self.tally.kills_count += kills
        self.tally.problems += [f"{title}, {one}: {line}" for one in found for line in one.findings]
        return kills, sum(bool(one.findings) for one in found)


def run_all(template: Place, sent: list[Sent], title: str, many: Sequence[Schedule], jobs: int) -> list[Ended]:
    """Run schedules in `jobs` processes; they come back in their order."""
    readers = []
    for job in range(jobs):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            _end(
                lambda writer=writer, job=job: _run_share(
                    template, sent, title, many, range(job, len(many), jobs), writer
                )
            )
        os.close(writer)
        readers.append((child, reader))
    found = {}
    for child, reader in readers:
        with os.fdopen(reader) as pipe:
            for line in pipe:
                index, kills, passed, findings = json.loads(line)
                found[index] = Ended(many[index], kills, passed, findings)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0, f"a process that ran {title} failed; see above"
    return [found[index] for index in sorted(found)]


def _run_share(
    template: Place, sent: list[Sent], title: str, many: Sequence[Schedule], share: range, writer: int
) -> None:
    with os.fdopen(writer, "w") as pipe:
        for index in share:
            one = lives.run(template, f"{title}-{index}", many[index], sent)
            pipe.write(json.dumps([index, one.kills_count, one.passed, one.findings]) + "\n")
            pipe.flush()


def _end(work: Callable[[], object]) -> None:
    """As `lives.end`; a process that only runs others may be left as it is."""
    try:
        work()
    except BaseException:  # noqa: BLE001 as there
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(70)
    os._exit(0)
