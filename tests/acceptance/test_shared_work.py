"""Several people at one work list, files that are asked for again, and the live table: by the installed commands."""

from __future__ import annotations

import getpass
import json
import os
import pty
import select
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import system
from tests.system import BIN, ROOT, System

BANK = "banca-demo"
WAIT_S = 60.0


@pytest.fixture
def office(tmp_path: Path, migrated_url: str, program: Any) -> System:
    """A system of one customer whose two services a person fulfils, with one file of three open requests."""
    program("ssh-keygen")
    office = System(tmp_path, migrated_url)
    office.build(BANK, {"VIS1": ("3.50", None), "VIS2": ("5.90", None)})
    made = tmp_path / "RV_20260301_001.txt"
    layout = system.LAYOUTS / BANK / "visure.toml"
    words = [BIN / "tracciati", "generate", layout, "--seed", "1", "--count", "3", "--out", made]
    subprocess.run(words, check=True, capture_output=True)
    office.place(BANK, made.name, made.read_bytes())
    office.run("run", "--once")
    return office


def test_requests_are_given_to_people_answered_by_others_and_an_answer_is_taken_back(office: System) -> None:
    me = getpass.getuser()
    assert [one["assignee"] for one in office.json("work", "list")] == ["", "", ""]
    assert [one["request"] for one in office.json("work", "assign", "rossi", "--count", "1")] == ["A-1/1"]
    office.run("work", "assign", "A-1/2", "RIF000000003", me)
    assert [one["request"] for one in office.json("work", "list", "--mine")] == ["A-1/2", "A-1/3"]
    assert [one["request"] for one in office.json("work", "list", "--assignee", "rossi")] == ["A-1/1"]
    assert office.json("work", "list", "--unassigned") == []
    told = office.run("work", "assign", "RIF000000001", "RIF000000002", code=2)
    assert "RIF000000002 is a request, not a person" in told
    assert "is assigned to bianchi; rossi had it" in office.run("work", "assign", "A-1/1", "bianchi")

    done = subprocess.run(
        [BIN / "cominflow", "work", "answer", "A-1/1", "--outcome", "fulfilled", "--field", "punteggio=172"],
        env=office.environment, cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "note: A-1/1 was assigned to bianchi" in done.stderr and "goes out without any" not in done.stderr
    assert "is open again" in office.run("work", "undo", "RIF000000001", "--reason", "of another person")
    bare = subprocess.run(
        [BIN / "cominflow", "work", "answer", "A-1/1", "--outcome", "fulfilled"],
        env=office.environment, cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "note: A-1/1 goes out without any result; the customer's layout has punteggio" in bare.stderr
    assert "is open again" in office.run("work", "undo", "RIF000000001", "--reason", "of another person")
    assert [one["assignee"] for one in office.json("work", "list")] == ["", me, me]
    office.run("run", "--once")
    assert not any(name.endswith(".A01") for name in office.outbox(BANK)), "the batch found nothing to answer"
    office.run("work", "answer", "A-1/1", "--outcome", "fulfilled", "--field", "punteggio=712")
    office.run("run", "--once")
    assert b"00000712" in office.outbox(BANK)["RV_20260301_001.A01"]
    refused = office.run("work", "undo", "A-1/1", "--reason", "again", code=2)
    assert "went out with answer 1 of A-1" in refused and "tell the customer" in refused
    (journey,) = office.json("trace", "RIF000000001")
    told = [event["what"] for event in journey["history"]]
    assert [what for what in told if what in ("assigned", "answered", "answer taken back")] == [
        "assigned", "assigned", *["answered", "answer taken back"] * 2, "answered",
    ]  # fmt: skip
    (open_one,) = office.json("trace", "RIF000000002")
    assert (open_one["assignee"], open_one["opened_by"]) == (me, "provider")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["assign", "A-1/2"], "WHICH or WHO is missing"),
        (["assign", "A-1/2", "A-1/3"], "WHICH or WHO is missing"),
        (["assign", "rossi", "--service", "VIS1"], "--service needs --count"),
        (["assign", "A-1/2", "rossi", "--count", "2"], "--count takes one word"),
        (["list", "--mine", "--unassigned"], "exclude each other"),
    ],
    ids=lambda given: given if isinstance(given, str) else "-".join(given),
)
def test_wrong_words_are_told_before_anything_is_looked_up(tmp_path: Path, words: list[str], expected: str) -> None:
    assert expected in System(tmp_path, "").run("work", *words, code=2)


