"""Verbs: what a module of `tracciati.bases` offers, all but `diagnose`, where several bases have it alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pyarrow as pa

from tracciati.values.cells import Bytes, Column, Flags


class Verbs(NamedTuple):
    """What the bases of one kind have alike, under the names that a base has: see `tracciati.bases`."""

    read: Callable[..., Column]
    arrow: Callable[..., pa.Array]
    write: Callable[..., Bytes]
    spell: Callable[..., pa.StringArray]
    fits: Callable[..., Flags]
