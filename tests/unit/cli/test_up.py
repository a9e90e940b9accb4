"""`up`: when a process that ended is begun again, and when it ends the other one too. The children are real."""

from __future__ import annotations

from pathlib import Path

import pytest

from cominflow.cli.up import Child


def ended(child: Child) -> int | None:
    """Begin it, let it end, and ask what comes of that."""
    child.restart_at = 0.0
    child.start()
    assert child.process is not None
    child.process.wait(60)
    return child.ended_for_good()


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COMINFLOW_DATA", str(tmp_path / "var"))
    monkeypatch.setenv("COMINFLOW_DATABASE_URL", "")
    return tmp_path / "var"


def test_what_cannot_work_at_the_first_start_ends_all_and_later_it_is_begun_once_more(data: Path) -> None:
    (data / "customers" / "banca-demo").mkdir(parents=True)  # its database is away: exit code 3
    child = Child("engine", ["run"])
    assert ended(child) == 3
    assert ended(child) is None and child.restart_at > 0


def test_wrong_usage_ends_all_whenever_it_is_found(data: Path) -> None:
    child = Child("engine", ["run"])  # no system at all
    assert ended(child) == 2
    assert ended(child) == 2
