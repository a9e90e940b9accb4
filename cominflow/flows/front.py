"""Front: the process that speaks SSH with customers. It reads keys and notes retrievals; it parses no file."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from django.db import connection

from cominflow import clock, settings
from cominflow.customers import keys, register
from cominflow.exchange import publish
from cominflow.exchange.disk import Folders
from cominflow.exchange.sftp import server


def run(listen: tuple[str, int], *, stop: threading.Event, on_ready: Callable[[server.Server], None]) -> None:
    """Serve until `stop` is set. Raises WorldError when the port is taken."""
    folders = Folders(settings.DATA)

    def ready(started: server.Server) -> None:
        _note_address(folders, started)
        on_ready(started)

    server.run_server(
        folders=folders,
        customer_of_key=_customer_of_key,
        host_key=folders.state / "sftp_host_key",
        stop=stop,
        on_ready=ready,
        listen=listen,
        on_retrieved=_retrieved,
    )


def _note_address(folders: Folders, started: server.Server) -> None:
    """Where it listens, for `cominflow doctor`, which looks whether it answers there."""
    with contextlib.suppress(OSError):  # a full disk keeps nobody from fetching
        (folders.state / "sftp.listening").write_text(f"{started.host}:{started.port}\n")


def _customer_of_key(fingerprint: str) -> str | None:
    try:
        return keys.customer_of(fingerprint)
    finally:
        connection.close()  # a session's thread ends with its session


def _retrieved(customer: str, folder: str, name: bytes) -> None:
    """The customer has every byte of a published file: note when, the first time."""
    try:
        publish.retrieved(register.find(customer), folder, name, at=clock.now())
    finally:
        connection.close()  # a session's thread ends with its session
