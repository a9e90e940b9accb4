"""Convert: the values of a file as CSV or Parquet (one record type) or as JSON lines (every record, in its order).

`convert.back` makes a file of them again.

Amounts are exact decimals with a point, days are 2026-01-31, what is empty or unreadable has no value. JSON has
amounts as text, because most readers of JSON make floats of its numbers. A record that is wrong says so and brings
its own bytes, so that nothing is lost on the way. Sensitive fields are written as they are: the result is data.
"""

from __future__ import annotations

import json
from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.csv

from tracciati.limits import CONVERTED_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracciati.layout import Direction, Layout, Record
    from tracciati.reading import Block


# The first column of a CSV or Parquet: which record of the file it was.
NUMBER = "record_number"


def record_names(layout: Layout, direction: Direction) -> tuple[str, ...]:
    """The record types that files of that direction have."""
    return tuple(record.name for record in layout.records if record.is_in(direction))


def to_csv(blocks: Iterable[Block], sink: BinaryIO, record: Record, direction: Direction) -> None:
    """Write all records of one type, with a header row of field names, as UTF-8 CSV with commas.

    blocks  a Reading that was not iterated yet; its report is there afterwards
    sink    any binary stream

    The column `record_number` counts from 1 over the whole file.
    """
    writer: Any = None
    for block in blocks:
        table = block.tables.get(record.name)
        if table is None:
            continue
        numbers = pa.array(table.rows.astype("int64") + block.first_record + 1)
        columns = pa.table({NUMBER: numbers, **table.columns})
        if writer is None:
            writer = pyarrow.csv.CSVWriter(sink, columns.schema, write_options=_options())
        writer.write_table(columns)
    if writer is None:
        names = [field.name for field in record.fields_in(direction) if field.base != "filler"]
        sink.write((",".join(f'"{name}"' for name in [NUMBER, *names]) + "\n").encode())
    else:
        writer.close()


def _options() -> Any:
    return pyarrow.csv.WriteOptions(include_header=True, quoting_style="needed")


def to_parquet(
    blocks: Iterable[Block], sink: BinaryIO, layout: Layout, record: Record, direction: Direction, *, source: str
) -> None:
    """Write all records of one type as Parquet: amounts as decimals, days as date32, times as time32 in seconds.

    blocks  a Reading that was not iterated yet; its report is there afterwards
    sink    any binary stream
    source  how the file's metadata name what was read

    The column `record_number` counts from 1 over the whole file. The same records give the same bytes. The schema's
    metadata say the layout, its fingerprint, the record type, the direction and the source.
    """
    from pyarrow.parquet import ParquetWriter

    from tracciati.reading.columns import arrow_type

    fields = [field for field in record.fields_in(direction) if field.base != "filler"]
    told = {
        "tracciati.layout": f"{layout.id}@{layout.version}",
        "tracciati.fingerprint": layout.fingerprint,
        "tracciati.record": record.name,
        "tracciati.direction": direction,
        "tracciati.source": source,
    }
    columns = [pa.field(NUMBER, pa.int64()), *(pa.field(field.name, arrow_type(field)) for field in fields)]
    schema = pa.schema(columns, metadata=told)
    with ParquetWriter(sink, schema, compression="zstd") as writer:
        waiting: list[pa.Table] = []
        for block in blocks:
            table = block.tables.get(record.name)
            if table is None:
                continue
            numbers = pa.array(table.rows.astype("int64") + block.first_record + 1)
            waiting.append(pa.table({NUMBER: numbers, **table.columns}).select(schema.names).cast(schema))
            if sum(one.nbytes for one in waiting) >= CONVERTED_BYTES:
                writer.write_table(pa.concat_tables(waiting).combine_chunks())
                waiting = []
        if waiting:
            writer.write_table(pa.concat_tables(waiting).combine_chunks())


def to_json_lines(blocks: Iterable[Block], sink: BinaryIO, layout: Layout, *, only: str = "") -> None:
    """Write one JSON object per record, in the file's order.

    blocks  a Reading that was not iterated yet; its report is there afterwards
    only    name of the record type that is wanted; "" for all

    Each has `number` (from 1), `record` (null when its type is unknown), `values`, and, where the record is wrong,
    `"bad": true` with `raw`: its bytes, one character per byte where the encoding fails.
    """
    codec = layout.file.codec
    for block in blocks:
        lines: list[str] = [""] * len(block.starts)
        for name, table in block.tables.items():
            names = list(table.columns)
            columns = [column.to_pylist() for column in table.columns.values()]
            for row, *values in zip(table.rows.tolist(), *columns, strict=True):
                lines[row] = _line(block, row, name, dict(zip(names, values, strict=True)), codec)
        for row, line in enumerate(lines):
            if not line:
                lines[row] = _line(block, row, None, {}, codec)
        if only:
            wanted = block.types == layout.by_name[only].index
            lines = [lines[row] for row in wanted.nonzero()[0].tolist()]
        if lines:
            sink.write(("\n".join(lines) + "\n").encode())


def _line(block: Block, row: int, name: str | None, values: dict[str, Any], codec: str) -> str:
    told: dict[str, Any] = {"number": block.first_record + row + 1, "record": name, "values": values}
    if name is None or bool(block.bad[row]):
        told |= {"bad": True, "raw": text_of(content(block, row), codec)}
    return json.dumps(told, default=_plain, ensure_ascii=False)


def content(block: Block, row: int) -> bytes:
    """A record's bytes without its separator."""
    start = int(block.starts[row])
    raw: bytes = block.buffer[start : start + int(block.lengths[row])].tobytes()
    return raw


def text_of(raw: bytes, codec: str) -> str:
    """Bytes as text: in the file's encoding, or one character per byte where that fails."""
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _plain(value: object) -> str:
    if isinstance(value, date | time):
        return value.isoformat()
    assert isinstance(value, Decimal), type(value)
    return str(value)
