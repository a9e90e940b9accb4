"""What an older program left behind is brought up to this version, goes on where it was, and adds up.

`make.py` says how it was made. On PostgreSQL the same rows are put into the tables as they were then; the durable
engine's own tables are not, as it makes them anew: what was under way begins anew there, by our tables alone.
"""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cominflow.settings import SQLITE_PRAGMAS
from tests import preloaded
from tests.system import BIN, LAYOUTS
from tests.upgrades.make import CUSTOMER, TABLE

KEPT = Path(__file__).parent
# What is kept, and the migration that its database was made with.
MADE = {"first-files": "0001", "first-killed": "0001", "before-language-files": "0005"}


class Upgraded:
    """An older system in a folder, and the commands of this version on it."""

    def __init__(self, folder: Path, name: str, url: str) -> None:
        self.folder, self.kept, self.url = folder, KEPT / name, url
        self.environment = {**os.environ, "COMINFLOW_DATA": str(folder / "var"), "COMINFLOW_DATABASE_URL": url}
        with tarfile.open(self.kept / "data.tar.gz") as tar:
            tar.extractall(folder, filter="tar")
        (folder / TABLE).write_bytes((self.kept / TABLE).read_bytes())
        text = gzip.decompress((self.kept / "database.sql.gz").read_bytes()).decode()
        if url.startswith("sqlite"):
            restore(Path(url.removeprefix("sqlite:///")), text)
        else:
            older = folder / "older.db"
            restore(older, text)
            self._migrate(MADE[name])
            move(older, url)

    def _migrate(self, migration: str) -> None:
        environment = {**self.environment, "DJANGO_SETTINGS_MODULE": "cominflow.settings"}
        command = [sys.executable, "-m", "django", "migrate", "cominflow", migration]
        subprocess.run(command, env=environment, capture_output=True, check=True)

    def run(self, *words: str, code: int = 0) -> str:
        """What `cominflow` printed (its errors when it fails); the exit code is demanded."""
        command = [preloaded.program("cominflow"), *words]
        done = subprocess.run(command, env=self.environment, cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done.stderr if code else done.stdout

    def json(self, *words: str) -> Any:
        """What a command prints with --json."""
        return json.loads(self.run(*words, "--json"))

    def reconciled(self) -> dict[str, Any]:
        """The report of a reconciliation that has no findings."""
        report: dict[str, Any] = self.json("reconcile", "--deep")
        return report

    def outbox(self) -> set[str]:
        """Names of what the customer can fetch."""
        return {path.name for path in (self.folder / "var" / "customers" / CUSTOMER / "outbox").iterdir()}


def restore(place: Path, text: str) -> None:
    """A SQLite file from its text, with the pages that ours have."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(place) as database:
        for pragma in SQLITE_PRAGMAS:
            if "foreign_keys" not in pragma:
                database.execute(pragma)
        database.executescript(text)
    database.close()


def move(older: Path, url: str) -> None:
    """Copy the rows of our tables from a SQLite file into the same tables on PostgreSQL."""
    source = sqlite3.connect(older)
    with psycopg.connect(url) as target:  # foreign keys are looked at when it commits
        tables = target.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE 'cominflow\\_%'").fetchall()
        for (table,) in tables:
            found = target.execute(
                "SELECT column_name, udt_name FROM information_schema.columns WHERE table_name = %s", [table]
            )
            kinds = dict(found.fetchall())
            names, values = ", ".join(f'"{name}"' for name in kinds), ", ".join("%s" for _ in kinds)
            rows = source.execute(f"SELECT {names} FROM {table}")
            statement = f"INSERT INTO {table} ({names}) VALUES ({values})"
            for row in rows:
                target.execute(statement, [plain(v, kind) for v, kind in zip(row, kinds.values(), strict=True)])
            if "id" in kinds:
                after = f"coalesce((SELECT max(id) FROM {table}), 0) + 1"
                target.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {after}, false)")
    source.close()


def plain(value: Any, kind: str) -> Any:
    """A value of SQLite for a column of this kind."""
    if value is None:
        return None
    if kind == "bool":
        return bool(value)
    return f"{value}+00" if kind == "timestamptz" else value


@pytest.mark.parametrize("name", [name for name in MADE if name.endswith("-files")])
def test_an_older_system_is_brought_up_to_date_goes_on_and_adds_up(
    name: str, tmp_path: Path, database_url: str
) -> None:
    upgraded = Upgraded(tmp_path, name, database_url)
    if MADE[name] == "0001":
        assert "is not made for this version" in upgraded.run("status", code=2)
    upgraded.run("init")
    before = upgraded.reconciled()
    assert (before["findings"], before["looked_at"]["arrivals"], before["looked_at"]["requests"]) == ([], 6, 305)
    made = ["--seed", "9", "--count", "4", "--set", "richiesta.servizio=VIS1", "--out", "made"]
    layout = LAYOUTS / CUSTOMER / "visure.toml"
    subprocess.run([BIN / "tracciati", "generate", layout, *made], cwd=upgraded.folder, check=True, capture_output=True)
    (upgraded.folder / "made").rename(upgraded.folder / "var/customers" / CUSTOMER / "inbox" / "RV_20260401_001.txt")
    upgraded.run("run", "--once")
    assert "RV_20260401_001.A01" in upgraded.outbox()
    (waiting,) = upgraded.json("work", "list")
    upgraded.run("work", "answer", waiting["request"], "--outcome", "fulfilled", "--field", "punteggio=702")
    states = {row["state"]: row["arrival"] for row in upgraded.json("arrival", "list")}
    upgraded.run("arrival", "release", states["HELD"], "--reason", "it has a price now")
    upgraded.run("arrival", "discard", states["DUPLICATE"], "--reason", "sent twice")
    upgraded.run("run", "--once")
    assert {"RV_20260301_002.A03", "RV_20260301_002.F03"} <= upgraded.outbox()
    after = upgraded.reconciled()
    assert (after["findings"], after["looked_at"]["arrivals"], after["looked_at"]["requests"]) == ([], 7, 312)
    assert after["looked_at"]["invoices"] > before["looked_at"]["invoices"]


def test_batches_that_an_older_program_left_under_way_are_brought_to_their_end_once(
    tmp_path: Path, database_url: str
) -> None:
    upgraded = Upgraded(tmp_path, "first-killed", database_url)
    before = upgraded.outbox()
    assert before == {"RV_20260301_001.A01", "RV_20260301_001.F01", "RV_20260301_004.A01"}
    upgraded.run("init")
    upgraded.run("run", "--once")
    late = {"RV_20260301_001.A02", "RV_20260301_001.F02"}
    first = {f"RV_20260301_{number}.{kind}01" for number in ("002", "003", "004") for kind in "AF"}
    assert upgraded.outbox() == before | late | first
    open_requests = [row["request"] for row in upgraded.json("work", "list")]
    assert sorted(open_requests) == ["A-1/3", "A-2/4"]
    assert {row["state"] for row in upgraded.json("arrival", "list")} == {"CLOSED", "QUEUED"}
    status = upgraded.json("status")
    assert status["unfinished_batches"] == 0 and status["deliveries"].keys() == {"PUBLISHED"}
    report = upgraded.reconciled()
    assert (report["findings"], report["looked_at"]["requests"]) == ([], 274)


def test_every_kept_system_is_small_and_has_a_migration_that_it_was_made_with() -> None:
    assert {path.parent.name for path in KEPT.glob("*/database.sql.gz")} == set(MADE)
    for name in MADE:
        assert sum(path.stat().st_size for path in (KEPT / name).iterdir()) < 200_000
