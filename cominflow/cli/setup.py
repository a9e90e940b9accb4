"""Set-up: makes Django ready for a command, once, and says who is at the keyboard."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cominflow import quoting
from cominflow.errors import UsageError, WorldError


def django(*, is_new: bool = False) -> None:
    """Make models and database usable. Commands call it first, before they import a part that has models.

    UsageError when the data folder holds no system yet, or one of an older program; `is_new=True` is for `init`.
    WorldError when the database does not answer, or is gone and its files are there.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cominflow.settings")
    import django as framework

    framework.setup()
    if not is_new:
        _check_database()


def demand_no_new_beginning() -> None:
    """Refuse to make a database where the folders are those of another one. For `init`, before it makes tables.

    An empty database beside kept files knows no customer, and would give arrivals and invoices their numbers again.
    """
    from django.db import OperationalError, connection
    from django.db.migrations.recorder import MigrationRecorder

    from cominflow import settings

    where = database_shown()
    if settings.IS_SQLITE and not Path(where).exists():  # to ask it would make it
        _refuse_if_gone(where)
        return
    try:
        is_empty = not MigrationRecorder(connection).applied_migrations()
    except OperationalError as problem:
        raise WorldError("open", where, quoting.said(problem), retryable=True, hint=database_hint()) from problem
    if is_empty:
        _refuse_if_gone(where)


def _refuse_if_gone(where: str) -> None:
    from cominflow import settings
    from cominflow.exchange.disk import Folders

    if remains := Folders(settings.DATA).remains():
        raise WorldError(
            "open", where, f"it is gone or empty, and there was one: see {remains}", retryable=True,
            hint="mount what it lay on, name it by COMINFLOW_DATABASE_URL, or restore it from the backup; an empty one "
            "would know nothing and give numbers again. To begin anew, choose another data folder",
        )  # fmt: skip


def operator() -> str:
    """The person or account that gives the command, for the record: `USER@host` is not asked, only the login name."""
    try:
        return getpass.getuser()[:80]
    except (KeyError, OSError):  # an account without a name, as in some containers
        return f"uid {os.getuid()}"


def _check_database() -> None:
    from django.db import OperationalError, connection
    from django.db.migrations.executor import MigrationExecutor

    from cominflow import settings

    where = database_shown()
    if settings.IS_SQLITE:
        _demand_file(Path(where))
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except OperationalError as problem:
        raise WorldError("open", where, quoting.said(problem), retryable=True, hint=database_hint()) from problem
    if plan:
        if not executor.loader.applied_migrations:
            _refuse_if_gone(where)
        raise UsageError(f"the database {where} is not made for this version", hint="run `cominflow init`")


def _demand_file(path: Path) -> None:
    """Refuse a SQLite file that is not there; one that may not be looked for is something else."""
    from cominflow import settings
    from cominflow.exchange.disk import world_error

    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        _refuse_if_gone(str(path))
        raise UsageError(
            f"there is no system in {settings.DATA}: there is no {path}",
            hint="run `cominflow init`, or name the folder: `cominflow --data PATH ...` or COMINFLOW_DATA",
        ) from None
    except OSError as problem:
        closed = (folder for folder in reversed(path.parents) if not os.access(folder, os.X_OK))
        raise world_error("enter", next(closed, path), problem) from problem


def database_hint() -> str:
    """What to look at when the database does not let itself be used. Needs `django()` first."""
    from cominflow import settings

    if not settings.IS_SQLITE:
        return "see that the database runs and may be entered"
    path = database_shown()
    return (
        f"see that this account may write {path}, {path}-wal and {path}-shm (where they are) and their folder, and "
        "that the disk is neither full nor read-only"
    )


def shown_url(vendor: str, config: Mapping[str, Any]) -> str:
    """A database's settings as a URL, less user and password; a folder of sockets stands behind `?host=`.

    >>> shown_url("postgresql", {"NAME": "demo", "HOST": "", "PORT": "", "OPTIONS": {"host": "/run/postgresql"}})
    'postgresql:///demo?host=/run/postgresql'
    """
    host, port = (config[key.upper()] or config["OPTIONS"].get(key) or "" for key in ("host", "port"))
    if host and not str(host).startswith("/"):
        return f"{vendor}://{host}{f':{port}' if port else ''}/{config['NAME']}"
    words = [f"{key}={value}" for key, value in (("host", host), ("port", port)) if value]
    return f"{vendor}:///{config['NAME']}{'?' * bool(words)}{'&'.join(words)}"


def database_shown() -> str:
    """The database for a person: never with the password of its URL. Needs `django()` first."""
    from django.db import connection

    config = connection.settings_dict
    if connection.vendor == "sqlite":
        return str(config["NAME"])
    return shown_url(connection.vendor, config)
