"""Signs: where a number says that it is below zero, taken off its digits when it is read and put on when it is written.

    leading     a byte before the digits: "-000125"; with blanks as padding it stands right before them: "   -125"
    trailing    a byte after the digits: "000125-"
    overpunch   in the last digit: { A to I are 0 to 9, } J to R are 0 to 9 below zero; a plain digit is not below zero
    overpunch_leading   the same in the first digit
    column      in another field of the record, by its text
    inside      in the bytes of a number that is no text; the base sees to it

`plus` and `minus` are what stands for the sign; for an overpunched digit the ten characters for 0 to 9, where they are
others. In a delimited file a leading `plus` may be nothing at all.
Source of the overpunched letters: the zone punches of IBM's cards, as COBOL's SIGN IS TRAILING has them in EBCDIC.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tracciati.values.cells import Bytes, Column, Flags, Lengths, either, equal, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracciati.layout import Field

# As in `numerals`, which is read with the signs taken off.
UNREADABLE = -(10**18)
OVERPUNCHED = ("{ABCDEFGHI", "}JKLMNOPQR")
_ZERO = ord("0")


class Unsigned(NamedTuple):
    """Cells without their sign.

    digits    uint8 (n, width or one less)
    lengths   of delimited cells, without the sign
    negative  bool (n,)
    bad       cells whose sign is none, or None
    """

    digits: Bytes
    lengths: Lengths | None
    negative: Flags
    bad: Flags | None


def is_beside(field: Field) -> bool:
    """Is the sign written in the number's own cell, as text?"""
    return field.sign not in ("", "column", "inside")


def in_column(column: Column, cells: Bytes, lengths: Lengths | None, field: Field, sign: Field, codec: str) -> Column:
    """A column of numbers with the sign that another field's cells say; bad where these say none.

    cells, lengths   of the field `sign`, as its base reads them
    """
    assert column.values is not None, "a number always has values"
    negative, positive = (_says(cells, lengths, text, sign, codec) for text in (field.minus, field.plus))
    unknown = ~(negative | positive)
    for flags in (column.null, column.bad):
        unknown = unknown if flags is None else unknown & ~flags
    values = np.where(negative, -column.values, column.values)
    if column.bad is not None:
        values[column.bad] = UNREADABLE
    values[unknown] = UNREADABLE
    return Column(values, column.null, either(column.bad, unknown if unknown.any() else None))


def _says(cells: Bytes, lengths: Lengths | None, text: str, sign: Field, codec: str) -> Flags:
    raw, width = text.encode(codec), cells.shape[1]
    fill = b"\0" if lengths is not None else sign.pad.encode("latin-1")
    if len(raw) > width or not width:
        return np.full(len(cells), not raw and not width)
    whole = raw.rjust(width, fill) if sign.align == "right" and lengths is None else raw.ljust(width, fill)
    found = equal(words(cells), whole)
    if found is None:
        return np.zeros(len(cells), np.bool_)
    return found if lengths is None else found & (lengths == len(raw))


def width_of(sign: str) -> int:
    """Bytes that a sign of this kind takes for itself in a fixed cell."""
    return 1 if sign in ("leading", "trailing") else 0


def taken_off(cells: Bytes, field: Field, lengths: Lengths | None) -> Unsigned:
    """The digits and the sign of each cell; cells as the bases of numbers get them."""
    if not cells.size:
        return Unsigned(cells, lengths, np.zeros(len(cells), np.bool_), None)
    if field.sign == "overpunch":
        return _overpunched(cells, field, lengths, np.full(len(cells), cells.shape[1] - 1))
    if field.sign == "overpunch_leading":
        first = np.zeros(len(cells), np.int64)
        if lengths is not None:
            first = np.clip(cells.shape[1] - lengths, 0, cells.shape[1] - 1).astype(np.int64)
        elif field.pad != "0":
            first = (cells != ord(field.pad)).argmax(axis=1)
        return _overpunched(cells, field, lengths, first)
    if field.sign == "trailing":
        negative, bad = _read(cells[:, -1], field)
        if lengths is None:
            return Unsigned(cells[:, :-1], None, negative, bad)
        bare = lengths < 2  # a sign without digits before it is none
        return Unsigned(cells[:, :-1], lengths - 1, negative, either(bad, bare if bare.any() else None))
    if lengths is None and field.pad == "0":
        negative, bad = _read(cells[:, 0], field)
        return Unsigned(cells[:, 1:], None, negative, bad)
    return _floating(cells, field, lengths)


def _read(column: Bytes, field: Field) -> tuple[Flags, Flags | None]:
    negative = column == ord(field.minus)
    bad = ~negative if not field.plus else ~negative & (column != ord(field.plus))
    return negative, bad if bad.any() else None


def _overpunched(cells: Bytes, field: Field, lengths: Lengths | None, places: NDArray[np.int64]) -> Unsigned:
    digits, negative = _overpunch_tables(field.plus, field.minus)
    rows = np.arange(len(cells))
    punched = cells[rows, places]
    found = digits.take(punched)
    bad = found == 0
    made = cells.copy()
    made[rows, places] = np.where(bad, punched, found)
    return Unsigned(made, lengths, negative.take(punched), bad if bad.any() else None)


