"""Numbers: integers, decimals and identifiers of digits: what fills them, where their mark and sign stand."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tracciati.infer.samples import Bytes
from tracciati.infer.tables import Cells, Flags
from tracciati.layout import Base
from tracciati.values.numerals import DIGITS_MAX
from tracciati.values.signs import OVERPUNCHED

Proposal = tuple[Base, dict[str, object], str]

# Share of a number's first digits that must be zero: an identifier has others there.
_LEADING_ZEROS = 0.5
# Share of the values that must be made of a number's characters; what is left contradicts it.
_SHARE = 0.9


def proposed(cells: Cells, values: Cells) -> Iterator[Proposal]:
    """The kinds of numbers that the cells could be, the most telling first.

    values  the cells that are not empty; at least one
    """
    if cells.lengths is not None:
        yield from _delimited(values)
        return
    figures = _digits(values.cells)
    blank = values.cells == 32
    null: dict[str, object] = {"null": [" " * cells.width]} if len(values) < len(cells) else {}
    if figures.all(axis=1).mean() >= _SHARE:
        yield from _filled(values, null)
    elif (figures | blank)[:, :-1].all(axis=1).mean() >= _SHARE and figures[:, -1].mean() >= _SHARE:
        if _is_gap_leading(figures, blank) and cells.width <= DIGITS_MAX:
            yield "integer", {"pad": " "}, "right, filled with blanks"
    elif (figures | blank).all(axis=1).mean() >= _SHARE:
        yield "digits", {"pad": " ", "align": "left"}, "digits, filled with blanks"
    yield from _signed(values, null)
    yield from _marked(values, null)


def _digits(table: Bytes) -> Flags:
    found: Flags = (table >= 48) & (table < 58)
    return found


def _is_gap_leading(figures: Flags, blank: Flags) -> bool:
    """Are the blanks of a row all before its digits?"""
    return bool((blank[:, 1:] <= blank[:, :-1]).all(axis=1).mean() >= _SHARE)


def _filled(values: Cells, null: dict[str, object]) -> Iterator[Proposal]:
    width = values.width
    first, last = values.cells[:, 0], values.cells[:, -1]
    leading = float((first == 48).mean())
    varies = len(values) < 3 or (last != last[0]).any() or leading == 1
    if width > 1 and leading >= _LEADING_ZEROS and varies and width <= DIGITS_MAX:
        is_zero = (values.cells == 48).all()
        yield "integer", dict(null), "always zero" if is_zero else "filled with zeros"
    yield "digits", dict(null), "digits throughout"


def _signed(values: Cells, null: dict[str, object]) -> Iterator[Proposal]:
    """A sign before or after the digits, or punched over the last one."""
    if not 2 <= values.width <= DIGITS_MAX + 1:
        return
    figures = _digits(values.cells)
    for place, rest, where in ((-1, figures[:, :-1], "trailing"), (0, figures[:, 1:], "leading")):
        seen = {chr(byte) for byte in np.unique(values.cells[:, place]).tolist()}
        plus = next((one for one in seen if one in "+ "), None)
        if rest.all(axis=1).mean() >= _SHARE and "-" in seen and plus is not None and len(seen) == 2:
            yield "integer", {"sign": where, "plus": plus, **null}, f"a sign is {where}"
    if figures[:, :-1].all(axis=1).mean() >= _SHARE and values.width <= DIGITS_MAX:
        last = np.unique(values.cells[~figures[:, -1], -1]).tolist()
        letters = {chr(byte) for byte in last}
        if letters <= set("".join(OVERPUNCHED)) and (len(letters) > 2 or letters & set("{}")):
            yield "integer", {"sign": "overpunch", **null}, "the last digit carries a sign"


def _marked(values: Cells, null: dict[str, object]) -> Iterator[Proposal]:
    for mark in ",.":
        at = np.unique(np.nonzero(values.cells == ord(mark))[1])
        if len(at) != 1 or not 0 < int(at[0]) < values.width - 1:
            continue
        scale = values.width - 1 - int(at[0])
        figures = _digits(values.cells)
        figures[:, at[0]] = True
        blank = values.cells == 32
        if values.width - 1 > DIGITS_MAX or scale > 6:
            continue
        if figures.all(axis=1).mean() >= _SHARE:
            yield "decimal", {"scale": scale, "mark": mark, **null}, f"{scale} decimals after a mark"
        elif (figures | blank).all(axis=1).mean() >= _SHARE:
            yield "decimal", {"scale": scale, "mark": mark, "pad": " "}, f"{scale} decimals after a mark"


def _delimited(values: Cells) -> Iterator[Proposal]:
    """Cells of a delimited file, filled with 0x00 behind their ends."""
    assert values.lengths is not None, "delimited cells have lengths"
    within = np.arange(values.width) < values.lengths[:, None]
    figures = _digits(values.cells)
    longest = int(values.lengths.max())
    if (figures | ~within).all(axis=1).mean() >= _SHARE:
        leading = (values.cells[:, 0] == 48) & (values.lengths > 1)
        if leading.any() or longest > DIGITS_MAX or (len(values) >= 10 and int(values.lengths.min()) == longest > 3):
            yield "digits", {}, "digits, zeros before them among them" if leading.any() else "digits, all as many"
        yield "integer", {}, "whole numbers"
        return
    texts = values.cells[:, 0]
    signed = {"sign": "leading"} if (texts == 45).any() else {}
    body = figures | ~within
    body[:, 0] |= (texts == 45) & (values.lengths > 1)
    if signed and body.all(axis=1).mean() >= _SHARE:
        yield "integer", dict(signed), "whole numbers, some below zero"
        return
    for mark in ",.":
        is_mark = (values.cells == ord(mark)) & within
        count = is_mark.sum(axis=1)
        behind = np.where(count == 1, values.lengths - 1 - is_mark.argmax(axis=1), 0)
        scale = int(np.bincount(behind[count == 1]).argmax()) if (count == 1).any() else 0
        is_number = (body | is_mark).all(axis=1) & (count == 1) & (behind == scale)
        if scale and scale <= 6 and is_number.mean() >= _SHARE and longest - 1 <= DIGITS_MAX:
            yield "decimal", {"digits": 18, "scale": scale, "mark": mark, **signed}, f"{scale} decimals after a mark"
