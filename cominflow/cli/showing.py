"""Showing: results on stdout, as a table for people or as JSON for programs. Progress and errors go to stderr."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import click

from cominflow.clock import to_the_second

Row = Mapping[str, Any]


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The `--json` that every command has."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def record(value: Row, *, as_json: bool) -> None:
    """Print one thing: `name: value` lines, or a JSON object. Nested lists become tables below."""
    if as_json:
        click.echo(to_json(value))
        return
    plain = {name: item for name, item in value.items() if not _is_table(item)}
    width = max((len(name) for name in plain), default=0)
    for name, item in plain.items():
        click.echo(f"{_words(name).ljust(width)}  {text_of(item)}".rstrip())
    for name, item in value.items():
        if _is_table(item):
            click.echo(f"\n{_words(name)}:")
            _table(item)


def table(rows: Sequence[Row], *, as_json: bool, empty: str) -> None:
    """Print many things: aligned columns, or a JSON list. `empty` is said when there are none."""
    if as_json:
        click.echo(to_json(list(rows)))
    elif rows:
        _table(rows)
    else:
        click.echo(empty)


def more(count: int, *, shown_count: int, as_json: bool) -> None:
    """Say below a list how many it leaves out; nothing when it has all. Beside JSON it is said on stderr."""
    if count > shown_count:
        click.echo(f"… {count - shown_count:,} more: --limit {count}", err=as_json)


def to_json(value: Any) -> str:
    """JSON of a value: instants in ISO 8601 (UTC), Decimals and bytes as text, keys in their order."""
    return json.dumps(value, default=plain, ensure_ascii=False, indent=2)


def text_of(value: Any) -> str:
    """A value for a person: Italian time with its offset (an hour of autumn comes twice), nothing for None, yes, no."""
    if value is None:
        return ""
    if isinstance(value, Mapping | list | tuple) and not value:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return to_the_second(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {text_of(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(text_of(item) for item in value)
    return str(plain(value)) if isinstance(value, bytes) else str(value)


def plain(value: object) -> str:
    """What JSON has no form for, as text."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    assert isinstance(value, Decimal), type(value)
    return str(value)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _table(rows: Sequence[Row]) -> None:
    names = list(rows[0])
    cells = [
        [_shortened(text_of(row[name])) if name in _NAMES else text_of(row[name]) for name in names] for row in rows
    ]
    is_number = [all(isinstance(row[name], int) and not isinstance(row[name], bool) for row in rows) for name in names]
    widths = [max(len(name), *(len(line[i]) for line in cells)) for i, name in enumerate(names)]
    for line in [[_words(name) for name in names], *cells]:
        padded = (
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, is_number, strict=True)
        )
        click.echo("  ".join(padded).rstrip())


# Columns with names of files, which may have 255 characters: in a table the middle of a long one is left out.
_NAMES = ("name", "file")
_NAME_CHARACTERS_MAX = 48


def _shortened(name: str) -> str:
    if len(name) <= _NAME_CHARACTERS_MAX:
        return name
    half = _NAME_CHARACTERS_MAX // 2
    return f"{name[: half - 1]}…{name[-half:]}"


def _words(name: str) -> str:
    return name.replace("_", " ")
