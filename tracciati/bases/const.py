"""Const: the same text in every record, such as the record type "20".

Narrower than its field, it is filled as `align` and `pad` say.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tracciati.layout import Field
from tracciati.values import spelling, strings, texts
from tracciati.values.cells import Bytes, Column, Lengths, equal, words
from tracciati.values.diagnosis import Diagnosis
from tracciati.values.spelling import Checked


def read(cells: Bytes, field: Field, lengths: Lengths | None = None, *, codec: str = "ascii") -> Column:
    """Compare the cells with the field's value.

    cells    uint8 (n, width); delimited cells left-aligned and filled with 0x00
    lengths  int (n,): true lengths of delimited cells, None in fixed layouts

    Returns a Column without values. Never raises for bad data.
    """
    text = field.value.encode(codec)
    width = cells.shape[1]
    if lengths is not None:
        same = equal(words(cells), text.ljust(width, b"\0")) if len(text) <= width else None
        if same is not None:
            same &= lengths == len(text)
    else:
        pad = field.pad.encode(codec)
        same = equal(words(cells), text.ljust(width, pad) if field.align == "left" else text.rjust(width, pad))
    if same is None:
        bad = np.ones(len(cells), np.bool_)
        return Column(None, None, bad if len(cells) else None)
    return Column(None, None, None if same.all() else ~same)


def arrow(
    cells: Bytes, column: Column, field: Field, codec: str = "ascii", lengths: Lengths | None = None
) -> pa.StringArray:
    """Make Arrow strings of the cells that `read` was given: the value, or null where bad."""
    return strings.from_cells(cells, column, field, codec, lengths, trim=False)


def diagnose(cell: bytes, field: Field, codec: str = "ascii") -> Diagnosis:
    """Say why a cell that `read` called bad is bad."""
    return Diagnosis("TR-F206", {}, f'"{field.value}"', f'"{field.value}"')


def _checked(values: pa.Array, field: Field, codec: str, *, delimited: bool) -> Checked:
    """Strings; null stands for the constant."""
    column = spelling.text(values, field)
    other = None
    if pc.all(pc.equal(column, field.value)).as_py() is False:
        other = np.asarray(pc.fill_null(pc.not_equal(column, field.value), False))
    constant, _ = strings.encoded(pa.repeat(pa.scalar(field.value, pa.string()), len(column)), codec)
    return Checked(
        constant, None, spelling.misfit(other, f'{{value}} is not "{field.value}", which always stands here')
    )


write, spell, fits = texts.verbs(_checked)
