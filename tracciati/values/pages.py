"""Pages: cells of EBCDIC files, as the bases read and write them.

Every base knows blanks, digits, signs and letters by their places in ASCII. So the cells of an EBCDIC file are turned,
byte for byte, into an order in which ASCII's characters stand in their places, and back when they are written. Cells
that are no text (`RAW`) are left as they are. A zoned number needs no more: its digits become digits, and the zones of
its sign become the letters that `sign = "overpunch"` reads, whatever national letters the page has in their places.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tracciati import encodings

if TYPE_CHECKING:
    from tracciati.layout import Field
    from tracciati.values.cells import Bytes

# Bases whose cells are numbers in binary, in whatever encoding the texts beside them are.
RAW = frozenset({"packed", "binary"})

_NUMBERS = frozenset({"integer", "decimal"})
_LATIN_1 = "iso8859-1"
_SUBSTITUTE = 0x1A


class Page(NamedTuple):
    """One encoding: the codec of cells once they are opened, and tables from byte to byte, uint8 (256,)."""

    inner: str
    opening: Bytes
    closing: Bytes


def inner(codec: str) -> str:
    """The codec that opened cells are in: the file's own, but for EBCDIC."""
    page = _page(codec)
    return codec if page is None else page.inner


def opened(cells: Bytes, field: Field, codec: str) -> Bytes:
    """Cells of a file, uint8 of any shape, as the field's base reads them."""
    page = _page(_codec_of(field, codec))
    return cells if page is None or field.base in RAW else page.opening.take(cells)


def closed(cells: Bytes, field: Field, codec: str) -> Bytes:
    """Cells that the field's base has written, uint8 of any shape, as the file has them."""
    page = _page(_codec_of(field, codec))
    return cells if page is None or field.base in RAW else page.closing.take(cells)


def _codec_of(field: Field, codec: str) -> str:
    """Zones stand where cp037 has its braces and letters, on every page."""
    return "cp037" if codec in encodings.EBCDIC and field.base in _NUMBERS else codec


@cache
def _page(codec: str) -> Page | None:
    if codec not in encodings.EBCDIC:
        return None
    characters = encodings.characters(codec)
    own = {character: place for place, character in enumerate(characters)}
    # Where Latin-1 has it; what Latin-1 lacks (the euro) takes the place of what the page lacks.
    ours = [chr(place) if chr(place) in own else "" for place in range(256)]
    others = iter([character for character in characters if ord(character) > 255])
    order = "".join(character or next(others) for character in ours)
    name = _LATIN_1
    if order != encodings.characters(_LATIN_1):
        name = f"{codec}_in_the_order_of_ascii"
        encodings.register(name, order)
    place_in = {character: place for place, character in enumerate(order)}
    opening = np.array([_opened(character, place_in[character]) for character in characters], np.uint8)
    closing = np.array([own[character] for character in order], np.uint8)
    return Page(name, opening, closing)


def _opened(character: str, place: int) -> int:
    """Of the many control characters of EBCDIC, those that ASCII lacks are one that no text may have."""
    return _SUBSTITUTE if "\x7f" <= character <= "\x9f" else place
