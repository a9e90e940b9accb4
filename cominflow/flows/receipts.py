"""Receipts: every committed upload gets one, whatever became of the file: accepted, refused, duplicate, unknown.

In Italian first, then in English, as text, and the same facts as JSON beside it. It is the customer's own report on
their own file, so it shows what was wrong in full; a file released by an operator is read again and gets a further one.
"""

from __future__ import annotations

import itertools
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from cominflow.clock import to_the_second
from cominflow.exchange import feeds, repeated, requests
from cominflow.flows.contents import report_of
from cominflow.models import Arrival, Delivery, Event

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,  # plain text: nothing here is markup
)

# state -> (Italian, English): what became of the file.
OUTCOMES = {
    "QUEUED": ("accettato", "accepted"),
    "ANSWERED": ("accettato", "accepted"),
    "CLOSED": ("accettato", "accepted"),
    "REFUSED": ("respinto", "refused"),
    "DUPLICATE": ("duplicato, non elaborato", "duplicate, not processed"),
    "QUARANTINED": ("in quarantena, non elaborato", "quarantined, not processed"),
    "HELD": ("sospeso in attesa di un operatore", "held for an operator"),
}


def text(delivery: Delivery) -> bytes:
    """The receipt as text, UTF-8."""
    return _TEMPLATES.get_template("receipt.txt").render(facts(delivery)).encode()


def as_json(delivery: Delivery) -> bytes:
    """The receipt as JSON, UTF-8."""
    return (json.dumps(facts(delivery), ensure_ascii=False, indent=1) + "\n").encode()


def facts(delivery: Delivery) -> dict[str, Any]:
    """What a receipt says. The decision is the one the delivery was planned for, so a repeat says the same."""
    arrival: Arrival = delivery.arrival
    report = report_of(arrival)
    repeats = _repeated(arrival)
    outcome = _decision(delivery)
    italian, english = OUTCOMES[outcome]
    reason_it, reason_en = _reasons(arrival, outcome)
    return {
        "arrival": arrival.reference,
        "file": arrival.shown_name,
        "bytes": arrival.bytes_count,
        "sha256": arrival.sha256,
        "received_at": arrival.claimed_at.isoformat(timespec="seconds"),
        "outcome": outcome,
        "outcome_it": italian,
        "outcome_en": english,
        "reason_it": reason_it,
        "reason_en": reason_en,
        "duplicate_of": arrival.duplicate_of.reference if arrival.duplicate_of else None,
        "layout": report.get("layout"),
        "records": arrival.records_count,
        "requests_accepted": arrival.requests_count - repeats.get("requests_repeated", 0),
        "requests_rejected": arrival.rejected_count,
        **repeats,
        "totals": report.get("totals", []),
        "findings": [_told(finding) for finding in report.get("findings", [])],
        "findings_counts": report.get("counts", []),
        "findings_more": _more(report),
    }


def _decision(delivery: Delivery) -> str:
    """What the receipt was planned for: the row says so until it is published, and from then on its first event."""
    if delivery.state == "PLANNED" and not delivery.sha256:
        return delivery.reason  # it was never staged
    planned = Event.objects.filter(subject=delivery.reference, what="STAGED").order_by("pk")
    return planned.values_list("reason", flat=True).first() or delivery.reason


def _reasons(arrival: Arrival, outcome: str) -> tuple[str, str]:
    first = arrival.duplicate_of
    if outcome != "DUPLICATE" or first is None:
        return arrival.reason_it, arrival.reason_en
    received = to_the_second(first.claimed_at)
    return (
        f"ha lo stesso contenuto di {first.shown_name} ({first.reference}), ricevuto il {received}; "
        "se l'invio ripetuto è voluto, chiedere che sia elaborato",
        f"it has the same content as {first.shown_name} ({first.reference}), received on {received}; "
        "if it was sent again on purpose, ask for it to be processed",
    )


# Repeated requests that a receipt names one by one; the answer has all of them.
_REPEATED_NAMED_MAX = 100
_WHAT = {
    repeated.REFUSED: ("già ricevuta, non elaborata", "received before, not processed"),
    repeated.ANSWERED_AGAIN: ("già ricevuta, ha la stessa risposta", "received before, given the same answer"),
    repeated.CORRECTS: ("sostituisce la precedente, annullata", "takes the place of the earlier one, cancelled"),
}


def _repeated(arrival: Arrival) -> dict[str, Any]:
    """How many requests repeat or change earlier ones, and the first of them by number and reference.

    Nothing where none does: such a receipt has the bytes that it had before there were any rules about repeats.
    """
    version = arrival.feed_version
    if version is None or not (arrival.released_as or feeds.load(version).repeats.concerns_requests):
        return {}  # without asking the database: there are many small files
    counts = repeated.counts(arrival)
    if not sum(counts):
        return {}
    named = list(itertools.islice(repeated.of(arrival), _REPEATED_NAMED_MAX))
    positions = np.array([one.position for one in named], np.int64)
    names: list[str] = []
    for portion in requests.read_positions(arrival.pk, positions):
        names += portion.references.to_pylist()
    return {
        "requests_repeated": counts.refused,
        "requests_answered_again": counts.answered,
        "requests_corrected": counts.corrected,
        "repeated": [
            {
                "request": one.position + 1,
                "reference": name,
                "earlier": one.earlier,
                "is_same": one.is_same,
                "text_it": _WHAT[one.what][0],
                "text_en": _WHAT[one.what][1],
            }
            for one, name in zip(named, names, strict=True)
        ],
        "repeated_more": sum(counts) - len(named),
    }


def _told(finding: dict[str, Any]) -> dict[str, Any]:
    """A finding for its customer: fields with their text; a record that could not be cut into fields is not echoed."""
    if finding["field"]:
        return finding
    return {key: value for key, value in finding.items() if not key.startswith(("raw_", "excerpt"))}


def _more(report: dict[str, Any]) -> int:
    """How many findings were counted beyond the examples that the report names one by one."""
    total: int = sum(count["count"] for count in report.get("counts", []))
    return total - len(report.get("findings", []))


_TEMPLATES.filters["clock"] = lambda text: to_the_second(datetime.fromisoformat(text))
_TEMPLATES.filters["total"] = {
    "equal": "uguale / equal",
    "different": "DIVERSO / DIFFERENT",
    "unverifiable": "NON VERIFICABILE / CANNOT BE VERIFIED",
}.__getitem__
