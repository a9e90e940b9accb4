"""Proposal: what is proposed for a layout, as values that can still be changed; `toml` writes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tracciati.infer.evidence import Evidence
from tracciati.infer.framing import Framing
from tracciati.infer.kinds import Kind
from tracciati.infer.order import Order
from tracciati.infer.types import RecordType


@dataclass
class FieldProposal:
    """One field.

    start   byte offset (fixed) or column index (delimited)
    length  bytes; None in a delimited file
    extra   keys that speak of other records: sequence, unique, derive; each may have to go when all is read
    """

    name: str
    start: int
    length: int | None
    kind: Kind
    evidence: Evidence
    label: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    is_match: bool = False

    @property
    def place(self) -> str:
        """Where it stands, as the contract counts: columns of a record, or which column of a row."""
        if self.length is None:
            return f"column {self.start + 1}"
        if self.length == 1:
            return f"column {self.start + 1}"
        return f"columns {self.start + 1}-{self.start + self.length}"


@dataclass
class RecordProposal:
    """One record type, with its fields in the order of the file."""

    name: str
    type: RecordType
    fields: list[FieldProposal]

    @property
    def count(self) -> int:
        """Records of the samples."""
        return len(self.type.rows)


@dataclass
class Proposal:
    """A layout that is proposed.

    id      of the layout
    names   of the samples
    doubts  what a person has to decide, the most important first
    text    the layout as TOML, once it was read and tried
    findings  what the samples have, read by it: a line for each kind
    """

    id: str
    names: tuple[str, ...]
    framing: Framing
    records: list[RecordProposal]
    order: Order
    doubts: list[str] = field(default_factory=list)
    text: str = ""
    findings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The proposal as JSON holds it."""
        form = self.framing.form
        return {
            "samples": list(self.names),
            "records_count": len(self.framing),
            "doubts": self.doubts,
            "findings": self.findings,
            "file": {
                "kind": form.kind,
                "length": form.length,
                "separator": form.separator,
                "codec": form.codec,
                "structure": self.order.text,
                "groups": self.order.groups,
                "reasons": self.framing.reasons,
            },
            "records": [
                {
                    "name": record.name,
                    "count": record.count,
                    "match": [
                        {"columns": [start + 1, stop], "text": text}
                        if form.kind == "fixed"
                        else {"column": start + 1, "text": text}
                        for start, stop, text in record.type.match
                    ],
                    "fields": [_field_as_dict(one) for one in record.fields],
                }
                for record in self.records
            ],
            "layout": self.text,
        }


def _field_as_dict(one: FieldProposal) -> dict[str, Any]:
    place = {"column": one.start + 1} if one.length is None else {"columns": [one.start + 1, one.start + one.length]}
    return {
        "name": one.name,
        **place,
        "type": one.kind.base,
        **one.kind.keys,
        **one.extra,
        "confidence": one.evidence.confidence,
        "agreeing": one.evidence.agreeing,
        "total": one.evidence.total,
        "why": one.evidence.why,
        "contradicted_by": list(one.evidence.against),
    }
