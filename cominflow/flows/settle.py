"""Settle: charge the answers that have not gone out, issue their invoice, and plan their deliveries. One transaction.

Killed before its commit, nothing happened; killed after it, the deliveries are planned and only their bytes are
missing. Running it again finds nothing to settle. So no answer is charged twice, and no invoice number is lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
from django.db import transaction

from cominflow import failpoint, stopping
from cominflow.billing import charges
from cominflow.exchange import feeds, planning, requests
from cominflow.exchange.moves import move_all
from cominflow.exchange.names import Kind
from cominflow.exchange.requests import Portion
from cominflow.flows import contents
from cominflow.invoicing.issue import Line, ToIssue, issue_all
from cominflow.models import Arrival, Charge, Once, Price, Service, many
from cominflow.money import E8
from cominflow.pricing import prices

SETTLER = "settle"


def settle(arrival_id: int, *, at: datetime) -> int | None:
    """Settle one arrival. Returns the number of the answer that it planned, None when there was nothing to answer."""
    arrival = Arrival.objects.select_related("customer", "feed_version").get(pk=arrival_id)
    before = arrival.answers_count
    settle_all([arrival], at=at)
    return int(arrival.answers_count) if arrival.answers_count != before else None


def settle_all(arrivals: Sequence[Arrival], *, at: datetime) -> None:
    """Settle some arrivals in one transaction.

    As long as a request of an arrival waits for its provider nothing of it is settled: the first answer has all
    requests of the file. An answer goes out when at least one request was answered since the last one; what is still
    open stands in the first answer as pending, and comes in a further one.
    """
    with transaction.atomic():
        rows = Arrival.objects.select_for_update(no_key=True).filter(
            pk__in=[one.pk for one in arrivals], state="QUEUED"
        )
        locked = dict(rows.order_by("pk").values_list("pk", "answers_count"))
        queued = [one for one in arrivals if one.pk in locked]
        requests.keep_rows(queued)  # no answer comes or goes while their rows are locked
        settling = _Settling()
        answered = []
        for arrival in queued:
            arrival.state, arrival.answers_count = "QUEUED", locked[arrival.pk]
            counts = requests.counts(arrival)
            if counts["waiting"]:
                continue
            _answer(arrival, settling, at=at)
            if not counts["open"]:
                answered.append(arrival)
        settling.write(at=at)
        failpoint.hit("settle.planned")
        move_all(answered, "ANSWERED", at=at, by=SETTLER)


@dataclass
class _Settling:
    """What is to be written for some arrivals, and the prices that were looked up for them."""

    found: dict[tuple[int, str], tuple[Service, list[Price]]] = field(default_factory=dict)
    answered: list[tuple[Arrival, int]] = field(default_factory=list)
    rows: list[tuple[Portion, int]] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    invoices: list[ToIssue] = field(default_factory=list)
    plans: list[planning.Plan] = field(default_factory=list)

    def priced(self, arrival: Arrival, code: str) -> tuple[Service, Price]:
        """The service, and its price when the arrival was accepted."""
        key = (arrival.customer_id, code)
        if key not in self.found:
            service = Service.objects.get(code=code)
            self.found[key] = service, prices.prices_of(arrival.customer, service)  # the newest first
        service, known = self.found[key]
        assert arrival.accepted_at is not None, "an arrival is QUEUED from its acceptance on"
        price = next((one for one in known if one.valid_from <= arrival.accepted_at), None)
        assert price is not None, f"{code} was priced when the file was accepted"
        return service, price

    def write(self, *, at: datetime) -> None:
        """In the transaction in which it was collected."""
        requests.mark_rows_delivered(self.rows)
        once = ((arrival.pk, f"answer-{number}", at) for arrival, number in self.answered)
        many.insert(Once, ("arrival_id", "step", "done_at"), once)
        counts = ((number, arrival.pk) for arrival, number in self.answered)
        many.update(Arrival, ("answers_count",), counts, keys=("id",))
        Charge.objects.bulk_create(self.charges)
        issue_all(self.invoices, at=at)
        failpoint.hit("settle.charged")
        planning.plan_all(self.plans, at=at)


def _answer(arrival: Arrival, settling: _Settling, *, at: datetime) -> None:
    """Charge and invoice what is fresh, and plan its deliveries; nothing when nothing is."""
    number = arrival.answers_count + 1
    fresh = list(_take_fresh(arrival, number, settling))
    if not fresh:
        return
    settling.answered.append((arrival, number))
    lines = _charge(arrival, number, fresh, settling, at=at)
    arrival.answers_count = number
    feed = feeds.load(arrival.feed_version)
    name = bytes(arrival.name)
    planned: list[Kind] = ["answer"]
    if lines:
        settling.invoices.append(ToIssue(arrival, number, lines))
        planned.append("invoice")
    settling.plans.extend(
        planning.Plan(arrival, kind, number, "outbox", rendering)
        for kind in planned
        for rendering in contents.renderings(arrival, kind, feed.names.render(kind, name, number))
    )


def _take_fresh(arrival: Arrival, number: int, settling: _Settling) -> Iterator[tuple[int, Counter[str]]]:
    """Put what has not gone out into delivery `number`: each portion's ordinal, and how many of each service to charge.

    Only what was fulfilled is charged: neither "not found" nor "failed". Without a single answer nothing is taken.
    """
    for portion in requests.read(arrival):
        stopping.look()
        if not portion.is_fresh.any():
            continue
        charged = portion.is_fresh & (portion.outcomes == "fulfilled")
        if portion.ordinal == requests.ROWS_ORDINAL:
            settling.rows.append((portion, number))
        else:
            requests.mark_delivered(portion, number)
        counts = pc.value_counts(portion.services.filter(pa.array(charged)))
        yield portion.ordinal, Counter({one["values"]: one["counts"] for one in counts.to_pylist()})


def _charge(
    arrival: Arrival, number: int, portions: list[tuple[int, Counter[str]]], settling: _Settling, *, at: datetime
) -> list[Line]:
    """Charges per portion and service, and the invoice line of each service, in the order the services first occur."""
    totals: dict[str, int] = {}
    found: dict[str, tuple[Service, Price]] = {}
    for ordinal, counts in portions:
        for code, quantity in counts.items():
            if code not in found:
                found[code] = settling.priced(arrival, code)
            service, price = found[code]
            before = totals.get(code, 0)
            totals[code] = before + quantity
            amount = charges.part(E8(price.unit_price_e8), before, quantity)
            settling.charges.append(
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
    return [
        Line(service, totals[code], price.unit_price_e8, charges.part(E8(price.unit_price_e8), 0, totals[code]))
        for code, (service, price) in found.items()
    ]
