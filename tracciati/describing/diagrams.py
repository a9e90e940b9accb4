"""Diagrams: a structure as a track that is followed from left to right, past one box for each record.

A part that may be absent has a way round above it, one that may come again a way back below, alternatives lie below one
another, and a group has a frame with its name. Lengths are in units of a tenth of a letter's height; x grows to the
right, y downwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracciati.plain.orders import Part

# The size of letters is 10, of which a letter's width is 6.02 in the fonts that are used.
_LETTER = 6.1
_HALF = 9.0  # of a box's height
_PAD, _GAP, _STEP = 6.0, 9.0, 8.0
# A page's width. A track that is longer is drawn smaller; below this share of its size nobody could read it.
WIDTH_MAX, SCALE_MIN = 635.0, 0.62


@dataclass(frozen=True)
class Label:
    """A box with a record's name, or a group's frame with the name at its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    text: str
    is_frame: bool


@dataclass(frozen=True)
class Diagram:
    """What is drawn: lines through points, boxes, and arrow heads (x, y, and 1 or -1 for right or left)."""

    width: float
    height: float
    lines: tuple[tuple[tuple[float, float], ...], ...]
    labels: tuple[Label, ...]
    arrows: tuple[tuple[float, float, int], ...]


@dataclass(frozen=True)
class _Size:
    """Room that a part takes: its width, and what lies above and below its track."""

    width: float
    above: float
    below: float


def diagram(part: Part) -> Diagram | None:
    """The structure's diagram; None when it would be too long to be read, or holds nothing but one record."""
    drawing = _Drawing()
    size = _size(part)
    width = size.width + 4 * _GAP
    if width * SCALE_MIN > WIDTH_MAX or part.kind == "record":
        return None
    track = size.above + 1
    drawing.line((0, track - 5), (0, track + 5))
    drawing.line((0, track), (2 * _GAP, track))
    drawing.draw(part, 2 * _GAP, track)
    drawing.line((2 * _GAP + size.width, track), (width, track))
    drawing.line((width, track - 5), (width, track + 5))
    lines, labels, arrows = tuple(drawing.lines), tuple(drawing.labels), tuple(drawing.arrows)
    return Diagram(round(width, 2), round(track + size.below + 1, 2), lines, labels, arrows)


def _size(part: Part) -> _Size:
    """The room of a part with its ways round and back."""
    inner = _size_once(part)
    if part.times == "one":
        return inner
    above = inner.above + (_STEP if part.times in ("optional", "any") else 0)
    below = inner.below + (_STEP if part.times in ("many", "any") else 0)
    return _Size(inner.width + 2 * _GAP, above, below)


def _size_once(part: Part) -> _Size:
    if part.kind == "record":
        return _Size(len(part.name) * _LETTER + 2 * _PAD, _HALF, _HALF)
    sizes = [_size(one) for one in part.parts]
    if part.kind == "choice":
        below = sizes[0].below + sum(size.above + size.below + _STEP for size in sizes[1:])
        return _Size(max(size.width for size in sizes) + 4 * _GAP, sizes[0].above, below)
    inside = _Size(
        sum(size.width for size in sizes) + _GAP * (len(sizes) - 1),
        max(size.above for size in sizes),
        max(size.below for size in sizes),
    )
    if part.kind == "series":
        return inside
    width = max(inside.width + 2 * _GAP, len(part.name) * _LETTER + _PAD)
    return _Size(width, inside.above + 16, inside.below + _STEP)


class _Drawing:
    """Gathers lines, boxes and arrow heads."""

    def __init__(self) -> None:
        self.lines: list[tuple[tuple[float, float], ...]] = []
        self.labels: list[Label] = []
        self.arrows: list[tuple[float, float, int]] = []

    def line(self, *points: tuple[float, float]) -> None:
        """A line through points."""
        self.lines.append(tuple((round(x, 2), round(y, 2)) for x, y in points))

    def draw(self, part: Part, x: float, y: float) -> None:
        """A part whose track enters at (x, y) and leaves at its right end, at the same height."""
        size, inner = _size(part), _size_once(part)
        end = x + size.width
        if part.times == "one":
            self._draw_once(part, x, y)
            return
        self.line((x, y), (x + _GAP, y))
        self.line((end - _GAP, y), (end, y))
        self._draw_once(part, x + _GAP, y)
        if part.times in ("optional", "any"):
            top = y - inner.above - _STEP + 2
            self.line((x + 2, y), (x + 2, top), (end - 2, top), (end - 2, y))
            self.arrows.append((round(x + size.width / 2, 2), round(top, 2), 1))
        if part.times in ("many", "any"):
            bottom = y + inner.below + _STEP - 2
            self.line((end - 5, y), (end - 5, bottom), (x + 5, bottom), (x + 5, y))
            self.arrows.append((round(x + size.width / 2, 2), round(bottom, 2), -1))

    def _draw_once(self, part: Part, x: float, y: float) -> None:
        size = _size_once(part)
        if part.kind == "record":
            self._label(x, y - _HALF, size.width, 2 * _HALF, part.name, is_frame=False)
        elif part.kind == "series":
            self._series(part, x, y)
        elif part.kind == "choice":
            self._choice(part, x, y, size)
        else:
            self._label(x, y - size.above, size.width, size.above + size.below - 2, part.name, is_frame=True)
            inside = sum(_size(one).width for one in part.parts) + _GAP * (len(part.parts) - 1)
            margin = (size.width - inside) / 2
            self.line((x, y), (x + margin, y))
            self._series(part, x + margin, y)
            self.line((x + size.width - margin, y), (x + size.width, y))

    def _series(self, part: Part, x: float, y: float) -> None:
        for place, one in enumerate(part.parts):
            if place:
                self.line((x, y), (x + _GAP, y))
                x += _GAP
            self.draw(one, x, y)
            x += _size(one).width

    def _choice(self, part: Part, x: float, y: float, size: _Size) -> None:
        end, level, before = x + size.width, y, 0.0
        for place, one in enumerate(part.parts):
            its = _size(one)
            level = y if place == 0 else level + before + its.above + _STEP
            before = its.below
            middle = x + (size.width - its.width) / 2
            if place == 0:
                self.line((x, y), (middle, y))
                self.line((middle + its.width, y), (end, y))
            else:
                self.line((x + _GAP, y), (x + _GAP, level), (middle, level))
                self.line((middle + its.width, level), (end - _GAP, level), (end - _GAP, y))
            self.draw(one, middle, level)

    def _label(self, x: float, y: float, width: float, height: float, text: str, *, is_frame: bool) -> None:
        self.labels.append(Label(round(x, 2), round(y, 2), round(width, 2), round(height, 2), text, is_frame))
