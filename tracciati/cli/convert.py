"""`tracciati convert`: a file as CSV, JSON lines or Parquet, and back."""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import click

from tracciati.cli import options, progress
from tracciati.cli.given import given_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tracciati.convert.taking import Portion, Source
    from tracciati.layout import Direction, Layout
    from tracciati.writing import Written


EXAMPLES = """\b
Examples:
  tracciati convert layouts/banca-demo/visure.toml inbox/RV_20260301_001.txt --to jsonl --out /tmp/v.jsonl
  tracciati convert layouts/banca-demo/visure.toml inbox/RV_20260301_001.txt --to csv --record richiesta
  tracciati convert layouts/banca-demo/visure.toml /tmp/v.jsonl --from jsonl --out /tmp/again.txt
"""
FORMS = ("csv", "jsonl", "parquet")


@click.command(epilog=EXAMPLES)
@options.layout_argument
@options.file_argument
@click.option("--to", "to_form", type=click.Choice(FORMS), help="What the values of FILE become.")
@click.option("--from", "from_form", type=click.Choice(FORMS), help="What FILE is: its values become a file of LAYOUT.")
@click.option("--record", default="", help="Only this record type; CSV and Parquet, where there are several, need it.")
@click.option(
    "--set",
    "given",
    multiple=True,
    metavar="RECORD.FIELD=VALUE",
    help="With --from and --record: a value for every such record that has none of its own.",
)
@options.direction_option
@options.out_option
@progress.quiet_option
@options.json_option
def convert(
    layout_path: Path,
    file_path: Path,
    to_form: str | None,
    from_form: str | None,
    record: str,
    given: tuple[str, ...],
    direction: str,
    out_path: Path,
    quiet: bool,
    as_json: bool,
) -> int:
    """Turn FILE into CSV, JSON lines or Parquet, or one of these into a file of LAYOUT.

    CSV and Parquet hold one record type, JSON lines hold all records in their order, or those of --record.

    Amounts are exact decimals, days are 2026-01-31, what is empty or unreadable has no value. Sensitive fields are
    written as they are. Findings are summed up on standard error (with --json: the
    whole report is there); exit code 1 says that there are some.

    The way back: an empty cell is no value; totals are computed; what stands around the rows of one type is made by
    LAYOUT, with the values of --set. A value that does not fit is an error (exit code 3), and nothing is written.
    """
    if bool(to_form) == bool(from_form):
        raise click.UsageError("say what FILE is to become (--to) or what it is (--from): one of the two")
    if given and not from_form:
        raise click.UsageError("--set is for --from: with --to all values are those of FILE")
    towards = cast("Direction", direction)
    layout = options.open_layout(layout_path, towards)
    # A bar in the midst of the values would spoil both.
    is_shown = not (quiet or as_json or options.is_terminal(out_path))
    size = progress.size_of(file_path)
    target = options.target_of(out_path, layout_path, file_path)
    with progress.Progress(f"convert {file_path.name}", size, progress.megabytes, is_shown=is_shown) as bar:
        if from_form:
            asked = _Back(layout, towards, from_form, record, given)
            written = asked.write(file_path, target, bar.to)
        else:
            assert to_form, "one of the two is given"
            return _to(file_path, target, layout, towards, to_form, record, bar, as_json=as_json)
    _tell(written, layout, as_json=as_json, is_taken=str(out_path) == "-")
    return 0


def _to(
    file_path: Path,
    target: Path | BinaryIO,
    layout: Layout,
    direction: Direction,
    form: str,
    record: str,
    bar: progress.Progress,
    *,
    as_json: bool,
) -> int:
    from tracciati import convert as converter
    from tracciati.reading import Reading
    from tracciati.target import opened

    source, name = options.source_of(file_path), options.name_of(file_path)
    if form != "jsonl" or record:
        record = _record_of(record, converter.record_names(layout, direction), form)
    with opened(target) as sink:
        reading = Reading(source, layout, direction=direction, source_name=name, on_block=bar.to)
        if form == "csv":
            converter.to_csv(reading, sink, layout.by_name[record], direction)
        elif form == "parquet":
            named = file_path.name if str(file_path) != "-" else name
            converter.to_parquet(reading, sink, layout, layout.by_name[record], direction, source=named)
        else:
            converter.to_json_lines(reading, sink, layout, only=record)
    report = reading.report
    if as_json:
        click.echo(report.to_json(), err=True)
    elif not report.is_clean:
        click.echo(report.summary(), err=True)
    return 0 if report.is_clean else 1


