"""`tracciati rewrite`: read a file and write it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from tracciati.cli import options, progress

if TYPE_CHECKING:
    from tracciati.layout import Direction


EXAMPLES = """\b
Examples:
  tracciati rewrite layouts/banca-demo/visure.toml inbox/RV_20260301_001.txt /tmp/again.txt
  tracciati rewrite layouts/banca-demo/visure.toml inbox/RV_20260301_001.txt /tmp/again.txt --canonical
"""


@click.command(epilog=EXAMPLES)
@options.layout_argument
@click.argument("file_path", metavar="IN", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.argument("out_path", metavar="OUT", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--canonical", is_flag=True, help="Write every field anew from its value, and name each difference.")
@options.direction_option
@progress.quiet_option
@options.json_option
def rewrite(
    layout_path: Path,
    file_path: Path,
    out_path: Path,
    canonical: bool,
    direction: str,
    quiet: bool,
    as_json: bool,
) -> int:
    """Read IN and write it again to OUT.

    Byte for byte the same; or with --canonical as we would have written it ourselves.

    Either can be - for standard input or output; then what came of it is told on standard error.

    Each difference is named with record, field, offset, what stood there and what stands there now. Records and cells
    that cannot be read are written as they came, counted, and end in exit code 1: nothing is proved of them.
    """
    from tracciati import rewrite as rewriter

    towards = cast("Direction", direction)
    layout = options.open_layout(layout_path, towards)
    what, size = f"rewrite {file_path.name}", progress.size_of(file_path)
    is_shown = not (quiet or as_json or options.is_terminal(out_path))
    with progress.Progress(what, size, progress.megabytes, is_shown=is_shown) as bar:
        done = rewriter.rewrite(
            options.source_of(file_path),
            options.target_of(out_path, layout_path),
            layout,
            direction=towards,
            in_canonical_form=canonical,
            source_name=options.name_of(file_path),
            on_block=bar.to,
        )
    told = json.dumps(done.as_dict(), indent=2, ensure_ascii=False) if as_json else done.to_text()
    click.echo(told, err=str(out_path) == "-")
    return 0 if done.is_proven else 1
