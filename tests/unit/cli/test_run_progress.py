"""`run --once`: how far it is, from the database, and only when it is to be said."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_share_is_of_the_requests_that_are_known(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cominflow import settings
    from cominflow.cli import run
    from cominflow.flows import batch as batches
    from tests.house import House, bank_file, scored
    from tracciati.cli import progress

    monkeypatch.setattr(settings, "DATA", tmp_path / "data")
    house = House(tmp_path)
    house.furnish()
    content = bank_file(4, by_hand=(1,))
    house.tell(scored(content))
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "FIRST_S", 0.0)

    def told(step: Any) -> str:
        """What is said after a step, by a command that began before it."""
        terminal.truncate(0)
        terminal.seek(0)
        with run._shown(is_shown=True) as on_look:
            step()
            on_look()
            on_look()
        drawn, gone = terminal.getvalue().split("\r\x1b[K")[1:]
        assert gone == "", "twice within two seconds it is drawn once, and then it is gone"
        return drawn

    arrival = house.send("RV_20260301_001.txt", content)
    assert told(lambda: batches.identify(arrival.batch_id)).endswith("unfinished files: 1")
    assert "[--------------------]  0%  0 requests of 4 requests" in told(lambda: batches.read(arrival.batch_id))
    assert "[####################]  100%  4 requests of 4 requests" in told(house.work)
    with run._shown(is_shown=False) as on_look:
        on_look()
    assert terminal.getvalue().count("\r\x1b[K") == 2, "nothing was added"
