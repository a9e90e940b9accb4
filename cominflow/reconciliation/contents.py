"""Contents: what is inside the requests of one chunk, read from its blobs: one row per request.

A chunk's payload has the service of each request, and beside it are the records; its result blob the state, outcome,
revision and delivery of the first answers; overlays lie over it, the newest revision being the effective one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from cominflow.errors import CominflowError
from cominflow.exchange import payload
from cominflow.models import Chunk, ChunkPayload, Overlay
from cominflow.reconciliation.block import COUNTER_OF, UNENDED
from cominflow.reconciliation.report import Finding

_LENGTH_BYTES = 4  # before the head of a request kept as a row
_RESULT = ["state", "outcome", "revision", "delivery"]


@dataclass(frozen=True)
class Contents:
    """A chunk that could be read.

    requests   one row each: service, state, outcome, revision, delivery; those of the newest answer
    first, last   the references of the chunk's first and last request
    """

    requests: pd.DataFrame
    first: str
    last: str


def read(key: int, where: str, arrival_id: int) -> Contents | list[Finding]:
    """Open one chunk; findings R-203 and R-205 instead when it cannot be opened, or its parts do not fit."""
    chunk = Chunk.objects.get(pk=key)
    blobs = ChunkPayload.objects.filter(pk=key).values_list("payload", "records").first()
    said, records = blobs or (b"", b"")
    try:
        asked = _open(said, ["service", "reference"])
        records_count = _open(said if records is None else records, ["raw"]).num_rows
        base = None if chunk.result is None else _open(chunk.result, _RESULT).to_pandas()
    except (CominflowError, pa.ArrowInvalid, OSError, KeyError) as problem:
        return [Finding("R-203", where, "payloads that can be read", str(problem).splitlines()[0], arrival_id)]
    count = chunk.requests_count
    if base is None:
        base = pd.DataFrame({"state": ["WAITING"] * count, "outcome": "", "revision": 0, "delivery": 0})
    if not asked.num_rows == records_count == len(base) == count:
        found = f"{asked.num_rows} with {records_count} records and {len(base)} answers"
        return [Finding("R-203", where, f"{count} requests", found, arrival_id)]
    unsent = (base["delivery"] == 0) & ~base["state"].isin(UNENDED)
    base.loc[unsent, "delivery"] = chunk.delivery_number
    problems = list(_lay_over(base, chunk, where))
    if problems:
        return problems
    names = asked.column("reference")
    requests = base.assign(service=asked.column("service").to_pandas())
    return Contents(requests, names[0].as_py() or "", names[count - 1].as_py() or "")


def _open(blob: bytes | memoryview, names: list[str]) -> pa.Table:
    """These columns of a sealed table; words that are stored by number, once each, as words."""
    table = payload.open_table(blob, only=names).select(names)
    plain = [field.with_type(getattr(field.type, "value_type", field.type)) for field in table.schema]
    return table.cast(pa.schema(plain))


def _lay_over(base: pd.DataFrame, chunk: Chunk, where: str) -> Iterator[Finding]:
    """Put each overlay over `base`, in the order of the revisions, or say why it does not fit."""
    rows = Overlay.objects.filter(chunk=chunk).order_by("position", "revision")
    for position, revision, state, outcome, delivery in rows.values_list(
        "position", "revision", "state", "outcome", "delivery_number"
    ):
        if not 0 <= position < chunk.requests_count or state not in COUNTER_OF:
            expected = f"a position from 0 to {chunk.requests_count - 1} and a state of a request"
            yield Finding("R-205", where, expected, f"position {position}, {state}", chunk.arrival_id)
            continue
        last = int(base.at[position, "revision"])
        if revision != last + 1:
            expected = f"revision {last + 1} at position {position}"
            yield Finding("R-205", where, expected, f"revision {revision}", chunk.arrival_id)
            continue
        base.loc[position, _RESULT] = [state, outcome, revision, delivery]


def reference_of_row(blob: bytes | memoryview) -> str:
    """The reference in the payload of a request kept as a row. Raises ValueError when it cannot be read."""
    try:
        view = payload.open(blob)
        stop = _LENGTH_BYTES + int.from_bytes(view[:_LENGTH_BYTES], "big")
        return json.loads(bytes(view[_LENGTH_BYTES:stop]))["reference"] or ""
    except (CominflowError, KeyError, TypeError) as problem:
        raise ValueError(str(problem).splitlines()[0]) from problem
