"""Binary: a whole number in one to eight bytes, as COBOL's COMP; the last decimals of it may be implied.

The first byte is the highest, unless the layout says `endian = "little"`. A field that is `signed` is in two's
complement. Where the layout says `digits`, larger numbers are refused, as COBOL's PIC 9(4) has four digits in two
bytes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracciati.layout import Field
from tracciati.values import numerals, raw
from tracciati.values.cells import Bytes, Flags
from tracciati.values.diagnosis import Diagnosis

_WORD_BYTES = 8


def range_of(length: int, *, is_signed: bool) -> tuple[int, int]:
    """The least and the greatest number of so many bytes, as far as a number may have digits."""
    bits = 8 * length - is_signed
    most = min(2**bits - 1, 10**numerals.DIGITS_MAX - 1)
    return (max(-(2**bits), -most) if is_signed else 0), most


def _read(cells: Bytes, field: Field) -> tuple[NDArray[np.int64], Flags | None]:
    if not len(cells):
        return np.zeros(0, np.int64), None
    width = cells.shape[1]
    ordered = cells[:, ::-1] if field.endian == "little" else cells
    whole = np.zeros((len(cells), _WORD_BYTES), np.uint8)
    if field.sign:
        whole[ordered[:, 0] > 127] = 255
    whole[:, _WORD_BYTES - width :] = ordered
    found = whole.view(">i8")[:, 0].astype(np.int64)
    huge = (found < 0) & (not field.sign)  # the highest of 64 bits is no sign here
    return found, huge if huge.any() else None


def _write(numbers: NDArray[np.int64], field: Field) -> Bytes:
    assert field.length is not None, "a fixed field has a length"
    whole = numbers.astype(">i8").view(np.uint8).reshape(len(numbers), _WORD_BYTES)
    cells = whole[:, _WORD_BYTES - field.length :]
    return np.ascontiguousarray(cells[:, ::-1] if field.endian == "little" else cells)


def _bounds(field: Field) -> tuple[int, int]:
    assert field.length is not None, "a fixed field has a length"
    least, most = range_of(field.length, is_signed=bool(field.sign))
    limit = 10**field.digits - 1
    return max(least, -limit), min(most, limit)


read, arrow, write, spell, fits = raw.verbs(raw.Kind(_read, _write, _bounds))


def diagnose(cell: bytes, field: Field, codec: str = "ascii") -> Diagnosis:
    """Say why a cell that `read` called bad is bad. cell: its bytes as they stand in the file."""
    least, most = _bounds(field)
    return Diagnosis("TR-F214", {}, f"a number between {least} and {most}", f"un numero tra {least} e {most}")
