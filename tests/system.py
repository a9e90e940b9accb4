"""System: the installed commands as processes on a folder of their own, and real SFTP clients in front of them."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests import preloaded

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
LAYOUTS = ROOT / "layouts"
WAIT_S = 60.0


class System:
    """A data folder, a database, and the commands on them. `close` ends what `up` began."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self.data = folder / "var"
        self.environment = {**os.environ, "COMINFLOW_DATA": str(self.data), "COMINFLOW_DATABASE_URL": database_url}
        self.process: subprocess.Popen[str] | None = None
        self.port = 0
        # A test that damages it on purpose says so.
        self.is_damaged = False

    def run(self, *arguments: str | Path, code: int = 0) -> str:
        """Run `cominflow`, demand its exit code, and give back what it printed (its errors when it failed)."""
        done = subprocess.run(
            [preloaded.program("cominflow"), *map(str, arguments)],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stderr if code else done.stdout

    def run_all(self, *commands: list[str]) -> None:
        """Run several commands in one process, which saves the start of each; all must succeed."""
        done = subprocess.run(
            [preloaded.program("several")],
            input=json.dumps(commands),
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def json(self, *arguments: str | Path) -> Any:
        """What the command prints with --json."""
        return json.loads(self.run(*arguments, "--json"))

    def build(self, customer: str, services: dict[str, tuple[str, Any]], *, layouts: tuple[Path, ...] = ()) -> None:
        """A new system with one customer, with a key of its own, and the feed that ships for it.

        services   code -> (price, settings of the provider `table`, or None: by a person)
        """
        key = self.folder / customer
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        commands = [
            ["init"],
            ["customer", "add", customer, "--name", customer.title()],
            ["key", "add", customer, str(key.with_suffix(".pub"))],
        ]
        for code, (price, settings) in services.items():
            words = ["--provider", "manual"]
            if settings is not None:
                words = ["--provider", "table", "--settings", json.dumps(settings)]
            commands.append(["service", "add", code, "--title", f"Servizio {code}", *words])
            commands.append(["price", "set", customer, code, price])
        named = [word for path in layouts for word in ("--layout", str(path))]
        commands.append(["feed", "publish", customer, str(LAYOUTS / customer / "feed.toml"), *named])
        self.run_all(*commands)

    def demand_sums(self) -> None:
        """`cominflow reconcile` finds nothing, whatever the test did, unless it was damaged on purpose."""
        if not self.is_damaged and (self.data / "state").exists():
            assert self.json("reconcile", "--deep")["findings"] == []

    def place(self, customer: str, name: str, content: bytes) -> None:
        """Put a file into the inbox by hand, whole at once."""
        made = self.folder / "made"
        made.write_bytes(content)
        made.rename(self.data / "customers" / customer / "inbox" / name)

    def outbox(self, customer: str) -> dict[str, bytes]:
        """Name -> content of what the customer can fetch."""
        folder = self.data / "customers" / customer / "outbox"
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

    def begin(self) -> None:
        """Start the whole system on a free port, and wait for nothing."""
        self.port = 0
        self.process = subprocess.Popen(
            [BIN / "cominflow", "up", "--listen", "127.0.0.1:0"],
            env={**self.environment, "PYTHONUNBUFFERED": "1"},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=(self.folder / "up.log").open("ab"),
            text=True,
        )

    def up(self) -> None:
        """Start the whole system, and wait until both processes say that they are ready."""
        self.begin()
        assert self.process is not None
        assert self.process.stdout is not None
        is_engine = is_known = False
        late = threading.Timer(WAIT_S, _kill, [self.process])
        late.start()
        try:
            while not (self.port and is_engine and is_known):
                line = self.process.stdout.readline()
                assert line, f"it ended, or was not ready in {WAIT_S} s:\n{(self.folder / 'up.log').read_text()}"
                is_engine = is_engine or line.startswith("engine running")
                if line.startswith("sftp listening on "):
                    self.port = int(line.split(",")[0].rpartition(":")[2])
                if line.startswith("known_hosts: "):
                    (self.folder / "known_hosts").write_text(line.removeprefix("known_hosts: "))
                    is_known = True
        finally:
            late.cancel()

    def sftp(self, customer: str, *commands: str) -> str:
        """What the OpenSSH client prints for a batch of commands; each must succeed."""
        options = ["-F", "none", "-oIdentitiesOnly=yes", f"-oIdentityFile={self.folder / customer}"]
        options += ["-oStrictHostKeyChecking=yes", f"-oUserKnownHostsFile={self.folder / 'known_hosts'}"]
        done = subprocess.run(
            ["sftp", "-q", "-b", "-", *options, "-P", str(self.port), f"{customer}@127.0.0.1"],
            input="".join(f"{command}\n" for command in commands),
            env={**os.environ, "SSH_AUTH_SOCK": ""},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fetched(self, customer: str) -> dict[str, bytes]:
        """All of the outbox and the receipts, fetched by SFTP."""
        target = self.folder / f"fetched-{customer}"
        target.mkdir(exist_ok=True)
        self.sftp(customer, f"lcd {target.name}", "-get /outbox/*", "-get /receipts/*")
        return {path.name: path.read_bytes() for path in sorted(target.iterdir())}

    def children(self) -> list[int]:
        """The processes that `up` began."""
        assert self.process is not None
        pid = self.process.pid
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal `up`, wait for it and for what it began; its exit code. Fails when a process stays behind."""
        assert self.process is not None
        left = [os.pidfd_open(child) for child in self.children()]
        self.process.send_signal(number)
        code = self.process.wait(WAIT_S)
        for child in left:
            poll = select.poll()
            poll.register(child, select.POLLIN)
            assert poll.poll(WAIT_S * 1000), "a process of the system outlives it"
            os.close(child)
        self.process = None
        self.port = 0
        return code

    def kill(self) -> None:
        """SIGKILL for `up` and for what it began, and wait until all are gone."""
        if self.process is not None:
            _kill(self.process)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def close(self) -> None:
        """End what still runs."""
        if self.process is not None and self.process.poll() is None:
            self.stop(signal.SIGTERM)


def _kill(process: subprocess.Popen[str]) -> None:
    children: list[int] = []
    with suppress(FileNotFoundError):
        words = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        children = [os.pidfd_open(int(word)) for word in words]
    process.kill()
    for child in children:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(child, signal.SIGKILL)
    process.wait()
    for child in children:
        with suppress(ChildProcessError):
            os.waitid(os.P_PIDFD, child, os.WEXITED)
        os.close(child)
