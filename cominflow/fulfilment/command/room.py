"""Room: the private folder in which one program runs, and what it wrote on standard error.

    <data>/commands/<32 hex digits>/    0700; input, output, and `process`: who runs in it; removed afterwards
    <data>/commands/stderr/<32 hex>     0600; the last words of the last program of that name that failed

A killed engine leaves a room behind, and perhaps its program: the next start ends that, and removes the room. What a
program says on standard error may name people. It is kept here, for the operator, and stands in no log and no message.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import uuid
from pathlib import Path

from cominflow import failpoint
from cominflow.errors import WorldError

_PROCESS = "process"
_STDERR = "stderr"


class Room:
    """A folder for one run. Use with `with`: it is gone afterwards, whatever happened."""

    def __init__(self, data: Path) -> None:
        self._folder = data / "commands"
        self.path = self._folder / uuid.uuid4().hex

    def __enter__(self) -> Room:
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self.path.mkdir(mode=0o700)
        except OSError as cause:
            raise WorldError(
                "make the folder", str(self.path), cause.strerror or cause, retryable=True,
                hint="give the account that runs cominflow the right to write there, or free space",
            ) from cause  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)  # what cannot be removed now is at the next start

    def occupy(self, pid: int) -> None:
        """Note which process leads the room's group, so that a later engine can end it."""
        (self.path / _PROCESS).write_text(f"{pid} {_begun(pid)}")
        failpoint.hit("command.begun")

    def keep_stderr(self, program: str, said: bytes) -> Path | None:
        """Keep a program's last words, in place of those before; None when it said nothing (then none are kept)."""
        kept = self._folder / _STDERR / hashlib.sha256(program.encode()).hexdigest()[:32]
        if not said:
            kept.unlink(missing_ok=True)
            return None
        kept.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(said)
        return kept

    @staticmethod
    def remove_leftovers(data: Path) -> int:
        """End the programs of rooms that nobody waits for, and remove the rooms. Returns how many there were."""
        folder = data / "commands"
        left = [path for path in folder.iterdir() if path.name != _STDERR] if folder.is_dir() else []
        for path in left:
            _end(path / _PROCESS)
            shutil.rmtree(path, ignore_errors=True)
        return len(left)


def _end(noted: Path) -> None:
    """Kill the group that a room's note names, if its leader is still the one that was meant."""
    try:
        pid, begun = noted.read_text().split()
        if _begun(int(pid)) == begun:
            os.killpg(int(pid), signal.SIGKILL)
    except (OSError, ValueError):
        pass  # no note, half a note, or a program that ended: there is nobody to end


def _begun(pid: int) -> str:
    """When a process began, in the kernel's ticks: with its number it is unlike any other."""
    # After the name in brackets, which may hold blanks and brackets, begun is the twentieth word.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
