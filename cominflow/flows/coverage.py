"""Coverage: whether a customer's services ask for columns that its feed has, and give the results that it writes.

Each service and each feed is right by itself; that they name each other's columns is seen only where they meet. What
does not fit is a note and no error: a service may be corrected after the feed is live (`cominflow service set`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from cominflow.exchange.feed import Feed
from cominflow.flows import portions
from cominflow.models import Customer
from cominflow.pricing import prices
from tracciati.declare.toml import did_you_mean
from tracciati.layout import Layout


def unpriced(customer: Customer, agreed: Feed, parsed: Sequence[Layout], *, at: datetime) -> list[str]:
    """Services that the feed's files can ask for by its layouts' codes, and that the customer has no price for."""
    codes = [code for layout in parsed for code in sorted(_askable(agreed, layout) or ())]
    return [code for code in dict.fromkeys(codes) if prices.price_at(customer, code, at) is None]


def notes(customer: Customer, agreed: Feed, parsed: Sequence[Layout]) -> list[str]:
    """What does not fit between a feed and the services that it can ask for and the customer has a price for."""
    settings = {price.service.code: price.service.provider_settings for price in prices.prices_of(customer)}
    said = [note for layout in parsed for note in notes_on(agreed, layout, settings)]
    return list(dict.fromkeys(said))  # versions of a layout have most of it in common


def notes_on(agreed: Feed, layout: Layout, services: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The same for one layout. Pure.

    services   code -> provider settings of the services that have a price; those that the feed's files cannot ask for
               are left out, which only a list of `codes` can tell
    """
    codes = _askable(agreed, layout)
    asked = {code: settings for code, settings in services.items() if codes is None or code in codes}
    return [*_alike(agreed), *_keys(agreed, layout, asked), *_results(layout, asked)]


def _alike(agreed: Feed) -> Iterator[str]:
    """Outcomes that the customer cannot tell from a result."""
    code = agreed.outcomes.get("fulfilled")
    others = [name for name, one in agreed.outcomes.items() if one == code and name != "fulfilled"]
    if others:
        yield (
            f"`outcomes` says {code!r} for fulfilled and for {', '.join(others)}: the customer cannot tell them apart; "
            "give each its own code, if that was not agreed so"
        )


def _askable(agreed: Feed, layout: Layout) -> set[str] | None:
    """The services that the feed's files can ask for; None when any text may stand there."""
    if agreed.service:
        return {agreed.service}
    codes = layout.field(agreed.request.service).codes
    return None if codes is None else set(codes)


def _keys(agreed: Feed, layout: Layout, services: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    columns = [name for name, _, _ in portions.columns_of(layout, agreed.request.unit)]
    for code, settings in services.items():
        for name in [*_named(settings, "key"), *_named(settings, "request")]:
            if name not in columns:
                known = did_you_mean(name, columns) or f"it has {', '.join(columns)}"
                yield (
                    f"{code} looks up by {name!r}, and a request of {layout.id} (`{agreed.request.unit}`) has no such "
                    f"field: {known}; correct it with `cominflow service set {code} --settings JSON`"
                )


def _results(layout: Layout, services: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A layout without an answer direction writes every result, as text and JSON."""
    if "answer" not in layout.structure:
        return
    every = [field.origin for record in layout.records for field in record.fields_in("answer")]
    written = list(dict.fromkeys(o.removeprefix("result.") for o in every if o.startswith("result.")))
    given: set[str] = set()
    for code, settings in services.items():
        names = _named(settings, "result")
        given.update(names)
        for name in names:
            if name not in written:
                known = did_you_mean(name, written)
                yield (
                    f"{code} gives result.{name}, which no field of {layout.id} is filled from: it is not sent"
                    f"{f' ({known})' if known else ''}"
                )
    # A service that names no results may give any: a person fills what the layout asks for, a provider says by itself.
    if services and all(_named(settings, "result") for settings in services.values()):
        for name in written:
            if name not in given:
                yield (
                    f"{layout.id} is filled from result.{name}, which no service with a price gives: it stays empty; "
                    f"name it under `result` with `cominflow service set`"
                )


def _named(settings: Mapping[str, Any], setting: str) -> list[str]:
    """The names on our side of a mapping in a service's settings; none where it has no such mapping."""
    value = settings.get(setting)
    return list(value) if isinstance(value, Mapping) else []
