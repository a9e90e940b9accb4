"""A running SFTP server in this process, two customers with keys, and clients that talk to it over a real socket."""

from __future__ import annotations

import logging
import os
import queue
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from cominflow.exchange.disk import CustomerFolders, Folders
from cominflow.exchange.sftp import keys, server
from tests import programs

WAIT_S = 20.0


@dataclass
class House:
    """A server with two customers, and what it told and logged."""

    home: Path
    folders: Folders
    customers: dict[str, str]  # fingerprint to customer
    key_files: dict[str, Path]  # customer to private key
    uploads: queue.Queue[tuple[str, bytes]] = field(default_factory=queue.Queue)
    retrievals: queue.Queue[tuple[str, str, bytes]] = field(default_factory=queue.Queue)
    log: queue.Queue[str] = field(default_factory=queue.Queue)
    clients: list[paramiko.SSHClient] = field(default_factory=list)
    serving: Any = None  # server.Serving, or what a test puts there

    def start(self, bounds: server.Bounds | None = None) -> server.Serving:
        """Start (again) on a free port."""
        self.stop()
        self.serving = server.serve(
            folders=self.folders,
            customer_of_key=self.customers.get,
            host_key=self.folders.state / "host_key",
            on_upload=lambda customer, name: self.uploads.put((customer, name)),
            on_retrieved=lambda customer, folder, name: self.retrievals.put((customer, folder, name)),
            bounds=bounds,
        )
        (self.home / "known_hosts").write_text(self.serving.server.known_hosts_line() + "\n")
        return self.serving

    def stop(self) -> None:
        if self.serving is not None:
            self.serving.close()
            self.serving = None

    def of(self, customer: str = "banca-demo") -> CustomerFolders:
        return self.folders.customer(customer)

    def wait_for(self, words: str) -> str:
        """The next line of the log that holds the words."""
        while True:
            line = self.log.get(timeout=WAIT_S)
            if words in line:
                return line

    def connect(self, customer: str = "banca-demo", **options: object) -> paramiko.SSHClient:
        """Log in with paramiko, the host key pinned."""
        assert self.serving is not None
        client = paramiko.SSHClient()
        client.load_host_keys(str(self.home / "known_hosts"))
        client.connect(
            self.serving.host,
            port=self.serving.port,
            username=customer,
            key_filename=str(self.key_files[customer]),
            look_for_keys=False,
            allow_agent=False,
            **options,
        )
        self.clients.append(client)
        return client

    def sftp(self, customer: str = "banca-demo") -> paramiko.SFTPClient:
        """A session; an answer that does not come fails the test instead of holding it."""
        session = self.connect(customer).open_sftp()
        session.get_channel().settimeout(WAIT_S)
        return session

    def openssh_options(self, customer: str = "banca-demo") -> list[str]:
        assert self.serving is not None
        options = {
            "IdentityFile": self.key_files[customer],
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self.home / "known_hosts",
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "User": customer,
        }
        return ["-F", "/dev/null", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]

    def openssh_command(self, commands: str, customer: str = "banca-demo", *more: str) -> list[str]:
        """OpenSSH's `sftp` with a batch of commands, one per line."""
        assert self.serving is not None
        batch = self.home / "batch"
        batch.write_text(commands)
        port = str(self.serving.port)
        options = self.openssh_options(customer)
        return [programs.need("sftp"), *options, *more, "-P", port, "-b", str(batch), self.serving.host]

    def openssh(self, commands: str, customer: str = "banca-demo") -> subprocess.CompletedProcess[str]:
        command = self.openssh_command(commands, customer)
        return subprocess.run(command, cwd=self.home, capture_output=True, text=True, timeout=60)

    def names(self, folder: Path) -> list[bytes]:
        return sorted(os.fsencode(name) for name in os.listdir(folder))

    def nothing_is_there(self, customer: str = "banca-demo") -> bool:
        return self.names(self.of(customer).inbox) == [] and self.names(self.of(customer).staging) == []


def make_key(path: Path) -> str:
    """Write a private key as ssh-keygen does; returns the public line."""
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o600)
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii")


class _ToQueue(logging.Handler):
    def __init__(self, lines: queue.Queue[str]) -> None:
        super().__init__(logging.INFO)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.put(self.format(record))


@pytest.fixture
def stopped_house(tmp_path: Path) -> Iterator[House]:
    """Two customers and no server yet."""
    house = House(tmp_path, Folders(tmp_path / "data"), {}, {})
    house.folders.ensure(["banca-demo", "istituto-demo"])
    for customer in ("banca-demo", "istituto-demo"):
        house.key_files[customer] = tmp_path / f"{customer}.key"
        house.customers[keys.parse(make_key(house.key_files[customer])).fingerprint] = customer
    log, handler = logging.getLogger("cominflow.sftp"), _ToQueue(house.log)
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield house
    for client in house.clients:
        client.close()
    house.stop()
    log.removeHandler(handler)
    log.setLevel(before)


@pytest.fixture
def house(stopped_house: House) -> House:
    """The server runs."""
    stopped_house.start()
    return stopped_house


@pytest.fixture
def bounded(stopped_house: House) -> Callable[[server.Bounds], House]:
    """The server runs with limits of the test's own."""

    def start(bounds: server.Bounds) -> House:
        stopped_house.start(bounds)
        return stopped_house

    return start
