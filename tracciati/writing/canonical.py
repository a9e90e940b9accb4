"""Canonical: every field of a file encoded anew from its typed value, and a name for each difference.

That a file is copied byte for byte proves nothing about the codecs; this does. What cannot be read keeps its bytes:
records that are broken or of no known type (with their separators), bad cells, and what is no record, such as empty
lines. It is counted, because nothing is proved of it. Fillers are never touched, nor are the fields that an answer
fills while they are still empty in a request.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tracciati import bases, framing
from tracciati.framing import delimited, lengths
from tracciati.framing.delimited import CellFrame
from tracciati.framing.matching import lengths_of, match, record_lengths
from tracciati.limits import RECORD_BYTES_MAX
from tracciati.values import pages, strings
from tracciati.values.cells import Column
from tracciati.writing import lines
from tracciati.writing.ledger import present_in, read_column

if TYPE_CHECKING:
    from tracciati.framing import Frame, Index
    from tracciati.framing.matching import Types
    from tracciati.layout import Direction, Field, Layout, Record
    from tracciati.values import Values
    from tracciati.values.cells import Bytes, Flags

PADDING = "padded in another way"
NULL_TEXT = "another text for no value"
QUOTES = "quoted in another way"
SPELLING = "the same value, spelled in another way"
SEPARATOR = "another separator than the layout's"
NO_LAST_SEPARATOR = "no separator after the last record"
LAST_SEPARATOR = "a separator after the last record"
SHORT = "short record, filled with blanks"
SURPLUS = "bytes beyond the record's length, left out"


@dataclass(frozen=True)
class Difference:
    """A cell, or an end of a record, whose canonical bytes are others.

    record_number  from 1
    path           `record.field`; the record's name alone where its length or its separator is meant
    offset         of `raw`, from the first byte given to `rewrite` plus its `offset`
    """

    record_number: int
    path: str
    offset: int
    raw: bytes
    canonical: bytes
    reason: str


@dataclass(frozen=True)
class Rewritten:
    """Records in canonical form.

    raw          the records, each with the layout's own separator
    differences  the first few of each (path, reason), by record
    counts       (path, reason) -> how many there are
    kept_cells   path -> how many cells of it could not be encoded anew
    kept_records how many records could not
    """

    raw: bytes
    differences: tuple[Difference, ...]
    counts: dict[tuple[str, str], int]
    kept_cells: dict[str, int]
    kept_records: int


def rewrite(
    raw: bytes | memoryview,
    layout: Layout,
    direction: Direction = "request",
    *,
    first_record: int = 0,
    offset: int = 0,
    ends_file: bool = False,
    is_to_the_end: bool = False,
    examples: int = 20,
) -> Rewritten:
    """Encode records anew.

    raw           whole records with their separators, without the header row; best a block at a time
    first_record  index in the file of the first one
    offset        in the file of the first byte
    is_to_the_end the last record is the file's last one, whatever follows it
    ends_file     the last record is the file's last one: it has no separator where the layout forbids it

    Never raises for bad data. The separator after the last record is written where the layout calls it optional.
    """
    form = replace(layout.file, last_separator="optional")
    buffer = np.frombuffer(raw, np.uint8)
    frame: Frame
    if form.kind == "delimited":
        frame = delimited.frame(buffer, form, (), at_start=False, is_last=True)
    elif form.length_in:
        frame = lengths.frame(buffer, layout, is_last=True)
    else:
        frame = framing.frame(buffer, form, at_start=False, is_last=True)
    types = match(frame, layout, direction, begins_file=first_record == 0, ends_file=is_to_the_end)
    if form.kind == "fixed" and form.length is None:
        frame = record_lengths(frame, types, layout)
    readable = np.ones(len(frame), np.bool_) if frame.broken is None else ~frame.broken
    found = _Found(first_record, offset, examples)
    kept = np.ones(len(frame), np.bool_)
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
        kept[rows] = False
    without_last = ends_file and layout.file.last_separator == "forbidden"
    _note_separators(frame, layout, types, kept, without_last, found)
    tails = _tails(frame, framing.SEPARATORS[form.separator], kept, without_last)
    order = sorted(found.differences, key=lambda one: one.offset)
    ended = lines.ended(texts, tails).tobytes()
    return Rewritten(ended, tuple(order), found.counts, found.kept_cells, int(np.count_nonzero(kept)))


def _note_separators(
    frame: Frame, layout: Layout, types: Types, kept: Flags, without_last: bool, found: _Found
) -> None:
    """Name the records that will end in another way."""
    separator = framing.SEPARATORS[layout.file.separator]
    stops = frame.starts + frame.lengths
    differs = (frame.ends - stops != len(separator)) & ~kept
    last = len(frame) - 1
    if without_last and last >= 0:
        differs[last] = not kept[last] and frame.ends[last] != stops[last]
    for row in np.flatnonzero(differs).tolist():
        old = frame.buffer[stops[row] : frame.ends[row]].tobytes()
        is_unwanted = without_last and row == last
        reason = LAST_SEPARATOR if is_unwanted else SEPARATOR if old else NO_LAST_SEPARATOR
        name = layout.records[int(types[row])].name
        found.add(row, name, int(stops[row]), old, b"" if is_unwanted else separator, reason)


def _tails(frame: Frame, separator: bytes, kept: Flags, without_last: bool) -> bytes | pa.StringArray:
    """What follows each record: the layout's separator; what stood there, after a record that is kept and between
    records, where there is something."""
    if not len(frame):
        return separator
    nexts = np.append(frame.starts[1:], len(frame.buffer))
    special = kept | (nexts != frame.ends)
    special[-1] |= without_last
    if not special.any():
        return separator
    rows = np.flatnonzero(special)
    tails = []
    for row in rows.tolist():
        stop, end = int(frame.starts[row] + frame.lengths[row]), int(frame.ends[row])
        is_without = without_last and row == len(frame) - 1
        own = frame.buffer[stop:end].tobytes() if kept[row] else b"" if is_without else separator
        tails.append(own + frame.buffer[end : nexts[row]].tobytes())
    usual = pa.repeat(pa.scalar(separator.decode("ascii"), pa.string()), len(frame))
    return _replaced(usual, rows, pa.array(tails, pa.binary()).view(pa.string()))


def _replaced(texts: pa.StringArray, rows: Index, made: pa.StringArray) -> pa.StringArray:
    mask = np.zeros(len(texts), np.bool_)
    mask[rows] = True
    return pc.replace_with_mask(texts, pa.array(mask), made)


@dataclass
class _Found:
    """Differences as they are met, counted, and the first few kept."""

    first_record: int
    offset: int
    examples: int
    differences: list[Difference] = field(default_factory=list)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    kept_cells: dict[str, int] = field(default_factory=dict)

    def keep(self, path: str, count: int) -> None:
        if count:
            self.kept_cells[path] = self.kept_cells.get(path, 0) + count

    def add(self, row: int, path: str, start: int, raw: bytes, canonical: bytes, reason: str) -> None:
        count = self.counts.get((path, reason), 0)
        self.counts[path, reason] = count + 1
        if count < self.examples:
            number, offset = self.first_record + row + 1, self.offset + start
            self.differences.append(Difference(number, path, offset, raw, canonical, reason))


def _fixed(
    frame: Frame, layout: Layout, direction: Direction, record: Record, rows: Index, found: _Found
) -> pa.StringArray:
    width = record.length
    table: Bytes = frame.records(rows, width)[:, :width].copy()
    if record.repeated is None or layout.file.length is not None:
        _note_lengths(frame, record, rows, width, found)
    for one in _rewritable(record, direction):
        path = f"{record.name}.{one.name}"
        values = read_column(frame, layout, direction, record, one, rows)
        array, at = _typed(values, layout)
        present = present_in(frame, layout, direction, record, one, rows)
        if present is not None:
            array, at = array.filter(pa.array(present[at])), at[present[at]]
        found.keep(path, (len(rows) if present is None else int(np.count_nonzero(present))) - len(at))
        made = bases.of(one.base).write(array, replace(one, required=False), values.codec)
        cells = pages.closed(made, one, layout.file.codec)
        before = table[at, one.start : one.stop]
        differs = (cells != before).any(axis=1)
        for index in np.flatnonzero(differs).tolist():
            row = int(at[index])
            old, new = before[index].tobytes(), cells[index].tobytes()
            reason = _reason(values.cells[row].tobytes(), made[index].tobytes(), is_null=not array[index].is_valid)
            start = int(frame.starts[rows[row]]) + one.start
            found.add(int(rows[row]), path, start, old, new, reason)
        table[at[differs], one.start : one.stop] = cells[differs]
    lengths = lengths_of(frame, layout, record, rows)
    return strings.as_strings(table) if lengths is None else strings.cut_to(table, lengths)


def _note_lengths(frame: Frame, record: Record, rows: Index, width: int, found: _Found) -> None:
    """Name the records of another length, which the layout lets pass."""
    for row in rows[frame.lengths[rows] != width].tolist():
        start, length = int(frame.starts[row]), int(frame.lengths[row])
        if length < width:
            found.add(row, record.name, start + length, b"", bytes([frame.blank]) * (width - length), SHORT)
        else:
            surplus = frame.buffer[start + width : start + length].tobytes()
            found.add(row, record.name, start + width, surplus, b"", SURPLUS)


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
            path = f"{record.name}.{one.name}"
            starts = frame.cell_starts[frame.first_cells[rows] + place]
            enclosed = lines.are_quoted(frame, rows, place, dialect.quote)
            starts = starts if enclosed is None else starts - enclosed
            values = read_column(frame, layout, direction, record, one, rows, cell_bytes_max=RECORD_BYTES_MAX)
            array, at = _typed(values, layout)
            found.keep(path, len(rows) - len(at))
            spelled = bases.of(one.base).spell(array, replace(one, required=False), layout.file.codec)
            made = lines.quoted(spelled, dialect)
            raw = column.take(pa.array(at))
            differs = np.asarray(pc.not_equal(raw, made))
            for index in np.flatnonzero(differs).tolist():
                old, new = raw[index].as_buffer().to_pybytes(), made[index].as_buffer().to_pybytes()
                is_quoting = bool(quote) and old.strip(quote) == new.strip(quote)
                reason = QUOTES if is_quoting else _reason(old, new, is_null=not array[index].is_valid)
                found.add(int(rows[at[index]]), path, int(starts[at[index]]), old, new, reason)
            column = _replaced(column, at, made)
        columns.append(column)
    return lines.records(columns, dialect)


def _rewritable(record: Record, direction: Direction) -> list[Field]:
    fields = record.fields_in(direction)
    return [one for one in fields if one.base != "filler" and not (one.origin and direction == "request")]


def _typed(values: Values, layout: Layout) -> tuple[pa.Array, Index]:
    """The column's values where they can be read and written, and the rows they are in. The others keep their bytes."""
    one, codec, is_delimited = values.field, values.codec, layout.file.kind == "delimited"
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
