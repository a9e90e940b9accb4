"""Explain: a file field by field under a ruler, for the person who negotiates a layout or looks for a mistake.

Each record is shown as it stands, with columns counted from 1 as contracts count them, then its fields with their
values, then what is wrong with it. Sensitive fields are masked unless asked otherwise.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from tracciati import framing
from tracciati.convert import content, text_of
from tracciati.encodings import blank
from tracciati.findings.pictures import MASK
from tracciati.findings.report import finding_text
from tracciati.framing import delimited
from tracciati.layout import names_in
from tracciati.reading import Reading
from tracciati.reading.columns import cell_bytes, span
from tracciati.values import pages
from tracciati.writing.ledger import present_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tracciati.findings import Finding
    from tracciati.findings.report import Report
    from tracciati.framing import Frame
    from tracciati.layout import Direction, Field, Layout, Record
    from tracciati.reading import Block

# Columns of a record shown in one line; a longer record is shown in several, each under its own ruler.
RULER_COLUMNS = 100


@dataclass(frozen=True)
class Cell:
    """One field of one record: where it stands (columns from 1), what stands there, and what it means.

    length    bytes of the file that it takes: 0 for an empty column, which has the column where it would begin
    value     what it means, "" for no value
    findings  what is wrong with it
    """

    name: str
    label: str
    base: str
    columns: tuple[int, int]
    length: int
    raw: str
    value: str
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explained:
    """One record. `record` is None when its type is unknown; `line` and `number` count from 1."""

    number: int
    record: str | None
    offset: int
    text: str
    cells: tuple[Cell, ...]
    findings: tuple[Finding, ...]

    def to_text(self, source_name: str, *, is_fixed: bool) -> str:
        """The record for a person."""
        name = self.record or "unknown record type"
        stop = self.offset + len(self.text)
        lines = [f"record {self.number}: {name} (bytes {self.offset}-{stop} of the file)"]
        lines += ruler(self.text) if is_fixed else [f"  {self.text}"]
        lines += table([("columns", "field", "base", "value"), *(_row(cell) for cell in self.cells)])
        lines += [finding_text(finding, source_name) for finding in self.findings]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The record as JSON holds it."""
        cells = [{**vars(cell), "columns": list(cell.columns), "findings": list(cell.findings)} for cell in self.cells]
        findings = [finding.as_dict() for finding in self.findings]
        return {**vars(self), "cells": cells, "findings": findings}


@dataclass(frozen=True)
class Explanation:
    """Some records of a file, explained, and the report on all of it."""

    records: tuple[Explained, ...]
    report: Report
    is_fixed: bool

    def to_text(self) -> str:
        """For a person: the records, then the report's summary."""
        parts = [record.to_text(self.report.source_name, is_fixed=self.is_fixed) for record in self.records]
        return "\n\n".join([*parts, self.report.summary()])

    def to_json(self) -> str:
        """For programs."""
        told = {"records": [record.as_dict() for record in self.records], "summary": self.report.summary()}
        return json.dumps(told, ensure_ascii=False, indent=2)


def explain(
    source: Path | bytes | BinaryIO,
    layout: Layout,
    *,
    direction: Direction = "request",
    first: int = 0,
    count: int = 20,
    reveal: bool = False,
    source_name: str = "",
) -> Explanation:
    """Explain `count` records from the one with index `first` (from 0) on.

    The whole file is read, so that totals are checked and the report is complete. Raises ReadingError when it cannot
    be read; wrong data is in the findings.
    """
    reading = Reading(source, layout, direction=direction, examples=_EXAMPLES, reveal=reveal, source_name=source_name)
    shown: list[tuple[int, str | None, int, str, tuple[Cell, ...]]] = []
    for block in reading:
        rows = range(max(0, first - block.first_record), min(len(block.starts), first + count - block.first_record))
        shown += [_record(block, row, layout, direction, reveal) for row in rows]
    by_number: dict[int, list[Finding]] = {}
    for finding in reading.report.findings:
        by_number.setdefault(finding.record_number, []).append(finding)
    explained = []
    for number, name, offset, text, cells in shown:
        findings = tuple(by_number.get(number, ()))
        explained.append(Explained(number, name, offset, text, tuple(_judged(cells, findings)), findings))
    return Explanation(tuple(explained), reading.report, layout.file.kind == "fixed")


