"""Fields: one line of a record's `fields`, together with its named type, becomes a `Field`.

A key is looked for in the field's own line first, then in its type. Everything that can be said of a field alone is
checked here; what needs other fields, records or the structure is checked in `records`, `references` and `totals`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from tracciati.declare.bounds import read_bounds, read_pattern
from tracciati.declare.fitting import check_codes, check_constant, check_null, encoded_length
from tracciati.declare.numbers import read_number
from tracciati.declare.signs import read_sign
from tracciati.declare.toml import did_you_mean
from tracciati.expression import RESERVED
from tracciati.layout import ATTESTED, BASES, DIRECTIONS, NUMBERS, Base, Direction, Field, Sequence
from tracciati.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracciati.declare.toml import Document, Table
    from tracciati.layout import FileForm

_NUMBERS = frozenset(NUMBERS)
_SPELLED_NUMBERS = frozenset({"integer", "decimal"})
_RAW = _NUMBERS - _SPELLED_NUMBERS
_VALUED = frozenset(BASES) - {"const", "filler"}

# Keys that mean something for some bases only. A key that would be accepted and ignored is refused.
APPLIES: Mapping[str, frozenset[str]] = {
    "align": frozenset({"text", "digits", "codice_fiscale", "partita_iva", "integer", "decimal"}),
    "pad": frozenset(BASES) - {"const", "date", "time", "boolean", *_RAW, *ATTESTED},
    "digits": _NUMBERS,
    "scale": _NUMBERS - {"integer"},
    "mark": frozenset({"decimal"}),
    "sign": _SPELLED_NUMBERS,
    "plus": _SPELLED_NUMBERS,
    "minus": _SPELLED_NUMBERS,
    "signed": _RAW,
    "endian": frozenset({"binary"}),
    "format": frozenset({"date", "time"}),
    "pivot": frozenset({"date"}),
    "value": frozenset({"const"}),
    "yes": frozenset({"boolean"}),
    "no": frozenset({"boolean"}),
    "codes": frozenset({"text", "digits"}),
    "pattern": frozenset({"text", "digits"}),
    "weights": frozenset({"mod11"}),
    "ten": frozenset({"mod11"}),
    "eleven": frozenset({"mod11"}),
    "min": _NUMBERS | {"date"},
    "max": _NUMBERS | {"date"},
    "sequence": _NUMBERS - {"decimal"},
    "derive": _NUMBERS,
    "transliterate": frozenset({"text"}),
    "null": _VALUED,
    "required": _VALUED,
    "unique": _VALUED - {"boolean"},
    "same_as": _VALUED,
    "from": _VALUED,
    "to": _VALUED,
    "on_overflow": _VALUED,
    "sensitive": frozenset(BASES) - {"const"},
    "sign_in": _SPELLED_NUMBERS,
    "default": _VALUED - _RAW,
}
# What describes the value can stand in a named type; what places it in a record cannot.
TYPE_KEYS = (
    "base", "len", "align", "pad", "digits", "scale", "mark", "sign", "plus", "minus", "signed", "endian",
    "format", "pivot", "value",
    "null", "codes", "pattern", "min", "max", "weights", "ten", "eleven", "yes", "no", "required", "sensitive",
    "transliterate",
    "on_overflow",
)  # fmt: skip
FIELD_KEYS = (
    "name", "len", "type", "at", "label", "unique", "same_as", "sequence", "derive", "from", "to", "only", "when",
    "occurs", "sign_in", "default",
    *TYPE_KEYS[2:],
)  # fmt: skip

# What `from` can take a value from. `result` has whatever columns the service's provider gives.
ORIGINS: Mapping[str, tuple[str, ...]] = {
    "outcome": ("code",),
    "result": (),
    "delivery": ("number", "is_last", "open_count"),
    "document": ("name", "sha256"),
    "invoice": ("number",),
    "line": ("reference", "net", "vat"),
}
TARGETS = ("request.action", "request.replaces")

_FIXED_LENGTHS = {"codice_fiscale": 16, "partita_iva": 11}
_NAME = re.compile(r"[^\W\d]\w*")
_DATE_LETTERS = re.compile(r"yyyy|yy|MM|dd|[^\w\s]| ")


@dataclass(frozen=True)
class Line:
    """One line of `fields`: its own table and its type's (None when the type is a base)."""

    own: Table
    type: Table | None
    base: Base
    form: FileForm

    def table(self, key: str) -> Table:
        """The table that decides about a key: the field's own where it has it, else its type's."""
        return self.type if self.type is not None and key not in self.own and key in self.type else self.own

    def called(self, key: str) -> str:
        """What declares the key, for messages: the type's name or the field's. A type is complained of once."""
        table = self.table(key)
        return f"type {table.path[-1]}" if table is self.type else f"`{self.name}`"

    def lacks(self, key: str, text: str, hint: str) -> None:
        """Note that a key is missing, at the named type if there is one."""
        owner, who = (self.own, f"`{self.name}`") if self.type is None else (self.type, f"type {self.type.path[-1]}")
        if key not in self.table(key):
            owner.problem("", f"{who}: {text}", hint)

    @property
    def name(self) -> str:
        """The field's name, for messages."""
        name = self.own.value.get("name")
        return name if isinstance(name, str) else "the field"


