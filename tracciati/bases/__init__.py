"""Bases: one module per kind of field, all of one shape and independent of one another.

read      cells -> Column: values, which cells say "no value", which are bad; over whole columns
diagnose  one bad cell -> why it is bad, for the message
arrow     cells and their Column -> Arrow array
write     Arrow array -> cells of a fixed field; raises DoesNotFit
spell     Arrow array -> cells of a delimited file, with their lengths; raises DoesNotFit
fits      Arrow array -> which values can be written, without raising

Adding a base is copying the nearest one and naming it in `layout.BASES`.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType

from tracciati.layout import BASES
from tracciati.values.cells import Column

# Delimited cells of these bases are gathered right-aligned and filled with "0", all others left-aligned and with 0x00.
RIGHT_ALIGNED = frozenset({"integer", "decimal"})

__all__ = ["RIGHT_ALIGNED", "Column", "of"]


@cache
def of(base: str) -> ModuleType:
    """The module of a base, by its name in the layout."""
    assert base in BASES, f"no such base: {base}"
    return import_module(f"tracciati.bases.{base}")
