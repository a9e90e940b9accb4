"""Framing of delimited files: records and cells, where a delimiter or line feed in quotes is text.

A record ends at the first line feed outside quotes; which quotes open and close is said in `quotes`. Cells are kept
as spans of the block's buffer, without their enclosing quotes, so that nothing is copied before a column is asked for.
Where a quote stands in the middle of a value the record is broken: nobody knows which cells were meant.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tracciati.framing import (
    BYTE_ORDER_MARK,
    CARRIAGE_RETURN,
    LINE_FEED,
    Bytes,
    Continues,
    Frame,
    Index,
    Lines,
    Note,
    empty_frame,
    end_marks,
    endless_records,
    gather,
    lines_between,
    mark_note,
    no_line_end,
    separator_notes,
    without_empty,
)
from tracciati.framing import quotes as quoting
from tracciati.limits import COLUMN_BYTES_MAX, RECORD_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tracciati.layout import FileForm

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class CellFrame(Frame):
    """A block of a delimited file.

    cell_starts, cell_stops   int64: every cell of the block in file order, without enclosing quotes
    first_cells               int64 (n,): index of each record's first cell
    cell_counts               int64 (n,)
    unescaped                 cell index -> text of the few cells that hold doubled quotes
    has_header                the header row stood in this block
    """

    cell_starts: Index = field(default_factory=lambda: np.empty(0, np.int64))
    cell_stops: Index = field(default_factory=lambda: np.empty(0, np.int64))
    first_cells: Index = field(default_factory=lambda: np.empty(0, np.int64))
    cell_counts: Index = field(default_factory=lambda: np.empty(0, np.int64))
    unescaped: Mapping[int, bytes] = field(default_factory=dict)
    has_header: bool = False

    def cut(self, count: int) -> Frame:
        """The first `count` records and the bytes up to their end."""
        shorter = super().cut(count)
        if shorter is self:
            return self
        assert isinstance(shorter, CellFrame), "replace keeps the class"
        return replace(shorter, first_cells=self.first_cells[:count], cell_counts=self.cell_counts[:count])

    def cell_span(self, row: int, column: int) -> tuple[int, int]:
        """Start and stop of a cell in the buffer; the record's end when it has no such cell."""
        if column >= int(self.cell_counts[row]):
            stop = int(self.starts[row] + self.lengths[row])
            return stop, stop
        cell = int(self.first_cells[row]) + column
        return int(self.cell_starts[cell]), int(self.cell_stops[cell])

    def cells(self, rows: Index, column: int, *, right: bool, width_max: int) -> tuple[Bytes, Index]:
        """One column's cells side by side.

        rows       records that all have that column
        right      right-aligned and filled with "0" (numbers), else left-aligned and filled with 0x00
        width_max  bytes of a cell that are looked at; `lengths` stay true

        Returns (cells uint8 (m, width), lengths int64 (m,)); the width is that of the longest, at least 1.
        """
        index = self.first_cells[rows] + column
        starts, stops = self.cell_starts[index], self.cell_stops[index]
        lengths = stops - starts
        patches = (
            [(at, self.unescaped[cell]) for at, cell in enumerate(index.tolist()) if cell in self.unescaped]
            if (self.unescaped)
            else []
        )
        if patches:
            lengths = lengths.copy()
            for at, text in patches:
                lengths[at] = len(text)
        width = max(1, min(int(lengths.max()) if len(lengths) else 1, width_max))
        places = np.arange(width)
        if right:
            shown = np.minimum(lengths, width)
            table = _gather_before(self.buffer, stops - (lengths - shown), width)
            table[places < (width - shown)[:, None]] = ord("0")
        else:
            table = gather(self.buffer, starts, width)
            table[places >= lengths[:, None]] = 0
        for at, text in patches:
            shown_text = text[:width]
            table[at] = np.frombuffer(
                shown_text.rjust(width, b"0") if right else shown_text.ljust(width, b"\0"), np.uint8
            )
        return table, lengths


def _gather_before(buffer: Bytes, stops: Index, width: int) -> Bytes:
    """The `width` bytes before each stop."""
    if len(stops) and int(stops.min()) < width:
        buffer = np.concatenate((np.zeros(width, np.uint8), buffer))
        stops = stops + width
    return gather(buffer, stops - width, width)


