"""`cominflow status`: what is where, and what waits for a person."""

from __future__ import annotations

from typing import Any

import click

from cominflow.cli import setup, showing


@click.command(
    epilog="""\b
Example:
  cominflow status
"""
)
@showing.json_option
def status(as_json: bool) -> None:
    """Count arrivals, requests, deliveries and invoices by state, and name what waits for a person."""
    setup.django()
    from django.db.models import Count, Sum

    from cominflow import settings
    from cominflow.exchange import states
    from cominflow.exchange.request_states import COUNTER_OF, COUNTERS
    from cominflow.models import Arrival, Batch, Chunk, Customer, Delivery, Feed, Invoice, Request
    from cominflow.money import format_cents

    def by_state(model: Any) -> dict[str, int]:
        return dict(model.objects.order_by("state").values_list("state").annotate(Count("pk")))

    requests = dict.fromkeys(COUNTERS, 0)
    for counter in COUNTERS:
        requests[counter] = Chunk.objects.aggregate(n=Sum(f"{counter}_count"))["n"] or 0
    for state, count in by_state(Request).items():
        requests[COUNTER_OF[state]] += count
    arrivals = by_state(Arrival)
    invoiced = Invoice.objects.aggregate(count=Count("pk"), total=Sum("total_cents"))
    waiting = sum(arrivals.get(state, 0) for state in states.ARRIVAL_WAITING)
    held = Delivery.objects.filter(state="HELD").select_related("arrival").order_by("pk")
    value = {
        "data": str(settings.DATA),
        "database": setup.database_shown(),
        "customers": Customer.objects.count(),
        "live_feeds": Feed.objects.filter(state="LIVE").count(),
        "unfinished_batches": Batch.objects.filter(finished_at=None).count(),
        "arrivals": arrivals,
        "requests": requests,
        "deliveries": by_state(Delivery),
        "invoices": invoiced["count"],
        "invoiced": format_cents(invoiced["total"] or 0),
        "files_waiting_for_a_person": waiting,
        "requests_waiting_for_a_person": requests["open"],
        "deliveries_held": held.count(),
        "held": [
            {"arrival": found.arrival.reference, "file": f"{found.folder}/{found.shown_name}", "reason": found.reason}
            for found in held
        ],
        "failing": [
            {"batch": batch.pk, "tried_again_at": batch.not_before, "error": batch.error}
            for batch in Batch.objects.filter(finished_at=None).exclude(error="").order_by("pk")
        ],
    }
    showing.record(value, as_json=as_json)
    if as_json:
        return
    if waiting:
        shown = " ".join(f"--state {state}" for state in sorted(states.ARRIVAL_WAITING))
        click.echo(f"next: cominflow arrival list {shown}")
    if held:
        click.echo(
            "next: move what has the name of a held delivery, then cominflow arrival release A-... --reason TEXT"
        )
    if requests["open"]:
        click.echo("next: cominflow work list")
