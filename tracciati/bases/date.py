"""Date: a day of the Gregorian calendar, written as the layout's `format` says: yyyyMMdd, ddMMyy, dd/MM/yyyy...

yyyy, yy, MM and dd are digits; every other character of the format stands for itself. Two-digit years need the
layout's `pivot`: years below it are 20yy, the others 19yy. The value is days since 1970-01-01.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tracciati.errors import DoesNotFit
from tracciati.layout import Field
from tracciati.values import diagnosis, numerals, spelling, strings
from tracciati.values.cells import Bytes, Column, Flags, Lengths, Words, either, equal, words
from tracciati.values.diagnosis import Diagnosis
from tracciati.values.spelling import Checked, Misfit

# Before every day that can be written (0001-01-01 is -719162): a date that forgets `bad` comes out absurd.
UNREADABLE = -(2**31)

# Two bytes that are no two digits: as part of a year they lead past year 9999, where no month has days.
_NO_CENTURY = 100
_NO_YEAR = 10_000
_YEARS_COUNT = _NO_CENTURY * 100 + _NO_YEAR + 1


def read(cells: Bytes, field: Field, lengths: Lengths | None = None, *, codec: str = "ascii") -> Column:
    """Turn date cells into days since 1970-01-01.

    cells    uint8 (n, width); delimited cells left-aligned and filled with 0x00
    lengths  int (n,): true lengths of delimited cells, None in fixed layouts

    Returns a Column with int32 values; UNREADABLE where bad. Never raises for bad data.
    """
    size = len(field.format)
    if cells.shape[1] < size:
        days = np.zeros(len(cells), np.int32)
        bad: Flags | None = np.ones(len(cells), np.bool_)
    else:
        days, bad = _days(cells, field)
    if lengths is not None and cells.shape[1] != size:
        other = lengths != size
        bad = either(bad, other if other.any() else None)
    elif cells.shape[1] > size:
        bad = either(bad, _not_blank(cells[:, size:], field))
    return _column(cells, days, bad, field, lengths)


def arrow(
    cells: Bytes, column: Column, field: Field, codec: str = "ascii", lengths: Lengths | None = None
) -> pa.Date32Array:
    """Make an Arrow array, date32, of what `read` returned: null where null or bad."""
    assert column.values is not None, "a date always has values"
    buffers = [strings.validity(column), pa.py_buffer(column.values)]
    return pa.Date32Array.from_buffers(pa.date32(), len(column.values), buffers)


def diagnose(cell: bytes, field: Field, codec: str = "ascii") -> Diagnosis:
    """Say why a cell that `read` called bad is bad. cell: its bytes as they stand in the file."""
    if (problem := diagnosis.too_long(cell, field)) is not None:
        return problem
    italian = field.format.replace("y", "a").replace("d", "g")
    return Diagnosis("TR-F205", {}, f"a day as {field.format}", f"un giorno nella forma {italian}")


def write(values: pa.Array, field: Field, codec: str = "ascii", *, path: str = "") -> Bytes:
    """Make the cells of a fixed field: uint8 (n, field.length).

    values  date32; strings as 2026-01-31 are taken too
    path    `record.field`, for messages

    Raises DoesNotFit, naming the first row, rather than write something else than the value.
    """
    checked = _checked(values, field, codec, delimited=False)
    spelling.refuse(checked, values, field, path)
    return _cells(checked, field)


def spell(values: pa.Array, field: Field, codec: str = "ascii", *, path: str = "") -> pa.StringArray:
    """Make the cells of a delimited column: strings in the file's encoding, null where there is no value.

    Raises DoesNotFit as `write` does.
    """
    checked = _checked(values, field, codec, delimited=True)
    spelling.refuse(checked, values, field, path)
    return strings.absent(strings.as_strings(_written(np.asarray(checked.values), field)), checked.null, field)


def fits(values: pa.Array, field: Field, codec: str = "ascii", *, delimited: bool = False) -> Flags:
    """Which values can be written: bool (n,). Raises DoesNotFit only for a column of a type that never fits."""
    return spelling.fits(_checked(values, field, codec, delimited=delimited), values, field)


def _checked(values: pa.Array, field: Field, codec: str, *, delimited: bool) -> Checked:
    column, misfits = _dates(spelling.plain(values), field)
    null = spelling.nulls(column)
    misfits += spelling.missing(null, field, has_spelling=delimited or bool(field.null))
    days = np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column)]
    if null is not None:
        days = np.where(null, np.int32(0), days)
    first, last = _range(field)
    if len(days) and (days.min() < first or days.max() > last):
        outside = (days < first) | (days > last)
        misfits += spelling.misfit(outside, f"{{value}} cannot be written as {field.format}")
    for text in field.null:
        if is_date(text, field):
            day = _days(np.frombuffer(text.encode("ascii"), np.uint8).reshape(1, -1), field)[0][0]
            same = (days == day) & np.asarray(column.is_valid())
            misfits += spelling.misfit(same, "{value} would be read back as no value")
    return Checked(pa.array(days), null, misfits)


def _dates(column: pa.Array, field: Field) -> tuple[pa.Date32Array, tuple[Misfit, ...]]:
    kind = column.type
    if pa.types.is_date(kind):
        return column.cast(pa.date32()), ()
    if pa.types.is_null(kind):
        return pa.array(np.zeros(len(column), np.int32), pa.date32(), mask=np.ones(len(column), np.bool_)), ()
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise DoesNotFit(
            field.name, 0, None, f"values of type {kind} are no dates; give date32, or strings as 2026-01-31"
        )
    texts = column.cast(pa.string())
    lengths = strings.byte_lengths(texts)
    iso = replace(field, format="yyyy-MM-dd", length=10, null=(), pivot=None)
    fit = pc.if_else(pa.array(lengths <= 10), texts, "?") if len(lengths) and lengths.max() > 10 else texts
    read_back = read(strings.zero_filled(fit, 10), iso, strings.byte_lengths(fit))
    return arrow(np.empty((0, 0), np.uint8), read_back, iso), spelling.misfit(
        read_back.bad, "{value} is not a date as 2026-01-31"
    )


def _range(field: Field) -> tuple[int, int]:
    """First and last day that the format can write."""
    if "yyyy" in field.format:
        years = (1, 9999)
    else:
        assert field.pivot is not None, "declare must have asked for the pivot"
        years = (1900 + field.pivot, 1999 + field.pivot)
    first, last = (np.datetime64(f"{year:04}-{day}", "D") for year, day in zip(years, ("01-01", "12-31"), strict=True))
    return int(first.astype(np.int64)), int(last.astype(np.int64))


def _cells(checked: Checked, field: Field) -> Bytes:
    cells = _written(np.asarray(checked.values), field)
    if checked.null is not None and checked.null.any():
        cells[checked.null] = np.frombuffer(field.null[0].encode("latin-1"), np.uint8)
    return cells


def _written(days: NDArray[np.int32], field: Field) -> Bytes:
    """Days as cells of the format's width."""
    first, table = _spellings(field.format)
    if len(days) and first <= days.min() and days.max() < first + len(table):
        return table.take(days - first, axis=0)
    distinct, rows = np.unique(days, return_inverse=True)
    return _spelled(distinct, field.format)[rows]


