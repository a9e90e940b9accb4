"""Contents: the bytes of each delivery, made anew from the database and the kept original whenever they are wanted.

The same delivery has the same bytes however often it is made: which answers belong to it is fixed by the delivery
number that `settle` wrote beside each of them, never by what is open at the moment.

    answer      the requests of that delivery, in the customer's layout, only the fields with `from` written anew
    invoice     the invoice's lines, one record per request it charges, in the customer's layout
    rejection   the wrong requests, in the customer's layout, with the code for "invalid"
    receipt     see `flows.receipts`

A direction for which the layout has no structure is written as text and as JSON (`flows.plain`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db.models import Prefetch
from numpy.typing import NDArray

from cominflow import stopping
from cominflow.arrow import in_one_piece
from cominflow.billing import charges
from cominflow.exchange import archive, feeds, payload, requests
from cominflow.exchange.disk import Folders
from cominflow.exchange.feed import Feed
from cominflow.exchange.requests import Portion
from cominflow.exchange.stored import assembly, columns
from cominflow.models import Arrival, Delivery, Invoice, InvoiceLine
from cominflow.money import E8
from tracciati.layout import Layout
from tracciati.reading import Reading
from tracciati.writing import Writer

Values = Mapping[str, pa.Array]


def layout_of(arrival: Arrival) -> Layout:
    """The layout that the arrival was read with: its answers are written with the same one."""
    assert arrival.layout_version is not None, "only arrivals that were read have deliveries in a layout"
    return feeds.layout(arrival.layout_version)


def write_answer(sink: BinaryIO, delivery: Delivery) -> None:
    """Head, the requests of this answer, tail. Call only when the layout has an answer direction."""
    arrival = delivery.arrival
    feed = feeds.load(arrival.feed_version)
    layout = layout_of(arrival)
    around = _of_delivery(delivery.number, _open_after(arrival, delivery.number))
    writer = Writer(sink, layout, "answer")
    _copy_around(writer, arrival.head, around)
    for portion in chosen_for(arrival, delivery.number):
        codes = _codes(portion, feed, delivery.number)
        values = {"outcome.code": codes, **_results(portion, layout, delivery.number)}
        writer.copy(portion.raw, values, portion.offsets)
    _copy_around(writer, arrival.tail, around)
    writer.close()


def chosen_for(arrival: Arrival, number: int) -> Iterator[Portion]:
    """The requests that stand in answer `number`, portion by portion: in the first one all of them."""
    for portion in requests.read(arrival):
        stopping.look()
        chosen = portion if number == 1 else portion.take(np.flatnonzero(portion.deliveries == number))
        if len(chosen):
            yield chosen


def outcomes_in(portion: Portion, number: int) -> NDArray[np.str_]:
    """Outcome words as answer `number` tells them: what was answered later is still pending in it."""
    return np.where(portion.deliveries == number, portion.outcomes, "pending")


def _codes(portion: Portion, feed: Feed, number: int) -> pa.Array:
    """The customer's code for each request; each outcome is translated once."""
    told = columns.dictionary(outcomes_in(portion, number))
    codes = pa.array([feed.code_of(word) for word in told.dictionary.to_pylist()], pa.string())
    return pa.DictionaryArray.from_arrays(told.indices, codes).cast(pa.string())


def _results(portion: Portion, layout: Layout, number: int) -> Values:
    """Every `result.NAME` that the layout asks for; null where this request has none in this answer."""
    wanted = {
        field.origin for record in layout.records for field in record.fields if field.origin.startswith("result.")
    }
    told = pa.array(portion.deliveries == number)
    values: dict[str, pa.Array] = {}
    for origin in sorted(wanted):
        name = origin.removeprefix("result.")
        if name in portion.results.column_names:
            values[origin] = pc.if_else(told, in_one_piece(portion.results.column(name)), None)
        else:
            values[origin] = pa.nulls(len(portion))
    return values


def _of_delivery(number: int, open_count: int) -> Values:
    return {
        "delivery.number": pa.array([number]),
        "delivery.is_last": pa.array(["S" if open_count == 0 else "N"]),
        "delivery.open_count": pa.array([open_count]),
    }