def _floating(cells: Bytes, field: Field, lengths: Lengths | None) -> Unsigned:
    """The sign stands right before the digits, wherever these begin."""
    rows, size = np.arange(len(cells)), cells.shape[1]
    if lengths is None:
        begin = (cells != ord(field.pad)).argmax(axis=1)
        fill = ord(field.pad)
    else:
        begin = np.clip(size - lengths, 0, size - 1)
        fill = _ZERO
    first = cells[rows, begin]
    negative = first == ord(field.minus)
    is_signed = negative | (first == ord(field.plus)) if field.plus.strip() else negative
    made = cells.copy()
    made[rows[is_signed], begin[is_signed]] = fill
    # A sign without digits after it is none.
    bare = is_signed & (begin == size - 1)
    may_lack = field.plus in ("", field.pad) if lengths is None else field.plus == ""
    bad = bare if may_lack else bare | ~is_signed
    return Unsigned(made, None if lengths is None else lengths - is_signed, negative, bad if bad.any() else None)


def put_on(digits: Bytes, numbers: NDArray[np.int64], field: Field) -> Bytes:
    """Cells of digits, as wide as the field without its sign, with the sign of `numbers`."""
    negative = numbers < 0
    if field.sign in ("overpunch", "overpunch_leading"):
        made = digits.copy()
        rows, places = np.arange(len(digits)), np.full(len(digits), digits.shape[1] - 1)
        if field.sign == "overpunch_leading":
            places = (digits != ord(" ")).argmax(axis=1)
        punched = digits[rows, places] - np.uint8(_ZERO)
        made[rows, places] = np.where(negative, _letters(field, 1).take(punched), _letters(field, 0).take(punched))
        return made
    sign = np.where(negative, ord(field.minus), ord(field.plus or " ")).astype(np.uint8)[:, None]
    if field.sign == "trailing":
        return np.concatenate((digits, sign), axis=1)
    if field.pad == "0":
        return np.concatenate((sign, digits), axis=1)
    made = np.concatenate((np.full_like(sign, ord(field.pad)), digits), axis=1)
    before = (made != ord(field.pad)).argmax(axis=1) - 1
    made[np.arange(len(made)), before] = sign[:, 0]
    return made


def texts_of(numbers: pa.Array, field: Field) -> pa.StringArray:
    """What stands in the column of the sign beside such numbers; what has no value is not below zero."""
    negative = pc.fill_null(pc.less(pc.cast(numbers, pa.decimal256(76, field.scale)), 0), False)
    return pc.if_else(negative, field.minus, field.plus)


def spelled(texts: pa.StringArray, numbers: NDArray[np.int64], field: Field) -> pa.StringArray:
    """Texts of digits, as a delimited file has them, with the sign of `numbers`."""
    negative = pa.array(numbers < 0)
    if field.sign in ("overpunch", "overpunch_leading"):
        is_first = field.sign == "overpunch_leading"
        one = pc.utf8_slice_codeunits(texts, 0, 1) if is_first else pc.utf8_slice_codeunits(texts, -1)
        digit = pc.cast(one, pa.int32())
        over = [pa.array(list(letters), pa.string()).take(digit) for letters in punched_letters(field)]
        others = pc.utf8_slice_codeunits(texts, 1) if is_first else pc.utf8_slice_codeunits(texts, 0, -1)
        punched = pc.if_else(negative, over[1], over[0])
        parts = (punched, others) if is_first else (others, punched)
        return pc.binary_join_element_wise(*parts, "")
    sign = pc.if_else(negative, field.minus, field.plus)
    parts = (texts, sign) if field.sign == "trailing" else (sign, texts)
    return pc.binary_join_element_wise(*parts, "")


def with_signs(
    numbers: NDArray[np.int64], found: Unsigned, bad: Flags | None
) -> tuple[NDArray[np.int64], Flags | None]:
    """Numbers as their signs say, and what is bad of digits or sign."""
    if found.negative.any():
        numbers = np.where(found.negative, -numbers, numbers)
    return numbers, either(bad, found.bad)


def punched_letters(field: Field) -> tuple[str, str]:
    """The characters for 0 to 9, not below zero and below it."""
    return field.plus or OVERPUNCHED[0], field.minus or OVERPUNCHED[1]


@cache
def _overpunch_tables(plus: str, minus: str) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """By byte: the ASCII digit that it is (0 for none), and whether it is below zero."""
    digits, negative = np.zeros(256, np.uint8), np.zeros(256, np.bool_)
    for number in range(10):
        for letters in ("0123456789", plus or OVERPUNCHED[0], minus or OVERPUNCHED[1]):
            digits[ord(letters[number])] = _ZERO + number
        negative[ord((minus or OVERPUNCHED[1])[number])] = True
    return digits, negative


def _letters(field: Field, which: int) -> NDArray[np.uint8]:
    return np.frombuffer(punched_letters(field)[which].encode("ascii"), np.uint8)
