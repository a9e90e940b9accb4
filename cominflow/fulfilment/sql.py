"""SQL: rows of somebody's database, read and never written, for the keys of one portion.

The settings' own query stands in a subquery: an index on the key serves it, and a large table is not read whole.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pyarrow as pa

from cominflow import quoting
from cominflow.errors import WorldError

SCHEMES = ("sqlite:///", "postgresql://")

# Keys per query: SQLite takes 32,766 variables.
_KEYS_PER_QUERY = 10_000
_CONNECT_S_MAX = 10


def rows(url: str, query: str, key: str, keys: Sequence[str], columns: Sequence[str]) -> pa.Table:
    """The rows of `query` whose column `key` is one of `keys`, as a table with all columns that the query gives.

    Raises WorldError naming the database, without its password; `retryable` when it cannot be reached.
    """
    found: list[tuple[Any, ...]] = []
    names: list[str] = []
    text = query.strip().rstrip(";")
    quoted = '"' + key.replace('"', '""') + '"'
    try:
        with closing(_connected(url)) as connection:
            # At least one query, so that a portion without any key still proves that the table can be read.
            for start in range(0, max(len(keys), 1), _KEYS_PER_QUERY):
                some = list(keys[start : start + _KEYS_PER_QUERY])
                cursor = connection.cursor()
                if isinstance(connection, psycopg.Connection):
                    cursor.execute(
                        f"select * from ({text.replace('%', '%%')}) as given where {quoted} = any(%s)", [some]
                    )
                else:
                    marks = ",".join("?" * len(some))
                    cursor.execute(f"select * from ({text}) as given where {quoted} in ({marks})", some)
                names = [str(column[0]) for column in cursor.description or ()]
                found += cursor.fetchall()
    except (sqlite3.Error, psycopg.Error) as error:
        away = isinstance(error, sqlite3.OperationalError | psycopg.OperationalError)
        hint = f"run the query by hand: {text[:200]}; the key column {key} must be text"
        raise WorldError("query", shown(url), quoting.said(error), retryable=away, hint=hint) from error
    missing = [name for name in columns if name not in names]
    if missing:
        what = f"the query gives no column {', '.join(missing)}, only {', '.join(names)}"
        raise WorldError("query", shown(url), what, hint="correct 'key', 'result' or 'sql' in the settings")
    return pa.table({name: _column(url, name, [row[names.index(name)] for row in found]) for name in columns})


def shown(url: str) -> str:
    """A database's URL without user and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


def _connected(url: str) -> Any:
    """A connection that cannot write."""
    if url.startswith("sqlite:///"):
        path = quote(url.removeprefix("sqlite:///"))
        return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=_CONNECT_S_MAX)
    connection = psycopg.connect(url, connect_timeout=_CONNECT_S_MAX)
    connection.read_only = True
    return connection


def _column(url: str, name: str, values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        what = f"column {name} mixes kinds of values"
        raise WorldError("query", shown(url), what, hint=f"cast {name} to text in the query") from error
