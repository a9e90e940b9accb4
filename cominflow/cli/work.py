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
    """List open requests, assign them to people, answer one by hand, and take such an answer back."""


@work.command(
    name="list",
    epilog="""\b
Examples:
  cominflow work list --service VIS2 --reveal
  cominflow work list --mine
""",
)
@click.option("--customer", help="Only this customer's.")
@click.option("--service", help="Only of this service.")
@click.option("--mine", is_flag=True, help="Only what is assigned to you, by your login name.")
@click.option("--assignee", metavar="WHO", help="Only what is assigned to this person.")
@click.option("--unassigned", is_flag=True, help="Only what nobody has.")
@click.option("--reveal", is_flag=True, help="Show whom each request is about, and all its fields.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="The oldest so many.")
@showing.json_option
def list_all(
    customer: str | None,
    service: str | None,
    mine: bool,
    assignee: str | None,
    unassigned: bool,
    reveal: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List what is open, oldest arrival first. Personal data are hidden unless --reveal is given."""
    if mine + (assignee is not None) + unassigned > 1:
        raise click.UsageError("--mine, --assignee and --unassigned exclude each other: give one of them")
    setup.django()
    from cominflow.customers import register
    from cominflow.exchange import assignments, requests
    from cominflow.pricing import services

    owner = None if customer is None else register.find(customer)
    code = None if service is None else services.find(service).code
    # A wanted name as it is kept; "" is nobody, None is anybody.
    wanted = "" if unassigned else setup.operator() if mine else assignee and assignments.name_of(assignee)
    people = assignments.assignees()
    found = (
        (place, people.get((place.arrival_id, place.position), ""))
        for place in requests.open_items(customer=owner, service=code)
    )
    chosen = (one for one in found if wanted in (None, one[1]))
    shown = itertools.islice(chosen, limit)
    rows = [{**_row(place, who, reveal=reveal), "reason": why(place, reveal=reveal)} for place, who in shown]
    empty = "nothing is open" if wanted is None else f"nothing open is assigned to {wanted or 'nobody'}"
    showing.table(rows, as_json=as_json, empty=empty)
    if len(rows) == limit:
        # Whose an open request is, no counter tells.
        whole = requests.open_count(customer=owner, service=code) if wanted is None else limit + sum(1 for _ in chosen)
        showing.more(whole, shown_count=limit, as_json=as_json)


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
    from cominflow.exchange import assignments
    from cominflow.flows import operate
    from cominflow.models import Arrival

    place = _find(which, customer)
    arrival = Arrival.objects.get(pk=place.arrival_id)
    result = _results(fields, outcome, place, arrival)
    who = assignments.assignee_of(place.arrival_id, place.position)
    operate.answer(place, outcome, result, by=setup.operator(), at=clock.now())
    value = {**_row(place, who, reveal=False), "state": "ANSWERED", "outcome": outcome}
    if who not in ("", setup.operator()):
        # Not refused: whoever is there answers, also when the one who has it is asleep. But that one should hear of it.
        click.echo(f"note: {place.name} was assigned to {who}; tell them that it is answered", err=True)
    awaited = _result_fields(arrival)
    if outcome == "fulfilled" and awaited and not fields:
        click.echo(
            f"note: {place.name} goes out without any result; the customer's layout has {', '.join(awaited)}; "
            f"until then `cominflow work undo {place.name} --reason TEXT` takes the answer back",
            err=True,
        )
    if as_json:
        showing.record(value, as_json=True)
    else:
        click.echo(
            f"{place.reference} is answered: {outcome}; it goes out with the next delivery of A-{place.arrival_id}"
        )


@work.command(
    epilog="""\b
Examples:
  cominflow work assign A-17/3 PRATICA-0001 rossi
  cominflow work assign rossi --service VIS2 --count 20
  cominflow work assign A-17/3 --nobody
"""
)
@click.argument("words", metavar="[WHICH]... [WHO]", nargs=-1)
@click.option("--nobody", is_flag=True, help="End the assignment; there is no WHO then.")
@click.option("--count", type=click.IntRange(1), help="The oldest so many that nobody has; there is no WHICH then.")
@click.option("--service", help="With --count: only of this service.")
@click.option("--customer", help="With --count: only this customer's. Else: whose references these are.")
@showing.json_option
def assign(
    words: tuple[str, ...], nobody: bool, count: int | None, service: str | None, customer: str | None, as_json: bool
) -> None:
    """Say who answers which open requests. All of those named are assigned, or none.

    WHICH is as for `work answer`, several times; WHO is a person's name, the last word. An assignment ends when the
    request is answered, by whomever, or is given to somebody else.
    """
    which, who = _assigned_to(words, nobody=nobody, count=count, service=service)
    setup.django()
    from cominflow import clock
    from cominflow.customers import register
    from cominflow.flows import desk
    from cominflow.pricing import services

    by, at = setup.operator(), clock.now()
    if count is not None:
        owner = None if customer is None else register.find(customer)
        code = None if service is None else services.find(service).code
        places = desk.assign_oldest(count, who, customer=owner, service=code, by=by, at=at)
        before = [""] * len(places)
    else:
        places = [_find(one, customer) for one in which]
        _demand_person(who, customer)
        before = desk.unassign(places, by=by, at=at) if nobody else desk.assign(places, who, by=by, at=at)
    if as_json:
        click.echo(showing.to_json([_row(place, who, reveal=False) for place in places]))
        return
    for place, had in zip(places, before, strict=True):
        instead = f"; {had} had it" if had not in ("", who) else ""
        click.echo(f"{place.name} ({place.reference}) is assigned to {who or 'nobody'}{instead}")
    if not places:
        click.echo("nothing is open that nobody has")


def _assigned_to(
    words: tuple[str, ...], *, nobody: bool, count: int | None, service: str | None
) -> tuple[tuple[str, ...], str]:
    """(which requests, to whom): the words as the options have them be understood."""
    if service is not None and count is None:
        raise click.UsageError("--service needs --count: how many of the oldest")
    if count is not None:
        if len(words) != 1 or nobody:
            raise click.UsageError("--count takes one word, WHO: cominflow work assign rossi --service VIS2 --count 20")
        return (), words[0]
    which, who = (words, "") if nobody else (words[:-1], words[-1] if words else "")
    if not which or _PLACE.fullmatch(who):
        example = "A-17/3 --nobody" if nobody else "A-17/3 rossi"
        raise click.UsageError(f"WHICH or WHO is missing: cominflow work assign {example}")
    return which, who


def _demand_person(who: str, customer: str | None) -> None:
    """Refuse a WHO that is a request: somebody named two requests, and no person."""
    from cominflow.customers import register
    from cominflow.exchange import requests

    owner = None if customer is None else register.find(customer)
    if who and requests.find(who, customer=owner):
        raise UsageError(f"{who} is a request, not a person", hint=f"say who: cominflow work assign … {who} rossi")


@work.command(
    epilog="""\b
Example:
  cominflow work undo PRATICA-0001 --reason "typed the score of another one"
"""
)
@click.argument("which")
@click.option("--reason", required=True, help="Why, for the record.")
@click.option("--customer", help="Whose reference it is, where two customers use the same one.")
@showing.json_option
def undo(which: str, reason: str, customer: str | None, as_json: bool) -> None:
    """Take back an answer that was given by hand and has not gone out: the request is open again.

    WHICH is as for `work answer`. What has gone out is refused: it is charged, and no file of ours changes.
    """
    setup.django()
    from cominflow import clock
    from cominflow.flows import desk

    place = _find(which, customer, state="ANSWERED")
    desk.undo(place, by=setup.operator(), reason=reason, at=clock.now())
    if as_json:
        showing.record({**_row(place, "", reveal=False), "state": "OPEN"}, as_json=True)
    else:
        click.echo(f"{place.name} ({place.reference}) is open again; next: cominflow work answer {place.name}")


def why(place: Place, *, reveal: bool) -> str:
    """Why a request waits for a person; empty when it does not."""
    from cominflow.flows import why_open
    from cominflow.models import Arrival

    arrival = Arrival.objects.select_related("layout_version").only("layout_version").get(pk=place.arrival_id)
    return why_open.told(place, arrival, reveal=reveal)


_PLACE = re.compile(r"(A-\d+)/(\d+)")


def _find(which: str, customer: str | None, *, state: str = "OPEN") -> Place:
    """The one request that is meant: the one in `state` where several have the reference."""
    from cominflow.customers import register
    from cominflow.exchange import arrivals, requests

    owner = None if customer is None else register.find(customer)
    numbered = _PLACE.fullmatch(which)
    if numbered and int(numbered.group(2)) > 0:
        return requests.place(arrivals.find(numbered.group(1)), int(numbered.group(2)) - 1)
    found = requests.find(which, customer=owner)
    if not found:
        raise UsageError(f"no request is called {which!r}", hint="see what is open: cominflow work list")
    chosen = [place for place in found if place.state == state] or found
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


def _row(place: Place, assignee: str, *, reveal: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "request": place.name,
        "customer": place.customer,
        "reference": place.reference,
        "service": place.service,
        "state": place.state,
        "assignee": assignee,
        "subject": place.subject if reveal or not place.subject else _MASK,
    }
    if reveal:
        row["fields"] = dict(place.columns)
    return row
