"""`tracciati continuity`: whether files of one feed go on from each other."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from tracciati.cli import options, progress

if TYPE_CHECKING:
    from datetime import date

    from tracciati.layout import Direction, Layout


EXAMPLES = """\b
Examples:
  tracciati continuity layouts/banca-demo/visure.toml archive/RV_*.txt
  tracciati continuity layouts/banca-demo/visure.toml --key richiesta.riferimento archive/RV_*.txt
  tracciati continuity layouts/banca-demo/visure.toml --days days.txt --json archive/RV_*.txt
"""


@click.command(epilog=EXAMPLES)
@options.layout_argument
@click.argument(
    "file_paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path)
)
@options.direction_option
@click.option(
    "--key", "keys", multiple=True, metavar="FIELD", help="record.field that no two files share. May be given again."
)
@click.option(
    "--days",
    "days_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A text with the days on which a file was expected, one a line, as 2026-03-31.",
)
@click.option(
    "--examples", type=click.IntRange(min=1), default=20, show_default=True, help="Findings shown per code and field."
)
@options.reveal_option
@progress.quiet_option
@options.json_option
def continuity(
    layout_path: Path,
    file_paths: tuple[Path, ...],
    direction: str,
    keys: tuple[str, ...],
    days_path: Path | None,
    examples: int,
    reveal: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Say where the FILEs of one feed, in their order, do not go on from each other.

    Compared are the numbers of fields with `sequence = { scope = "feed" }` (gaps, repeats, steps back), the balances
    of the layout's [continuity], the fields named by --key, whole contents, and, with --days, the files' own dates.

    What is wrong in a file by itself is counted; `tracciati check` shows it. Exit code 0: the files go on from each
    other; 1: they do not.
    """
    from tracciati.errors import UnknownName
    from tracciati.history import History

    if Path("-") in file_paths:
        raise click.UsageError("standard input is one file, and is compared with no other; name the files")
    towards = cast("Direction", direction)
    layout = options.open_layout(layout_path, towards)
    _see_that_something_is_compared(layout, layout_path, keys, days_path)
    days = _days(days_path) if days_path else []
    try:
        history = History(layout, direction=towards, keys=keys, examples=examples, reveal=reveal)
    except UnknownName as problem:
        raise click.UsageError(f"--key: {problem}") from problem
    sizes = [progress.size_of(path) for path in file_paths]
    what = f"continuity of {len(file_paths)} files"
    with progress.Progress(what, sum(sizes), progress.megabytes, is_shown=not (quiet or as_json)) as bar:
        before = 0
        for path, size in zip(file_paths, sizes, strict=True):
            history.take(path, str(path), on_block=partial(_forward, bar, before))
            before += size
        report = history.finish(days)
    click.echo(report.to_json() if as_json else report.to_text())
    return 0 if report.is_clean else 1


def _forward(bar: progress.Progress, before: int, done: int) -> None:
    bar.to(before + done)


def _see_that_something_is_compared(layout: Layout, path: Path, keys: tuple[str, ...], days_path: Path | None) -> None:
    """UsageError where the layout, and what was asked for, give nothing to compare, or no date to compare by."""
    if days_path and not layout.file.reference_date:
        raise click.UsageError(f"--days needs the files' own dates, and {path} names none: it has no `reference_date`")
    if not (layout.numbered or layout.continuity or keys or days_path):
        raise click.UsageError(
            f"{path} has nothing that goes on from file to file: no field with "
            '`sequence = { scope = "feed" }`, no [continuity]; name a field with --key'
        )


def _days(path: Path) -> list[date]:
    """The days in a text, one a line; empty lines and what follows a `#` mean nothing."""
    return list(_each_day(path))


def _each_day(path: Path) -> Iterator[date]:
    from datetime import date

    from tracciati.errors import ReadingError

    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ReadingError("read the days", str(path), error.strerror or str(error), "check the path") from error
    except UnicodeDecodeError as error:
        hint = "write one day a line, as 2026-03-31"
        raise ReadingError("read the days", str(path), "this is not a text in UTF-8", hint) from error
    for number, line in enumerate(text.splitlines(), 1):
        written = line.partition("#")[0].strip()
        if not written:
            continue
        try:
            yield date.fromisoformat(written)
        except ValueError:
            shown = written if len(written) <= 40 else written[:40] + "…"
            raise click.UsageError(f"{path}:{number}: {shown!r} is no day; write it as 2026-03-31") from None
