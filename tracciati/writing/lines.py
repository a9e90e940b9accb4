"""Lines: cells of delimited files put together, quoted where they must be. Whole columns at a time, by Arrow."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tracciati.framing.delimited import CellFrame
from tracciati.layout import Dialect
from tracciati.values.cells import Bytes, Flags
from tracciati.values.strings import data_of


def must_be_quoted(cells: pa.StringArray, dialect: Dialect) -> Flags | None:
    """Which cells hold a delimiter, a quote or a line break: bool (n,), None when none does."""
    data = data_of(cells)
    found: Flags | None = None
    for character in (dialect.delimiter, dialect.quote, "\n", "\r"):
        if character and (data == ord(character)).any():
            here = np.asarray(pc.fill_null(pc.match_substring(cells, character), False))
            found = here if found is None else found | here
    return found


def quoted(cells: pa.StringArray, dialect: Dialect, *, kept: Flags | None = None) -> pa.StringArray:
    """Cells as they stand in a line: nulls empty, quotes around what needs them and around the rows in `kept`."""
    cells = pc.fill_null(cells, "")
    needed = must_be_quoted(cells, dialect)
    if kept is not None and kept.any():
        needed = kept if needed is None else needed | kept
    if needed is None:
        return cells
    assert dialect.quote, "without a quote such values do not fit, and were refused"
    quote = pa.scalar(dialect.quote, pa.string())
    doubled = pc.replace_substring(cells, dialect.quote, dialect.quote * 2)
    return pc.if_else(pa.array(needed), pc.binary_join_element_wise(quote, doubled, quote, ""), cells)


def records(columns: list[pa.StringArray], dialect: Dialect) -> pa.StringArray:
    """The records of a block without their separators. columns: cells as `quoted` makes them, one array per column."""
    if len(columns) == 1 and dialect.quote:
        # A line of one empty cell would be an empty line, which is no record.
        columns = [pc.if_else(pc.equal(columns[0], ""), dialect.quote * 2, columns[0])]
    return pc.binary_join_element_wise(*columns, pa.scalar(dialect.delimiter, pa.string()))


def ended(texts: pa.StringArray, separator: bytes | pa.StringArray) -> Bytes:
    """Records, each with the separator, or its own one, behind it: uint8."""
    if isinstance(separator, bytes):
        separator = pa.scalar(separator.decode("ascii"), pa.string())
    return data_of(pc.binary_join_element_wise(texts, separator, ""))


def slices(buffer: Bytes, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> pa.StringArray:
    """Pieces of the buffer, in rising order and apart from each other, as strings."""
    count = len(starts)
    if not count:
        return pa.array([], pa.string())
    # Every other string of this array is a gap between two pieces.
    offsets = np.stack((starts, stops), axis=1).astype(np.int32).ravel()
    both = pa.StringArray.from_buffers(2 * count - 1, pa.py_buffer(offsets), pa.py_buffer(buffer))
    return both.take(pa.array(np.arange(0, 2 * count, 2)))


def raw_cells(frame: CellFrame, rows: NDArray[np.int64], first: int, last: int, quote: str) -> pa.StringArray:
    """Cells `first` to `last` of the rows as they came, quotes and delimiters between them included."""
    starts = frame.cell_starts[frame.first_cells[rows] + first]
    stops = frame.cell_stops[frame.first_cells[rows] + last]
    before, after = are_quoted(frame, rows, first, quote), are_quoted(frame, rows, last, quote)
    starts = starts if before is None else starts - before
    stops = stops if after is None else stops + after
    return slices(frame.buffer, starts, stops)


def are_quoted(frame: CellFrame, rows: NDArray[np.int64], place: int | None, quote: str) -> Flags | None:
    """Which cells of a column have quotes around them: the spans leave them out, so that one stands just before."""
    if place is None or not quote:
        return None
    starts = frame.cell_starts[frame.first_cells[rows] + place]
    flags: Flags = (starts > frame.starts[rows]) & (frame.buffer[np.maximum(starts - 1, 0)] == ord(quote))
    return flags
