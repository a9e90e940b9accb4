"""`tracciati export`: a layout for other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from tracciati.cli import options

EXAMPLES = """\b
Examples:
  tracciati export layouts/banca-demo/visure.toml --to json
  tracciati export layouts/banca-demo/visure.toml --to fixedwidth --record richiesta
"""


@click.command(epilog=EXAMPLES)
@options.layout_argument
@click.option(
    "--to",
    "form",
    type=click.Choice(("json", "fixedwidth")),
    required=True,
    help="All of it as JSON, or the configuration of Python's `fixedwidth`.",
)
@click.option("--record", default="", help="Only this record type.")
@options.json_option
def export(layout_path: Path, form: str, record: str, as_json: bool) -> int:
    """Write a layout for other programs, as JSON.

    `json` has everything that the layout declares, with each field's columns counted from 1. `fixedwidth` has, for each
    record type, what that package wants to be told; what it has no type for is a string to it.
    """
    from tracciati import declare, exporting

    del as_json  # it is JSON in any case
    layout = declare.load(layout_path)
    if record and record not in layout.by_name:
        raise options.unknown(f"the layout has no record type `{record}`", record, layout.by_name)
    if form == "fixedwidth" and layout.file.kind != "fixed":
        raise click.UsageError(f"{layout_path} is delimited, and fixedwidth knows no delimiters: --to json")
    value: dict[str, Any] = exporting.fixedwidth(layout) if form == "fixedwidth" else exporting.description(layout)
    if record:
        value = value[record] if form == "fixedwidth" else next(r for r in value["records"] if r["name"] == record)
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
    return 0
