"""Values: cells and what they mean, a whole column at a time. What the bases share lies in this room.

cells      bytes cut out of records, as 64-bit words where that is faster
numerals, numbers    digits and what surrounds them          luhn       the check digit of a partita IVA
strings, texts       bytes to Arrow strings without a Python object per cell
attested   texts with check characters                 raw        numbers whose cells are no text
verbs      what several bases have alike               pages      cells of EBCDIC files
signs      where a number says that it is below zero   bounds     what a value must be beyond its base
spelling   values ready to be written                  diagnosis  why one bad cell is bad, in words
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tracciati.values.cells import Bytes, Flags

if TYPE_CHECKING:
    from tracciati.layout import Field

Index = NDArray[np.int64]


@dataclass(frozen=True)
class Values:
    """What the cells of one field mean, row by row.

    numbers  int64 in the field's smallest unit, int32 days for dates, None for text
    cells    uint8 (n, width): the bytes; text is compared by them
    lengths  true lengths of delimited cells, None in fixed layouts
    null, bad  bool (n,), or None when there are none
    """

    field: Field
    numbers: NDArray[np.int64] | NDArray[np.int32] | None
    cells: Bytes
    lengths: Index | None
    null: Flags | None
    bad: Flags | None
    codec: str = "ascii"

    def where(self, present: Flags | None) -> Values:
        """The values where the field is there; elsewhere there is none, and nothing is wrong. None: everywhere."""
        if present is None:
            return self
        null = ~present if self.null is None else self.null | ~present
        bad = None if self.bad is None else self.bad & present
        numbers = self.numbers
        if numbers is not None:
            numbers = numbers.copy()
            numbers[~present] = 0
        return replace(self, numbers=numbers, null=null, bad=bad)

    def take(self, rows: Index) -> Values:
        """The values of some rows."""
        return Values(
            self.field,
            None if self.numbers is None else self.numbers[rows],
            self.cells[rows],
            None if self.lengths is None else self.lengths[rows],
            None if self.null is None else self.null[rows],
            None if self.bad is None else self.bad[rows],
            self.codec,
        )
