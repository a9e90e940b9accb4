"""Framing of fixed-width files: where each record's bytes begin and end. Nothing is changed and nothing is dropped.

Records end at line feeds (a carriage return before one belongs to the separator), or every `length` bytes where the
layout says `separator = "none"`. A block of records of the right length costs two passes of numpy and no index;
anything else is framed line by line, with the same result.

Bytes that belong to no record (byte order mark, header row, empty lines, ^Z, the rest of an endless record) stay in
the block's buffer: a block's buffers, joined, are the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from tracciati.encodings import EBCDIC, blank
from tracciati.limits import RECORD_BYTES_MAX
from tracciati.wording import counted

if TYPE_CHECKING:
    from tracciati.layout import FileForm

Bytes = NDArray[np.uint8]
Index = NDArray[np.int64]

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LINE_FEED, CARRIAGE_RETURN, END_MARK = 10, 13, 26
SEPARATORS: Mapping[str, bytes] = {"LF": b"\n", "CRLF": b"\r\n", "none": b""}

# What the block before left unfinished: nothing, or an endless record (delimited: outside of quotes, outside where a
# quote could open a value, or inside).
Continues = Literal["", "record", "opens", "quoted"]


@dataclass(frozen=True)
class Note:
    """One kind of framing fault in a block: rows (-1: bytes outside of records), and where in the buffer."""

    code: str
    rows: Index
    starts: Index
    lengths: Index
    expected_en: str = ""
    expected_it: str = ""
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Frame:
    """One block cut into records.

    buffer   uint8: the block's bytes, all of them
    starts, lengths, ends   int64 (n,): content of each record in the buffer; `ends` is after its separator
    broken   bool (n,): the record has a framing error, its fields cannot be read; None when none is
    is_plain no record holds a control character (known only of blocks with a stride)
    blank    the byte that is one in the file's encoding
    stride   distance of the records where they lie side by side, all of the declared length; 0 where they do not
    continues  what the end of the block left unfinished
    """

    buffer: Bytes
    starts: Index
    lengths: Index
    ends: Index
    broken: NDArray[np.bool_] | None = None
    notes: tuple[Note, ...] = ()
    stride: int = 0
    is_plain: bool = False
    continues: Continues = ""
    blank: int = ord(" ")

    def __len__(self) -> int:
        return len(self.starts)

    def is_broken(self, row: int) -> bool:
        """Has that record a framing error?"""
        return self.broken is not None and bool(self.broken[row])

    def cell_span(self, row: int, column: int) -> tuple[int, int]:
        """Start and stop of a cell in the buffer; only delimited files have cells."""
        raise AssertionError("fixed records have no cells")

    def cut(self, count: int) -> Frame:
        """The first `count` records (at least one) and the bytes up to their end."""
        assert 1 <= count <= len(self)
        if count == len(self):
            return self
        end = int(self.ends[count - 1])
        return replace(
            self,
            buffer=self.buffer[:end],
            starts=self.starts[:count],
            lengths=self.lengths[:count],
            ends=self.ends[:count],
            broken=None if self.broken is None else self.broken[:count],
            notes=tuple(cut for note in self.notes if (cut := _cut_note(note, end)) is not None),
            continues="",
        )

    def records(self, rows: NDArray[np.int64] | slice, width: int) -> Bytes:
        """The bytes of records as uint8 (m, >= width): a view where they lie side by side; short ones end in blanks."""
        if self.stride:
            first = int(self.starts[0]) if len(self) else 0
            table = self.buffer[first : first + len(self) * self.stride].reshape(len(self), self.stride)
            return table[rows]
        starts, lengths = self.starts[rows], self.lengths[rows]
        table = gather(self.buffer, starts, width)
        if len(lengths) and int(lengths.min()) < width:
            table[np.arange(width) >= lengths[:, None]] = self.blank
        return table


def _cut_note(note: Note, end: int) -> Note | None:
    kept = note.starts < end
    if not kept.any():
        return None
    return replace(note, rows=note.rows[kept], starts=note.starts[kept], lengths=note.lengths[kept])


def gather(buffer: Bytes, starts: Index, width: int) -> Bytes:
    """`width` bytes from each start, side by side: uint8 (n, width). Beyond the buffer's end stand zeros.

    One copy of `width` bytes per row, by a view of the buffer in which elements of `width` bytes begin at every byte.
    """
    if not len(starts) or not width:
        return np.zeros((len(starts), width), np.uint8)
    # A short last record: what is asked for may begin far behind the buffer's end.
    beyond = int(starts.max()) + width - len(buffer)
    if beyond > 0:
        buffer = np.concatenate((buffer, np.zeros(beyond, np.uint8)))
    everywhere = np.ndarray((len(buffer) - width + 1,), f"V{width}", buffer.data, strides=(1,))
    # Not `take`: it would first copy the view, `width` times the whole buffer.
    return everywhere[starts].view(np.uint8).reshape(len(starts), width)


def frame(buffer: Bytes, form: FileForm, *, at_start: bool, is_last: bool, continues: Continues = "") -> Frame:
    """Cut a block of a fixed-width file into records.

    buffer     uint8: begins where a record begins (or inside an endless one, as `continues` says)
    at_start   the buffer begins the file
    is_last    the buffer ends the file

    Returns a Frame whose buffer is the part that was cut; what is left over begins an unfinished record.
    """
    assert form.length is not None, "a fixed layout has a record length"
    first = len(BYTE_ORDER_MARK) if at_start and buffer[:3].tobytes() == BYTE_ORDER_MARK else 0
    notes = (mark_note("TR-L106", 0, first),) if first else ()
    if form.separator == "none":
        found = _by_length(buffer, form, first, is_last=is_last, notes=notes)
        return found if form.codec not in EBCDIC else replace(found, blank=blank(form.codec))
    if not continues:
        regular = _regular(buffer, form, first, is_last=is_last, notes=notes)
        if regular is not None:
            return regular
    found = _by_lines(buffer, form, first, is_last=is_last, continues=continues, notes=notes)
    return _without_line_end(found, form) if at_start and is_last and _is_one_line(found, first) else found


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


def mark_note(code: str, start: int, length: int, **words: str) -> Note:
    """A note about bytes outside of any record."""
    expected = {key: words.pop(key) for key in ("expected_en", "expected_it") if key in words}
    return Note(code, np.array([-1]), np.array([start]), np.array([length]), params=words, **expected)


def _regular(buffer: Bytes, form: FileForm, first: int, *, is_last: bool, notes: tuple[Note, ...]) -> Frame | None:
    """The block as a table, when every record has the declared length and separator; else None."""
    length, separator = form.length or 0, np.frombuffer(SEPARATORS[form.separator], np.uint8)
    stride = length + len(separator)
    count, rest = divmod(len(buffer) - first, stride)
    if count == 0 or (is_last and (rest or form.last_separator == "forbidden")):
        return None
    stop = first + count * stride
    table = buffer[first:stop].reshape(count, stride)
    for place, byte in enumerate(separator, length):
        if not (table[:, place] == byte).all():
            return None
    if form.separator == "LF" and (table[:, length - 1] == CARRIAGE_RETURN).any():
        return None
    is_plain = bool(np.count_nonzero(table < ord(" ")) == count * len(separator))
    # A line feed inside a record would make two lines of it.
    if not is_plain and np.count_nonzero(table == LINE_FEED) != count:
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
    note = Note("TR-L111", np.array([count]), np.array([tail]), np.array([rest]), *_bytes_expected(length, rest))
    starts, lengths = np.append(starts, tail), np.append(lengths, rest)
    broken = np.zeros(count + 1, np.bool_)
    broken[count] = True
    return Frame(buffer, starts, lengths, starts + lengths, broken, (*notes, note))


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
    other = lines.has_feed & (lines.has_return != declared_return)
    if other.any():
        rows = np.flatnonzero(other)
        found = "LF" if declared_return else "CRLF"
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


def _by_lines(
    buffer: Bytes, form: FileForm, first: int, *, is_last: bool, continues: Continues, notes: tuple[Note, ...]
) -> Frame:
    found = list(notes)
    limit = len(buffer)
    marks = end_marks(buffer) if is_last else 0
    if marks:
        limit -= marks
        found.append(mark_note("TR-L108", limit, marks))
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
    row_of = np.where(kept, np.cumsum(kept) - 1, -1)
    moved = []
    for note in notes:
        # An empty line is said once: its separator is nobody's concern.
        of_record = note.rows >= 0
        stays = ~of_record | kept[np.where(of_record, note.rows, 0)]
        if stays.any():
            rows = np.where(of_record, row_of[np.where(of_record, note.rows, 0)], -1)
            moved.append(replace(note, rows=rows[stays], starts=note.starts[stays], lengths=note.lengths[stays]))
    places = np.flatnonzero(empty)
    moved.append(Note("TR-L107", np.full(len(places), -1), lines.starts[places], np.zeros(len(places), np.int64)))
    return kept, moved


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
    length = form.length or 0
    kept, notes = without_empty(lines, notes)
    starts, lengths, ends = lines.starts, lines.lengths, lines.ends
    if kept is not None:
        starts, lengths, ends = starts[kept], lengths[kept], ends[kept]
    endless, lengths, ends = endless_records(starts, lengths, ends)
    broken = np.zeros(len(starts), np.bool_)
    is_endless = np.zeros(len(starts), np.bool_)
    is_endless[endless] = True
    if len(endless):
        broken[endless] = True
        most = f"at most {RECORD_BYTES_MAX} bytes", f"al massimo {RECORD_BYTES_MAX} byte"
        notes.append(Note("TR-L109", endless, starts[endless], lengths[endless], *most))
    short = np.flatnonzero(lengths < length)
    if len(short):
        broken[short] = form.on_short == "reject"
        code = "TR-L101" if form.on_short == "reject" else "TR-L115"
        notes.append(Note(code, short, starts[short], lengths[short], *_bytes_expected(length)))
    notes += _long_notes(buffer, form, starts, lengths, is_endless, broken)
    return Frame(buffer, starts, lengths, ends, broken if broken.any() else None, tuple(notes), continues=continues)


def _long_notes(
    buffer: Bytes, form: FileForm, starts: Index, lengths: Index, endless: NDArray[np.bool_], broken: NDArray[np.bool_]
) -> list[Note]:
    length = form.length or 0
    rows = np.flatnonzero((lengths > length) & ~endless)
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
            notes.append(Note(code, chosen, starts[chosen] + length, surplus, *_bytes_expected(length)))
    return notes


def _bytes_expected(length: int, found: int | None = None) -> tuple[str, str]:
    if found is None:
        return counted(length, "byte"), f"{length} byte"
    return f"{counted(length, 'byte')}; found {found}", f"{length} byte; trovati {found}"
