"""Place: one copy of the template system, its data folder and its database, and how a process is bound to it.

Settings are read once per process, so `bind` changes them in a forked process before its first connection.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import psycopg

# Small enough that fifty requests are three chunks and a large file: the same paths as with the real numbers.
LIMITS = {
    "cominflow.flows.receive": {"REQUESTS_AS_ROWS_MAX": 8, "CHUNK_REQUESTS": 20},
    "cominflow.flows.batch": {"LARGE_FILE_BYTES": 4_000, "READ_TOGETHER_MAX": 2, "SETTLED_TOGETHER_MAX": 2},
    "cominflow.flows.deliver": {"DELIVERIES_TOGETHER_MAX": 6},
    "cominflow.exchange.publish": {"FSYNC_EACH_MAX": 3},
    "cominflow.flows.run": {"ONCE_LOOK_S": 0.1},
    "cominflow.exchange.stored.chunks": {"CHUNK_REQUESTS": 20},
    "cominflow.exchange.stored.reference_runs": {"SLICE_REFERENCES": 4, "MERGE_RUNS": 2},
    "cominflow.exchange.stored.rows": {"REQUESTS_AS_ROWS_MAX": 8},
    "cominflow.exchange.claim.opened": {"BATCH_SMALL_FILE_BYTES_MAX": 4_000},
    "cominflow.exchange.claim.taking": {"FSYNC_EACH_MAX": 2},
}
TEMPLATE = "template"


@dataclass(frozen=True)
class Place:
    """A system: its data folder, what its customers keep on their own side, and its database (empty URL: SQLite)."""

    root: Path
    server_url: str = ""

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.root / "data"

    @property
    def clients(self) -> Path:
        """The customers' own disk: what they got an OK for."""
        return self.root / "clients"

    @property
    def database_url(self) -> str:
        """The database's URL."""
        if not self.server_url:
            return f"sqlite:///{self.data}/state/cominflow.db"
        before, question, options = self.server_url.partition("?")
        return f"{before.rpartition('/')[0]}/{self._database}{question}{options}"

    @property
    def _database(self) -> str:
        return f"sim_{self.root.parent.name}_{self.root.name}".replace("-", "_").lower()

    def copy(self, name: str) -> Place:
        """A system of its own with the same contents; nobody may be connected to this one."""
        made = Place(self.root.parent / name, self.server_url)
        shutil.copytree(self.root, made.root)
        if self.server_url:
            with psycopg.connect(self.server_url, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {made._database} WITH (FORCE)")
                connection.execute(f"CREATE DATABASE {made._database} TEMPLATE {self._database} STRATEGY FILE_COPY")
        return made

    def make(self) -> None:
        """The empty folder and database."""
        self.data.mkdir(parents=True)
        self.clients.mkdir()
        if self.server_url:
            with psycopg.connect(self.server_url, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {self._database} WITH (FORCE)")
                connection.execute(f"CREATE DATABASE {self._database}")

    def remove(self) -> None:
        """Remove it all."""
        shutil.rmtree(self.root)
        if self.server_url:
            with psycopg.connect(self.server_url, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {self._database} WITH (FORCE)")

    def bind(self) -> None:
        """Make this process work on this place. Call it in a fork, before its first connection."""
        import gc
        import importlib

        from django.db import connections

        from cominflow import settings

        gc.disable()  # a life is short
        settings.DATA = self.data
        settings.DATABASE_URL = self.database_url
        connections.settings["default"]["NAME"] = (
            self._database if self.server_url else f"{self.data}/state/cominflow.db"
        )
        for module, limits in LIMITS.items():
            for name, value in limits.items():
                assert hasattr(importlib.import_module(module), name), f"{module}.{name}"
                setattr(importlib.import_module(module), name, value)


def prepare(root: Path, server_url: str = "") -> None:
    """Set the environment of this process and import all that a life needs. Connects to nothing."""
    os.environ["COMINFLOW_DATA"] = str(root / TEMPLATE / "data")
    os.environ["COMINFLOW_DATABASE_URL"] = Place(root / TEMPLATE, server_url).database_url
    os.environ["DJANGO_SETTINGS_MODULE"] = "cominflow.settings"
    import django

    django.setup()
    from cominflow.flows import operate, run  # noqa: F401
    from tests.simulation import invariants, workload  # noqa: F401
