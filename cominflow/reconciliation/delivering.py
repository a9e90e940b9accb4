"""Delivering: was each customer told what he had to be told, once, and is it on its way or out?"""

from __future__ import annotations

from collections.abc import Iterator

from cominflow.clock import to_the_minute
from cominflow.models import Arrival, Batch
from cominflow.reconciliation.block import ACCEPTED, UNREAD, Block
from cominflow.reconciliation.report import Finding

# What is HELD waits for a person, also of a closed file that was made again.
UNPUBLISHED = ("PLANNED", "STAGED")


def check(block: Block) -> Iterator[Finding]:
    """R-301 to R-303, R-305, R-307 and R-308: what the rows say. What lies in the folders is `published`."""
    yield from _late(block)
    planned = block.deliveries.groupby(["arrival_id", "kind", "number"]).size().to_dict()
    by_arrival: dict[int, dict[tuple[str, int], int]] = {key: {} for key in block.keys}
    for (key, kind, number), count in planned.items():
        by_arrival[key][kind, number] = count
    under_way = block.deliveries[block.deliveries["state"].isin(UNPUBLISHED)].groupby("arrival_id").size()
    late = Batch.objects.filter(late_for_id__in=block.keys, finished_at=None)
    goes_on = set(late.values_list("late_for_id", flat=True))  # a file that is made again, for instance
    for arrival in block.arrivals:
        found = by_arrival[arrival.pk]
        yield from _receipts(arrival, found)
        yield from _answers(arrival, found)
        is_lost = arrival.state in ("CLOSED", "PURGED") and arrival.pk in under_way and arrival.pk not in goes_on
        if is_lost and not is_moving(arrival):
            text = f"{under_way[arrival.pk]} are not"
            yield Finding("R-307", arrival.reference, "all its files are out", text, arrival.pk)
    for invoice in block.invoices:
        if ("invoice", invoice.delivery_number) not in by_arrival[invoice.arrival_id]:
            expected = f"invoice records with answer {invoice.delivery_number} of A-{invoice.arrival_id}"
            yield Finding("R-308", invoice.full_number, expected, "none", invoice.arrival_id)


def is_moving(arrival: Arrival) -> bool:
    """Whether the engine has still to decide about a file, or to tell its customer."""
    return arrival.state in UNREAD or (arrival.batch is not None and arrival.batch.finished_at is None)


def _receipts(arrival: Arrival, found: dict[tuple[str, int], int]) -> Iterator[Finding]:
    if arrival.state in ("CLAIMING", "VANISHED"):
        return
    last = arrival.readings_count
    for number in range(1, last + 1):
        count = found.get(("receipt", number), 0)
        if count != 2 and not (count == 0 and number == last and is_moving(arrival)):
            expected = f"two files for reading {number}"
            yield Finding("R-301", arrival.reference, expected, f"{count}", arrival.pk)
    beyond = sorted(number for kind, number in found if kind == "receipt" and not 1 <= number <= last)
    if beyond:
        expected = f"receipts of readings 1 to {last}"
        yield Finding("R-301", arrival.reference, expected, f"one of reading {beyond[0]}", arrival.pk)
    is_due = arrival.state in ACCEPTED and arrival.accepted_at and arrival.rejected_count and not is_moving(arrival)
    if is_due and not any(kind == "rejection" for kind, _ in found):
        expected = f"a file that returns {arrival.rejected_count} requests"
        yield Finding("R-302", arrival.reference, expected, "none", arrival.pk)


def _answers(arrival: Arrival, found: dict[tuple[str, int], int]) -> Iterator[Finding]:
    numbers = sorted(number for kind, number in found if kind == "answer")
    if numbers != list(range(1, arrival.answers_count + 1)):
        expected = f"answers 1 to {arrival.answers_count}" if arrival.answers_count else "no answer"
        told = ", ".join(map(str, numbers)) or "none"
        yield Finding("R-303", arrival.reference, expected, told, arrival.pk)


def _late(block: Block) -> Iterator[Finding]:
    rows = block.deliveries
    late = rows[rows["state"].isin(("PLANNED", "STAGED")) & (rows["planned_at"] < block.look.stale_before)]
    for row in late.itertuples():
        found = f"{row.state} since {to_the_minute(row.planned_at)}"
        yield Finding("R-305", f"D-{row.pk}", "it is out within the hour", found, row.arrival_id)
