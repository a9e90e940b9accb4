"""`tracciati check`: everything that is wrong with a file, at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from tracciati.cli import options, progress

if TYPE_CHECKING:
    from tracciati.layout import Direction


EXAMPLES = """\b
Examples:
  tracciati check layouts/banca-demo/visure.toml inbox/RV_20260301_001.txt
  tracciati check layouts/banca-demo/visure.toml --json - < inbox/RV_20260301_001.txt
"""


@click.command(epilog=EXAMPLES)
@options.layout_argument
@options.file_argument
@options.direction_option
@click.option("--unit", default="", help="The record type or group that is one request; counted in the report.")
@click.option(
    "--examples", type=click.IntRange(min=1), default=20, show_default=True, help="Findings shown per code and field."
)
@options.reveal_option
@progress.quiet_option
@options.json_option
def check(
    layout_path: Path,
    file_path: Path,
    direction: str,
    unit: str,
    examples: int,
    reveal: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Say everything that is wrong with FILE.

    Framing, order of records, every field, rules and totals are checked against LAYOUT, all in one go.

    Each finding names line and columns, shows the place, says what was expected and what to do. At most --examples
    of a kind are shown; the counts are exact.
    """
    from tracciati.reading import check as check_file

    towards = cast("Direction", direction)
    layout = options.open_layout(layout_path, towards)
    name, size, is_shown = options.name_of(file_path), progress.size_of(file_path), not (quiet or as_json)
    with progress.Progress(f"check {file_path.name}", size, progress.megabytes, is_shown=is_shown) as bar:
        report = check_file(
            options.source_of(file_path),
            layout,
            direction=towards,
            unit=options.unit_of(unit, layout),
            examples=examples,
            reveal=reveal,
            source_name=name,
            on_block=bar.to,
        )
    click.echo(report.to_json() if as_json else report.to_text())
    return 0 if report.is_clean else 1
