"""Plain: what a layout has no direction for is sent as a text that a person reads, and as JSON beside it.

Every function yields pieces of the file, so that a large answer is never held whole. Deterministic: same database
rows, same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from cominflow.exchange import feeds
from cominflow.exchange.disk import Folders
from cominflow.flows import contents
from cominflow.models import Delivery
from cominflow.money import format_cents, format_e8


def pieces(delivery: Delivery, folders: Folders, *, as_json: bool) -> Iterator[bytes]:
    """The file's bytes, in pieces."""
    rows = {"answer": _answers, "invoice": _invoice_lines, "rejection": _rejections}[delivery.kind](delivery, folders)
    head = _head(delivery)
    if as_json:
        return _json(head, _LISTS[delivery.kind], rows)
    return _text(head, delivery.kind, rows)


_LISTS = {"answer": "answers", "invoice": "lines", "rejection": "rejected"}
_TITLES = {
    "answer": "RISPOSTA / ANSWER",
    "invoice": "FATTURA / INVOICE",
    "rejection": "SCARTI / REJECTED REQUESTS",
}


def _head(delivery: Delivery) -> dict[str, Any]:
    arrival = delivery.arrival
    head: dict[str, Any] = {
        "arrival": arrival.reference,
        "file": arrival.shown_name,
        "sha256": arrival.sha256,
        "layout": contents.layout_of(arrival).name,
        "delivery": delivery.number,
    }
    if delivery.kind == "invoice":
        invoice = contents.invoice_of(delivery)
        head |= {
            "invoice": invoice.full_number,
            "date": invoice.issued_on.isoformat(),
            "net": format_cents(invoice.net_cents).replace(",", ""),
            "vat": format_cents(invoice.vat_cents).replace(",", ""),
            "total": format_cents(invoice.total_cents).replace(",", ""),
            "services": [
                {
                    "service": line.service.code,
                    "description": line.description,
                    "quantity": line.quantity,
                    "unit_price": format_e8(line.unit_price_e8),
                    "net": format_cents(line.net_cents).replace(",", ""),
                    "vat_rate": f"{line.vat_rate_bp / 100:g}%",
                }
                for line in invoice.lines.all()
            ],
        }
    return head


def _answers(delivery: Delivery, _: Folders) -> Iterator[dict[str, Any]]:
    feed = feeds.load(delivery.arrival.feed_version)
    for portion in contents.chosen_for(delivery.arrival, delivery.number):
        words = contents.outcomes_in(portion, delivery.number)
        references, services = portion.references.to_pylist(), portion.services.to_pylist()
        results = portion.results.to_pylist() if portion.results.num_columns else [{}] * len(portion)
        for place, word in enumerate(words):
            result = {name: _plain(value) for name, value in results[place].items() if value is not None}
            yield {
                "position": int(portion.positions[place]) + 1,
                "reference": references[place],
                "service": services[place],
                "code": feed.code_of(word),
                "outcome": word,
                "result": result if word != "pending" else {},
            }


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | str) else str(value)


def _invoice_lines(delivery: Delivery, _: Folders) -> Iterator[dict[str, Any]]:
    for lines in contents.invoice_lines(contents.invoice_of(delivery)):
        for row in pa.table(lines).to_pylist():
            yield {name.removeprefix("line."): _plain(value) for name, value in row.items()}


def _rejections(delivery: Delivery, folders: Folders) -> Iterator[dict[str, Any]]:
    """By number, position and code only: an unreadable record is never echoed."""
    arrival = delivery.arrival
    feed = feeds.load(arrival.feed_version)
    layout = contents.layout_of(arrival)
    for record_number, record, problems in contents.rejected_numbers(arrival, folders, layout, feed):
        yield {"record": record_number, "type": record, "code": feed.code_of("invalid"), "findings": problems}


def _json(head: dict[str, Any], name: str, rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    opening = json.dumps(head, ensure_ascii=False, indent=1)
    yield (opening.removesuffix("\n}") + f',\n "{name}": [').encode()
    separator = "\n  "
    for row in rows:
        yield (separator + json.dumps(row, ensure_ascii=False)).encode()
        separator = ",\n  "
    yield b"\n ]\n}\n"


def _text(head: dict[str, Any], kind: str, rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    yield f"{_TITLES[kind]}\n".encode()
    for name, value in head.items():
        if isinstance(value, list):
            for entry in value:
                yield ("  " + "  ".join(f"{k}: {v}" for k, v in entry.items()) + "\n").encode()
        else:
            yield f"{name:<10} {value}\n".encode()
    yield b"\n"
    for row in rows:
        cells = []
        for name, value in row.items():
            if isinstance(value, dict):
                value = ", ".join(f"{k}={v}" for k, v in value.items()) or "-"
            if isinstance(value, list):
                value = "; ".join(value) or "-"
            cells.append(f"{name}: {value}")
        yield ("  ".join(cells) + "\n").encode()