# Findings kept per code and field, so that the records asked for have theirs even in a file full of mistakes.
_EXAMPLES = 10_000


def _record(
    block: Block, row: int, layout: Layout, direction: Direction, reveal: bool
) -> tuple[int, str | None, int, str, tuple[Cell, ...]]:
    number, offset = block.first_record + row + 1, block.offset + int(block.starts[row])
    raw, codec = content(block, row), layout.file.codec
    kind = int(block.types[row])
    record = layout.records[kind] if kind >= 0 else None
    if record is None or not _is_cut(block, record, row):
        # Nobody knows where its fields are, so nobody knows what is sensitive: nothing of it is shown.
        has_secrets = any(field.sensitive for other in layout.records for field in other.fields)
        text = MASK * len(raw) if has_secrets and not reveal else _printable(text_of(raw, codec))
        return number, record.name if record else None, offset, text, ()
    frame = frame_of_one(raw, layout)
    masked = bytearray(raw)
    cells = []
    for field in record.fields_in(direction):
        present = present_in(frame, layout, direction, record, field, np.array([0]))
        if present is not None and not present[0]:
            continue
        start, stop = span(frame, record, field, 0, direction)
        meant = cell_bytes(frame, record, field, 0, direction, codec)
        is_masked = field.sensitive and not reveal and bool(meant.strip())
        if is_masked:
            masked[start:stop] = MASK.encode(codec) * (stop - start)
        shown = MASK * len(meant) if is_masked else _shown(meant, field, codec)
        value = f"{MASK * 3} (masked)" if is_masked else _value(block, record, field, row)
        columns = (start + 1, max(start + 1, stop))
        cells.append(Cell(field.name, field.label, field.base, columns, stop - start, shown, value))
    return number, record.name, offset, _printable(text_of(bytes(masked), codec)), tuple(cells)


def _judged(cells: tuple[Cell, ...], findings: tuple[Finding, ...]) -> Iterator[Cell]:
    """The cells, those that are wrong with what is said of them."""
    wrong: dict[str, list[str]] = {}
    for finding in findings:
        wrong.setdefault(finding.field, []).append(finding.text_en)
    for cell in cells:
        if cell.name in wrong:
            yield replace(cell, findings=tuple(dict.fromkeys(wrong[cell.name])))
        else:
            yield cell


def _is_cut(block: Block, record: Record, row: int) -> bool:
    """Was the record cut into fields? A record with a framing error is in no table."""
    table = block.tables.get(record.name)
    return table is not None and bool((table.rows == row).any())


def frame_of_one(raw: bytes, layout: Layout) -> Frame:
    """A record alone, framed again: its cells are asked for one by one, which blocks do not keep."""
    buffer, form = np.frombuffer(raw, np.uint8), layout.file
    if form.kind == "fixed":
        size = np.array([len(raw)])
        return framing.Frame(buffer, np.array([0]), size, size, blank=blank(form.codec))
    return delimited.frame(buffer, form, (), at_start=False, is_last=True)


def _value(block: Block, record: Record, field: Field, row: int) -> str:
    """What the field means: a day, an amount, a code with its name; "" for no value."""
    if field.base == "filler":
        return ""
    table = block.tables[record.name]
    place = int(table.rows.searchsorted(row))
    value = table.columns[field.name][place].as_py()
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    meaning = field.codes.get(str(value), "") if field.codes else ""
    return f"{value} ({meaning})" if meaning else str(value)


def _shown(meant: bytes, field: Field, codec: str) -> str:
    """A cell as a person can look at it: bytes of a number in binary as hexadecimal digits."""
    return meant.hex() if field.base in pages.RAW else _printable(text_of(meant, pages.inner(codec)))


def _printable(text: str) -> str:
    """Control characters as a dot in the middle, so that every character takes one column."""
    return "".join(character if character.isprintable() else "·" for character in text)


