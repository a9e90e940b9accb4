"""Options: the arguments that several commands share, and how they become a layout and a file."""

from __future__ import annotations

import sys
from collections.abc import Callable
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


def source_of(path: Path) -> Path | BinaryIO:
    """What to read from: the path, or standard input for `-`."""
    return sys.stdin.buffer if str(path) == "-" else path


def name_of(path: Path) -> str:
    """How messages name the file."""
    return "standard input" if str(path) == "-" else str(path)
