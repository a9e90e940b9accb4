"""Diagnosis: why one bad cell is bad, and what was expected instead, in English and Italian.

Only cells that `read` called bad come here, one at a time; good cells cost nothing. The codes' own words are in
`catalogue`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from tracciati.layout import Field
from tracciati.values.signs import is_beside, punched_letters, width_of
from tracciati.wording import counted

CODES_SHOWN = 12
_PUNCHED = ("overpunch", "overpunch_leading")
_ENGLISH = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_ITALIAN = ("nessuna", "una", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove")
_MARKS = {",": ("a comma", "una virgola"), ".": ("a point", "un punto")}


class Diagnosis(NamedTuple):
    """A finding's code, the parameters of its catalogue text, and what was expected."""

    code: str
    params: Mapping[str, str]
    expected_en: str
    expected_it: str


def empty(field: Field) -> Diagnosis:
    """A required field without value."""
    return Diagnosis("TR-F201", {}, "a value", "un valore")


def too_long(cell: bytes, field: Field) -> Diagnosis | None:
    """A delimited cell longer than the layout allows."""
    if field.length is None or len(cell) <= field.length:
        return None
    return Diagnosis("TR-F214", {}, f"at most {counted(field.length, 'byte')}", f"al massimo {field.length} byte")


def not_text(cell: bytes, field: Field, codec: str) -> Diagnosis | None:
    """Bytes that are no text, or control characters, or too many of them; None when it is none of that."""
    try:
        text = cell.decode(codec)
    except UnicodeDecodeError:
        return Diagnosis("TR-F203", {}, f"text in {codec}", f"testo in {codec}")
    if any(character < " " for character in text):
        english, italian = "printable characters only", "solo caratteri stampabili"
        return Diagnosis("TR-F215", {}, english, italian)
    return too_long(cell, field)


def not_in_codes(field: Field) -> Diagnosis:
    """A text that the code list does not have."""
    codes = sorted(field.codes or {})
    shown = ", ".join(codes[:CODES_SHOWN]) + (", ..." if len(codes) > CODES_SHOWN else "")
    return Diagnosis("TR-F202", {}, f"one of {shown}", f"uno tra {shown}")


def check_character(right: str) -> Diagnosis:
    """A number whose check character should have been another one."""
    return Diagnosis("TR-F221", {}, f"the check digit {right}", f"la cifra di controllo {right}")


def not_digits(cell: bytes, field: Field) -> Diagnosis | None:
    """Something that is not a run of digits, or one that stands wrong; None when it is a run of digits."""
    if (problem := too_long(cell, field)) is not None:
        return problem
    english, italian = _digits(field)
    inner = cell.strip(b" ")
    if cell.isdigit() or inner.isdigit() and field.pad != "0" and _stands_right(cell, field):
        return None
    return Diagnosis("TR-F212" if inner.isdigit() else "TR-F204", {}, english, italian)


def not_number(cell: bytes, field: Field) -> Diagnosis:
    """A cell that is no number of the field's kind."""
    if (problem := too_long(cell, field)) is not None:
        return problem
    if is_beside(field):
        return _not_signed(cell, field)
    inner = cell.strip(b" ")
    if field.pad != "0" and _stands_right(cell, field):
        cell = inner
    english, italian = _digits(field)
    marked = field.mark and field.scale
    bare = inner.replace(field.mark.encode("ascii"), b"", 1) if marked else inner
    if marked and inner.replace(b"." if field.mark == "," else b",", b"", 1).isdigit():
        return Diagnosis("TR-F211", {}, english, italian)  # a number, with the other mark or with none
    if not bare.isdigit():
        return Diagnosis("TR-F204", {}, english, italian)
    before, mark, after = inner.partition(field.mark.encode("ascii")) if marked else (inner, b"", b"")
    if marked and (not mark or len(after) != field.scale or not before):
        return Diagnosis("TR-F211", {}, english, italian)
    if cell != inner:
        return Diagnosis("TR-F212", {}, english, italian)
    most = field.digits or 18
    return Diagnosis(
        "TR-F214", {}, f"a number of at most {counted(most, 'digit')}", f"un numero di al massimo {most} cifre"
    )


