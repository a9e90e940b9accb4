"""Everything that can be wrong with what a customer sends, one folder each: the file, the commands, the exact text.

`make golden` writes the texts anew; read the difference before you commit it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.gallery import session

if TYPE_CHECKING:
    from tests.house import House

CASES = sorted(path.parent for path in Path(__file__).with_name("cases").glob(f"*/{session.NAME}"))


@pytest.fixture
def house(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """The bank of the demo, with its services and prices, on a clock that stands still."""
    from cominflow import clock, settings
    from tests.house import House

    monkeypatch.setattr(settings, "DATA", tmp_path / "data")
    monkeypatch.setattr(clock, "now", lambda: session.AT)
    monkeypatch.setattr(tempfile, "tempdir", None)  # an engine sets it to its own folder, which ends with the test
    monkeypatch.setenv("LOGNAME", "operator")
    built = House(tmp_path)
    built.furnish()
    return built


@pytest.mark.golden
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_wrong_is_said_exactly(case: Path, house: House, request: pytest.FixtureRequest) -> None:
    session.furnish(case, house.folder)
    printed = session.played(case, house.folder)
    place = case / session.NAME
    if request.config.getoption("--golden") == "write":
        place.write_text(printed, encoding="utf-8")
    assert printed == place.read_text(encoding="utf-8"), "do: make golden, and read the difference"


def test_a_session_that_prints_something_else_is_seen(tmp_path: Path) -> None:
    (tmp_path / session.NAME).write_text("A title\n\n$ echo one\ntwo\n")
    assert session.played(tmp_path, tmp_path) == "A title\n\n$ echo one\none\n"
