"""Classes: what kind of character each byte is, and how much it takes to say which stands where."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Symbols = NDArray[np.uint8]

BLANK, ZERO, DIGIT, UPPER, LOWER, MARK = range(6)


def _table() -> Symbols:
    table = np.full(256, MARK, np.uint8)
    table[0] = table[32] = BLANK
    table[48] = ZERO
    table[49:58] = DIGIT
    table[65:91] = UPPER
    table[97:123] = LOWER
    table[128:] = LOWER
    return table


OF_BYTE = _table()


def cost(symbols: Symbols, labels: NDArray[np.int64], kinds: int) -> float:
    """Bits to write a table of symbols (n, m) column by column when each row's label is known.

    A column costs its entropy within each label, and its parameters; a label costs a picture of its columns, run by
    run: a label that every row has for itself is dearer than what it explains.
    """
    rows, columns = symbols.shape
    alphabet = int(symbols.max()) + 1 if symbols.size else 1
    keys = (labels[:, None] * columns + np.arange(columns)) * alphabet + symbols
    counts = np.bincount(keys.ravel(), minlength=kinds * columns * alphabet).reshape(kinds, columns, alphabet)
    sizes = counts[:, 0, :].sum(axis=1).astype(np.float64)
    within = counts * np.log2(np.maximum(counts, 1))
    entropy = columns * float((sizes * np.log2(np.maximum(sizes, 1))).sum()) - float(within.sum())
    parameters = float((((counts > 0).sum(axis=2) - 1).sum(axis=1) * 0.5 * np.log2(sizes + 1)).sum())
    pictures = counts.argmax(axis=2)
    runs: NDArray[np.int64] = (np.diff(pictures, axis=1) != 0).sum(axis=1) + 1
    return float(entropy + parameters + float(runs.sum()) * RUN_BITS + kinds * LABEL_BITS)


# What one run of equal columns costs in a label's picture: where it ends, and its class. What a label costs besides.
RUN_BITS, LABEL_BITS = 4.0, 12.0
