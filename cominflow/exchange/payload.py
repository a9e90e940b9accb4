"""Payload: the one door through which raw records, references and results enter and leave the database.

Every blob passes `seal` on its way in and `open` on its way out, so that encryption at rest has one place to go.
The first byte says how a blob is sealed; today there is one way, in the clear.

    chunk     Arrow IPC streams of one batch, compressed: with zstd what the requests say, with lz4 their answers, which
              are read three times in the minute after they were written
    request   a length, a JSON object, then the raw record (`exchange.cells`): 0.2 kB instead of 2.6 kB
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pyarrow as pa

from cominflow.errors import CominflowError

_CLEAR = b"\x01"
# Without Arrow's threads: to hand buffers of some kilobytes to another one takes as long as to compress them.
_WRITING = {name: pa.ipc.IpcWriteOptions(compression=name, use_threads=False) for name in ("zstd", "lz4")}
_READING = pa.ipc.IpcReadOptions(use_threads=False)


def seal(content: bytes) -> bytes:
    """The blob to store for `content`."""
    return _CLEAR + content


def open(blob: bytes | memoryview) -> memoryview:
    """What `seal` was given, without a copy. CominflowError when the blob is not one that `seal` made."""
    view = memoryview(blob)
    if bytes(view[:1]) != _CLEAR:
        raise CominflowError(
            f"a stored payload of {len(view)} bytes begins with {bytes(view[:1])!r}, not with a known seal",
            hint="was the database written by a newer release? Use that release, or restore the backup",
        )
    return view[1:]


def seal_table(table: pa.Table, *, codec: Literal["zstd", "lz4"] = "zstd") -> bytes:
    """A table as a sealed blob. The table has at least one column. lz4 takes twice the room and a third of the time."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=_WRITING[codec]) as stream:
        stream.write_table(table.combine_chunks())
    return seal(sink.getvalue().to_pybytes())


def names(blob: bytes | memoryview) -> list[str]:
    """The columns of the table that `seal_table` was given; nothing is decompressed."""
    found: list[str] = pa.ipc.open_stream(pa.py_buffer(open(blob))).schema.names
    return found


def open_table(blob: bytes | memoryview, *, only: Sequence[str] | None = None) -> pa.Table:
    """The table that `seal_table` was given. `only` names the columns wanted: others are not decompressed."""
    assert only is None or only, "no columns at all: Arrow would take that for all of them"
    source = pa.py_buffer(open(blob))
    if only is None:
        return pa.ipc.open_stream(source, options=_READING).read_all()
    schema = pa.ipc.open_stream(source).schema
    fields = [schema.get_field_index(name) for name in only]
    options = pa.ipc.IpcReadOptions(included_fields=fields, use_threads=False)
    return pa.ipc.open_stream(source, options=options).read_all()
