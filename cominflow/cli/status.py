"""`cominflow status`: what is where, and what waits for a person."""

from __future__ import annotations

from typing import Any

import click

from cominflow.cli import setup, showing


@click.command(
    epilog="""\b
Examples:
  cominflow status
  cominflow status --watch --every 5
"""
)
@click.option("--watch", is_flag=True, help="Go on looking until Ctrl-C; with --json a line of JSON for each look.")
@click.option(
    "--every", type=click.FloatRange(0.1), default=2.0, show_default=True, help="Seconds between two looks of --watch."
)
@showing.json_option
def status(watch: bool, every: float, as_json: bool) -> None:
    """Count arrivals, requests, deliveries and invoices by state, and name what waits for a person.

    --watch draws a table in its place: counts with what changed since the last look, whether an engine runs, how long
    the oldest file has waited for it and for a person, and what fails. Requests of a large file count as waiting, ten
    thousand at a time, until their provider was asked.
    """
    setup.django()
    if watch:
        _watch(every, as_json=as_json)
    else:
        _count(as_json=as_json)


def _watch(every_s: float, *, as_json: bool) -> None:
    from cominflow import clock, settings
    from cominflow.cli import signals, watching
    from cominflow.exchange.disk import Folders
    from cominflow.flows import lock, pulse

    folders = Folders(settings.DATA)
    watching.watch(
        lambda: (pulse.look(clock.now()), lock.holder(folders)),
        title=str(settings.DATA),
        stop=signals.stop_event(),
        every_s=every_s,
        as_json=as_json,
    )


def _count(*, as_json: bool) -> None:
    from django.db.models import Count, Sum

    from cominflow import settings
    from cominflow.exchange import states
    from cominflow.exchange.disk import Folders
    from cominflow.exchange.request_states import COUNTER_OF, COUNTERS
    from cominflow.flows import lock
    from cominflow.flows import waiting as resting
    from cominflow.models import Arrival, Batch, Chunk, Customer, Delivery, Feed, Invoice, ProviderPause, Request
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
    ignored = _ignored()
    pauses = list(ProviderPause.objects.order_by("provider"))
    held = Delivery.objects.filter(state="HELD").select_related("arrival").order_by("pk")
    value = {
        "data": str(settings.DATA),
        "database": setup.database_shown(),
        "engine_process": lock.holder(Folders(settings.DATA)) or (None if as_json else "none"),
        "customers": Customer.objects.count(),
        "live_feeds": Feed.objects.filter(state="LIVE").count(),
        "unfinished_batches": Batch.objects.filter(finished_at=None).count(),
        "arrivals": arrivals,
        "requests": requests,
        "deliveries": by_state(Delivery),
        "invoices": invoiced["count"],
        "invoiced_gross": format_cents(invoiced["total"] or 0),
        "files_waiting_for_a_person": arrivals.get("HELD", 0) + arrivals.get("QUARANTINED", 0),
        "duplicates": arrivals.get("DUPLICATE", 0),
        "watcher": _watcher(as_json=as_json),
        "ignored_in_inboxes": len(ignored),
        "requests_waiting_for_a_person": requests["open"],
        "deliveries_held": held.count(),
        "held_deliveries": [
            {"arrival": found.arrival.reference, "file": f"{found.folder}/{found.shown_name}", "reason": found.reason}
            for found in held
        ],
        "files_waiting_for_a_provider": resting.resting().count(),
        "paused": [
            {"provider": row.provider, "since": row.paused_at, "by": row.paused_by, "reason": row.reason}
            for row in pauses
        ],
        "ignored_files": ignored,
        "failing": _failing(),
    }
    showing.record(value, as_json=as_json)
    if as_json:
        return
    if waiting := [f"--state {state}" for state in sorted(states.ARRIVAL_WAITING) if arrivals.get(state)]:
        click.echo(f"next: cominflow arrival list {' '.join(waiting)}")
    if held:
        click.echo(
            "next: move what has the name of a held delivery, then cominflow arrival release A-... --reason TEXT"
        )
    if requests["open"]:
        click.echo("next: cominflow work list")
    for row in pauses:
        click.echo(f"next: cominflow provider resume {row.provider}")


def _failing() -> list[dict[str, Any]]:
    """Batches whose last try failed, with their files, and when they are tried again."""
    from cominflow.flows import waiting
    from cominflow.models import Batch

    rows = Batch.objects.filter(finished_at=None).exclude(error="").order_by("pk")
    return [
        {"batch": row.pk, "files": waiting.files_of(row), "tried_again_at": row.not_before, "error": row.error}
        for row in rows
    ]


def _ignored() -> list[dict[str, str]]:
    """What lies in inboxes now and is not taken, and why. An inbox that cannot be looked at hides no other one."""
    from cominflow import clock, settings, shown
    from cominflow.errors import WorldError
    from cominflow.exchange import claim, disk
    from cominflow.models import Customer

    found = []
    folders, at = disk.Folders(settings.DATA), clock.now()
    for customer in Customer.objects.order_by("code"):
        try:
            is_there = folders.customer(customer.code).inbox.is_dir()
            waiting = claim.waiting(folders, customer, at=at) if is_there else []
        except (WorldError, OSError) as problem:
            why = problem.strerror if isinstance(problem, OSError) else str(problem).partition("\n")[0]
            found.append({"customer": customer.code, "name": "", "reason": f"its inbox cannot be looked at: {why}"})
        else:
            found += [{"customer": customer.code, "name": shown.name(one.name), "reason": one.why} for one in waiting]
    return found


def _watcher(*, as_json: bool) -> str:
    """How the engine's watcher does, as it said last; instants as everywhere, in Italian time or for JSON in UTC."""
    from datetime import datetime

    from cominflow import settings
    from cominflow.exchange import canary, disk

    health = canary.health(disk.Folders(settings.DATA))
    if health is None:
        return "no engine watched here yet"
    counts = (
        (health.restarts_count, "begun again"),
        (health.overflows_count, "times the kernel threw events away"),
        (health.unannounced_count, "files that no event told of"),
    )
    told = ", ".join(f"{count} {what}" for count, what in counts if count)
    told_at, since = (
        text if as_json or not text else showing.text_of(datetime.fromisoformat(text))
        for text in (health.told_at, health.degraded_since)
    )
    how = f"degraded since {since}: files are found by the sweep" if since else "well"
    return f"{how} (at {told_at}{', ' + told if told else ''})"
