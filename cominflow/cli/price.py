"""`cominflow price`: what a request costs a customer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from cominflow.cli import setup, showing
from cominflow.errors import UsageError

if TYPE_CHECKING:
    from cominflow.models import Price


@click.group()
def price() -> None:
    """Set and list unit prices."""


@price.command(
    name="set",
    # `-1` is a price, though not one that may be, and no option.
    context_settings={"ignore_unknown_options": True},
    epilog="""\b
Example:
  cominflow price set banca-demo VIS1 3.50
  cominflow price set banca-demo VIS1 3.80 --from 2030-01-01
""",
)
@click.argument("customer")
@click.argument("service")
@click.argument("unit_price")
@click.option(
    "--from",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="First day it holds, from 0:00 in Italy.  [default: from now on]",
)
@showing.json_option
def put(customer: str, service: str, unit_price: str, day: datetime | None, as_json: bool) -> None:
    """Set the price of one request of SERVICE for CUSTOMER, in euro before VAT, with up to 8 decimals.

    Earlier prices stay: a file is charged at the price that held when it was accepted.
    """
    setup.django()
    from cominflow import clock
    from cominflow.customers import register
    from cominflow.money import format_e8, parse_e8
    from cominflow.pricing import prices, services

    try:
        amount = parse_e8(unit_price)
    except ValueError as problem:
        raise UsageError(str(problem), hint="write euros with a point: 3.50") from None
    payer, what = register.find(customer), services.find(service)
    begins = None if day is None else day.replace(tzinfo=clock.ROME).astimezone(UTC)
    added = prices.set_price(payer, what, amount, by=setup.operator(), at=clock.now(), valid_from=begins)
    if as_json:
        showing.record(_row(added), as_json=True)
    else:
        since = showing.text_of(added.valid_from)
        click.echo(f"{what.code} costs {payer.code} {format_e8(added.unit_price_e8)} EUR from {since} on")


@price.command(
    name="list",
    epilog="""\b
Example:
  cominflow price list --customer banca-demo
""",
)
@click.option("--customer", help="Only this customer's.")
@click.option("--service", help="Only this service's.")
@showing.json_option
def list_all(customer: str | None, service: str | None, as_json: bool) -> None:
    """List prices, the newest of each customer and service first."""
    setup.django()
    from cominflow.customers import register
    from cominflow.pricing import prices, services

    payer = None if customer is None else register.find(customer)
    what = None if service is None else services.find(service)
    rows = [_row(found) for found in prices.prices_of(payer, what)]
    showing.table(rows, as_json=as_json, empty="no price yet; next: cominflow price set CUSTOMER SERVICE 3.50")


def _row(found: Price) -> dict[str, Any]:
    from cominflow.money import format_e8

    return {
        "customer": found.customer.code,
        "service": found.service.code,
        "unit_price": format_e8(found.unit_price_e8),
        "from": found.valid_from,
    }
