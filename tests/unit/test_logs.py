"""Lines of the log: what they say of an error, and what they are about."""

from __future__ import annotations

import io
import json
import logging
import sqlite3
import sys
import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from cominflow import logs, quoting
from cominflow.errors import UsageError, WorldError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MARK = "XXXYYY80A01Z999H"


@pytest.fixture(params=["json", "text"])
def log(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """The process's log in one form; the value gives what was written. Everything is put back afterwards."""
    loggers = [logging.getLogger(name) for name in ("", "cominflow", "dbos")]
    before = [(one, list(one.handlers), one.level, one.propagate) for one in loggers]
    hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    stream = io.StringIO()
    logs.begin(as_json=request.param == "json", stream=stream)
    yield stream.getvalue
    for one, handlers, level, propagate in before:
        one.handlers[:], one.propagate = handlers, propagate
        one.setLevel(level)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(False)
    logs._is_json = False


def raised(error: BaseException) -> BaseException:
    """The error with a traceback."""
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001  whatever was given
        return caught


def chained() -> BaseException:
    """Errors behind errors, and a group of them."""
    try:
        try:
            raise KeyError(MARK)
        except KeyError as error:
            raise ExceptionGroup(MARK, [ValueError(MARK), UsageError("a name that is ours", hint="look")]) from error
    except ExceptionGroup as caught:
        return caught


def test_a_traceback_has_types_and_places_and_no_foreign_words(log: Callable[[], str]) -> None:
    logging.getLogger("cominflow.flows").error("it failed: %s", ValueError(MARK), exc_info=chained())
    logging.getLogger("library").error("%s and %s", MARK[:3], RuntimeError(MARK), exc_info=raised(OSError(28, MARK)))
    said = log()
    assert MARK not in said
    for word in (
        "it failed: ValueError",
        "KeyError",
        "ExceptionGroup",
        "a name that is ours",
        "test_logs.py",
        "chained",
    ):
        assert word in said
    assert "XXX and RuntimeError" in said and "No space left on device" in said


def test_an_error_that_ends_a_thread_has_no_words_either(log: Callable[[], str]) -> None:
    def fail() -> None:
        raise ValueError(MARK)

    thread = threading.Thread(target=fail, name="a thread of ours")
    thread.start()
    thread.join()
    sys.excepthook(ValueError, ValueError(MARK), None)
    said = log()
    assert MARK not in said and "a thread of ours" in said and said.count("ValueError") >= 2


def test_of_a_librarys_message_only_the_first_line_is_kept(log: Callable[[], str]) -> None:
    logging.getLogger("sqlalchemy.engine").error("it failed\n[parameters: %s]", MARK)
    assert MARK not in log() and "it failed" in log()


def test_a_line_that_cannot_be_written_is_told_without_its_arguments(
    log: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    class Unwritable:
        def __str__(self) -> str:
            raise RuntimeError(MARK)

    (handler,) = (one for one in logging.getLogger().handlers if isinstance(one, logs._Handler))
    handler.handle(logging.LogRecord("cominflow", logging.ERROR, "x.py", 1, "%s %s", (MARK, Unwritable()), None))
    assert capsys.readouterr().err == "a line of the log was lost: RuntimeError\n" and log() == ""


def test_a_message_that_does_not_fit_its_arguments_is_written_without_them() -> None:
    record = logging.LogRecord("dbos", logging.ERROR, "x.py", 1, "a message %d that does not fit", (MARK,), None)
    assert logs.message_of(record) == "a message %d that does not fit"


@pytest.mark.parametrize("log", ["json"], indirect=True)
def test_a_line_of_json_says_what_it_is_about(log: Callable[[], str]) -> None:
    logger = logging.getLogger("cominflow.flows")
    failed: list[Exception] = []
    with logs.about(batch=7):
        try:
            with logs.about(arrival="A-1", customer="banca-demo"), logs.about(delivery="D-3"):
                raise WorldError("write", "/x", "no space", hint="free some")
        except WorldError as error:
            failed.append(error)
            logger.warning("batch failed: %s", error)
        logger.info("going on", extra={"request": "A-1/3"})
    logger.info("done")
    logs.tell("error: that was all")
    first, second, third, last = [json.loads(line) for line in log().splitlines()]
    assert list(first)[:4] == ["time", "level", "logger", "message"] and first["time"].endswith("Z")
    about = {"batch": "7", "arrival": "A-1", "customer": "banca-demo", "delivery": "D-3"}
    assert {name: first.get(name) for name in about} == about
    assert first["message"] == "batch failed: cannot write /x: no space\n  do: free some"
    assert (second["batch"], second["request"]) == ("7", "A-1/3") and "arrival" not in second
    assert not set(third) & set(logs.REFERENCES)
    assert (last["level"], last["message"]) == ("ERROR", "error: that was all")


@pytest.mark.parametrize(
    ("instant", "said"),
    [(1_774_746_000.25, "2026-03-29 03:00:00.250000 +0200 "), (1_774_745_999, "2026-03-29 01:59:59.000000 +0100 ")],
)
def test_a_line_for_people_is_in_italian_time_with_its_offset(instant: float, said: str) -> None:
    record = logging.LogRecord("cominflow", logging.WARNING, __file__, 1, "it failed", (), None)
    record.created = instant
    assert logs.TextLines("%(asctime)s %(message)s").format(record) == f"{said}it failed"


def test_a_cause_that_is_a_foreign_error_is_told_by_its_type() -> None:
    assert str(WorldError("read", "table.csv", ValueError(MARK))) == "cannot read table.csv: ValueError"
    assert "no space" in str(WorldError("read", "x", UsageError("no space")))


def sqlite_said(statement: str) -> str:
    """What may be repeated of the error that SQLite makes of a statement."""
    with pytest.raises(sqlite3.Error) as caught, sqlite3.connect(":memory:") as connection:
        connection.executescript(
            "CREATE TABLE person (name TEXT UNIQUE); INSERT INTO person VALUES ('x');"
            f"CREATE TRIGGER t BEFORE DELETE ON person BEGIN SELECT RAISE(ABORT, '{MARK}'); END;"
        )
        connection.execute(statement).fetchall()
    return quoting.said(caught.value)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("SELECT * FROM nowhere", "no such table: nowhere"),
        ("INSERT INTO person VALUES ('x')", "UNIQUE constraint failed: person.name"),
        ("DELETE FROM person", "IntegrityError (SQLITE_CONSTRAINT_TRIGGER)"),
        (f"SELECT CAST(x'ff{MARK.encode().hex()}' AS TEXT)", "OperationalError"),
    ],
)
def test_sqlite_is_repeated_where_it_names_no_value(statement: str, said: str) -> None:
    assert sqlite_said(statement) == said


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("SELECT * FROM nowhere", 'relation "nowhere" does not exist'),
        ("INSERT INTO person VALUES ('x')", 'duplicate key value violates unique constraint "person_name_key"'),
        (f"SELECT CAST('{MARK}' AS integer)", "InvalidTextRepresentation (22P02)"),
        (f"DO $$ BEGIN RAISE EXCEPTION '{MARK}'; END $$", "RaiseException (P0001)"),
    ],
)
def test_postgresql_is_repeated_where_it_names_no_value(database_url: str, statement: str, said: str) -> None:
    if not database_url.startswith("postgres"):
        pytest.skip("this run has SQLite")
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TEMP TABLE person (name text UNIQUE)")
        connection.execute("INSERT INTO person VALUES ('x')")
        with pytest.raises(psycopg.Error) as caught:
            connection.execute(statement)
        connection.rollback()
    assert quoting.said(caught.value) == said


def test_a_server_that_cannot_be_reached_says_which_without_a_password() -> None:
    with pytest.raises(psycopg.OperationalError) as caught:
        psycopg.connect("postgresql://somebody:SECRET@127.0.0.1:1/x", connect_timeout=3)
    said: Any = quoting.said(caught.value)
    assert "127.0.0.1" in said and "SECRET" not in said
