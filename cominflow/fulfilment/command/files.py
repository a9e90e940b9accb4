"""Files: what a program is given and what it gives back, as CSV or as lines of JSON.

A file that cannot be used is Unusable. Nothing of its contents stands in the message: they may name people.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from cominflow.errors import WorldError
from cominflow.fulfilment.matching import Row
from cominflow.fulfilment.outcomes import Unusable
from cominflow.limits import COMMAND_OUTPUT_BYTES_MAX

FORMATS = ("csv", "jsonl")


def write(path: Path, kind: str, id_name: str, names: Sequence[str], keys: Sequence[str], rows: Sequence[Row]) -> None:
    """Write the requests: their keys under `id_name`, and the columns `names`. WorldError when the disk refuses."""
    try:
        if kind == "jsonl":
            lines = (
                json.dumps({id_name: key, **row}, ensure_ascii=False) + "\n"
                for key, row in zip(keys, rows, strict=True)
            )
            with path.open("w", encoding="utf-8", newline="") as opened:
                opened.writelines(lines)
            return
        columns = {id_name: pa.array(keys, pa.string())}
        columns |= {name: pa.array([_text(row[name]) for row in rows], pa.string()) for name in names}
        pa.csv.write_csv(pa.table(columns), path)
    except OSError as cause:
        raise WorldError(
            "write", str(path), cause.strerror or cause, retryable=True, hint="free space on this file system"
        ) from cause


def read(path: Path, kind: str, id_name: str) -> list[tuple[str, dict[str, Any]]]:
    """The rows that the program wrote, each with its key. Raises Unusable."""
    content = _content(path)
    rows = _lines(content) if kind == "jsonl" else _table(content)
    found = []
    for number, row in enumerate(rows, start=1):
        key = row.get(id_name)
        if not isinstance(key, str):
            raise Unusable(f"row {number} of {path.name} has no {id_name!r} with the key of its request")
        found.append((key, row))
    return found


def _content(path: Path) -> bytes:
    try:
        # Not through a link, and not a pipe: the program may have put anything there.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Unusable("it ended well and wrote no file; see that it writes to {output}") from None
    except OSError as cause:
        raise Unusable(f"{path.name} cannot be opened ({cause.strerror}); it must be a plain file") from None
    with os.fdopen(descriptor, "rb") as opened:
        state = os.fstat(opened.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise Unusable(f"{path.name} is no plain file")
        if state.st_size > COMMAND_OUTPUT_BYTES_MAX:
            raise Unusable(f"{path.name} has {state.st_size} bytes, more than {COMMAND_OUTPUT_BYTES_MAX}")
        content = opened.read()
    if not content.strip():
        raise Unusable(f"{path.name} is empty")
    return content


def _table(content: bytes) -> list[dict[str, Any]]:
    try:
        # Every column is read as text, so that zeros in front stay; which there are must be known before.
        columns = pa.csv.open_csv(pa.BufferReader(content)).schema.names
        table = pa.csv.read_csv(
            pa.BufferReader(content),
            parse_options=pa.csv.ParseOptions(newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except (pa.ArrowException, ValueError, KeyError):  # its text would quote a row
        raise Unusable("it is no CSV in UTF-8 with a header and as many columns in each row") from None
    if len(set(table.column_names)) < len(table.column_names):
        raise Unusable("its header gives one name twice")
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _lines(content: bytes) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode("utf-8"), parse_float=Decimal, parse_constant=_refuse)
        except (ValueError, RecursionError):  # its text would quote the line
            raise Unusable(f"line {number} is no JSON in UTF-8") from None
        if not isinstance(row, dict):
            raise Unusable(f"line {number} is no JSON object")
        rows.append(row)
    return rows


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)