def _not_signed(cell: bytes, field: Field) -> Diagnosis:
    """A cell that is no number with a sign: its digits may be wrong, or only its sign."""
    unsigned = replace(field, sign="", length=None if field.length is None else field.length - width_of(field.sign))
    inner = cell.strip(b" ") if field.pad == " " else cell
    is_last = field.sign in ("trailing", "overpunch")
    body, sign = (inner[:-1], inner[-1:]) if is_last else (inner[1:], inner[:1])
    if field.sign in _PUNCHED:
        is_known = sign.decode("latin-1") in "".join(("0123456789", *punched_letters(field)))
        body += b"0"
    else:
        is_known = bool(sign) and sign.decode("latin-1") in (field.plus, field.minus)
    marks = (field.mark.encode("ascii"), b"") if field.mark and field.scale else (b"", b"")
    is_body = bool(body) and (body.replace(*marks, 1) if marks[0] else body).isdigit()
    if is_known or not is_body:
        found = not_number(body if is_known else inner, unsigned)
        return found._replace(expected_en=_signed_en(field), expected_it=_signed_it(field))
    return Diagnosis("TR-F222", {}, _signed_en(field), _signed_it(field))


def _signed_en(field: Field) -> str:
    digits = _digits(replace(field, sign="", length=None))[0]
    if field.sign in _PUNCHED:
        plus, minus = punched_letters(field)
        which = "last" if field.sign == "overpunch" else "first"
        return f"{digits}, the {which} one with its sign: one of {plus}, or of {minus} below zero"
    signs = f"{field.minus!r} or {field.plus!r}" if field.plus else f"{field.minus!r} or nothing"
    return f"{digits}, and {signs} {'after' if field.sign == 'trailing' else 'before'} them"


def _signed_it(field: Field) -> str:
    digits = _digits(replace(field, sign="", length=None))[1]
    if field.sign in _PUNCHED:
        plus, minus = punched_letters(field)
        which = "l'ultima" if field.sign == "overpunch" else "la prima"
        return f"{digits}, {which} con il segno: uno tra {plus}, o tra {minus} sotto zero"
    signs = f"{field.minus!r} o {field.plus!r}" if field.plus else f"{field.minus!r} o niente"
    return f"{digits}, e {signs} {'dopo' if field.sign == 'trailing' else 'prima'}"


def _stands_right(cell: bytes, field: Field) -> bool:
    pad = field.pad.encode("latin-1")
    return not (cell.startswith(pad) if field.align == "left" else cell.endswith(pad))


def _digits(field: Field) -> tuple[str, str]:
    """What a number or an identifier of digits looks like."""
    if field.mark and field.scale:
        mark_en, mark_it = _MARKS[field.mark]
        size = "" if field.length is None else f"{field.length} characters: "
        size_it = "" if field.length is None else f"{field.length} caratteri: "
        return (
            f"{size}digits, {mark_en} and {_counted(field.scale, _ENGLISH)} decimal{'s' if field.scale > 1 else ''}",
            f"{size_it}cifre, {mark_it} e {_counted(field.scale, _ITALIAN)} decimal{'i' if field.scale > 1 else 'e'}",
        )
    size = "digits" if field.length is None else counted(field.length, "digit")
    size_it = "cifre" if field.length is None else f"{field.length} cifre"
    if field.pad == " " and field.length is not None:
        size, size_it = f"{size} or blanks before them", f"{size_it} o spazi davanti"
    if not field.scale:
        return size, size_it
    of_them, decimals = _counted(field.scale, _ENGLISH), "decimals" if field.scale > 1 else "a decimal"
    decimals_it = "decimali" if field.scale > 1 else "decimale"
    return f"{size}, {of_them} of them {decimals}", f"{size_it}, di cui {_counted(field.scale, _ITALIAN)} {decimals_it}"


def _counted(number: int, words: tuple[str, ...]) -> str:
    return words[number] if number < len(words) else str(number)
