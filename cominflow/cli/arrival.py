"""`cominflow arrival`: files that came in, and what an operator may do with one."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import click

from cominflow import entered, shown
from cominflow.cli import setup, showing
from cominflow.errors import UsageError

if TYPE_CHECKING:
    from cominflow.models import Arrival

_REASON = click.option("--reason", required=True, help="Why, for the record.")


@click.group()
def arrival() -> None:
    """List and show arrivals; release or discard one that waits for a person."""


@arrival.command(
    name="list",
    epilog="""\b
Examples:
  cominflow arrival list --customer banca-demo
  cominflow arrival list --state HELD --state QUARANTINED
""",
)
@click.option("--customer", help="Only this customer's.")
@click.option("--state", "states", multiple=True, help="Only in this state; may be given several times.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The newest so many.")
@showing.json_option
def list_all(customer: str | None, states: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List arrivals, newest first."""
    setup.django()
    from cominflow.customers import register
    from cominflow.exchange import arrivals

    wanted = [state.upper() for state in states]
    unknown = sorted(set(wanted) - set(_states()))
    if unknown:
        raise UsageError(f"there is no state {unknown[0]}", hint=f"states: {', '.join(_states())}")
    owner = None if customer is None else register.find(customer)
    rows = arrivals.listing(customer=owner, arrival_states=wanted or None)
    showing.table([_row(found) for found in rows[:limit]], as_json=as_json, empty="no such arrival")
    showing.more(rows.count(), shown_count=limit, as_json=as_json)


@arrival.command(
    epilog="""\b
Examples:
  cominflow arrival show A-17
  cominflow arrival show RV_20260301_017.txt
"""
)
@click.argument("which")
@click.option("--reveal", is_flag=True, help="Show results that do not fit their fields.")
@showing.json_option
def show(which: str, reveal: bool, as_json: bool) -> None:
    """Show an arrival: its state and why, its requests, findings, deliveries and history.

    WHICH is A-17, 17, or the file's name where one arrival has it.
    """
    setup.django()
    from cominflow.exchange import arrivals, requests

    found = arrivals.find(which)
    value: dict[str, Any] = {
        **_row(found),
        "sha256": found.sha256,
        "bytes": found.bytes_count,
        "records": found.records_count,
        "rejected": found.rejected_count,
        "duplicate_of": found.duplicate_of.reference if found.duplicate_of else "",
        "feed": f"{found.feed_version.feed.name}, version {found.feed_version.number}" if found.feed_version else "",
        "layout": f"{found.layout_version.layout_id}@{found.layout_version.version}" if found.layout_version else "",
        "reference_date": found.reference_date,
        "failing": _failing(found),
        "by_state": {state: count for state, count in requests.counts(found).items() if count},
        "open": _open(found, reveal=reveal),
        "findings": _findings(found),
        "deliveries": deliveries_of(found),
        "history": [
            {"at": event.at, "what": event.what, "by": event.by, "reason": event.reason}
            for event in arrivals.history(found)
        ],
    }
    showing.record(value, as_json=as_json)


@arrival.command(
    epilog="""\b
Example:
  cominflow arrival release A-17 --reason "sent again on purpose, by telephone"
"""
)
@click.argument("which")
@_REASON
@click.option("--changed-only", is_flag=True, help="Of a duplicate, work only on what was not accepted before.")
@showing.json_option
def release(which: str, reason: str, changed_only: bool, as_json: bool) -> None:
    """Let a duplicate, quarantined or held file through: it is read again.

    A released repeat is fulfilled and charged again, or, with --changed-only, only where it asks for something that
    was not accepted before; the rest is answered as repeated. Of a file that went its way, answers that are HELD,
    because something had their name in the customer's folder, are tried again.
    """
    _decide(which, reason, "release", as_json=as_json, **({"changed_only": True} if changed_only else {}))


