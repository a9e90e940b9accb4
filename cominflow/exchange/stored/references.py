"""References: where a request is, found by the customer's own words for it.

A reference is known by a 64-bit hash. An arrival held as chunks has its hashes sorted, with the positions, in slices
of SLICE_REFERENCES rows: a look-up reads one slice per arrival (0.1 MB) and searches it by halves. A random index row
per request would decay as the table grows. A hit is only a hint: the caller verifies it against the text.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc
from django.db import transaction
from numpy.typing import NDArray

from cominflow.exchange import payload
from cominflow.exchange.stored.reference_hash import hash_of, hashes
from cominflow.models import Arrival, Chunk, ReferenceSegment, Request

# 8 bytes of hash and 4 of position each: a slice is about 100 kB, read in less than a millisecond.
SLICE_REFERENCES = 8_192
# Hashes that are sorted together: 16 MB in memory. A larger arrival has several sorted runs.
RUN_REFERENCES = 1_000_000

# Arrivals whose requests exist for others: while it is being read, an arrival can still be refused.
VISIBLE = ("QUEUED", "ANSWERED", "CLOSED")


class Hit(NamedTuple):
    """A request whose reference has the wanted hash."""

    arrival_id: int
    position: int


def write(arrival: Arrival) -> int:
    """Write the segments of an arrival held as chunks; in the transaction that makes it QUEUED.

    Returns how many references were written. Empty ones are left out. A second call writes nothing, and returns 0.
    """
    with transaction.atomic():
        if ReferenceSegment.objects.filter(arrival=arrival).exists():
            return 0
        found: list[NDArray[np.int64]] = []
        places: list[NDArray[np.int64]] = []
        slice_number = waiting = total = 0
        for first, blob in Chunk.objects.filter(arrival=arrival).order_by("ordinal").values_list(
            "first_position", "payload"
        ).iterator(chunk_size=4):  # fmt: skip
            references = payload.open_table(blob, only=["reference"]).column(0).combine_chunks()
            named = np.flatnonzero(np.asarray(pc.fill_null(pc.binary_length(references), 0)) > 0)
            found.append(hashes(references)[named])
            places.append(named + first)
            waiting, total = waiting + len(named), total + len(named)
            if waiting >= RUN_REFERENCES:
                slice_number = _write_run(arrival, found, places, slice_number)
                found, places, waiting = [], [], 0
        if waiting:
            _write_run(arrival, found, places, slice_number)
    return total


def hits(reference: str, *, customer_id: int | None = None) -> list[Hit]:
    """Requests of visible arrivals whose reference has the hash of `reference`, the newest arrival first."""
    wanted = hash_of(reference)
    rows = Request.objects.filter(reference_hash=wanted, arrival__state__in=VISIBLE)
    segments = ReferenceSegment.objects.filter(hash_min__lte=wanted, hash_max__gte=wanted, arrival__state__in=VISIBLE)
    if customer_id is not None:
        rows = rows.filter(arrival__customer_id=customer_id)
        segments = segments.filter(customer_id=customer_id)
    found = [Hit(*place) for place in rows.values_list("arrival_id", "position")]
    for arrival_id, blob, places in segments.values_list("arrival_id", "hashes", "places"):
        sorted_hashes = np.frombuffer(payload.open(blob), dtype="<i8")
        start, stop = np.searchsorted(sorted_hashes, wanted, "left"), np.searchsorted(sorted_hashes, wanted, "right")
        positions = np.frombuffer(payload.open(places), dtype="<i4")[start:stop]
        found += [Hit(arrival_id, position) for position in positions.tolist()]
    return sorted(found, key=lambda hit: (-hit.arrival_id, hit.position))


def _write_run(
    arrival: Arrival, found: list[NDArray[np.int64]], places: list[NDArray[np.int64]], slice_number: int
) -> int:
    """Sort these hashes and write them as slices; the number of the slice that comes next."""
    all_hashes, all_places = np.concatenate(found), np.concatenate(places)
    order = np.argsort(all_hashes, kind="stable")
    all_hashes, all_places = all_hashes[order].astype("<i8"), all_places[order].astype("<i4")
    segments: list[ReferenceSegment] = []
    for start in range(0, len(order), SLICE_REFERENCES):
        part = all_hashes[start : start + SLICE_REFERENCES]
        segments.append(
            ReferenceSegment(
                customer_id=arrival.customer_id,
                arrival=arrival,
                slice_number=slice_number + len(segments),
                references_count=len(part),
                hash_min=int(part[0]),
                hash_max=int(part[-1]),
                hashes=payload.seal(part.tobytes()),
                places=payload.seal(all_places[start : start + SLICE_REFERENCES].tobytes()),
            )
        )
    ReferenceSegment.objects.bulk_create(segments, batch_size=32)
    return slice_number + len(segments)
