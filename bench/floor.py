"""The floor under `bench/end_to_end.py`: the least that could be sold as the same, as a fair expert would write it.

    python bench/floor.py REQUESTS.txt SCORES.csv FOLDER [POSTGRESQL-URL]
    python bench/floor.py --pandas REQUESTS.txt

numpy cuts the records of the banca-demo layout, 10,000 at a time; each chunk's raw bytes and the columns that the
provider needs go into the database as a compressed Arrow blob, then its results as another, one transaction each; the
scores are joined by their key; answer and invoice file are written and made durable. Nothing is checked, nothing is
charged beyond a price per record, no state is kept, nothing goes on after a crash.
Prints the seconds it took, the start of Python and the imports left out.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

CHUNK, RECORD = 10_000, 202
COLUMNS = {"riferimento": (9, 21), "servizio": (21, 25), "codice_fiscale": (25, 41)}
WIDTHS = [2, 7, 12, 4, 16, 11, 2, 6, 140]
PRICES = {b"VIS1": 350, b"VIS2": 590}

Bytes = NDArray[np.uint8]


class Sqlite:
    """One commit per blob, each on the disk before the next."""

    def __init__(self, folder: Path) -> None:
        self._connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
        for pragma in ("page_size=16384", "journal_mode=WAL", "synchronous=FULL"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("CREATE TABLE chunk (ordinal INTEGER, kind TEXT, payload BLOB)")

    def put(self, ordinal: int, kind: str, blob: Any) -> None:
        self._connection.execute("INSERT INTO chunk VALUES (?, ?, ?)", (ordinal, kind, blob))


class Postgresql:
    """The same on PostgreSQL."""

    def __init__(self, url: str) -> None:
        import psycopg

        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute("DROP TABLE IF EXISTS floor_chunk")
        self._connection.execute("CREATE TABLE floor_chunk (ordinal INTEGER, kind TEXT, payload BYTEA)")

    def put(self, ordinal: int, kind: str, blob: Any) -> None:
        self._connection.execute(
            "INSERT INTO floor_chunk VALUES (%s, %s, %b)", (ordinal, kind, memoryview(blob)), binary=True
        )


def answer(requests: Path, scores: Path, folder: Path, database: Sqlite | Postgresql) -> None:
    """From the request file to the answer and the invoice file."""
    table = pyarrow.csv.read_csv(
        scores,
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={"codice_fiscale": pa.string(), "punteggio": pa.string()},
            include_columns=["codice_fiscale", "punteggio"],
        ),
    )
    keys = pd.Index(table.column("codice_fiscale").to_pylist(), dtype=object)
    values = _cells(table.column("punteggio").combine_chunks(), 6)
    data = np.memmap(requests, np.uint8, "r")
    count = len(data) // RECORD - 2
    records = data[RECORD : RECORD * (count + 1)].reshape(count, RECORD)
    invoiced = 0
    with (folder / "answer").open("wb") as out, (folder / "invoice").open("wb") as invoice:
        out.write(data[:RECORD].tobytes())
        invoice.write(data[:RECORD].tobytes())
        for ordinal, first in enumerate(range(0, count, CHUNK)):
            block = np.array(records[first : first + CHUNK])
            columns = {name: _texts(block[:, start:stop]) for name, (start, stop) in COLUMNS.items()}
            raw = pa.array([block.tobytes()], pa.large_binary())
            database.put(ordinal, "request", _blob({"raw": raw}))
            database.put(ordinal, "columns", _blob(columns))
            places = keys.get_indexer(columns["codice_fiscale"].to_pylist())
            found = places >= 0
            block[:, 52:54] = np.where(found[:, None], *(np.frombuffer(code, np.uint8) for code in (b"00", b"10")))
            block[found, 54:60] = values[places[found]]
            database.put(ordinal, "result", _blob({"place": pa.array(places)}))
            out.write(block.tobytes())
            invoiced += _invoice(invoice, block[found])
        tail = data[RECORD * (count + 1) :].tobytes()
        out.write(tail)
        invoice.write(tail[:2] + f"{count:07d}{invoiced:015d}".encode() + tail[24:])
        for file in (out, invoice):
            file.flush()
            os.fsync(file.fileno())


def _invoice(sink: Any, charged: Bytes) -> int:
    """One record per charged request: number, reference, net, VAT. Returns the net in cents."""
    lines = np.full((len(charged), RECORD), ord(" "), np.uint8)
    lines[:, :2] = np.frombuffer(b"80", np.uint8)
    lines[:, 2:10] = np.frombuffer(b"A/2026/1", np.uint8)
    lines[:, 22:34] = charged[:, 9:21]
    net = np.where(charged[:, 24] == ord("1"), PRICES[b"VIS1"], PRICES[b"VIS2"]).astype(np.int64)
    for start, cents in ((34, net), (45, net * 22 // 100)):
        lines[:, start : start + 11] = cents[:, None] // 10 ** np.arange(10, -1, -1) % 10 + ord("0")
    lines[:, 200:] = np.frombuffer(b"\r\n", np.uint8)
    sink.write(lines.tobytes())
    return int(net.sum())


def _texts(cells: Bytes) -> pa.Array:
    """Cells of one width as Arrow texts, without a Python object."""
    count, width = cells.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32)
    return pa.Array.from_buffers(
        pa.string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(cells))]
    )


def _cells(texts: pa.Array, width: int) -> Bytes:
    padded = pc.utf8_lpad(texts, width, "0")
    return np.frombuffer(padded.buffers()[2], np.uint8)[: len(padded) * width].reshape(-1, width)


def _blob(columns: dict[str, pa.Array]) -> memoryview:
    sink = pa.BufferOutputStream()
    table = pa.table(columns)
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
        stream.write_table(table)
    return memoryview(sink.getvalue())


def read_with_pandas(requests: Path) -> None:
    """What the named peer needs merely to read the records: told the widths, everything as text."""
    pd.read_fwf(requests, widths=WIDTHS, header=None, dtype=str, skiprows=1, skipfooter=0, encoding="iso8859-1")


def main() -> None:
    """Do it and print the seconds."""
    if sys.argv[1] == "--pandas":
        began = time.perf_counter()
        read_with_pandas(Path(sys.argv[2]))
    else:
        requests, scores, folder = map(Path, sys.argv[1:4])
        folder.mkdir()
        began = time.perf_counter()
        database = Postgresql(sys.argv[4]) if len(sys.argv) > 4 else Sqlite(folder)
        answer(requests, scores, folder, database)
    print(f"{time.process_time():.3f} s of processor time", file=sys.stderr)
    print(f"{time.perf_counter() - began:.3f}")


if __name__ == "__main__":
    main()
