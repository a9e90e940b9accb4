"""`tracciati explain`: a file field by field, or the positions of a layout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from tracciati.cli import options

if TYPE_CHECKING:
    from tracciati.layout import Direction


EXAMPLES = """\b
Examples:
  tracciati explain layouts/banca-demo/visure.toml
  tracciati explain layouts/banca-demo/visure.toml inbox/RV_20260301_001.txt --record 2
"""


@click.command(epilog=EXAMPLES)
@options.layout_argument
@click.argument(
    "file_path",
    metavar="[FILE]",
    required=False,
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
)
@options.direction_option
@click.option("--record", "number", type=click.IntRange(min=1), help="Explain this record only (from 1).")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many records, at most.")
@options.reveal_option
@options.json_option
def explain(
    layout_path: Path,
    file_path: Path | None,
    direction: str,
    number: int | None,
    limit: int,
    reveal: bool,
    as_json: bool,
) -> int:
    """Show FILE field by field under a ruler.

    What is wrong stands beside it. Without FILE: the positions that LAYOUT declares.
    """
    from tracciati import explain as explainer

    towards = cast("Direction", direction)
    layout = options.open_layout(layout_path, towards)
    if file_path is None:
        if number is not None or reveal:
            given = "--record" if number is not None else "--reveal"
            raise click.UsageError(f"{given} is about the records of a file: name the FILE as well")
        click.echo(explainer.positions_json(layout, towards) if as_json else explainer.positions(layout, towards))
        return 0
    first = number - 1 if number is not None else 0
    explained = explainer.explain(
        options.source_of(file_path),
        layout,
        direction=towards,
        first=first,
        count=1 if number is not None else limit,
        reveal=reveal,
        source_name=options.name_of(file_path),
    )
    if number is not None and not explained.records:
        total = explained.report.records_count
        raise click.UsageError(f"{options.name_of(file_path)} has no record {number}; it has {total}")
    click.echo(explained.to_json() if as_json else explained.to_text())
    return 0 if explained.report.is_clean else 1
