"""`cominflow demo`: the whole system on this machine, seen from the customers' side.

scene     two customers, their services, prices, feeds and keys, made with the commands an operator types
files     their request files: right ones, wrong ones, a repeated one
client    a real SFTP session: the OpenSSH client where there is one, else paramiko
proof     what came back, read with the same layouts and compared with what was sent
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from pathlib import Path

import click

from cominflow.cli import showing
from cominflow.errors import UsageError

_MARK = ".made-by-cominflow-demo"


@click.command(
    epilog="""\b
Example:
  cominflow demo --seed 7
"""
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/demo"),
    show_default=True,
    help="Where to build it; an earlier demo there is replaced.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Another seed makes other files."
)
@click.option(
    "--bulk", type=click.IntRange(min=1), default=20_000, show_default=True, help="Requests in the bank's large file."
)
@showing.json_option
def demo(folder: Path, seed: int, bulk: int, as_json: bool) -> int:
    """Show the whole way of a file: in by SFTP, checked, fulfilled, answered and invoiced in the same layout.

    Starts the system with an SFTP server on a free port of this machine, sends the files of two customers, waits,
    fetches what comes back, compares it with what was sent, and has everything computed once more by
    `cominflow reconcile`. Exit code 0 only when everything adds up.
    """
    folder = _fresh(folder.absolute())
    from cominflow.cli.demo import play

    if not as_json:
        return play.tell(play.play(folder, seed=seed, bulk=bulk), folder)
    with contextlib.redirect_stdout(sys.stderr):
        played = play.play(folder, seed=seed, bulk=bulk)
    showing.table([play.as_row(result) for result in played.results], as_json=True, empty="")
    return 0 if played.adds_up else 1


def _fresh(folder: Path) -> Path:
    """An empty folder that says it is the demo's. UsageError rather than remove anything else."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).exists():
            raise UsageError(f"{folder} holds something that is not a demo", hint="name another one with --folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()
    return folder
