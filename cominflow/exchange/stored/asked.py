"""Asked: what the requests of a portion say, opened only when somebody looks at it.

Settling needs services and outcomes, an invoice references, an answer the raw records: each part of a chunk's blob is
decompressed when it is first wanted, and the others not at all. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cominflow.exchange.stored import columns

# Names of the parts as they stand in a stored table; a field of the customer's stands under its name after the mark.
REFERENCE, SERVICE, SUBJECT, RAW = "reference", "service", "subject", "raw"
MARK = ":"

# The names of the stored table's columns, and the columns that are named.
Names = Callable[[], Sequence[str]]
Open = Callable[[Sequence[str]], pa.Table]


class Asked:
    """The parts of n requests, each as an array or table of n rows.

    names  gives the names of the stored table's columns
    open   gives the columns that are named
    index  int64 (n,): which rows of the stored table these requests are; None: all of them
    """

    def __init__(self, names: Names, open: Open, index: NDArray[np.int64] | None = None) -> None:
        self._names, self._open, self._index = names, open, index

    def take(self, index: NDArray[np.int64]) -> Asked:
        """The requests `index` of these."""
        return Asked(self._names, self._open, index if self._index is None else self._index[index])

    @cached_property
    def references(self) -> pa.StringArray:
        """The customer's own words for each request; empty where there is none."""
        return self._one(REFERENCE)

    @cached_property
    def services(self) -> pa.StringArray:
        """Service codes."""
        return self._one(SERVICE)

    @cached_property
    def subjects(self) -> pa.StringArray:
        """Whom each request is about (personal data)."""
        return self._one(SUBJECT)

    @cached_property
    def columns(self) -> pa.Table:
        """The fields that providers may ask for, under their own names."""
        names = [name for name in self._names() if name.startswith(MARK)]
        if not names:
            return pa.table({})
        table = self._open(names).rename_columns([name.removeprefix(MARK) for name in names])
        return table if self._index is None else columns.take(table, self._index)

    @cached_property
    def records(self) -> tuple[bytes, NDArray[np.int64]]:
        """(raw, offsets): the records of all requests, and int64 (n+1,) where each begins."""
        raw = columns.one(self._open([RAW]), RAW)
        offsets = np.frombuffer(raw.buffers()[1], dtype=np.int32)[: len(raw) + 1].astype(np.int64)
        content = bytes(memoryview(raw.buffers()[2])[: int(offsets[-1])]) if offsets[-1] else b""
        return (content, offsets) if self._index is None else _cut(content, offsets, self._index)

    def is_of(self, table: pa.Table) -> bool:
        """Are these exactly the parts of such a table (see `table_of`), all of it?"""
        return all(self._open([name]).equals(table.select([name])) for name in table.column_names)

    def _one(self, name: str) -> pa.Array:
        column = columns.one(self._open([name]), name)
        return column if self._index is None else column.take(pa.array(self._index))


def table_of(
    references: pa.Array, services: pa.Array, subjects: pa.Array, raw: bytes, offsets: NDArray[np.int64], rest: pa.Table
) -> pa.Table:
    """The table that `Asked` opens: the four parts, and the fields of `rest` under marked names."""
    bounds = pa.py_buffer(offsets.astype(np.int32))
    records = pa.BinaryArray.from_buffers(pa.binary(), len(references), [None, bounds, pa.py_buffer(raw)])
    ours = {REFERENCE: references, SERVICE: services, SUBJECT: subjects, RAW: records}
    return pa.table(ours | marked(rest))


def marked(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Columns that are not ours, under marked names."""
    return {MARK + name: table.column(name) for name in table.column_names}


def _cut(raw: bytes, offsets: NDArray[np.int64], index: NDArray[np.int64]) -> tuple[bytes, NDArray[np.int64]]:
    """The bytes of the pieces `index`, one after the other; neighbours are copied together."""
    if not len(index):
        return b"", np.zeros(1, dtype=np.int64)
    starts, stops = offsets[index], offsets[index + 1]
    new_offsets = np.concatenate(([0], np.cumsum(stops - starts))).astype(np.int64)
    first = np.concatenate(([True], starts[1:] != stops[:-1]))
    last = np.concatenate((first[1:], [True]))
    view = memoryview(raw)
    runs = zip(starts[first].tolist(), stops[last].tolist(), strict=True)
    return b"".join(view[start:stop] for start, stop in runs), new_offsets