class _Back:
    """What is asked for on the way back."""

    def __init__(self, layout: Layout, direction: Direction, form: str, record: str, given: tuple[str, ...]) -> None:
        from tracciati import convert as converter

        self._layout, self._direction, self._form = layout, direction, form
        names = converter.record_names(layout, direction)
        self._record = _record_of(record, names, form) if record or form == "csv" else ""
        self._names = names
        if given and form == "jsonl" and not record:
            raise click.UsageError("--set is for rows of one type: JSON lines hold all records, with their values")
        self._given = dict(given_value(text, layout) for text in given)

    def write(self, path: Path, target: Path | BinaryIO, on_bytes: Callable[[int], object]) -> Written:
        from tracciati.convert import back
        from tracciati.convert.around import NoPlace
        from tracciati.convert.back import GivenError
        from tracciati.convert.taking import Source

        with _opened(path, is_sought=self._form == "parquet") as stream, _whole(target) as sink:
            source = Source(stream, options.name_of(path), on_bytes)
            portions, record = self._taken(source)
            try:
                return back.write(
                    portions, sink, self._layout, self._direction, source, record=record, given=self._given
                )
            except (GivenError, NoPlace) as problem:
                raise click.UsageError(f"{problem}\n  do: {problem.hint}") from problem

    def _taken(self, source: Source) -> tuple[Iterator[list[Portion]], str]:
        """The rows, and the type of all of them; "" where each says its own."""
        from tracciati.convert import NUMBER, taking

        if self._form == "jsonl":
            return taking.json_lines(source), self._record
        if self._form == "csv":
            fields = self._layout.by_name[self._record].fields_in(self._direction)
            return taking.csv(source, [NUMBER, *(field.name for field in fields)]), self._record
        record = self._record or taking.record_of_parquet(source)
        return taking.parquet(source), _record_of(record, self._names, self._form)


@contextmanager
def _opened(path: Path, *, is_sought: bool) -> Iterator[BinaryIO]:
    """The data. is_sought: they are not read from the beginning to the end, which a pipe allows nothing else than."""
    given = options.source_of(path)
    if not isinstance(given, Path):
        if not is_sought or given.seekable():
            yield given
            return
        with tempfile.TemporaryFile() as held:
            shutil.copyfileobj(given, held)
            held.seek(0)
            yield cast("BinaryIO", held)
        return
    with given.open("rb") as stream:
        yield stream


@contextmanager
def _whole(target: Path | BinaryIO) -> Iterator[BinaryIO]:
    """A stream into the target that passes nothing on before all is written; after an error, nothing at all."""
    from tracciati.limits import HELD_BYTES_MAX
    from tracciati.target import opened

    if isinstance(target, Path) and (target.is_file() or not target.exists()):
        with opened(target) as sink:
            yield sink
        return
    with tempfile.SpooledTemporaryFile(HELD_BYTES_MAX) as held:
        yield cast("BinaryIO", held)
        held.seek(0)
        with opened(target) as sink:
            shutil.copyfileobj(held, sink)


def _tell(written: Written, layout: Layout, *, as_json: bool, is_taken: bool) -> None:
    """What was written. is_taken: standard output has the file."""
    if as_json:
        told = {
            "records_count": written.records_count,
            "bytes_count": written.bytes_count,
            "layout": layout.name,
            "transliterated": dict(written.transliterated),
        }
        click.echo(json.dumps(told, indent=2), err=is_taken)
        return
    for path, count in written.transliterated.items():
        click.echo(f"{path}: in {count} values, characters that the file cannot have were replaced", err=True)


def _record_of(asked: str, names: tuple[str, ...], form: str) -> str:
    if asked in names:
        return asked
    if asked:
        raise options.unknown(f"the layout has no record type `{asked}`", asked, names)
    if len(names) > 1:
        what = {"csv": "a CSV", "parquet": "a Parquet file"}[form]
        raise click.UsageError(f"{what} holds one record type; say which: --record {'|'.join(names)}")
    return names[0]
