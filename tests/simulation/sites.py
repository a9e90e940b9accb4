"""Sites: every place in cominflow that makes something durable, found in the source, each to be taken out in turn."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

SOURCE = Path(__file__).resolve().parents[2] / "cominflow"
CALLS = frozenset({"fsync", "fsync_folder", "fsync_file", "sync_file_system"})


@dataclass(frozen=True)
class Site:
    """One call, by its lines."""

    path: Path
    first: int
    last: int
    text: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(SOURCE.parent)}:{self.first} {self.text}"

    def is_running(self, frame: FrameType | None) -> bool:
        """Whether this call is under way in the frame or one that called it."""
        path = str(self.path)
        while frame is not None:
            if frame.f_code.co_filename == path and self.first <= frame.f_lineno <= self.last:
                return True
            frame = frame.f_back
        return False


def all_sites() -> Iterator[Site]:
    """Every call of a function that makes something durable."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in CALLS:
                yield Site(path, node.lineno, node.end_lineno or node.lineno, ast.unparse(node))
