"""`tracciati infer`: a layout proposed from sample files, to be edited."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracciati.cli import options

if TYPE_CHECKING:
    from tracciati.infer import Proposal


EXAMPLES = """\b
Examples:
  tracciati infer SAMPLE_1.txt SAMPLE_2.txt SAMPLE_3.txt --out proposal.toml
  tracciati infer SAMPLE.csv --kind delimited --codec cp1252
  tracciati infer SAMPLE.txt --json | head -20
"""


@click.command(epilog=EXAMPLES)
@click.argument(
    "paths",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
)
@click.option("--id", "name", default="", help="The layout's id.  [default: from the first file's name]")
@click.option("--kind", type=click.Choice(("fixed", "delimited")), help="What the files are, where it is known.")
@click.option(
    "--codec",
    type=click.Choice(("ascii", "iso8859-1", "cp1252", "utf-8")),
    help="Their encoding, where it is known.",
)
@options.out_option
@options.json_option
def infer(
    paths: tuple[Path, ...], name: str, kind: str | None, codec: str | None, out_path: Path, as_json: bool
) -> int:
    """Propose a layout for sample files of one kind, as TOML to edit.

    Beside each field stand how sure it is and which records contradict it; what the samples do not decide is listed at
    the top. Whole files say more than parts of them, and three more than one.

    The proposal loads, and has read its own samples. With --json all of it is told as JSON, the layout's text included.
    """
    from tracciati import infer as inference
    from tracciati.declare.files import is_id
    from tracciati.target import opened

    if name and not is_id(name):
        raise click.UsageError(f"--id {name}: use small letters, digits and single hyphens, as in acme-orders")
    target = options.target_of(out_path, *paths)
    found = inference.proposed(
        [(options.name_of(path), options.source_of(path)) for path in paths],
        id=name,
        kind=kind or "",
        codec=codec or "",
    )
    is_shown = str(out_path) == "-"
    if not (is_shown and as_json):
        with opened(target) as sink:
            sink.write(found.text.encode("utf-8"))
    if as_json:
        click.echo(json.dumps(found.as_dict(), ensure_ascii=False, indent=2))
    elif not is_shown:
        click.echo(_told(found, out_path))
    return 0


def _told(found: Proposal, out_path: Path) -> str:
    """What was written, and what to do with it."""
    from tracciati.wording import counted

    fields = sum(len(record.fields) for record in found.records)
    types, records = counted(len(found.records), "record type"), counted(len(found.framing), "record")
    lines = [
        f"{out_path}: {types} with {counted(fields, 'field')}, proposed from {records}",
        *(f"  finding in the samples: {line}" for line in found.findings),
        f"  doubts: {len(found.doubts)}, at the top of the file; settle each with whoever sends the files",
    ]
    return "\n".join(lines)
