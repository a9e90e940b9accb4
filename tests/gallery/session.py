"""Session: a case's commands run in a system of their own, and everything that they print.

`cominflow` and `tracciati` run in this process, as their entry points run them; what clients do and what befalls the
system has words of its own (`words.py`); others are the shell's. In the folder lie the case's files, and `inbox`,
`outbox` and `receipts` of the customer banca-demo. The clock stands still, so that texts with an instant in them are
exact; the system's folder is shown as DATA.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from tests.gallery.words import Words

AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
NAME = "session.txt"
DISK = "disk.txt"  # how large the data's own disk is, where the case needs one
# `run` logs on standard error as well, with the real time, and in the order in which the disk lists a folder.
_LOG_LINE = re.compile(
    r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ [-+]\d{4} [A-Z]+ .*\n(?:(?:  |Traceback|which led to|\w+Error: ).*\n)*",
    re.MULTILINE,
)
LAYOUTS = Path(__file__).resolve().parents[2] / "layouts"


def commands(case: Path) -> list[str]:
    """The commands of a case, in order."""
    return [line[2:] for line in (case / NAME).read_text(encoding="utf-8").splitlines() if line.startswith("$ ")]


def title(case: Path) -> str:
    """The first line: what is wrong, in words."""
    return (case / NAME).read_text(encoding="utf-8").splitlines()[0]


def played(case: Path, folder: Path) -> str:
    """The session as it goes today: the title, each command, and what it prints, with its exit code if not 0."""
    parts = [f"{title(case)}\n"]
    with contextlib.closing(Words(folder)) as own:
        for command in commands(case):
            code, printed = _run(command, folder, own)
            parts.append(f"\n$ {command}\n{_shown(printed, folder)}" + (f"[exit code {code}]\n" if code else ""))
    return "".join(parts)


def _run(command: str, folder: Path, own: Words) -> tuple[int, str]:
    words = shlex.split(command)
    said = own.said(words)
    if said is not None:
        return 0, said
    if words[0] not in ("cominflow", "tracciati"):
        done = subprocess.run(command, shell=True, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout.decode("utf-8", "backslashreplace")
    if words[0] == "cominflow":
        from cominflow.cli import group as program
        from cominflow.cli import running
    else:
        from tracciati.cli import running  # type: ignore[no-redef]
        from tracciati.cli import tracciati as program  # type: ignore[no-redef]
    printed = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = running.run(program, words[0], words[1:])
    return code, printed.getvalue()


def _shown(text: str, folder: Path) -> str:
    text = text.replace(str(folder / "data"), "DATA").replace(str(folder), "FOLDER")
    text = re.sub(r"\S*/cominflow-test-\w+/test\.db", "DATABASE", text)
    text = re.sub(r"^(database +).*$", r"\1DATABASE", text, flags=re.MULTILINE)
    text = re.sub(r"/\d+-[0-9a-f]{16}\.writing", "/NAME.writing", text)
    text = re.sub(r"\(process \d+\)", "(process PID)", text)
    text = _LOG_LINE.sub("", text).replace("\r", "\\r")
    return text if not text or text.endswith("\n") else text + "\n"


def furnish(case: Path, folder: Path) -> None:
    """The case's files and the customer's folders, side by side."""
    for path in case.iterdir():
        if path.name not in (NAME, DISK):
            (folder / path.name).write_bytes(path.read_bytes())
    (folder / "layouts").symlink_to(LAYOUTS)
    for name in ("inbox", "outbox", "receipts"):
        (folder / name).symlink_to(folder / "data" / "customers" / "banca-demo" / name)
