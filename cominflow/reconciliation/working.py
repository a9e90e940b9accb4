"""Working: does somebody go on with everything that is not at its end?"""

from __future__ import annotations

from collections.abc import Iterator

from cominflow.clock import to_the_minute
from cominflow.models import Batch
from cominflow.reconciliation.block import Block, Look
from cominflow.reconciliation.report import Finding
from cominflow.reconciliation.requesting import Asked


def check(block: Block, asked: Asked) -> Iterator[Finding]:
    """R-602: arrivals that the engine has to go on with, and no batch does."""
    late = Batch.objects.filter(late_for_id__in=block.keys, finished_at=None)
    goes_on = set(late.values_list("late_for_id", flat=True))
    held = set(block.deliveries[block.deliveries["state"] == "HELD"]["arrival_id"])
    for arrival in block.arrivals:
        if arrival.pk in goes_on or (arrival.batch is not None and arrival.batch.finished_at is None):
            continue
        is_waiting = arrival.state == "QUEUED" and (asked.by_counter[arrival.pk]["waiting"] or asked.unsent[arrival.pk])
        is_unpublished = arrival.state == "ANSWERED" and arrival.pk not in held
        if arrival.state in ("CLAIMED", "READING") or is_waiting or is_unpublished:
            expected = f"an unfinished batch while it is {arrival.state}"
            yield Finding("R-602", arrival.reference, expected, "none", arrival.pk)


def check_batches(look: Look) -> Iterator[Finding]:
    """R-601."""
    for batch in Batch.objects.filter(finished_at=None, created_at__lt=look.stale_before).order_by("pk"):
        found = f"begun {to_the_minute(batch.created_at)}" + (f", failing: {batch.error}" if batch.error else "")
        yield Finding("R-601", f"batch {batch.pk}", "it ends within the hour", found)