def test_a_file_that_is_gone_is_shown_and_made_again(office: System) -> None:
    office.run("work", "answer", "A-1/1", "--outcome", "fulfilled", "--field", "punteggio=712")
    office.run("run", "--once")
    (sent,) = office.json("delivery", "list", "--kind", "answer", "--customer", BANK, "--arrival", "A-1")
    shown = office.json("delivery", "show", sent["delivery"])
    path = Path(shown["path"])
    before = path.read_bytes()
    assert (shown["in_the_folder"], shown["bytes"], shown["state"]) == ("whole", len(before), "PUBLISHED")
    assert [event["what"] for event in shown["history"]] == ["STAGED", "PUBLISHED"]
    assert "nothing to do" in office.run("delivery", "republish", sent["delivery"], "--reason", "asked for")
    path.unlink()
    assert "next, if the customer wants it again" in office.run("delivery", "show", sent["delivery"])
    assert office.json("delivery", "republish", sent["delivery"], "--reason", "asked for")["is_planned"] is True
    assert "has not gone out yet" in office.run("delivery", "republish", sent["delivery"], "--reason", "again", code=2)
    assert [one["delivery"] for one in office.json("delivery", "list", "--state", "planned")] == [sent["delivery"]]
    office.run("run", "--once")
    assert path.read_bytes() == before
    history = office.json("delivery", "show", sent["delivery"])["history"]
    assert [(event["what"], event["by"]) for event in history][2] == ("PLANNED", getpass.getuser())
    assert "there is no state LOST" in office.run("delivery", "list", "--state", "lost", code=2)
    assert "there is no delivery D-99" in office.run("delivery", "show", "D-99", code=2)


def test_the_live_table_is_drawn_on_a_terminal_until_ctrl_c(office: System) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [BIN / "cominflow", "status", "--watch", "--every", "0.1"],
        env={**office.environment, "COLUMNS": "100", "LINES": "40"}, cwd=ROOT, stdout=terminal, stderr=terminal,
    )  # fmt: skip
    os.close(terminal)
    seen = ""
    while seen.count("\x1b[J") < 3:
        assert select.select([controller], [], [], WAIT_S)[0], f"nothing more is drawn: {seen!r}"
        seen += os.read(controller, 65536).decode()
    process.send_signal(signal.SIGINT)
    while True:
        try:
            seen += os.read(controller, 65536).decode()
        except OSError:  # the other side is closed
            break
    assert process.wait(WAIT_S) == 0, seen
    os.close(controller)
    first, *others = seen.split("\x1b[J")[1:]
    assert "NO ENGINE RUNS" in first and "A-1 (RV_20260301_001.txt), QUEUED, has waited for" in first
    assert all("files       QUEUED                   1" in drawn for drawn in (first, *others[:-1]))
    assert "A\r\x1b[J" in seen, "the second table took the place of the first"


def test_the_live_table_as_json_sees_the_living_engine(office: System) -> None:
    with subprocess.Popen(
        [BIN / "cominflow", "run"], env=office.environment, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as engine:
        assert engine.stdout is not None and engine.stdout.readline() == "engine running\n"
        with subprocess.Popen(
            [BIN / "cominflow", "status", "--watch", "--every", "0.1", "--json"],
            env=office.environment, cwd=ROOT, stdout=subprocess.PIPE, text=True,
        ) as watching:  # fmt: skip
            assert watching.stdout is not None
            looks = [json.loads(watching.stdout.readline()) for _ in range(2)]
            watching.send_signal(signal.SIGINT)
            assert watching.wait(WAIT_S) == 0
        assert office.json("status")["engine_process"] == str(engine.pid)
        engine.send_signal(signal.SIGTERM)
    assert [look["engine_process"] for look in looks] == [str(engine.pid)] * 2
    assert looks[0]["seconds_since"] is None and looks[1]["seconds_since"] > 0
    assert looks[1]["requests"] == {"read": 0, "waiting": 0, "open": 3, "done": 0}
    assert office.json("status")["engine_process"] is None
