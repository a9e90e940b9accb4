"""Target: where a result goes. A file appears complete or not at all; a stream, pipe or device is written straight.

What is written may be made from what stands there: until the last byte is ready, the old file is whole.
"""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def opened(target: Path | BinaryIO) -> Iterator[BinaryIO]:
    """A binary stream into the target, for the length of a `with`. After an error a file is as it was before.

    Raises OSError that names the target when it cannot be written.
    """
    if not isinstance(target, Path):
        yield target
        return
    try:
        with _named(target.resolve()) as sink:  # a link stays one: what it leads to is written
            yield sink
    except OSError as problem:
        if problem.filename is not None or isinstance(problem, BrokenPipeError):
            raise
        raise OSError(problem.errno, problem.strerror, str(target)) from problem  # a full disk: a write names no file


@contextmanager
def _named(target: Path) -> Iterator[BinaryIO]:
    mode = _mode(target)
    if mode is not None and not stat.S_ISREG(mode):
        with target.open("wb") as sink:
            yield sink
        return
    with _beside(target, mode) as sink:
        yield sink


@contextmanager
def _beside(target: Path, mode: int | None) -> Iterator[BinaryIO]:
    """Write beside the target and rename: a half-written file never has the target's name."""
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as problem:  # it names a file of ours that nobody knows
        raise OSError(problem.errno, problem.strerror, str(target)) from problem
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as sink:
            yield sink
        beside.chmod(_new_mode() if mode is None else stat.S_IMODE(mode))  # mkstemp makes private ones
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)  # it has its name already when a signal comes right behind that
        raise


def _mode(path: Path) -> int | None:
    """Kind and rights of what is there; None when nothing is."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _new_mode() -> int:
    """The rights of an ordinary new file."""
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
