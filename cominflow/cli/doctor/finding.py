"""Finding: what one check of the doctor saw. Wrong is what needs somebody today; a warning what may need one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from cominflow.exchange.disk import Folders

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """What was looked at, where, what was seen, why it matters, and what to do. Of what is all right only the first."""

    level: Level
    what: str
    where: str
    saw: str
    why: str = ""
    do: str = ""


@dataclass
class Looked:
    """What the checks look at, and what earlier ones learnt.

    has_folders, has_database   False until they were found usable: other checks need not say the same again
    """

    folders: Folders
    at: datetime
    is_deep: bool
    has_folders: bool = False
    has_database: bool = False


Check = Callable[[Looked], Iterator[Finding]]


def ok(what: str, where: object, saw: str) -> Finding:
    """All right."""
    return Finding("ok", what, str(where), saw)


def warning(what: str, where: object, saw: str, *, why: str, do: str) -> Finding:
    """It works, and somebody should know."""
    return Finding("warning", what, str(where), saw, why, do)


def problem(what: str, where: object, saw: str, *, why: str, do: str) -> Finding:
    """It does not work, or will not for long."""
    return Finding("problem", what, str(where), saw, why, do)


def span(seconds: float) -> str:
    """A length of time for a person.

    >>> span(42), span(7_500), span(200_000)
    ('42 s', '2.1 h', '2.3 days')
    """
    if seconds < 600:
        return f"{seconds:.0f} s"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86400:.1f} days"