@cache
def _spellings(form: str) -> tuple[int, Bytes]:
    """The days from 1900 to 2099 as the format writes them: the first one, and cells by day after it."""
    first, stop = (int(np.datetime64(year, "D").astype(np.int64)) for year in ("1900", "2100"))
    return first, _spelled(np.arange(first, stop, dtype=np.int32), form)


def _spelled(days: NDArray[np.int32], form: str) -> Bytes:
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    years = months.astype("datetime64[Y]").astype(np.int64) + 1970
    parts = {
        "yyyy": years,
        "yy": years % 100,
        "MM": months.astype(np.int64) % 12 + 1,
        "dd": (days.astype("datetime64[D]") - months).astype(np.int64) + 1,
    }
    cells = np.tile(np.frombuffer(form.encode("ascii"), np.uint8), (len(days), 1))
    for part, place in _places(form).items():
        cells[:, place : place + len(part)] = numerals.write(parts[part], len(part))
    return cells


def _days(cells: Bytes, field: Field) -> tuple[NDArray[np.int32], Flags | None]:
    firsts, lengths_of_month = _months()
    places = _places(field.format)
    month = _pair(cells, places["MM"], _pairs(12, 0))
    day = _pair(cells, places["dd"], _pairs(31, 0))
    if "yyyy" in places:
        year = _pair(cells, places["yyyy"], _pairs(99, _NO_CENTURY)).astype(np.int32)
        year *= np.int32(100)
        year += _pair(cells, places["yyyy"] + 2, _pairs(99, _NO_YEAR))
    else:
        assert field.pivot is not None, "declare must have asked for the pivot"
        year = _pair(cells, places["yy"], _years(field.pivot)).astype(np.int32)
    year *= np.int32(16)
    year += month
    day -= np.int16(1)
    # Day 0 wraps round to 65535, so one comparison finds both ends.
    bad: Flags = day.view(np.uint16) >= lengths_of_month.take(year)
    for place, character in _separators(field.format):
        bad |= cells[:, place] != character
    days = firsts.take(year)
    days += day
    return days, bad if bad.any() else None


