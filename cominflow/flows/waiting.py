"""Waiting: files that rest because an operator has paused a provider, which is no failure; and those of a batch that
failed.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from cominflow.exchange import requests
from cominflow.exchange.request_states import WAITING
from cominflow.flows import receive
from cominflow.models import Arrival, Batch, Chunk, ProviderPause, Request, Service

_ENDED = ("CLOSED", "REFUSED", "DISCARDED", "DUPLICATE", "QUARANTINED")
_NAMED_MAX = 3


def resting() -> QuerySet[Arrival]:
    """Accepted files with requests that wait, of batches that failed at nothing: their provider is paused."""
    batches_resting = Batch.objects.filter(finished_at=None, error="").exclude(not_before=None)
    rows = Request.objects.filter(arrival=OuterRef("pk"), state=WAITING)
    chunks = Chunk.objects.filter(arrival=OuterRef("pk"), waiting_count__gt=0)
    accepted = Arrival.objects.filter(state="QUEUED", batch__in=batches_resting)
    return accepted.filter(Exists(rows) | Exists(chunks)).order_by("pk")


def files_of(batch: Batch) -> str:
    """The files that wait for an unfinished batch, for a message: the first ones by name, and how many more."""
    waiting = [arrival for arrival in receive.arrivals_of(batch) if arrival.state not in _ENDED]
    names = ", ".join(f"{arrival.reference} ({arrival.shown_name})" for arrival in waiting[:_NAMED_MAX])
    return names + (f" and {len(waiting) - _NAMED_MAX} more" if len(waiting) > _NAMED_MAX else "")


def waits_for(arrival: Arrival) -> list[ProviderPause]:
    """The pauses that a resting file waits for, by its first portion that waits."""
    stopped = {pause.provider: pause for pause in ProviderPause.objects.order_by("provider")}
    for ordinal in requests.waiting_ordinals(arrival)[:1]:
        portion = requests.read_portion(arrival, ordinal, states={WAITING})
        codes = set(portion.services.to_pylist()) if portion is not None else set()
        names = Service.objects.filter(code__in=codes).values_list("provider", flat=True)
        return [stopped[name] for name in sorted(set(names)) if name in stopped]
    return []
