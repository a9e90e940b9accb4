"""`cominflow work`: requests that wait for a person."""

from __future__ import annotations

import itertools
import re
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import click

from cominflow.cli import setup, showing
from cominflow.errors import UsageError

if TYPE_CHECKING:
    from cominflow.exchange.requests import Place
    from cominflow.models import Arrival
    from tracciati.layout import Field

_MASK = "***"


@click.group()
def work() -> None:
    """List open requests, and answer one by hand."""


@work.command(
    name="list",
    epilog="""\b
Example:
  cominflow work list --service VIS2 --reveal
""",
)
@click.option("--customer", help="Only this customer's.")
@click.option("--service", help="Only of this service.")
@click.option("--reveal", is_flag=True, help="Show whom each request is about, and all its fields.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="The oldest so many.")
@showing.json_option
def list_all(customer: str | None, service: str | None, reveal: bool, limit: int, as_json: bool) -> None:
    """List what is open, oldest arrival first. Personal data are hidden unless --reveal is given."""
    setup.django()
    from cominflow.customers import register
    from cominflow.exchange import requests
    from cominflow.pricing import services

    owner = None if customer is None else register.find(customer)
    code = None if service is None else services.find(service).code
    found = itertools.islice(requests.open_items(customer=owner, service=code), limit)
    rows = [_row(place, reveal=reveal) for place in found]
    showing.table(rows, as_json=as_json, empty="nothing is open")


@work.command(
    epilog="""\b
Examples:
  cominflow work answer PRATICA-0001 --outcome fulfilled --field punteggio=712
  cominflow work answer A-17/3 --outcome not_found
"""
)
@click.argument("which")
@click.option(
    "--outcome", type=click.Choice(["fulfilled", "not_found", "failed"]), required=True, help="What became of it."
)
@click.option("--field", "fields", multiple=True, help="A result field, as NAME=VALUE; may be given several times.")
@click.option("--customer", help="Whose reference it is, where two customers use the same one.")
@showing.json_option
def answer(which: str, outcome: str, fields: tuple[str, ...], customer: str | None, as_json: bool) -> None:
    """Answer one open request. It goes out in a further delivery of its file, and is charged with it.

    WHICH is the customer's reference, or A-17/3 for the third request of arrival A-17. Values are written as
    people write them: 712, 12.50, 2026-01-31.
    """
    setup.django()
    from cominflow import clock
    from cominflow.flows import operate
    from cominflow.models import Arrival

    place = _find(which, customer)
    result = _results(fields, outcome, place, Arrival.objects.get(pk=place.arrival_id))
    operate.answer(place, outcome, result, by=setup.operator(), at=clock.now())
    value = {**_row(place, reveal=False), "state": "ANSWERED", "outcome": outcome}
    if as_json:
        showing.record(value, as_json=True)
    else:
        click.echo(
            f"{place.reference} is answered: {outcome}; it goes out with the next delivery of A-{place.arrival_id}"
        )


def _find(which: str, customer: str | None) -> Place:
    """The one request that is meant: the open one where several have the reference."""
    from cominflow.customers import register
    from cominflow.exchange import arrivals, requests

    owner = None if customer is None else register.find(customer)
    numbered = re.fullmatch(r"(A-\d+)/(\d+)", which)
    if numbered and int(numbered.group(2)) > 0:
        return requests.place(arrivals.find(numbered.group(1)), int(numbered.group(2)) - 1)
    found = requests.find(which, customer=owner)
    if not found:
        raise UsageError(f"no request is called {which!r}", hint="see what is open: cominflow work list")
    chosen = [place for place in found if place.state == "OPEN"] or found
    if len(chosen) > 1:
        places = ", ".join(f"A-{p.arrival_id}/{p.position + 1} ({p.customer}, {p.state})" for p in chosen)
        raise UsageError(f"{len(chosen)} requests are called {which!r}: {places}", hint="give one of these places")
    return chosen[0]


def _results(fields: tuple[str, ...], outcome: str, place: Place, arrival: Arrival) -> dict[str, object]:
    """NAME=VALUE texts as the values that the layout's answer holds.

    A field is one that the service's settings name; where they name none, one that the layout's answer has.
    """
    from cominflow.fulfilment import manual
    from cominflow.pricing import services

    written: dict[str, str] = {}
    for text in fields:
        name, equals, value = text.partition("=")
        if not equals or not name or name in written:
            raise UsageError(f"--field {text!r} is not NAME=VALUE, once per name", hint="write --field punteggio=712")
        written[name] = value
    in_layout = _result_fields(arrival)
    settings = services.find(place.service).provider_settings
    titles = manual.titles(settings) or {name: field.title for name, field in in_layout.items()}
    given = manual.answer({"result": titles} if titles else {"result": written}, outcome, written)
    return {name: typed(value, in_layout[name].base) if name in in_layout else value for name, value in given.items()}


def _result_fields(arrival: Arrival) -> dict[str, Field]:
    """Result name -> the field that carries it in the layout's answer; none when answers go out as text and JSON."""
    from cominflow.exchange import feeds

    layout = feeds.layout(arrival.layout_version) if arrival.layout_version else None
    if layout is None or "answer" not in layout.structure:
        return {}
    every = (field for record in layout.records for field in record.fields)
    return {f.origin.removeprefix("result."): f for f in every if f.origin.startswith("result.")}


def typed(value: str, base: str) -> object:
    """A value that a person wrote, as a field of that base holds it. UsageError when it is not one.

    >>> typed("712", "integer"), typed("12.50", "decimal"), typed("007", "digits")
    (712, Decimal('12.50'), '007')
    """
    try:
        if base == "integer":
            return int(value)
        if base == "decimal":
            return Decimal(value.replace(",", "."))
        if base == "date":
            return date.fromisoformat(value)
    except (ValueError, InvalidOperation):
        kind, form = {
            "integer": ("a whole number", "712"),
            "decimal": ("a number", "12.50"),
            "date": ("a date", "2026-01-31"),
        }[base]
        raise UsageError(f"{value!r} is not {kind}", hint=f"write it as {form}") from None
    return value


def _row(place: Place, *, reveal: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "request": f"A-{place.arrival_id}/{place.position + 1}",
        "customer": place.customer,
        "reference": place.reference,
        "service": place.service,
        "state": place.state,
        "subject": place.subject if reveal or not place.subject else _MASK,
    }
    if reveal:
        row["fields"] = dict(place.columns)
    return row
