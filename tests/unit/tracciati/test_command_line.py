"""How a command ends: one message, one exit code, whatever happened."""

from __future__ import annotations

import errno
import sys

import click
import pytest

from tracciati.cli import options, running
from tracciati.errors import LayoutError, Problem, ReadingError
from tracciati.layout import DIRECTIONS


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


def test_the_directions_offered_are_those_of_the_language() -> None:
    assert options.DIRECTIONS == DIRECTIONS
