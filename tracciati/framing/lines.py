"""Lines: records that end with a separator, as they are found and judged one by one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tracciati.framing.frames import (
    CARRIAGE_RETURN,
    END_MARK,
    LINE_FEED,
    NONE,
    Bytes,
    Continues,
    Frame,
    Index,
    Note,
    mark_note,
)
from tracciati.limits import RECORD_BYTES_MAX
from tracciati.wording import counted

if TYPE_CHECKING:
    from tracciati.layout import FileForm


@dataclass(frozen=True)
class Lines:
    """Lines as they were found, before they are judged: `has_return` and `has_feed` describe the separators."""

    starts: Index
    lengths: Index
    ends: Index
    has_feed: NDArray[np.bool_]
    has_return: NDArray[np.bool_]


def lines_between(buffer: Bytes, starts: Index, feeds: Index, tail: tuple[int, int] | None) -> Lines:
    """Lines from their starts and line feeds; `tail` is a last line without one."""
    ends = feeds + 1
    has_return = np.zeros(len(feeds), np.bool_)
    inner = feeds > starts
    has_return[inner] = buffer[feeds[inner] - 1] == CARRIAGE_RETURN
    lengths = feeds - has_return - starts
    has_feed = np.ones(len(feeds), np.bool_)
    if tail is not None:
        starts, ends = np.append(starts, tail[0]), np.append(ends, tail[1])
        lengths = np.append(lengths, tail[1] - tail[0])
        has_feed, has_return = np.append(has_feed, False), np.append(has_return, False)
    return Lines(starts, lengths, ends, has_feed, has_return)


def separator_notes(lines: Lines, form: FileForm, *, is_last: bool) -> list[Note]:
    """What the separators of the lines have that the layout does not declare."""
    notes = []
    declared_return = form.separator == "CRLF"
    others = {"LF" if declared_return else "CRLF": lines.has_feed & (lines.has_return != declared_return)}
    if form.separator == "CR":
        both = lines.ends - lines.starts - lines.lengths == 2
        others = {"CRLF": both, "LF": lines.has_feed & ~lines.has_return}
    for found, other in others.items():
        if other.any():
            rows = np.flatnonzero(other)
            stops = lines.starts[rows] + lines.lengths[rows]
            note = Note("TR-L103", rows, stops, lines.ends[rows] - stops)
            notes.append(replace(note, params={"found": found, "declared": form.separator}))
    if is_last and len(lines.starts):
        last = len(lines.starts) - 1
        stop = int(lines.starts[last] + lines.lengths[last])
        has_separator = bool(lines.has_feed[last])
        if form.last_separator == "required" and not has_separator:
            notes.append(Note("TR-L104", np.array([last]), np.array([stop]), np.array([0])))
        if form.last_separator == "forbidden" and has_separator:
            notes.append(Note("TR-L105", np.array([last]), np.array([stop]), np.array([0])))
    return notes


def end_marks(buffer: Bytes) -> int:
    """How many ^Z the buffer ends with."""
    raw = buffer[-RECORD_BYTES_MAX:].tobytes()
    return len(raw) - len(raw.rstrip(bytes([END_MARK])))


def by_lines(
    buffer: Bytes, form: FileForm, first: int, *, is_last: bool, continues: Continues, notes: tuple[Note, ...]
) -> Frame:
    """Cut a block at its line ends. Arguments are those of `framing.frame`; `first`: where the first record begins."""
    found = list(notes)
    limit = len(buffer)
    marks = end_marks(buffer) if is_last else 0
    if marks:
        limit -= marks
        found.append(mark_note("TR-L108", limit, marks))
    if form.separator == "CR":
        return _by_returns(buffer, form, first, limit, is_last=is_last, continues=continues, notes=found)
    feeds = np.flatnonzero(buffer[:limit] == LINE_FEED)
    if continues:
        if not len(feeds):
            return empty_frame(buffer, found, "" if is_last else continues)
        first, feeds = int(feeds[0]) + 1, feeds[1:]
    after = int(feeds[-1]) + 1 if len(feeds) else first
    unfinished = limit - after
    endless = not is_last and unfinished > RECORD_BYTES_MAX
    tail = (after, limit) if (is_last and unfinished > 0) or endless else None
    starts = np.concatenate((np.array([first]), feeds[:-1] + 1)) if len(feeds) else np.empty(0, np.int64)
    lines = lines_between(buffer, starts, feeds, tail)
    found += separator_notes(lines, form, is_last=is_last)
    stop = len(buffer) if is_last or endless else after
    return _judged(buffer[:stop], lines, form, found, "record" if endless else "")


def _by_returns(
    buffer: Bytes,
    form: FileForm,
    first: int,
    limit: int,
    *,
    is_last: bool,
    continues: Continues,
    notes: list[Note],
) -> Frame:
    """Lines that end in a carriage return; a line feed behind it belongs to it, and one alone ends a line too."""
    content = buffer[:limit]
    is_return, is_feed = content == CARRIAGE_RETURN, content == LINE_FEED
    is_second = is_feed.copy()
    is_second[:1] = False
    is_second[1:] &= is_return[:-1]
    stops = np.flatnonzero(is_return | (is_feed & ~is_second))
    if not is_last and len(stops) and stops[-1] == limit - 1 and is_return[-1]:
        stops = stops[:-1]  # its line feed may begin the next block
    has_return = is_return[stops]
    follows = np.append(is_second, False)[stops + 1] & has_return
    ends = stops + 1 + follows
    if continues:
        if not len(stops):
            return empty_frame(buffer, notes, "" if is_last else continues)
        first, stops, has_return, ends = int(ends[0]), stops[1:], has_return[1:], ends[1:]
    starts = np.concatenate((np.array([first]), ends[:-1])) if len(ends) else np.empty(0, np.int64)
    lengths, has_end = stops - starts, np.ones(len(stops), np.bool_)
    after = int(ends[-1]) if len(ends) else first
    unfinished = limit - after
    endless = not is_last and unfinished > RECORD_BYTES_MAX
    if (is_last and unfinished > 0) or endless:
        starts, lengths, ends = np.append(starts, after), np.append(lengths, unfinished), np.append(ends, limit)
        has_end, has_return = np.append(has_end, False), np.append(has_return, False)
    lines = Lines(starts, lengths, ends, has_end, has_return)
    notes += separator_notes(lines, form, is_last=is_last)
    stop = len(buffer) if is_last or endless else after
    return _judged(buffer[:stop], lines, form, notes, "record" if endless else "")


def empty_frame(buffer: Bytes, notes: list[Note], continues: Continues) -> Frame:
    """A block without a record."""
    none = np.empty(0, np.int64)
    return Frame(buffer, none, none, none, notes=tuple(notes), continues=continues)


def without_empty(lines: Lines, notes: list[Note]) -> tuple[NDArray[np.bool_] | None, list[Note]]:
    """Which lines are not empty (None: all), and the notes with rows counted without the empty ones."""
    empty = lines.lengths == 0
    if not empty.any():
        return None, notes
    kept = ~empty
    # An empty line is said once: its separator is nobody's concern.
    moved = rows_kept(notes, kept)
    places = np.flatnonzero(empty)
    moved.append(Note("TR-L107", np.full(len(places), -1), lines.starts[places], np.zeros(len(places), np.int64)))
    return kept, moved


def rows_kept(notes: list[Note], kept: NDArray[np.bool_]) -> list[Note]:
    """The notes about the kept rows, and those about none, with rows counted without the others."""
    row_of = np.where(kept, np.cumsum(kept) - 1, -1)
    moved = []
    for note in notes:
        of_record = note.rows >= 0
        stays = ~of_record | kept[np.where(of_record, note.rows, 0)]
        if stays.any():
            rows = np.where(of_record, row_of[np.where(of_record, note.rows, 0)], -1)
            moved.append(replace(note, rows=rows[stays], starts=note.starts[stays], lengths=note.lengths[stays]))
    return moved


def filling_rows(buffer: Bytes, starts: Index, lengths: Index, form: FileForm) -> Index:
    """Which lines are of nothing but the character that fills up a physical block; a tail may be as a record's."""
    if not len(buffer):
        return NONE
    fill, blanks = form.fill.encode("ascii"), b"" if form.on_long == "reject" else b" "
    last = buffer[np.maximum(starts + lengths - 1, 0)]
    rows = np.flatnonzero(np.isin(last, list(fill + blanks)) & (buffer[np.minimum(starts, len(buffer) - 1)] == fill[0]))
    length = form.length or 0

    def is_filling(row: int) -> bool:
        line = buffer[starts[row] : starts[row] + lengths[row]].tobytes()
        whole, tail = (line[:length], line[length:]) if blanks and length else (line, b"")
        return not whole.strip(fill) and not tail.strip(fill + blanks)

    return np.array([row for row in rows.tolist() if is_filling(row)], np.int64)


