"""`cominflow trace`: one request from the file it came in to the invoice it is on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from cominflow.cli import setup, showing
from cominflow.cli.work import why
from cominflow.errors import UsageError

if TYPE_CHECKING:
    from cominflow.exchange.requests import Place


@click.command(
    epilog="""\b
Example:
  cominflow trace PRATICA-0001 --customer banca-demo
"""
)
@click.argument("reference")
@click.option("--customer", help="Only this customer's.")
@click.option("--reveal", is_flag=True, help="Show a result that does not fit its field.")
@showing.json_option
def trace(reference: str, customer: str | None, reveal: bool, as_json: bool) -> None:
    """Say everything about the requests that a customer calls REFERENCE, the newest first.

    Where it came in, what became of it and by whom, with which file the answer went out, and on which invoice it is.
    """
    setup.django()
    from cominflow.customers import register
    from cominflow.exchange import requests

    owner = None if customer is None else register.find(customer)
    found = requests.find(reference, customer=owner)
    if not found:
        raise UsageError(f"no accepted request is called {reference!r}", hint=_hint(reference))
    values = [_journey(place, reveal=reveal) for place in found]
    if as_json:
        click.echo(showing.to_json(values))
        return
    for number, value in enumerate(values):
        if number:
            click.echo("")
        showing.record(value, as_json=False)


def _hint(reference: str) -> str:
    ours = re.fullmatch(r"(A-[0-9]+)/[0-9]+", reference, re.ASCII)
    if ours:  # how the work list names a request
        return (
            f"write the customer's own reference, as it is in the file (see it with `cominflow arrival show {ours[1]}`)"
        )
    return "write it exactly as in the file; refused files are in `cominflow arrival list --state REFUSED`"


def _repeats(place: Place) -> str:
    """The earlier request that this one repeats or changes, and what came of it; empty when there is none."""
    from cominflow.exchange import repeated

    found = repeated.of_request(place.arrival_id, place.ordinal, place.position)
    if found is None:
        return ""
    how = "the same as" if found.is_same else "a change of"
    what = {
        repeated.REFUSED: ": refused",
        repeated.ANSWERED_AGAIN: ": its answer is given again",
        repeated.CORRECTS: ", which it cancelled",
    }
    return f"{how} {found.earlier}{what[found.what]}"


def _journey(place: Place, *, reveal: bool) -> dict[str, Any]:
    from cominflow import shown
    from cominflow.exchange import assignments
    from cominflow.models import Arrival, Delivery, Event, Invoice

    arrival = Arrival.objects.select_related("customer").defer("head", "tail", "report").get(pk=place.arrival_id)
    number = place.delivery_number
    # Only what was fulfilled is charged: the answer's invoice is another request's business otherwise.
    is_charged = place.outcome == "fulfilled"
    kinds = ("answer", "invoice") if is_charged else ("answer",)
    sent = Delivery.objects.filter(arrival=arrival, kind__in=kinds, number=number) if number else []
    invoice = Invoice.objects.filter(arrival=arrival, delivery_number=number).first() if number and is_charged else None
    return {
        "reference": place.reference,
        "request": f"{arrival.reference}/{place.position + 1}",
        "customer": place.customer,
        "service": place.service,
        "file": arrival.shown_name,
        "file_state": arrival.state,
        "arrived_at": arrival.claimed_at,
        "accepted_at": arrival.accepted_at,
        "state": place.state,
        "outcome": place.outcome,
        "reason": why(place, reveal=reveal),
        # By its provider, or by whoever took an answer back.
        "opened_at" if place.state == "OPEN" else "answered_at": place.answered_at,
        "opened_by" if place.state == "OPEN" else "answered_by": place.answered_by,
        "revision": place.revision,
        "repeats": _repeats(place),
        "assignee": assignments.assignee_of(place.arrival_id, place.position),
        "invoice": invoice.full_number if invoice is not None else "",
        "deliveries": [
            {
                "kind": delivery.kind,
                "number": delivery.number,
                "file": f"{delivery.folder}/{shown.name(bytes(delivery.name))}",
                "state": delivery.state,
                "published_at": delivery.published_at,
                "retrieved_at": delivery.retrieved_at,
            }
            for delivery in sent
        ],
        "history": [
            {"at": event.at, "what": event.what, "by": event.by, "reason": event.reason}
            for event in Event.objects.filter(subject__in=(arrival.reference, place.name)).order_by("pk")
        ],
    }
