"""A PostgreSQL server that goes away while the system runs, and comes back: the same processes go on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import postgresql
from tests.system import BIN, LAYOUTS, System

LOOKS_MAX = 60


@pytest.fixture
def server() -> Iterator[postgresql.PostgreSQL]:
    """A server of its own: that of the other tests must not go away."""
    made = postgresql.PostgreSQL()
    yield made
    made.stop()


@pytest.fixture
def bank(tmp_path: Path, server: postgresql.PostgreSQL, program: Callable[[str], str]) -> Iterator[System]:
    program("ssh-keygen")
    built = System(tmp_path, postgresql.make_database(server.url, "away"))
    built.build("banca-demo", {"VIS1": ("3.50", None), "VIS2": ("3.50", None)})
    yield built
    built.close()


def test_a_database_that_was_away_for_a_while_ends_no_process(bank: System, server: postgresql.PostgreSQL) -> None:
    bank.up()
    before = bank.children()
    server.halt()
    log = bank.folder / "up.log"
    for _ in range(LOOKS_MAX):
        assert "cannot " in bank.run("status", code=3)
        if "a sweep failed and is repeated in 5 s: connection is bad" in log.read_text():
            break
    else:
        pytest.fail(f"the engine did not say that its database is away:\n{log.read_text()}")
    server.begin()
    made = bank.folder / "made by hand"
    generate = [BIN / "tracciati", "generate", LAYOUTS / "banca-demo" / "visure.toml", "--seed", "1", "--count", "3"]
    subprocess.run([*generate, "--out", made], check=True, capture_output=True)
    bank.place("banca-demo", "RV_20260301_001.txt", made.read_bytes())
    bank.run("run", "--once")
    assert bank.json("status")["requests"]["open"] == 3
    assert bank.children() == before, "the engine and the SFTP server are those that began"
