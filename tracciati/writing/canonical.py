"""Canonical: every field of a file encoded anew from its typed value, and a name for each difference.

That a file is copied byte for byte proves nothing about the codecs; this does. What cannot be read keeps its bytes:
records that are broken or of no known type, and bad cells. Fillers are never touched, nor are the fields that an
answer fills while they are still empty in a request.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tracciati import bases, framing
from tracciati.framing import delimited
from tracciati.framing.delimited import CellFrame
from tracciati.framing.matching import match
from tracciati.limits import RECORD_BYTES_MAX
from tracciati.values import strings
from tracciati.values.cells import Column
from tracciati.writing import lines
from tracciati.writing.ledger import read_column

if TYPE_CHECKING:
    from tracciati.framing import Frame, Index
    from tracciati.layout import Direction, Field, Layout, Record
    from tracciati.values import Values
    from tracciati.values.cells import Bytes

PADDING = "padded in another way"
NULL_TEXT = "another text for no value"
QUOTES = "quoted in another way"
SPELLING = "the same value, spelled in another way"


@dataclass(frozen=True)
class Difference:
    """A cell whose canonical bytes are others. record_number counts from 1."""

    record_number: int
    path: str
    raw: bytes
    canonical: bytes
    reason: str


@dataclass(frozen=True)
class Rewritten:
    """Records in canonical form.

    raw          the records, each with the layout's own separator
    differences  the first few of each (path, reason), by record
    counts       (path, reason) -> how many there are
    """

    raw: bytes
    differences: tuple[Difference, ...]
    counts: dict[tuple[str, str], int]


def rewrite(
    raw: bytes | memoryview,
    layout: Layout,
    direction: Direction = "request",
    *,
    first_record: int = 0,
    examples: int = 20,
) -> Rewritten:
    """Encode records anew.

    raw           whole records with their separators, without the header row; best a block at a time
    first_record  index in the file of the first one

    Never raises for bad data.

    The separator after the last record is always written; whether the file ends with one is the caller's business.
    """
    form = replace(layout.file, last_separator="optional")
    buffer = np.frombuffer(raw, np.uint8)
    frame: Frame
    if form.kind == "delimited":
        frame = delimited.frame(buffer, form, (), at_start=False, is_last=True)
    else:
        frame = framing.frame(buffer, form, at_start=False, is_last=True)
    types = match(frame, layout, direction)
    readable = np.ones(len(frame), np.bool_) if frame.broken is None else ~frame.broken
    found = _Found(first_record, examples)
    texts = lines.slices(frame.buffer, frame.starts, frame.starts + frame.lengths)
    for record in layout.records:
        rows = np.flatnonzero((types == record.index) & readable)
        if isinstance(frame, CellFrame):
            rows = rows[frame.cell_counts[rows] == len(record.fields_in(direction))]
        if not len(rows):
            continue
        work = _fixed if form.kind == "fixed" else _delimited
        made = work(frame, layout, direction, record, rows, found)
        texts = made if len(rows) == len(frame) else _replaced(texts, rows, made)
    order = sorted(found.differences, key=lambda one: one.record_number)
    return Rewritten(lines.ended(texts, framing.SEPARATORS[form.separator]).tobytes(), tuple(order), found.counts)


def _replaced(texts: pa.StringArray, rows: Index, made: pa.StringArray) -> pa.StringArray:
    mask = np.zeros(len(texts), np.bool_)
    mask[rows] = True
    return pc.replace_with_mask(texts, pa.array(mask), made)


@dataclass
class _Found:
    """Differences as they are met, counted, and the first few kept."""

    first_record: int
    examples: int
    differences: list[Difference] = field(default_factory=list)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, row: int, path: str, raw: bytes, canonical: bytes, reason: str) -> None:
        count = self.counts.get((path, reason), 0)
        self.counts[path, reason] = count + 1
        if count < self.examples:
            self.differences.append(Difference(self.first_record + row + 1, path, raw, canonical, reason))


def _fixed(
    frame: Frame, layout: Layout, direction: Direction, record: Record, rows: Index, found: _Found
) -> pa.StringArray:
    width = layout.file.length
    assert width is not None, "a fixed layout has a record length"
    table: Bytes = frame.records(rows, width)[:, :width].copy()
    for one in _rewritable(record, direction):
        values = read_column(frame, layout, direction, record, one, rows)
        array, at = _typed(values, layout)
        cells = bases.of(one.base).write(array, replace(one, required=False), layout.file.codec)
        differs = (cells != values.cells[at]).any(axis=1)
        for index in np.flatnonzero(differs).tolist():
            row = int(at[index])
            old, new = values.cells[row].tobytes(), cells[index].tobytes()
            reason = _reason(old, new, is_null=not array[index].is_valid)
            found.add(int(rows[row]), f"{record.name}.{one.name}", old, new, reason)
        table[at[differs], one.start : one.stop] = cells[differs]
    return strings.as_strings(table)


def _delimited(
    frame: Frame, layout: Layout, direction: Direction, record: Record, rows: Index, found: _Found
) -> pa.StringArray:
    assert isinstance(frame, CellFrame), "a delimited file has cells"
    dialect = layout.file.dialect
    quote = dialect.quote.encode("ascii")
    rewritable = _rewritable(record, direction)
    columns = []
    for place, one in enumerate(record.fields_in(direction)):
        column = lines.raw_cells(frame, rows, place, place, dialect.quote)
        if one in rewritable:
            values = read_column(frame, layout, direction, record, one, rows, cell_bytes_max=RECORD_BYTES_MAX)
            array, at = _typed(values, layout)
            spelled = bases.of(one.base).spell(array, replace(one, required=False), layout.file.codec)
            made = lines.quoted(spelled, dialect)
            raw = column.take(pa.array(at))
            differs = np.asarray(pc.not_equal(raw, made))
            for index in np.flatnonzero(differs).tolist():
                old, new = raw[index].as_buffer().to_pybytes(), made[index].as_buffer().to_pybytes()
                is_quoting = bool(quote) and old.strip(quote) == new.strip(quote)
                reason = QUOTES if is_quoting else _reason(old, new, is_null=not array[index].is_valid)
                found.add(int(rows[at[index]]), f"{record.name}.{one.name}", old, new, reason)
            column = _replaced(column, at, made)
        columns.append(column)
    return lines.records(columns, dialect)


def _rewritable(record: Record, direction: Direction) -> list[Field]:
    fields = record.fields_in(direction)
    return [one for one in fields if one.base != "filler" and not (one.origin and direction == "request")]


def _typed(values: Values, layout: Layout) -> tuple[pa.Array, Index]:
    """The column's values where they can be read and written, and the rows they are in. The others keep their bytes."""
    one, codec, is_delimited = values.field, layout.file.codec, layout.file.kind == "delimited"
    column = Column(values.numbers, values.null, values.bad)
    array = bases.of(one.base).arrow(values.cells, column, one, codec, values.lengths)
    fit = bases.of(one.base).fits(array, replace(one, required=False), codec, delimited=is_delimited)
    if values.bad is not None:
        fit = fit & ~values.bad
    at = np.flatnonzero(fit)
    return (array if len(at) == len(array) else array.take(pa.array(at))), at


def _reason(old: bytes, new: bytes, *, is_null: bool) -> str:
    if is_null:
        return NULL_TEXT
    return PADDING if old.strip(b" 0") == new.strip(b" 0") else SPELLING
