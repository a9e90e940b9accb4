"""Time: a time of day, written as the layout's `format` says: HHmmss, HHmm, HH:mm:ss, HH.mm...

HH, mm and ss are digits, and every other character of the format stands for itself. 24 is no hour, 60 no second. The
value is seconds since midnight.
"""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tracciati.errors import DoesNotFit
from tracciati.layout import Field
from tracciati.values import diagnosis, numerals, spelling, strings, texts
from tracciati.values.cells import Bytes, Column, Flags, Lengths, either
from tracciati.values.diagnosis import Diagnosis
from tracciati.values.spelling import Checked

UNREADABLE = -(2**31)

# Each part of a format, the seconds of one of it, and the first number that is none.
_PARTS = {"HH": (3600, 24), "mm": (60, 60), "ss": (1, 60)}
_ISO = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?")


def read(cells: Bytes, field: Field, lengths: Lengths | None = None, *, codec: str = "ascii") -> Column:
    """Turn cells into seconds since midnight.

    cells    uint8 (n, width); delimited cells left-aligned and filled with 0x00
    lengths  int (n,): true lengths of delimited cells, None in fixed layouts

    Returns a Column with int32 values; UNREADABLE where bad. Never raises for bad data.
    """
    size = len(field.format)
    if cells.shape[1] < size:
        seconds, bad = np.zeros(len(cells), np.int32), np.ones(len(cells), np.bool_)
    else:
        seconds, bad = _seconds(cells, field.format)
    if lengths is not None:
        bad |= lengths != size
    null = None
    if len(cells):
        found = texts.nulls(cells, texts.all_words(cells), field, lengths, codec) if cells.shape[1] else None
        null = either(found, lengths == 0 if lengths is not None and not lengths.all() else None)
    if null is not None:
        seconds[null] = 0
        bad &= ~null
    seconds[bad] = UNREADABLE
    return Column(seconds, null, bad if bad.any() else None)


def arrow(
    cells: Bytes, column: Column, field: Field, codec: str = "ascii", lengths: Lengths | None = None
) -> pa.Time32Array:
    """Make an Arrow array, time32 in seconds, of what `read` returned: null where null or bad."""
    assert column.values is not None, "a time always has values"
    buffers = [strings.validity(column), pa.py_buffer(column.values)]
    return pa.Time32Array.from_buffers(pa.time32("s"), len(column.values), buffers)


def diagnose(cell: bytes, field: Field, codec: str = "ascii") -> Diagnosis:
    """Say why a cell that `read` called bad is bad. cell: its bytes as they stand in the file."""
    if (problem := diagnosis.too_long(cell, field)) is not None:
        return problem
    return Diagnosis("TR-F224", {}, f"a time as {field.format}", f"un'ora nella forma {field.format}")


def write(values: pa.Array, field: Field, codec: str = "ascii", *, path: str = "") -> Bytes:
    """Make the cells of a fixed field: uint8 (n, field.length).

    values  time32 or time64; strings as 18:30 or 18:30:15 are taken too
    path    `record.field`, for messages

    Raises DoesNotFit, naming the first row, rather than write something else than the value.
    """
    checked = _checked(values, field, delimited=False)
    spelling.refuse(checked, values, field, path)
    cells = _written(np.asarray(checked.values), field.format)
    if checked.null is not None and checked.null.any():
        empty = field.null[0] if field.null else " " * len(field.format)
        cells[checked.null] = np.frombuffer(empty.encode("latin-1"), np.uint8)
    return cells


def spell(values: pa.Array, field: Field, codec: str = "ascii", *, path: str = "") -> pa.StringArray:
    """Make the cells of a delimited column: strings in the file's encoding, null where there is no value.

    Raises DoesNotFit as `write` does.
    """
    checked = _checked(values, field, delimited=True)
    spelling.refuse(checked, values, field, path)
    return strings.absent(strings.as_strings(_written(np.asarray(checked.values), field.format)), checked.null, field)


