"""`cominflow reconcile`: does everything add up?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from cominflow.cli import setup, showing
from tracciati.wording import counted


@click.command(
    epilog="""\b
Examples:
  cominflow reconcile
  cominflow reconcile --date 2026-03-01 --deep
"""
)
@click.option(
    "--date",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Only what arrived or was invoiced on this day in Italy.",
)
@click.option("--deep", is_flag=True, help="Hash every file, not only those of the day, and look every reference up.")
@showing.json_option
def reconcile(day: datetime | None, deep: bool, as_json: bool) -> int:
    """Recompute files, requests, deliveries, charges and invoices, and say what does not add up.

    Reads one snapshot and changes nothing; it may run beside the engine. Ends with exit code 1 when there is a
    finding; what each means stands in docs/reconciliation.md.
    """
    setup.django()
    from cominflow import clock, settings
    from cominflow.exchange.disk import Folders
    from cominflow.reconciliation.block import Look
    from cominflow.reconciliation.whole import reconcile as look_at

    look = Look(Folders(settings.DATA), clock.now(), None if day is None else day.date(), deep)
    report = look_at(look)
    if as_json:
        value = {
            "at": report.at,
            "date": report.day,
            "is_clean": report.is_clean,
            "looked_at": dict(report.seen),
            "counts": dict(report.counts),
            "findings": [one.as_row() for one in report.findings],
            "days": report.days,
        }
        showing.record(value, as_json=True)
    else:
        _tell(report)
    return 0 if report.is_clean else 1


def _tell(report: Any) -> None:
    from cominflow.money import format_cents

    rows = [
        {
            **{name: value for name, value in row.items() if not name.endswith("_cents")},
            "charged_net": format_cents(row["charged_net_cents"]),
            "invoiced_net": format_cents(row["invoiced_net_cents"]),
        }
        for row in report.days[-20:]
    ]
    if rows:
        showing.table(rows, as_json=False, empty="")
        click.echo("")
    for line in report.lines():
        click.echo(line)
    seen = ", ".join(f"{name} {count:,}" for name, count in report.seen.items() if count) or "nothing"
    click.echo(f"looked at: {seen}")
    click.echo("everything adds up" if report.is_clean else counted(report.counts.total(), "finding"))
