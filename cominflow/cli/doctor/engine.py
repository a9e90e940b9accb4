"""Engine: who works on the data folder now, and whether the SFTP server answers."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator

from cominflow.cli.doctor.finding import Finding, Looked, ok, problem, span, warning
from cominflow.limits import ENGINE_SILENT_S_MAX

_TIMEOUT_S = 3.0


def engine(looked: Looked) -> Iterator[Finding]:
    """An engine holds the lock, and swept a moment ago."""
    path = looked.folders.state / "engine.lock"
    if not path.exists() or not _is_held(path):
        yield warning(
            "engine", path, "no engine runs", why="files stay in the inboxes, and answers are not made",
            do="start it: `cominflow up`, or systemctl start cominflow-engine",
        )  # fmt: skip
        return
    process = path.read_text().strip() or "unknown"
    silent_s = looked.at.timestamp() - path.stat().st_mtime
    if silent_s > ENGINE_SILENT_S_MAX:
        yield problem(
            "engine", path, f"process {process} gave no sign of life for {span(silent_s)}",
            why="it sweeps every five seconds, unless it waits for a disk or a database, or is `run --once`",
            do="look at its log; kill -9 costs nothing: what was half done goes on after the next start",
        )  # fmt: skip
    else:
        yield ok("engine", path, f"process {process}, last sign of life {span(max(silent_s, 0.0))} ago")


def server(looked: Looked) -> Iterator[Finding]:
    """The SFTP server answers where it last said that it listens."""
    path = looked.folders.state / "sftp.listening"
    if not path.exists():
        yield warning(
            "sftp", path, "no SFTP server was started on this folder", why="customers cannot send or fetch",
            do="start it: `cominflow up`, or systemctl start cominflow-sftp; without customers by SFTP it is all right",
        )  # fmt: skip
        return
    host, _, port = path.read_text().strip().rpartition(":")
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    try:
        with socket.create_connection((near, int(port)), timeout=_TIMEOUT_S) as connection:
            connection.settimeout(_TIMEOUT_S)
            banner = connection.recv(64)
    except (OSError, ValueError):
        banner = b""
    if banner.startswith(b"SSH-2.0-"):
        yield ok("sftp", f"{host}:{port}", "it answers")
    else:
        yield warning(
            "sftp", f"{host}:{port}", "nobody answers there, where the server listened last",
            why="customers cannot send or fetch", do="start it: `cominflow up`, or systemctl start cominflow-sftp",
        )  # fmt: skip


def _is_held(path: os.PathLike[str]) -> bool:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # Shared, and given back at once: an engine that starts in this very moment is refused, and is begun again.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
