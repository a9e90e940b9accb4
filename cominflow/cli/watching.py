"""Watching: `cominflow status --watch`, a table that is drawn again in its place, or block after block elsewhere."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from cominflow.cli import showing

if TYPE_CHECKING:
    from cominflow.flows.pulse import Pulse, Waiting

# A look: what is where, and the process of the living engine ("" when none is alive).
Look = Callable[[], "tuple[Pulse, str]"]

_UP, _CLEAR = "\x1b[{}A", "\x1b[J"


def watch(look: Look, *, title: str, stop: threading.Event, every_s: float, as_json: bool) -> None:
    """Look, show, wait; until `stop` is set.

    On a terminal the table takes the place of the one before; elsewhere blocks follow each other, with an empty line
    between them; with `as_json` each look is one line of JSON. A database that does not answer is told and asked again.
    """
    from django.db import DatabaseError, close_old_connections

    is_live = not as_json and sys.stdout.isatty()
    before: Pulse | None = None
    height = 0
    while True:
        pulse: Pulse | None
        try:
            pulse, engine = look()
        except DatabaseError as problem:
            close_old_connections()
            lines = [f"{title}: the database does not answer; it is asked again every {every_s:g} s", f"  {problem}"]
            pulse, engine = None, ""
        else:
            lines = _json_line(pulse, engine, before) if as_json else list(table(pulse, engine, before, title=title))
        if pulse is None and as_json:
            click.echo("\n".join(lines), err=True)
        elif is_live:
            height = _redraw(lines, height)
        else:
            click.echo("\n".join(lines if as_json else [*lines, ""]))
        before = pulse or before
        if stop.wait(every_s):
            return


def table(pulse: Pulse, engine: str, before: Pulse | None, *, title: str) -> Iterator[str]:
    """The lines of one look; counts with what changed since the look `before`."""
    runs = f"the engine runs (process {engine})" if engine else "NO ENGINE RUNS: start `cominflow up`"
    yield f"{showing.text_of(pulse.at)}  {title}"
    yield runs
    yield ""
    seconds = 0.0 if before is None else (pulse.at - before.at).total_seconds()
    for group in _GROUPS:
        counts: Mapping[str, int] = getattr(pulse, group)
        earlier: Mapping[str, int] = {} if before is None else getattr(before, group)
        # What was there at the last look and is not any more stands there with 0 once.
        for name in sorted({*counts, *earlier}, key=_order(group)):
            count, change = counts.get(name, 0), counts.get(name, 0) - earlier.get(name, 0)
            said = "" if before is None or not change else f"  {change:+,} ({_rate(change, seconds)})"
            yield f"{group:<12}{name:<12}{count:>14,}{said}"
    yield ""
    yield f"{'unfinished':<12}{_files(pulse.unfinished_files)}"
    yield f"{'the engine':<12}{_oldest(pulse.oldest_waiting, pulse.at, 'nothing waits for it')}"
    yield f"{'a person':<12}{_oldest(pulse.oldest_open, pulse.at, 'nothing waits for one')}"
    for batch in pulse.failing:
        when = f"; tried again at {showing.text_of(batch.tried_again_at)}" if batch.tried_again_at else ""
        yield f"{'failing':<12}{' '.join(batch.error.split())}{when}"


_GROUPS = ("files", "requests", "deliveries")


def _order(group: str) -> Callable[[str], Any]:
    """States in the order in which a file, a request or a delivery passes them."""
    from cominflow.exchange import states

    names = {
        "files": tuple(states.ARRIVAL),
        "deliveries": tuple(states.DELIVERY),
        "requests": ("read", "waiting", "open", "done"),
    }[group]
    return names.index


def _rate(change: int, seconds: float) -> str:
    rate = change / seconds if seconds > 0 else 0.0
    return f"{rate:+,.1f}/s" if abs(rate) < 100 else f"{rate:+,.0f}/s"


def _files(count: int) -> str:
    return f"{count:,} file{'' if count == 1 else 's'} that the engine has not brought to an end"


def _oldest(waiting: Waiting | None, at: datetime, none: str) -> str:
    if waiting is None:
        return none
    return f"{waiting.arrival} ({waiting.file}), {waiting.state}, has waited for {age(at - waiting.since)}"


def age(span: timedelta) -> str:
    """A span for a person: 05:12, 3:05:12, 2 d 3:05:12.

    >>> age(timedelta(seconds=312)), age(timedelta(days=2, seconds=11112)), age(timedelta(seconds=-3))
    ('05:12', '2 d 3:05:12', '00:00')
    """
    seconds = max(0, int(span.total_seconds()))
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    clock = f"{hour}:{minute:02}:{second:02}" if hours else f"{minute:02}:{second:02}"
    return f"{days} d {clock}" if days else clock


def _redraw(lines: list[str], height: int) -> int:
    """Draw over the last `height` lines; returns how many there are now. A line that wraps would be two."""
    columns, rows = shutil.get_terminal_size()
    shown = [line[: columns - 1] for line in lines]
    if len(shown) > rows - 1:
        shown = [*shown[: rows - 2], f"… {len(shown) - rows + 2} lines more"]
    up = _UP.format(height) if height else ""
    click.echo(f"{up}\r{_CLEAR}" + "\n".join(shown))
    return len(shown)


def _json_line(pulse: Pulse, engine: str, before: Pulse | None) -> list[str]:
    value: dict[str, Any] = {**dataclasses.asdict(pulse), "engine_process": engine or None}
    value["seconds_since"] = None if before is None else round((pulse.at - before.at).total_seconds(), 3)
    return [json.dumps(value, default=showing.plain, ensure_ascii=False)]
