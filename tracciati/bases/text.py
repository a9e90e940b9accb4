"""Text: characters in the file's encoding, aligned left and filled with blanks unless the layout says otherwise.

A cell of blanks is "no value". With `codes`, only the listed texts may stand there.
"""

from __future__ import annotations

import pyarrow as pa

from tracciati.layout import Field
from tracciati.values import diagnosis, spelling, strings, texts
from tracciati.values.cells import Bytes, Column, Flags, Lengths, either
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


def write(values: pa.Array, field: Field, codec: str = "ascii", *, path: str = "") -> Bytes:
    """Make the cells of a fixed field: uint8 (n, field.length).

    values  strings; whole numbers are spelled out
    path    `record.field`, for messages

    Raises DoesNotFit, naming the first row, rather than write something else than the value.
    """
    checked = _checked(values, field, codec, delimited=False)
    spelling.refuse(checked, values, field, path)
    return texts.cells(checked, field)


def spell(values: pa.Array, field: Field, codec: str = "ascii", *, path: str = "") -> pa.StringArray:
    """Make the cells of a delimited column: strings in the file's encoding, null where there is no value.

    Raises DoesNotFit as `write` does.
    """
    checked = _checked(values, field, codec, delimited=True)
    spelling.refuse(checked, values, field, path)
    return checked.values


def fits(values: pa.Array, field: Field, codec: str = "ascii", *, delimited: bool = False) -> Flags:
    """Which values can be written: bool (n,). Raises DoesNotFit only for a column of a type that never fits."""
    return spelling.fits(_checked(values, field, codec, delimited=delimited), values, field)


def _checked(values: pa.Array, field: Field, codec: str, *, delimited: bool) -> Checked:
    return texts.checked_text(spelling.text(values, field), field, codec, delimited=delimited)
