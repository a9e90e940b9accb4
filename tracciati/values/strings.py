"""Strings: cells to Arrow strings and back, without a Python object per cell.

Cells become a string array by wrapping their bytes in buffers and offsets; Arrow's own kernels trim and pad. Other
encodings than ASCII and UTF-8 are converted a whole buffer at a time, and the offsets with it.
"""

from __future__ import annotations

import codecs
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tracciati.values.cells import Bytes, Column, Flags, Lengths, either

if TYPE_CHECKING:
    from tracciati.layout import Field


def validity(column: Column) -> pa.Buffer | None:
    """Arrow's bitmap: set where the cell has a value. None when all have."""
    absent = either(column.null, column.bad)
    return None if absent is None else pa.py_buffer(np.packbits(~absent, bitorder="little"))


def from_cells(
    cells: Bytes, column: Column, field: Field, codec: str, lengths: Lengths | None, *, trim: bool = True
) -> pa.StringArray:
    """The cells as strings, null where null or bad, without the padding of fixed cells.

    cells    uint8 (n, width); delimited cells left-aligned and filled with 0x00
    lengths  int (n,): true lengths of delimited cells, None in fixed layouts
    trim     take the padding of fixed cells off
    """
    count, width = cells.shape
    absent = either(column.null, column.bad)
    if not width or (absent is not None and absent.all()):
        return pa.nulls(count, pa.string()) if absent is not None else pa.array([""] * count, pa.string())
    data = np.ascontiguousarray(cells)
    array = pa.StringArray.from_buffers(count, _even_offsets(count, width), pa.py_buffer(data), validity(column))
    if lengths is not None:
        array = _cut(array, data, lengths)
    elif trim and (absent is not None or _is_padded(data, field)):
        # Trimming also drops the bytes of cells that are null, so that nothing unreadable stays in the buffer.
        trimmer = pc.ascii_ltrim if field.align == "right" else pc.ascii_rtrim
        array = trimmer(array, characters=field.pad if field.pad != " " and field.align == "right" else " ")
        if field.pad != " " and field.align == "left":
            array = pc.ascii_rtrim(array, characters=field.pad)
    return decoded(array, codec)


@cache
def _even_offsets(count: int, width: int) -> pa.Buffer:
    return pa.py_buffer(np.arange(0, (count + 1) * width, width, dtype=np.int32))


def _is_padded(data: Bytes, field: Field) -> bool:
    edge = data[:, 0] if field.align == "right" else data[:, -1]
    return bool((edge == ord(field.pad)).any()) or (field.align == "left" and bool((edge == ord(" ")).any()))


def _cut(array: pa.StringArray, data: Bytes, lengths: Lengths) -> pa.StringArray:
    """Delimited cells without the 0x00 that fills them up; 0x00 of their own are kept."""
    cut = pc.ascii_rtrim(array, characters="\0")
    held = np.where(np.asarray(array.is_valid()), lengths, 0)
    if cut.buffers()[1] is not None and int(_offsets(cut)[-1] - _offsets(cut)[0]) == int(held.sum()):
        return cut
    offsets = np.zeros(len(array) + 1, np.int32)
    np.cumsum(held, out=offsets[1:])
    kept = data[np.arange(data.shape[1]) < held[:, None]]
    return pa.StringArray.from_buffers(len(array), pa.py_buffer(offsets), pa.py_buffer(kept), array.buffers()[0])


def decoded(array: pa.StringArray, codec: str) -> pa.StringArray:
    """Strings whose bytes are in the file's encoding, in UTF-8 as Arrow wants them.

    Bytes that are no characters (in cells that are bad, and therefore null) become U+FFFD in the buffer.
    """
    name = codecs.lookup(codec).name
    data = data_of(array)
    if name == "utf-8" or not len(data) or data.max() < 128:
        return array
    text = data.tobytes().decode(name, "replace").encode("utf-8")
    # Only bytes above 127 take more room in UTF-8, and they are few.
    high = np.flatnonzero(data > 127)
    more = np.zeros(len(high) + 1, np.int32)
    np.cumsum(_utf8_lengths(name).take(data[high]) - 1, out=more[1:])
    offsets = _offsets(array) - _offsets(array)[0]
    offsets = offsets + more[np.searchsorted(high, offsets)]
    return pa.StringArray.from_buffers(
        len(array), pa.py_buffer(offsets), pa.py_buffer(text), _bitmap(array), array.null_count
    )


def encoded(array: pa.StringArray, codec: str) -> tuple[pa.StringArray, Flags | None]:
    """Strings as bytes in the file's encoding (still typed as strings), and which cannot be written in it.

    A string that cannot is empty in the result.
    """
    name = codecs.lookup(codec).name
    data = data_of(array)
    if name == "utf-8" or not len(data) or data.max() < 128:
        return array, None
    try:
        raw = data.tobytes().decode("utf-8").encode(name)
    except UnicodeEncodeError:
        unfit = _not_encodable(array, name)
        fit: pa.StringArray = pc.if_else(pa.array(~unfit), array, "")
        return encoded(fit, codec)[0], unfit
    # In a single-byte encoding every character is one byte: those that continue one fall away.
    continuing = np.flatnonzero((data & 0xC0) == 0x80)
    offsets = _offsets(array) - _offsets(array)[0]
    offsets = (offsets - np.searchsorted(continuing, offsets)).astype(np.int32)
    result = pa.StringArray.from_buffers(
        len(array), pa.py_buffer(offsets), pa.py_buffer(raw), _bitmap(array), array.null_count
    )
    return result, None


