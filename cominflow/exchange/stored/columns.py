"""Columns: Arrow tables of a portion laid over one another without losing a value.

Stored columns have one of five types: string, int64, bool, decimal128, date32. Where two answers of one portion give
a column different types (two services, two providers), the column becomes text, which holds every value exactly. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cominflow.arrow import in_one_piece


def is_storable(column_type: pa.DataType) -> bool:
    """Is it one of the five types?"""
    return bool(
        pa.types.is_string(column_type)
        or pa.types.is_int64(column_type)
        or pa.types.is_boolean(column_type)
        or pa.types.is_decimal128(column_type)
        or pa.types.is_date32(column_type)
    )


def storable(table: pa.Table, rows_count: int) -> pa.Table:
    """The table in stored types, beside `rows_count` requests: other sizes of text and integers are brought to ours."""
    assert table.num_columns == 0 or table.num_rows == rows_count, f"{table.num_rows} rows for {rows_count} requests"
    assert len(set(table.column_names)) == table.num_columns, f"a column name stands twice: {table.column_names}"
    return pa.table({field.name: _storable(field, table.column(field.name)) for field in table.schema})


def widest(first: pa.DataType, second: pa.DataType) -> pa.DataType:
    """The type for values of both: their own, decimals of one scale at the larger precision, else text.

    A value's text is the same whatever way it came to it: an integer that first became a decimal would not be.

    >>> str(widest(pa.decimal128(5, 2), pa.decimal128(9, 2))), str(widest(pa.int64(), pa.decimal128(9, 2)))
    ('decimal128(9, 2)', 'string')
    """
    if first == second:
        return first
    if pa.types.is_decimal128(first) and pa.types.is_decimal128(second) and first.scale == second.scale:
        return pa.decimal128(max(first.precision, second.precision), first.scale)
    return pa.string()


def one(table: pa.Table, name: str) -> pa.Array:
    """A column as one array."""
    return in_one_piece(table.column(name))


def lay_over(below: pa.Table, above: pa.Table, index: NDArray[np.int64], rows_count: int) -> pa.Table:
    """A table of `rows_count` rows: row `index[i]` is row i of `above`, whole; all others are as in `below`.

    A column that only one of the two has is null in the other's rows. Either may have no columns at all.
    """
    source = np.full(rows_count, -1, dtype=np.int64)
    source[index] = np.arange(len(index), dtype=np.int64)
    is_new = pa.array(source >= 0)
    take = pa.array(source, mask=source < 0)
    names = list(dict.fromkeys([*below.column_names, *above.column_names]))
    result: dict[str, pa.Array] = {}
    for name in names:
        found = [one(table, name) for table in (below, above) if name in table.column_names]
        column_type = widest(found[0].type, found[-1].type)
        nulls = pa.nulls(rows_count, column_type)
        old = _cast(found[0], column_type) if name in below.column_names else nulls
        new = pc.take(_cast(found[-1], column_type), take) if name in above.column_names else nulls
        result[name] = pc.if_else(is_new, new, old)
    return pa.table(result)


def stacked(tables: Sequence[pa.Table], rows_counts: Sequence[int]) -> pa.Table:
    """Tables of so many rows, one below the other. What one lacks is null there; types that differ are widened."""
    if len(tables) == 1:
        return tables[0]
    types: dict[str, pa.DataType] = {}
    for table in tables:
        for field in table.schema:
            types[field.name] = widest(types.get(field.name, field.type), field.type)
    return pa.table(
        {
            name: pa.concat_arrays(
                [
                    _cast(one(table, name), column_type) if name in table.column_names else pa.nulls(count, column_type)
                    for table, count in zip(tables, rows_counts, strict=True)
                ]
            )
            for name, column_type in types.items()
        }
    )


def take(table: pa.Table, index: NDArray[np.int64]) -> pa.Table:
    """The rows `index`, in that order. A table without columns stays one."""
    return table.take(pa.array(index)) if table.num_columns else table


def texts(column: pa.Array) -> NDArray[np.str_]:
    """A column of few different texts, none of them null, as a numpy array that compares fast."""
    if not len(column):
        return np.empty(0, dtype="U1")
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    words: NDArray[np.str_] = np.array(encoded.dictionary.to_pylist(), dtype=np.str_)
    return words[encoded.indices.to_numpy()]


def dictionary(words: NDArray[np.str_]) -> pa.DictionaryArray:
    """Few different texts as an Arrow column that names each once: what `texts` reads back."""
    places = np.full(len(words), -1, np.int16)
    known: list[str] = []
    while len(left := np.flatnonzero(places < 0)):
        known.append(str(words[left[0]]))
        places[words == known[-1]] = len(known) - 1
    narrow = places.astype(np.min_scalar_type(-max(len(known), 1)))
    return pa.DictionaryArray.from_arrays(pa.array(narrow), pa.array(known, pa.string()))


def _storable(field: pa.Field, column: pa.ChunkedArray) -> pa.ChunkedArray:
    if is_storable(field.type):
        return column
    if pa.types.is_large_string(field.type) or pa.types.is_null(field.type):
        return column.cast(pa.string())
    assert pa.types.is_integer(field.type), f"{field.name} is {field.type}: not text, integer, bool, decimal or date"
    return column.cast(pa.int64())


def _cast(column: pa.Array, column_type: pa.DataType) -> pa.Array:
    """The same values in a wider type."""
    if pa.types.is_decimal128(column.type) and pa.types.is_string(column_type):
        # Arrow would write 0.00000000 as 0E-8, which no field of a layout can take.
        values = [None if value is None else format(value, "f") for value in column.to_pylist()]
        return pa.array(values, column_type)
    return column.cast(column_type)
