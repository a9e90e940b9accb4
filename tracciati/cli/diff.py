"""`tracciati diff`: what a new version of a layout changes, and who has to do something about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from tracciati.cli import options

if TYPE_CHECKING:
    from tracciati.findings.report import Report
    from tracciati.layout import Direction, Layout


EXAMPLES = """\b
Examples:
  tracciati diff visure-2.toml visure-3.toml
  tracciati diff visure-2.toml visure-3.toml --against archive/RV_20260301_001.txt --against archive/RV_20260302_001.txt
"""


@click.command(epilog=EXAMPLES)
@click.argument("old_path", metavar="OLD", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("new_path", metavar="NEW", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--against",
    "files",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="A past file: is it judged otherwise? May be given again.",
)
@options.direction_option
@options.json_option
def diff(old_path: Path, new_path: Path, files: tuple[Path, ...], direction: str, as_json: bool) -> int:
    """Say what differs between two layouts, and whether the partner must change something.

    A line with `!` is the partner's: bytes that move, what it sends and is refused from now on, what it gets and has
    not met before. Exit code 0: it need not change anything; 1: it must, or a past file is judged otherwise.
    """
    from tracciati import declare
    from tracciati.differing import difference

    towards = cast("Direction", direction)
    old, new = (options.open_layout(path, towards) if files else declare.load(path) for path in (old_path, new_path))
    found = difference(old, new)
    judged = [_judged(path, old, new, towards) for path in files]
    if as_json:
        click.echo(json.dumps({**json.loads(found.to_json()), "files": judged}, ensure_ascii=False, indent=2))
    else:
        click.echo(found.to_text())
        for one in judged:
            click.echo(f"{one['file']}: {one['old']}")
            click.echo(f"  now: {one['new']}" if one["is_other"] else "  now: the same")
    return 1 if found.is_partners or any(one["is_other"] for one in judged) else 0


def _judged(path: Path, old: Layout, new: Layout, direction: Direction) -> dict[str, object]:
    """What each layout says of a file."""
    from tracciati.reading import check

    reports = [check(path, layout, direction=direction, source_name=str(path)) for layout in (old, new)]
    is_other = _judgement(reports[0]) != _judgement(reports[1])
    old_words, new_words = (report.summary().removeprefix(f"{path}: ") for report in reports)
    return {"file": str(path), "old": old_words, "new": new_words, "is_other": is_other}


def _judgement(report: Report) -> object:
    """What the sender is told: each kind of finding, where, and how often."""
    return report.is_clean, sorted((code, path, count) for (code, path), count in report.counts.items())
