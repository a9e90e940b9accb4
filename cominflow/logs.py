"""Logs: how the long-running commands write on standard error, as lines for people or as JSON for programs.

Every line of the process goes the same way, those of libraries too. What a line is about (an arrival, a batch) is said
once, around the work (`about`), and stands in the JSON under its own key. No line repeats the words of a foreign error
(`cominflow.quoting`): an exception among a line's arguments, its traceback, one that ended a thread.

    {"time": "2026-03-01T09:00:00.123Z", "level": "WARNING", "logger": "cominflow.flows", "message": "…",
     "batch": "7", "arrival": "A-17", "customer": "banca-demo", "error": "OperationalError", "trace": "…"}
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from cominflow import quoting
from cominflow.clock import ROME

# What a line may be about, each with a key of its own.
REFERENCES = ("customer", "arrival", "request", "delivery", "batch")

_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_about: ContextVar[dict[str, str]] = ContextVar("cominflow_log_about", default={})  # noqa: B039  never changed in place
_CARRIED = "cominflow_about"
_is_json = False


def begin(*, as_json: bool, stream: TextIO | None = None) -> None:
    """Have this process log on `stream` (standard error). Call it first: what Python says by itself goes there too.

    As JSON our own parts say more (sessions, uploads); as text, as libraries do, only what somebody should look at.
    """
    global _is_json
    _is_json = as_json
    handler = _Handler(stream)
    handler.setFormatter(JsonLines() if as_json else TextLines(_TEXT))
    root, own = logging.getLogger(), logging.getLogger("cominflow")
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    own.setLevel(logging.INFO if as_json else logging.WARNING)
    # DBOS gives its logger a handler of its own when it has none, and keeps its lines from the root's.
    engine = logging.getLogger("dbos")
    engine.handlers[:] = [handler]
    engine.propagate = False
    logging.captureWarnings(as_json)
    sys.excepthook = lambda _kind, error, _trace: _unexpected("the process", error)
    threading.excepthook = lambda args: _unexpected(f"the thread {args.thread and args.thread.name}", args.exc_value)
    sys.unraisablehook = lambda args: _unexpected("cleaning up", args.exc_value)


@contextmanager
def about(**references: object) -> Iterator[None]:
    """What the lines within are about: `about(arrival="A-17", customer="banca-demo")`. Adds to what is around it."""
    assert set(references) <= set(REFERENCES), f"a line is about {', '.join(REFERENCES)}"
    token = _about.set({**_about.get(), **{name: str(value) for name, value in references.items()}})
    try:
        yield
    except BaseException as error:
        # Whoever logs it does so further out: the error remembers what it happened at, the innermost first.
        vars(error)[_CARRIED] = {**_about.get(), **vars(error).get(_CARRIED, {})}
        raise
    finally:
        _about.reset(token)


def tell(text: str, *, level: int = logging.ERROR) -> None:
    """Say something to whoever started the process: the bare text, or a line of JSON where lines are JSON."""
    if _is_json:
        logging.getLogger("cominflow.cli").log(level, "%s", text)
    else:
        print(text, file=sys.stderr)


class _Handler(logging.StreamHandler[TextIO]):
    """Writes on a stream, or on what is standard error at the moment."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__(stream)
        self._is_fixed = stream is not None

    def emit(self, record: logging.LogRecord) -> None:
        if not self._is_fixed:
            self.stream = sys.stderr
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """A line that could not be written: logging itself would print the record's arguments as they are."""
        error = sys.exc_info()[1]
        with suppress(OSError, ValueError):  # standard error is gone as well: there is nobody to tell
            print(f"a line of the log was lost: {quoting.said(error) if error else record.name}", file=sys.stderr)


class TextLines(logging.Formatter):
    """A line for people, in Italian time as commands show it, and below it the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        at = datetime.fromtimestamp(record.created, ROME)
        record.message, record.asctime = message_of(record), f"{at:%Y-%m-%d %H:%M:%S.%f %z}"
        line = self.formatMessage(record)
        error = _error_of(record)
        return line if error is None else f"{line}\n{quoting.trace(error)}"


class JsonLines(logging.Formatter):
    """One JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """The object on one line."""
        at = datetime.fromtimestamp(record.created, UTC)
        found = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": message_of(record),
            **references_of(record),
        }
        error = _error_of(record)
        if error is not None:
            found |= {"error": type(error).__name__, "trace": quoting.trace(error)}
        return json.dumps(found, ensure_ascii=False)


def message_of(record: logging.LogRecord) -> str:
    """A record's message, with errors among its arguments as `quoting.said` tells them.

    Of a library's message only the first line: those below are the statement and its values (SQLAlchemy), or a trace.
    """
    arguments = record.args if isinstance(record.args, tuple) else (record.args,) if record.args else ()
    text = quoting.said(record.msg) if isinstance(record.msg, BaseException) else str(record.msg)
    try:
        text = text % tuple(map(_repeatable, arguments)) if arguments else text
    except (TypeError, ValueError, KeyError):
        pass  # what was to be filled in does not fit; the message says what it can without it
    is_own = record.name.partition(".")[0] == "cominflow"
    return text if is_own else text.partition("\n")[0]


def references_of(record: logging.LogRecord) -> dict[str, str]:
    """What a record is about: said around the work, remembered by its errors, or given with it (`extra`)."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    found = dict(_about.get())
    for error in (*arguments, _error_of(record)):
        if isinstance(error, BaseException):
            found |= vars(error).get(_CARRIED, {})
    return found | {name: str(getattr(record, name)) for name in REFERENCES if hasattr(record, name)}


def _repeatable(argument: Any) -> Any:
    return quoting.said(argument) if isinstance(argument, BaseException) else argument


def _error_of(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if isinstance(record.exc_info, tuple) else None


def _unexpected(where: str, error: BaseException | None) -> None:
    """What nobody caught: Python would print it with its words."""
    if error is not None and not isinstance(error, SystemExit):
        logging.getLogger("cominflow").critical("%s met what nobody expected", where, exc_info=error)
