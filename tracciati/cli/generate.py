"""`tracciati generate`: a valid file by seed."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from tracciati.cli import options, progress

if TYPE_CHECKING:
    from tracciati.layout import Direction, Layout


EXAMPLES = """\b
Examples:
  tracciati generate layouts/banca-demo/visure.toml --seed 1 --count 300 --out /tmp/visure.txt
  tracciati generate layouts/istituto-demo/controlli.toml --seed 7 | head -3
"""


@click.command(epilog=EXAMPLES)
@options.layout_argument
@click.option("--seed", type=int, required=True, help="The same seed makes the same file, byte for byte.")
@click.option("--count", type=click.IntRange(min=0), default=10, show_default=True, help="How many units it holds.")
@click.option("--unit", default="", help="The record type or group to repeat.  [default: the one that repeats]")
@click.option(
    "--set", "given", multiple=True, metavar="RECORD.FIELD=VALUE", help="A value of your own in every such record."
)
@options.direction_option
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to write it.  [default: standard output]"
)
@progress.quiet_option
@options.json_option
def generate(
    layout_path: Path,
    seed: int,
    count: int,
    unit: str,
    given: tuple[str, ...],
    direction: str,
    out: Path | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Make a valid file by seed.

    LAYOUT finds it clean: structure, check digits, sequences and totals are right.

    Nobody in it exists. With --json, what was written is told on standard error, or on standard output with --out.
    """
    from tracciati import generate as generator
    from tracciati.errors import DoesNotFit
    from tracciati.generate.specimens import SpecimenError
    from tracciati.generate.succession import SuccessionError

    towards = cast("Direction", direction)
    layout = options.open_layout(layout_path, towards)
    if unit and unit not in layout.by_name and unit not in layout.groups:
        raise click.UsageError(f"the layout has no record type or group `{unit}`")
    values = dict(_given(text, layout) for text in given)
    order = generator.Order(seed=seed, count=count, unit=unit, direction=towards, given=values)
    is_shown = not (quiet or as_json or (out is None and sys.stdout.isatty()))
    try:
        with (
            progress.Progress("generate", count, "{:,} units".format, is_shown=is_shown) as bar,
            nullcontext(sys.stdout.buffer) if out is None else out.open("wb") as sink,
        ):
            written = generator.generate(layout, sink, order, on_stretch=bar.to)
    except (SpecimenError, SuccessionError, DoesNotFit) as problem:
        hint = f"\n  do: {problem.hint}" if problem.hint else ""
        raise click.UsageError(f"{problem}{hint}") from problem
    if as_json:
        told = {
            "records_count": written.records_count,
            "bytes_count": written.bytes_count,
            "sha256": written.sha256,
            "layout": layout.name,
            "seed": seed,
        }
        click.echo(json.dumps(told, indent=2), err=out is None)
    return 0


def _given(text: str, layout: Layout) -> tuple[str, object]:
    """`record.field=value` as the field's path and the value in its type."""
    from tracciati.generate import specimens

    path, equals, value = text.partition("=")
    record, _, name = path.partition(".")
    if not equals:
        raise click.UsageError(f"--set {text}: write it as record.field=value")
    if record not in layout.by_name or name not in layout.by_name[record].by_name:
        raise click.UsageError(f"--set {path}: the layout has no such field")
    try:
        return path, specimens.typed(layout.by_name[record].by_name[name], value)
    except ValueError as problem:
        raise click.UsageError(f"--set {text}: {problem}") from problem
