"""Preloaded: the commands as processes that begin with the libraries imported, which is half of what they take.

A server imports the libraries (of ours only `tracciati`, which reads no settings) and forks a process for each call of
a program in `bin`: with the caller's arguments, environment, folder and standard streams. From there on happens what
the installed program does. What a start itself is about (closed streams, signals, limits, the time that it takes) is
tried with the installed programs.

A run of the tests has one server, and `program` gives the path of a program.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

from tests.orphans import end_with_the_parent

LIBRARIES = """
    click cryptography.hazmat.primitives.serialization dbos dj_database_url django.core.management
    django.core.management.commands.migrate django.core.serializers.json django.core.validators
    django.db.backends.postgresql.base django.db.backends.sqlite3.base django.db.migrations.autodetector
    django.db.migrations.executor django.db.models fixedwidth.fixedwidth jinja2 numpy pandas paramiko psycopg pyarrow
    pyarrow.compute pyarrow.csv pyarrow.parquet sqlalchemy.dialects.postgresql sqlalchemy.dialects.sqlite
    tracciati.cli tracciati.declare tracciati.reading tracciati.writing urllib3 watchdog.observers zoneinfo
"""
# The environment variable that names the folder of the programs.
BIN = "COMINFLOW_TEST_BIN"
# What stands in that folder, and the module of which it runs `main`.
PROGRAMS = {"cominflow": "cominflow.__main__", "tracciati": "tracciati.__main__", "several": "tests.several"}
_DEFECT = 70
_KILLED = 128  # and the signal's number, as a shell tells it

# A program in `bin`: as little as it can be, since it is started for every command.
_PROGRAM = """#!{python} -IS
import os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({path!r})
environment = [f"{{name}}={{value}}" for name, value in os.environ.items()]
words = [sys.argv[0].rpartition("/")[2], os.getcwd(), str(len(sys.argv) - 1), *sys.argv[1:], *environment]
sent = b"\\0".join(map(os.fsencode, words))
socket.send_fds(server, [len(sent).to_bytes(8, "big")], [0, 1, 2])
server.sendall(sent)
told = server.recv(1)
os._exit(told[0] if told else {defect})
"""


class Preloaded:
    """The server. It ends with the process that started it, even when that process is killed."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="preloaded-", dir="/tmp"))  # a socket's path has at most 107 bytes
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        path = self.folder / "socket"
        for name in PROGRAMS:
            program = self.bin / name
            program.write_text(_PROGRAM.format(python=sys.executable, path=str(path), defect=_DEFECT))
            program.chmod(0o755)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
            listening.listen(64)
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.preloaded", str(listening.fileno())],
                cwd=Path(__file__).resolve().parents[1],
                stdin=subprocess.DEVNULL,
                pass_fds=[listening.fileno()],
                preexec_fn=partial(end_with_the_parent, signal.SIGTERM),
            )

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)


def program(name: str) -> Path:
    """One of PROGRAMS, preloaded."""
    return Path(os.environ[BIN]) / name


def _serve(listening: socket.socket) -> NoReturn:
    """Fork for each caller, for ever."""
    for name in LIBRARIES.split():
        importlib.import_module(name)
    assert not any(name.partition(".")[0] == "cominflow" for name in sys.modules), "it would have read its settings"
    gc.collect()
    gc.freeze()  # what lies here is not copied in each process by a look at it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        caller, _ = listening.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listening.close()
            _become(caller)
        caller.close()


def _become(caller: socket.socket) -> NoReturn:
    """Fork the command, and wait for it here, which is no part of it."""
    size, streams, _, _ = socket.recv_fds(caller, 8, 3)
    with caller.makefile("rb") as told:
        name, folder, count, *words = map(os.fsdecode, told.read(int.from_bytes(size, "big")).split(b"\0"))
    command = os.fork()
    if command != 0:
        for stream in streams:
            os.close(stream)
        _wait(command, caller)
    caller.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  they stay open as long as the process
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(word.split("=", 1) for word in words[int(count) :])
    time.tzset()
    sys.argv = [name, *words[: int(count)]]
    program: Callable[[], int | None] = importlib.import_module(PROGRAMS[name]).main
    # As it is for an installed program: not the folder of the tests, but those that its environment names.
    named = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:1] = [str(Path(sys.executable).parent), *named]
    _end(program)


def _end(program: Callable[[], int | None]) -> NoReturn:
    """Run it and end as a program does, but for taking the libraries down piece by piece."""
    code = _DEFECT
    try:
        code = program() or 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 0
    except BaseException:  # noqa: BLE001  as the interpreter tells it; no program of ours lets it come to that
        traceback.print_exc()
    finally:
        threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as the interpreter does
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(command: int, caller: socket.socket) -> NoReturn:
    """Tell the caller how the command ended; end it when the caller went away."""
    ended = os.pidfd_open(command)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(caller, select.POLLIN)
    if not any(descriptor == ended for descriptor, _ in poll.poll()):
        os.kill(command, signal.SIGKILL)
        os._exit(0)
    _, status = os.waitpid(command, 0)
    code = os.waitstatus_to_exitcode(status)
    caller.sendall(bytes([code if code >= 0 else _KILLED - code]))
    os._exit(0)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
