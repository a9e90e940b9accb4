"""Spelling: what the bases share when they write. Which values fit, and the words for those that do not.

A base checks a whole column first (`Checked`), then makes its cells: nothing is written when one value does not fit.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tracciati.errors import DoesNotFit
from tracciati.layout import Field
from tracciati.limits import SHOWN_BYTES_MAX
from tracciati.values import bounds
from tracciati.values.cells import Flags, either


class Misfit(NamedTuple):
    """Values that do not fit for one reason. `why` may name {value}, which is masked in sensitive fields."""

    rows: Flags
    why: str


class Checked(NamedTuple):
    """A column before it is written.

    values   in the type that the base writes: int64, date32 or string (in the file's encoding)
    null     bool (n,): rows without value, None when there are none
    misfits  what cannot be written, by reason
    """

    values: pa.Array
    null: Flags | None
    misfits: tuple[Misfit, ...]


def plain(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One array without dictionary, whatever the caller's library made."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pa.ChunkedArray):  # no chunk at all
        values = pa.array([], values.type)
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def text(values: pa.Array | pa.ChunkedArray, field: Field) -> pa.StringArray:
    """The column as strings; whole numbers are spelled out, nothing else is guessed.

    Raises DoesNotFit for types that have no spelling of their own, such as floats.
    """
    column = plain(values)
    kind = column.type
    if pa.types.is_string(kind):
        return column
    spellable = (pa.types.is_large_string, pa.types.is_string_view, pa.types.is_integer, pa.types.is_null)
    if any(is_it(kind) for is_it in spellable):
        return column.cast(pa.string())
    raise DoesNotFit(field.name, 0, None, f"values of type {kind} have no spelling as text; give strings")


def nulls(values: pa.Array) -> Flags | None:
    """Which values are null; None when none is."""
    return np.asarray(values.is_null()) if values.null_count else None


def misfit(rows: Flags | None, why: str) -> tuple[Misfit, ...]:
    """A Misfit if any row is flagged, else nothing."""
    return () if rows is None or not rows.any() else (Misfit(rows, why),)


def missing(null: Flags | None, field: Field, *, has_spelling: bool) -> tuple[Misfit, ...]:
    """The misfits of rows without value: where one is required, or the field cannot say "no value"."""
    if field.required:
        return misfit(null, "there is no value, and the field is required")
    if not has_spelling:
        return misfit(null, "there is no value, and the layout lists no `null` text for the field")
    return ()


def fits(checked: Checked, values: pa.Array | pa.ChunkedArray, field: Field) -> Flags:
    """Which rows can be written: bool (n,). values: what was checked, as it was given."""
    flags: Flags | None = None
    for wrong in _misfits(checked, values, field):
        flags = either(flags, wrong.rows)
    return np.ones(len(checked.values), np.bool_) if flags is None else ~flags


def refuse(checked: Checked, values: pa.Array | pa.ChunkedArray, field: Field, path: str) -> None:
    """Raise DoesNotFit for the first row that cannot be written, if there is one."""
    misfits = _misfits(checked, values, field)
    if not misfits:
        return
    first = min(misfits, key=lambda wrong: int(wrong.rows.argmax()))
    row = int(first.rows.argmax())
    value = plain(values)[row].as_py()
    whole = str(value)
    shown = repr(whole if len(whole) <= SHOWN_BYTES_MAX else whole[:SHOWN_BYTES_MAX] + "…")
    if field.sensitive:
        shown = f"a value of {len(whole)} characters"
    raise DoesNotFit(path or field.name, row, value, first.why.replace("{value}", shown))


def _misfits(checked: Checked, values: pa.Array | pa.ChunkedArray, field: Field) -> tuple[Misfit, ...]:
    """What the base says, and what lies outside of the field's bounds: a reader would refuse that too."""
    if field.pattern:
        return checked.misfits + misfit(bounds.unlike(text(values, field), field), f"{{value}} is not {_wanted(field)}")
    if field.least is None and field.most is None:
        return checked.misfits
    found = bounds.outside(np.asarray(checked.values), field)
    if found is not None and checked.null is not None:
        found &= ~checked.null
    return checked.misfits + misfit(found, f"{{value}} is not {_wanted(field)}")


def _wanted(field: Field) -> str:
    wanted = bounds.expected(field)[0]
    return f"of {wanted}" if field.pattern else wanted


def is_one_of(array: pa.StringArray, choices: tuple[str, ...]) -> Flags:
    """Which strings are among the choices: bool (n,). A null is not."""
    if not choices:
        return np.zeros(len(array), np.bool_)
    return np.asarray(pc.is_in(array, options=_one_of(choices)))


@cache
def _one_of(choices: tuple[str, ...]) -> pc.SetLookupOptions:
    return pc.SetLookupOptions(pa.array(choices, pa.string()))
