"""`tracciati check`: everything that is wrong with a file, at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from tracciati.cli import options, progress

if TYPE_CHECKING:
    from tracciati.findings.formats import Format, Language
    from tracciati.layout import Direction

# As in `findings.formats`, which is not imported for `--help`; a test holds the two together.
FORMATS = ("text", "json", "jsonl", "sarif", "csv", "html")
LANGUAGES = ("en", "it")

EXAMPLES = """\b
Examples:
  tracciati check layouts/banca-demo/visure.toml inbox/RV_20260301_001.txt
  tracciati check layouts/banca-demo/visure.toml --json - < inbox/RV_20260301_001.txt
  tracciati check layouts/banca-demo/visure.toml inbox/RV_20260301_001.txt --format html --out /tmp/report.html
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
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="Text for a terminal, JSON, JSON lines, SARIF, CSV, or an HTML page with rulers.  [default: text]",
)
@click.option("--lang", "language", type=click.Choice(LANGUAGES), help="The language of an HTML page.  [default: en]")
@options.out_option
@progress.quiet_option
@options.json_option
def check(
    layout_path: Path,
    file_path: Path,
    direction: str,
    unit: str,
    examples: int,
    reveal: bool,
    form: str | None,
    language: str | None,
    out_path: Path,
    quiet: bool,
    as_json: bool,
) -> int:
    """Say everything that is wrong with FILE.

    Framing, order of records, every field, rules and totals are checked against LAYOUT, all in one go.

    Each finding names line and columns, shows the place, says what was expected and what to do. At most --examples
    of a kind are shown; the counts are exact. --json is --format json.
    """
    from tracciati.findings.formats import WITH_PICTURES, render
    from tracciati.reading import check as check_file
    from tracciati.target import opened

    chosen = _format(form, language, as_json=as_json)
    towards = cast("Direction", direction)
    layout = options.open_layout(layout_path, towards)
    name, size = options.name_of(file_path), progress.size_of(file_path)
    target = options.target_of(out_path, layout_path, file_path)
    # Where a program reads the report it may read standard error too.
    is_shown = not quiet and (chosen == "text" or str(out_path) != "-")
    with (
        progress.Progress(f"check {file_path.name}", size, progress.megabytes, is_shown=is_shown) as bar,
        opened(target) as sink,
    ):
        report = check_file(
            options.source_of(file_path),
            layout,
            direction=towards,
            unit=options.unit_of(unit, layout),
            examples=examples,
            reveal=reveal,
            pictures=chosen in WITH_PICTURES,
            source_name=name,
            on_block=bar.to,
        )
        # A path of odd bytes is written with them escaped, as on standard output.
        sink.write(render(report, chosen, cast("Language", language or "en")).encode("utf-8", "backslashreplace"))
    return 0 if report.is_clean else 1


def _format(form: str | None, language: str | None, *, as_json: bool) -> Format:
    """The format that is meant; UsageError where two are, or a language has nothing to act on."""
    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json is --format json, and --format {form} is asked for too: take one of them")
    chosen = "json" if as_json else form or "text"
    if language is not None and chosen != "html":
        has = "is in English" if chosen == "text" else "holds both languages"
        raise click.UsageError(f"--lang is for --format html; {chosen} {has}")
    return cast("Format", chosen)
