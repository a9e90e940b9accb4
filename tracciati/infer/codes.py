"""Codes: small sets of values, and those of two that say yes and no."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracciati.infer.tables import Cells

# The most codes, each so often at least, of so many records for each; the longest code.
_MOST, _EACH, _RECORDS_EACH, _LONGEST = 12, 3, 10, 8
# Share of values that are there once which may be mistakes, where each of the others is there so often.
_ONCE_SHARE, _OFTEN = 0.02, 10
# Yes and no.
_PAIRS = (("S", "N"), ("SI", "NO"), ("Y", "N"), ("YES", "NO"), ("V", "F"), ("T", "F"), ("true", "false"), ("J", "N"))
_TWO_OF = 10


def listed(texts: list[bytes], counts: NDArray[np.int64], cells: Cells) -> dict[str, str] | None:
    """Code -> how often it was seen, where there are few and each often enough; None otherwise.

    >>> listed([b"A", b"B"], np.array([30, 12]), Cells(np.zeros((42, 1), np.uint8)))
    {'A': 'seen 30 times', 'B': 'seen 12 times'}
    """
    total = int(counts.sum())
    once = int(np.count_nonzero(counts == 1))
    if 0 < once <= _ONCE_SHARE * total and int(counts[counts > 1].min(initial=_OFTEN)) >= _OFTEN:
        return listed(texts[: len(texts) - once], counts[: len(texts) - once], cells)  # mistakes, as it seems
    if not 2 <= len(texts) <= _MOST or total < _RECORDS_EACH * len(texts) or int(counts.min()) < _EACH:
        return None
    if max(len(text) for text in texts) > _LONGEST:
        return None
    shown = [text.decode("latin-1") for text in texts]
    if not all(text.isascii() and text.isalnum() and text == text.strip() for text in shown):
        return None
    if cells.lengths is None and any(text.isdigit() and set(text) == {"0"} for text in shown):
        return None
    return {text: f"seen {count} times" for text, count in sorted(zip(shown, counts.tolist(), strict=True))}


def boolean(cells: Cells, texts: list[bytes], counts: NDArray[np.int64]) -> dict[str, object] | None:
    """`yes` and `no`, where both of a known pair were seen often enough and nothing else."""
    if len(texts) != 2 or int(counts.sum()) < _TWO_OF or int(counts.min()) < 2:
        return None
    shown = {text.decode("latin-1") for text in texts}
    for yes, no in _PAIRS:
        if shown == {yes, no}:
            return {"yes": yes, "no": no}
    return None
