"""Running a command: whatever it ends with becomes one message on stderr and one exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from contextlib import suppress
from typing import Any

import click

from tracciati.cli import signals, streams
from tracciati.errors import LayoutError, TracciatiError

CLEAN = 0
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
        with signals.raised():
            result: Any = command.main(arguments, prog_name=name, standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else CLEAN
    except click.ClickException as problem:
        problem.show()
        return problem.exit_code
    except click.Abort:
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except signals.Ended as ended:
        with suppress(OSError):  # a terminal that hung up cannot be told
            click.echo(f"ended by {ended.name}", err=True)
        return ended.exit_code
    except LayoutError as problem:
        click.echo(str(problem), err=True)
        return USAGE
    except TracciatiError as problem:
        return _told(f"{problem}\n  do: {problem.hint}" if problem.hint else str(problem), WORLD)
    except BrokenPipeError:
        # The reader of our output went away (`| head`); what is still buffered has nowhere to go either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WORLD
    except SystemExit:
        # So click ends when the same happens inside a command; its 1 would say that the data has findings.
        return WORLD
    except OSError as problem:
        where = f" {problem.filename or 'standard output'}" if problem.filename or _is_output_stuck() else ""
        hint = _REMEDIES.get(problem.errno or 0, "see that it can be read and written, then run the command again")
        return _told(f"cannot use{where}: {problem.strerror or problem}\n  do: {hint}", WORLD)
    except Exception as problem:  # noqa: BLE001 the last line of defence: a defect has its own code, its trace is shown
        if isinstance(problem, ModuleNotFoundError) and not str(problem.name).startswith("tracciati"):
            return _told(
                f"the Python package that gives `{problem.name}` is not installed\n"
                f"  do: install it: `{sys.executable} -m pip install {problem.name}`",
                WORLD,
            )
        traceback.print_exception(problem, file=sys.stderr)
        return _told("this is a defect of tracciati, not of your data\n  do: report it with the lines above", DEFECT)


_REMEDIES = {
    errno.ENOENT: "check the path; a folder that is missing has to be made first",
    errno.ENOTDIR: "check the path: one of its folders is a file",
    errno.EACCES: "ask for the right to it, or choose another place",
    errno.EROFS: "choose another place: this one is read-only",
    errno.ENOSPC: "free some space, then run the command again",
}


def _is_output_stuck() -> bool:
    """Can what was printed not be written? It is thrown away then: Python would complain of it at its end."""
    try:
        print(flush=True)  # what failed before is no longer in the buffer
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _told(text: str, exit_code: int) -> int:
    click.echo(f"error: {text}", err=True)
    return exit_code
