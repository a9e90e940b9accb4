"""Cells: one request or one result as a small payload, each value with its type.

    {"importo": ["d11.2", "12.50"], "codice": ["s", "00712"], "data": ["t", "2026-03-01"], "conto": ["i", 7]}

A null keeps its type (`["i", null]`), so that columns made of cells have the types they were made from. Pure.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from cominflow.exchange import payload
from cominflow.exchange.stored import columns

_LENGTH = struct.Struct(">I")
_TYPES = {"s": pa.string(), "i": pa.int64(), "b": pa.bool_(), "t": pa.date32()}


def rows_of(table: pa.Table, rows_count: int) -> list[dict[str, list[Any]]]:
    """Each row of a table as typed cells, ready for JSON."""
    named = [(name, _tag(table.schema.field(name).type), table.column(name).to_pylist()) for name in table.column_names]
    return [{name: [tag, _plain(values[i])] for name, tag, values in named} for i in range(rows_count)]


def table_of(rows: Sequence[dict[str, list[Any]]]) -> pa.Table:
    """The table whose rows these are. A cell that a row lacks is null; differing types are widened."""
    types: dict[str, pa.DataType] = {}
    for row in rows:
        for name, (tag, _) in row.items():
            types[name] = columns.widest(types[name], _type(tag)) if name in types else _type(tag)
    arrays: dict[str, pa.Array] = {}
    for name, column_type in types.items():
        values = [_value(row[name], column_type) if name in row else None for row in rows]
        arrays[name] = pa.array(values, column_type)
    return pa.table(arrays)


def seal_result(row: dict[str, list[Any]]) -> bytes | None:
    """One result as a payload; None for a result without fields."""
    return payload.seal(_json(row)) if row else None


def open_result(blob: bytes | memoryview | None) -> dict[str, list[Any]]:
    """What `seal_result` was given."""
    if blob is None:
        return {}
    row: dict[str, list[Any]] = json.loads(bytes(payload.open(blob)))
    return row


def seal_request(head: dict[str, Any], raw: bytes) -> bytes:
    """One request as a payload: a head that JSON can say, then the raw bytes."""
    text = _json(head)
    return payload.seal(_LENGTH.pack(len(text)) + text + raw)


def open_request(blob: bytes | memoryview) -> tuple[dict[str, Any], bytes]:
    """What `seal_request` was given."""
    view = payload.open(blob)
    stop = _LENGTH.size + _LENGTH.unpack(view[: _LENGTH.size])[0]
    return json.loads(bytes(view[_LENGTH.size : stop])), bytes(view[stop:])


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _tag(column_type: pa.DataType) -> str:
    if pa.types.is_decimal128(column_type):
        return f"d{column_type.precision}.{column_type.scale}"
    return next(tag for tag, known in _TYPES.items() if known == column_type)


def _type(tag: str) -> pa.DataType:
    if tag.startswith("d"):
        precision, _, scale = tag[1:].partition(".")
        return pa.decimal128(int(precision), int(scale))
    return _TYPES[tag]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else value


def _value(cell: list[Any], column_type: pa.DataType) -> Any:
    """The Python value that `column_type` wants; text takes the value as Arrow itself would write it."""
    tag, value = cell
    if value is None:
        return None
    if pa.types.is_string(column_type):
        return str(value).lower() if tag == "b" else str(value)
    if pa.types.is_decimal128(column_type):
        return Decimal(value)
    return date.fromisoformat(value) if tag == "t" else value
