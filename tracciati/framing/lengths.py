"""Lengths: records that say their own length, in a field that all of them have in the same place, as an IBM RDW.

The record's length is needed to find the next one, so that this is a walk; the lengths themselves are read for every
byte of the block at once. A length that cannot be ends the walk: what follows is one broken record, whose bytes are
kept, because nobody knows where the next one begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tracciati import bases
from tracciati.framing import Frame, Note, empty_frame
from tracciati.limits import RECORD_BYTES_MAX
from tracciati.values import pages

if TYPE_CHECKING:
    from tracciati.framing import Bytes, Continues, Index
    from tracciati.layout import Field, Layout


def frame(buffer: Bytes, layout: Layout, *, is_last: bool, continues: Continues = "") -> Frame:
    """Cut a block into records. Arguments and result are those of `framing.frame`."""
    if continues:
        return empty_frame(buffer, [], continues)
    field = layout.records[0].by_name[layout.file.length_in]
    lengths = _lengths(buffer, field, layout)
    starts, stop, is_lost = _walk(lengths, layout, len(buffer))
    rest = len(buffer) - stop
    found = np.array(starts, np.int64)
    sizes = np.diff(np.append(found, stop)).astype(np.int64)
    # What cannot be cut is shown as one record, as long as a record may be: whatever the blocks, it is the same.
    is_whole = is_last or rest > RECORD_BYTES_MAX
    if not rest or not is_whole or not (is_lost or is_last):
        return Frame(buffer[:stop], found, sizes, found + sizes)
    size = min(rest, RECORD_BYTES_MAX)
    rows = np.array([len(found)])
    if is_lost:
        least, most = _range(layout)
        words = f"a length between {least} and {most}", f"una lunghezza tra {least} e {most}"
        note = Note("TR-L118", rows, np.array([stop + field.start]), np.array([field.length or 0]), *words)
    else:
        declared = int(lengths[stop]) if stop < len(lengths) else 0
        words = (f"{declared} bytes; found {rest}", f"{declared} byte; trovati {rest}") if declared else ("", "")
        note = Note("TR-L111", rows, np.array([stop]), np.array([size]), *words)
    found, sizes = np.append(found, stop), np.append(sizes, size)
    broken = np.zeros(len(found), np.bool_)
    broken[-1] = True
    goes_on: Continues = "record" if is_lost and not is_last else ""
    return Frame(buffer, found, sizes, found + sizes, broken, (note,), continues=goes_on)


def _range(layout: Layout) -> tuple[int, int]:
    """The least and the greatest length that a record may say."""
    field = layout.records[0].by_name[layout.file.length_in]
    return field.stop, min(RECORD_BYTES_MAX, 10**field.digits - 1 + layout.file.length_adds)


def _lengths(buffer: Bytes, field: Field, layout: Layout) -> Index:
    """For each byte of the block: the length of the record that would begin there; 0 where it would say none."""
    assert field.length is not None, "a fixed field has a length"
    if len(buffer) < field.stop:
        return np.empty(0, np.int64)
    cells = sliding_window_view(buffer[field.start :], field.length)
    if field.base == "binary" and not field.null:
        order = range(field.length) if field.endian == "big" else range(field.length - 1, -1, -1)
        numbers = np.zeros(len(cells), np.int64)
        for place in order:
            numbers <<= 8
            numbers |= cells[:, place]
        return numbers + layout.file.length_adds
    opened = pages.opened(np.ascontiguousarray(cells), field, layout.file.codec)
    column = bases.of(field.base).read(opened, field, codec=pages.inner(layout.file.codec))
    found: Index = column.values + layout.file.length_adds
    for flags in (column.null, column.bad):
        if flags is not None:
            found[flags] = 0
    return found


def _walk(lengths: Index, layout: Layout, size: int) -> tuple[list[int], int, bool]:
    """Where the whole records of the block begin, where the last of them ends, and whether nonsense follows it."""
    least, most = _range(layout)
    starts: list[int] = []
    at = 0
    while at < len(lengths):
        length = int(lengths[at])
        if not least <= length <= most:
            return starts, at, True
        if at + length > size:
            break
        starts.append(at)
        at += length
    return starts, at, False