def fits(values: pa.Array, field: Field, codec: str = "ascii", *, delimited: bool = False) -> Flags:
    """Which values can be written: bool (n,). Raises DoesNotFit only for a column of a type that never fits."""
    return spelling.fits(_checked(values, field, delimited=delimited), values, field)


def _checked(values: pa.Array, field: Field, *, delimited: bool) -> Checked:
    column, misfits = _times(spelling.plain(values), field)
    null = spelling.nulls(column)
    misfits += spelling.missing(null, field, has_spelling=True)
    seconds = np.asarray(pc.fill_null(column.cast(pa.int32()), 0), np.int32)
    if "ss" not in field.format:
        misfits += spelling.misfit(seconds % 60 != 0, f"{{value}} cannot be written as {field.format}")
    for text in field.null:
        raw = text.encode("latin-1", "replace")
        if len(raw) == len(field.format):
            number, bad = _seconds(np.frombuffer(raw, np.uint8).reshape(1, -1), field.format)
            same = (seconds == number[0]) & ~bad[0] & np.asarray(column.is_valid())
            misfits += spelling.misfit(same, "{value} would be read back as no value")
    return Checked(pa.array(seconds), null, misfits)


def _times(column: pa.Array, field: Field) -> tuple[pa.Time32Array, tuple[spelling.Misfit, ...]]:
    kind = column.type
    if pa.types.is_null(kind):
        return column.cast(pa.time32("s")), ()
    if pa.types.is_time(kind):
        try:
            return column.cast(pa.time32("s")), ()
        except pa.ArrowInvalid:
            raise DoesNotFit(field.name, 0, None, "times finer than a second have no place here") from None
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        why = f"values of type {kind} are no times; give time32, or strings as 18:30:15"
        raise DoesNotFit(field.name, 0, None, why)
    written = [None if text in (None, "") else text for text in column.to_pylist()]
    bad = np.array([text is not None and _ISO.fullmatch(text) is None for text in written], np.bool_)
    parts = [None if text is None or wrong else text.split(":") for text, wrong in zip(written, bad, strict=True)]
    seconds = [
        None if one is None else sum(int(p) * f for p, f in zip(one, (3600, 60, 1), strict=False)) for one in parts
    ]
    filled = [0 if wrong else number for number, wrong in zip(seconds, bad, strict=True)]
    return pa.array(filled, pa.int32()).cast(pa.time32("s")), spelling.misfit(bad, "{value} is not a time as 18:30:15")


def _seconds(cells: Bytes, form: str) -> tuple[NDArray[np.int32], Flags]:
    """The seconds that the cells say, and which say none."""
    seconds, bad = np.zeros(len(cells), np.int32), np.zeros(len(cells), np.bool_)
    places = _places(form)
    for part, place in places.items():
        unit, first_none = _PARTS[part]
        high, low = (cells[:, place + step].astype(np.int32) - ord("0") for step in (0, 1))
        number = high * 10 + low
        bad |= (high < 0) | (high > 9) | (low < 0) | (low > 9) | (number >= first_none)
        seconds += number * unit
    taken = {place + step for place in places.values() for step in (0, 1)}
    for place in set(range(len(form))) - taken:
        bad |= cells[:, place] != ord(form[place])
    return seconds, bad


def _written(seconds: NDArray[np.int32], form: str) -> Bytes:
    cells = np.tile(np.frombuffer(form.encode("ascii"), np.uint8), (len(seconds), 1))
    for part, place in _places(form).items():
        unit, first_none = _PARTS[part]
        cells[:, place : place + 2] = numerals.write(seconds.astype(np.int64) // unit % first_none, 2)
    return cells


@cache
def _places(form: str) -> dict[str, int]:
    """Where the parts of the format stand."""
    return {part: form.index(part) for part in _PARTS if part in form}
