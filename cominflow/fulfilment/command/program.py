"""Program: run one to its end, or end it and all that it began when its time is up or the engine stops."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO

from cominflow import stopping
from cominflow.errors import WorldError
from cominflow.fulfilment.command.room import Room
from cominflow.limits import COMMAND_STDERR_BYTES_MAX

# How often a wait looks whether the engine is being stopped.
_LOOK_S = 0.25
# What a program gets of our environment: no password of ours is in it.
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ")
# A grandchild that left the group may hold standard error open for ever.
_LAST_WORDS_S = 1.0


def run(words: Sequence[str], room: Room, variables: Mapping[str, str], *, wait_s: float) -> None:
    """Run `words` in the room, and return when it ended with 0.

    Raises WorldError: it cannot be started, ended otherwise, or took longer than `wait_s`. StoppedError when the
    process is to end. In each case nothing of its process group runs on.
    """
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment |= {"HOME": str(room.path), "TMPDIR": str(room.path), **variables}
    try:
        process = subprocess.Popen(
            words,
            cwd=room.path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            umask=0o077,
        )
    except OSError as cause:
        raise WorldError(
            "start", words[0], cause.strerror or cause, retryable=True,
            hint="see that it is there and may be run by the account that runs cominflow; correct 'program' if not",
        ) from cause  # fmt: skip
    assert process.stderr is not None
    ear = _Ear(process.stderr)
    try:
        room.occupy(process.pid)
        is_over = _wait(process.pid, wait_s)
    finally:
        # Not reaped yet, so that the number is still its own: all that it began ends with it.
        os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
        said = ear.heard()
    if is_over and code == 0:
        room.keep_stderr(words[0], b"")
        return
    kept = room.keep_stderr(words[0], said)
    see = (
        f"read what it said on standard error, in {kept} (it may name people)"
        if kept
        else "run it by hand to see why, since it said nothing on standard error"
    )
    raise WorldError(
        "run", words[0], _ended(code) if is_over else f"it did not end within {wait_s:g} s", retryable=True,
        hint=f"{see}; nothing was stored, and it is run again",
    )  # fmt: skip


def _wait(pid: int, wait_s: float) -> bool:
    """Wait until the process has ended, without taking its exit code. False when the time was up first."""
    descriptor = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        deadline = time.monotonic() + wait_s
        while (left_s := deadline - time.monotonic()) > 0:
            if poll.poll(1000 * min(left_s, _LOOK_S)):
                return True
            stopping.look()
        return False
    finally:
        os.close(descriptor)


def _ended(code: int) -> str:
    if code >= 0:
        return f"it ended with exit code {code}"
    try:
        return f"it was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"it was killed by signal {-code}"


class _Ear:
    """Reads standard error to its end, so that the program never waits for us, and keeps the last of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._tail = stream, bytearray()
        self._thread = threading.Thread(target=self._listen, name="stderr of a program", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        descriptor = self._stream.fileno()
        while block := os.read(descriptor, 65536):
            self._tail += block
            del self._tail[:-COMMAND_STDERR_BYTES_MAX]
        self._stream.close()

    def heard(self) -> bytes:
        """The last of what was said."""
        self._thread.join(_LAST_WORDS_S)
        return bytes(self._tail)
