"""Places: where in the file a fault is, and what stands there, with what is sensitive masked.

Built only for the few faults that a report keeps, so that clarity comes before speed here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tracciati.findings.pictures import MASK, Picture, Span, picture, window
from tracciati.limits import RECORD_BYTES_MAX, SHOWN_BYTES_MAX, SHOWN_LINE_MAX

if TYPE_CHECKING:
    from tracciati.findings import Fault
    from tracciati.framing import Frame
    from tracciati.layout import Direction, Field, Layout, Record

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_EMPTY = "TR-F201"  # of a field without value nothing has to be hidden


@dataclass(frozen=True)
class Place:
    """Where something stands: numbers as in `Finding`, and its text."""

    record_number: int
    line: int
    end_line: int
    characters: tuple[int, int]
    offset: int
    length: int
    columns: tuple[int, int]
    raw_text: str
    raw_hex: str
    masked: bool
    excerpt: str
    excerpt_start: int
    excerpt_length: int
    picture: Picture | None


@dataclass(frozen=True)
class Witness:
    """Knows where a block stands in the file: `offset` of its first byte, records and line ends before it.

    pictures  draw the whole record for each place
    """

    layout: Layout
    direction: Direction
    reveal: bool
    frame: Frame
    offset: int
    first_record: int
    lines_before: int
    pictures: bool = False
    _drawn: dict[tuple[int, str, int], Picture] = field(default_factory=dict, compare=False, repr=False)

    def place(self, fault: Fault) -> Place:
        """Where the fault is, and the record around it."""
        frame, row = self.frame, fault.row
        begin = int(frame.starts[row]) if row >= 0 else fault.start
        end = begin + int(frame.lengths[row]) if row >= 0 else fault.start + fault.length
        start, stop = max(begin, min(fault.start, end)), max(begin, min(fault.start + fault.length, end))
        masked = self._is_masked(fault)
        hidden = [] if self.reveal else self._hidden(fault, begin, end)
        excerpt, at, size = self._excerpt(begin, end, start, stop, hidden)
        raw = b"" if masked else frame.buffer[start : min(stop, start + SHOWN_BYTES_MAX)].tobytes()
        more = "…" if not masked and stop - start > SHOWN_BYTES_MAX else ""
        first_column = start - begin + 1
        line = self._line(start, row)
        end_line, characters = self._characters(line, start, stop)
        return Place(
            record_number=self.first_record + row + 1 if row >= 0 else 0,
            line=line,
            end_line=end_line,
            characters=characters,
            offset=self.offset + start,
            length=stop - start,
            columns=(first_column, max(first_column, stop - begin)),
            raw_text=shown(raw, self.layout.file.codec) + more,
            raw_hex=raw.hex() + more,
            masked=masked,
            excerpt=excerpt,
            excerpt_start=at,
            excerpt_length=size,
            picture=self._picture(fault, begin, end, start) if self.pictures else None,
        )

    @property
    def _line_end(self) -> bytes:
        return b"\r" if self.layout.file.separator == "CR" else b"\n"

    def _line(self, start: int, row: int) -> int:
        if self.layout.file.separator == "none":
            # Without line ends a "line" is a record; bytes after a record are counted with it.
            if row >= 0:
                return self.first_record + row + 1
            return max(1, self.first_record + int(np.searchsorted(self.frame.starts, start, side="right")))
        return self.lines_before + 1 + int(np.count_nonzero(self.frame.buffer[:start] == ord(self._line_end)))

    def _characters(self, line: int, start: int, stop: int) -> tuple[int, tuple[int, int]]:
        """The place in characters of its lines: the last line, the first character (from 1), the one after the last.

        (0, 0) where no character of a line is meant: a file without line ends, a byte order mark.
        """
        if self.layout.file.separator == "none":
            return line, (0, 0)
        buffer, codec = self.frame.buffer, self.layout.file.codec
        window_start = max(0, start - RECORD_BYTES_MAX)
        begin = window_start + self._in_lines(window_start, start).rfind(self._line_end) + 1
        if begin == 0 and self.offset == 0 and buffer[:3].tobytes() == _BYTE_ORDER_MARK:
            begin = len(_BYTE_ORDER_MARK)
            if start < begin:
                return line, (0, 0)
        first = len(buffer[begin:start].tobytes().decode(codec, "replace")) + 1
        lines = self._in_lines(start, stop).split(self._line_end)
        after = len(lines[-1].decode(codec, "replace")) + (first if len(lines) == 1 else 1)
        return line + len(lines) - 1, (first, after)

    def _in_lines(self, start: int, stop: int) -> bytes:
        """Bytes in which whatever ends a line is the byte by which lines are counted."""
        raw: bytes = self.frame.buffer[start:stop].tobytes()
        return raw.replace(b"\n", self._line_end) if self._line_end != b"\n" else raw

    def _picture(self, fault: Fault, begin: int, end: int, start: int) -> Picture:
        """The whole record; findings of one record share it."""
        shown = window(end - begin, start - begin)
        key = (begin, fault.record.name if fault.record else "", shown[0])
        if key not in self._drawn:
            spans: list[Span] = []
            if fault.record is not None and fault.row >= 0 and not self.frame.is_broken(fault.row):
                for one in fault.record.fields_in(self.direction):
                    first, last = self.span(fault.row, fault.record, one)
                    is_hidden = one.sensitive and not self.reveal
                    spans.append(Span(one.name, one.label, first - begin, last - begin, is_hidden))
            self._drawn[key] = picture(
                self.frame.buffer[begin:end].tobytes(),
                spans,
                self.layout.file.codec,
                shown=shown,
                is_fixed=self.layout.file.kind == "fixed",
                is_hidden=not spans and not self.reveal and self._has_sensitive(),
            )
        return self._drawn[key]

    def _is_masked(self, fault: Fault) -> bool:
        if self.reveal or fault.code == _EMPTY:
            return False
        if fault.field is not None:
            return fault.field.sensitive
        # Where the fields cannot be told apart, any byte may be a sensitive one.
        return any(f.sensitive for r in self.layout.records for f in r.fields)

    def _hidden(self, fault: Fault, begin: int, end: int) -> list[tuple[int, int]]:
        """Byte ranges of the buffer that must not be shown."""
        if fault.record is None or fault.row < 0 or self.frame.is_broken(fault.row):
            return [(begin, end)] if self._is_masked(fault) or self._has_sensitive() else []
        return [
            span
            for f in fault.record.fields_in(self.direction)
            if f.sensitive and not (f is fault.field and fault.code == _EMPTY)
            for span in [self.span(fault.row, fault.record, f)]
        ]

    def _has_sensitive(self) -> bool:
        return any(f.sensitive for r in self.layout.records for f in r.fields)

    def span(self, row: int, record: Record, field: Field) -> tuple[int, int]:
        """Where a field's bytes stand in the buffer: start and stop."""
        if self.layout.file.kind == "fixed":
            begin = int(self.frame.starts[row])
            stop = begin + int(self.frame.lengths[row])
            return min(begin + field.start, stop), min(begin + field.stop, stop)
        column = record.fields_in(self.direction).index(field)
        return self.frame.cell_span(row, column)

    def _excerpt(
        self, begin: int, end: int, start: int, stop: int, hidden: list[tuple[int, int]]
    ) -> tuple[str, int, int]:
        """The record's text around the place: the text, and where in it the place begins and how long it is."""
        stop = min(stop, start + SHOWN_BYTES_MAX)
        first = begin if stop - begin <= SHOWN_LINE_MAX else max(begin, start - SHOWN_LINE_MAX // 3)
        last = min(end, max(stop, first + SHOWN_LINE_MAX))
        before = ("…" if first > begin else "") + self._text(first, start, hidden)
        marked = self._text(start, stop, hidden)
        after = (self._text(stop, last, hidden) + ("…" if last < end else "")).rstrip()
        return before + marked + after, len(before), len(marked)

    def _text(self, start: int, stop: int, hidden: list[tuple[int, int]]) -> str:
        raw = self.frame.buffer[start:stop].copy()
        mask = np.zeros(len(raw), np.bool_)
        for first, last in hidden:
            mask[max(0, first - start) : max(0, last - start)] = True
        raw[mask] = MASK.encode(self.layout.file.codec)[0]
        return shown(raw.tobytes(), self.layout.file.codec)


def shown(raw: bytes, codec: str) -> str:
    """Bytes as a person can look at them: what has no picture is a middle dot, what is no text a replacement mark."""
    text = raw.decode(codec, "replace")
    return text if text.isprintable() else "".join(c if c.isprintable() else "·" for c in text)
