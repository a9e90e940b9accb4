"""`cominflow doctor` on systems that are missing, damaged, locked or of another version: findings, no traceback."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import preloaded
from tests.conftest import ON_POSTGRESQL
from tests.system import BIN, ROOT, System

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def system(tmp_path: Path, migrated_url: str) -> Iterator[System]:
    """A system, made and empty; on SQLite its database is in its usual place."""
    made = System(tmp_path, migrated_url if ON_POSTGRESQL else "")
    made.run("init")
    yield made
    made.close()


def looked(system: System, *words: str) -> tuple[int, dict[str, Any]]:
    """Exit code and report of the doctor. It writes nothing on standard error, whatever is wrong."""
    command = [preloaded.program("cominflow"), "doctor", "--json", *words]
    done = subprocess.run(command, env=system.environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (1 if report["problems"] else 0)
    return done.returncode, report


# PostgreSQL of the tests forgets what a power cut would take; the doctor says so, rightly.
HASTY = "database: a commit may be lost (fsync off, synchronous_commit on)"


def problems(report: dict[str, Any]) -> list[str]:
    """What is wrong, as one text each; but for what is wrong with the tests' own server."""
    found = [f"{one['what']}: {one['saw']}" for one in report["findings"] if one["level"] == "problem"]
    return [text for text in found if text != HASTY]


def database(system: System) -> Path:
    """SQLite's file."""
    return system.data / "state" / "cominflow.db"


def test_a_new_system_has_no_problem_and_a_running_one_not_even_a_warning(system: System) -> None:
    _, report = looked(system, "--deep")
    assert problems(report) == []
    assert report["problems"] == (1 if ON_POSTGRESQL else 0)
    assert {"engine", "sftp"} <= {one["what"] for one in report["findings"] if one["level"] == "warning"}
    system.up()
    _, report = looked(system)
    warned = {one["what"] for one in report["findings"] if one["level"] == "warning"}
    assert problems(report) == [] and not warned & {"engine", "sftp"}


@pytest.mark.skipif(ON_POSTGRESQL, reason="the tests' own server has a problem")
def test_nothing_is_printed_for_cron_when_nothing_is_wrong(system: System) -> None:
    assert system.run("doctor", "--quiet") == ""


def test_a_problem_is_told_to_a_person_with_its_remedy(system: System) -> None:
    (system.data / "state").chmod(0o755)
    done = subprocess.run(
        [BIN / "cominflow", "doctor", "--quiet"], env=system.environment, cwd=ROOT, capture_output=True, text=True
    )
    state = system.data / "state"
    assert done.returncode == 1
    assert done.stdout.startswith(
        f"problem  rights: {state}: everybody on this machine may enter (mode 0755)\n"
        f"  why: people's data are inside\n  do: chmod 0700 {state}\n",
    )


def test_a_folder_that_is_not_there_is_the_one_problem(system: System) -> None:
    system.environment["COMINFLOW_DATA"] = str(system.folder / "elsewhere")
    assert problems(looked(system)[1]) == ["data folder: it is not there"]
    assert not (system.folder / "elsewhere").exists()


def test_settings_that_name_no_database_are_the_one_problem(system: System) -> None:
    system.environment["COMINFLOW_DATABASE_URL"] = "mysql://somewhere/x"
    (one,) = problems(looked(system)[1])
    assert one.startswith("settings: COMINFLOW_DATABASE_URL names 'mysql'")


def test_a_database_behind_or_ahead_of_this_version_is_told(system: System, migrated_url: str) -> None:
    program = (
        "import sys, django; django.setup()\n"
        "from django.db.migrations.recorder import MigrationRecorder\n"
        "from django.db import connection\n"
        "getattr(MigrationRecorder(connection), sys.argv[1])('cominflow', sys.argv[2])\n"
    )
    newest = sorted(path.stem for path in (ROOT / "cominflow/models/migrations").glob("0*.py"))[-1]
    environment = {**system.environment, "DJANGO_SETTINGS_MODULE": "cominflow.settings"}

    def note(how: str, migration: str) -> None:
        subprocess.run([BIN / "python", "-c", program, how, migration], env=environment, cwd=ROOT, check=True)

    note("record_unapplied", newest)
    (behind,) = problems(looked(system)[1])
    assert behind.startswith(f"database: it is not made for this version: {newest}")
    note("record_applied", newest)
    note("record_applied", "9999_of_tomorrow")
    (ahead,) = problems(looked(system)[1])
    assert ahead == "database: it was made by a newer version (9999_of_tomorrow)"


@pytest.mark.skipif(ON_POSTGRESQL, reason="a file is SQLite's")
def test_a_database_that_is_missing_is_told_and_not_made(system: System) -> None:
    database(system).unlink()
    assert problems(looked(system)[1]) == ["database: it is not there"]
    assert not database(system).exists()


@pytest.mark.skipif(ON_POSTGRESQL, reason="a file is SQLite's")
def test_a_database_that_somebody_holds_is_told(system: System) -> None:
    held = sqlite3.connect(database(system))
    held.execute("PRAGMA locking_mode=EXCLUSIVE")
    held.execute("BEGIN EXCLUSIVE")
    code, report = looked(system)
    held.close()
    told = [one for one in report["findings"] if one["what"] == "database" and one["level"] != "ok"]
    assert told and any("locked" in one["saw"] or "writing" in one["saw"] for one in told), (code, told)


@pytest.mark.skipif(ON_POSTGRESQL, reason="a file is SQLite's")
def test_a_database_that_is_read_only_or_no_database_is_told(system: System) -> None:
    database(system).chmod(0o444)
    assert "database: it is read-only (mode 0444)" in problems(looked(system)[1])
    database(system).chmod(0o600)
    for name in ("-wal", "-shm"):
        database(system).with_name(f"cominflow.db{name}").unlink(missing_ok=True)
    database(system).write_bytes(b"a text that is no database at all\n" * 100)
    assert "database: file is not a database" in problems(looked(system)[1])


@pytest.mark.skipif(ON_POSTGRESQL, reason="a file is SQLite's")
def test_a_page_that_is_damaged_is_found_by_looking_deeply(system: System) -> None:
    with sqlite3.connect(database(system)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'arrival_state'").fetchone()
    connection.close()
    with database(system).open("r+b") as file:
        file.seek((page - 1) * 16384)
        file.write(b"\xff" * 200)
    assert any("quick_check" in one or "malformed" in one for one in problems(looked(system, "--deep")[1]))


@pytest.mark.skipif(not ON_POSTGRESQL, reason="a server is PostgreSQL's")
def test_a_server_that_is_away_is_told(system: System) -> None:
    system.environment["COMINFLOW_DATABASE_URL"] = "postgresql://nobody:SECRET@127.0.0.1:1/nothing"
    _, report = looked(system)
    (one,) = problems(report)
    assert one.startswith("database: it does not answer") and "SECRET" not in json.dumps(report)


def test_a_table_of_another_folder_is_looked_for_where_the_command_runs(system: System) -> None:
    settings = json.dumps({"file": "scores.csv", "key": {"codice_fiscale": "cf"}, "result": {}})
    system.run("service", "add", "SCOR", "--title", "Punteggio", "--provider", "table", "--settings", settings)
    (one,) = problems(looked(system)[1])
    assert one == "services: its table scores.csv is not there"
    assert os.getcwd() != str(system.folder)
