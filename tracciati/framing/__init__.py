"""Framing of fixed-width files: where each record's bytes begin and end. Nothing is changed and nothing is dropped.

Records end at line feeds (a carriage return before one belongs to the separator), or every `length` bytes where the
layout says `separator = "none"`. A block of records of the right length costs two passes of numpy and no index;
anything else is framed line by line, with the same result.

Bytes that belong to no record (byte order mark, header row, empty lines, ^Z, the rest of an endless record) stay in
the block's buffer: a block's buffers, joined, are the file.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tracciati.encodings import EBCDIC, blank
from tracciati.framing.frames import (
    BYTE_ORDER_MARK,
    CARRIAGE_RETURN,
    END_MARK,
    LINE_FEED,
    NONE,
    SEPARATORS,
    Bytes,
    Continues,
    Frame,
    Index,
    Note,
    gather,
    line_end,
    mark_note,
)
from tracciati.framing.lines import (
    Lines,
    by_lines,
    bytes_expected,
    empty_frame,
    end_marks,
    endless_records,
    length_notes,
    lines_between,
    separator_notes,
    without_empty,
)
from tracciati.limits import RECORD_BYTES_MAX

if TYPE_CHECKING:
    from tracciati.layout import FileForm

__all__ = [
    "BYTE_ORDER_MARK",
    "CARRIAGE_RETURN",
    "END_MARK",
    "LINE_FEED",
    "NONE",
    "SEPARATORS",
    "Bytes",
    "Continues",
    "Frame",
    "Index",
    "Lines",
    "Note",
    "bytes_expected",
    "empty_frame",
    "end_marks",
    "endless_records",
    "frame",
    "gather",
    "length_notes",
    "line_end",
    "lines_between",
    "mark_note",
    "no_line_end",
    "separator_notes",
    "without_empty",
]


def frame(buffer: Bytes, form: FileForm, *, at_start: bool, is_last: bool, continues: Continues = "") -> Frame:
    """Cut a block of a fixed-width file into records. Their lengths, where they differ, are judged with their types.

    buffer     uint8: begins where a record begins (or inside an endless one, as `continues` says)
    at_start   the buffer begins the file
    is_last    the buffer ends the file

    Returns a Frame whose buffer is the part that was cut; what is left over begins an unfinished record.
    """
    first = len(BYTE_ORDER_MARK) if at_start and buffer[:3].tobytes() == BYTE_ORDER_MARK else 0
    notes = (mark_note("TR-L106", 0, first),) if first else ()
    if form.separator == "none":
        found = _by_length(buffer, form, first, is_last=is_last, notes=notes)
        return found if form.codec not in EBCDIC else replace(found, blank=blank(form.codec))
    if not continues and form.length is not None:
        regular = _regular(buffer, form, first, is_last=is_last, notes=notes)
        if regular is not None:
            return regular
    found = by_lines(buffer, form, first, is_last=is_last, continues=continues, notes=notes)
    if form.length is None:
        return found if found.broken is not None else _side_by_side(found)
    return _without_line_end(found, form) if at_start and is_last and _is_one_line(found, first) else found


def _side_by_side(found: Frame) -> Frame:
    """The frame with its stride, where all records happen to be of one length with nothing between them."""
    distances = np.diff(found.starts)
    if len(found) < 2 or (distances != distances[0]).any() or (found.ends - found.starts != distances[0]).any():
        return found
    return replace(found, stride=int(distances[0]))


def _is_one_line(found: Frame, first: int) -> bool:
    return (
        len(found) == 1
        and int(found.starts[0]) == first
        and int(found.ends[0]) == int(found.starts[0] + found.lengths[0])
    )


def _without_line_end(found: Frame, form: FileForm) -> Frame:
    """The only record of a file, where it is so long that it must be several: nothing else need be said of it."""
    start, length, declared = int(found.starts[0]), int(found.lengths[0]), form.length or 0
    has_return = bool((found.buffer[start : start + length] == CARRIAGE_RETURN).any())
    if not declared < length <= RECORD_BYTES_MAX or (length < 2 * declared and not has_return):
        return found
    kept = tuple(note for note in found.notes if note.code in ("TR-L106", "TR-L107", "TR-L108"))
    return replace(found, broken=np.ones(1, np.bool_), notes=(*kept, no_line_end(start + declared, form)))


def no_line_end(place: int, form: FileForm) -> Note:
    """The note about the only record of a file, which should have ended at `place`."""
    expected = f"{form.separator} after each record", f"{form.separator} dopo ogni record"
    return Note("TR-L117", np.array([0]), np.array([place]), np.array([1]), *expected)


def _regular(buffer: Bytes, form: FileForm, first: int, *, is_last: bool, notes: tuple[Note, ...]) -> Frame | None:
    """The block as a table, when every record has the declared length and separator; else None."""
    length, separator = form.length or 0, np.frombuffer(SEPARATORS[form.separator], np.uint8)
    stride = length + len(separator)
    count, rest = divmod(len(buffer) - first, stride)
    if count == 0 or (is_last and (rest or form.last_separator == "forbidden")):
        return None
    if form.separator == "CR" and not is_last and not rest:
        count -= 1  # a line feed that belongs to the last one may begin the next block
    if not count:
        return None
    stop = first + count * stride
    if form.separator == "CR" and stop < len(buffer) and buffer[stop] == LINE_FEED:
        return None
    table = buffer[first:stop].reshape(count, stride)
    for place, byte in enumerate(separator, length):
        if not (table[:, place] == byte).all():
            return None
    if form.separator == "LF" and (table[:, length - 1] == CARRIAGE_RETURN).any():
        return None
    if form.separator == "CR" and np.count_nonzero(table == CARRIAGE_RETURN) != count:
        return None
    if form.fill and (table[:, :length] == ord(form.fill)).all(axis=1).any():
        return None
    is_plain = bool(np.count_nonzero(table < ord(" ")) == count * len(separator))
    # A line feed inside a record would make two lines of it.
    if not is_plain and np.count_nonzero(table == LINE_FEED) != count * (form.separator != "CR"):
        return None
    starts = np.arange(first, stop, stride, dtype=np.int64)
    return Frame(
        buffer[:stop],
        starts,
        np.full(count, length, np.int64),
        starts + stride,
        notes=notes,
        stride=stride,
        is_plain=is_plain,
    )


def _by_length(buffer: Bytes, form: FileForm, first: int, *, is_last: bool, notes: tuple[Note, ...]) -> Frame:
    length = form.length or 0
    count, rest = divmod(len(buffer) - first, length)
    starts = np.arange(first, first + count * length, length, dtype=np.int64)
    lengths = np.full(count, length, np.int64)
    if not is_last or not rest:
        return Frame(
            buffer[: first + count * length],
            starts,
            lengths,
            starts + length,
            notes=notes,
            stride=length if count else 0,
        )
    tail = first + count * length
    if set(buffer[tail:].tolist()) <= {LINE_FEED, CARRIAGE_RETURN, END_MARK}:
        note = mark_note("TR-L103", tail, rest, found="a line end", declared="none")
        return Frame(buffer, starts, lengths, starts + length, notes=(*notes, note), stride=length if count else 0)
    note = Note("TR-L111", np.array([count]), np.array([tail]), np.array([rest]), *bytes_expected(length, rest))
    starts, lengths = np.append(starts, tail), np.append(lengths, rest)
    broken = np.zeros(count + 1, np.bool_)
    broken[count] = True
    return Frame(buffer, starts, lengths, starts + lengths, broken, (*notes, note))
