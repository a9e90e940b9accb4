"""Status: what it says of the watcher."""

from __future__ import annotations

import pytest

from cominflow.cli import status
from cominflow.exchange import canary


def test_the_watchers_instants_are_in_italian_time_and_for_programs_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    health = canary.Health(told_at="2026-12-31T23:00:08+00:00", degraded_since="2026-07-01T10:00:00+00:00")
    monkeypatch.setattr(canary, "health", lambda _folders: health)
    said = status._watcher(as_json=False)
    assert (
        said == "degraded since 2026-07-01 12:00:00 +0200: files are found by the sweep (at 2027-01-01 00:00:08 +0100)"
    )
    assert "(at 2026-12-31T23:00:08+00:00)" in status._watcher(as_json=True)
    monkeypatch.setattr(canary, "health", lambda _folders: canary.Health(told_at="2026-12-31T23:00:08+00:00"))
    assert status._watcher(as_json=False) == "well (at 2027-01-01 00:00:08 +0100)"