def frame(
    buffer: Bytes, form: FileForm, header: Sequence[str], *, at_start: bool, is_last: bool, continues: Continues = ""
) -> Frame:
    """Cut a block of a delimited file into records and cells.

    header   the column names that the first line with text must hold; empty when the file has no such line, or it
             stood in a block before
    The other arguments and the result are those of `framing.frame`.
    """
    notes: list[Note] = []
    first = len(BYTE_ORDER_MARK) if at_start and buffer[:3].tobytes() == BYTE_ORDER_MARK else 0
    if first:
        notes.append(mark_note("TR-L106", 0, first))
    limit = len(buffer)
    marks = end_marks(buffer) if is_last else 0
    if marks:
        limit -= marks
        notes.append(mark_note("TR-L108", limit, marks))
    quotes, left_open = _quotes(buffer[:limit], form, first, continues)
    marks_at = np.flatnonzero(_cut_places(buffer[:limit], form, quotes, continues))
    is_feed = buffer[marks_at] == LINE_FEED
    feeds = marks_at[is_feed]
    open_at_end = left_open == "quoted"
    if continues:
        if not len(feeds):
            return empty_frame(buffer, notes, "" if is_last else left_open)
        first = int(feeds[0]) + 1
        behind = marks_at >= first
        marks_at, is_feed, feeds = marks_at[behind], is_feed[behind], feeds[1:]
    after = int(feeds[-1]) + 1 if len(feeds) else first
    endless = not is_last and limit - after > RECORD_BYTES_MAX
    tail = (after, limit) if (is_last and limit > after) or endless else None
    starts = np.concatenate((np.array([first]), feeds[:-1] + 1)) if len(feeds) else np.empty(0, np.int64)
    lines = lines_between(buffer, starts, feeds, tail)
    notes += separator_notes(lines, form, is_last=is_last)
    if tail is not None and open_at_end and not endless:
        row = len(lines.starts) - 1
        notes = [note for note in notes if note.code != "TR-L104"]  # what is open cannot have ended
        notes.append(Note("TR-L110", np.array([row]), np.array([tail[0]]), np.array([tail[1] - tail[0]])))
    if tail is None:
        marks_at, is_feed = marks_at[marks_at < after], is_feed[marks_at < after]
    stop = len(buffer) if is_last or endless else after
    every, quote = None if quotes is None else quotes.every, ord(form.dialect.quote or " ")
    whole = _with_cells(buffer[:stop], lines, marks_at, is_feed, every, quote, notes)
    if at_start and is_last and not continues and len(feeds) == 0 and len(whole) == 1:
        place = _return_outside(buffer[:limit], quotes)
        if place >= 0 and int(whole.lengths[0]) <= RECORD_BYTES_MAX:
            kept = tuple(note for note in whole.notes if note.code in ("TR-L106", "TR-L108"))
            return replace(whole, broken=np.ones(1, np.bool_), notes=(*kept, no_line_end(place, form)))
    return _judged(whole, form, header, left_open if endless else "")


def _return_outside(buffer: Bytes, quotes: quoting.Quotes | None) -> int:
    """The first carriage return outside of quotes; -1 when there is none."""
    returns = buffer == CARRIAGE_RETURN
    if quotes is not None:
        returns &= ~np.logical_xor.accumulate(quotes.real)
    return int(np.argmax(returns)) if returns.any() else -1


def _quotes(buffer: Bytes, form: FileForm, first: int, continues: Continues) -> tuple[quoting.Quotes | None, Continues]:
    """The quotes of a block, where there are any, and what the block leaves unfinished if it ends in a record."""
    delimiter = ord(form.dialect.delimiter)
    if form.dialect.quote:
        found = quoting.find(buffer, ord(form.dialect.quote), delimiter, first=first, continues=continues)
        if found is not None:
            return found, found.left
    return None, quoting.left_without(buffer, delimiter, continues)