def _not_encodable(array: pa.StringArray, codec: str) -> Flags:
    """The slow path: only strings that are not plain ASCII, each distinct one once."""
    suspects = pc.invert(pc.string_is_ascii(array)).fill_null(False)
    known: dict[str, bool] = {}
    flags = np.zeros(len(array), np.bool_)
    for row in np.flatnonzero(np.asarray(suspects)).tolist():
        text = array[row].as_py()
        if text not in known:
            known[text] = not _is_encodable(text, codec)
        flags[row] = known[text]
    return flags


def _is_encodable(text: str, codec: str) -> bool:
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def to_cells(array: pa.StringArray, field: Field) -> Bytes:
    """Strings, in the file's encoding and none longer than the field, as cells uint8 (n, length) filled with `pad`.

    Nulls become cells of padding.
    """
    assert field.length is not None, "cells of a delimited file have no fixed width"
    width = field.length
    if array.null_count:
        array = pc.fill_null(array, "")
    if _all_have(array, width):
        return data_of(array).reshape(len(array), width)
    pad = pc.ascii_lpad if field.align == "right" else pc.ascii_rpad
    full = pad(array, width=width, padding=field.pad)
    data = data_of(full)
    assert len(data) == len(array) * width, "a string longer than the field must have been refused"
    return data.reshape(len(array), width)


def byte_lengths(array: pa.StringArray) -> NDArray[np.int64]:
    """Bytes of each string, 0 for null: int64 (n,)."""
    if not len(array):
        return np.empty(0, np.int64)
    lengths = np.diff(_offsets(array)).astype(np.int64)
    if array.null_count:
        lengths[np.asarray(array.is_null())] = 0
    return lengths


def _all_have(array: pa.StringArray, width: int) -> bool:
    """Is every string, none of which is longer, exactly that many bytes? Then their bytes are cells already."""
    return len(array) > 0 and len(data_of(array)) == len(array) * width


def as_strings(cells: Bytes) -> pa.StringArray:
    """Cells that are all as wide as their text, as strings."""
    count, width = cells.shape
    data = np.ascontiguousarray(cells)
    return pa.StringArray.from_buffers(count, _even_offsets(count, width), pa.py_buffer(data))


def absent(written: pa.StringArray, null: Flags | None, field: Field) -> pa.StringArray:
    """A delimited column in which the rows without value have the first null text, or null when there is none."""
    if null is None:
        return written
    return pc.if_else(pa.array(null), pa.scalar(field.null[0] if field.null else None, pa.string()), written)


def cut_to(cells: Bytes, lengths: NDArray[np.int64]) -> pa.StringArray:
    """The first `lengths` bytes of each row of cells, as strings."""
    offsets = np.zeros(len(cells) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    kept = cells[np.arange(cells.shape[1]) < lengths[:, None]]
    return pa.StringArray.from_buffers(len(cells), pa.py_buffer(offsets), pa.py_buffer(kept))


def _offsets(array: pa.StringArray) -> NDArray[np.int32]:
    return np.frombuffer(array.buffers()[1], np.int32)[array.offset : array.offset + len(array) + 1]


def data_of(array: pa.StringArray) -> Bytes:
    """The bytes of all strings, one after the other."""
    if not len(array):
        return np.empty(0, np.uint8)
    offsets, buffer = _offsets(array), array.buffers()[2]
    if buffer is None:
        return np.empty(0, np.uint8)
    return np.frombuffer(buffer, np.uint8)[int(offsets[0]) : int(offsets[-1])]


def _bitmap(array: pa.StringArray) -> pa.Buffer | None:
    if not array.null_count:
        return None
    if not array.offset:
        return array.buffers()[0]
    return pa.py_buffer(np.packbits(np.asarray(array.is_valid()), bitorder="little"))


@cache
def _utf8_lengths(codec: str) -> NDArray[np.uint8]:
    """By byte of a single-byte encoding: how many bytes its character takes in UTF-8."""
    return np.array([len(bytes([b]).decode(codec, "replace").encode("utf-8")) for b in range(256)], np.uint8)


def zero_filled(array: pa.StringArray, width: int) -> Bytes:
    """Strings, none longer than `width` bytes, as delimited cells are read: left-aligned, filled with 0x00."""
    if array.null_count:
        array = pc.fill_null(array, "")
    full = array if _all_have(array, width) else pc.ascii_rpad(array, width=width, padding="\0")
    return data_of(full).reshape(len(array), width)


def with_controls(array: pa.StringArray, *, line_breaks: bool) -> Flags | None:
    """Which strings have control characters: bool (n,), None when none has. line_breaks: may they, and tabs, be?"""
    data = data_of(array)
    if not len(data) or data.min() >= ord(" "):
        return None
    pattern = "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f]" if line_breaks else "[\\x00-\\x1f]"
    return np.asarray(pc.fill_null(pc.match_substring_regex(array, pattern), False))


def not_digits(array: pa.StringArray) -> Flags | None:
    """Which strings have anything but ASCII digits: bool (n,), None when none has."""
    data = data_of(array)
    if not len(data) or (data.min() >= ord("0") and data.max() <= ord("9")):
        return None
    return np.asarray(pc.fill_null(pc.match_substring_regex(array, "[^0-9]"), False))
