"""`cominflow run`: the engine, in the foreground, for ever or once."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from cominflow.cli import logged, setup, showing, signals
from cominflow.cli.running import WORLD
from cominflow.errors import LockedError

if TYPE_CHECKING:
    from cominflow.exchange.disk import Folders
    from cominflow.flows.run import Runner
    from cominflow.models import Batch

_log = logging.getLogger("cominflow.flows")


@click.command(
    epilog="""\b
Example:
  cominflow run --once
"""
)
@click.option("--once", is_flag=True, help="Take what lies in the inboxes, finish it, and end.")
@click.option("--timeout", default=600.0, show_default=True, help="Seconds that --once may take.")
@click.option("--quiet", is_flag=True, help="Do not show how far --once is.")
@showing.json_option
@logged.log_json_option
def run(once: bool, timeout: float, quiet: bool, as_json: bool, log_json: bool) -> int:
    """Take files out of the inboxes, fulfil their requests and publish the answers.

    Only one engine works on a data folder. `run` beside a living engine ends with exit code 4; `run --once` asks
    that engine to sweep, and waits for it. --json is for --once.
    """
    logged.begin(log_json=log_json)
    setup.django()
    from cominflow import logs, settings
    from cominflow.exchange.disk import Folders
    from cominflow.flows import lock
    from cominflow.flows import run as running

    folders = Folders(settings.DATA)
    # Where a large file is read, hashes of its values go to the disk: inside the data folder, under no name.
    tempfile.tempdir = str(folders.state)
    if not once:
        with lock.locked(folders):
            _work(running.Runner(folders), signals.stop_event())
        return 0
    stop = signals.stop_event()
    with _shown(is_shown=not (quiet or as_json)) as on_look:
        is_in_time = _once(folders, stop, timeout, on_look)
    failing = running.failing()
    if not is_in_time:
        why = (
            "it was stopped before everything was done"
            if stop.is_set()
            else f"not everything was done within {timeout:g} s"
        )
        logs.tell(f"error: {why}\n  do: see `cominflow status`")
    for batch in failing:
        with logs.about(batch=batch.pk):
            logs.tell(f"error: {batch.error}\n  {_consequence(batch)}")
    waiting, waiting_count = _resting()
    is_done = is_in_time and not failing
    if as_json:
        told = [{"error": batch.error, "not_before": batch.not_before} for batch in failing]
        told_of = {"failing": told, "waiting": waiting, "waiting_count": waiting_count}
        showing.record({"is_done": is_done, "is_in_time": is_in_time, **told_of}, as_json=True)
        return 0 if is_done else 3
    for one in waiting:
        click.echo("{arrival} ({file}) waits for provider {provider}, which is paused: {reason}".format(**one))
    if waiting_count > _WAITING_MAX:
        click.echo(f"and {waiting_count - _WAITING_MAX} more files wait for a paused provider")
    if waiting:
        click.echo(f"next: cominflow provider resume {waiting[0]['provider']}")
    return 0 if is_done else 3


def _resting() -> tuple[list[dict[str, str]], int]:
    """The first files that wait for a paused provider, and how many do in all. That is no failure."""
    from cominflow.flows import waiting

    resting = waiting.resting()
    named = [
        {"arrival": arrival.reference, "file": arrival.shown_name, "provider": pause.provider, "reason": pause.reason}
        for arrival in resting[:_WAITING_MAX]
        for pause in waiting.waits_for(arrival)
    ]
    return named, resting.count()


def _consequence(batch: Batch) -> str:
    """Which files wait for a batch whose last try failed, and until when."""
    from cominflow.flows import waiting

    names = waiting.files_of(batch)
    when = f" at {showing.text_of(batch.not_before)}" if batch.not_before else ""
    return f"waiting for it: {names}; it is tried again{when}, while `cominflow up` runs"


# Files that wait for a paused provider and are named one by one; the others are counted.
_WAITING_MAX = 5


@contextmanager
def _shown(*, is_shown: bool) -> Iterator[Callable[[], None]]:
    """What `--once` calls at each look: it asks the database how far it is when that is to be said, every two seconds.

    The share is of the requests that are known by then: as long as a file is read, there come more.
    """
    from cominflow import clock
    from cominflow.flows import pulse
    from tracciati.cli.progress import Progress

    before = pulse.look(clock.now()).requests if is_shown else {"done": 0, "open": 0}
    with Progress("run --once", 0, "{:,} requests".format, is_shown=is_shown, redrawn_s=2.0) as bar:

        def tell() -> None:
            if bar.is_due:
                seen = pulse.look(clock.now())
                done = sum(seen.requests[name] - before[name] for name in ("done", "open"))
                read = f", {seen.requests['read']:,} requests read" if seen.requests["read"] else ""
                also = f"unfinished files: {seen.unfinished_files:,}{read}"
                bar.to(done, total=done + seen.requests["waiting"], also=also)

        yield tell


def _once(folders: Folders, stop: threading.Event, timeout: float, on_look: Callable[[], None]) -> bool:
    """Do it, or have the living engine do it; when that one ends before, do it after all."""
    from cominflow.flows import lock
    from cominflow.flows import run as running

    deadline = time.monotonic() + timeout
    is_asked = False
    while not stop.is_set():
        left_s = deadline - time.monotonic()
        try:
            with lock.locked(folders):
                return _work_once(running.Runner(folders), stop, left_s, on_look)
        except LockedError:
            if not is_asked:
                running.request_sweep(folders)
                is_asked = True
            if running.wait_until_idle(folders, timeout_s=min(left_s, 1.0)):
                return True
            on_look()
            if left_s <= 0:
                return False
    return False


def _work(runner: Runner, stop: threading.Event) -> None:
    runner.stopping = stop
    runner.recover()
    click.echo("engine running")
    try:
        runner.run()
    finally:
        _shut_down(exit_code=0)


def _work_once(runner: Runner, stop: threading.Event, timeout: float, on_look: Callable[[], None]) -> bool:
    runner.stopping = stop
    runner.recover()
    try:
        return runner.run_once(timeout_s=timeout, on_look=on_look)
    finally:
        _shut_down(exit_code=WORLD)


def _shut_down(*, exit_code: int) -> None:
    """Stop the engine; with it the process, when a step does not end: nobody else may have the lock while it works."""
    from cominflow.flows import engine
    from cominflow.limits import STOP_S

    if engine.shut_down():
        return
    _log.error("a step did not end within %g s and is left as it is; the next start does it again", STOP_S)
    logging.shutdown()
    sys.stdout.flush()
    os._exit(exit_code)
