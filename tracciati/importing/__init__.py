"""Importing: a COBOL copybook, or a table of fields, becomes a layout to be edited.

What comes out loads, is not verified, and says in comments what could not be said or has to be looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tracciati import declare
from tracciati.errors import LayoutError, Problem
from tracciati.importing import drafts, items, records
from tracciati.importing.drafts import Doubt, Draft, RecordDraft
from tracciati.importing.orders import Order
from tracciati.importing.source import Unreadable

if TYPE_CHECKING:
    from tracciati.layout import Layout

__all__ = ["Doubt", "Imported", "Order", "copybook", "table"]


@dataclass(frozen=True)
class Imported:
    """What was made. `text`: the layout as TOML; `layout`: the same, loaded."""

    text: str
    layout: Layout
    doubts: tuple[Doubt, ...]
    fields_count: int


def copybook(text: str, order: Order) -> Imported:
    """The layout of a copybook.

    Raises LayoutError, with the copybook's line, for a text that is none and for records that cannot be told apart;
    UnknownName for a segment that it does not have.
    """
    try:
        tops = items.read(text)
        if not tops:
            raise Unreadable(1, "there is no data item", "give a copybook: 01 RECORD. 05 FIELD PIC X(10).")
        found, doubts = records.records(tops, order)
    except Unreadable as wrong:
        raise _refused(order, wrong) from wrong
    return _made(order, found, doubts)


def table(rows: Sequence[Sequence[str]], order: Order) -> Imported:
    """The layout of a table: its rows, of which one has the headings. Raises as `copybook`, with the row's number."""
    from tracciati.importing import tables

    try:
        found, doubts = tables.records(rows, order)
    except Unreadable as wrong:
        raise _refused(order, wrong) from wrong
    return _made(order, found, doubts)


def _refused(order: Order, wrong: Unreadable) -> LayoutError:
    return LayoutError(order.name, (Problem(wrong.line, 1, wrong.text, wrong.hint),))


def _made(order: Order, found: list[RecordDraft], doubts: list[Doubt]) -> Imported:
    sizes = {record.size for record in found}
    record: dict[str, Any] = {"length": max(sizes)} if order.form in ("fixed", "lines") and len(sizes) == 1 else {}
    if order.form == "lines" and any(_changes(one) for one in found):
        record = {}
    record["separator"] = "LF" if order.form == "lines" else "none"
    if order.form in ("rdw", "rdw-little"):
        record["length_in"] = "rdw"
        if order.length_adds:
            record["length_adds"] = order.length_adds
    form = {"kind": "fixed", "record": record, "encoding": {"codec": order.codec}}
    draft = Draft(order.id, order.name, "", form, found, doubts)
    text = drafts.text(draft)
    layout = declare.loads(text, f"what was made of {order.name}")
    return Imported(text, layout, tuple(draft.all_doubts()), draft.fields_count())


def _changes(record: RecordDraft) -> bool:
    return bool(record.nodes) and isinstance(record.nodes[-1].keys.get("occurs"), dict)
