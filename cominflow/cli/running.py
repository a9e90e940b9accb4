"""Running a command: whatever it ends with becomes one message on stderr and one exit code."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from cominflow.errors import CominflowError
from tracciati.cli import streams

FINDINGS = 1
USAGE = 2
WORLD = 3
DEFECT = 70
INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended


def run(command: click.Command, name: str, arguments: list[str] | None = None) -> int:
    """Run `command` with `arguments` (those of the process when None) and return its exit code. Never raises."""
    if not streams.made_usable():
        return _told(streams.CLOSED, WORLD)
    try:
        result: Any = command.main(arguments, prog_name=name, standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.ClickException as problem:
        problem.show()
        return problem.exit_code
    except click.Abort:
        _tell("interrupted")
        return INTERRUPTED
    except CominflowError as problem:
        return _told(str(problem), problem.exit_code)
    except BrokenPipeError:
        # The reader of our output went away (`| head`); what is still buffered has nowhere to go either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WORLD
    except SystemExit:
        # So click ends when the same happens inside a command; its 1 would say that the data has findings.
        return WORLD
    except Exception as problem:  # noqa: BLE001  # the last line of defence: a defect has its own code and its trace
        return _unexpected(problem)


def _unexpected(problem: Exception) -> int:
    # Imported here: neither Django nor what reads files may be needed for `--help`, and what was not imported
    # cannot have raised.
    from zoneinfo import ZoneInfoNotFoundError

    from cominflow import quoting

    if "tracciati.errors" in sys.modules:
        from tracciati.errors import LayoutError, TracciatiError

        if isinstance(problem, LayoutError):
            _tell(str(problem))
            return FINDINGS
        if isinstance(problem, TracciatiError):
            return _told(f"{problem}\n  do: {problem.hint}" if problem.hint else str(problem), WORLD)
    if _is_of_the_database(problem):
        from cominflow.cli import setup

        said = quoting.said(problem)
        hint = (
            f"{setup.database_hint()}; that COMINFLOW_DATA and COMINFLOW_DATABASE_URL are the system's; and "
            "run `cominflow init`"
        )
        if said == "database is locked":
            hint = (
                "another program writes into it for longer than we wait: see which "
                f"(`fuser -v {setup.database_shown()}`), and give the command again when it has ended"
            )
        return _told(f"cannot use the database {setup.database_shown()}: {said}\n  do: {hint}", WORLD)
    if isinstance(problem, OSError) and problem.filename is None and _is_output_stuck():
        return _told(
            f"cannot write standard output: {quoting.said(problem)}\n"
            "  do: make room where it is sent to, or send it elsewhere",
            WORLD,
        )
    if isinstance(problem, OSError):
        where = f" {problem.filename}" if problem.filename else ""
        return _told(f"cannot use{where}: {quoting.said(problem)}", WORLD)
    if isinstance(problem, ModuleNotFoundError) and not str(problem.name).startswith(("cominflow", "tracciati")):
        return _told(
            f"the Python package that gives `{problem.name}` is not installed\n"
            f"  do: install cominflow with all that it needs: `{sys.executable} -m pip install cominflow`",
            WORLD,
        )
    if isinstance(problem, ZoneInfoNotFoundError):
        return _told("this system has no timezone data for Italy\n  do: install `tzdata` (apt, or pip)", WORLD)
    # Not Python's own traceback: the words of an error may quote a person's data, and are no help without them.
    _tell(quoting.trace(problem))
    return _told("this is a defect of cominflow, not of your data\n  do: report it with the lines above", DEFECT)


def _is_of_the_database(problem: Exception) -> bool:
    """Is it the database, by our own way to it or the durable engine's?"""
    if "django.db" in sys.modules:
        from django.db import DatabaseError, InterfaceError

        if isinstance(problem, DatabaseError | InterfaceError):
            return True
    if "sqlalchemy" in sys.modules:
        from sqlalchemy.exc import DBAPIError

        return isinstance(problem, DBAPIError)
    return False


def _is_output_stuck() -> bool:
    """Whether what was printed cannot be written. It is thrown away then: Python would complain of it at its end."""
    try:
        print(flush=True)  # what failed before is no longer in the buffer
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _told(text: str, exit_code: int) -> int:
    _tell(f"error: {text}")
    return exit_code


def _tell(text: str) -> None:
    from cominflow import logs

    logs.tell(text)
