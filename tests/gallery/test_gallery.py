"""Everything that can be wrong with what a customer sends, one folder each: the file, the commands, the exact text.

`make golden` writes the texts anew; read the difference before you commit it.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ON_POSTGRESQL
from tests.gallery import session
from tracciati import declare
from tracciati.layout import BASES

if TYPE_CHECKING:
    from tests.house import House

CASES = sorted(path.parent for path in Path(__file__).with_name("cases").glob(f"*/{session.NAME}"))


@pytest.fixture
def _clock_stands_still(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from cominflow import clock

    monkeypatch.setattr(clock, "now", lambda: session.AT)
    monkeypatch.setattr(tempfile, "tempdir", None)  # an engine sets it to its own folder, which ends with the test
    monkeypatch.setenv("LOGNAME", "operator")


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Path:
    """The folder of the case."""
    found: Path = request.param
    return found


@pytest.fixture
def _disk(case: Path, tmp_path: Path) -> Iterator[None]:
    """A disk of its own for the data, where the case has a file that says how large; only root can make one."""
    size = case / session.DISK
    if not size.exists():
        yield
        return
    data = tmp_path / "data"
    data.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size.read_text().strip()}", "none", str(data)]
    made = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if made.returncode != 0:
        pytest.skip(f"no disk can be made here: {made.stderr.strip()}")
    yield
    subprocess.run(["umount", data], check=True)


@pytest.fixture
def house(_disk: None, _clock_stands_still: None, house: House) -> House:
    """The bank of the demo, made on a clock that stands still."""
    return house


@pytest.mark.golden
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name, indirect=True)
def test_what_is_wrong_is_said_exactly(case: Path, house: House, request: pytest.FixtureRequest) -> None:
    if ON_POSTGRESQL and any(command.startswith("database ") for command in session.commands(case)):
        pytest.skip("the texts are SQLite's")
    session.furnish(case, house.folder)
    printed = session.played(case, house.folder)
    place = case / session.NAME
    if request.config.getoption("--golden") == "write":
        place.write_text(printed, encoding="utf-8")
    assert printed == place.read_text(encoding="utf-8"), "do: make golden, and read the difference"


def test_a_field_of_every_base_goes_wrong() -> None:
    shown = {"bad_field_of_every_base": "prova-basi.toml", "mainframe_file": "prova-host.toml"}
    layouts = [declare.load(case / shown[case.name]) for case in CASES if case.name in shown]
    assert {one.base for layout in layouts for record in layout.records for one in record.fields} == set(BASES)


def test_a_session_that_prints_something_else_is_seen(tmp_path: Path) -> None:
    (tmp_path / session.NAME).write_text("A title\n\n$ echo one\ntwo\n")
    assert session.played(tmp_path, tmp_path) == "A title\n\n$ echo one\none\n"
