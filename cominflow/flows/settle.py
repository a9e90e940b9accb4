"""Settle: charge the answers that have not gone out, issue their invoice, and plan their deliveries. One transaction.

Killed before its commit, nothing happened; killed after it, the deliveries are planned and only their bytes are
missing. Running it again finds nothing to settle. So no answer is charged twice, and no invoice number is lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
from django.db import transaction

from cominflow import failpoint
from cominflow.billing import charges
from cominflow.exchange import feeds, publish, requests
from cominflow.exchange.arrivals import move
from cominflow.exchange.names import Kind
from cominflow.flows import contents, stopping
from cominflow.invoicing.issue import Line, issue
from cominflow.models import Arrival, Charge, Once, Price, Service
from cominflow.money import E8
from cominflow.pricing import prices

SETTLER = "settle"


def settle(arrival_id: int, *, at: datetime) -> int | None:
    """Settle one arrival. Returns the number of the answer that it planned, None when there was nothing to answer.

    As long as a request waits for its provider nothing is settled: the first answer has all requests of the file.

    An answer goes out when at least one request was answered since the last one; what is still open stands in the
    first answer as pending, and comes in a further one.
    """
    with transaction.atomic():
        arrival = (
            Arrival.objects.select_for_update(of=("self",))
            .select_related("customer", "feed_version")
            .get(pk=arrival_id)
        )
        if arrival.state != "QUEUED":
            return None
        counts = requests.counts(arrival)
        if counts["waiting"]:
            return None
        number = _answer(arrival, at=at)
        failpoint.hit("settle.planned")
        if not counts["open"]:
            move(arrival, "ANSWERED", at=at, by=SETTLER)
        return number


def _answer(arrival: Arrival, *, at: datetime) -> int | None:
    number = arrival.answers_count + 1
    fresh = list(_take_fresh(arrival, number))
    if not fresh:
        return None
    Once.objects.create(arrival=arrival, step=f"answer-{number}", done_at=at)
    lines = _charge(arrival, number, fresh, at=at)
    failpoint.hit("settle.charged")
    arrival.answers_count = number
    arrival.save(update_fields=["answers_count"])
    feed = feeds.load(arrival.feed_version)
    name = bytes(arrival.name)
    planned: list[Kind] = ["answer"]
    if lines:
        issue(arrival, delivery_number=number, lines=lines, at=at)
        planned.append("invoice")
    for kind in planned:
        for rendering in contents.renderings(arrival, kind, feed.names.render(kind, name, number)):
            publish.plan(arrival, kind, number, "outbox", rendering, at=at)
    return number


def _take_fresh(arrival: Arrival, number: int) -> Iterator[tuple[int, Counter[str]]]:
    """Put what has not gone out into delivery `number`: each portion's ordinal, and how many of each service to charge.

    Only what was fulfilled is charged: neither "not found" nor "failed". Without a single answer nothing is taken.
    """
    for portion in requests.read(arrival):
        stopping.look()
        if not portion.is_fresh.any():
            continue
        charged = portion.is_fresh & (portion.outcomes == "fulfilled")
        requests.mark_delivered(portion, number)
        counts = pc.value_counts(portion.services.filter(pa.array(charged)))
        yield portion.ordinal, Counter({one["values"]: one["counts"] for one in counts.to_pylist()})


def _charge(arrival: Arrival, number: int, portions: list[tuple[int, Counter[str]]], *, at: datetime) -> list[Line]:
    """Charges per portion and service, and the invoice line of each service, in the order the services first occur."""
    assert arrival.accepted_at is not None, "an arrival is QUEUED from its acceptance on"
    totals: dict[str, int] = {}
    found: dict[str, tuple[Service, Price]] = {}
    rows = []
    for ordinal, counts in portions:
        for code, quantity in counts.items():
            if code not in found:
                service = Service.objects.get(code=code)
                price = prices.price_at(arrival.customer, service, arrival.accepted_at)
                assert price is not None, f"{code} was priced when the file was accepted"
                found[code] = (service, price)
            service, price = found[code]
            before = totals.get(code, 0)
            totals[code] = before + quantity
            amount = charges.part(E8(price.unit_price_e8), before, quantity)
            rows.append(
                Charge(
                    arrival=arrival,
                    chunk_ordinal=ordinal,
                    delivery_number=number,
                    service=service,
                    price=price,
                    quantity=quantity,
                    amount_cents=amount,
                    charged_at=at,
                )
            )
    Charge.objects.bulk_create(rows)
    return [
        Line(service, totals[code], price.unit_price_e8, charges.part(E8(price.unit_price_e8), 0, totals[code]))
        for code, (service, price) in found.items()
    ]