def _open_after(arrival: Arrival, number: int) -> int:
    """How many of the arrival's requests had no answer when delivery `number` went out."""
    if arrival.state in ("ANSWERED", "CLOSED") and number == arrival.answers_count:
        return 0  # with its last answer nothing is open
    return sum(
        int(((p.deliveries == 0) | (p.deliveries > number) | (p.states == "OPEN")).sum())
        for p in requests.read(arrival)
    )


def _copy_around(writer: Writer, sealed: bytes | None, values: Values) -> None:
    """The records that belong to no request: copied, with what the delivery says of itself."""
    raw = bytes(payload.open(bytes(sealed))) if sealed else b""
    if raw:
        writer.copy(raw, values, np.array([0, len(raw)], np.int64))


def keep_invoices(deliveries: Sequence[Delivery]) -> None:
    """Read the invoices of many deliveries in two queries: `invoice_of` these very objects then asks no more."""
    asked: dict[tuple[int, int], list[Delivery]] = {}
    for one in deliveries:
        if one.kind == "invoice":
            asked.setdefault((one.arrival_id, one.number), []).append(one)
    lines = Prefetch("lines", InvoiceLine.objects.select_related("service").order_by("position"))
    for invoice in Invoice.objects.filter(arrival__in={key for key, _ in asked}).prefetch_related(lines):
        for one in asked.get((invoice.arrival_id, invoice.delivery_number), ()):
            invoice.arrival = one.arrival
            one.__dict__[_INVOICE] = invoice


_INVOICE = "kept_invoice"


def invoice_of(delivery: Delivery) -> Invoice:
    """The invoice that the delivery brings, with its lines in order."""
    if _INVOICE not in delivery.__dict__:
        keep_invoices([delivery])
    invoice: Invoice = delivery.__dict__[_INVOICE]
    return invoice


def write_invoice(sink: BinaryIO, delivery: Delivery) -> None:
    """Head, one record per charged request, tail. Line amounts add up to the invoice's to the cent."""
    arrival = delivery.arrival
    layout = layout_of(arrival)
    invoice = invoice_of(delivery)
    around = {**_of_delivery(delivery.number, 0), **_of_invoice(invoice, 1)}
    line = assembly.line_record(layout)
    writer = Writer(sink, layout, "invoice")
    _copy_around(writer, arrival.head, around)
    for lines in invoice_lines(invoice):
        count = len(lines["line.reference"])
        writer.add(line, {**_of_invoice(invoice, count), **lines}, count)
    _copy_around(writer, arrival.tail, around)
    writer.close()


def _of_invoice(invoice: Invoice, count: int) -> Values:
    return {
        "invoice.number": pa.array([invoice.full_number] * count),
        "invoice.date": pa.array([invoice.issued_on] * count),
        "invoice.net": _amounts(np.full(count, invoice.net_cents)),
        "invoice.vat": _amounts(np.full(count, invoice.vat_cents)),
        "invoice.total": _amounts(np.full(count, invoice.total_cents)),
    }


def invoice_lines(invoice: Invoice) -> Iterator[Values]:
    """One row per charged request, portion by portion: reference, service, net and VAT that sum to the invoice."""
    lines = _lines(invoice)
    vat_cents = 0
    for portion in chosen_for(invoice.arrival, invoice.delivery_number):
        index = np.flatnonzero(outcomes_in(portion, invoice.delivery_number) == "fulfilled")
        if not len(index):
            continue
        charged = portion.asked.take(index)
        services = charged.services.dictionary_encode()
        places = services.indices.to_numpy()
        net, vat = np.zeros(len(index), np.int64), np.zeros(len(index), np.int64)
        for place, code in enumerate(services.dictionary.to_pylist()):
            of_service = places == place
            net[of_service], vat[of_service] = lines[code].take(int(of_service.sum()))
        vat_cents += int(vat.sum())
        yield {
            "line.reference": charged.references,
            "line.service": charged.services,
            "line.net": _amounts(net),
            "line.vat": _amounts(vat),
        }
    assert all(line.taken == line.quantity for line in lines.values()), "every charged request has its record"
    assert vat_cents == invoice.vat_cents, "records carry the invoice's VAT"


