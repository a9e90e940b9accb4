"""Table: a provider that looks requests up in a table, joined as a DataFrame.

    {"file": "/srv/dati/punteggi.csv", "key": {"codice_fiscale": "cf"}, "result": {"punteggio": "score"}}
    {"url": "postgresql://…", "sql": "select cf, score from scores", "key": …, "result": …}

`key` maps columns of the request to columns of the table, `result` maps result fields to columns of the table. Files
are CSV (`delimiter`, by default a comma; `encoding`, by default utf-8; all columns are text) or Parquet. SQL is asked
only for the keys of the portion. A request whose key is in the table is fulfilled, another is not_found; one without a
key is never found. Two rows with one key are refused: nobody could say which is right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from cominflow import quoting
from cominflow.arrow import in_one_piece
from cominflow.errors import WorldError
from cominflow.fulfilment import sql
from cominflow.fulfilment.keys import Keys

# pyarrow goes on with the line itself: "…, got 3: RSSMRA…".
_READER_SAID = re.compile(
    r"CSV parse error: (Row #\d+: )?Expected \d+ columns, got \d+|Empty CSV file|invalid UTF8 data|"
    r"Could not open Parquet input source|Parquet magic bytes not found in footer"
)

_SETTINGS = ("file", "delimiter", "encoding", "sql", "url", "key", "result")


class TableProvider:
    """Looks keys up in a file or a database."""

    def check(self, settings: Mapping[str, Any]) -> list[str]:
        """Problems in the settings; the table itself is not opened."""
        problems = [
            f"{key!r} is not a setting; there are {', '.join(_SETTINGS)}" for key in settings if key not in _SETTINGS
        ]
        if ("file" in settings) == ("sql" in settings):
            problems.append("give either 'file' (a .csv or .parquet file) or 'sql' with 'url'")
        if "file" in settings and Path(str(settings["file"])).suffix not in (".csv", ".parquet"):
            problems.append(f"'file' must end in .csv or .parquet, not {settings['file']!r}")
        if "sql" in settings and not str(settings.get("url", "")).startswith(sql.SCHEMES):
            problems.append(f"'sql' needs a 'url' that begins with {' or '.join(sql.SCHEMES)}")
        for name, example in (("key", '{"codice_fiscale": "cf"}'), ("result", '{"punteggio": "score"}')):
            value = settings.get(name)
            texts = isinstance(value, Mapping) and all(isinstance(v, str) and v for v in value.values())
            if not texts or (name == "key" and not value):
                problems.append(f"{name!r} must map names to columns of the table, as {example}")
        return problems

    def fulfil(self, requests: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
        """One row of the table for each request that has one. Raises WorldError naming the table."""
        key: Mapping[str, str] = settings["key"]
        result: Mapping[str, str] = settings["result"]
        wanted = {theirs: _text(requests, ours) for ours, theirs in key.items()}
        table, there = _table(settings, wanted, list(dict.fromkeys([*key.values(), *result.values()])))
        places = there.places(_joined(list(wanted.values())))
        found = pa.array(places, mask=places < 0)
        columns = {ours: pc.take(in_one_piece(table.column(theirs)), found) for ours, theirs in result.items()}
        frame = pd.DataFrame(
            {ours: pd.arrays.ArrowExtensionArray(column) for ours, column in columns.items()}, index=requests.index
        )
        words = np.full(len(places), "fulfilled", dtype=object)
        words[places < 0] = "not_found"
        frame.insert(0, "outcome", pd.Series(words, index=requests.index, dtype=object))  # or pandas copies them
        return frame


def _text(requests: pd.DataFrame, name: str) -> pa.Array:
    """A column of the requests as text: keys are compared as they are written."""
    if name not in requests.columns:
        raise WorldError(
            "look up", f"requests by {name!r}", f"they have only {', '.join(map(str, requests.columns))}",
            hint="correct 'key' in the service's provider settings",
        )  # fmt: skip
    return in_one_piece(pa.array(requests[name].array, from_pandas=True)).cast(pa.string())


def _table(settings: Mapping[str, Any], wanted: Mapping[str, pa.Array], columns: list[str]) -> tuple[pa.Table, Keys]:
    """(the table with at least these columns, its keys in the order of its rows)."""
    if "sql" in settings:
        first = next(iter(wanted))
        keys = pc.unique(wanted[first].drop_null()).to_pylist()
        table = sql.rows(settings["url"], settings["sql"], first, keys, columns)
        table = _trimmed(table, list(wanted))
        return table, _keys(f"the table of {sql.shown(settings['url'])}", table, list(wanted))
    path = Path(settings["file"])
    try:
        state = path.stat()
    except OSError as error:
        raise WorldError("read", str(path), error.strerror, retryable=True, hint="put the table there") from error
    reading = (str(settings.get("delimiter", ",")), str(settings.get("encoding", "utf-8")))
    return _file(path, (state.st_mtime_ns, state.st_size, state.st_ino), reading, tuple(wanted), tuple(columns))


# A large request file asks once per chunk: its table is read and its keys are hashed once, and again when the file
# has changed.
@lru_cache(maxsize=4)
def _file(
    path: Path, _state: tuple[int, int, int], reading: tuple[str, str], keys: tuple[str, ...], columns: tuple[str, ...]
) -> tuple[pa.Table, Keys]:
    delimiter, encoding = reading
    try:
        if path.suffix == ".parquet":
            table = pa.parquet.read_table(path)
        else:
            convert = pa.csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                include_columns=list(columns),
                null_values=[""],  # only an empty cell: NA is Napoli
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            )
            table = pa.csv.read_csv(
                path,
                read_options=pa.csv.ReadOptions(encoding=encoding),
                parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                convert_options=convert,
            )
    except KeyError as error:
        raise WorldError("read", str(path), error.args[0], hint="correct 'key' and 'result' in the settings") from error
    except (pa.ArrowException, OSError, UnicodeError, LookupError) as error:
        hint = "open the table with its own program and repair it"
        raise WorldError("read", str(path), _said(error), hint=hint) from error
    _require_columns(str(path), table, columns)
    # In one piece: a portion's results are taken from it, and pieces would be joined anew for each.
    table = _trimmed(table.select(list(columns)), list(keys)).combine_chunks()
    return table, _keys(str(path), table, keys)


def _said(error: Exception) -> str:
    """What is wrong with a file, in words of its reader that quote no line of it."""
    if type(error) is LookupError:
        return str(error)  # the name of an encoding, from the settings
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1} is not {error.encoding}"
    found = _READER_SAID.search(str(error))
    return found.group() if found else quoting.said(error)


def _trimmed(table: pa.Table, keys: list[str]) -> pa.Table:
    """Keys without the blanks that fixed-width columns (CHAR) are filled with."""
    for name in keys:
        column = table.column(name)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            trimmed = pc.utf8_rtrim(column.cast(pa.string()), " ")
            table = table.set_column(table.column_names.index(name), name, trimmed)
    return table


def _require_columns(name: str, table: pa.Table, columns: tuple[str, ...] | list[str]) -> None:
    missing = [column for column in columns if column not in table.column_names]
    if missing:
        raise WorldError(
            "use", name, f"it has no column {', '.join(missing)}, only {', '.join(table.column_names)}",
            hint="correct 'key' and 'result' in the service's provider settings",
        )  # fmt: skip


def _keys(name: str, table: pa.Table, keys: Sequence[str]) -> Keys:
    """The table's keys, ready to be looked up. Raises WorldError: a column lacks or is no text, or a key repeats."""
    _require_columns(name, table, list(keys))
    theirs = []
    for key in keys:
        column = in_one_piece(table.column(key))
        if pa.types.is_null(column.type):
            column = column.cast(pa.string())
        if not pa.types.is_string(column.type):
            raise WorldError(
                "use", name, f"its key column {key} is {column.type}, not text",
                hint="keys are compared as text: as a number, zeros in front would be lost; store or cast it as text",
            )  # fmt: skip
        theirs.append(column)
    found = Keys(_joined(theirs))
    if found.repeated:
        shown = ", ".join(_masked(value) for value in found.repeated[:3])
        raise WorldError(
            "use", name, f"{len(found.repeated)} keys ({', '.join(keys)}) stand in more than one row, such as {shown}",
            hint="remove the repeated rows: nobody can say which one answers a request",
        )  # fmt: skip
    return found


def _joined(columns: list[pa.Array]) -> pa.Array:
    """Several key columns as one, each part with its length before it, so that no two keys look alike."""
    if len(columns) == 1:
        return columns[0]
    parts: list[Any] = []
    for column in columns:
        parts += [pc.binary_length(column).cast(pa.string()), column]
    return pc.binary_join_element_wise(*parts, ":")


def _masked(key: str) -> str:
    """A key that a person can find again, without showing it: its first and last two characters."""
    return f"{key[:2]}{'*' * (len(key) - 4)}{key[-2:]}" if len(key) > 6 else "*" * len(key)
