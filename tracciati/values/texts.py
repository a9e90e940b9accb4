"""Texts: what the bases that are text share. Empty cells, null texts, code lists and encodings, over whole columns."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tracciati.values import spelling, strings
from tracciati.values.cells import (
    Bytes,
    Column,
    Flags,
    Lengths,
    Words,
    constant_words,
    either,
    equal,
    has_high_bytes,
    words,
)
from tracciati.values.spelling import Checked
from tracciati.wording import counted

if TYPE_CHECKING:
    from tracciati.layout import Field


def nulls(
    cells: Bytes, cell_words: list[Words], field: Field, lengths: Lengths | None, codec: str, *, blank: bool = True
) -> Flags | None:
    """Which cells are empty or one of the field's null texts: bool (n,), or None when none is.

    blank  do blanks, or padding throughout, mean empty? (Delimited cells are empty when their length is 0.)
    """
    width = cells.shape[1]
    found: Flags | None = None
    if lengths is not None:
        found = None if lengths.all() else lengths == 0
    elif blank:
        found = equal(cell_words, b" " * width)
        if field.pad != " ":
            found = either(found, equal(cell_words, field.pad.encode("latin-1") * width))
    for text in field.null:
        raw = text.encode(codec)
        if not raw or len(raw) > width:
            continue
        same = equal(cell_words, padded(raw, field, width, delimited=lengths is not None))
        if same is not None and lengths is not None:
            same &= lengths == len(raw)
        found = either(found, same)
    return found


def padded(raw: bytes, field: Field, width: int, *, delimited: bool) -> bytes:
    """The text as the field's cell has it: filled to the width (delimited cells are filled with 0x00 when read)."""
    if delimited:
        return raw.ljust(width, b"\0")
    pad = field.pad.encode("latin-1")
    return raw.rjust(width, pad) if field.align == "right" else raw.ljust(width, pad)


def not_in_codes(cell_words: list[Words], field: Field, width: int, *, delimited: bool, codec: str) -> Flags | None:
    """Which cells hold none of the field's codes: bool (n,), or None when all do."""
    assert field.codes
    pad = "\0" if delimited else field.pad
    keys, code_words = _code_table(tuple(field.codes), width, field.align, pad, codec)
    if not len(keys):
        return np.ones(len(cell_words[0]), np.bool_)
    place = np.searchsorted(keys, _mixed(cell_words))
    place[place == len(keys)] = 0
    known = np.ones(len(place), np.bool_)
    for column, column_codes in zip(cell_words, code_words, strict=True):
        known &= column_codes.take(place) == column
    return None if known.all() else ~known


def _mixed(cell_words: list[Words]) -> Words:
    """One word per cell that stands for all of its words: a hit is always compared with the words themselves."""
    mixed = cell_words[0]
    for column in cell_words[1:]:
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15) + column
    return mixed


@cache
def _code_table(codes: tuple[str, ...], width: int, align: str, pad: str, codec: str) -> tuple[Words, list[Words]]:
    """Keys of the codes, sorted, and the codes' words in that order."""
    raws = [code.encode(codec) for code in codes]
    fill = pad.encode("latin-1")
    cells = [
        raw.rjust(width, fill) if align == "right" and pad != "\0" else raw.ljust(width, fill)
        for raw in raws
        if len(raw) <= width
    ]
    columns = [np.array(column, np.uint64) for column in zip(*(constant_words(cell) for cell in cells), strict=True)]
    if not columns:
        return np.empty(0, np.uint64), []
    keys = _mixed(columns)
    order = np.argsort(keys, kind="stable")
    assert len(np.unique(keys)) == len(keys) or len(set(cells)) < len(cells), "two codes share a key"
    return keys[order], [column[order] for column in columns]


def not_decodable(cells: Bytes, cell_words: list[Words], codec: str) -> Flags | None:
    """Which cells have bytes that are no characters in the codec: bool (n,), or None when none has."""
    if not has_high_bytes(cell_words):
        return None
    name = codecs.lookup(codec).name
    if name != "utf-8":
        invalid = invalid_bytes(name)
        if not invalid.any():
            return None
        return any_of(invalid.take(cells))
    return _not_utf8(cells, cell_words)


