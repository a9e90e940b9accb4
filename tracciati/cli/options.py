"""Options: the arguments that several commands share, and how they become a layout and a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

if TYPE_CHECKING:
    from tracciati.layout import Direction, Layout

Command = Callable[..., Any]

# As in `layout.DIRECTIONS`, which is not imported for `--help`; a test holds the two together.
DIRECTIONS = ("request", "receipt", "rejection", "answer", "control", "invoice")


def layout_argument(command: Command) -> Command:
    """LAYOUT: the layout's TOML file."""
    kind = click.Path(dir_okay=False, path_type=Path)
    return click.argument("layout_path", metavar="LAYOUT", type=kind)(command)


def file_argument(command: Command) -> Command:
    """FILE: the file to read, `-` for standard input."""
    kind = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
    return click.argument("file_path", metavar="FILE", type=kind)(command)


def out_option(command: Command) -> Command:
    """`--out`: where to write, `-` (and nothing) for standard output."""
    kind = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
    return click.option(
        "--out", "out_path", type=kind, default=Path("-"), help="Where to write it.  [default: standard output]"
    )(command)


def direction_option(command: Command) -> Command:
    """`--direction`: which of the layout's structures the file has."""
    return click.option(
        "--direction",
        type=click.Choice(DIRECTIONS),
        default="request",
        show_default=True,
        help="Which of the layout's structures the file has.",
    )(command)


def json_option(command: Command) -> Command:
    """`--json`: print JSON, for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def reveal_option(command: Command) -> Command:
    """`--reveal`: show sensitive fields."""
    return click.option("--reveal", is_flag=True, help="Show sensitive fields as they are; they are masked otherwise.")(
        command
    )


def open_layout(path: Path, direction: Direction) -> Layout:
    """The layout, which must have a structure for that direction; UsageError when it has none."""
    from tracciati import declare

    layout = declare.load(path)
    if direction not in layout.structure:
        known = ", ".join(layout.structure)
        raise click.UsageError(f"{path} has no structure for the direction `{direction}`; it has: {known}")
    return layout


def unit_of(unit: str, layout: Layout) -> str:
    """The record type or group that was asked for; UsageError when the layout has none of that name."""
    if unit and unit not in layout.by_name and unit not in layout.groups:
        raise unknown(f"the layout has no record type or group `{unit}`", unit, [*layout.by_name, *layout.groups])
    return unit


def unknown(said: str, word: str, known: Iterable[str]) -> click.UsageError:
    """The error for a name that nothing has, with the one that is near, or all that there are."""
    from tracciati.declare.toml import did_you_mean

    known = list(known)
    listed = f"it has: {', '.join(known)}"
    return click.UsageError(f"{said}; {did_you_mean(word, known) or listed}")


def source_of(path: Path) -> Path | BinaryIO:
    """What to read from: the path, or standard input for `-`. ReadingError where that is closed."""
    if str(path) != "-":
        return path
    if sys.stdin is None:
        from tracciati.errors import ReadingError

        raise ReadingError("read", "standard input", "it is closed", "name a file, or send one in, as < FILE")
    return sys.stdin.buffer


def target_of(path: Path, *inputs: Path) -> Path | BinaryIO:
    """What to write into: the path, or standard output for `-`. UsageError where that is one of the files read."""
    if str(path) == "-":
        return sys.stdout.buffer
    for one in inputs:
        if str(one) != "-" and one.exists() and path.exists() and path.samefile(one):
            raise click.UsageError(f"{path} is read, and would be written over; choose another place for the result")
    return path


def is_terminal(out_path: Path) -> bool:
    """Does the result go to a person's screen?"""
    return str(out_path) == "-" and sys.stdout.isatty()


def name_of(path: Path) -> str:
    """How messages name the file."""
    return "standard input" if str(path) == "-" else str(path)
