"""Failing: runs `cominflow WORDS` while everything fails once.

    python -m tests.acceptance.failing NOTES MARK... -- WORDS...

At the first passing of each failpoint an error is raised that quotes the marks: as Python's, the system's, Arrow's and
the database's own errors do. The command is begun again, as an operator would, until it succeeds; between two tries an
operator looks at everything, without --reveal. NOTES is a folder: `failed` lists what failed, one line each, and
`contested`, if it is there, names a file that somebody tries to write whenever it is taken, until that has failed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from cominflow import failpoint
from cominflow.cli import group, running

TRIES_MAX = 120


def main(notes: Path, marks: list[str], words: list[str]) -> int:
    """Run the command until it succeeds. Returns its last exit code."""
    failed = (notes / "failed").read_text().split() if (notes / "failed").exists() else []

    def listen(name: str) -> None:
        if name in failed:
            if name == "claim.leased" and "claim.withdrawn" not in failed:
                _contest(notes / "contested")
            return
        failed.append(name)
        with (notes / "failed").open("a") as file:
            file.write(f"{name}\n")
        _RAISE[len(failed) % len(_RAISE)](" ".join(marks))

    code = running.DEFECT
    for _ in range(TRIES_MAX):
        failpoint.arm(listen)
        code = running.run(group, "cominflow", words)
        failpoint.arm(None)
        if code == 0:
            break
        _operate()
    _operate()
    return code


def _contest(note: Path) -> None:
    """Try to write the file that is named there: while it is leased that fails, and its holder is told."""
    if note.exists():
        with suppress(BlockingIOError, FileNotFoundError):
            os.close(os.open(note.read_text(), os.O_WRONLY | os.O_NONBLOCK))


def _as_python(text: str) -> None:
    raise ValueError(f"invalid literal for int(): {text!r}")


def _as_the_system(text: str) -> None:
    raise OSError(5, f"no answer about {text}")


def _as_arrow(text: str) -> None:
    raise pa.ArrowInvalid(f"CSV parse error: Expected 3 columns, got 4: {text}")


def _as_the_database(text: str) -> None:
    """An error that the database itself makes of a value."""
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT CAST(%s AS integer)", [text])
        else:
            cursor.execute(f"SELECT CAST(x'ff{text.encode().hex()}' AS text)")
            cursor.fetchall()


_RAISE: list[Callable[[str], None]] = [_as_python, _as_the_system, _as_the_database, _as_arrow]


def _operate() -> None:
    """Look at everything, let what was set aside through, and have what failed tried again at once."""
    from django.db import connection

    if "cominflow_batch" not in connection.introspection.table_names():
        return
    from cominflow.models import Arrival, Batch

    Batch.objects.update(not_before=None)
    looks = [["status"], ["arrival", "list"], ["work", "list"]]
    looks += [["arrival", "show", arrival.reference] for arrival in Arrival.objects.order_by("-pk")[:8]]
    for words in looks:
        for form in ([], ["--json"]):
            running.run(group, "cominflow", [*words, *form])
    for arrival in Arrival.objects.filter(state__in=("QUARANTINED", "HELD")):
        if not arrival.shown_name.startswith("pippo"):
            running.run(group, "cominflow", ["arrival", "release", arrival.reference, "--reason", "looked at"])


if __name__ == "__main__":
    divider = sys.argv.index("--")
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    exit_code = main(Path(sys.argv[1]), sys.argv[2:divider], sys.argv[divider + 1 :])
    sys.stdout.flush()
    os._exit(exit_code)  # threads of a command that failed may stay behind
