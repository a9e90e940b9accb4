"""Fronts: the part of reading that needs the blocks in order. Framing, record types, their order, units.

What goes on in the next block (an unfinished record, a unit that may not be whole) is kept for it, so that no unit
ever lies in two blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tracciati import framing
from tracciati.findings import Fault, Faults, Judgement
from tracciati.findings.places import Witness
from tracciati.framing import delimited, lengths, matching
from tracciati.framing.delimited import CellFrame
from tracciati.limits import UNIT_BYTES_MAX
from tracciati.wording import counted

if TYPE_CHECKING:
    from tracciati.framing import Bytes, Continues, Frame
    from tracciati.framing.matching import Order, Types
    from tracciati.layout import Direction, Layout
    from tracciati.reading.source import Source

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Front:
    """A block after matching: what the columns are read from, and its place in the file."""

    number: int
    frame: Frame
    types: Types
    order: Order
    units: NDArray[np.int64]
    faults: Faults
    bad: Flags
    witness: Witness


class Fronts:
    """Cuts one source into fronts. After the last one, `is_disturbed` and `end_faults` are complete.

    is_disturbed  records are unreadable, unknown or out of order, so that a total which differs only echoes that
    end_faults    what is wrong with where the file ends, and the last block as its witness
    """

    def __init__(
        self,
        source: Source,
        layout: Layout,
        direction: Direction,
        *,
        unit: str,
        judgement: Judgement,
        examples: int,
        reveal: bool,
        pictures: bool,
    ) -> None:
        self._source, self._layout, self._direction, self._unit = source, layout, direction, unit
        self._judgement, self._examples, self._reveal = judgement, examples, reveal
        self._pictures = pictures
        self._automaton = layout.structure[direction]
        self._passed_over = matching.passed_over(self._automaton)
        self._header = self._header_row()  # as long as no block had it: only empty lines may stand before it
        self._is_lost = False  # after a record nobody can place, the order of the rest is not judged
        self._has_wrong_header = False
        self._unknown_count = 0  # records of unknown type at the end of what was read
        self._lines_count = 0  # of records and of lines that fill up a block
        self._has_fills = self._is_behind = False
        self.is_disturbed = False
        self.end_faults: tuple[Faults, Witness] | None = None

    def _header_row(self) -> tuple[str, ...]:
        form = self._layout.file
        if form.kind == "fixed" or not form.dialect.header:
            return ()
        record = next(r for r in self._layout.records if r.is_in(self._direction))
        return tuple(f.label or f.name for f in record.fields_in(self._direction))

    def __iter__(self) -> Iterator[Front]:
        kept: Bytes = np.empty(0, np.uint8)
        offset = first_record = lines_before = number = state = 0
        continues: Continues = ""
        needs_more = True
        while True:
            if not self._source.at_end and (needs_more or len(kept) < self._source.block_bytes):
                kept = self._source.more(kept)
            needs_more = False
            at_end = self._source.at_end
            frame = self._frame(kept, at_start=offset == 0, is_last=at_end, continues=continues)
            if not len(frame.buffer) and not at_end:
                needs_more = True
                continue
            is_whole = at_end and len(frame.buffer) == len(kept)
            types = self._types(frame, begins_file=first_record == 0, ends_file=is_whole)
            if self._layout.file.kind == "fixed" and self._layout.file.length is None:
                frame = matching.record_lengths(frame, types, self._layout)
            if self._layout.file.fill:
                frame = self._with_misplaced(frame)
            if isinstance(frame, CellFrame):
                frame = _with_notes(frame, matching.column_counts(frame, types, self._layout, self._direction))
            order = matching.follow(self._automaton, types, state)
            units = self._units(types, order)
            is_endless = False
            if units.open_from >= 0 and not is_whole:
                if units.open_from > 0:
                    frame, types, order, units = self._cut(frame, types, order, state, units.open_from)
                elif at_end or len(kept) >= UNIT_BYTES_MAX:
                    is_endless = True
                else:
                    needs_more = True
                    continue
            witness = Witness(
                self._layout, self._direction, self._reveal, frame, offset, first_record, lines_before, self._pictures
            )
            yield self._judged(number, frame, types, order, units.ranges, witness, is_endless=is_endless)
            if isinstance(frame, CellFrame) and frame.has_header:
                self._header = ()
            self._lines_count += len(frame) + len(frame.fills)
            self._has_fills |= bool(len(frame.fills))
            kept = kept[len(frame.buffer) :]
            offset += len(frame.buffer)
            first_record += len(frame)
            lines_before += _lines_count(frame, self._layout.file.separator)
            continues, state, number = frame.continues, order.state, number + 1
            if at_end and not len(kept):
                self._end_fault(witness, order.state, first_record)
                return

    def _frame(self, buffer: Bytes, *, at_start: bool, is_last: bool, continues: Continues) -> Frame:
        form = self._layout.file
        if form.length_in:
            return lengths.frame(buffer, self._layout, is_last=is_last, continues=continues)
        if form.kind == "fixed":
            return framing.frame(buffer, form, at_start=at_start, is_last=is_last, continues=continues)
        frame = delimited.frame(buffer, form, self._header, at_start=at_start, is_last=is_last, continues=continues)
        if any(note.code == "TR-L112" for note in frame.notes):
            self._has_wrong_header = True
        if self._has_wrong_header:
            return replace(frame, broken=np.ones(len(frame), np.bool_))
        return frame

    def _with_misplaced(self, frame: Frame) -> Frame:
        """The frame with a note on the first record that stands behind lines that fill up a block."""
        first = 0 if self._has_fills else int(frame.fills[0]) if len(frame.fills) else len(frame.buffer)
        row = int(np.searchsorted(frame.starts, first))
        if self._is_behind or row >= len(frame):
            return frame
        self._is_behind = True
        rows, starts, lengths = np.array([row]), frame.starts[row : row + 1], frame.lengths[row : row + 1]
        return replace(frame, notes=(*frame.notes, framing.Note("TR-L120", rows, starts, lengths)))

    def _types(self, frame: Frame, *, begins_file: bool, ends_file: bool) -> Types:
        if self._has_wrong_header:
            return np.full(len(frame), matching.UNKNOWN, np.int16)
        return matching.match(frame, self._layout, self._direction, begins_file=begins_file, ends_file=ends_file)

    def _units(self, types: Types, order: Order) -> matching.Units:
        if not self._unit:
            return matching.Units(np.empty((0, 2), np.int64), -1)
        if self._unit in self._layout.groups:
            return matching.units_of_group(self._automaton, self._unit, types, order)
        return matching.units_of_record(types, self._layout.by_name[self._unit].index)

    def _cut(
        self, frame: Frame, types: Types, order: Order, state: int, count: int
    ) -> tuple[Frame, Types, Order, matching.Units]:
        """The block without the unit at its end, which goes on in the next one."""
        frame, types = frame.cut(count), types[:count]
        order = matching.follow(self._automaton, types, state)
        return frame, types, order, self._units(types, order)

    def _judged(
        self,
        number: int,
        frame: Frame,
        types: Types,
        order: Order,
        units: NDArray[np.int64],
        witness: Witness,
        *,
        is_endless: bool,
    ) -> Front:
        """Framing and structure faults of a block."""
        faults = Faults(self._judgement, self._examples)
        for note in frame.notes:
            faults.count(note.code, "", len(note.rows), partial(_fault_of_note, note))
        broken = np.zeros(len(frame), np.bool_) if frame.broken is None else frame.broken
        unknown = (types == matching.UNKNOWN) & ~broken
        bad = broken | (types == matching.UNKNOWN)
        if unknown.any():
            rows = np.flatnonzero(unknown)
            known = ", ".join(r.name for r in self._layout.records if r.is_in(self._direction))
            words = (f"one of the record types {known}", f"uno dei tipi di record {known}")
            faults.count("TR-S101", "", len(rows), lambda i: _record_fault("TR-S101", frame, int(rows[i]), words))
        foreign = self._passed_over.take(types, mode="wrap") & (types >= 0)
        for row in np.flatnonzero(foreign & ~broken).tolist():
            faults.add(self._type_fault("TR-S104", frame, types, row, ("", "")))
        bad |= foreign
        lost_from = self._lost_from(types, broken)
        for misfit in order.misfits:
            if self._is_echo(misfit, types, order):
                continue
            bad[misfit.row] = True
            if misfit.row < lost_from:
                expected = " or ".join(misfit.expected), " o ".join(misfit.expected)
                faults.add(self._type_fault("TR-S102", frame, types, misfit.row, expected))
        if is_endless:
            faults.add(_record_fault("TR-S105", frame, int(units[-1][0]), ("", "")))
        self.is_disturbed |= bool(bad.any()) or bool(frame.continues) or self._has_wrong_header
        self._unknown_count = self._unknown_before(types, len(types))
        return Front(number, frame, types, order, units, faults, bad, witness)

    def _lost_from(self, types: Types, broken: Flags) -> int:
        """The first row from which the order is not judged, because a broken record before it has no type."""
        if self._is_lost:
            return 0
        nowhere = np.flatnonzero(broken & (types == matching.UNKNOWN))
        if not len(nowhere):
            return len(types)
        self._is_lost = True
        return int(nowhere[0])

    def _is_echo(self, misfit: matching.Misfit, types: Types, order: Order) -> bool:
        """Would the record stand right, had those of unknown type before it been what may stand there?"""
        row = misfit.row
        reached = {int(order.before[row])}
        for _ in range(self._unknown_before(types, row)):
            reached |= {int(to) for state in reached for to in self._automaton.step[state] if to >= 0}
        return any(self._automaton.step[state, types[row]] >= 0 for state in reached)

    def _unknown_before(self, types: Types, row: int) -> int:
        """How many records of unknown type stand just before a row, up to as many as there are states."""
        count, most = 0, len(self._automaton.step)
        while count < min(row, most) and types[row - 1 - count] == matching.UNKNOWN:
            count += 1
        return min(count + self._unknown_count, most) if count == row else count

    def _type_fault(self, code: str, frame: Frame, types: Types, row: int, expected: tuple[str, str]) -> Fault:
        record = self._layout.records[int(types[row])]
        fault = _record_fault(code, frame, row, expected)
        return replace(fault, record=record)

    def _end_fault(self, witness: Witness, state: int, records_count: int) -> None:
        """May the file end here? Not said where something before makes the answer an echo."""
        frame = witness.frame
        is_record = len(frame) and not len(frame.fills)
        row, end = (len(frame) - 1, int(frame.ends[-1])) if is_record else (-1, len(frame.buffer))
        block = self._layout.file.block
        if block and self._lines_count % block and not self.is_disturbed:
            count = self._lines_count
            trovate = f"{count} {'riga' if count == 1 else 'righe'}"
            params = {"found": counted(count, "line"), "trovate": trovate, "block": str(block)}
            faults = Faults(self._judgement, self._examples)
            faults.add(Fault("TR-L119", row, end, 0, params=params))
            self.end_faults = (faults, witness)
        if self._automaton.accepting[state] or self.is_disturbed:
            return
        expected = self._automaton.expected(state)
        faults = self.end_faults[0] if self.end_faults is not None else Faults(self._judgement, self._examples)
        faults.add(Fault("TR-S103", row, end, 0, expected_en=" or ".join(expected), expected_it=" o ".join(expected)))
        self.end_faults = (faults, witness)
        self.is_disturbed = True


def _fault_of_note(note: framing.Note, index: int) -> Fault:
    if note.wanted is not None:
        note = _with_numbers(note, index, int(note.wanted[index]))
    return Fault(
        note.code,
        int(note.rows[index]),
        int(note.starts[index]),
        int(note.lengths[index]),
        expected_en=note.expected_en,
        expected_it=note.expected_it,
        params=note.params,
    )


def _with_numbers(note: framing.Note, index: int, wanted: int) -> framing.Note:
    """The note with the words for the numbers of one of its rows."""
    if note.found is None:
        english, italian = framing.bytes_expected(wanted)
        return replace(note, expected_en=english, expected_it=italian)
    found = int(note.found[index])
    trovate = f"{found} {'colonna' if found == 1 else 'colonne'}"
    return replace(note, params={"found": counted(found, "column"), "trovate": trovate, "declared": str(wanted)})


def _record_fault(code: str, frame: Frame, row: int, expected: tuple[str, str]) -> Fault:
    return Fault(
        code, row, int(frame.starts[row]), int(frame.lengths[row]), expected_en=expected[0], expected_it=expected[1]
    )


def _with_notes(frame: CellFrame, notes: list[framing.Note]) -> CellFrame:
    """The frame with further framing faults; their records are broken."""
    if not notes:
        return frame
    broken = np.zeros(len(frame), np.bool_) if frame.broken is None else frame.broken.copy()
    for note in notes:
        broken[note.rows] = True
    return replace(frame, broken=broken, notes=(*frame.notes, *notes))


def _lines_count(frame: Frame, separator: str) -> int:
    if separator == "none":
        return 0
    if frame.stride and not len(frame.fills):
        return len(frame)
    return int(np.count_nonzero(frame.buffer == framing.line_end(separator)))
