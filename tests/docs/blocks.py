"""Blocks of the documents: find them, run those that show a session, and compare what was printed.

A block marked `console` is a session: lines after `$ ` are run, the lines between them are what is printed. `…` stands
for any text within a line; alone on a line, for any number of lines.

A block that names a file after its language (`toml requests.toml`) is what the reader writes into that file. Several
of one name are its parts, in their order.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, STDOUT

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```(\w*)(?: ([\w.-]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the line of the document on which it begins, the file that it names."""

    language: str
    text: str
    line: int
    file: str = ""


@dataclass(frozen=True)
class Shown:
    """A command of a session, and what the document says it prints."""

    command: str
    expected: str


def pages() -> list[Path]:
    """Every page of ours: at the top, in docs/, and the READMEs of folders."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")]
    return sorted(path for path in found if ".egg-info" not in str(path))


def blocks(path: Path, language: str = "") -> list[Block]:
    """The blocks of a page, all or those of one language."""
    text = path.read_text(encoding="utf-8")
    found = [Block(m[1], m[3], text.count("\n", 0, m.start()) + 1, m[2] or "") for m in _BLOCK.finditer(text)]
    return [block for block in found if not language or block.language == language]


def session(block: Block) -> list[Shown]:
    """The commands of a `console` block."""
    shown: list[Shown] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            shown.append(Shown(line[2:], ""))
        else:
            assert shown, f"line {block.line}: a session begins with a command"
            shown[-1] = Shown(shown[-1].command, f"{shown[-1].expected}{line}\n")
    return shown


def differs(expected: str, printed: str) -> str:
    """Why `printed` is not what the document shows; empty when it is."""
    pattern = ""
    for line in expected.splitlines():
        if line.strip() == "…":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += r"[^\n]*".join(re.escape(part.rstrip()) for part in line.split("…")) + r"[ ]*\n"
    ended = printed if not printed or printed.endswith("\n") else printed + "\n"
    if re.fullmatch(pattern, ended):
        return ""
    return f"the document shows:\n{expected}\nand this is printed:\n{ended}"


def write(block: Block, folder: Path) -> None:
    """Write a block into the file that it names, behind what is there."""
    with (folder / block.file).open("a", encoding="utf-8") as out:
        out.write(block.text)


def run(shown: Shown, folder: Path, environment: dict[str, str]) -> str:
    """Run one command of a session in a folder; returns what is wrong with it, empty when nothing is.

    What it prints is what a terminal shows: standard output and standard error together.
    """
    done = subprocess.run(
        shown.command, shell=True, cwd=folder, env=environment, stdout=PIPE, stderr=STDOUT, text=True, timeout=120
    )
    if done.returncode != 0:
        return f"$ {shown.command}\nended with {done.returncode}\n{done.stdout}"
    wrong = differs(shown.expected, done.stdout)
    return f"$ {shown.command}\n{wrong}" if wrong else ""