def read_types(document: Document) -> Mapping[str, Table]:
    """The named types of [types], each checked for its keys and base."""
    tables = document.table().inner("types")
    types = {name: tables.inner(name) for name in tables.value}
    for name, table in types.items():
        table.asked.extend(TYPE_KEYS)
        table.close()
        table.choice("base", BASES, "text", required=True)
        if name in BASES:
            table.problem("", f"type `{name}` has the name of a base", "give it another name")
    return types


def read_field(own: Table, types: Mapping[str, Table], form: FileForm, start: int) -> Field:
    """Read one field. `start` is its offset (fixed) or column index (delimited); problems are noted."""
    line = _line(own, types, form)
    _check_keys(line)
    length = _length(line)
    sign, plus, minus = read_sign(line)
    yes, no = _yes_and_no(line, length)
    digits, scale, mark = read_number(line, length, sign)
    format_text, pivot = _date(line, length) if line.base != "time" else (_time(line, length), None)
    align, pad = _padding(line)
    value = _checked_value(line, length)
    null = line.table("null").texts("null")
    codes = line.table("codes").text_by_key("codes") if "codes" in line.table("codes") else None
    check_null(line, null, length)
    check_codes(line, codes, null, length, pad)
    least, most = read_bounds(line, scale, digits, is_signed=bool(sign))
    return Field(
        name=own.text("name"),
        base=line.base,
        start=start,
        length=length,
        label=own.text("label", may_be_empty=True),
        align=align,
        pad=pad,
        digits=digits,
        scale=scale,
        mark=mark,
        sign=sign,
        yes=yes,
        no=no,
        plus=plus,
        minus=minus,
        endian=cast(Literal["big", "little"], line.table("endian").choice("endian", ("big", "little"), "big")),
        format=format_text,
        pivot=pivot,
        value=value,
        null=null,
        codes=codes,
        pattern=read_pattern(line),
        least=least,
        most=most,
        weights=_weights(line),
        ten=_check_character(line, "ten", "X"),
        eleven=_check_character(line, "eleven", "0"),
        required=_required(line),
        unique=cast(Literal["", "file"], own.choice("unique", ("file",), "")),
        sensitive=line.table("sensitive").flag("sensitive"),
        same_as=own.text("same_as"),
        sequence=_sequence(line),
        origin=_origin(line),
        target=own.choice("to", TARGETS, ""),
        only=_only(line),
        on_overflow=_on_overflow(line),
        sign_in=own.text("sign_in"),
        default=_default(line, length, codes),
        transliterate=line.table("transliterate").choice("transliterate", ("it-latin1",), ""),
        line=own.document.where(own.path)[0],
    )


def read_only(table: Table) -> tuple[Direction, ...]:
    """`only`: one direction or several, in the order of DIRECTIONS."""
    written = table.texts("only")
    if "only" in table and not written:
        table.problem("only", "`only` names no direction", f"it can be {', '.join(DIRECTIONS)}")
    for direction in written:
        if direction not in DIRECTIONS:
            hint = did_you_mean(direction, DIRECTIONS) or f"it can be {', '.join(DIRECTIONS)}"
            table.problem("only", f"`{direction}` is not a direction", hint)
    return tuple(d for d in DIRECTIONS if d in written)


def _line(own: Table, types: Mapping[str, Table], form: FileForm) -> Line:
    name = own.text("name", required=True)
    if name and (not _NAME.fullmatch(name) or name in RESERVED):
        own.problem("name", f"a field cannot be called `{name}`", "use letters, digits and _, a letter first")
    written = own.text("type", required=True)
    table = types.get(written)
    base = table.value.get("base") if table is not None else written
    if written and written not in types and written not in BASES:
        options = [*types, *BASES]
        hint = did_you_mean(written, options) or f"it can be {', '.join(options)}"
        own.problem("type", f"`{name}` has an unknown type `{written}`", hint)
    if base in _RAW and (form.kind == "delimited" or form.separator != "none"):
        hint = 'write record = { length = ..., separator = "none" }, or type = "integer" or "decimal"'
        own.problem("type", f"`{name}` is {base}: its bytes could be taken for a separator", hint)
    return Line(own, table, cast(Base, base if base in BASES else "text"), form)


