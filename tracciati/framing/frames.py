"""Frames: one block of a file, cut into records, and what was seen on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Index = NDArray[np.int64]

NONE: Index = np.empty(0, np.int64)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LINE_FEED, CARRIAGE_RETURN, END_MARK = 10, 13, 26
SEPARATORS: Mapping[str, bytes] = {"LF": b"\n", "CRLF": b"\r\n", "CR": b"\r", "none": b""}

# What the block before left unfinished: nothing, or an endless record (delimited: outside of quotes, outside where a
# quote could open a value, or inside).
Continues = Literal["", "record", "opens", "quoted"]


@dataclass(frozen=True)
class Note:
    """One kind of framing fault in a block: rows (-1: bytes outside of records), rising, and where in the buffer.

    found, wanted   int64 (n,): a number that each row has, and should have; for codes that say them
    """

    code: str
    rows: Index
    starts: Index
    lengths: Index
    expected_en: str = ""
    expected_it: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    found: Index | None = None
    wanted: Index | None = None


@dataclass(frozen=True)
class Frame:
    """One block cut into records.

    buffer   uint8: the block's bytes, all of them
    starts, lengths, ends   int64 (n,): content of each record in the buffer; `ends` is after its separator
    broken   bool (n,): the record has a framing error, its fields cannot be read; None when none is
    is_plain no record holds a control character (known only of blocks with a stride)
    blank    the byte that is one in the file's encoding
    fills    int64: where the lines begin that only fill up a physical block; they are no records
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
    fills: Index = field(default_factory=lambda: NONE)

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
            fills=self.fills[self.fills < end],
            notes=tuple(cut for note in self.notes if (cut := _cut_note(note, end)) is not None),
            continues="",
        )

    def records(self, rows: NDArray[np.int64] | slice, width: int) -> Bytes:
        """The bytes of records as uint8 (m, >= width): a view where they lie side by side; short ones end in blanks."""
        if self.stride >= width > 0:
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
    return replace(
        note,
        rows=note.rows[kept],
        starts=note.starts[kept],
        lengths=note.lengths[kept],
        found=None if note.found is None else note.found[kept],
        wanted=None if note.wanted is None else note.wanted[kept],
    )


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


def line_end(separator: str) -> int:
    """The byte by which lines are counted."""
    return CARRIAGE_RETURN if separator == "CR" else LINE_FEED


def mark_note(code: str, start: int, length: int, **words: str) -> Note:
    """A note about bytes outside of any record."""
    english, italian = words.pop("expected_en", ""), words.pop("expected_it", "")
    return Note(code, np.array([-1]), np.array([start]), np.array([length]), english, italian, words)
