"""Pictures: a whole record byte by byte, with the bounds of its fields, for whoever draws it under a ruler.

Made only where a reading was asked for them, for records that have a finding. Sensitive fields are masked here, so
that no drawing can forget it; one that is blank is shown as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracciati.limits import PICTURE_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MASK = "*"
_LOST = "�"
_BLANK = b" "


@dataclass(frozen=True)
class Cell:
    """A field of the record: `first` is the column of its first byte (from 1), `length` its bytes, 0 when empty."""

    name: str
    label: str
    first: int
    length: int


@dataclass(frozen=True)
class Picture:
    """A record byte by byte.

    glyphs    one for each byte: what it shows; "" where it goes on with the character before
    first     the column of the first glyph (from 1): not 1 where of a very long record only a part is shown
    length    bytes of the whole record
    cells     its fields in file order; empty where the record could not be cut into fields
    is_fixed  every record of this type has its fields in these columns
    """

    glyphs: tuple[str, ...]
    first: int
    length: int
    cells: tuple[Cell, ...]
    is_fixed: bool

    @property
    def stop(self) -> int:
        """The column after the last glyph."""
        return self.first + len(self.glyphs)


@dataclass(frozen=True)
class Span:
    """Where a field's bytes stand in the record, from 0, and whether they must not be shown."""

    name: str
    label: str
    start: int
    stop: int
    is_hidden: bool


def window(length: int, place: int) -> tuple[int, int]:
    """The part of a record of `length` bytes that is shown, so that the byte at `place` is in it: start and stop.

    >>> window(200, 30)
    (0, 200)
    """
    start = max(0, min(place - PICTURE_BYTES_MAX // 2, length - PICTURE_BYTES_MAX))
    return start, min(length, start + PICTURE_BYTES_MAX)


def picture(
    raw: bytes, spans: Iterable[Span], codec: str, *, shown: tuple[int, int], is_fixed: bool, is_hidden: bool
) -> Picture:
    """A record's picture.

    raw        the record's bytes, without separator
    spans      its fields in file order; what lies between them (delimiters, quotes) belongs to none
    shown      the part that is shown, as `window` gives it
    is_hidden  no byte outside of the spans may be shown
    """
    spans = tuple(spans)
    glyphs: list[str] = []
    place = 0
    for span in spans:
        glyphs += _glyphs(raw[place : span.start], codec, is_hidden=is_hidden)
        glyphs += _glyphs(raw[span.start : span.stop], codec, is_hidden=span.is_hidden)
        place = max(place, span.stop)
    glyphs += _glyphs(raw[place:], codec, is_hidden=is_hidden)
    cells = tuple(Cell(span.name, span.label, span.start + 1, span.stop - span.start) for span in spans)
    return Picture(tuple(glyphs[slice(*shown)]), shown[0] + 1, len(raw), cells, is_fixed)


def _glyphs(raw: bytes, codec: str, *, is_hidden: bool) -> Iterator[str]:
    """What each byte shows. A field is decoded by itself, as it is read: bytes are cut first."""
    if is_hidden and raw.strip(_BLANK):
        yield from MASK * len(raw)
        return
    text = raw.decode(codec, "surrogateescape")
    is_narrow = len(text) == len(raw)
    for character in text:
        if "\ud800" <= character <= "\udfff":
            yield _LOST
            continue
        yield character if character.isprintable() else "·"
        if not is_narrow:
            yield from [""] * (len(character.encode(codec)) - 1)
