"""Lives: a schedule of kills, and the processes that live through it.

Each life is a fork of a process that has imported everything and started nothing. It kills itself with SIGKILL as it
passes a failpoint, or is killed after a time; nothing of it runs on: no `finally`, no rollback by us, no closing.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation import invariants, workload
from tests.simulation.files import Sent
from tests.simulation.place import TEMPLATE, Place

LIFE_S_MAX = 90.0
_FAILED = 70


@dataclass(frozen=True)
class At:
    """Kill at the `nth` passing (from 1) of the failpoint `name`; "" counts the passings of all of them."""

    name: str
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.name or 'any failpoint'}#{self.nth}"


@dataclass(frozen=True)
class After:
    """Kill so many seconds after the life began, wherever it is."""

    seconds: float

    def __str__(self) -> str:
        return f"after {self.seconds:.3f} s"


Kill = At | After


@dataclass
class Ended:
    """What a schedule came to: the kills that really happened, the failpoints of each life, and what is wrong."""

    schedule: tuple[Kill, ...]
    kills_count: int = 0
    passed: list[list[str]] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return " then ".join(str(kill) for kill in self.schedule) or "no kill"


def run(
    template: Place, name: str, schedule: Sequence[Kill], sent: list[Sent], *, change: Callable[[], None] | None = None
) -> Ended:
    """Live through a schedule on a copy of the template, to the end, and look for what is wrong.

    change  called in each life before it begins: how a test breaks the system on purpose
    """
    place = template.copy(name)
    ended = Ended(tuple(schedule))
    try:
        workload.put_in_place(place, sent)
        seen: dict[str, str] = {}
        for number, kill in enumerate([*schedule, None]):
            log = place.root / f"passed-{number}"
            is_killed = one_life(place, sent, kill, log, change)
            ended.passed.append(log.read_text().split() if log.exists() else [])
            ended.findings += invariants.at_any_instant(place, sent, seen)
            if is_killed is None:
                ended.findings.append("a life raised an exception or came to no end; its trace is above")
                break
            ended.kills_count += is_killed
            if not is_killed:
                ended.findings += in_a_fork(place, lambda: invariants.at_the_end(place, sent))
                break
    finally:
        place.remove()
    return ended


def in_a_fork(place: Place, look: Callable[[], list[str]]) -> list[str]:
    """Call a function that connects to the place's database, in a process of its own; the lines that it found."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        end(lambda: _write(place, look, writer))
    os.close(writer)
    with os.fdopen(reader) as pipe:
        lines = pipe.read().splitlines()
    _, status = os.waitpid(child, 0)
    return lines if os.waitstatus_to_exitcode(status) == 0 else [*lines, "the look raised an exception; see above"]


def make_template(root: Path, server_url: str = "", *, is_short: bool = False) -> tuple[Place, list[Sent]]:
    """The template system, made in a process of its own."""
    template = Place(root / TEMPLATE, server_url)
    child = os.fork()
    if child == 0:
        end(lambda: workload.build(template, is_short=is_short))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, "the template could not be made; see above"
    return template, workload.read_sent(template)


def _write(place: Place, look: Callable[[], list[str]], writer: int) -> None:
    from django.db import connections

    place.bind()
    found = look()
    connections.close_all()
    with os.fdopen(writer, "w") as pipe:
        pipe.writelines(line.replace("\n", " ") + "\n" for line in found)


def one_life(
    place: Place, sent: list[Sent], kill: Kill | None, log: Path, change: Callable[[], None] | None
) -> bool | None:
    """One process. True when it was killed, False when it ended, None when it raised or never ended."""
    child = os.fork()
    if child == 0:
        end(lambda: _live(place, sent, kill, log, change))
    seconds = kill.seconds if isinstance(kill, After) else LIFE_S_MAX
    life = os.pidfd_open(child)
    poll = select.poll()
    poll.register(life, select.POLLIN)
    is_late = not poll.poll(seconds * 1000)
    if is_late:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(life)
    code = os.waitstatus_to_exitcode(status)
    if is_late and not isinstance(kill, After):
        print(f"a life came to no end within {LIFE_S_MAX} s", file=sys.stderr)
        return None
    return {-signal.SIGKILL: True, 0: False}.get(code)


def _live(place: Place, sent: list[Sent], kill: Kill | None, log: Path, change: Callable[[], None] | None) -> None:
    from django.db import connections

    from cominflow import failpoint

    place.bind()
    if change is not None:
        change()
    passed = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    contest = workload.contest(place)
    counts: dict[str, int] = {}

    def listen(name: str) -> None:
        os.write(passed, name.encode() + b"\n")
        contest(name)
        for counted in (name, ""):
            counts[counted] = counts.get(counted, 0) + 1
            if isinstance(kill, At) and counted == kill.name and counts[counted] == kill.nth:
                os.kill(os.getpid(), signal.SIGKILL)

    failpoint.arm(listen)
    workload.live(place, sent)
    connections.close_all()


def end(work: Callable[[], object]) -> None:
    """Do the work of a forked process, and end it: 0, or 70 when the work raised."""
    code = _FAILED
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001 the parent sees the exit code; only here can it be told why
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