def endless_records(starts: Index, lengths: Index, ends: Index) -> tuple[Index, Index, Index]:
    """Rows that are longer than any record may be, and lengths and ends cut to that limit."""
    rows = np.flatnonzero(lengths > RECORD_BYTES_MAX)
    if len(rows):
        lengths, ends = lengths.copy(), ends.copy()
        lengths[rows] = RECORD_BYTES_MAX
        ends[rows] = starts[rows] + RECORD_BYTES_MAX
    return rows, lengths, ends


def _judged(buffer: Bytes, lines: Lines, form: FileForm, notes: list[Note], continues: Continues) -> Frame:
    """Records out of lines: which are broken, and how."""
    kept, notes = without_empty(lines, notes)
    starts, lengths, ends = lines.starts, lines.lengths, lines.ends
    if kept is not None:
        starts, lengths, ends = starts[kept], lengths[kept], ends[kept]
    fills = NONE
    if form.fill and len(fill_rows := filling_rows(buffer, starts, lengths, form)):
        fills = starts[fill_rows]
        is_record = np.ones(len(starts), np.bool_)
        is_record[fill_rows] = False
        notes = rows_kept(notes, is_record)
        starts, lengths, ends = starts[is_record], lengths[is_record], ends[is_record]
    endless, lengths, ends = endless_records(starts, lengths, ends)
    broken = np.zeros(len(starts), np.bool_)
    is_endless = np.zeros(len(starts), np.bool_)
    is_endless[endless] = True
    if len(endless):
        broken[endless] = True
        most = f"at most {RECORD_BYTES_MAX} bytes", f"al massimo {RECORD_BYTES_MAX} byte"
        notes.append(Note("TR-L109", endless, starts[endless], lengths[endless], *most))
    if form.length is not None:
        every = np.flatnonzero(~is_endless)
        notes += length_notes(buffer, form, form.length, every, starts, lengths, broken)
    is_broken = broken if broken.any() else None
    return Frame(buffer, starts, lengths, ends, is_broken, tuple(notes), continues=continues, fills=fills)


