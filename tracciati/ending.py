"""Ending: the record that ends every file of a layout, and whether a file's last bytes are one.

So a file that was cut off is known without being read. Only fixed layouts whose structure ends with one record type,
always and nowhere else, have such a record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracciati.framing import CARRIAGE_RETURN, END_MARK, LINE_FEED, SEPARATORS

if TYPE_CHECKING:
    from tracciati.layout import Direction, Layout, Record

# What may follow the last record: separators, and the mark of old systems.
_AFTER = bytes((CARRIAGE_RETURN, LINE_FEED, END_MARK))


def closing_record(layout: Layout, direction: Direction) -> Record | None:
    """The record type that ends every file, or None when there is no such one.

    None where a file may end with several types, or where the last type is told by nothing, or may repeat.
    """
    automaton = layout.structure[direction]
    if layout.file.kind != "fixed" or layout.file.length is None or layout.file.fill or automaton.accepting[0]:
        return None
    types = {int(automaton.place_types[state]) for state in np.flatnonzero(automaton.accepting)}
    if len(types) != 1 or types & automaton.repeated_types:
        return None
    record = layout.records[types.pop()]
    return record if record.match else None


def bytes_wanted(layout: Layout) -> int:
    """How many of a file's last bytes `ends_with` has to see."""
    assert layout.file.length is not None, "a layout with a closing record is fixed"
    return layout.file.length + 16  # the last record, the separator before it, and what may follow


def ends_with(layout: Layout, record: Record, tail: bytes) -> bool:
    """Whether a file whose last bytes are `tail` ends with a whole record of that type."""
    form = layout.file
    assert form.length is not None, "a layout with a closing record is fixed"
    separator = SEPARATORS[form.separator]
    if form.last_separator == "required" and not tail.rstrip(bytes((END_MARK,))).endswith(separator):
        return False
    if separator:
        line = tail.rstrip(_AFTER).rpartition(separator[-1:])[2]
    else:
        line = tail.rstrip(_AFTER)[-form.length :]
    least = max(record.by_name[name].stop for name in record.match) if form.on_short != "reject" else form.length
    return len(line) >= least and all(
        line[field.start : field.stop] == _whole(layout, record, name)
        for name in record.match
        for field in (record.by_name[name],)
    )


def _whole(layout: Layout, record: Record, name: str) -> bytes:
    """The text that tells the type, as wide as its field."""
    field = record.by_name[name]
    assert field.length is not None, "a fixed field has a length"
    raw, pad = record.match[name].encode(layout.file.codec), field.pad.encode(layout.file.codec)
    return raw.rjust(field.length, pad) if field.align == "right" else raw.ljust(field.length, pad)