def _not_utf8(cells: Bytes, cell_words: list[Words]) -> Flags | None:
    seen = cell_words[0].copy()
    for column in cell_words[1:]:
        seen |= column
    rows = np.flatnonzero(seen & np.uint64(0x8080808080808080))
    suspects = np.ascontiguousarray(cells[rows])
    if _is_utf8(suspects):
        return None
    # Halving finds the few bad rows among the many that merely have accents.
    pending = [(0, len(rows))]
    wrong: list[int] = []
    while pending:
        first, stop = pending.pop()
        if _is_utf8(suspects[first:stop]):
            continue
        if stop - first == 1:
            wrong.append(first)
        else:
            middle = (first + stop) // 2
            pending += [(first, middle), (middle, stop)]
    bad = np.zeros(len(cells), np.bool_)
    bad[rows[wrong]] = True
    return bad


def _is_utf8(cells: Bytes) -> bool:
    """Is each cell by itself valid UTF-8? (Arrow checks value by value: a character may not cross two cells.)"""
    count, width = cells.shape
    offsets = np.arange(count + 1, dtype=np.int64) * width
    try:
        pa.LargeStringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(cells)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


@cache
def invalid_bytes(codec: str) -> NDArray[np.bool_]:
    """By byte: is it no character in this single-byte codec?"""
    table = np.zeros(256, np.bool_)
    for byte in range(256):
        try:
            bytes([byte]).decode(codec)
        except UnicodeDecodeError:
            table[byte] = True
    return table


def all_words(cells: Bytes) -> list[Words]:
    """The words of the cells; a column without width (all cells empty) has one word of zeros."""
    return words(cells) or [np.zeros(len(cells), np.uint64)]


def checked(cells: Bytes, good: Flags, field: Field, lengths: Lengths | None, codec: str) -> Column:
    """The Column of a base with check characters: what is not good is null or bad."""
    null: Flags | None = None
    if field.null and any(text.strip() for text in field.null) or not good.all():
        # Only what fails the check can be empty, unless a null text passes it: the layout may list zeros or nines.
        null = nulls(cells, all_words(cells), field, lengths, codec)
    bad = ~good if null is None else ~(good | null)
    return Column(None, null, bad if bad.any() else None)


def with_control_characters(cells: Bytes, cell_words: list[Words], lengths: Lengths | None) -> Flags | None:
    """Which cells hold bytes below the blank: bool (n,), or None when none does.

    Delimited cells may hold tabs and line breaks: inside quotes they are text.
    """
    if lengths is None:
        found: Flags | None = None
        for column in cell_words:
            # A byte below 0x20 borrows from its top bit; narrow cells are filled up with blanks first.
            x = column | _blanks_above(cells.shape[1])
            low = (x - _BLANKS) & ~x & _TOP_BITS
            if low.any():
                found = either(found, low != 0)
        return found
    low_counts = (cells < ord(" ")).sum(axis=1, dtype=np.int32)
    if np.array_equal(low_counts, cells.shape[1] - lengths):
        return None  # only what fills the cells up
    return any_of(_CONTROLS.take(cells) & (np.arange(cells.shape[1]) < lengths[:, None]))


def any_of(flags: Flags) -> Flags | None:
    """Rows of an n x width table in which any flag is set; None when no row has one."""
    rows: Flags = np.logical_or.reduce(flags, axis=1)
    return rows if rows.any() else None


_BLANKS = np.uint64(0x2020202020202020)
_TOP_BITS = np.uint64(0x8080808080808080)
_CONTROLS = np.arange(256) < ord(" ")
_CONTROLS[[ord("\t"), ord("\n"), ord("\r")]] = False


