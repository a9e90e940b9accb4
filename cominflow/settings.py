"""Settings: read once from the environment, also the Django settings module.

COMINFLOW_DATA          the data folder, by default ./var
COMINFLOW_DATABASE_URL  sqlite:///… or postgresql://…, by default a SQLite file in <data>/state
COMINFLOW_LOG           text or json: how `up`, `run` and `sftp` log (`cominflow.cli.logged` reads it)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dj_database_url

from cominflow.errors import UsageError

DATA = Path(os.environ.get("COMINFLOW_DATA") or "var").absolute()
DATABASE_URL = os.environ.get("COMINFLOW_DATABASE_URL") or f"sqlite:///{DATA}/state/cominflow.db"
IS_SQLITE = DATABASE_URL.startswith("sqlite")

SECRET_KEY = "no session or signed value exists in this process"  # Django wants one; nothing is signed with it
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "it"
INSTALLED_APPS = ["cominflow.apps.CominflowConfig"]
MIGRATION_MODULES = {"cominflow": "cominflow.models.migrations"}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# WAL and FULL: a commit is on the disk when it returns. IMMEDIATE: a writer waits for its turn instead of
# failing half-way through with "database is locked". Pages of 16 kB suit blobs; incremental vacuum lets a
# purge give the space back. (Page size and auto_vacuum take effect only when the file is made.) Temporary pages stay
# in memory: in /var/tmp they would be people's data outside the data folder.
SQLITE_PRAGMAS = (
    "PRAGMA busy_timeout=30000",  # first: the others may have to wait as well
    "PRAGMA page_size=16384",
    "PRAGMA auto_vacuum=INCREMENTAL",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
)


def _parsed() -> Mapping[str, Any]:
    """The URL as Django wants it. UsageError when it names no database that this program runs on."""
    scheme = DATABASE_URL.partition(":")[0]
    if IS_SQLITE and not DATABASE_URL.startswith("sqlite:////"):
        # It would be another database in each working directory.
        raise UsageError(
            f"COMINFLOW_DATABASE_URL names no whole path: {DATABASE_URL}",
            hint="write sqlite:////folder/file.db, with four slashes, or leave it out",
        )
    if scheme in ("sqlite", "postgresql", "postgres"):
        try:
            return dj_database_url.parse(DATABASE_URL)
        except ValueError:  # told below, without the URL: it may hold a password
            scheme = "a malformed URL"
    raise UsageError(
        f"COMINFLOW_DATABASE_URL names {scheme!r}, which is no database for cominflow",
        hint="write sqlite:////folder/file.db or postgresql://user@host/database, or leave it out",
    )


def _database() -> dict[str, Any]:
    # A connection is kept for the life of its thread: on SQLite each close of the last one is a checkpoint, with two
    # more waits for the disk. On PostgreSQL a connection that was cut is noticed before it is used again.
    config: dict[str, Any] = dict(_parsed())
    config |= {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": not IS_SQLITE}
    if IS_SQLITE:
        config["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 30, "init_command": ";".join(SQLITE_PRAGMAS)}
    else:
        # A blob goes as it is, not as a literal of twice its size in the statement: a third of the time.
        config["OPTIONS"] = {**config.get("OPTIONS", {}), "server_side_binding": True}
    return config


DATABASES = {"default": _database()}
