"""`tracciati convert`: a file as CSV or JSON lines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from tracciati.cli import options, progress

if TYPE_CHECKING:
    from tracciati.layout import Direction


EXAMPLES = """\b
Examples:
  tracciati convert layouts/banca-demo/visure.toml inbox/RV_20260301_001.txt --to jsonl
  tracciati convert layouts/banca-demo/visure.toml inbox/RV_20260301_001.txt --to csv --record richiesta
"""


@click.command(epilog=EXAMPLES)
@options.layout_argument
@options.file_argument
@click.option("--to", "form", type=click.Choice(("csv", "jsonl")), required=True, help="CSV, or one JSON per line.")
@click.option("--record", default="", help="Only this record type; a CSV of several needs it.")
@options.direction_option
@options.out_option
@progress.quiet_option
@options.json_option
def convert(
    layout_path: Path,
    file_path: Path,
    form: str,
    record: str,
    direction: str,
    out_path: Path,
    quiet: bool,
    as_json: bool,
) -> int:
    """Write the values of FILE as CSV or JSON lines.

    A CSV holds one record type, JSON lines hold all records in their order, or those of --record.

    Amounts are exact decimals, days are 2026-01-31, what is empty or unreadable has no value. Sensitive fields are
    written as they are. Findings are summed up on standard error (with --json: the
    whole report is there); exit code 1 says that there are some.
    """
    from tracciati import convert as converter
    from tracciati.reading import Reading
    from tracciati.target import opened

    towards = cast("Direction", direction)
    layout = options.open_layout(layout_path, towards)
    source, name = options.source_of(file_path), options.name_of(file_path)
    if form == "csv" or record:
        record = _record_of(record, converter.record_names(layout, towards))
    target = options.target_of(out_path, layout_path, file_path)
    # A bar in the midst of the values would spoil both.
    is_shown = not (quiet or as_json or options.is_terminal(out_path))
    size = progress.size_of(file_path)
    with (
        progress.Progress(f"convert {file_path.name}", size, progress.megabytes, is_shown=is_shown) as bar,
        opened(target) as sink,
    ):
        reading = Reading(source, layout, direction=towards, source_name=name, on_block=bar.to)
        if form == "csv":
            converter.to_csv(reading, sink, layout.by_name[record], towards)
        else:
            converter.to_json_lines(reading, sink, layout, only=record)
    report = reading.report
    if as_json:
        click.echo(report.to_json(), err=True)
    elif not report.is_clean:
        click.echo(report.summary(), err=True)
    return 0 if report.is_clean else 1


def _record_of(asked: str, names: tuple[str, ...]) -> str:
    if asked in names:
        return asked
    if asked:
        raise options.unknown(f"the layout has no record type `{asked}`", asked, names)
    if len(names) > 1:
        raise click.UsageError(f"a CSV holds one record type; say which: --record {'|'.join(names)}")
    return names[0]
