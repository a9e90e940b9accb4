"""Portions: the units of a read block as requests to be stored, with the columns that providers ask for.

A request is one record or one group of records. Its columns are named `field` when it is one record, and
`record.field` when it is a group; of a record that occurs several times in a group the first counts.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cominflow.arrow import in_one_piece
from cominflow.exchange.feed import Feed
from cominflow.exchange.requests import Incoming
from tracciati.layout import Field, Layout
from tracciati.reading import Block


def of_block(block: Block, layout: Layout, feed: Feed) -> Incoming | None:
    """The good units of a block, in file order, as requests to store; None when the block has none."""
    good = np.flatnonzero(~block.unit_bad)
    if not len(good):
        return None
    units = block.units[good]
    columns = _columns(block, layout, feed.request.unit, units)
    raw, offsets = _raw(block, units)
    return Incoming(
        references=_text(columns, feed.request.reference, feed, len(good)),
        services=_text(columns, feed.request.service, feed, len(good))
        if feed.request.service
        else pa.array([feed.service] * len(good), pa.string()),
        subjects=_text(columns, feed.request.subject, feed, len(good))
        if feed.request.subject
        else pa.nulls(len(good), pa.string()),
        raw=raw,
        offsets=offsets,
        columns=columns,
    )


def concatenate(parts: list[Incoming]) -> Incoming:
    """Several portions as one."""
    starts = np.cumsum([0] + [len(part.raw) for part in parts])
    offsets = np.concatenate(
        [part.offsets[:-1] + start for part, start in zip(parts, starts, strict=False)] + [starts[-1:]]
    )
    return Incoming(
        references=pa.concat_arrays([part.references for part in parts]),
        services=pa.concat_arrays([part.services for part in parts]),
        subjects=pa.concat_arrays([part.subjects for part in parts]),
        raw=b"".join(part.raw for part in parts),
        offsets=offsets.astype(np.int64),
        columns=pa.concat_tables([part.columns for part in parts]).combine_chunks(),
    )


def cut(incoming: Incoming, first: int, stop: int) -> Incoming:
    """Requests first..stop of a portion."""
    start, end = int(incoming.offsets[first]), int(incoming.offsets[stop])
    return Incoming(
        references=incoming.references[first:stop],
        services=incoming.services[first:stop],
        subjects=incoming.subjects[first:stop],
        raw=incoming.raw[start:end],
        offsets=incoming.offsets[first : stop + 1] - start,
        columns=incoming.columns.slice(first, stop - first),
    )


def in_sizes(blocks: Iterator[Incoming], size: int) -> Iterator[Incoming]:
    """The same requests in portions of `size` (the last one smaller)."""
    waiting: list[Incoming] = []
    count = 0
    for incoming in blocks:
        waiting.append(incoming)
        count += len(incoming)
        while count >= size:
            whole = concatenate(waiting) if len(waiting) > 1 else waiting[0]
            yield cut(whole, 0, size)
            waiting = [cut(whole, size, count)] if count > size else []
            count -= size
    if count:
        yield concatenate(waiting) if len(waiting) > 1 else waiting[0]


def outside_units(block: Block) -> list[tuple[int, int]]:
    """Ranges [first, stop) of the block's records that belong to no unit, in file order."""
    edges = [0, *block.units.ravel().tolist(), len(block.starts)]
    return [(first, stop) for first, stop in zip(edges[::2], edges[1::2], strict=True) if first < stop]


def columns_of(layout: Layout, unit: str) -> Iterator[tuple[str, str, Field]]:
    """(name, record, field) of each column that a request has and a provider sees, in file order."""
    is_record = unit in layout.by_name
    for record in [unit] if is_record else layout.records_of_group(unit):
        for field in layout.by_name[record].fields_in("request"):
            if field.base != "filler" and not field.origin:
                yield (field.name if is_record else f"{record}.{field.name}"), record, field


def _raw(block: Block, units: NDArray[np.int64]) -> tuple[bytes, NDArray[np.int64]]:
    """The bytes of these units, and where each begins. Neighbours are copied in one piece."""
    starts = block.starts[units[:, 0]].astype(np.int64)
    ends = block.ends[units[:, 1] - 1].astype(np.int64)
    offsets = np.concatenate(([0], np.cumsum(ends - starts))).astype(np.int64)
    breaks = np.flatnonzero(starts[1:] != ends[:-1]) + 1
    firsts = np.concatenate(([0], breaks))
    lasts = np.concatenate((breaks, [len(starts)])) - 1
    buffer = block.buffer
    return b"".join(buffer[starts[f] : ends[z]].tobytes() for f, z in zip(firsts, lasts, strict=True)), offsets


def _columns(block: Block, layout: Layout, unit: str, units: NDArray[np.int64]) -> pa.Table:
    """One row per unit."""
    places = {name: _row_of_unit(table.rows, units) for name, table in block.tables.items()}
    arrays: dict[str, pa.Array] = {}
    for key, record, field in columns_of(layout, unit):
        if record in places:
            # What has no stored type of its own (a time of day) is carried as text, as 12:30:00.
            arrays[key] = pc.take(block.tables[record].columns[field.name], places[record]).cast(type_of(field))
        else:
            arrays[key] = pa.nulls(len(units), type_of(field))
    return pa.table(arrays)


def type_of(field: Field) -> pa.DataType:
    """The type that a field's column has where a provider sees it."""
    return _TYPES[field.base](field) if field.base in _TYPES else pa.string()


_TYPES = {
    "integer": lambda field: pa.int64(),
    "decimal": lambda field: pa.decimal128(max(field.digits, 1), field.scale),
    "packed": lambda field: pa.decimal128(field.digits, field.scale) if field.scale else pa.int64(),
    "binary": lambda field: pa.decimal128(field.digits, field.scale) if field.scale else pa.int64(),
    "date": lambda field: pa.date32(),
    "boolean": lambda field: pa.bool_(),
}


def _row_of_unit(rows: NDArray[np.int32], units: NDArray[np.int64]) -> pa.Array:
    """For each unit the index (into `rows`) of its first record of that type; null where it has none."""
    index = np.searchsorted(rows, units[:, 0])
    inside = index < len(rows)
    inside[inside] = rows[index[inside]] < units[inside, 1]
    return pa.array(index, pa.int64(), mask=~inside)


def _text(columns: pa.Table, path: str, feed: Feed, count: int) -> pa.Array:
    """The column that `record.field` names, as text; null becomes the empty text."""
    name = path if path in columns.column_names else path.partition(".")[2]
    column = in_one_piece(columns.column(name))
    array = column.cast(pa.string()) if not pa.types.is_string(column.type) else column
    assert len(array) == count
    return pc.fill_null(array, "")
