"""How a command ends: one message, one exit code, whatever happened."""

from __future__ import annotations

import errno
import io
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tracciati.cli import options, running, tracciati
from tracciati.errors import LayoutError, Problem, ReadingError
from tracciati.layout import DIRECTIONS

ROOT = Path(__file__).parents[3]
VISURE = str(ROOT / "layouts" / "banca-demo" / "visure.toml")


def ended(problem: BaseException | None, result: int | None = None) -> int:
    """The exit code of a command that ends with this."""

    @click.command()
    def command() -> int | None:
        if problem is not None:
            raise problem
        return result

    return running.run(command, "tracciati", [])


@pytest.mark.parametrize(
    ("problem", "code", "said"),
    [
        (LayoutError("x.toml", (Problem(3, 1, "no such key", "remove it"),)), 2, "x.toml:3:1: no such key"),
        (
            ReadingError("read", "x.txt", "it is gone", "look again"),
            3,
            "cannot read x.txt: it is gone\n  do: look again",
        ),
        (OSError(errno.ENOSPC, "No space left on device", "x.txt"), 3, "cannot use x.txt: No space left"),
        (click.UsageError("which one?"), 2, "which one?"),
        (AssertionError("never"), 70, "this is a defect of tracciati"),
        (KeyError("never"), 70, "Traceback"),
    ],
)
def test_each_kind_of_wrong_has_its_exit_code_and_words(
    problem: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(problem) == code
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_a_command_says_its_own_exit_code() -> None:
    assert ended(None) == 0
    assert ended(None, 1) == 1


def test_a_pipe_that_is_closed_within_a_command_does_not_say_that_there_are_findings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # click replaces both; that must end with the test.
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    assert ended(BrokenPipeError(errno.EPIPE, "Broken pipe")) == 3


def test_without_standard_output_nothing_is_begun(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert ended(AssertionError("it was begun")) == 3
    assert capsys.readouterr().err == "error: standard output is closed\n  do: send it somewhere, as > /dev/null\n"


def test_without_standard_error_a_command_ends_with_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert ended(AssertionError("never")) == 70
    sys.stderr.close()


def test_a_standard_input_that_is_closed_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert running.run(tracciati, "tracciati", ["check", VISURE, "-"]) == 3
    assert "cannot read standard input: it is closed\n  do: name a file" in capsys.readouterr().err


def test_a_text_that_is_not_utf_8_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["generate", VISURE, "--seed", "1", "--set", "richiesta.riferimento=\udcff"]
    assert running.run(tracciati, "tracciati", words) == 2
    assert "'richiesta.riferimento=\\xff' is not UTF-8\n  do: write it in UTF-8" in capsys.readouterr().err


def test_a_path_may_have_bytes_that_are_not_utf_8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "caf\udce9.txt")
    assert running.run(tracciati, "tracciati", ["generate", VISURE, "--seed", "1", "--out", path]) == 0
    # As in a process: strict, and UTF-8.
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True))
    assert running.run(tracciati, "tracciati", ["check", VISURE, path]) == 0
    assert b"caf\\udce9.txt: no findings" in sys.stdout.buffer.getvalue()  # type: ignore[attr-defined]


ENDED_WHILE_IT_WRITES = """
import os, signal, sys
from pathlib import Path
import click
from tracciati.cli import running
from tracciati.target import opened

@click.command()
def command():
    with opened(Path("result")) as sink:
        sink.write(b"half")
        for number in map(int, sys.argv[1:]):
            os.kill(os.getpid(), number)

sys.exit(running.run(command, "tracciati", []))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_that_ends_a_command_leaves_no_part_of_a_file(number: signal.Signals, tmp_path: Path) -> None:
    as_usual = f"import signal; signal.signal({int(number)}, signal.SIG_DFL)\n"  # the tests may run under `nohup`
    words = [sys.executable, "-c", as_usual + ENDED_WHILE_IT_WRITES, str(int(number))]
    done = subprocess.run(words, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (128 + number, f"ended by {number.name}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_signal_that_is_ignored_stays_so(tmp_path: Path) -> None:
    ignored = f"import signal; signal.signal({int(signal.SIGHUP)}, signal.SIG_IGN)\n"  # as `nohup` does
    words = [sys.executable, "-c", ignored + ENDED_WHILE_IT_WRITES, str(int(signal.SIGHUP))]
    subprocess.run(words, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, check=True)
    assert (tmp_path / "result").read_bytes() == b"half"


def test_the_directions_offered_are_those_of_the_language() -> None:
    assert options.DIRECTIONS == DIRECTIONS
