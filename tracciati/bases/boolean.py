"""Boolean: one text for yes and one for no, as `yes = "S"` and `no = "N"`. Nothing else stands there.

A cell of blanks is "no value", unless the layout says that blanks are one of the two.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tracciati.errors import DoesNotFit
from tracciati.layout import Field
from tracciati.values import diagnosis, spelling, texts
from tracciati.values.cells import Bytes, Column, Flags, Lengths, Words, equal
from tracciati.values.diagnosis import Diagnosis
from tracciati.values.spelling import Checked


def read(cells: Bytes, field: Field, lengths: Lengths | None = None, *, codec: str = "ascii") -> Column:
    """Find the cells that say yes, and those that say neither.

    cells    uint8 (n, width); delimited cells left-aligned and filled with 0x00
    lengths  int (n,): true lengths of delimited cells, None in fixed layouts

    Returns a Column with int64 values, 1 for yes. Never raises for bad data.
    """
    if not cells.size:
        null = None if lengths is None or not len(cells) else lengths == 0
        return Column(np.zeros(len(cells), np.int64), null, None)
    cell_words = texts.all_words(cells)
    is_yes, is_no = (_says(cell_words, text, field, cells.shape[1], lengths, codec) for text in (field.yes, field.no))
    known = is_yes | is_no
    null = texts.nulls(cells, cell_words, field, lengths, codec)
    if null is not None:
        null = null & ~known
    bad = ~known if null is None else ~(known | null)
    return Column(is_yes.astype(np.int64), null, bad if bad.any() else None)


def _says(cell_words: list[Words], text: str, field: Field, width: int, lengths: Lengths | None, codec: str) -> Flags:
    raw = text.encode(codec)
    if len(raw) > width:
        return np.zeros(len(cell_words[0]), np.bool_)
    found = equal(cell_words, texts.padded(raw, field, width, delimited=lengths is not None))
    if found is None:
        return np.zeros(len(cell_words[0]), np.bool_)
    return found if lengths is None else found & (lengths == len(raw))


def arrow(
    cells: Bytes, column: Column, field: Field, codec: str = "ascii", lengths: Lengths | None = None
) -> pa.BooleanArray:
    """Make an Arrow array of booleans of what `read` returned: null where null or bad."""
    assert column.values is not None, "a boolean always has values"
    absent = np.zeros(len(column.values), np.bool_)
    for flags in (column.null, column.bad):
        if flags is not None:
            absent |= flags
    return pa.array(column.values != 0, pa.bool_(), mask=absent)


def diagnose(cell: bytes, field: Field, codec: str = "ascii") -> Diagnosis:
    """Say why a cell that `read` called bad is bad. cell: its bytes as they stand in the file."""
    if (problem := diagnosis.too_long(cell, field)) is not None:
        return problem
    return Diagnosis("TR-F202", {}, f"{field.yes!r} or {field.no!r}", f"{field.yes!r} o {field.no!r}")


def _checked(values: pa.Array, field: Field, codec: str, *, delimited: bool) -> Checked:
    """Booleans; the texts of the layout, "true" and "false" are taken too."""
    column = spelling.plain(values)
    if not pa.types.is_boolean(column.type):
        column = _from_texts(column, field)
    strange = np.asarray(column.is_null()) & np.asarray(spelling.plain(values).is_valid())
    words = pc.if_else(column, field.yes, field.no)
    has_blank = bool(field.yes.strip() and field.no.strip())
    found = texts.checked_text(words, field, codec, delimited=delimited, has_blank=has_blank)
    return found._replace(misfits=(*spelling.misfit(strange, "{value} is neither yes nor no"), *found.misfits))


def _from_texts(column: pa.Array, field: Field) -> pa.BooleanArray:
    """Texts as booleans, null where they are neither; an empty one has no value."""
    if pa.types.is_null(column.type):
        return column.cast(pa.bool_())
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise DoesNotFit(field.name, 0, None, f"values of type {column.type} are no booleans; give true or false")
    known = {field.yes: True, field.no: False, "true": True, "false": False}
    return pa.array([None if text is None else known.get(text) for text in column.to_pylist()], pa.bool_())


write, spell, fits = texts.verbs(_checked)
