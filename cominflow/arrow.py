"""Arrow: a column of a table as one array. Pure."""

from __future__ import annotations

import pyarrow as pa


def in_one_piece(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """The same values as one array: the piece itself where there is only one, else a copy.

    `ChunkedArray.combine_chunks` copies a single piece too: for a lookup table that is asked a hundred times, half of
    the time that looking up takes.
    """
    if isinstance(column, pa.Array):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
