"""`cominflow delivery`: files that we made for customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cominflow.cli import setup, showing
from cominflow.errors import UsageError

if TYPE_CHECKING:
    from cominflow.models import Delivery

# As in `exchange.planning.KINDS`, which is not imported for `--help`; a test holds the two together.
KINDS = ("receipt", "rejection", "answer", "invoice")


@click.group()
def delivery() -> None:
    """List and show the files that went out; publish one again that is gone."""


@delivery.command(
    name="list",
    epilog="""\b
Examples:
  cominflow delivery list --customer banca-demo --kind answer
  cominflow delivery list --arrival A-17
  cominflow delivery list --state HELD
""",
)
@click.option("--customer", help="Only this customer's.")
@click.option("--arrival", help="Only of this arrival: A-17, 17, or the file's name.")
@click.option("--state", "states", multiple=True, help="Only in this state; may be given several times.")
@click.option("--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="Only of this kind; several times.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The newest so many.")
@showing.json_option
def list_all(
    customer: str | None,
    arrival: str | None,
    states: tuple[str, ...],
    kinds: tuple[str, ...],
    limit: int,
    as_json: bool,
) -> None:
    """List deliveries, newest first."""
    setup.django()
    from cominflow.customers import register
    from cominflow.exchange import arrivals, deliveries, publish

    wanted = [state.upper() for state in states]
    unknown = sorted(set(wanted) - set(publish.MOVES))
    if unknown:
        raise UsageError(f"there is no state {unknown[0]}", hint=f"states: {', '.join(publish.MOVES)}")
    found = deliveries.selected(
        customer=None if customer is None else register.find(customer),
        arrival=None if arrival is None else arrivals.find(arrival),
        delivery_states=wanted or None,
        kinds=kinds or None,
    )
    showing.table([_row(one) for one in found[:limit]], as_json=as_json, empty="no such delivery")


@delivery.command(
    epilog="""\b
Example:
  cominflow delivery show D-5
"""
)
@click.argument("which")
@showing.json_option
def show(which: str, as_json: bool) -> None:
    """Show a delivery: what it is, its bytes, whether they are in the customer's folder, and its history.

    WHICH is D-5, or 5.
    """
    setup.django()
    from cominflow import settings
    from cominflow.exchange import deliveries, publish
    from cominflow.exchange.disk import Folders

    found = deliveries.find(which)
    folders = Folders(settings.DATA)
    value: dict[str, Any] = {
        **_row(found),
        "customer_file": found.arrival.shown_name,
        "number": found.number,
        "path": str(publish.place_of(folders, found)),
        "in_the_folder": publish.presence(folders, found),
        "sha256": found.sha256,
        "planned_at": found.planned_at,
        "reason": found.reason,
        "history": [
            {"at": event.at, "what": event.what, "by": event.by, "reason": event.reason}
            for event in deliveries.history(found)
        ],
    }
    showing.record(value, as_json=as_json)
    if not as_json and value["in_the_folder"] == "gone" and found.state in ("PUBLISHED", "RETRIEVED"):
        click.echo(
            f"next, if the customer wants it again: cominflow delivery republish {found.reference} --reason TEXT"
        )


@delivery.command(
    epilog="""\b
Example:
  cominflow delivery republish D-5 --reason "the customer removed it by mistake, by telephone"
"""
)
@click.argument("which")
@click.option("--reason", required=True, help="Why, for the record.")
@showing.json_option
def republish(which: str, reason: str, as_json: bool) -> None:
    """Make a file again that is gone from the customer's folder: the same bytes under the same name.

    Nothing is charged again. A file that is there is never touched: where it is whole there is nothing to do, and
    where it has other bytes the command says so. Bytes that come out otherwise than they were published are refused.
    """
    setup.django()
    from cominflow import clock
    from cominflow.exchange import deliveries
    from cominflow.flows import operate

    found = deliveries.find(which)
    is_planned = operate.republish(found, by=setup.operator(), reason=reason, at=clock.now())
    if as_json:
        showing.record({**_row(found), "is_planned": is_planned}, as_json=True)
    elif is_planned:
        click.echo(
            f"{found.reference} ({found.shown_name}) is PLANNED\n"
            "it is made again by `cominflow up`, or now: cominflow run --once"
        )
    else:
        click.echo(f"{found.reference} ({found.shown_name}) is in {found.folder}, whole: nothing to do")


def _row(found: Delivery) -> dict[str, Any]:
    return {
        "delivery": found.reference,
        "customer": found.customer.code,
        "arrival": found.arrival.reference,
        "kind": found.kind,
        "file": f"{found.folder}/{found.shown_name}",
        "state": found.state,
        "bytes": found.bytes_count,
        "published_at": found.published_at,
        "retrieved_at": found.retrieved_at,
    }
