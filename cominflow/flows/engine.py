"""Engine: the port to DBOS, the durable workflow engine. Nothing else in cominflow imports `dbos`.

What a newcomer must know:

* The engine remembers which steps of a workflow are done, and goes on after the last one when the process was
  killed. The truth is in our own tables all the same: every step finds its work by state and is safe to repeat.
* Never start work inside a database transaction: on SQLite it would wait for ever for the lock that the transaction
  holds, on PostgreSQL it would begin before the rows that it needs exist. `start` asserts that.
* Arguments and results are ids (int or text), written as JSON. No person's data ever enters the engine's tables.
* Each step runs between two `close_old_connections()`: a connection that the database cut does not heal by itself
  in a thread of the engine.

Source: research on DBOS 3.4, `docs/decisions/0006-the-durable-engine-behind-a-port.md`.
"""

from __future__ import annotations

import functools
import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy
from dbos import DBOS, DBOSConfig, SetWorkflowID
from dbos._error import DBOSUnexpectedStepError
from dbos._serialization import Serializer
from django.db import close_old_connections, connection

from cominflow import clock, failpoint, memory, settings, stopping
from cominflow.limits import STOP_S

# A constant: with DBOS's own default, a hash of the code, workflows that an older release began would never end.
APPLICATION_VERSION = "cominflow-1"
THREADS_MAX = 4

# What the functions below raise while the database is away: not Django's errors, and not ours.
DatabaseAway = sqlalchemy.exc.DBAPIError


class _Json(Serializer):
    """Ids and short texts as JSON. Pickle is refused: it hides what is stored, and runs code when it is read."""

    def serialize(self, data: Any) -> str:
        return json.dumps(_plain(data))

    def deserialize(cls, serialized_data: str) -> Any:
        return json.loads(serialized_data)

    def name(self) -> str:
        return "cominflow_json"


def _plain(data: Any) -> Any:
    """Refuse what is not an id, a short text, or a plain structure of them. Errors become their words."""
    if isinstance(data, BaseException):
        return {"error": type(data).__name__}  # never the text: it may quote a person's data
    if isinstance(data, dict):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    assert data is None or isinstance(data, bool | int | str), f"not an id: {type(data).__name__}"
    assert not isinstance(data, str) or len(data) <= 200, "a text this long is data, not an id"
    return data


def workflow(function: Callable[[int], None]) -> Callable[[int], None]:
    """Declare a workflow: a function of one id that calls steps. Declared when its module is imported."""

    @functools.wraps(function)
    def fresh(argument: int) -> None:
        stopping.look()
        close_old_connections()
        try:
            function(argument)
        except DBOSUnexpectedStepError:  # ended like this, it is started anew: our tables say that it is not finished
            _ours.warning("%s %s was begun by another version and is begun anew", function.__name__, argument)

    return DBOS.workflow(name=function.__name__)(fresh)


def step(function: Callable[..., Any]) -> Callable[..., Any]:
    """Declare a step: what the engine remembers as done. Ids in, ids out."""

    @functools.wraps(function)
    def fresh(*ids: Any) -> Any:
        close_old_connections()
        failpoint.hit("engine.step_begun")
        try:
            result = function(*ids)
            failpoint.hit("engine.step_done")  # done by us, and not yet noted by the engine
            return result
        finally:
            close_old_connections()

    return DBOS.step(name=function.__name__)(fresh)


def launch(*, executor_id: str = "local") -> None:
    """Start the engine in this process. Workflows that this executor left unfinished go on by themselves."""
    config: DBOSConfig = {
        "name": "cominflow",
        "application_version": APPLICATION_VERSION,
        "executor_id": executor_id,
        "max_executor_threads": THREADS_MAX,
        "serializer": _Json(),
        "log_level": "ERROR",
        "notification_listener_polling_interval_sec": 0.1,
        "scheduler_polling_interval_sec": 3600.0,
        "use_listen_notify": False,
        "system_database_engine": _database(),
    }
    memory.keep_little()
    stopping.forget()
    _log.setLevel(logging.ERROR)
    _launched.append(DBOS(config=config))
    DBOS.launch()


