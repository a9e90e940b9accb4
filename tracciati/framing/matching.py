"""Matching: which record type each record is of, and whether the types stand in the declared order.

Types are told apart by the texts in `match`; structure is one table look-up per record. Only a block in which
something is out of order is walked record by record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tracciati import bases
from tracciati.framing import NONE, Frame, Index, Note, gather, length_notes
from tracciati.framing.delimited import CellFrame
from tracciati.values import pages
from tracciati.values.cells import equal, words

if TYPE_CHECKING:
    from tracciati.layout import Direction, Field, Layout, Record
    from tracciati.structure import Automaton

Types = NDArray[np.int16]
UNKNOWN = -1


def match(
    frame: Frame, layout: Layout, direction: Direction, *, begins_file: bool = False, ends_file: bool = False
) -> Types:
    """The record type of each record: int16 (n,), index in `layout.records`, UNKNOWN where none fits.

    begins_file, ends_file   the first, the last record is the file's: its place may tell its type

    Records with a framing error are matched by what they have, so that the order of the others can be checked.
    """
    if not len(frame):
        return np.empty(0, np.int16)
    types = np.full(len(frame), UNKNOWN, np.int16)
    open_rows: NDArray[np.bool_] | None = None
    for record in layout.records:
        if record.position:
            continue
        same = _is_of(frame, layout, record, direction)
        if same is None:
            continue
        if open_rows is None and same.all():
            types[:] = record.index
            break
        if open_rows is not None:
            same &= open_rows
        types[same] = record.index
        open_rows = types == UNKNOWN
        if not open_rows.any():
            break
    for record in layout.records:
        if (record.position == "first" and begins_file) or (record.position == "last" and ends_file):
            row = 0 if record.position == "first" else len(frame) - 1
            same = _is_of(frame, layout, record, direction)
            if same is not None and same[row]:
                types[row] = record.index
    return types


def _is_of(frame: Frame, layout: Layout, record: Record, direction: Direction) -> NDArray[np.bool_] | None:
    found: NDArray[np.bool_] | None = None
    if not record.is_in(direction) and isinstance(frame, CellFrame):
        return None  # its columns are those of another direction
    if record.by_length:
        found = frame.lengths == record.length
    elif not record.match:
        return np.ones(len(frame), np.bool_)
    for name, text in record.match.items():
        field = record.by_name[name]
        raw = text.encode(layout.file.codec)
        if isinstance(frame, CellFrame):
            same = _cell_is(frame, record.fields_in(direction).index(field), raw)
        else:
            same = _bytes_are(frame, field, raw, layout)
        if same is None:
            return None
        found = same if found is None else found & same
    return found


def _bytes_are(frame: Frame, field: Field, raw: bytes, layout: Layout) -> NDArray[np.bool_] | None:
    assert field.length is not None, "a fixed field has a length"
    pad = field.pad.encode(layout.file.codec)
    whole = raw.rjust(field.length, pad) if field.align == "right" else raw.ljust(field.length, pad)
    if frame.stride >= field.stop:
        cells = frame.records(slice(None), field.stop)[:, field.start : field.stop]
        return equal(words(cells), whole)
    same = equal(words(gather(frame.buffer, frame.starts + field.start, field.length)), whole)
    # A short record does not reach so far: what was compared is the next one.
    return None if same is None else same & (frame.lengths >= field.stop)


def _cell_is(frame: CellFrame, column: int, raw: bytes) -> NDArray[np.bool_] | None:
    has_column = frame.cell_counts > column
    rows = np.flatnonzero(has_column)
    if not len(rows):
        return None
    cells, lengths = frame.cells(rows, column, right=False, width_max=len(raw) + 1)
    if cells.shape[1] < len(raw):
        return None
    same = equal(words(cells), raw.ljust(cells.shape[1], b"\0"))
    if same is None:
        return None
    same &= lengths == len(raw)
    has_column[rows] = same
    return has_column


def column_counts(frame: CellFrame, types: Types, layout: Layout, direction: Direction) -> list[Note]:
    """Records whose count of cells is not that of their type; they are to be broken."""
    declared = np.array([len(r.fields_in(direction)) for r in layout.records] + [-1])
    wrong = (frame.cell_counts != declared[types]) & (types != UNKNOWN)
    if frame.broken is not None:
        wrong &= ~frame.broken
    rows = np.flatnonzero(wrong)
    if not len(rows):
        return []
    found, wanted = frame.cell_counts[rows].astype(np.int64), declared[types[rows]].astype(np.int64)
    return [Note("TR-L113", rows, frame.starts[rows], frame.lengths[rows], found=found, wanted=wanted)]


def lengths_of(frame: Frame, layout: Layout, record: Record, rows: Index) -> Index | None:
    """How many bytes each record has to have by the number that says how often its end is there; None: all the same.

    Where nobody can read that number, the length is taken as it is.
    """
    if record.repeated is None or layout.file.length is not None:
        return None
    by, start, size = record.repeated
    field = record.by_name[by]
    cells = pages.opened(frame.records(rows, record.length)[:, field.start : field.stop], field, layout.file.codec)
    column = bases.of(field.base).read(cells, field, codec=pages.inner(layout.file.codec))
    assert column.values is not None, "declare lets only numbers repeat"
    most = (record.length - start) // size
    found: Index = start + size * np.clip(column.values.astype(np.int64), 0, most)
    for flags in (column.null, column.bad):
        if flags is not None:
            found[flags] = frame.lengths[rows][flags]
    return found


def record_lengths(frame: Frame, types: Types, layout: Layout) -> Frame:
    """The frame with notes on the records that do not have the length of their type, where types differ in it."""
    broken = np.zeros(len(frame), np.bool_) if frame.broken is None else frame.broken.copy()
    notes: list[Note] = []
    for record in layout.records:
        rows = np.flatnonzero((types == record.index) & ~broken)
        wanted = lengths_of(frame, layout, record, rows)
        if wanted is None:
            wanted = np.full(len(rows), record.length)
        for length in np.unique(wanted[frame.lengths[rows] != wanted]).tolist():
            chosen = rows[wanted == length]
            notes += length_notes(frame.buffer, layout.file, length, chosen, frame.starts, frame.lengths, broken)
    if not notes:
        return frame
    return replace(frame, broken=broken if broken.any() else None, notes=(*frame.notes, *_by_row(notes)))


def _by_row(notes: list[Note]) -> list[Note]:
    """Notes of one code as one, in the order of the rows."""
    found = []
    for code in dict.fromkeys(note.code for note in notes):
        same = [note for note in notes if note.code == code]
        rows = np.concatenate([note.rows for note in same])
        order = np.argsort(rows, kind="stable")
        starts, lengths, wanted = (
            np.concatenate(parts)[order]
            for parts in (
                [note.starts for note in same],
                [note.lengths for note in same],
                [note.wanted if note.wanted is not None else NONE for note in same],
            )
        )
        found.append(Note(code, rows[order], starts, lengths, wanted=wanted))
    return found


@dataclass(frozen=True)
class Misfit:
    """A record out of order: its row, the types that could have stood there."""

    row: int
    expected: tuple[str, ...]


@dataclass(frozen=True)
class Order:
    """What following the structure through a block found.

    states   int16 (n,): the state after each record; records that the structure does not know keep the one before
    before   int16 (n,): the state before each record
    state    the state after the block
    misfits  records out of order; after each the walk goes on from where such a record would stand
    """

    states: Types
    before: Types
    state: int
    misfits: tuple[Misfit, ...]


def follow(automaton: Automaton, types: Types, state: int) -> Order:
    """Follow the record types of a block from a state. Types the structure does not name are passed over."""
    repeated = _repeated(automaton, types, state)
    if repeated is not None:
        return repeated
    passed = passed_over(automaton).take(types, mode="wrap")
    if not passed.any():
        run = automaton.run(types, state)
        if run.stop < 0:
            return Order(run.states, _shifted(run.states, state), run.state, ())
        return _walk(automaton, types, state)
    rows = np.flatnonzero(~passed)
    inner = follow(automaton, types[rows], state) if len(rows) else None
    last = np.cumsum(~passed) - 1
    states = np.full(len(types), state, np.int16)
    if inner is not None:
        states[last >= 0] = inner.states[last[last >= 0]]
    misfits = tuple(Misfit(int(rows[m.row]), m.expected) for m in inner.misfits) if inner is not None else ()
    return Order(states, _shifted(states, state), inner.state if inner is not None else state, misfits)


def passed_over(automaton: Automaton) -> NDArray[np.bool_]:
    """By record type, and last for UNKNOWN: does the structure not name it?"""
    table = np.ones(len(automaton.type_names) + 1, np.bool_)
    table[list(automaton.types)] = False
    return table


def _repeated(automaton: Automaton, types: Types, state: int) -> Order | None:
    """The order of a block that holds one record type over and over, where that type may repeat: nearly all blocks."""
    kind = int(types[0]) if len(types) else UNKNOWN
    if kind == UNKNOWN or automaton.step[state, kind] != state or int(types.max()) != kind or int(types.min()) != kind:
        return None
    states = np.full(len(types), state, np.int16)
    return Order(states, states, state, ())


def _shifted(states: Types, state: int) -> Types:
    before = np.empty_like(states)
    before[:1] = state
    before[1:] = states[:-1]
    return before


def _walk(automaton: Automaton, types: Types, state: int) -> Order:
    """Record by record: a misfit is noted once, and the walk goes on as if the record stood where it belongs."""
    step = automaton.step.tolist()
    places: dict[int, list[int]] = {}
    for place, kind in enumerate(automaton.place_types.tolist()):
        places.setdefault(kind, []).append(place)
    first, states, misfits = state, [], []
    for row, kind in enumerate(types.tolist()):
        following = step[state][kind]
        if following < 0:
            misfits.append(Misfit(row, tuple(automaton.expected(state))))
            following = _nearest(step, state, places[kind])
        state = following
        states.append(state)
    found = np.array(states, np.int16)
    return Order(found, _shifted(found, first), state, tuple(misfits))


def _nearest(step: list[list[int]], state: int, places: list[int]) -> int:
    """The place that takes the fewest steps from the state; the first one when none can be reached."""
    if len(places) == 1:
        return places[0]
    seen, edge = {state}, [state]
    while edge:
        following = sorted({t for s in edge for t in step[s] if t >= 0} - seen)
        for place in following:
            if place in places:
                return place
        seen.update(following)
        edge = following
    return places[0]


@dataclass(frozen=True)
class Units:
    """The units of a block.

    ranges     int64 (m, 2): first record, and the one after the last
    open_from  where a unit begins that may go on in the next block, or -1
    """

    ranges: NDArray[np.int64]
    open_from: int


def units_of_record(types: Types, index: int) -> Units:
    """Each record of one type is a unit."""
    rows = np.flatnonzero(types == index)
    return Units(np.stack((rows, rows + 1), axis=1), -1)


def units_of_group(automaton: Automaton, group: str, types: Types, order: Order) -> Units:
    """Each occurrence of a group is a unit."""
    inside, begin = group_marks(automaton, group, types, order)
    ends = np.flatnonzero(inside[:-1] & (~inside[1:] | begin[1:])) + 1 if len(types) else np.empty(0, np.int64)
    starts = np.flatnonzero(begin)
    goes_on = bool(len(inside)) and bool(inside[-1])
    if goes_on:
        ends = np.append(ends, len(types))
    ends = ends[len(ends) - len(starts) :]
    return Units(np.stack((starts, ends), axis=1), int(starts[-1]) if goes_on and len(starts) else -1)


def marks(
    automaton: Automaton, types: Types, order: Order
) -> Callable[[str], tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """`group_marks` of a block, each group looked at once."""
    return cache(lambda group: group_marks(automaton, group, types, order))


def group_marks(
    automaton: Automaton, group: str, types: Types, order: Order
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which records lie inside the group, and which begin a new occurrence of it."""
    index = automaton.group_index(group)
    inside = automaton.inside[order.states, index]
    named = (types >= 0) & (order.states > 0)
    begin = automaton.begins[order.before, np.where(named, types, 0), index] & named
    # A record out of order has no step that begins the group: entering it does, and what cannot come later in the
    # occurrence that was open (a second trailer, a line behind it).
    begin |= inside & ~automaton.inside[order.before, index]
    rows = np.array([misfit.row for misfit in order.misfits], np.int64)
    begin[rows] |= inside[rows] & ~automaton.stays_within(group)[order.before[rows], order.states[rows]]
    return inside, begin


def present(types: Types) -> list[int]:
    """The types that occur, rising; each record has one. (`np.unique` sorts, and takes three times as long.)"""
    found: list[int] = np.flatnonzero(np.bincount(types)).tolist()
    return found


def rows_by_type(types: Types, broken: NDArray[np.bool_] | None, index: int) -> Index:
    """The readable records of one type."""
    if broken is None and len(types) and types[0] == index and int(types.max()) == index == int(types.min()):
        return np.arange(len(types))
    same = types == index
    if broken is not None:
        same &= ~broken
    return np.flatnonzero(same)
