"""Command: a real program is given a file; whatever it does, nothing of it stays behind and nobody is named."""

from __future__ import annotations

import os
import select
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from cominflow import failpoint, settings, stopping
from cominflow.errors import WorldError
from cominflow.fulfilment import command, provider
from cominflow.fulfilment.command import files
from cominflow.fulfilment.command.room import Room
from cominflow.fulfilment.outcomes import Said, Unusable
from tests.partner import Program

GOOD = {"program": ["score", "{input}", "{output}"], "request": {"codice_fiscale": "cf"}, "result": {"p": "score"}}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings, "DATA", tmp_path / "data")
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def program(data: Path) -> Program:
    program = Program(data.parent)
    program.tell({"CF0": "007", "CF2": "12"})
    return program


NAME = "0f" * 16


def ask(program: Program, /, **more: Any) -> Said:
    """What the engine gets for three requests."""
    codes = pd.arrays.ArrowExtensionArray(pa.array(["CF0", "CF1", "CF2"]))
    asked = pd.DataFrame({"codice_fiscale": codes}, index=provider.keys("A-17", [0, 1, 2], NAME))
    return provider.ask("command", program.settings(**more), asked, service="VIS1")


def rooms(data: Path) -> list[Path]:
    """Folders of runs that are there now."""
    return [path for path in (data / "commands").iterdir() if path.name != "stderr"]


