"""Whole: reconcile a system, or what happened in it on one day. Begin reading here.

Everything is read from one snapshot. Files do not stand still with it: a finding about a file counts only when a second
snapshot, taken afterwards, finds it too; what moved on in between is no finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from cominflow.reconciliation import (
    charging,
    continuing,
    delivering,
    invoicing,
    leftovers,
    originals,
    published,
    requesting,
    working,
)
from cominflow.reconciliation.block import COUNTERS, ROME, Block, Look, blocks
from cominflow.reconciliation.report import Finding, Report
from cominflow.reconciliation.requesting import Asked
from cominflow.reconciliation.snapshot import snapshot


def reconcile(look: Look) -> Report:
    """Recompute everything that a look is at.

    Reads only. Raises WorldError or OSError when a folder cannot be read, and Django's DatabaseError.
    """
    report = Report(look.at, look.day)
    suspects: list[Finding] = []
    days: list[pd.DataFrame] = []
    with snapshot():
        for block in blocks(look):
            asked = requesting.ask(block)
            report.add(asked.findings)
            report.add(delivering.check(block))
            report.add(charging.check(block, asked))
            report.add(invoicing.check(block))
            report.add(working.check(block, asked))
            suspects += _of_files(block)
            days.append(_days(block, asked))
            _count(report, block, asked)
            if len(days) > 100:  # a system of many years has as many rows here as days and customers, not blocks
                days = [_sum(days)]
        report.add(invoicing.check_numbers())
        report.add(working.check_batches(look))
        report.add(continuing.check_numbers())
        if look.day is None:
            suspects += leftovers.check(look)
    report.add(_confirmed(look, suspects))
    table = _sum(days)
    report.add(_unbalanced(table))
    report.days = _shown(table)
    return report


def _of_files(block: Block) -> Iterator[Finding]:
    yield from originals.check(block)
    yield from published.check(block)


def _confirmed(look: Look, suspects: list[Finding]) -> Iterator[Finding]:
    """Those that a later look finds as well."""
    if not suspects:
        return
    keys = sorted({one.arrival_id for one in suspects if one.arrival_id})
    with snapshot():
        again = {(one.code, one.where) for block in blocks(look, keys) for one in _of_files(block)} if keys else set()
        if any(not one.arrival_id for one in suspects):
            again |= {(one.code, one.where) for one in leftovers.check(look)}
    yield from (one for one in suspects if (one.code, one.where) in again)


def _days(block: Block, asked: Asked) -> pd.DataFrame:
    """Per customer and day: what came in by the files' rows, what became of it by the requests', and the money."""
    cents = block.charges.groupby("arrival_id")["amount_cents"].sum()
    nets = pd.Series([one.net_cents for one in block.invoices], [one.arrival_id for one in block.invoices], "int64")
    net_cents = nets.groupby(level=0).sum()
    rows = [
        {
            "customer": arrival.customer.code,
            "day": arrival.claimed_at.astimezone(ROME).date(),
            "files": 1,
            "requests": arrival.requests_count,
            **{counter: asked.by_counter[arrival.pk][counter] for counter in COUNTERS},
            "charged_net_cents": int(cents.get(arrival.pk, 0)),
            "invoiced_net_cents": int(net_cents.get(arrival.pk, 0)),
        }
        for arrival in block.arrivals
        if arrival.accepted_at is not None
    ]
    return _sum([pd.DataFrame(rows)])


def _sum(tables: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [table for table in tables if not table.empty]
    if not filled:
        return pd.DataFrame()
    return pd.concat(filled).groupby(["customer", "day"], as_index=False).sum()


def _unbalanced(days: pd.DataFrame) -> Iterator[Finding]:
    """R-209."""
    if days.empty:
        return
    became = days[list(COUNTERS)].sum(axis=1)
    for row in days.assign(became=became)[days["requests"] != became].to_dict("records"):
        where = f"{row['customer']} on {row['day']:%Y-%m-%d}"
        yield Finding("R-209", where, f"{row['requests']} requests", f"{row['became']} in all states together")


def _shown(days: pd.DataFrame) -> list[dict[str, Any]]:
    return days.to_dict("records") if not days.empty else []


def _count(report: Report, block: Block, asked: Asked) -> None:
    report.seen["arrivals"] += len(block.arrivals)
    report.seen["requests"] += sum(counts.total() for counts in asked.by_counter.values())
    report.seen["charges"] += len(block.charges)
    report.seen["invoices"] += len(block.invoices)
    for name, count in block.seen.items():
        report.seen[name] += count
