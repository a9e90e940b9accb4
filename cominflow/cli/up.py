"""`cominflow up`: the whole system, two processes under one."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import time

import click

from cominflow.cli import logged, setup, signals
from cominflow.errors import UsageError

# A process that ended is begun again after so many seconds, doubled each time up to the second figure.
_RESTART_S, _RESTART_S_MAX = 1.0, 60.0
# A process that lived so long has recovered: the next restart waits the short time again.
_HEALTHY_S = 60.0
# Longer than either child gives itself.
_STOP_S = 20.0


@click.command(
    epilog="""\b
Example:
  cominflow up --listen 127.0.0.1:2222
"""
)
@click.option("--listen", default="127.0.0.1:2222", show_default=True, help="HOST:PORT of the SFTP server.")
@logged.log_json_option
def up(listen: str, log_json: bool) -> int:
    """Run the SFTP server and the engine until interrupted.

    Each is a process of its own: the one that speaks to strangers does not parse their files. One that dies is
    begun again. Exit code 4 when another engine runs on this data folder.
    """
    logged.begin(log_json=log_json)
    signals.address(listen)
    setup.django()
    from cominflow import settings
    from cominflow.exchange.disk import Folders
    from cominflow.flows import lock

    with lock.locked(Folders(settings.DATA)):
        pass  # say at once, and not in a child's log, that another engine is at work
    stop = signals.stop_event()
    children = [Child("engine", ["run"]), Child("sftp", ["sftp", "--listen", listen])]
    try:
        for child in children:
            child.start()
        while not stop.wait(0.2):
            for child in children:
                if (code := child.ended_for_good()) is not None:
                    return code
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait()
    return 0


class Child:
    """One of our own commands as a process that is begun again when it dies."""

    def __init__(self, name: str, arguments: list[str]) -> None:
        self.name, self.arguments = name, arguments
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.starts_count = 0
        self.wait_s = _RESTART_S
        self.restart_at = 0.0

    def start(self) -> None:
        """Begin it. It inherits our environment, standard output and standard error."""
        self.started_at = time.monotonic()
        self.starts_count += 1
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cominflow", *self.arguments], preexec_fn=_end_with_parent
        )

    def ended_for_good(self) -> int | None:
        """None while it lives or is to be begun again; its exit code when beginning it again would not help."""
        assert self.process is not None, "started"
        code = self.process.poll()
        if code is None:
            return None
        lived_s = time.monotonic() - self.started_at
        if self.restart_at == 0.0:
            # At the first start: wrong usage, a taken port, a held lock; it said so on standard error. Later a lock
            # that `run --once` holds or a database that is away passes, and would end the other process too.
            if 0 < code < 5 and lived_s < _HEALTHY_S and (self.starts_count == 1 or code == UsageError.exit_code):
                return code
            self.wait_s = _RESTART_S if lived_s >= _HEALTHY_S else min(self.wait_s * 2, _RESTART_S_MAX)
            self.restart_at = time.monotonic() + self.wait_s
            from cominflow import logs

            logs.tell(f"{self.name} ended with {code}; it is begun again in {self.wait_s:g} s")
        if time.monotonic() >= self.restart_at:
            self.restart_at = 0.0
            self.start()
        return None

    def terminate(self) -> None:
        """Ask it to end in order."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait(self) -> None:
        """Wait until it has ended; by force when it does not."""
        if self.process is None:
            return
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


_PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    """Ask the kernel for SIGTERM when `up` dies, kill -9 included: no engine stays behind with the lock."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
