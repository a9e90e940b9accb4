"""Continuing: have the accepted files of each feed numbers that none of the others has?"""

from __future__ import annotations

from collections.abc import Iterator

from cominflow.models import FlowNumber
from cominflow.reconciliation.block import ACCEPTED
from cominflow.reconciliation.report import Finding

_COLUMNS = ("feed_id", "path", "round", "first", "last", "arrival_id", "arrival__state")


def check_numbers() -> Iterator[Finding]:
    """R-210, for every feed, in the order of the numbers."""
    rows = FlowNumber.objects.order_by("feed_id", "path", "round", "first", "pk").values_list(*_COLUMNS)
    before: tuple[object, int, int] | None = None  # of which feed, path and round; its last number; its arrival
    for feed, path, round_, first, last, arrival, state in rows.iterator():
        where = f"A-{arrival}"
        if state not in ACCEPTED:
            yield Finding("R-210", where, f"no number of {path} at a file that is {state}", str(first), arrival)
        if first is None or last is None:
            continue
        series = (feed, path, round_)
        if before is not None and before[0] == series and first <= before[1]:
            found = f"{first}, as A-{before[2]}"
            yield Finding("R-210", where, f"a number of {path} that no file has had", found, arrival)
        if before is None or before[0] != series or last > before[1]:
            before = series, last, arrival
