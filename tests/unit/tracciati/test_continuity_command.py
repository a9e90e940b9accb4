"""`tracciati continuity`: what it is given, what it refuses, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.statements import LAYOUT_PATH, statement
from tracciati.cli import running, tracciati

WITHOUT = LAYOUT_PATH.with_name("orders-fixed.toml")
Capture = pytest.CaptureFixture[str]


def run(*arguments: str | Path) -> int:
    return running.run(tracciati, "tracciati", ["continuity", *map(str, arguments)])


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two files that go on from each other."""
    paths = [tmp_path / f"{number}.txt" for number in (1, 2)]
    for number, path in enumerate(paths, 1):
        path.write_bytes(statement(number, ("A", number, number + 1, ["M1"]), day=f"2026030{number}"))
    return paths


def test_files_that_go_on_end_with_0_and_others_with_1(files: list[Path], capsys: Capture) -> None:
    assert run(LAYOUT_PATH, *files) == 0
    assert capsys.readouterr().out.startswith("no findings from file to file in 2 files (10 records)")
    assert run(LAYOUT_PATH, *reversed(files)) == 1
    out = capsys.readouterr().out
    assert "TR-H503" in out and "TR-H507" in out
    assert out.endswith("2 findings from file to file in 2 files (10 records): 1 error, 1 warning\n")


def test_keys_and_days_are_compared_when_asked_for(files: list[Path], tmp_path: Path, capsys: Capture) -> None:
    days = tmp_path / "days.txt"
    days.write_text("2026-03-01\n\n2026-03-02  # Monday\n2026-03-03\n", encoding="utf-8")
    assert run(LAYOUT_PATH, *files, "--key", "movimento.chiave", "--days", days, "--json") == 1
    found = [(one["file"], one["code"]) for one in json.loads(capsys.readouterr().out)["findings"]]
    assert found == [(str(files[1]), "TR-H506"), ("history", "TR-H508")]


def test_sensitive_fields_are_shown_only_when_asked_for(files: list[Path], capsys: Capture) -> None:
    run(LAYOUT_PATH, *files, "--key", "apre.conto")
    masked = capsys.readouterr().out
    run(LAYOUT_PATH, *files, "--key", "apre.conto", "--reveal")
    shown = capsys.readouterr().out
    assert "2 | 2****" in masked and "found *** (masked)" in masked
    assert "2 | 2A" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "Missing argument 'FILE...'"),
        (("-",), 2, "standard input is one file, and is compared with no other"),
        (("none.txt",), 3, "cannot open none.txt: No such file or directory"),
        (("none.txt", "--key", "movimento.chiavi"), 2, "--key: the layout has no field `movimento.chiavi`; did you"),
        (("none.txt", "--days", "none"), 3, "cannot read the days none: No such file or directory\n  do: check the"),
        (("none.txt", "--days", "."), 2, "is a directory"),
    ],
)
def test_what_cannot_be_compared_is_said(arguments: tuple[str, ...], code: int, said: str, capsys: Capture) -> None:
    assert run(LAYOUT_PATH, *arguments) == code
    assert said in capsys.readouterr().err


def test_a_day_that_is_none_is_named_with_its_line(files: list[Path], tmp_path: Path, capsys: Capture) -> None:
    days = tmp_path / "days"
    for content, code, said in (
        (b"2026-03-01\n2026-02-30\n", 2, ":2: '2026-02-30' is no day; write it as 2026-03-31"),
        (b"\xff\xfe", 3, "this is not a text in UTF-8\n  do: write one day a line"),
        (b"x" * 99, 2, f"'{'x' * 40}…' is no day"),
    ):
        days.write_bytes(content)
        assert run(LAYOUT_PATH, *files, "--days", days) == code
        assert said in capsys.readouterr().err


def test_a_layout_with_nothing_that_goes_on_says_what_could(files: list[Path], capsys: Capture) -> None:
    assert run(WITHOUT, *files) == 2
    assert "has nothing that goes on from file to file" in capsys.readouterr().err
    assert run(WITHOUT, *files, "--days", "days") == 2
    assert "--days needs the files' own dates" in capsys.readouterr().err
    assert run(WITHOUT, *files, "--key", "ordine.riferimento") == 0
