"""Pictures: a record as a ruler, with a box to scale for each field, and a record of a file under the same ruler.

Only places, in columns of the record; how wide a column is, the page says. A record longer than a strip goes on in the
next one; strips that would show one field and nothing else are left out, with their columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from tracciati.explain import RULER_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracciati.layout import Field, Record

# A record of so many columns is one strip, drawn a little smaller; a longer one is cut at every hundred.
COLUMNS_MAX = 120
# Columns that a letter of a box's text takes, with the box's own margin on both sides.
_LETTER, _MARGIN = 0.72, 0.8
# The same for the numbers below the boxes, which may touch the edges of their box.
_DIGIT, _GAP = 0.62, 0.35


@dataclass(frozen=True)
class Box:
    """A field's piece in a strip. `column` counts from 0 within the strip.

    text      what stands in the box: the name, as far as it fits, or a constant's own characters
    is_exact  `text` are characters of the file, one to a column
    number    the field's number in the table; "" in a piece that goes on from the strip before
    level     0 for a number right below its box, 1 and 2 for one that had to go further down
    tone      0 and 1 in turn, so that fields that stand side by side are told apart; 2 for a filler
    """

    column: int
    width: int
    text: str
    is_exact: bool
    number: str
    level: int
    tone: int


LeftOut = Literal["", "goes_on", "blank"]


@dataclass(frozen=True)
class Strip:
    """Columns `first` to `last` (from 1) of a record.

    text      the record's own characters, one to a column; "" in the picture of a record type
    boxes     none in a strip that is left out
    levels    how many lines the numbers below the boxes take
    left_out  why it is: one field goes on throughout, or a record of a file is blank there
    """

    first: int
    last: int
    text: str
    boxes: tuple[Box, ...]
    levels: int = 0
    left_out: LeftOut = ""


def of_record(record: Record) -> tuple[Strip, ...]:
    """The picture of a record type of a fixed layout."""
    length = record.length
    return _strips([one for one in enumerate(record.fields, 1) if one[1] in record.apart], length, "")


def of_text(text: str, fields: Sequence[tuple[int, Field]]) -> tuple[Strip, ...]:
    """The picture of a record of a file, one character to a byte. fields: those that it has, with their numbers."""
    return _strips(fields, len(text), text)


def _strips(fields: Sequence[tuple[int, Field]], length: int, text: str) -> tuple[Strip, ...]:
    strips: list[Strip] = []
    size = length if length <= COLUMNS_MAX else RULER_COLUMNS
    for start in range(0, length, max(1, size)):
        stop = min(length, start + size)
        shown = text[start:stop]
        boxes = _boxes(fields, start, stop, is_named=not text)
        left_out = _left_out(shown, boxes)
        if not left_out:
            levels = 0 if text else 1 + max((box.level for box in boxes if box.number), default=-1)
            strips.append(Strip(start + 1, stop, shown, boxes, levels))
        elif strips and strips[-1].left_out:
            strips[-1] = replace(strips[-1], last=stop)
        else:
            strips.append(Strip(start + 1, stop, "", (), left_out=left_out))
    return tuple(strips)


def _left_out(text: str, boxes: tuple[Box, ...]) -> LeftOut:
    if text:
        return "" if text.strip() else "blank"
    return "goes_on" if len(boxes) == 1 and not boxes[0].number and not boxes[0].is_exact else ""


def _boxes(fields: Sequence[tuple[int, Field]], start: int, stop: int, *, is_named: bool) -> tuple[Box, ...]:
    boxes: list[Box] = []
    taken = [float("-inf")] * 3  # how far the numbers of each line reach
    for number, field in fields:
        column, end = max(field.start, start), min(field.stop, stop)
        if column >= end:
            continue
        width = end - column
        is_exact = is_named and field.base == "const"
        text = field.value[column - field.start : end - field.start] if is_exact else field.name if is_named else ""
        if not is_exact and len(text) * _LETTER + _MARGIN > width:
            text = ""
        shown = str(number) if field.start >= start else ""
        size, middle = len(shown) * _DIGIT + _GAP, column - start + width / 2
        level = next((line for line in range(3) if taken[line] <= middle - size / 2), 2)
        if shown:
            taken[level] = middle + size / 2
        tone = 2 if field.base == "filler" else number % 2
        boxes.append(Box(column - start, width, text, is_exact, shown, level, tone))
    return tuple(boxes)
