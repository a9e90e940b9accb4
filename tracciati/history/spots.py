"""Spots: a record that a finding may be about, kept when its block is gone, and the finding that is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracciati.findings import Fault, Finding, finding
from tracciati.findings.places import Place, Witness
from tracciati.framing import Frame, delimited
from tracciati.reading.columns import fault_at

if TYPE_CHECKING:
    from tracciati.findings.catalogue import Severity
    from tracciati.history.words import Words
    from tracciati.layout import Direction, Field, Layout, Record

_NOWHERE = Place(
    record_number=0,
    line=0,
    end_line=0,
    characters=(0, 0),
    offset=0,
    length=0,
    columns=(0, 0),
    raw_text="",
    raw_hex="",
    masked=False,
    excerpt="",
    excerpt_start=0,
    excerpt_length=0,
    picture=None,
)


@dataclass(frozen=True)
class Spot:
    """One record: its bytes without what ends it, its number and line (from 1), and its offset in the file."""

    raw: bytes
    record_number: int
    line: int
    offset: int


@dataclass(frozen=True)
class Telling:
    """Makes findings about the files of one history; sensitive fields are masked unless `reveal`."""

    layout: Layout
    direction: Direction
    reveal: bool

    def at(
        self, code: str, severity: Severity, spot: Spot | None, record: Record, field: Field, words: Words
    ) -> Finding:
        """A finding about a field of a record; without a spot about the file, which has no such record."""
        if spot is None:
            return self.of_file(code, severity, words, record, field)
        frame = self._frame(spot)
        expected = (words.expected_en, words.expected_it)
        fault = fault_at(code, frame, record, field, 0, self.direction, expected, dict(words.params))
        witness = Witness(
            self.layout, self.direction, self.reveal, frame, spot.offset, spot.record_number - 1, spot.line - 1
        )
        return finding(fault, witness.place(fault), severity, self.layout)

    def of_file(
        self, code: str, severity: Severity, words: Words, record: Record | None = None, field: Field | None = None
    ) -> Finding:
        """A finding about a file as a whole, or about none."""
        fault = Fault(
            code, -1, 0, 0, record, field, None, words.expected_en, words.expected_it, params=dict(words.params)
        )
        return finding(fault, _NOWHERE, severity, self.layout)

    def _frame(self, spot: Spot) -> Frame:
        """The record as one of a block, with its cells where it has some."""
        buffer, form = np.frombuffer(spot.raw, np.uint8), self.layout.file
        if form.kind == "delimited":
            return delimited.frame(buffer, form, (), at_start=False, is_last=True).cut(1)
        size = np.array([len(buffer)])
        return Frame(buffer, starts=np.zeros(1, np.int64), lengths=size, ends=size)
