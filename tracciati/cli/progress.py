"""Progress: how far a long command is, on standard error: a bar on a terminal, a line a minute elsewhere.

Nothing is said of a command that is done at once. Saying it costs a look at the clock for each block.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import click

# Seconds after which a bar appears, between two drawings of it, and between two lines where there is no terminal.
FIRST_S, REDRAWN_S, LINE_S = 1.0, 0.2, 60.0
# Of the bar, and of what stands before it: a file's long name must leave room for the rest.
BAR_LETTERS, WHAT_LETTERS_MAX = 20, 40


def quiet_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--quiet`: do not show how far it is."""
    return click.option("--quiet", is_flag=True, help="Do not show how far it is.")(command)


def megabytes(count: int) -> str:
    """Bytes for a person.

    >>> megabytes(1_594_300_000)
    '1,594 MB'
    """
    return f"{count / 1_000_000:,.0f} MB"


def size_of(path: Path) -> int:
    """The bytes of a file that is to be read; 0 where that is not known (a pipe, standard input)."""
    return path.stat().st_size if path.is_file() else 0


class Progress:
    """Use it with `with`; what is drawn is gone afterwards.

    what      the beginning of each line: `check RV_20260301_001.txt`
    total     what `to` comes to in the end; 0 where nobody knows
    shown     how an amount is written
    is_shown  say nothing at all when False
    redrawn_s seconds between two drawings of a bar
    """

    def __init__(
        self,
        what: str,
        total: int,
        shown: Callable[[int], str],
        *,
        is_shown: bool = True,
        redrawn_s: float | None = None,
        stream: TextIO | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what if len(what) <= WHAT_LETTERS_MAX else what[: WHAT_LETTERS_MAX - 1] + "…"
        self._total, self._shown, self._is_shown = total, shown, is_shown
        self._stream = sys.stderr if stream is None else stream
        self._now, self._began = now, now()
        self._is_terminal = self._stream.isatty()
        self._redrawn_s = REDRAWN_S if redrawn_s is None else redrawn_s
        self._next = self._began + (FIRST_S if self._is_terminal else LINE_S)
        self._is_drawn = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_drawn:
            with suppress(OSError):  # a terminal that hung up has nothing to clear; what ended us is to be seen
                self._write("\r\x1b[K")

    @property
    def is_due(self) -> bool:
        """Whether `to` would say something now: for callers to whom finding out costs something."""
        return self._is_shown and self._now() >= self._next

    def to(self, done: int, *, total: int | None = None, also: str = "") -> None:
        """It is as far as `done`; said when it is time to. `also` stands behind it.

        total  where it is only known on the way: what it is now
        """
        if not self.is_due:
            return
        self._total = self._total if total is None else total
        said = "  ".join(part for part in (*self._parts(done), also) if part)
        if self._is_terminal:
            self._write("\r\x1b[K" + said[: shutil.get_terminal_size().columns - 1])
            self._is_drawn = True
        else:
            self._write(said + "\n")
        self._next = self._now() + (self._redrawn_s if self._is_terminal else LINE_S)

    def _parts(self, done: int) -> list[str]:
        seconds = self._now() - self._began
        if not self._total:
            return [self._what, self._shown(done) if done else "", clock(seconds)]
        share = min(1.0, done / self._total)
        filled = int(share * BAR_LETTERS)
        bar = f"[{'#' * filled}{'-' * (BAR_LETTERS - filled)}]" if self._is_terminal else ""
        left = f"{clock(seconds / share - seconds)} left" if share else ""
        of_all = f"{self._shown(done)} of {self._shown(self._total)}"
        return [self._what, bar, f"{share:.0%}", of_all, clock(seconds), left]

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def clock(seconds: float) -> str:
    """A span: 0:32, 12:05, 1:02:05.

    >>> clock(32.4), clock(3725)
    ('0:32', '1:02:05')
    """
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