def ruler(text: str) -> list[str]:
    """A record under its columns, counted from 1, a hundred to a line.

    >>> print("\\n".join(ruler("20ROSSI MARIO")))
               1
      1234567890123
      20ROSSI MARIO
    """
    if not text:
        return ["  (empty)"]
    lines = []
    for start in range(0, len(text), RULER_COLUMNS):
        piece = text[start : start + RULER_COLUMNS]
        columns = range(start + 1, start + len(piece) + 1)
        if not piece.strip():
            lines.append(f"  (columns {columns[0]}-{columns[-1]} are blank)")
            continue
        tens = "".join(str(column)[:-1].rjust(10) for column in columns if column % 10 == 0)
        ones = "".join(str(column % 10) for column in columns)
        lines += [f"  {tens}".rstrip(), f"  {ones}", f"  {piece}".rstrip()]
    return [line for line in lines if line.strip()]


def table(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows of texts, aligned under each other."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return [f"  {line}".rstrip() for line in lines]


def _row(cell: Cell) -> tuple[str, ...]:
    first, last = cell.columns
    title = f"{cell.name} ({cell.label})" if cell.label else cell.name
    said = f"<- {'; '.join(cell.findings)}" if cell.findings else ""
    value = "  ".join(part for part in (_printable(cell.value), said) if part)
    return f"{first}-{last}" if cell.length else "", title, cell.base, value


def positions_list(layout: Layout, direction: Direction) -> list[dict[str, Any]]:
    """Every record type of that direction with its fields and places, as JSON holds them."""
    return [
        {
            "record": record.name,
            "match": dict(record.match),
            "fields": [_position(place, field, layout) for place, field in enumerate(record.fields_in(direction), 1)],
        }
        for record in layout.records
        if record.is_in(direction)
    ]


def _position(place: int, field: Field, layout: Layout) -> dict[str, Any]:
    is_fixed = layout.file.kind == "fixed"
    return {
        "number": place,
        "name": field.name,
        "label": field.label,
        "base": field.base,
        "from": field.start + 1 if is_fixed else place,
        "to": field.stop if is_fixed else place,
        "width": field.length,
        "required": field.required,
        "sensitive": field.sensitive,
    }


def positions_json(layout: Layout, direction: Direction) -> str:
    """The positions for programs."""
    told = {
        "layout": layout.name,
        "structure": layout.structure[direction].text,
        "groups": dict(_groups(layout, direction)),
        "records": positions_list(layout, direction),
    }
    return json.dumps(told, ensure_ascii=False, indent=2)


def _groups(layout: Layout, direction: Direction) -> Iterator[tuple[str, str]]:
    """The groups that the direction's structure is made of, and their structures, from the outside to the inside."""
    texts = [layout.structure[direction].text]
    for text in texts:
        for name in dict.fromkeys(names_in(text)):
            if name in layout.groups and layout.groups[name] not in texts:
                texts.append(layout.groups[name])
                yield name, layout.groups[name]


def positions(layout: Layout, direction: Direction) -> str:
    """The positions for a person: one table per record type, columns counted from 1."""
    heading = ("#", "field", "base", "from", "to", "width", "label")
    parts = [
        f"{layout.name}: {layout.title}" if layout.title else layout.name,
        "\n".join(
            [
                f"structure ({direction}): {layout.structure[direction].text}",
                *(f"group {name}: {text}" for name, text in _groups(layout, direction)),
            ]
        ),
    ]
    for record in positions_list(layout, direction):
        told = " and ".join(f'{name} = "{text}"' for name, text in record["match"].items())
        rows = [
            (
                str(one["number"]),
                one["name"],
                one["base"],
                str(one["from"]),
                str(one["to"]),
                "" if one["width"] is None else str(one["width"]),
                one["label"],
            )
            for one in record["fields"]
        ]
        parts.append(
            "\n".join([f"{record['record']}  ({told})" if told else record["record"], *table([heading, *rows])])
        )
    return "\n\n".join(parts)
