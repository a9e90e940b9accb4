"""Filler: bytes without a meaning in the contract. Kept as they are, never blanked: real files carry data in them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tracciati.layout import Field
from tracciati.values import strings
from tracciati.values.cells import Bytes, Column, Flags, Lengths
from tracciati.values.diagnosis import Diagnosis


def read(cells: Bytes, field: Field, lengths: Lengths | None = None, *, codec: str = "ascii") -> Column:
    """Anything is a filler: returns a Column without values, nulls or bad cells."""
    return Column(None, None, None)


def arrow(
    cells: Bytes, column: Column, field: Field, codec: str = "ascii", lengths: Lengths | None = None
) -> pa.StringArray:
    """Make Arrow strings of the bytes, as they are but for the padding."""
    return strings.from_cells(cells, column, field, codec, lengths)


def diagnose(cell: bytes, field: Field, codec: str = "ascii") -> Diagnosis:
    """Never called: no filler is bad."""
    raise AssertionError("a filler cannot be bad")


def write(values: pa.Array, field: Field, codec: str = "ascii", *, path: str = "") -> Bytes:
    """Make the cells of a fixed field: uint8 (n, field.length), all padding. values: only their number counts."""
    assert field.length is not None, "cells of a delimited file have no fixed width"
    return np.full((len(values), field.length), ord(field.pad), np.uint8)


def spell(values: pa.Array, field: Field, codec: str = "ascii", *, path: str = "") -> pa.StringArray:
    """Make the cells of a delimited column: empty. values: only their number counts."""
    return pa.nulls(len(values), pa.string())


def fits(values: pa.Array, field: Field, codec: str = "ascii", *, delimited: bool = False) -> Flags:
    """Padding always fits."""
    return np.ones(len(values), np.bool_)
