"""Answers: what the customers were told, read from the published bytes at fixed places, against what was due.

Every accepted request stands in the first answer; its one effective answer (not "pending") stands in exactly one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.simulation.files import BANK, CODES, Sent

if TYPE_CHECKING:
    from cominflow.models import Arrival
    from tests.simulation.place import Place

Told = tuple[str, str, str]  # reference, code, score


def wrong(place: Place, sent: list[Sent]) -> Iterator[str]:
    """Answers, rejections and invoice records of every closed arrival."""
    from cominflow.models import Arrival

    by_name = {(one.customer, one.name): one for one in sent}
    for arrival in Arrival.objects.filter(state="CLOSED").select_related("customer").order_by("pk"):
        one = by_name[arrival.customer.code, arrival.shown_name]
        yield from _answered(place, arrival, one)
        yield from _rejected(place, arrival, one)
        yield from _invoiced(place, arrival)


def _answered(place: Place, arrival: Arrival, one: Sent) -> Iterator[str]:
    pending = CODES[one.customer]["pending"]
    effective: dict[str, list[tuple[str, str]]] = {expected.reference: [] for expected in one.expected}
    for number, told in enumerate(_told(place, arrival, "answer"), start=1):
        references = [reference for reference, _, _ in told]
        if number == 1 and references != list(effective):
            yield f"the first answer to {arrival.reference} has the requests {references}"
        if len(set(references)) != len(references):
            yield f"answer {number} to {arrival.reference} tells a request twice"
        for reference, code, score in told:
            if code != pending:
                effective.setdefault(reference, []).append((code, score))
            elif number > 1:
                yield f"answer {number} to {arrival.reference} says of {reference} only that it is pending"
    for expected in one.expected:
        code = CODES[one.customer][expected.outcome]
        due = (code, "" if expected.score is None else str(expected.score))
        if effective.pop(expected.reference) != [due]:
            yield f"{arrival.reference}: {expected.reference} was not answered {due} exactly once"
    yield from (f"{arrival.reference}: nobody asked for {reference}" for reference in effective)


def _rejected(place: Place, arrival: Arrival, one: Sent) -> Iterator[str]:
    found = [reference for told in _told(place, arrival, "rejection") for reference, _, _ in told]
    if found != list(one.rejected):
        yield f"{arrival.reference} rejected {found}"


def _invoiced(place: Place, arrival: Arrival) -> Iterator[str]:
    from cominflow.models import Invoice

    for invoice in Invoice.objects.filter(arrival=arrival):
        net = 0
        for delivery in arrival.deliveries.filter(kind="invoice", number=invoice.delivery_number):
            content = _content(place, arrival, delivery.shown_name)
            if arrival.customer.code == BANK:
                records = [line for line in content.split(b"\r\n") if line[:2] == b"80"]
                net += sum(int(line[34:45]) for line in records)
            else:
                rows = list(csv.reader(io.StringIO(content.decode()), delimiter=";"))[1:]
                net += sum(int(row[2].replace(",", "")) for row in rows)
        if net != invoice.net_cents:
            yield f"the records of invoice {invoice.full_number} sum to {net} cents, not {invoice.net_cents}"


def _told(place: Place, arrival: Arrival, kind: str) -> Iterator[list[Told]]:
    """The records of each file of one kind, in the order of its numbers."""
    for delivery in arrival.deliveries.filter(kind=kind).order_by("number"):
        content = _content(place, arrival, delivery.shown_name)
        if arrival.customer.code == BANK:
            records = [line.decode("latin-1") for line in content.split(b"\r\n") if line[:2] == b"20"]
            yield [(r[9:21].strip(), r[52:54].strip(), r[54:60].strip().lstrip("0")) for r in records]
        else:
            rows = list(csv.reader(io.StringIO(content.decode()), delimiter=";"))[1:]
            yield [(row[0], row[7], row[8]) for row in rows]


def _content(place: Place, arrival: Arrival, name: str) -> bytes:
    path = place.data / "customers" / arrival.customer.code / "outbox" / name
    return path.read_bytes() if path.exists() else b""
