"""Database: it is there, answers, is made for this version, and is set as the program wants it."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from cominflow import quoting
from cominflow.cli.doctor.finding import Finding, Looked, ok, problem, span, warning
from cominflow.limits import CLOCK_S_MAX, WAL_BYTES_MAX

_WAIT_S = 3.0
_WHY = "nothing can be received or answered without it"
# Pragmas of the file itself, and how they are told: 2 is INCREMENTAL.
_WANTED = {"journal_mode": "wal", "auto_vacuum": "2"}
_POSTGRESQL_MIN = 140_000


def reached(looked: Looked) -> Iterator[Finding]:
    """The database answers, and its tables are those of this version."""
    from django.db import connection

    from cominflow import settings
    from cominflow.cli import setup

    where = setup.database_shown()
    options = connection.settings_dict["OPTIONS"]
    if settings.IS_SQLITE:
        found = list(_file(looked, Path(where)))
        yield from found
        if any(one.level == "problem" for one in found):
            return
        # As the engine connects, but for what would write or wait.
        pragmas = [p for p in settings.SQLITE_PRAGMAS if "journal_mode" not in p and "busy_timeout" not in p]
        options |= {"timeout": _WAIT_S, "transaction_mode": "DEFERRED", "init_command": ";".join([*pragmas, _READ])}
    else:
        options |= {"connect_timeout": int(_WAIT_S)}
    try:
        plan, ahead = _migrations()
    except Exception as error:  # noqa: BLE001  whatever a database fails with, the rest is looked at too
        yield problem(
            "database", where, f"it does not answer: {quoting.said(error)}", why=_WHY,
            do="see that it runs, that COMINFLOW_DATABASE_URL names it and that the account may enter",
        )  # fmt: skip
        return
    if plan:
        yield problem(
            "database", where, f"it is not made for this version: {', '.join(plan)} not applied", why=_WHY,
            do="take a backup, stop cominflow, then run `cominflow init`",
        )  # fmt: skip
    elif ahead:
        yield problem(
            "database", where, f"it was made by a newer version ({', '.join(ahead)})",
            why="this one does not know what the newer one keeps", do="install the newer version again",
        )  # fmt: skip
    else:
        looked.has_database = True
        yield ok("database", where, "it answers, and is of this version")


_READ = "PRAGMA query_only=ON"


def _migrations() -> tuple[list[str], list[str]]:
    """Migrations that are not applied, and applied ones that this version does not have."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    applied = {name for app, name in executor.loader.applied_migrations if app == "cominflow"}
    known = {name for app, name in executor.loader.disk_migrations if app == "cominflow"}
    return [migration.name for migration, _ in plan], sorted(applied - known)


def _file(looked: Looked, path: Path) -> Iterator[Finding]:
    """SQLite's file, looked at without Django, which would make it where it is missing."""
    if not path.is_file():
        yield problem(
            "database", path, "it is not there", why=_WHY,
            do="mount what it lay on, or restore it from the backup; if there never was one, run `cominflow init`",
        )  # fmt: skip
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if not mode & stat.S_IWUSR:
        yield problem(
            "database", path, f"it is read-only (mode {mode:04o})", why="nothing can be kept", do=f"chmod u+w {path}"
        )
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=_WAIT_S)) as connection:
            connection.isolation_level = None
            yield from _pragmas(path, connection)
            yield from _writable(path, connection)
            if looked.is_deep:
                yield from _whole(path, connection)
    except sqlite3.Error as error:
        yield problem(
            "database", path, quoting.said(error), why=_WHY,
            do="see who holds it (`fuser`), that it is a database of cominflow, and that its folder can be written",
        )  # fmt: skip


def _pragmas(path: Path, connection: sqlite3.Connection) -> Iterator[Finding]:
    found = {name: str(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in _WANTED}
    wrong = {name: value for name, value in found.items() if value != _WANTED[name]}
    if wrong:
        yield warning(
            "database", path, ", ".join(f"{name} is {value}, not {_WANTED[name]}" for name, value in wrong.items()),
            why="readers and the writer would wait for each other, and a purge would give no space back",
            do="stop cominflow, then: PRAGMA journal_mode=WAL; PRAGMA auto_vacuum=INCREMENTAL; VACUUM",
        )  # fmt: skip
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size > WAL_BYTES_MAX:
        yield warning(
            "database", log, f"it grew to {log.stat().st_size / 1024**3:.1f} GiB",
            why="some reader stands still, and the database takes nothing in", do="end that reader (`fuser`)",
        )  # fmt: skip


def _writable(path: Path, connection: sqlite3.Connection) -> Iterator[Finding]:
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        is_busy = str(getattr(error, "sqlite_errorname", "")).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
        if not is_busy:
            raise
        yield warning(
            "database", path, f"somebody has been writing for {span(_WAIT_S)}",
            why="every other writer waits for that one",
            do="look again; if it stays so, see who holds it (`fuser`): a backup, a shell?",
        )  # fmt: skip


def _whole(path: Path, connection: sqlite3.Connection) -> Iterator[Finding]:
    lines = [row[0] for row in connection.execute("PRAGMA quick_check(10)")]
    if lines != ["ok"]:
        yield problem(
            "database", path, f"quick_check found {len(lines)} faults", why="pages of the file are damaged",
            do="stop cominflow, keep a copy of the file, and restore the backup; look at the disk's health",
        )  # fmt: skip
    else:
        yield ok("database", path, "quick_check found nothing")


def settings_of(looked: Looked) -> Iterator[Finding]:
    """The connection's own settings: that a commit is on the disk when it returns, that text is UTF-8."""
    from django.db import connection

    from cominflow.cli import setup

    where = setup.database_shown()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA synchronous")
            is_durable, said = int(cursor.fetchone()[0]) >= 2, "synchronous"
        else:
            cursor.execute("SELECT current_setting('server_version_num')::int, current_setting('server_encoding')")
            version, encoding = cursor.fetchone()
            if version < _POSTGRESQL_MIN or encoding != "UTF8":
                yield problem(
                    "database", where, f"PostgreSQL {version // 10_000}, {encoding}",
                    why="this program wants 14 or newer, and UTF8", do="move the database to such a server",
                )  # fmt: skip
            cursor.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
            fsync, commit = cursor.fetchone()
            is_durable, said = fsync == "on" and commit != "off", f"fsync {fsync}, synchronous_commit {commit}"
    if not is_durable:
        yield problem(
            "database", where, f"a commit may be lost ({said})", why="customers are told of what was committed",
            do="set fsync and synchronous_commit to on",
        )  # fmt: skip
    else:
        yield ok("database", where, "a commit is durable")


def time(looked: Looked) -> Iterator[Finding]:
    """Nothing happened after now: else the clock went backwards."""
    from cominflow.models import Event

    last = Event.objects.order_by("-pk").values_list("at", flat=True).first()
    if last is not None and (last - looked.at).total_seconds() > CLOCK_S_MAX:
        yield problem(
            "clock", "this machine",
            f"it says {looked.at:%Y-%m-%d %H:%M:%S} UTC, and something happened at {last:%Y-%m-%d %H:%M:%S}",
            why="it went backwards, or was wrong then: invoices and prices follow it",
            do="set the clock by a time service before anything else is received",
        )  # fmt: skip
    else:
        yield ok("clock", "last event", f"{last:%Y-%m-%d %H:%M:%S} UTC" if last else "none yet")
