"""Dialects: which delimiter and which quotes cut the samples into tables, if any do."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tracciati.framing import LINE_FEED, Continues, delimited
from tracciati.framing.delimited import CellFrame
from tracciati.infer.samples import Bytes, Samples
from tracciati.layout import Dialect, FileForm
from tracciati.limits import BLOCK_BYTES
from tracciati.wording import counted

# Bytes from the beginning of each sample that dialects are tried on.
_TRIED_BYTES = 200_000
_DELIMITERS, _QUOTES = (";", "|", "\t", ",", "^", "~"), ('"', "'")
_SURE = 0.9


@dataclass(frozen=True)
class Chosen:
    """A dialect, how many columns most records have, the share of records that are as others of their kind, and whether
    its delimiter is no mark of ordinary text.
    """

    dialect: Dialect
    columns_count: int
    share: float
    is_sure: bool
    why: str


def found(samples: Samples, form: FileForm, *, must: bool) -> Chosen | None:
    """The dialect in which most records have the same columns; None where no delimiter is in most lines.

    must  a delimiter has to be chosen, whatever it is worth
    """
    tried = [best for one in _DELIMITERS if (best := _best_quote(samples, form, one))[1] > 1 or must]
    if not tried:
        return None
    # A mark of numbers and texts makes two cells of a line as well; what makes more of them is the delimiter.
    score, columns, dialect, quoted = max(
        tried, key=lambda one: (round(one[0] * (1 - 0.5 / max(one[1], 1)), 3), one[1])
    )
    if score < _SURE / 2 and not must:
        return None
    if not score:
        return Chosen(dialect, columns, score, False, "as it was said; no delimiter is in the lines")
    shown = "a tab" if dialect.delimiter == "\t" else dialect.delimiter
    why = (
        f"{shown} cuts {score:.0%} of the lines into as many cells as others of their kind ({counted(columns, 'cell')})"
    )
    return Chosen(dialect, columns, score, score >= _SURE and (dialect.delimiter != "," or quoted > 0), why)


def _best_quote(samples: Samples, form: FileForm, delimiter: str) -> tuple[float, int, Dialect, int]:
    """The quote with which fewest records are broken and most cells are quoted: (score, columns, dialect, quoted)."""
    found = []
    for quote in _quotes(samples):
        dialect = Dialect(delimiter, quote)
        score, columns, broken, quoted = _score(samples, replace(form, kind="delimited", dialect=dialect))
        found.append(((-broken, quoted), score, columns, dialect))
    (_, quoted), score, columns, dialect = max(found, key=lambda one: one[0])
    return round(score, 3), columns, dialect, quoted


def _quotes(samples: Samples) -> tuple[str, ...]:
    usual, other = ((samples.buffer[: 1 << 20] == ord(quote)).any() for quote in _QUOTES)
    return (_QUOTES[0], *(_QUOTES[1:] if other else ()), *(("",) if usual else ()))


def _score(samples: Samples, form: FileForm) -> tuple[float, int, int, int]:
    """Share of the records that have as many cells as most of those that begin like them; that number; broken ones; and
    how many cells are in quotes.
    """
    fitting = records = broken = quoted = 0
    quote = ord(form.dialect.quote or "\0")
    columns: list[NDArray[np.int64]] = []
    for index in range(len(samples.names)):
        part = samples.file(index)[:_TRIED_BYTES]
        if len(part) == _TRIED_BYTES and (part == LINE_FEED).any():
            part = part[: int(np.flatnonzero(part == LINE_FEED)[-1]) + 1]
        for frame in frames(part, form):
            if not len(frame):
                continue
            counts = frame.cell_counts
            broken += 0 if frame.broken is None else int(frame.broken.sum())
            records += len(frame)
            columns.append(counts)
            quoted += int(np.count_nonzero(frame.buffer[np.maximum(frame.cell_starts - 1, 0)] == quote))
            fitting += _fitting(frame, counts)
    if not records:
        return 0.0, 0, 0, 0
    most = int(np.bincount(np.concatenate(columns)).argmax())
    return max(0.0, (fitting - broken) / records), most, broken, quoted


def _fitting(frame: CellFrame, counts: NDArray[np.int64]) -> int:
    """How many records have more than one cell, and one of the two numbers that are frequent for their first cell."""
    first, _ = frame.cells(np.arange(len(frame)), 0, right=False, width_max=8)
    keys, kinds = np.unique(first, axis=0, return_inverse=True)
    if len(keys) > max(8, len(frame) // 8):
        kinds = np.zeros(len(frame), np.int64)
    table = np.zeros((int(kinds.max()) + 1, int(counts.max()) + 1), np.int64)
    np.add.at(table, (kinds.ravel(), counts), 1)
    table[:, :2] = 0
    return int(np.sort(table, axis=1)[:, -2:].sum())


def frames(buffer: Bytes, form: FileForm) -> list[CellFrame]:
    """All records of a file, block by block, header row included."""
    at, room = 0, BLOCK_BYTES
    continues: Continues = ""
    cut: list[CellFrame] = []
    while at < len(buffer):
        block = buffer[at : at + room]
        is_last = at + room >= len(buffer)
        one = delimited.frame(block, form, (), at_start=at == 0, is_last=is_last, continues=continues)
        assert isinstance(one, CellFrame), "delimited records have cells"
        if not len(one.buffer):
            room *= 2
            continue
        cut.append(one)
        at, continues, room = at + len(one.buffer), one.continues, BLOCK_BYTES
    return cut