@cache
def _blanks_above(width: int) -> np.uint64:
    return np.uint64(0 if width >= 8 else int.from_bytes(b"\0" * width + b" " * (8 - width), "little"))


def too_long(lengths: Lengths | None, field: Field) -> Flags | None:
    """Which delimited cells are longer than the layout allows: bool (n,), or None when none is."""
    if lengths is None or field.length is None:
        return None
    found = lengths > field.length
    return found if found.any() else None


def checked_text(
    column: pa.StringArray, field: Field, codec: str, *, delimited: bool, has_blank: bool = True
) -> Checked:
    """Check strings that are to be written: their bytes, their length, the code list, and that they read back.

    has_blank  can a fixed field say "no value" by being blank?
    """
    raw, not_encodable = strings.encoded(column, codec)
    null = spelling.nulls(column)
    misfits = [
        *spelling.missing(null, field, has_spelling=delimited or has_blank or bool(field.null)),
        *spelling.misfit(not_encodable, f"{{value}} has characters that {codec} does not have"),
    ]
    if field.length is not None:
        long = strings.byte_lengths(raw) > field.length
        misfits += spelling.misfit(long, f"{{value}} is longer than the field's {counted(field.length, 'byte')}")
    misfits += spelling.misfit(strings.with_controls(column, line_breaks=delimited), "{value} has control characters")
    misfits += _misread(column, field, delimited=delimited)
    return Checked(raw, null, tuple(misfits))


class Verbs(NamedTuple):
    """How a base whose cells are texts writes them, under the names that a base has: see `tracciati.bases`."""

    write: Callable[..., Bytes]
    spell: Callable[..., pa.StringArray]
    fits: Callable[..., Flags]


def verbs(checked: Callable[..., Checked]) -> Verbs:
    """The verbs of such a base, from its own check of a column: (values, field, codec, delimited=...) -> Checked."""

    def write(values: pa.Array, field: Field, codec: str = "ascii", *, path: str = "") -> Bytes:
        """Make the cells of a fixed field: uint8 (n, field.length).

        values  strings, or what the base says that it takes beside them
        path    `record.field`, for messages

        Raises DoesNotFit, naming the first row, rather than write something else than the value.
        """
        found = checked(values, field, codec, delimited=False)
        spelling.refuse(found, values, field, path)
        return cells(found, field)

    def spell(values: pa.Array, field: Field, codec: str = "ascii", *, path: str = "") -> pa.StringArray:
        """Make the cells of a delimited column: strings in the file's encoding, null where there is no value.

        Raises DoesNotFit as `write` does.
        """
        found = checked(values, field, codec, delimited=True)
        spelling.refuse(found, values, field, path)
        return found.values

    def fits(values: pa.Array, field: Field, codec: str = "ascii", *, delimited: bool = False) -> Flags:
        """Which values can be written: bool (n,). Raises DoesNotFit only for a column of a type that never fits."""
        return spelling.fits(checked(values, field, codec, delimited=delimited), values, field)

    return Verbs(write, spell, fits)


def _misread(column: pa.StringArray, field: Field, *, delimited: bool) -> list[spelling.Misfit]:
    """Values that whoever reads the file would refuse, or take for no value. An empty text is no value."""
    misfits: list[spelling.Misfit] = []
    if field.codes:
        known = spelling.is_one_of(column, (*field.codes, ""))
        if not known.all():
            misfits += spelling.misfit(
                ~known & np.asarray(column.is_valid()), "{value} is not in the field's list of codes"
            )
    if field.null:
        written = field.null if delimited else tuple(text.strip(field.pad) for text in field.null)
        absent = spelling.is_one_of(column, tuple(text for text in written if text))
        misfits += spelling.misfit(absent, "{value} would be read back as no value")
    return misfits


def cells(checked: Checked, field: Field) -> Bytes:
    """The cells of a fixed field. Rows without value get the first null text, or padding when there is none."""
    values = checked.values
    if field.null and checked.null is not None:
        values = pc.fill_null(values, field.null[0])
    return strings.to_cells(values, field)
