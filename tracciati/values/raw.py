"""Raw: numbers whose cells are no text. What the bases of that kind (packed, binary) share.

Each base says how its bytes become int64 and back; here is what is alike: null texts, which are written as the
hexadecimal digits of the bytes, what fits, and the verbs. Only fixed layouts have such cells.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tracciati.layout import Field
from tracciati.values import numbers, numerals, spelling
from tracciati.values.cells import Bytes, Column, Flags, Lengths, either, equal, words
from tracciati.values.spelling import Checked
from tracciati.values.verbs import Verbs
from tracciati.wording import counted

Numbers = NDArray[np.int64]


class Kind(NamedTuple):
    """A kind of number.

    read    (cells uint8 (n, width), field) -> (int64 (n,), bad bool (n,) or None); any bytes at all
    write   (int64 (n,), field) -> cells uint8 (n, field.length); all of them fit
    bounds  field -> the least and the greatest number that its bytes can hold
    """

    read: Callable[[Bytes, Field], tuple[Numbers, Flags | None]]
    write: Callable[[Numbers, Field], Bytes]
    bounds: Callable[[Field], tuple[int, int]]


def verbs(kind: Kind) -> Verbs:
    """The verbs of a base of that kind, all but `diagnose`."""
    return Verbs(partial(_read, kind), _arrow, partial(_write, kind), _spell, partial(_fits, kind))


def _read(kind: Kind, cells: Bytes, field: Field, lengths: Lengths | None = None, *, codec: str = "ascii") -> Column:
    """Turn cells into numbers, in units of the last decimal.

    cells    uint8 (n, width), as they stand in the file, whatever its encoding

    Returns a Column with int64 values; UNREADABLE where bad. Never raises for bad data.
    """
    found, bad = kind.read(cells, field)
    least, most = kind.bounds(field)
    outside = (found < least) | (found > most)
    bad = either(bad, outside if outside.any() else None)
    null: Flags | None = None
    for text in field.null if cells.size else ():
        null = either(null, equal(words(np.ascontiguousarray(cells)), bytes.fromhex(text)))
    if null is not None:
        found[null] = 0
        bad = None if bad is None else bad & ~null
    if bad is not None and not bad.any():
        bad = None
    if bad is not None:
        found[bad] = numerals.UNREADABLE
    return Column(found, null, bad)


def _arrow(
    cells: Bytes, column: Column, field: Field, codec: str = "ascii", lengths: Lengths | None = None
) -> pa.Array:
    """Make an Arrow array, int64 or (with decimals) decimal128, of what `read` returned: null where null or bad."""
    return numbers.decimal_array(column, field) if field.scale else numbers.int64_array(column)


def _write(kind: Kind, values: pa.Array, field: Field, codec: str = "ascii", *, path: str = "") -> Bytes:
    """Make the cells of a fixed field: uint8 (n, field.length).

    values  integers, decimals, or strings as "12.50"
    path    `record.field`, for messages

    Raises DoesNotFit, naming the first row, rather than write something else than the value.
    """
    found = _checked(kind, values, field)
    spelling.refuse(found, values, field, path)
    cells = kind.write(np.asarray(found.values), field)
    if found.null is not None and found.null.any():
        cells[found.null] = np.frombuffer(bytes.fromhex(field.null[0]), np.uint8)
    return cells


def _spell(values: pa.Array, field: Field, codec: str = "ascii", *, path: str = "") -> pa.StringArray:
    """Never called: a delimited file has no such cells."""
    raise AssertionError("declare keeps numbers in binary out of delimited layouts")


def _fits(kind: Kind, values: pa.Array, field: Field, codec: str = "ascii", *, delimited: bool = False) -> Flags:
    """Which values can be written: bool (n,). Raises DoesNotFit only for a column of a type that never fits."""
    return spelling.fits(_checked(kind, values, field), values, field)


def _checked(kind: Kind, values: pa.Array, field: Field) -> Checked:
    found, null, misfits = numbers.unscaled(values, field)
    least, most = kind.bounds(field)
    negative = spelling.misfit((found < 0) & (least == 0), "{value} is negative, and the field has no sign")
    digits = f"{{value}} needs more than the field's {counted(field.digits, 'digit')}"
    large = spelling.misfit(((found < least) & (least < 0)) | (found > most), digits)
    checked = Checked(
        pa.array(found),
        null,
        (*misfits, *spelling.missing(null, field, has_spelling=bool(field.null)), *negative, *large),
    )
    for text in field.null:
        as_number, bad = kind.read(np.frombuffer(bytes.fromhex(text), np.uint8).reshape(1, -1), field)
        same = (found == as_number[0]) & (bad is None)
        same = same if null is None else same & ~null
        checked = checked._replace(
            misfits=(*checked.misfits, *spelling.misfit(same, "{value} would be read back as no value"))
        )
    return checked
