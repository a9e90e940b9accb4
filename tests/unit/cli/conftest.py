"""What the tests of commands need: a whole system in a temporary folder, on the test's database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.house import House


@pytest.fixture
def house(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A system with the customer banca-demo, its services and prices, and its feed as it ships."""
    from cominflow import settings
    from tests.house import House

    monkeypatch.setattr(settings, "DATA", tmp_path / "data")
    built = House(tmp_path)
    built.furnish()
    return built
