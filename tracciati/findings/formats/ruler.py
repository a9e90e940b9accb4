"""Ruler: a record's picture in pieces of ten bytes, each to be set under its number; pieces wrap as words do.

So a record of any length is shown whole on a screen of any width, and a copy on paper cuts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracciati.findings.catalogue import Severity
    from tracciati.findings.pictures import Picture

# Bytes of a piece: its number is that of its last byte.
PIECE = 10
_WORST: tuple[Severity, ...] = ("waived", "warning", "error")


@dataclass(frozen=True)
class Mark:
    """Wrong bytes: the first one's column (from 1), how many (0: something is missing before it), and how bad."""

    first: int
    length: int
    severity: Severity


@dataclass(frozen=True)
class Run:
    """Bytes of one field that are drawn alike.

    width       bytes that it takes, where it is one character of several; 0 where each character is one byte
    is_first    the field begins here
    shade       fields are shaded in turns, 0 and 1; -1 between fields, or where they are not known
    severity    "" when nothing is wrong with it
    is_missing  not bytes, but the place where some are missing
    """

    text: str
    width: int
    is_first: bool
    shade: int
    severity: str
    is_missing: bool = False

    @property
    def look(self) -> str:
        """The words by which the page's style knows it; "" for the plain half of the bytes."""
        return " ".join(
            word for word in ("shaded" if self.shade == 1 else "", "first" if self.is_first else "") if word
        )


@dataclass(frozen=True)
class Piece:
    """Ten bytes, or the last few, from column `first` on; `number` is that of the tenth, 0 where it is not reached."""

    first: int
    number: int
    length: int
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class _Byte:
    glyph: str
    is_first: bool
    shade: int
    severity: str

    @property
    def look(self) -> tuple[int, str]:
        return self.shade, self.severity


def pieces(picture: Picture, marks: Sequence[Mark]) -> list[Piece]:
    """The picture under its numbers, with the marks in it. The first piece may be short: numbers are whole tens."""
    missing: dict[int, Severity] = {}
    for mark in marks:
        if not mark.length and picture.first <= mark.first <= picture.stop:
            missing[mark.first] = worst(missing.get(mark.first, "waived"), mark.severity)
    columns = list(_bytes(picture, marks))
    found: list[Piece] = []
    start = picture.first
    while start < picture.stop or not found:
        stop = min(picture.stop, (start - 1) // PIECE * PIECE + PIECE + 1)
        of_piece = {column: missing.pop(column) for column in sorted(missing) if start <= column < stop}
        if stop == picture.stop and stop in missing:
            of_piece[stop] = missing.pop(stop)
        inner = columns[start - picture.first : stop - picture.first]
        number = stop - 1 if stop - 1 >= start and (stop - 1) % PIECE == 0 else 0
        found.append(Piece(start, number, stop - start, tuple(_runs(inner, start, of_piece))))
        start = max(stop, start + 1)
    return found


def worst(one: Severity, other: Severity) -> Severity:
    """The worse of two severities."""
    return max(one, other, key=_WORST.index)


def _bytes(picture: Picture, marks: Sequence[Mark]) -> Iterator[_Byte]:
    count = len(picture.glyphs)
    shades, firsts, severities = [-1] * count, [False] * count, [""] * count
    for place, cell in enumerate(picture.cells):
        for index in range(max(0, cell.first - picture.first), min(count, cell.first + cell.length - picture.first)):
            shades[index] = place % 2
        if cell.length and 0 <= cell.first - picture.first < count:
            firsts[cell.first - picture.first] = True
    for severity in _WORST:  # the worst comes last, and stays
        for mark in marks:
            if mark.severity == severity:
                start = max(0, mark.first - picture.first)
                stop = max(start, min(count, mark.first + mark.length - picture.first))
                severities[start:stop] = [severity] * (stop - start)
    for glyph, is_first, shade, severity_text in zip(picture.glyphs, firsts, shades, severities, strict=True):
        yield _Byte(glyph, is_first, shade, severity_text)


def _runs(inner: list[_Byte], start: int, missing: dict[int, Severity]) -> Iterator[Run]:
    """Bytes that look alike as one run; a character of several bytes, and a place between bytes, by itself."""
    cuts = {column - start for column in missing}
    place = 0
    parts: list[list[_Byte]] = []
    for place, byte in enumerate(inner):
        is_wide = place + 1 < len(inner) and not inner[place + 1].glyph
        alike = (
            place > 0
            and not byte.is_first
            and place not in cuts
            and byte.look == inner[place - 1].look
            and (not byte.glyph or not (is_wide or (parts and not parts[-1][-1].glyph)))
        )
        if alike:
            parts[-1].append(byte)
        else:
            parts.append([byte])
    column = start
    for part in parts:
        if column in missing:
            yield _missing(missing.pop(column))
        text = "".join(byte.glyph for byte in part)
        first = part[0]
        yield Run(text, len(part) if len(text) != len(part) else 0, first.is_first, first.shade, first.severity)
        column += len(part)
    for column in sorted(missing):
        yield _missing(missing[column])


def _missing(severity: Severity) -> Run:
    return Run("", 0, False, -1, severity, is_missing=True)


def spoken(picture: Picture) -> str:
    """The record's text, for who hears it."""
    return "".join(picture.glyphs)


def texts(picture: Picture, marks: Sequence[Mark]) -> Iterator[tuple[Mark, str]]:
    """Each mark once, in the order of the record, with the text it is about."""
    for (first, length), same in groupby(
        sorted(marks, key=lambda mark: (mark.first, mark.length)), key=lambda mark: (mark.first, mark.length)
    ):
        start = max(0, first - picture.first)
        yield next(same), "".join(picture.glyphs[start : max(start, first + length - picture.first)])
