"""Text: characters in the file's encoding, aligned left and filled with blanks unless the layout says otherwise.

A cell of blanks is "no value". With `codes`, only the listed texts may stand there.
"""

from __future__ import annotations

import pyarrow as pa

from tracciati.layout import Field
from tracciati.values import diagnosis, spelling, strings, texts
from tracciati.values.cells import Bytes, Column, Lengths, either
from tracciati.values.diagnosis import Diagnosis
from tracciati.values.spelling import Checked


def read(
    cells: Bytes, field: Field, lengths: Lengths | None = None, *, codec: str = "ascii", plain: bool = False
) -> Column:
    """Find the empty cells, those with bytes that are no text, and those not in the code list.

    cells    uint8 (n, width); delimited cells left-aligned and filled with 0x00
    lengths  int (n,): true lengths of delimited cells, None in fixed layouts
    codec    the file's encoding
    plain    the caller has seen that there are no control characters

    Returns a Column without values (`arrow` makes the strings). Never raises for bad data.
    """
    if not cells.size:
        return Column(None, None if lengths is None or not len(cells) else lengths == 0, None)
    cell_words = texts.all_words(cells)
    null = texts.nulls(cells, cell_words, field, lengths, codec)
    bad = either(texts.not_decodable(cells, cell_words, codec), texts.too_long(lengths, field))
    if not plain:
        bad = either(bad, texts.with_control_characters(cells, cell_words, lengths))
    if field.codes:
        width = cells.shape[1]
        bad = either(bad, texts.not_in_codes(cell_words, field, width, delimited=lengths is not None, codec=codec))
    if bad is not None and null is not None:
        bad = bad & ~null
    return Column(None, null, bad if bad is not None and bad.any() else None)


def arrow(
    cells: Bytes, column: Column, field: Field, codec: str = "ascii", lengths: Lengths | None = None
) -> pa.StringArray:
    """Make Arrow strings of the cells that `read` was given: without padding; null where null or bad."""
    return strings.from_cells(cells, column, field, codec, lengths)


def diagnose(cell: bytes, field: Field, codec: str = "ascii") -> Diagnosis:
    """Say why a cell that `read` called bad is bad. cell: its bytes as they stand in the file."""
    return diagnosis.not_text(cell, field, codec) or diagnosis.not_in_codes(field)


def _checked(values: pa.Array, field: Field, codec: str, *, delimited: bool) -> Checked:
    """Strings; whole numbers are spelled out."""
    return texts.checked_text(spelling.text(values, field), field, codec, delimited=delimited)


write, spell, fits = texts.verbs(_checked)