@arrival.command(
    epilog="""\b
Example:
  cominflow arrival discard A-17 --reason "not meant for us"
"""
)
@click.argument("which")
@_REASON
@showing.json_option
def discard(which: str, reason: str, as_json: bool) -> None:
    """Decide that a duplicate, quarantined or held file is not processed. Its bytes are kept."""
    _decide(which, reason, "discard", as_json=as_json)


def _decide(which: str, reason: str, what: str, *, as_json: bool, **chosen: bool) -> None:
    setup.django()
    from cominflow import clock
    from cominflow.exchange import arrivals
    from cominflow.flows import operate

    if not entered.one_line("the reason", reason):
        raise UsageError("--reason is empty", hint="say why, for whoever reads the history later")
    found = arrivals.find(which)
    decide = operate.release if what == "release" else operate.discard
    decide(found.pk, by=setup.operator(), reason=reason.strip(), at=clock.now(), **chosen)
    found = arrivals.find(found.reference)
    if as_json:
        showing.record(_row(found), as_json=True)
        return
    click.echo(f"{found.reference} ({found.shown_name}) is {found.state}")
    if what == "release":
        again = "it is read again" if found.state == "CLAIMED" else "its held files are tried again"
        click.echo(f"{again} by `cominflow up`, or now: cominflow run --once")


def deliveries_of(found: Arrival) -> list[dict[str, Any]]:
    """The deliveries of an arrival, in the order they were planned."""
    return [
        {
            "kind": delivery.kind,
            "number": delivery.number,
            "file": f"{delivery.folder}/{shown.name(bytes(delivery.name))}",
            "state": delivery.state,
            "bytes": delivery.bytes_count,
            "published_at": delivery.published_at,
            "retrieved_at": delivery.retrieved_at,
            "reason": delivery.reason,
        }
        for delivery in found.deliveries.order_by("pk")
    ]


# Of the open requests of an arrival so many are shown; `work list` has them all.
_OPEN_SHOWN = 20


def _open(found: Arrival, *, reveal: bool) -> list[dict[str, Any]]:
    """The first open requests, and why they wait."""
    from cominflow.exchange import requests
    from cominflow.flows import why_open

    places = itertools.islice(requests.open_of(found), _OPEN_SHOWN)
    return [
        {
            "request": f"{found.reference}/{place.position + 1}",
            "reference": place.reference,
            "service": place.service,
            "reason": why_open.told(place, found, reveal=reveal),
        }
        for place in places
    ]


def _findings(found: Arrival) -> list[dict[str, Any]]:
    """Finding codes with their counts, and where the first of each stands, as the report of the reading has them.

    What stands in the file is in the customer's own receipt, and not here.
    """
    from cominflow.exchange import payload

    if not found.report:
        return []
    report = json.loads(bytes(payload.open(found.report)))
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for one in report.get("findings", []):
        part = one["rule"] or one["field"]  # as counts name what they count: by the rule, where there is one
        first.setdefault((one["code"], f"{one['record']}.{part}" if part else one["record"]), one)
    return [
        {**count, "first_line": found_at.get("line", ""), "text": found_at.get("text_en", "")}
        for count in report.get("counts", [])
        for found_at in [first.get((count["code"], count["path"]), {})]
    ]


def _failing(found: Arrival) -> str:
    """What its unfinished batches failed of the last time; empty when nothing fails."""
    from django.db.models import Q

    from cominflow.models import Batch

    batches = Batch.objects.filter(Q(arrivals=found) | Q(late_for=found), finished_at=None).exclude(error="")
    return "; ".join(dict.fromkeys(batches.order_by("pk").values_list("error", flat=True)))


def _states() -> tuple[str, ...]:
    from cominflow.exchange import arrivals

    return tuple(arrivals.MOVES)


def _row(found: Arrival) -> dict[str, Any]:
    return {
        "arrival": found.reference,
        "customer": found.customer.code,
        "file": found.shown_name,
        "state": found.state,
        "requests": found.requests_count,
        "arrived_at": found.claimed_at,
        "reason": found.reason,
    }
