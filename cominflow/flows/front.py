"""Front: the process that speaks SSH with customers. It reads keys and notes retrievals; it parses no file."""

from __future__ import annotations

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
    server.run_server(
        folders=folders,
        customer_of_key=_customer_of_key,
        host_key=folders.state / "sftp_host_key",
        stop=stop,
        on_ready=on_ready,
        listen=listen,
        on_retrieved=_retrieved,
    )


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