def _cut_places(buffer: Bytes, form: FileForm, quotes: quoting.Quotes | None, continues: Continues) -> Flags:
    """Which bytes end a cell: delimiters and line feeds outside quotes."""
    cuts: Flags = buffer == ord(form.dialect.delimiter)
    cuts |= buffer == LINE_FEED
    if quotes is not None:
        inside = np.logical_xor.accumulate(quotes.real)
        cuts &= inside if continues == "quoted" else ~inside
    return cuts


def _with_cells(
    buffer: Bytes,
    lines: Lines,
    marks_at: Index,
    is_feed: Flags,
    quotes: Flags | None,
    quote: int,
    notes: list[Note],
) -> CellFrame:
    """Lines and their cells; the last cell of a line ends before its separator."""
    stops = marks_at
    last_cells = np.flatnonzero(is_feed)
    if len(lines.starts) > len(last_cells):  # a last line without its line feed
        stops = np.append(stops, lines.starts[-1] + lines.lengths[-1])
        last_cells = np.append(last_cells, len(stops) - 1)
    starts = np.empty(len(stops), np.int64)
    starts[1:] = stops[:-1] + 1
    first_cells = np.concatenate((np.zeros(1, np.int64), last_cells[:-1] + 1)) if len(last_cells) else last_cells
    starts[first_cells] = lines.starts
    stops = stops.copy()
    stops[last_cells] = lines.starts + lines.lengths
    counts = last_cells - first_cells + 1
    unescaped: dict[int, bytes] = {}
    broken = None
    if quotes is not None:
        malformed = _unquote(buffer, starts, stops, quotes, unescaped)
        if malformed is not None:
            rows = np.searchsorted(first_cells, malformed, side="right") - 1
            rows, at = np.unique(rows, return_index=True)
            cells = malformed[at]
            spoken_for = {int(n.rows[-1]) for n in notes if n.code == "TR-L110"}
            own = np.array([int(r) not in spoken_for for r in rows.tolist()], np.bool_)
            if own.any():
                doubled = {"doubled": chr(quote) * 2}
                at, sizes = starts[cells[own]], (stops - starts)[cells[own]]
                notes.append(Note("TR-L114", rows[own], at, sizes, params=doubled))
            broken = np.zeros(len(lines.starts), np.bool_)
            broken[rows] = True
    for note in notes:
        if note.code == "TR-L110":
            broken = np.zeros(len(lines.starts), np.bool_) if broken is None else broken
            broken[note.rows] = True
    frame = CellFrame(buffer, lines.starts, lines.lengths, lines.ends, broken, tuple(notes))
    return replace(
        frame, cell_starts=starts, cell_stops=stops, first_cells=first_cells, cell_counts=counts, unescaped=unescaped
    )


def _unquote(buffer: Bytes, starts: Index, stops: Index, quotes: Flags, unescaped: dict[int, bytes]) -> Index | None:
    """Take enclosing quotes off the spans, in place; the indexes of cells whose quotes make no sense."""
    before = np.zeros(len(quotes) + 1, np.int64)
    np.cumsum(quotes, out=before[1:])
    count = before[stops] - before[starts]
    cells = np.flatnonzero(count)
    if not len(cells):
        return None
    enclosed = (stops[cells] - starts[cells] >= 2) & quotes[starts[cells]] & quotes[stops[cells] - 1]
    wrong = [cells[~enclosed]]
    inner = cells[enclosed]
    more = inner[count[inner] > 2]
    starts[inner] += 1
    stops[inner] -= 1
    quote = None
    for cell in more.tolist():
        raw = buffer[starts[cell] : stops[cell]].tobytes()
        quote = bytes([buffer[starts[cell] - 1]]) if quote is None else quote
        parts = raw.split(quote + quote)
        if any(quote in part for part in parts):
            wrong.append(np.array([cell]))
            starts[cell], stops[cell] = starts[cell] - 1, stops[cell] + 1  # shown as it came
        else:
            unescaped[cell] = quote.join(parts)
    malformed = np.sort(np.concatenate(wrong))
    return malformed if len(malformed) else None


