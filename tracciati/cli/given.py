"""Given: values that a person gives on the command line, as `--set record.field=value`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tracciati.layout import Layout

_SPELLINGS = {
    "integer": "write a whole number, as 12",
    "decimal": "write it with a point, as 12.50",
    "date": "write the day as 2026-01-31",
    "boolean": "write true or false",
}


def given_value(text: str, layout: Layout) -> tuple[str, object]:
    """`record.field=value` as the field's path and the value in its type. UsageError when it is none."""
    from tracciati.declare.toml import did_you_mean
    from tracciati.generate import specimens

    path, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"--set {text}: there is no = in it\n  do: write it as record.field=value")
    known = [f"{one.name}.{field.name}" for one in layout.records for field in one.fields if field.base != "filler"]
    if path not in known:
        near = did_you_mean(path, known)
        hint = near or f"write one of its fields, as {known[0]}; `tracciati explain LAYOUT` shows them"
        raise click.UsageError(f"--set {path}: the layout has no such field\n  do: {hint}")
    field = layout.field(path)
    try:
        return path, specimens.typed(field, value)
    except ValueError as problem:
        raise click.UsageError(f"--set {text}: {problem}\n  do: {_SPELLINGS[field.base]}") from problem
