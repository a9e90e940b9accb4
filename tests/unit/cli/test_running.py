"""Whatever a command ends with is one message and one exit code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from cominflow import errors
from cominflow.cli import group, running
from tracciati.errors import LayoutError, Problem, ReadingError


def ended(problem: BaseException | int | None) -> int:
    @click.command()
    def command() -> int | None:
        if isinstance(problem, BaseException):
            raise problem
        return problem

    return running.run(command, "cominflow", [])


@pytest.mark.parametrize(
    ("problem", "code", "told"),
    [
        (None, 0, ""),
        (1, 1, ""),
        (errors.UsageError("no such thing", hint="look"), 2, "error: no such thing\n  do: look\n"),
        (errors.WorldError("read", "/x", "broken", hint="mend"), 3, "error: cannot read /x: broken\n  do: mend\n"),
        (errors.LockedError("taken"), 4, "error: taken\n"),
        (LayoutError("feed.toml", (Problem(3, 1, "bad", "mend"),)), 1, "feed.toml:3:1: bad\n  do: mend\n"),
        (ReadingError("open", "/x", "gone", "look"), 3, "error: cannot open /x: gone\n  do: look\n"),
        (OSError(28, "No space left on device", "/x"), 3, "error: cannot use /x: No space left on device\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (SystemExit(1), 3, ""),
    ],
)
def test_each_end_has_its_code_and_message(
    problem: BaseException | int | None, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(problem) == code
    assert capsys.readouterr().err.lstrip("\n") == told


def test_a_defect_shows_its_trace_and_says_that_it_is_ours(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(AssertionError("postings do not cancel out")) == 70
    told = capsys.readouterr().err
    assert "Traceback" in told and "test_running.py" in told and "\nAssertionError\n" in told
    assert "postings do not cancel out" not in told.replace('AssertionError("postings do not cancel out")', "")
    assert told.endswith("this is a defect of cominflow, not of your data\n  do: report it with the lines above\n")


def test_a_database_that_fails_is_the_world(capsys: pytest.CaptureFixture[str]) -> None:
    import sqlite3

    from django.db import OperationalError

    failed = OperationalError("quoted by nobody")
    try:
        sqlite3.connect("/proc/no such folder/a.db")
    except sqlite3.OperationalError as cause:
        failed.__cause__ = cause
    assert ended(failed) == 3
    told = capsys.readouterr().err
    assert re.search(r"cannot use the database \S+: unable to open database file\n  do: see that ", told)
    assert "run `cominflow init`" in told


def test_wrong_options_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert running.run(click.Command("x"), "cominflow", ["--nothing"]) == 2
    assert "No such option" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["trace", "caf\udce9"],
        ["arrival", "discard", "A-2", "--reason", "caf\udce9"],
        ["customer", "add", "x", "--name", "caf\udce9"],
        ["service", "set", "VIS1", "--title", "caf\udce9"],
    ],
    ids=lambda words: words[0],
)
def test_a_text_that_is_not_utf_8_is_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert running.run(group, "cominflow", words) == 2
    assert "'caf\\xe9' is not UTF-8\n  do: write it in UTF-8" in capsys.readouterr().err


def test_without_standard_output_nothing_is_begun(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert ended(AssertionError("it was begun")) == 3
    assert capsys.readouterr().err == "error: standard output is closed\n  do: send it somewhere, as > /dev/null\n"


@pytest.mark.parametrize("wrong", [("--seed", "-1"), ("--bulk", "-5"), ("--bulk", "0")], ids=" ".join)
def test_a_demo_of_less_than_nothing_is_wrong_usage(
    wrong: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert running.run(group, "cominflow", ["demo", "--folder", str(tmp_path / "demo"), *wrong]) == 2
    assert f"{wrong[1]} is not in the range" in capsys.readouterr().err


def test_a_full_disk_behind_standard_output_is_told_as_that() -> None:
    command = [sys.executable, "-m", "cominflow", "--help"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr == (
        "error: cannot write standard output: No space left on device\n"
        "  do: make room where it is sent to, or send it elsewhere\n"
    )


def test_a_package_that_is_not_installed_is_named_with_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(ModuleNotFoundError("No module named 'dbos'", name="dbos")) == 3
    told = capsys.readouterr().err
    assert told.startswith("error: the Python package that gives `dbos` is not installed\n  do: install ")
    assert ended(ModuleNotFoundError("No module named 'cominflow.gone'", name="cominflow.gone")) == 70
