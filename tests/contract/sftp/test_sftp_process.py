"""The server as a process of its own: killed at any moment, and watched while it puts a file into the inbox."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import pytest

from tests import programs
from tests.conftest import ROOT
from tests.contract.sftp.conftest import WAIT_S, House

PROGRAM = """
import os, signal, sys, threading
from pathlib import Path
from cominflow import failpoint
from cominflow.exchange.disk import Folders
from cominflow.exchange.sftp import server

data, fingerprint, killed_at = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
failpoint.arm(lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == killed_at else None)
folders = Folders(data)
server.run_server(
    folders=folders,
    customer_of_key={fingerprint: "banca-demo"}.get,
    host_key=folders.state / "host_key",
    stop=threading.Event(),
    on_ready=lambda ready: print(ready.port, ready.known_hosts_line(), flush=True),
)
"""


@dataclass
class Elsewhere:
    """Where the child listens."""

    host: str
    port: int

    def close(self) -> None:
        """The child is ended by who started it."""


@contextmanager
def process(house: House, *, killed_at: str = "", before: tuple[str, ...] = ()) -> Iterator[subprocess.Popen[str]]:
    """The server as a child; `house` connects to it."""
    fingerprint = next(known for known, customer in house.customers.items() if customer == "banca-demo")
    command = [*before, sys.executable, "-c", PROGRAM, str(house.folders.data), fingerprint, killed_at]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert child.stdout is not None
    port, line = child.stdout.readline().split(maxsplit=1)
    (house.home / "known_hosts").write_text(line)

    house.serving = Elsewhere("127.0.0.1", int(port))
    try:
        yield child
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # under strace there are two
        child.wait(WAIT_S)
        child.stdout.close()
        house.serving = None


@pytest.mark.parametrize(
    ("killed_at", "arrived"),
    [("upload.synced", False), ("upload.renamed", True), ("upload.durable", True)],
)
def test_a_server_killed_between_two_steps_leaves_the_whole_file_or_nothing(
    stopped_house: House, killed_at: str, arrived: bool
) -> None:
    house = stopped_house
    (house.home / "RV_1.txt").write_bytes(b"content" * 10_000)
    with process(house, killed_at=killed_at) as child:
        assert house.openssh("put RV_1.txt /inbox\n").returncode != 0, "the client got no OK"
        assert child.wait(WAIT_S) == -signal.SIGKILL
    with process(house):
        again = house.openssh("put RV_1.txt /inbox\n")
    assert (again.returncode != 0) == arrived, "sent again it is refused by its name, or stored"
    assert (house.of().inbox / "RV_1.txt").read_bytes() == b"content" * 10_000
    assert house.names(house.of().inbox) == [b"RV_1.txt"] and house.names(house.of().staging) == []


def test_a_server_killed_in_the_middle_of_an_upload_leaves_nothing_after_its_next_start(stopped_house: House) -> None:
    house = stopped_house
    with process(house) as child:
        file = house.sftp().open("/inbox/RV_1.txt", "wb")
        file.write(b"content" * 10_000)
        child.kill()
        child.wait(WAIT_S)
    assert house.names(house.of().inbox) == [] and len(house.names(house.of().staging)) == 1
    with process(house):
        assert house.nothing_is_there()


def test_the_bytes_are_synced_before_the_rename_and_the_folder_before_the_answer(stopped_house: House) -> None:
    house = stopped_house
    trace = house.home / "trace"
    strace = (programs.need("strace"), "-f", "-y", "-e", "trace=fsync,renameat2", "-o", str(trace))
    with process(house, before=strace):
        house.sftp().open("/inbox/RV_1.txt", "wb").close()
        calls = re.findall(r" (fsync|renameat2)\((.*)\) += 0", trace.read_text())
    upload = calls[-3:]
    assert [call for call, _ in upload] == ["fsync", "renameat2", "fsync"], calls
    assert "/staging/banca-demo/" in upload[0][1]
    assert "RV_1.txt" in upload[1][1] and "RENAME_NOREPLACE" in upload[1][1]
    assert upload[2][1].endswith("/customers/banca-demo/inbox>")
