"""Digits: an identifier made of digits. It is text: zeros on the left belong to it and are kept.

Filled with "0" on the left when written, unless the layout's `pad` is a blank: then blanks are padding, zeros are not.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tracciati.layout import Field
from tracciati.values import diagnosis, spelling, strings, texts
from tracciati.values.cells import Bytes, Column, Flags, Lengths, either, not_digits
from tracciati.values.diagnosis import Diagnosis
from tracciati.values.spelling import Checked
from tracciati.wording import counted


def read(cells: Bytes, field: Field, lengths: Lengths | None = None, *, codec: str = "ascii") -> Column:
    """Find the cells that are not runs of digits, and those not in the code list.

    cells    uint8 (n, width); delimited cells left-aligned and filled with 0x00
    lengths  int (n,): true lengths of delimited cells, None in fixed layouts

    Returns a Column without values (`arrow` makes the strings). Never raises for bad data.
    """
    if not cells.size:
        return Column(None, None if lengths is None or not len(cells) else lengths == 0, None)
    cell_words = texts.all_words(cells)
    # Digits filled with zeros are never blank, unless the layout lists blanks as a null text.
    null = texts.nulls(cells, cell_words, field, lengths, codec, blank=field.pad != "0")
    bad = not_digits(cell_words, cells.shape[1])
    if bad is not None and (lengths is not None or field.pad != "0"):
        bad = _not_digits_when_padded(cells, bad, field, lengths)
    bad = either(bad, texts.too_long(lengths, field))
    if field.codes:
        bad = either(
            bad, texts.not_in_codes(cell_words, field, cells.shape[1], delimited=lengths is not None, codec=codec)
        )
    if bad is not None and null is not None:
        bad = bad & ~null
    return Column(None, null, bad if bad is not None and bad.any() else None)


def _not_digits_when_padded(cells: Bytes, bad: Flags, field: Field, lengths: Lengths | None) -> Flags | None:
    """Among the cells that are not digits throughout, those that are not digits even without their padding."""
    rows = np.flatnonzero(bad)
    part = cells[rows]
    if lengths is not None:
        inside = np.arange(part.shape[1]) < lengths[rows, None]
    else:
        padding = part == ord(field.pad)
        if field.align == "right":
            inside = ~np.logical_and.accumulate(padding, axis=1)
        else:
            inside = ~np.logical_and.accumulate(padding[:, ::-1], axis=1)[:, ::-1]
    wrong = (((part - np.uint8(ord("0"))) > 9) & inside).any(axis=1)
    flags = np.zeros(len(cells), np.bool_)
    flags[rows[wrong]] = True
    return flags if len(rows) and wrong.any() else None


def arrow(
    cells: Bytes, column: Column, field: Field, codec: str = "ascii", lengths: Lengths | None = None
) -> pa.StringArray:
    """Make Arrow strings of the cells that `read` was given: zeros kept, padding taken off; null where null or bad."""
    return strings.from_cells(cells, column, field, codec, lengths, trim=field.pad != "0")


def diagnose(cell: bytes, field: Field, codec: str = "ascii") -> Diagnosis:
    """Say why a cell that `read` called bad is bad. cell: its bytes as they stand in the file."""
    return diagnosis.not_digits(cell, field) or diagnosis.not_in_codes(field)


def _checked(values: pa.Array, field: Field, codec: str, *, delimited: bool) -> Checked:
    """Strings of digits; whole numbers are spelled out."""
    column = spelling.text(values, field)
    checked = texts.checked_text(column, field, codec, delimited=delimited, has_blank=field.pad != "0")
    misfits = (*spelling.misfit(strings.not_digits(column), "{value} is not a run of digits"), *checked.misfits)
    if field.pad == "0" and not delimited and field.length is not None:
        # An identifier has all its digits: a shorter one would come back with zeros that it never had.
        short = (strings.byte_lengths(checked.values) < field.length) & np.asarray(column.is_valid())
        misfits += spelling.misfit(short, f"{{value}} has fewer than the field's {counted(field.length, 'digit')}")
    return checked._replace(misfits=misfits)


write, spell, fits = texts.verbs(_checked)
