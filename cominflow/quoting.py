"""Quoting: what of an error may be repeated to a log, a table or a screen.

An error's text may quote what the program was busy with: `ValueError: invalid literal: 'RSSMRA…'`, `DETAIL: Key
(…)=(…)`, a line of somebody's CSV. Requests are people's data, so the text of a foreign error is never repeated; its
type and its place are, and its own words only where they are known to name no value. Our own errors (`CominflowError`)
are written for being read, and quote no request. See `docs/decisions/0026-foreign-words-are-not-repeated.md`.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from typing import Any

from cominflow.errors import CominflowError

# Classes of PostgreSQL's errors whose first line names tables, columns, constraints and servers, and never a value:
# connections, transactions, logins, constraints, names and syntax, resources, limits, states, operators, the system.
# Not among them: 22 ("invalid input syntax for type integer: "…""), P0 (whatever a function raises), XX.
_POSTGRESQL = frozenset(
    {"08", "0A", "23", "25", "26", "28", "3D", "3F", "40", "42", "53", "54", "55", "57", "58"}
)  # fmt: skip

# The same of SQLite. SQLITE_CONSTRAINT_TRIGGER has the words of a trigger, and an error without a name those of the
# driver ("Could not decode to UTF-8 column 'x' with text '…'").
_SQLITE = frozenset(
    {
        "SQLITE_AUTH", "SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_CONSTRAINT_CHECK", "SQLITE_CONSTRAINT_FOREIGNKEY",
        "SQLITE_CONSTRAINT_NOTNULL", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CORRUPT",
        "SQLITE_ERROR", "SQLITE_FULL", "SQLITE_INTERRUPT", "SQLITE_LOCKED", "SQLITE_NOMEM", "SQLITE_NOTADB",
        "SQLITE_PERM", "SQLITE_PROTOCOL", "SQLITE_READONLY", "SQLITE_SCHEMA", "SQLITE_TOOBIG",
    }
)  # fmt: skip


def said(error: BaseException) -> str:
    """What an error says, as far as it may be repeated: our own text, the system's words for a number, else its type.

    >>> said(ValueError("invalid literal: 'XXXYYY80A01Z999H'")), said(OSError(28, "XXXYYY80A01Z999H"))
    ('ValueError', 'No space left on device')
    """
    if isinstance(error, CominflowError):
        return str(error)
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    inner = _wrapped(error)
    if inner is not None:
        return said(inner)
    return _of_a_database(error) or type(error).__name__


def trace(error: BaseException) -> str:
    """The traceback of an error and of those behind it: types, places, lines of source, and the words of `said`."""
    return "".join(_lines(error, set())).rstrip("\n")


def _wrapped(error: BaseException) -> BaseException | None:
    """The driver's error behind one of Django or SQLAlchemy."""
    package = type(error).__module__.partition(".")[0]
    inner = (
        error.__cause__ if package == "django" else getattr(error, "orig", None) if package == "sqlalchemy" else None
    )
    return inner if isinstance(inner, BaseException) else None


def _of_a_database(error: Any) -> str:
    """The words of a database's driver, empty where they may quote a value. The drivers need not be imported here."""
    name, package = type(error).__name__, type(error).__module__.partition(".")[0]
    if package == "sqlite3":
        code = str(getattr(error, "sqlite_errorname", "") or "")
        is_safe = code in _SQLITE or code.startswith(
            ("SQLITE_IOERR", "SQLITE_BUSY", "SQLITE_READONLY", "SQLITE_CANTOPEN")
        )
        return str(error) if is_safe else f"{name} ({code})" if code else ""
    if package != "psycopg":
        return ""
    state = str(error.sqlstate or "") if hasattr(error, "sqlstate") else ""
    if not state:  # the client's own: only that of a connection says anything, and it names the server
        return str(error).strip().partition("\n")[0] if name == "OperationalError" else ""
    return str(error.diag.message_primary or name) if state[:2] in _POSTGRESQL else f"{name} ({state})"


def _lines(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    behind = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if behind is not None and id(behind) not in seen:
        yield from _lines(behind, seen)
        yield "which led to:\n" if error.__cause__ is not None else "and while that was handled:\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    name, words = type(error).__qualname__, said(error)
    yield f"{name}\n" if words == type(error).__name__ else f"{name}: {words}\n"
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            if id(one) not in seen:
                yield from _lines(one, seen)
