"""`tracciati generate`: a valid file by seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from tracciati.cli import options, progress
from tracciati.cli.given import given_value

if TYPE_CHECKING:
    from tracciati.layout import Direction, Layout


EXAMPLES = """\b
Examples:
  tracciati generate layouts/banca-demo/visure.toml --seed 1 --count 300 --out /tmp/visure.txt
  tracciati generate layouts/istituto-demo/controlli.toml --seed 7 | head -3
  tracciati generate layouts/banca-demo/visure.toml --seed 1 --kit /tmp/kit
"""


@click.command(epilog=EXAMPLES)
@options.layout_argument
@click.option(
    "--seed", type=click.IntRange(min=0), required=True, help="The same seed makes the same file, byte for byte."
)
@click.option("--count", type=click.IntRange(min=0), default=10, show_default=True, help="How many units it holds.")
@click.option("--unit", default="", help="The record type or group to repeat.  [default: the one that repeats]")
@click.option(
    "--set", "given", multiple=True, metavar="RECORD.FIELD=VALUE", help="A value of your own in every such record."
)
@click.option(
    "--kit",
    "kit_path",
    type=click.Path(path_type=Path),
    help="Make a new folder instead: a valid file, and for each rule the smallest one that breaks just it.",
)
@options.direction_option
@options.out_option
@progress.quiet_option
@options.json_option
def generate(
    layout_path: Path,
    seed: int,
    count: int,
    unit: str,
    given: tuple[str, ...],
    kit_path: Path | None,
    direction: str,
    out_path: Path,
    quiet: bool,
    as_json: bool,
) -> int:
    """Make a valid file by seed.

    LAYOUT finds it clean: structure, check digits, sequences and totals are right.

    Nobody in it exists. With --json, what was written is told on standard error, or on standard output with --out.

    A kit (--kit) is for whoever is to write such files: beside each file lies what LAYOUT says of it, `kit.json` lists
    them, and names the rules that no single change breaks alone.
    """
    from tracciati import generate as generator
    from tracciati.errors import DoesNotFit
    from tracciati.generate.refusal import SpecimenError
    from tracciati.generate.succession import SuccessionError
    from tracciati.target import opened

    towards = cast("Direction", direction)
    layout = options.open_layout(layout_path, towards)
    if kit_path is not None:
        if given or unit or str(out_path) != "-":
            raise click.UsageError("--kit chooses its own values and files: leave out --set, --unit and --out")
        return _kit(kit_path, layout, towards, seed, as_json=as_json)
    target = options.target_of(out_path, layout_path)
    values = dict(given_value(text, layout) for text in given)
    order = generator.Order(seed=seed, count=count, unit=options.unit_of(unit, layout), direction=towards, given=values)
    is_shown = not (quiet or as_json or options.is_terminal(out_path))
    try:
        with (
            progress.Progress("generate", count, "{:,} units".format, is_shown=is_shown) as bar,
            opened(target) as sink,
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
        click.echo(json.dumps(told, indent=2), err=str(out_path) == "-")
    return 0


def _kit(folder: Path, layout: Layout, direction: Direction, seed: int, *, as_json: bool) -> int:
    from tracciati import kit
    from tracciati.generate.refusal import SpecimenError
    from tracciati.generate.succession import SuccessionError

    if folder.exists():
        raise click.UsageError(
            f"{folder} is there already\n  do: name a folder that is not, so that no older kit is mixed in"
        )
    try:
        made = kit.kit(layout, direction=direction, seed=seed)
    except (SpecimenError, SuccessionError) as problem:
        hint = f"\n  do: {problem.hint}" if problem.hint else ""
        raise click.UsageError(f"{problem}{hint}") from problem
    kit.write(made, folder)
    if as_json:
        told = {"folder": str(folder), "cases_count": len(made.cases), "not_broken_alone": list(made.unbroken)}
        click.echo(json.dumps(told, indent=2))
    else:
        click.echo(f"{folder}: a valid file, and {len(made.cases)} that break one rule each")
        for rule in made.unbroken:
            click.echo(f"  not broken alone: {rule}")
    return 0
