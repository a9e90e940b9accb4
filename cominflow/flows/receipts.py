"""Receipts: every committed upload gets one, whatever became of the file: accepted, refused, duplicate, unknown.

In Italian first, then in English, as text, and the same facts as JSON beside it. It is the customer's own report on
their own file, so it shows what was wrong in full; a file released by an operator is read again and gets a further one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2

from cominflow.flows.contents import report_of
from cominflow.models import Arrival, Delivery

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
    outcome = delivery.reason
    italian, english = OUTCOMES[outcome]
    return {
        "arrival": arrival.reference,
        "file": arrival.shown_name,
        "bytes": arrival.bytes_count,
        "sha256": arrival.sha256,
        "received_at": arrival.claimed_at.isoformat(timespec="seconds"),
        "outcome": outcome,
        "outcome_it": italian,
        "outcome_en": english,
        "reason": arrival.reason,
        "duplicate_of": arrival.duplicate_of.reference if arrival.duplicate_of else None,
        "layout": report.get("layout"),
        "records": arrival.records_count,
        "requests_accepted": arrival.requests_count,
        "requests_rejected": arrival.rejected_count,
        "totals": report.get("totals", []),
        "findings": report.get("findings", []),
        "findings_counts": report.get("counts", []),
    }