def _judged(frame: CellFrame, form: FileForm, header: Sequence[str], continues: Continues) -> Frame:
    """Without empty lines and header row; endless records cut; columns of absurd size put off to the next block."""
    lines = Lines(frame.starts, frame.lengths, frame.ends, np.empty(0, np.bool_), np.empty(0, np.bool_))
    kept, notes = without_empty(lines, list(frame.notes))
    if kept is not None:
        frame = _chosen(frame, kept)
    broken = np.zeros(len(frame), np.bool_) if frame.broken is None else frame.broken.copy()
    endless, lengths, ends = endless_records(frame.starts, frame.lengths, frame.ends)
    if len(endless):
        broken[endless] = True
        most = f"at most {RECORD_BYTES_MAX} bytes", f"al massimo {RECORD_BYTES_MAX} byte"
        notes = [
            n for n in notes if n.code not in ("TR-L110", "TR-L114") or not set(n.rows.tolist()) & set(endless.tolist())
        ]
        notes.append(Note("TR-L109", endless, frame.starts[endless], lengths[endless], *most))
    frame = replace(frame, lengths=lengths, ends=ends, broken=broken if broken.any() else None, notes=tuple(notes))
    if header and len(frame):
        frame = _without_header(frame, form, header)
    frame = replace(frame, continues=continues)
    return _bounded(frame)


def _chosen(frame: CellFrame, kept: Flags) -> CellFrame:
    return replace(
        frame,
        starts=frame.starts[kept],
        lengths=frame.lengths[kept],
        ends=frame.ends[kept],
        broken=None if frame.broken is None else frame.broken[kept],
        first_cells=frame.first_cells[kept],
        cell_counts=frame.cell_counts[kept],
    )


def _without_header(frame: CellFrame, form: FileForm, header: Sequence[str]) -> CellFrame:
    """Take the header row out of the records. When it differs, no cell can be trusted: every record is broken."""
    names = []
    for column in range(int(frame.cell_counts[0])):
        start, stop = frame.cell_span(0, column)
        raw = frame.unescaped.get(int(frame.first_cells[0]) + column, frame.buffer[start:stop].tobytes())
        names.append(raw.decode(form.codec, "replace").strip())
    differs = names != [name.strip() for name in header]
    notes = [_without_first(note, frame, is_spoken_for=differs) for note in frame.notes]
    notes = [note for note in notes if len(note.rows)]
    if differs:
        wanted = _as_written(header, form)
        notes.append(Note("TR-L112", np.array([-1]), frame.starts[:1], frame.lengths[:1], wanted, wanted))
    rest = np.ones(len(frame), np.bool_)
    rest[0] = False
    return replace(_chosen(frame, rest), notes=tuple(notes), has_header=True)


def _without_first(note: Note, frame: CellFrame, *, is_spoken_for: bool) -> Note:
    """A note with its rows counted without the header row; what is said of that is said of the whole line, if at all.

    is_spoken_for  that it differs is said already: that a quote in it is wrong would be a second complaint
    """
    of_header = note.rows == 0
    stays = ~(of_header & is_spoken_for) if note.code in ("TR-L110", "TR-L114") else np.ones(len(of_header), np.bool_)
    starts = np.where(of_header, frame.starts[0], note.starts)
    lengths = np.where(of_header, frame.lengths[0], note.lengths)
    rows = np.where(note.rows >= 0, note.rows - 1, -1)
    return replace(note, rows=rows[stays], starts=starts[stays], lengths=lengths[stays])


def _as_written(header: Sequence[str], form: FileForm) -> str:
    """The header row as a file should have it."""
    quote, special = form.dialect.quote, {form.dialect.delimiter, form.dialect.quote, "\n", "\r"} - {""}
    doubled = {name: name.replace(quote, quote * 2) if quote else name for name in header}
    return form.dialect.delimiter.join(
        f"{quote}{doubled[name]}{quote}" if special & set(name) else name for name in header
    )


def _bounded(frame: CellFrame) -> Frame:
    """Leave records for the next block when one long cell would make a whole column wide."""
    if not len(frame) or frame.continues:
        return frame
    longest = np.maximum.reduceat(frame.cell_stops - frame.cell_starts, frame.first_cells) if len(frame) else None
    assert longest is not None
    laid_out = np.maximum.accumulate(longest) * np.arange(1, len(frame) + 1)
    if int(laid_out[-1]) <= COLUMN_BYTES_MAX:
        return frame
    return frame.cut(max(1, int(np.argmax(laid_out > COLUMN_BYTES_MAX))))
