"""Payloads: what is sealed is opened again, in one request's form and in a chunk's, whatever it holds."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cominflow.errors import CominflowError
from cominflow.exchange import payload
from cominflow.exchange.stored import cells, columns

CELLS = {
    pa.string(): st.text(max_size=20),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.bool_(): st.booleans(),
    pa.decimal128(12, 3): st.decimals("-999999999.999", "999999999.999", places=3),
    pa.decimal128(20, 8): st.decimals("-1", "1", places=8),
    pa.date32(): st.dates(),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """A table of stored types with nulls, 1 to 5 rows."""
    count = draw(st.integers(1, 5))
    names = draw(st.lists(st.text(max_size=8), unique=True, min_size=1, max_size=4))
    arrays = {}
    for name in names:
        kind = draw(st.sampled_from(list(CELLS)))
        values = st.lists(st.one_of(st.none(), CELLS[kind]), min_size=count, max_size=count)
        arrays[name] = pa.array(draw(values), kind)
    return pa.table(arrays)


@given(tables())
def test_a_table_comes_back_from_a_chunk_and_from_rows(table: pa.Table) -> None:
    assert payload.open_table(payload.seal_table(table)).equals(table)
    blobs = [cells.seal_result(row) for row in cells.rows_of(table, table.num_rows)]
    assert cells.table_of([cells.open_result(blob) for blob in blobs]).equals(table)


@given(tables(), st.binary(max_size=50))
def test_one_request_comes_back_with_its_raw_bytes(table: pa.Table, raw: bytes) -> None:
    head = {"reference": "RIF", "columns": cells.rows_of(table, table.num_rows)[0]}
    assert cells.open_request(cells.seal_request(head, raw)) == (head, raw)


@given(tables(), tables(), st.data())
def test_a_row_laid_over_a_table_replaces_it_whole_and_leaves_the_others(
    below: pa.Table, above: pa.Table, data: st.DataObject
) -> None:
    import numpy as np

    count = below.num_rows
    index = data.draw(st.permutations(range(count)))[: above.num_rows]
    above = above.slice(0, len(index))
    result = columns.lay_over(below, above, np.array(index, np.int64), count).to_pylist()

    def text(value: object, table: pa.Table, name: str) -> object:
        """As text where the two tables differ in type."""
        both = name in below.column_names and name in above.column_names
        if value is None or not both or below.schema.field(name).type == above.schema.field(name).type:
            return value
        if isinstance(value, bool):
            return str(value).lower()
        return format(value, "f") if pa.types.is_decimal(table.schema.field(name).type) else str(value)

    for place in range(count):
        table, row = (above, index.index(place)) if place in index else (below, place)
        expected = {name: text(value, table, name) for name, value in table.slice(row, 1).to_pylist()[0].items()}
        assert {name: value for name, value in result[place].items() if value is not None} == {
            name: value for name, value in expected.items() if value is not None
        }


def test_only_the_columns_asked_for_are_opened() -> None:
    table = pa.table({"a": [1, 2], "b": ["x", "y"], "c": [None, "z"]})
    assert payload.open_table(payload.seal_table(table), only=["c", "a"]).to_pydict() == {"a": [1, 2], "c": [None, "z"]}


@pytest.mark.parametrize("blob", [b"", b"\x02x", memoryview(b"\xff")])
def test_a_blob_with_another_seal_is_refused(blob: bytes) -> None:
    with pytest.raises(CominflowError, match="not with a known seal"):
        payload.open(blob)
