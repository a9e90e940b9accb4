"""Keys: the rows of a table by their keys, found for thousands of requests at once. Pure."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cominflow.text_hash import hashes


class Keys:
    """The keys of a table, row by row; a row whose key is null is nobody's.

    pandas looks up 64 bits of each text, which is ten times as fast as the texts themselves and needs no object for
    each; what it finds is then compared as text. Where two keys of the table share these bits, texts are looked up.
    """

    def __init__(self, keys: pa.StringArray) -> None:
        self._keys = keys
        self._rows = np.flatnonzero(np.asarray(keys.is_valid()))
        self._index: pd.Index[int] = pd.Index(hashes(keys)[self._rows])

    @cached_property
    def repeated(self) -> list[str]:
        """Keys that stand in more than one row."""
        if self._index.is_unique:
            return []
        counts = pc.value_counts(self._keys.drop_null())
        found: list[str] = counts.filter(pc.greater(counts.field("counts"), 1)).field("values").to_pylist()
        return found

    def places(self, asked: pa.StringArray) -> NDArray[np.int64]:
        """The row of each key that is asked for: int64 (n,), -1 where there is none, or the key is null."""
        assert not self.repeated, "nobody can say which row is meant"
        if self._index.is_unique:
            found = np.asarray(self._index.get_indexer(hashes(asked)), dtype=np.int64)
        else:
            found = np.asarray(self._texts.get_indexer(asked.to_numpy(zero_copy_only=False)), dtype=np.int64)
        rows = np.where(found < 0, -1, self._rows[found]) if len(self._rows) else found
        theirs = self._keys.take(pa.array(rows, mask=rows < 0))
        is_same = np.asarray(pc.fill_null(pc.equal(theirs, asked), False))
        return np.where(is_same, rows, -1)

    @cached_property
    def _texts(self) -> pd.Index[str]:
        return pd.Index(self._keys.drop_null().to_numpy(zero_copy_only=False), dtype=object)