def _pair(cells: Bytes, place: int, table: NDArray[np.int16]) -> NDArray[np.int16]:
    return table.take(cells[:, place : place + 2].view("<u2")[:, 0])


def _not_blank(cells: Bytes, field: Field) -> Flags | None:
    blank = equal(words(cells), field.pad.encode("latin-1") * cells.shape[1])
    if blank is None:
        return np.ones(len(cells), np.bool_)
    return None if blank.all() else ~blank


def _column(cells: Bytes, days: NDArray[np.int32], bad: Flags | None, field: Field, lengths: Lengths | None) -> Column:
    null: Flags | None = lengths == 0 if lengths is not None and not lengths.all() else None
    cell_words: list[Words] | None = None
    for text in field.null:
        if not text or len(text) > cells.shape[1] or (bad is None and lengths is None and not is_date(text, field)):
            continue  # a null text that is no date can only stand where the cell is bad
        cell_words = words(cells) if cell_words is None else cell_words
        fill = b"\0" if lengths is not None else field.pad.encode("latin-1")
        same = equal(cell_words, text.encode("latin-1").ljust(cells.shape[1], fill))
        if same is not None and lengths is not None:
            same &= lengths == len(text)
        null = either(null, same)
    if null is not None:
        days[null] = 0
        bad = None if bad is None else bad & ~null
    if bad is not None and bad.any():
        days[bad] = UNREADABLE
    else:
        bad = None
    return Column(days, null, bad)


def is_date(text: str, field: Field) -> bool:
    """Is the text, as wide as the format, a day?"""
    raw = text.encode("latin-1", "replace")
    if len(raw) != len(field.format):
        return False
    return _days(np.frombuffer(raw, np.uint8).reshape(1, -1), field)[1] is None


@cache
def _places(form: str) -> dict[str, int]:
    """Where the parts of the format stand."""
    places = {"MM": form.index("MM"), "dd": form.index("dd")}
    year = "yyyy" if "yyyy" in form else "yy"
    places[year] = form.index(year)
    return places


@cache
def _separators(form: str) -> tuple[tuple[int, int], ...]:
    return tuple((place, ord(character)) for place, character in enumerate(form) if character not in "yMd")


@cache
def _pairs(most: int, otherwise: int) -> NDArray[np.int16]:
    """Two digits, as they stand in memory, to 0..most; to `otherwise` for all other bytes."""
    table = np.full(65536, otherwise, np.int16)
    for number in range(most + 1):
        table[_key(number)] = number
    return table


@cache
def _years(pivot: int) -> NDArray[np.int16]:
    """Two digits to the whole year; everything else to a year without days."""
    table = np.full(65536, _NO_YEAR, np.int16)
    for number in range(100):
        table[_key(number)] = number + (2000 if number < pivot else 1900)
    return table


def _key(number: int) -> int:
    return int.from_bytes(b"%02d" % number, "little")


@cache
def _months() -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
    """By year * 16 + month: the month's first day (days since 1970-01-01) and its count of days, 0 if there is none."""
    firsts = np.zeros((_YEARS_COUNT, 16), np.int32)
    counts = np.zeros((_YEARS_COUNT, 16), np.uint16)
    starts = np.arange("0001-01", "10000-01", dtype="datetime64[M]").astype("datetime64[D]").astype(np.int64)
    ends = np.append(starts[1:], starts[-1] + 31)
    firsts[1:10000, 1:13] = starts.reshape(-1, 12)
    counts[1:10000, 1:13] = (ends - starts).reshape(-1, 12)
    return firsts.ravel(), counts.ravel()