def _check_keys(line: Line) -> None:
    line.own.asked.extend(FIELD_KEYS)
    line.own.close()
    for key, bases in APPLIES.items():
        if key in line.table(key) and line.base not in bases:
            hint = f"take it out; it is for {', '.join(b for b in BASES if b in bases)}"
            line.table(key).problem(key, f"{line.called(key)}: `{key}` has no meaning for {line.base}", hint)


def _length(line: Line) -> int | None:
    table = line.table("len")
    length = table.integer("len", least=1)
    if line.form.kind == "delimited":
        return length
    if length is None:
        if "len" not in table:
            line.own.problem("", f"`{line.name}` has no `len`", "add len = ..., the bytes it takes in the record")
        return 1
    wanted = _FIXED_LENGTHS.get(line.base)
    if wanted is not None and length != wanted:
        hint = f"write len = {wanted}, and a filler after it, or the type text"
        table.problem("len", f"`{line.name}`: a {line.base} has {counted(wanted, 'character')}, not {length}", hint)
    return length


def _date(line: Line, length: int | None) -> tuple[str, int | None]:
    if line.base != "date":
        return "", None
    table = line.table("format")
    text = table.text("format")
    if not text:
        line.lacks("format", "a date needs `format`", 'add format = "yyyyMMdd", from yyyy yy MM dd')
        return "yyyyMMdd", None
    parts = _DATE_LETTERS.findall(text)
    letters = sorted(p for p in parts if p[0] in "yMd")
    if "".join(parts) != text or letters not in (["MM", "dd", "yyyy"], ["MM", "dd", "yy"]):
        hint = "write day dd, month MM and year yyyy (or yy with a pivot) once each, with any marks between them"
        table.problem("format", f"{line.called('format')}: {text!r} is not a date format", hint)
        return "yyyyMMdd", None
    if length is not None and len(text) != length:
        table.problem("format", f"`{line.name}`: the format {text} has {len(text)} characters, the field {length}")
    pivot_table = line.table("pivot")
    pivot = pivot_table.integer("pivot")
    if "yyyy" not in letters and "pivot" not in pivot_table:
        hint = "add pivot = 70: years 70 to 99 are then 1970 to 1999, years 00 to 69 are 2000 to 2069"
        table.problem("format", f"{line.called('format')}: a year of two digits needs a `pivot`", hint)
    if pivot is not None and ("yyyy" in letters or pivot > 99):
        pivot_table.problem("pivot", f"{line.called('pivot')}: `pivot` is for a year yy, and lies between 0 and 99")
    return text, pivot


def _time(line: Line, length: int | None) -> str:
    table = line.table("format")
    text = table.text("format")
    if not text:
        line.lacks("format", "a time needs `format`", 'add format = "HHmmss", from HH mm ss')
        return "HHmmss"
    parts = sorted(part for part in re.findall(r"HH|mm|ss", text))
    rest = re.sub(r"HH|mm|ss", "", text)
    if parts not in (["HH", "mm"], ["HH", "mm", "ss"]) or any(mark.isalnum() or not mark.isascii() for mark in rest):
        hint = "write hour HH, minute mm and, if there are any, seconds ss once each, with any marks between them"
        table.problem("format", f"{line.called('format')}: {text!r} is not a time format", hint)
        return "HHmmss"
    if length is not None and len(text) != length:
        table.problem("format", f"`{line.name}`: the format {text} has {len(text)} characters, the field {length}")
    return text


def _padding(line: Line) -> tuple[Literal["left", "right"], str]:
    is_number = line.base in _SPELLED_NUMBERS or line.base == "digits"
    align = line.table("align").choice("align", ("left", "right"), "right" if is_number else "left")
    pad_table = line.table("pad")
    pad = pad_table.text("pad", "0" if is_number else " ")
    if len(pad) != 1 or not pad.isascii() or not pad.isprintable():
        pad_table.problem(
            "pad", f"{line.called('pad')}: `pad` must be one ASCII character", 'as pad = " " or pad = "0"'
        )
        pad = " "
    if line.base in _SPELLED_NUMBERS:
        if align == "left":
            line.table("align").problem(
                "align", f"{line.called('align')}: numbers stand on the right", "take `align` out"
            )
        if pad not in "0 ":
            pad_table.problem(
                "pad", f"{line.called('pad')}: numbers are filled with zeros or blanks", 'write pad = "0"'
            )
    return cast(Literal["left", "right"], align), pad


