"""Watching: what a look says of the one before, a table in its place on a terminal, blocks and JSON elsewhere."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cominflow.cli import watching

if TYPE_CHECKING:
    from cominflow.flows.pulse import Pulse

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("database")


class Looks:
    """Looks that were prepared; it sets its event when the last one is handed out, so that nothing is waited for."""

    def __init__(self, *prepared: Any) -> None:
        self.prepared, self.stop = list(prepared), threading.Event()

    def __call__(self) -> tuple[Pulse, str]:
        found = self.prepared.pop(0)
        if not self.prepared:
            self.stop.set()
        if isinstance(found, Exception):
            raise found
        return found, "4711"


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def look(seconds: float, **changes: Any) -> Pulse:
    from cominflow.flows.pulse import Pulse, Waiting

    values: dict[str, Any] = {
        "files": {"QUEUED": 2, "CLOSED": 10},
        "requests": {"read": 0, "waiting": 40_000, "open": 3, "done": 100},
        "deliveries": {"PUBLISHED": 20},
        "unfinished_files": 2,
        "oldest_waiting": Waiting("A-17", "RV_001.txt", "QUEUED", AT - timedelta(minutes=5, seconds=12)),
        "oldest_open": None,
        "failing": (),
    }
    return Pulse(at=AT + timedelta(seconds=seconds), **{**values, **changes})


def watch(looks: Looks, *, as_json: bool = False) -> None:
    watching.watch(looks, title="/var/lib", stop=looks.stop, every_s=0.001, as_json=as_json)


def test_a_look_says_what_is_there_and_what_changed_since_the_one_before() -> None:
    later = look(
        2, files={"CLOSED": 12}, requests={"read": 0, "waiting": 20_000, "open": 3, "done": 20_100}, oldest_waiting=None
    )
    assert list(watching.table(look(0), "4711", None, title="/var/lib")) == [
        "2026-03-01 10:00:00 +0100  /var/lib",
        "the engine runs (process 4711)",
        "",
        "files       QUEUED                   2",
        "files       CLOSED                  10",
        "requests    read                     0",
        "requests    waiting             40,000",
        "requests    open                     3",
        "requests    done                   100",
        "deliveries  PUBLISHED               20",
        "",
        "unfinished  2 files that the engine has not brought to an end",
        "the engine  A-17 (RV_001.txt), QUEUED, has waited for 05:12",
        "a person    nothing waits for one",
    ]
    assert list(watching.table(later, "", look(0), title="/var/lib")) == [
        "2026-03-01 10:00:02 +0100  /var/lib",
        "NO ENGINE RUNS: start `cominflow up`",
        "",
        "files       QUEUED                   0  -2 (-1.0/s)",
        "files       CLOSED                  12  +2 (+1.0/s)",
        "requests    read                     0",
        "requests    waiting             20,000  -20,000 (-10,000/s)",
        "requests    open                     3",
        "requests    done                20,100  +20,000 (+10,000/s)",
        "deliveries  PUBLISHED               20",
        "",
        "unfinished  2 files that the engine has not brought to an end",
        "the engine  nothing waits for it",
        "a person    nothing waits for one",
    ]


def test_what_fails_is_told_with_its_next_try() -> None:
    from cominflow.flows.pulse import Failing

    failing = look(0, failing=(Failing(7, "publish: no space\nleft", AT),))
    *_, last = watching.table(failing, "4711", None, title="x")
    assert last == "failing     publish: no space left; tried again at 2026-03-01 10:00:00 +0100"


def test_elsewhere_than_on_a_terminal_blocks_follow_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    watch(Looks(look(0), look(2)))
    printed = capsys.readouterr().out
    assert printed.count("  /var/lib\n") == 2 and "\x1b" not in printed
    assert "one\n\n2026-03-01 10:00:02 +0100" in printed


def test_on_a_terminal_the_table_is_drawn_over_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((40, 8)))
    watch(Looks(look(0), look(2)))
    first, second = terminal.getvalue().split("\x1b[7A")
    for drawn in (first, second):
        lines = drawn.replace("\r\x1b[J", "").splitlines()
        assert len(lines) == 7 and lines[-1] == "… 8 lines more"
        assert all(len(line) < 40 for line in lines), "a line that wraps would be two"


def test_with_json_each_look_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    watch(Looks(look(0), look(2.5)), as_json=True)
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["seconds_since"], second["seconds_since"]) == (None, 2.5)
    assert first["requests"]["waiting"] == 40_000 and first["engine_process"] == "4711"
    assert first["oldest_waiting"]["since"] == "2026-03-01T08:54:48+00:00"


def test_a_database_that_does_not_answer_is_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    from django.db import OperationalError

    watch(Looks(look(0), OperationalError("database is locked"), look(4)))
    _, told = capsys.readouterr().out.split("/var/lib: the database does not answer; it is asked again every 0.001 s\n")
    assert told.startswith("  database is locked\n\n2026-03-01 10:00:04 +0100")
    watch(Looks(OperationalError("gone"), look(0)), as_json=True)
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1 and "gone" in captured.err