@dataclass
class _Line:
    """A line of an invoice, shared out over its requests in the order of the file.

    before  net cents of the lines before it in its rate group, over which the group's VAT is shared out
    """

    unit_price: E8
    quantity: int
    rate_bp: int
    before: int
    taken: int = 0

    def take(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Net and VAT cents of its next `count` requests."""
        net = charges.parts_of_line(self.unit_price, self.taken, count)
        before = self.before + charges.part(self.unit_price, 0, self.taken)
        self.taken += count
        return net, charges.vat_of_parts(net, self.rate_bp, before=before)


def _lines(invoice: Invoice) -> dict[str, _Line]:
    """Service -> its line, none of it taken."""
    nets: Counter[int] = Counter()
    found = {}
    for line in invoice.lines.all():
        price = E8(line.unit_price_e8)
        found[line.service.code] = _Line(price, line.quantity, line.vat_rate_bp, nets[line.vat_rate_bp])
        nets[line.vat_rate_bp] += charges.part(price, 0, line.quantity)
    return found


def _amounts(cents: NDArray[np.int64]) -> pa.Array:
    """Cents as exact decimals with two places: the same integers, read as hundredths."""
    words = np.zeros((len(cents), 2), np.int64)
    words[:, 0] = cents
    words[:, 1] = np.where(cents < 0, -1, 0)  # the sign, extended to 128 bits
    return pa.Array.from_buffers(pa.decimal128(18, 2), len(cents), [None, pa.py_buffer(words.tobytes())])


def write_rejection(sink: BinaryIO, delivery: Delivery, folders: Folders) -> None:
    """Head, the wrong requests with the code for "invalid", tail: read once more from the kept original."""
    arrival = delivery.arrival
    feed = feeds.load(arrival.feed_version)
    layout = layout_of(arrival)
    around = _of_delivery(1, 0)
    writer = Writer(sink, layout, "rejection")
    _copy_around(writer, arrival.head, around)
    for raw, offsets in rejected(arrival, folders, layout, feed):
        count = len(offsets) - 1
        writer.copy(raw, {"outcome.code": pa.array([feed.code_of("invalid")] * count, pa.string())}, offsets)
    _copy_around(writer, arrival.tail, around)
    writer.close()


def rejected(
    arrival: Arrival, folders: Folders, layout: Layout, feed: Feed
) -> Iterator[tuple[bytes, NDArray[np.int64]]]:
    """The raw bytes of the wrong requests, block by block, and where each begins."""
    reading = Reading(
        archive.locate(folders, arrival), layout, direction="request", unit=feed.request.unit, values=False
    )
    for block in reading:
        stopping.look()
        units = block.units[block.unit_bad]
        if len(units):
            pieces = [block.raw(first, stop) for first, stop in units.tolist()]
            yield b"".join(pieces), np.cumsum([0] + [len(piece) for piece in pieces]).astype(np.int64)


def rejected_numbers(
    arrival: Arrival, folders: Folders, layout: Layout, feed: Feed
) -> Iterator[tuple[int, str, list[str]]]:
    """(record number from 1, its type, codes of its findings as far as the report names them) of each wrong request."""
    report = report_of(arrival)
    codes: dict[int, list[str]] = {}
    for finding in report.get("findings", []):
        codes.setdefault(finding["record_number"], []).append(finding["code"])
    reading = Reading(
        archive.locate(folders, arrival), layout, direction="request", unit=feed.request.unit, values=False
    )
    for block in reading:
        for first, stop in block.units[block.unit_bad].tolist():
            numbers = range(block.first_record + first + 1, block.first_record + stop + 1)
            found = [code for number in numbers for code in codes.get(number, [])]
            yield numbers[0], layout.records[int(block.types[first])].name, list(dict.fromkeys(found))


def report_of(arrival: Arrival) -> dict[str, Any]:
    """What the reading found, as it was kept; empty when the file was never read."""
    return json.loads(bytes(payload.open(bytes(arrival.report)))) if arrival.report else {}


def renderings(arrival: Arrival, kind: str, name: bytes) -> tuple[bytes, ...]:
    """The files of one delivery: one when the layout has its direction, else the text's name and the JSON's."""
    return (name,) if kind in layout_of(arrival).structure else (name, name + b".json")
