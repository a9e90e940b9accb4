"""`cominflow doctor`: is everything as it should be, and if not, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from cominflow.cli import setup, showing
from tracciati.wording import counted

if TYPE_CHECKING:
    from cominflow.cli.doctor.finding import Check, Finding, Looked


@click.command(
    epilog="""\b
Examples:
  cominflow doctor
  cominflow doctor --quiet --deep
"""
)
@click.option("--deep", is_flag=True, help="Read everything: hash all originals again, check each page of SQLite.")
@click.option("--quiet", is_flag=True, help="Print problems only, for cron: no line when there is none.")
@showing.json_option
def doctor(deep: bool, quiet: bool, as_json: bool) -> int:
    """Look at settings, folders, rights, disk, clock, database, engine and queues; say what is wrong and what to do.

    Exit code 1 when there is a problem; warnings alone are 0. Nothing is changed.
    """
    found = list(_examine(is_deep=deep))
    problems, warnings = (sum(one.level == level for one in found) for level in ("problem", "warning"))
    if as_json:
        rows = [vars(one) for one in found if one.level == "problem" or not quiet]
        showing.record({"problems": problems, "warnings": warnings, "findings": rows}, as_json=True)
    else:
        for one in found:
            if one.level == "problem" or not quiet:
                click.echo(_shown(one))
        if not quiet:
            right = len(found) - problems - warnings
            click.echo(f"{counted(problems, 'problem')}, {counted(warnings, 'warning')}, {right} all right")
    return 1 if problems else 0


def _shown(one: Finding) -> str:
    line = f"{one.level.ljust(7)}  {one.what}: {one.where}: {one.saw}"
    return line if one.level == "ok" else f"{line}\n  why: {one.why}\n  do: {one.do}"


def _examine(*, is_deep: bool) -> Iterator[Finding]:
    """Every check, in the order in which one's answer makes the next one's question sensible."""
    from cominflow import clock
    from cominflow.cli.doctor import finding
    from cominflow.errors import UsageError

    try:
        setup.django(is_new=True)
        from cominflow import settings
    except UsageError as wrong:
        yield finding.problem(
            "settings", "environment", wrong.text, why="nothing can be found without them", do=wrong.hint
        )
        return
    from cominflow.exchange.disk import Folders

    yield finding.ok("settings", settings.DATA, setup.database_shown())
    looked = finding.Looked(Folders(settings.DATA), clock.now(), is_deep)
    anywhere, in_folders, in_database = _checks()
    for check in anywhere:
        yield from _told(check, looked)
    if looked.has_folders:
        for check in in_folders:
            yield from _told(check, looked)
        if looked.has_database:
            for check in in_database:
                yield from _told(check, looked)


def _checks() -> tuple[list[Check], list[Check], list[Check]]:
    """Those that need nothing, those that need the folders, those that need the database too."""
    from cominflow.cli.doctor import agreements, database, engine, place, queues, system

    return (
        [place.folders, system.limits, system.packages, system.time],
        [place.ownership, place.rights, place.file_systems, place.space, engine.engine, engine.server,
         database.reached],
        [
            database.settings_of, database.time, queues.inboxes, queues.arrivals, queues.requests, queues.deliveries,
            queues.batches, queues.leftovers, agreements.feeds, agreements.services, agreements.originals,
        ],
    )  # fmt: skip


def _told(check: Check, looked: Looked) -> Iterator[Finding]:
    """What a check finds; one that cannot be done is a problem of its own, and never a traceback."""
    from cominflow import quoting
    from cominflow.cli.doctor import finding

    try:
        yield from check(looked)
    except Exception as error:  # noqa: BLE001  the other checks are done all the same
        said = quoting.said(error).partition("\n")[0]
        yield finding.problem(
            check.__module__.rpartition(".")[2], check.__name__, f"this could not be looked at: {said}",
            why="something is wrong that no check expects", do="put right what is told above, then look again",
        )  # fmt: skip