def length_notes(
    buffer: Bytes,
    form: FileForm,
    length: int,
    rows: Index,
    starts: Index,
    lengths: Index,
    broken: NDArray[np.bool_],
) -> list[Note]:
    """What is to be said of those of the rows that do not have the length; the ones that are refused become broken."""
    short = rows[lengths[rows] < length]
    notes = []
    if len(short) and form.on_short != "accept":
        broken[short] |= form.on_short == "reject"
        code = "TR-L101" if form.on_short == "reject" else "TR-L115"
        notes.append(Note(code, short, starts[short], lengths[short], wanted=np.full(len(short), length)))
    return notes + _long_notes(buffer, form, length, rows, starts, lengths, broken)


def _long_notes(
    buffer: Bytes,
    form: FileForm,
    length: int,
    rows: Index,
    starts: Index,
    lengths: Index,
    broken: NDArray[np.bool_],
) -> list[Note]:
    rows = rows[lengths[rows] > length]
    if not len(rows):
        return []
    refused = np.ones(len(rows), np.bool_)
    if form.on_long == "ignore":
        refused[:] = False
    elif form.on_long == "blank_tail":
        for index, row in enumerate(rows.tolist()):
            tail = buffer[starts[row] + length : starts[row] + lengths[row]]
            refused[index] = bool((tail != ord(" ")).any())
    broken[rows[refused]] = True
    notes = []
    for code, chosen in (("TR-L102", rows[refused]), ("TR-L116", rows[~refused])):
        if len(chosen):
            surplus = lengths[chosen] - length
            wanted = np.full(len(chosen), length)
            notes.append(Note(code, chosen, starts[chosen] + length, surplus, wanted=wanted))
    return notes


def bytes_expected(length: int, found: int | None = None) -> tuple[str, str]:
    """The words for a length, in English and Italian."""
    if found is None:
        return counted(length, "byte"), f"{length} byte"
    return f"{counted(length, 'byte')}; found {found}", f"{length} byte; trovati {found}"