def _checked_value(line: Line, length: int | None) -> str:
    table = line.table("value")
    value = table.text("value", may_be_empty=True)
    if line.base == "const":
        line.lacks("value", "a const needs `value`", 'add value = "01"')
        if isinstance(table.value.get("value"), str):
            check_constant(line, value, length)
    return value


def _weights(line: Line) -> int:
    table = line.table("weights")
    weights = table.integer("weights", least=3)
    return 9 if weights is None else weights


def _check_character(line: Line, key: str, default: str) -> str:
    table = line.table(key)
    character = table.text(key, default)
    if len(character) != 1 or not character.isascii() or not character.isalnum():
        table.problem(key, f"{line.called(key)}: `{key}` must be one letter or digit", f'as {key} = "{default}"')
        return default
    return character


def _yes_and_no(line: Line, length: int | None) -> tuple[str, str]:
    if line.base != "boolean":
        return "", ""
    texts = []
    for key, usual in (("yes", "S"), ("no", "N")):
        line.lacks(key, f"a boolean needs `{key}`", f'add {key} = "{usual}"')
        texts.append(line.table(key).text(key))
        size = encoded_length(texts[-1], line.form.codec)
        if size is None or (length is not None and size > length):
            line.table(key).problem(
                key, f"{line.called(key)}: {texts[-1]!r} does not fit the field", "change it, or len"
            )
    if texts[0] and texts[0].rstrip() == texts[1].rstrip():
        line.table("no").problem("no", f"{line.called('no')}: `yes` and `no` are the same", "write two texts")
    return texts[0], texts[1]


def _default(line: Line, length: int | None, codes: Mapping[str, str] | None) -> str:
    """What is written where there is no value; it must be one that the field can have."""
    text = line.own.text("default")
    if not text:
        return ""
    size = encoded_length(text, line.form.codec)
    if size is None or (length is not None and size > length and line.base not in ("date", "time")):
        line.own.problem("default", f"`{line.name}`: {text!r} does not fit the field", "change it, or len")
    elif codes is not None and text not in codes:
        line.own.problem("default", f"`{line.name}`: {text!r} is none of its codes", did_you_mean(text, codes))
    for key in ("derive", "sequence", "same_as"):
        if key in line.own:
            line.own.problem("default", f"`{line.name}` has both `default` and `{key}`", "take one out")
    return text


def _required(line: Line) -> bool:
    table = line.table("required")
    required = table.flag("required")
    if required and "derive" in line.own:
        line.own.problem("required", f"`{line.name}`: a derived field always has a value", "take `required` out")
    return required


def _sequence(line: Line) -> Sequence | None:
    if "sequence" not in line.own:
        return None
    table = line.own.inner("sequence")
    start, step = table.integer("start"), table.integer("step", least=1)
    scope = table.choice("scope", ("file", "feed"), "file")
    series, within = table.text("of"), table.text("within")
    table.close()
    if scope == "feed" and (series or within):
        table.problem("scope", f"`{line.name}`: a number of the feed is one in each file", "take `of` and `within` out")
        series = within = ""
    return Sequence(start, 1 if step is None else step, cast(Literal["file", "feed"], scope), series, within)


def _origin(line: Line) -> str:
    origin = line.own.text("from")
    if not origin:
        return ""
    source, _, name = origin.partition(".")
    known = list(dict.fromkeys(f"{s}.{n}" for s, names in ORIGINS.items() for n in names))
    is_result = source == "result" and _NAME.fullmatch(name) is not None
    if not is_result and origin not in known:
        hint = did_you_mean(origin, known) or f"it can be result.NAME, {', '.join(known)}"
        line.own.problem("from", f"`{line.name}`: `from` cannot be {origin!r}", hint)
    if "derive" in line.own:
        hint = "take one out: a derived field is computed, a field with `from` is given"
        line.own.problem("from", f"`{line.name}` has both `from` and `derive`", hint)
    return origin


def _only(line: Line) -> tuple[Direction, ...]:
    only = read_only(line.own)
    if line.form.kind == "fixed" and "only" in line.own:
        hint = "fixed fields keep their place; put `only` on the record, or give the field a `from`"
        line.own.problem("only", f"`{line.name}`: `only` stands on columns of delimited layouts", hint)
    return only


def _on_overflow(line: Line) -> str:
    table = line.table("on_overflow")
    written = table.text("on_overflow")
    target = written.partition("continue:")[2]
    if written and written not in ("manual", "outcome") and not target:
        hint = 'it can be "manual", "outcome" or "continue:FIELD"'
        table.problem("on_overflow", f"{line.called('on_overflow')}: `on_overflow` cannot be {written!r}", hint)
    return written
