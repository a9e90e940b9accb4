"""Requesting: are the requests of each arrival all there, in the states that their file's state allows?

Chunks are opened one after the other, so that memory does not grow with the arrival; the database sums up rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from django.db.models import Exists, OuterRef, Q

from cominflow.exchange import payload
from cominflow.models import Arrival, Chunk, ChunkPayload, ReferenceRun, ReferenceSlice, Request
from cominflow.reconciliation import contents
from cominflow.reconciliation.block import ACCEPTED, COUNTER_OF, COUNTERS, UNENDED, UNREAD, Block
from cominflow.reconciliation.reference_hash import hash_of
from cominflow.reconciliation.report import Finding

ROWS = -1
_FULFILLED = ["arrival_id", "chunk_ordinal", "delivery_number", "service_id"]


@dataclass
class Asked:
    """What the requests of a block are, counted from themselves.

    by_counter  arrival -> how many waiting, open, answered …; unsent: how many have an answer that never went out
    fulfilled   rows of (arrival, chunk ordinal or -1, delivery, service, how many): what has to be charged
    unreadable  arrivals with a chunk that cannot be counted: purged, or damaged and complained about
    """

    by_counter: dict[int, Counter[str]] = field(default_factory=dict)
    unsent: Counter[int] = field(default_factory=Counter)
    fulfilled: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    unreadable: set[int] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)

    def to_charge(self) -> pd.DataFrame:
        """`fulfilled` as a table."""
        return pd.DataFrame(self.fulfilled, columns=[*_FULFILLED, "count"]).astype("int64")


def ask(block: Block) -> Asked:
    """Count everything in a block; the findings are in the result."""
    asked = Asked({key: Counter() for key in block.keys})
    _ask_rows(block, asked)
    for row in block.chunks.itertuples():
        _ask_chunk(block, row, asked)
    for arrival in block.arrivals:
        asked.findings += _of_arrival(block, arrival, asked)
    asked.findings += _misplaced(block)
    asked.findings += _unfindable_rows(block)
    return asked


def _ask_rows(block: Block, asked: Asked) -> None:
    for row in block.rows.itertuples():
        asked.by_counter[row.arrival_id][COUNTER_OF[row.state]] += row.count
        if row.delivery_number == 0 and row.state not in UNENDED:
            asked.unsent[row.arrival_id] += row.count
        if row.delivery_number > 0 and row.outcome == "fulfilled":
            asked.fulfilled.append((row.arrival_id, ROWS, row.delivery_number, row.service_id, row.count))


def _ask_chunk(block: Block, chunk: Any, asked: Asked) -> None:
    arrival = block.by_key[chunk.arrival_id]
    where = f"{arrival.reference} chunk {chunk.ordinal}"
    counters = {counter: getattr(chunk, f"{counter}_count") for counter in COUNTERS}
    block.seen["chunks"] = block.seen.get("chunks", 0) + 1
    if arrival.state == "PURGED":
        asked.unreadable.add(arrival.pk)
        asked.by_counter[arrival.pk].update(counters)
        return
    found = contents.read(chunk.pk, where, arrival.pk)
    if isinstance(found, list):
        asked.findings += found
        asked.unreadable.add(arrival.pk)
        asked.by_counter[arrival.pk].update(counters)
        return
    requests = found.requests
    counted = Counter(dict.fromkeys(COUNTERS, 0))
    for state, count in requests["state"].value_counts().items():
        counted[COUNTER_OF[state]] += count
    if counted != Counter(counters):
        asked.findings.append(Finding("R-202", where, _told(counted), _told(counters), arrival.pk))
    asked.by_counter[arrival.pk].update(counted)
    asked.unsent[arrival.pk] += int(((requests["delivery"] == 0) & ~requests["state"].isin(UNENDED)).sum())
    sent = requests[(requests["delivery"] > 0) & (requests["outcome"] == "fulfilled")]
    keys = {code: key for key, code in block.services.items()}
    for (delivery, code), count in sent.groupby(["delivery", "service"]).size().items():
        asked.fulfilled.append((arrival.pk, chunk.ordinal, int(delivery), keys.get(code, 0), int(count)))
    if arrival.state not in UNREAD:
        last = chunk.first_position + chunk.requests_count - 1
        asked.findings += _unfindable(arrival, found.first, chunk.first_position)
        if block.look.is_deep:
            asked.findings += _unfindable(arrival, found.last, last)


def _of_arrival(block: Block, arrival: Arrival, asked: Asked) -> Iterator[Finding]:
    counted = asked.by_counter[arrival.pk]
    where, stored = arrival.reference, counted.total()
    if arrival.state in UNREAD:
        return  # its chunks are stored one after the other, under an arrival that nobody sees
    is_accepted = arrival.state in ACCEPTED and arrival.accepted_at is not None
    if is_accepted and stored != arrival.requests_count:
        yield Finding("R-201", where, f"{arrival.requests_count} requests", f"{stored} are stored", arrival.pk)
    if not is_accepted and stored:
        yield Finding("R-206", where, f"no requests while it is {arrival.state}", f"{stored} are stored", arrival.pk)
    unended = counted["waiting"] + counted["open"]
    if arrival.state in ("ANSWERED", "CLOSED", "PURGED") and unended:
        yield Finding("R-206", where, f"none is open while it is {arrival.state}", _told(counted), arrival.pk)
    if arrival.state in ("ANSWERED", "CLOSED") and asked.unsent[arrival.pk]:
        found = f"{asked.unsent[arrival.pk]} answers never went out"
        yield Finding("R-206", where, f"all have gone out while it is {arrival.state}", found, arrival.pk)
    due = (
        {"accepted", *(f"answer-{number}" for number in range(1, arrival.answers_count + 1))} if is_accepted else set()
    )
    done = {step for step in block.once[arrival.pk] if step == "accepted" or step.startswith("answer-")}
    if done != due:
        yield Finding("R-207", where, _steps(due), _steps(done), arrival.pk)


def _misplaced(block: Block) -> Iterator[Finding]:
    """R-204: chunks that do not follow one another, rows with a hole."""
    for row in block.row_places.itertuples():
        if (row.first, row.last) != (0, row.count - 1):
            found = f"{row.count} from {row.first} to {row.last}"
            yield Finding("R-204", f"A-{row.arrival_id}", f"positions 0 to {row.count - 1}", found, row.arrival_id)
    for key, chunks in block.chunks.groupby("arrival_id"):
        starts = chunks["requests_count"].cumsum().shift(fill_value=0).astype("int64")
        wrong = (chunks["first_position"] != starts) | (chunks["ordinal"] != np.arange(len(chunks)))
        for index in np.flatnonzero(wrong)[:1].tolist():
            row = chunks.iloc[index]
            expected = f"chunk {index} from position {starts.iloc[index]} on"
            found = f"chunk {row['ordinal']} from position {row['first_position']} on"
            yield Finding("R-204", f"A-{key}", expected, found, int(key))


def _unfindable(arrival: Arrival, reference: str, position: int) -> Iterator[Finding]:
    """R-208: no run of references leads from this one to this position."""
    if not reference or arrival.accepted_at is None:
        return
    wanted, place = hash_of(reference), arrival.pk << 30 | position
    for run, bounds in ReferenceRun.objects.filter(customer=arrival.customer_id).values_list("pk", "bounds"):
        firsts = _numbers(bounds)
        first, stop = np.searchsorted(firsts, wanted, "left") - 1, np.searchsorted(firsts, wanted, "right")
        keys = [run << 20 | number for number in range(max(int(first), 0), int(stop))]
        for hashes, places in ReferenceSlice.objects.filter(key__in=keys).values_list("hashes", "places"):
            if place in _numbers(places)[_numbers(hashes) == wanted]:
                return
    yield Finding("R-208", f"{arrival.reference}/{position + 1}", "a run that leads to it", "none", arrival.pk)


def _numbers(blob: bytes | memoryview) -> np.ndarray:
    return np.frombuffer(payload.open(blob), dtype="<i8")


def _unfindable_rows(block: Block) -> Iterator[Finding]:
    """R-208 for rows: the first of each arrival, or all of them."""
    live = [row.pk for row in block.arrivals if row.state in ACCEPTED - {"PURGED"}]
    rows = Request.objects.filter(arrival_id__in=live).order_by("arrival_id", "position")
    if not block.look.is_deep:
        rows = rows.filter(position=0)
    for key, position, stored, blob in rows.values_list("arrival_id", "position", "reference_hash", "payload"):
        where = f"A-{key}/{position + 1}"
        try:
            reference = contents.reference_of_row(blob)
        except ValueError as problem:
            yield Finding("R-203", where, "a payload that can be read", str(problem), key)
            continue
        if stored is None:
            yield from _unfindable(block.by_key[key], reference, position)
        elif stored != hash_of(reference):
            yield Finding("R-208", where, "the hash of its reference", "another one", key)


def leftover(block: Block) -> set[int]:
    """Purged arrivals of which the database still holds contents."""
    purged = [row.pk for row in block.arrivals if row.state == "PURGED"]
    if not purged:
        return set()
    rows = Request.objects.filter(arrival_id__in=purged).exclude(payload=b"", result=None)
    found = set(rows.values_list("arrival_id", flat=True).distinct())
    chunks = Chunk.objects.filter(arrival_id__in=purged)
    kept = Q(result__isnull=False) | Exists(ChunkPayload.objects.filter(pk=OuterRef("pk")))
    found |= set(chunks.filter(kept).values_list("arrival_id", flat=True).distinct())
    found |= set(ReferenceRun.objects.filter(arrival_id__in=purged).values_list("arrival_id", flat=True).distinct())
    parts = Arrival.objects.filter(pk__in=purged).exclude(report=None, head=None, tail=None)
    return found | set(parts.values_list("pk", flat=True))


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "none"


def _steps(steps: set[str]) -> str:
    return ", ".join(sorted(steps)) or "no step"
