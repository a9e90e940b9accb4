"""Partita IVA: the eleven digits by which Italian companies are taxed; the last one is a Luhn check digit.

A wider field has blanks after them. Source: D.P.R. 633/1972, art. 35; D.M. 23 dicembre 1976, n. 12386.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tracciati.layout import Field
from tracciati.values import diagnosis, luhn, spelling, strings, texts
from tracciati.values.cells import Bytes, Column, Flags, Lengths, equal, word, words
from tracciati.values.diagnosis import Diagnosis
from tracciati.values.spelling import Checked

_SEVEN_ZEROS = np.uint64(int.from_bytes(b"0" * 7, "little"))


def read(cells: Bytes, field: Field, lengths: Lengths | None = None, *, codec: str = "ascii") -> Column:
    """Check the digits and the check digit.

    cells    uint8 (n, width); delimited cells left-aligned and filled with 0x00
    lengths  int (n,): true lengths of delimited cells, None in fixed layouts

    Returns a Column without values (`arrow` makes the strings). Never raises for bad data.
    """
    width = cells.shape[1]
    if width < luhn.DIGITS:
        good = np.zeros(len(cells), np.bool_)
    else:
        good = luhn.right_sums().take(luhn.pair_sums(cells))
        good &= word(cells, 0, 7) != _SEVEN_ZEROS
        if lengths is not None:
            good &= lengths == luhn.DIGITS
        elif width > luhn.DIGITS:
            tail = cells[:, luhn.DIGITS :]
            blank = equal(words(tail), b" " * tail.shape[1])
            good = good & blank if blank is not None else np.zeros(len(cells), np.bool_)
    return texts.checked(cells, good, field, lengths, codec)


def arrow(
    cells: Bytes, column: Column, field: Field, codec: str = "ascii", lengths: Lengths | None = None
) -> pa.StringArray:
    """Make Arrow strings of the cells that `read` was given: without padding; null where null or bad."""
    return strings.from_cells(cells, column, field, codec, lengths)


def diagnose(cell: bytes, field: Field, codec: str = "ascii") -> Diagnosis:
    """Say why a cell that `read` called bad is bad. cell: its bytes as they stand in the file."""
    if (problem := diagnosis.too_long(cell, field)) is not None:
        return problem
    number = cell.rstrip(b" ")
    if len(number) == luhn.DIGITS and not luhn.read(np.frombuffer(number, np.uint8).reshape(1, -1))[0][0]:
        return Diagnosis("TR-F210", {}, *luhn.expected(number))
    return Diagnosis("TR-F209", {}, "11 digits, the last one a check digit", "11 cifre, l'ultima di controllo")


def write(values: pa.Array, field: Field, codec: str = "ascii", *, path: str = "") -> Bytes:
    """Make the cells of a fixed field: uint8 (n, field.length).

    values  strings
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
    column = spelling.text(values, field)
    checked = texts.checked_text(column, field, codec, delimited=delimited)
    return checked._replace(
        misfits=(*checked.misfits, *spelling.misfit(_wrong(column, field), "{value} is not a partita IVA"))
    )


def _wrong(column: pa.StringArray, field: Field) -> Flags | None:
    """Which strings `read` would call bad: they are laid out as delimited cells and read."""
    lengths = strings.byte_lengths(column)
    if len(lengths) and lengths.max() > luhn.DIGITS:
        column = pc.if_else(pa.array(lengths <= luhn.DIGITS), column, "?")
        lengths = np.where(lengths <= luhn.DIGITS, lengths, 1)
    return read(strings.zero_filled(column, luhn.DIGITS), field, lengths).bad
