"""Boundaries: where one field of a fixed record ends and the next begins.

What is certain bounds its neighbours (`anchors`). Between those, a boundary stands where columns of digits and of other
characters meet, where text begins after the blanks that filled the field before, where zeros that fill a number follow
upon other digits, and where columns that never change meet those that do. Blanks behind a text whose values are of
different lengths belong to it, as far as nobody knows better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracciati.infer import anchors
from tracciati.infer.anchors import Anchor
from tracciati.infer.tables import Cells, Flags
from tracciati.layout import Base
from tracciati.values.signs import OVERPUNCHED

Shares = NDArray[np.float64]

# A column is of a class when so many of its bytes are, where there are enough records for single mistakes.
_SHARE, _MANY = 0.98, 50
# Share of the values beginning at a column that must have two blanks before them, and the rise of zeros at a number.
_GAP, _ZEROS, _ZEROS_FEW = 0.08, 0.35, 0.6
# A code with letters before its digits, and what may stand before an amount instead; records that show it.
_CODE_WIDTH, _ROWS = 16, 5
# The fewest digits that a sign belongs to; letters that are digits with a sign over them.
_SIGNED_WIDTH = 4
_PUNCHED = set("".join(OVERPUNCHED))
# Records from which on letters that never change are told from those that do.
_MANY_ROWS = 20
_CURRENCIES = (b"EUR", b"USD", b"GBP", b"CHF", b"ITL", b"BRL")


@dataclass(frozen=True)
class Span:
    """A field: [start, stop), and its base where that is known already."""

    start: int
    stop: int
    base: Base | None = None
    chance: float = 0.0
    is_counter: bool = False


@dataclass(frozen=True)
class _Columns:
    """Per column of a type's records: shares of blanks, zeros and digits, and what it is made of: b(lank), d, s.

    rows_count  records that were looked at; `blank` has those that differ
    """

    rows_count: int
    blank: NDArray[np.bool_]
    zeros: Shares
    digits: Shares
    is_blank: Flags
    filled: Shares
    constant: Flags
    kinds: list[str]


def found(
    cells: Cells,
    files: NDArray[np.int64],
    fixed: list[tuple[int, int]],
    known: list[Span],
    hints: Sequence[Anchor] = (),
) -> list[Span]:
    """The fields of one type's records, in order, covering all of them.

    cells  whole records, at most as many as are looked at
    fixed  the columns that tell the type: fields of their own
    known  spans that are certain already, as totals
    hints  what records of other types have
    """
    width = cells.width
    taken = sorted([*(Span(start, stop, "const") for start, stop in fixed), *known], key=lambda one: one.start)
    free = _between(taken, width)
    more = anchors.found(cells, free, files, hints)
    taken += [Span(one.start, one.stop, one.base, one.chance, one.is_counter) for one in more]
    taken.sort(key=lambda one: one.start)
    free = _between(taken, width)
    spans = list(taken)
    for start, stop in free:
        columns = _columns(cells, start, stop)
        cuts = [start, *(at for at in range(start + 1, stop) if _is_cut(columns, at, start, stop)), stop]
        pieces = [Span(one, other) for one, other in zip(cuts[:-1], cuts[1:], strict=True)]
        spans += _joined(_with_signs(pieces, cells, columns), columns)
    spans.sort(key=lambda one: one.start)
    return _with_prefixes(spans, cells, _columns(cells, 0, width)) if len(cells) >= _ROWS else spans


def _between(taken: list[Span], width: int) -> list[tuple[int, int]]:
    edges = [0, *(edge for one in taken for edge in (one.start, one.stop)), width]
    return [(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True) if start < stop]


def _columns(cells: Cells, start: int, stop: int) -> _Columns:
    """The columns, of those records that differ in the stretch: the same name ten times shows one boundary once."""
    part = np.ascontiguousarray(cells.cells[:, start:stop]).view(f"V{stop - start}").ravel()
    table = cells.cells[np.sort(np.unique(part, return_index=True)[1])]
    blank = table == 32
    digit = (table >= 48) & (table < 58)
    tolerance = _SHARE if len(table) >= _MANY else 1.0
    blanks, digits = blank.mean(axis=0), digit.mean(axis=0)
    filled = np.maximum(1 - blanks, 1e-9)
    is_blank = blanks >= (1.0 if len(table) < _MANY else 0.999)
    kinds = [
        "b" if none else "d" if share >= tolerance else "s"
        for none, share in zip(is_blank.tolist(), (digits / filled).tolist(), strict=True)
    ]
    constant: Flags = (table == table[0]).all(axis=0)
    zeros = (table == 48).mean(axis=0) / filled
    return _Columns(len(cells), blank, zeros, np.minimum(digits / filled, 1.0), is_blank, 1 - blanks, constant, kinds)


def _is_cut(columns: _Columns, at: int, start: int, stop: int) -> bool:
    """Does a field begin at that column?"""
    before, here = columns.kinds[at - 1], columns.kinds[at]
    if "b" in (before, here):
        if before == here or here == "b" or columns.constant[at]:
            return before != here and _is_end_of_blanks(columns, at, start)
        return _is_end_of_blanks(columns, at, start)
    if columns.rows_count >= _ROWS and columns.constant[at - 1] and columns.constant[at]:
        # What never changes has no boundaries inside but blanks, and long numbers or such as go on and change.
        return before != here and _is_number(columns, at if here == "d" else at - 1, start, stop)
    if before != here:
        return _is_other_class(columns, at, start, stop)
    return _is_new_number(columns, at, start, stop) if here == "d" else _is_new_text(columns, at)


def _is_number(columns: _Columns, at: int, start: int, stop: int) -> bool:
    """Is the column of a run of digits that is long, or not the same in all records?"""
    first = last = at
    while first > start and columns.kinds[first - 1] == "d":
        first -= 1
    while last + 1 < stop and columns.kinds[last + 1] == "d":
        last += 1
    return last - first + 1 >= 6 or not columns.constant[first : last + 1].all()


def _is_end_of_blanks(columns: _Columns, at: int, start: int) -> bool:
    """A blank column inside constant text is the gap between two words, not between two fields."""
    if columns.kinds[at - 1] != "b":
        following = at + 1 < len(columns.kinds) and columns.kinds[at + 1] == "b"
        return following or at + 1 >= len(columns.kinds) or not columns.constant[at - 1]
    is_single = at - 2 >= start and columns.kinds[at - 2] != "b"
    return not (is_single and columns.constant[at - 2] and columns.constant[at] and columns.kinds[at] == "s")


def _is_other_class(columns: _Columns, at: int, start: int, stop: int) -> bool:
    """Digits meet other characters: a boundary, but for digits within words and codes of few records."""
    low, high = sorted((columns.digits[at - 1], columns.digits[at]))
    if high - low < 0.6:
        return False
    step = 1 if columns.kinds[at] == "d" else -1
    place, length = at if step > 0 else at - 1, 0
    while start <= place < stop and columns.kinds[place] == "d":
        place, length = place + step, length + 1
    rows = len(columns.blank)
    first = at if step > 0 else place + 1
    if step > 0 and columns.filled[first + length - 1] < columns.filled[first] < 1:
        return False  # fewer and fewer values go on there: it is the end of a text
    sides = [side for side in (first - 1, first + length) if start <= side < stop]
    if (
        len(sides) == 2
        and all(columns.kinds[side] == "s" and columns.filled[side] == 1 for side in sides)
        and length < 5
    ):
        return False  # figures within a text that goes on
    return length >= (5 if rows < 3 else 3) or rows >= 8 or place in (start - 1, stop)


def _is_new_text(columns: _Columns, at: int) -> bool:
    """Text begins where two blanks stood before it: within a text there are single ones."""
    there = ~columns.blank[:, at]
    rows = int(there.sum())
    if not rows:
        return False
    before = columns.blank[there, at - 1]
    gap = before & columns.blank[there, at - 2] if at >= 2 else before
    count = int(gap.sum())
    if count >= min(2, rows) and count >= _GAP * rows:
        return True
    if len(columns.blank) < 8 or columns.filled[at - 1] < 1 or columns.filled[at] < 1:
        # A column that some have and others have not, after one that all have: an optional field.
        return bool(before.mean() >= 0.9 and rows >= 8 and not columns.constant[at - 1])
    if columns.constant[at - 1] == columns.constant[at] or len(columns.blank) < _MANY_ROWS:
        return False
    is_run = at >= 2 and bool(columns.constant[at - 2])
    return bool(columns.constant[at]) or is_run


def _is_new_number(columns: _Columns, at: int, start: int, stop: int) -> bool:
    """Digits follow upon digits: zeros that fill a number, other blanks, or a constant after what varies."""
    one, other = ~columns.blank[:, at - 1], ~columns.blank[:, at]
    rows = len(columns.blank)
    if (one != other).any():
        goes_on_right, goes_on_left = not (one & ~other).any(), not (other & ~one).any()
        if not (goes_on_right or goes_on_left):
            # A field that some have begins there, unless its values end here and there, as those of a text do.
            return at + 1 >= stop or bool((columns.blank[:, at + 1] == columns.blank[:, at]).all())
        after = columns.blank[:, at + 1] if at + 1 < stop else columns.blank[:, at]
        before = columns.blank[:, at - 2] if at - 2 >= start else columns.blank[:, at - 1]
        is_block = (after == columns.blank[:, at]).all() and (before == columns.blank[:, at - 1]).all()
        return bool(is_block)
    rise = columns.zeros[at] - columns.zeros[at - 1]
    run = at
    while run < stop and columns.kinds[run] == "d" and columns.zeros[run] >= columns.zeros[at] - 0.05:
        run += 1
    if rows < 3:
        return bool(rise > 0.9 and run - at >= 4)
    if rise >= (_ZEROS if rows >= _MANY_ROWS else _ZEROS_FEW):
        # Two zeros at the end are the cents of whole amounts.
        return run - at > 3 or (run < stop and columns.kinds[run] == "d")
    is_constant_now = columns.constant[at] and not columns.constant[at - 1] and columns.zeros[at] == 0
    return bool(rows >= _MANY_ROWS and is_constant_now)


def _with_prefixes(spans: list[Span], cells: Cells, columns: _Columns) -> list[Span]:
    """A few letters that never change before digits are the beginning of a code, as REF0001; a currency is not."""
    joined: list[Span] = []
    for span in spans:
        is_number = span.base is None or span.is_counter
        if joined and joined[-1].base is None and is_number and columns.kinds[span.start] == "d":
            one = joined[-1]
            letters = cells.cells[0, one.start : one.stop].tobytes()
            is_prefix = bool(columns.constant[one.start : one.stop].all()) and letters.isalpha() and letters.isupper()
            is_code = span.stop - one.start <= _CODE_WIDTH and not columns.blank[:, span.start : span.stop].any()
            if is_prefix and is_code and one.stop - one.start <= 4 and letters not in _CURRENCIES:
                joined[-1] = Span(one.start, span.stop)
                continue
        joined.append(span)
    return joined


def _with_signs(spans: list[Span], cells: Cells, columns: _Columns) -> list[Span]:
    """A column after digits that holds their sign belongs to them: + and -, or the last digit with a sign over it."""
    joined: list[Span] = []
    for span in spans:
        is_digits = bool(joined) and all(kind == "d" for kind in columns.kinds[joined[-1].start : joined[-1].stop])
        if is_digits and span.stop - span.start == 1 and joined[-1].stop - joined[-1].start >= _SIGNED_WIDTH:
            seen = {chr(byte) for byte in np.unique(cells.cells[:, span.start]).tolist()}
            is_punched = seen <= _PUNCHED and (bool(seen & {"{", "}"}) or len(seen) > 2)
            if is_punched or seen in ({"+", "-"}, {" ", "-"}):
                joined[-1] = Span(joined[-1].start, span.stop)
                continue
        joined.append(span)
    return joined


def _joined(spans: list[Span], columns: _Columns) -> list[Span]:
    """Blanks after a text of different lengths are the text's padding."""
    joined: list[Span] = []
    for span in spans:
        is_blank = all(kind == "b" for kind in columns.kinds[span.start : span.stop])
        if is_blank and joined and _is_ragged(joined[-1], columns):
            used = joined[-1].stop - joined[-1].start
            size = span.stop - span.start
            stop = span.stop if size <= 2 * used else span.start + used
            joined[-1] = Span(joined[-1].start, stop)
            if stop < span.stop:
                joined.append(Span(stop, span.stop))
            continue
        joined.append(span)
    return joined


def _is_ragged(span: Span, columns: _Columns) -> bool:
    """Do values of the span end at different columns?"""
    if columns.kinds[span.start] == "b" or span.stop - span.start < 2:
        return False
    blank = columns.blank[:, span.start : span.stop]
    there = ~blank.all(axis=1)
    if not there.any():
        return False
    if len(blank) < 3:
        return columns.kinds[span.stop - 1] == "s"
    return bool(blank[there, -1].any())