# The engine of this process, while it runs.
_launched: list[DBOS] = []
_log = logging.getLogger("dbos")
_ours = logging.getLogger("cominflow.flows")


def shut_down(*, wait_s: float = STOP_S) -> bool:
    """Stop the engine: its steps end at their next look. What was not done goes on at the next launch.

    Returns whether everything ended within `wait_s`. When it did not, a step still works: keep the engine's lock, and
    end the process.
    """
    deadline = time.monotonic() + wait_s
    stopping.ask()
    # From here on it misses its own parts, one after the other, and would say so with a traceback for each.
    _log.setLevel(logging.CRITICAL)
    for event in _launched[-1].background_thread_stop_events:
        event.set()
    for thread in _end(_launched[-1]._executor):
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            return False
    DBOS.destroy(workflow_completion_timeout_sec=0)
    _launched.clear()
    stopping.forget()
    return True


def _end(executor: ThreadPoolExecutor) -> list[threading.Thread]:
    """Let no further workflow begin. Returns the threads of those that did: DBOS itself does not wait for them."""
    executor.shutdown(wait=False, cancel_futures=True)
    return list(executor._threads)


def start(function: Callable[[int], None], workflow_id: str, argument: int) -> None:
    """Start a workflow once: a second start with the same `workflow_id` does nothing."""
    assert not connection.in_atomic_block, "start work after the transaction that wrote its rows, never inside it"
    with SetWorkflowID(workflow_id):
        DBOS.start_workflow(function, argument)


def wait(workflow_id: str) -> None:
    """Wait until that workflow ended. Polls each second, so for tests and for stopping, never inside a flow."""
    DBOS.retrieve_workflow(workflow_id).get_result()


def unfinished() -> set[str]:
    """Ids of the workflows that have not ended."""
    rows = DBOS.list_workflows(status=["PENDING", "ENQUEUED", "DELAYED"], load_input=False, load_output=False)
    return {row.workflow_id for row in rows}


def ended(*, limit: int) -> list[str]:
    """Ids of workflows that have ended, well or badly, the oldest first."""
    rows = DBOS.list_workflows(status=["SUCCESS", "ERROR"], limit=limit, load_input=False, load_output=False)
    return [row.workflow_id for row in rows]


def forget(workflow_ids: list[str]) -> None:
    """Delete the engine's record of workflows that have ended: our own tables keep what happened."""
    if workflow_ids:
        DBOS.delete_workflows(workflow_ids)


def _database() -> sqlalchemy.Engine:
    """The engine's tables live in our database: one file, one backup."""
    if not settings.IS_SQLITE:
        url = sqlalchemy.make_url(settings.DATABASE_URL).set(drivername="postgresql+psycopg")
        return sqlalchemy.create_engine(url, pool_pre_ping=True, pool_size=THREADS_MAX + 4)
    url = sqlalchemy.make_url(settings.DATABASE_URL)
    database = sqlalchemy.create_engine(url, connect_args={"isolation_level": "IMMEDIATE"}, pool_size=THREADS_MAX + 4)

    @sqlalchemy.event.listens_for(database, "connect")
    def _set_pragmas(connection: Any, _record: Any) -> None:
        for pragma in settings.SQLITE_PRAGMAS:
            connection.execute(pragma)
        if sqlite3.sqlite_version_info < (3, 42):
            # DBOS asks for it from Python 3.12 on, and Debian 12's SQLite (3.40) knows no 'subsec': it gives NULL.
            connection.create_function("unixepoch", 1, lambda _subsec: clock.now().timestamp())

    return database


def has_ended(workflow_id: str) -> bool:
    """Did a workflow of this id run and end, well or badly?"""
    rows = DBOS.list_workflows(workflow_ids=[workflow_id], load_input=False, load_output=False)
    return any(row.status not in ("PENDING", "ENQUEUED", "DELAYED") for row in rows)