def ended(pid: int) -> bool:
    """Whether a process ends (not in time: in the end)."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.poll(60_000)
    os.close(descriptor)
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_program_answers_in_any_order_and_its_folder_is_gone_afterwards(program: Program, data: Path) -> None:
    program.behave("told.reverse()")
    answer = ask(program)
    assert answer.outcomes.tolist() == ["fulfilled", "not_found", "fulfilled"]
    assert answer.results["punteggio"].to_pylist()[0::2] == ["007", "12"], "text keeps its zeros"
    assert rooms(data) == []


def test_what_a_program_is_given_is_private_and_holds_only_the_declared_columns(program: Program, data: Path) -> None:
    seen: dict[str, Any] = {}

    def look(name: str) -> None:
        if name == "command.given":
            (room,) = rooms(data)
            seen["modes"] = [stat.S_IMODE(path.stat().st_mode) for path in (data / "commands", room)]
            seen["content"] = (room / "input.csv").read_text()

    failpoint.arm(look)
    try:
        ask(program)
    finally:
        failpoint.arm(None)
    assert seen["modes"] == [0o700, 0o700]
    assert seen["content"].replace(f".{NAME}", "") == '"id","cf"\n"A-17/1","CF0"\n"A-17/2","CF1"\n"A-17/3","CF2"\n'


def test_a_program_gets_none_of_our_environment_but_what_the_settings_name(
    program: Program, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = data.parent / "environment"
    monkeypatch.setenv("COMINFLOW_DATABASE_URL", "postgresql://user:word@host/db")
    monkeypatch.setenv("TEST_TOKEN", "abc")
    program.behave(f"open({str(shown)!r}, 'w').write(json.dumps(dict(os.environ)))")
    ask(program, environment={"SCORES_TOKEN": {"env": "TEST_TOKEN"}, "MODE": "live"})
    text = shown.read_text()
    assert '"SCORES_TOKEN": "abc"' in text and '"MODE": "live"' in text and '"HOME"' in text
    assert "DATABASE_URL" not in text and "TEST_TOKEN" not in text


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("del told[1]", "A-17/2: asked, but not answered"),
        (
            "told.append({'id': 'CF0', 'status': 'KO'})",
            "1 row: answered, but not asked; the program must give back 'id'",
        ),
        ("told.append(told[0])", "A-17/1: answered more than once"),
        ("told[0]['status'] = 'CF0'", "none of the 'codes'"),
        ("told[0]['id'] = ''", "row 1 of output.csv has no 'id'"),
        ("sys.exit(3)", "it ended with exit code 3"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "it was killed by SIGSEGV"),
        ("os._exit(0)", "it ended well and wrote no file"),
        ("open(target, 'w'); os._exit(0)", "output.csv is empty"),
        ("open(target, 'wb').write(b'id,score\\n\"CF0'); os._exit(0)", "no CSV in UTF-8"),
        ("open(target, 'wb').write(b'id,score\\nCF0,1,2\\n'); os._exit(0)", "no CSV in UTF-8"),
        ("open(target, 'wb').write(b'id,score\\n\\xff\\xfe,1\\n'); os._exit(0)", "no CSV in UTF-8"),
        ("open(target, 'wb').write(b'id,id\\n1,2\\n'); os._exit(0)", "one name twice"),
        ("os.symlink('/etc/hostname', target); os._exit(0)", "must be a plain file"),
        ("os.mkfifo(target); os._exit(0)", "no plain file|is empty"),
    ],
)
def test_what_a_program_does_wrong_is_told_without_naming_anybody(
    program: Program, data: Path, mode: str, words: str
) -> None:
    program.behave(mode)
    with pytest.raises(WorldError, match=words) as caught:
        ask(program)
    assert "provider command for service VIS1" in str(caught.value) and "CF0" not in str(caught.value)
    assert caught.value.retryable
    assert rooms(data) == []


def test_what_a_failing_program_said_is_kept_for_the_operator_until_it_succeeds(program: Program, data: Path) -> None:
    program.behave("sys.exit(1)")
    with pytest.raises(WorldError, match="read what it said on standard error, in .*commands/stderr") as caught:
        ask(program)
    (kept,) = (data / "commands" / "stderr").iterdir()
    assert str(kept) in caught.value.hint
    assert kept.read_text() == "about CF0\n" and stat.S_IMODE(kept.stat().st_mode) == 0o600
    program.behave("sys.stderr.write('x' * 1_000_000 + 'the end'); sys.exit(1)")
    with pytest.raises(WorldError):
        ask(program)
    assert kept.stat().st_size == 64 * 1024 and kept.read_text().endswith("the end")
    program.behave("")
    ask(program)
    assert not kept.exists()


def test_a_program_that_takes_too_long_is_ended_with_all_that_it_began(program: Program, data: Path) -> None:
    pids = data.parent / "pids"
    program.behave(
        "child = subprocess.Popen(['sleep', '1000'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "signal.pause()"
    )
    with pytest.raises(WorldError, match=r"it did not end within 1\.5 s"):
        ask(program, wait_s=1.5)
    assert all(ended(int(pid)) for pid in pids.read_text().split())
    assert rooms(data) == []


def test_a_program_that_ends_leaves_no_process_behind(program: Program, data: Path) -> None:
    pids = data.parent / "pids"
    program.behave(f"open({str(pids)!r}, 'w').write(str(subprocess.Popen(['sleep', '1000']).pid))")
    ask(program)
    assert ended(int(pids.read_text()))


def test_a_program_is_ended_when_the_engine_stops(program: Program, data: Path) -> None:
    program.behave("signal.pause()")
    began = threading.Event()
    failpoint.arm(lambda name: began.set() if name == "command.begun" else None)
    stopper = threading.Thread(target=lambda: (began.wait(60), stopping.ask()))
    stopper.start()
    try:
        with pytest.raises(stopping.StoppedError):
            ask(program)
    finally:
        stopper.join()
        failpoint.arm(None)
        stopping.forget()
    assert rooms(data) == []


def test_what_a_killed_engine_left_behind_is_ended_and_removed_at_the_next_start(data: Path) -> None:
    room = Room(data)
    room.__enter__()
    program = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    room.occupy(program.pid)
    other = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    reused = Room(data)
    reused.__enter__()
    (reused.path / "process").write_text(f"{other.pid} 1")  # the number was given again
    Room(data).__enter__()  # killed before the program began
    try:
        assert command.remove_leftovers(data) == 3
        assert program.wait(60) == -signal.SIGKILL
        assert other.poll() is None, "not the process that was meant"
        assert rooms(data) == []
    finally:
        other.kill()
        other.wait()
    assert command.remove_leftovers(data.parent / "nowhere") == 0


def test_a_program_that_is_not_there_or_may_not_be_run_is_named(program: Program, data: Path) -> None:
    with pytest.raises(WorldError, match="cannot start /nowhere/score: No such file"):
        ask(program, program=["/nowhere/score", "{input}", "{output}"])
    with pytest.raises(WorldError, match="Permission denied"):
        ask(program, program=[__file__, "{input}", "{output}"])
    assert rooms(data) == []


def test_arguments_are_given_as_they_are_and_no_shell_reads_them(program: Program, data: Path) -> None:
    shown = data.parent / "arguments"
    script = f"import sys; open({str(shown)!r}, 'w').write(repr(sys.argv[1:]))"
    words = [sys.executable, "-c", script, "--in={input}", "{output}", "$HOME; touch x", "*"]
    with pytest.raises(WorldError, match="wrote no file"):
        ask(program, program=words)
    assert "'$HOME; touch x', '*'" in shown.read_text() and "--in=/" in shown.read_text()


def test_lines_of_json_keep_types_digits_and_nulls(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    files.write(path, "jsonl", "id", ["cf"], ["A-1/1", "A-1/2"], [{"cf": "è"}, {"cf": None}])
    assert path.read_text() == '{"id": "A-1/1", "cf": "è"}\n{"id": "A-1/2", "cf": null}\n'
    path.write_text('{"id": "A-1/1", "x": 0.10}\n\n{"id": "A-1/2", "x": 7}\n')
    assert [(key, str(row["x"])) for key, row in files.read(path, "jsonl", "id")] == [("A-1/1", "0.10"), ("A-1/2", "7")]
    for content in ('{"id": 1}', '{"id": "a"}\n[]', '{"id": "a"}\n{', '{"id": "a", "x": NaN}'):
        path.write_text(content)
        with pytest.raises(Unusable):
            files.read(path, "jsonl", "id")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"program": "score {input} {output}"}, "'program' must list"),
        ({"program": []}, "'program' must list"),
        ({"program": ["./score", "{input}", "{output}"]}, "whole path"),
        ({"program": ["score", "{output}"]}, "has {input}"),
        ({"program": ["score", "{input}"]}, "has {output}"),
        ({"format": "xml"}, "'format' must be one of csv, jsonl"),
        ({"wait_s": 0}, "'wait_s'"),
        ({"environment": {"SCORES_TOKEN": "abc"}}, "is a secret"),
        ({"environment": {"A=B": "abc"}}, "cannot be the name of a variable"),
        ({"shell": True}, "'shell' is not a setting"),
    ],
)
def test_settings_that_cannot_work_are_refused(change: Any, words: str) -> None:
    (problem,) = provider.check("command", {**GOOD, **change})
    assert words in problem


def test_settings_that_can_work_are_let_through() -> None:
    assert provider.check("command", GOOD) == []
