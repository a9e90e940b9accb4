"""Progress: a bar on a terminal, a line a minute elsewhere, and nothing where it is not wanted."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tracciati.cli import progress, tracciati

ROOT = Path(__file__).resolve().parents[3]
VISURE = ROOT / "layouts" / "banca-demo" / "visure.toml"


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def told(stream: io.StringIO, *, total: int = 2_000_000_000, **options: Any) -> tuple[progress.Progress, Clock]:
    clock = Clock()
    made = progress.Progress("check RV.txt", total, progress.megabytes, stream=stream, now=clock, **options)
    return made, clock


def test_on_a_terminal_a_bar_is_drawn_over_itself_and_gone_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((100, 20)))
    stream = Terminal()
    shown, clock = told(stream)
    with shown:
        shown.to(10_000_000)
        assert stream.getvalue() == "", "what is done at once shows nothing"
        clock.seconds += 10
        shown.to(500_000_000)
        clock.seconds += 0.1
        shown.to(510_000_000)
        clock.seconds += 9.9
        shown.to(1_000_000_000)
    begin = "\r\x1b[K"
    assert stream.getvalue() == (
        f"{begin}check RV.txt  [#####---------------]  25%  500 MB of 2,000 MB  0:10  0:30 left"
        f"{begin}check RV.txt  [##########----------]  50%  1,000 MB of 2,000 MB  0:20  0:20 left"
        f"{begin}"
    )


def test_elsewhere_there_is_a_line_a_minute() -> None:
    stream = io.StringIO()
    shown, clock = told(stream)
    with shown:
        for second in range(150):
            clock.seconds = 100.0 + second
            shown.to(second * 10_000_000, also="and more")
    assert stream.getvalue().splitlines() == [
        "check RV.txt  30%  600 MB of 2,000 MB  1:00  2:20 left  and more",
        "check RV.txt  60%  1,200 MB of 2,000 MB  2:00  1:20 left  and more",
    ]


def test_without_a_total_there_is_no_share_until_one_is_known() -> None:
    stream = io.StringIO()
    shown, clock = told(stream, total=0)
    clock.seconds += 60
    shown.to(5_000_000)
    clock.seconds += 60
    shown.to(5_000_000, total=10_000_000)
    assert stream.getvalue().splitlines() == [
        "check RV.txt  5 MB  1:00",
        "check RV.txt  50%  5 MB of 10 MB  2:00  2:00 left",
    ]


def test_a_line_is_never_longer_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((30, 20)))
    stream = Terminal()
    shown, clock = told(stream)
    clock.seconds += 2
    shown.to(1_000_000_000)
    assert stream.getvalue() == "\r\x1b[Kcheck RV.txt  [##########----"


@pytest.mark.parametrize(
    "words",
    [
        ["check", VISURE, "MADE"],
        ["rewrite", VISURE, "MADE", "OUT"],
        ["rewrite", VISURE, "MADE", "OUT", "--canonical"],
        ["convert", VISURE, "MADE", "--to", "jsonl", "--out", "OUT"],
        ["convert", VISURE, "LINES", "--from", "jsonl", "--out", "OUT"],
        ["generate", VISURE, "--seed", "1", "--count", "12000", "--out", "OUT"],
    ],
    ids=lambda words: "-".join(str(word).lstrip("-") for word in words if not isinstance(word, Path))[:20],
)
def test_the_long_commands_say_how_far_they_are_unless_they_are_told_not_to(
    words: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    for name in ("FIRST_S", "REDRAWN_S"):
        monkeypatch.setattr(progress, name, 0.0)  # every block is told at once
    made = tmp_path / "MADE"
    tracciati.main(["generate", str(VISURE), "--seed", "1", "--count", "12000", "--out", str(made), "--quiet"],
                   standalone_mode=False)  # fmt: skip
    assert terminal.getvalue() == ""
    if "LINES" in words:
        told = ["convert", str(VISURE), str(made), "--to", "jsonl", "--out", str(tmp_path / "LINES"), "--quiet"]
        tracciati.main(told, standalone_mode=False)
        assert terminal.getvalue() == ""
    written = [str(tmp_path / word) if word in ("MADE", "OUT", "LINES") else str(word) for word in words]
    tracciati.main(written, standalone_mode=False)
    drawn = terminal.getvalue().split("\r\x1b[K")
    assert drawn[0] == drawn[-1] == "" and len(drawn) > 3, "several blocks, then nothing"
    assert all(one.startswith(words[0]) for one in drawn[1:-1])
    assert "100%" in drawn[-2] and "100%" not in drawn[1]
    for option in ("--quiet", "--json"):
        terminal.truncate(0)
        terminal.seek(0)
        tracciati.main([*written, option], standalone_mode=False)
        assert "\r\x1b[K" not in terminal.getvalue()


def test_a_terminal_that_hung_up_does_not_hide_what_ended_the_command() -> None:
    ours, theirs = os.openpty()
    # As standard error: nothing stays behind in it that closing it would write once more.
    raw = io.FileIO(theirs, "w")
    stream = io.TextIOWrapper(raw, "utf-8", write_through=True)  # type: ignore[arg-type]
    bar, clock = told(stream, total=100)  # type: ignore[arg-type]
    with stream, pytest.raises(KeyboardInterrupt), bar:
        clock.seconds += 60
        bar.to(50)
        os.close(ours)
        raise KeyboardInterrupt
