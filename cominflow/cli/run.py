"""`cominflow run`: the engine, in the foreground, for ever or once."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import click

from cominflow.cli import setup, signals
from cominflow.errors import LockedError

if TYPE_CHECKING:
    from cominflow.flows.run import Runner


@click.command(
    epilog="""\b
Example:
  cominflow run --once
"""
)
@click.option("--once", is_flag=True, help="Take what lies in the inboxes, finish it, and end.")
@click.option("--timeout", default=600.0, show_default=True, help="Seconds that --once may take.")
def run(once: bool, timeout: float) -> int:
    """Take files out of the inboxes, fulfil their requests and publish the answers.

    Only one engine works on a data folder. `run` beside a living engine ends with exit code 4; `run --once` asks
    that engine to sweep, and waits for it.
    """
    setup.django()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    from cominflow import settings
    from cominflow.exchange.disk import Folders
    from cominflow.flows import run as running

    folders = Folders(settings.DATA)
    if not once:
        with running.locked(folders):
            _work(running.Runner(folders), signals.stop_event())
        return 0
    try:
        with running.locked(folders):
            is_done = _work_once(running.Runner(folders), signals.stop_event(), timeout)
    except LockedError:
        is_done = running.wait_until_idle(folders, timeout_s=timeout)
    if not is_done:
        click.echo(f"error: not everything was done within {timeout:g} s\n  do: see `cominflow status`", err=True)
    return 0 if is_done else 3


def _work(runner: Runner, stop: threading.Event) -> None:
    from cominflow.flows import engine

    runner.stopping = stop
    runner.recover()
    click.echo("engine running")
    try:
        runner.run()
    finally:
        engine.shut_down()


def _work_once(runner: Runner, stop: threading.Event, timeout: float) -> bool:
    from cominflow.flows import engine

    runner.stopping = stop
    runner.recover()
    try:
        return runner.run_once(timeout_s=timeout)
    finally:
        engine.shut_down()
