"""[layout] and [file]: what the layout is called, and how its files are cut into records."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from tracciati.encodings import CODECS, EBCDIC, name_of
from tracciati.layout import Dialect, FileForm
from tracciati.limits import RECORD_BYTES_MAX

if TYPE_CHECKING:
    from datetime import date

    from tracciati.declare.toml import Document, Table

SEPARATORS = ("LF", "CRLF", "CR", "none")

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VERSION = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True)
class Head:
    """[layout]: identity and provenance."""

    id: str
    version: str
    title: str
    valid_from: date | None
    source: str
    verified: bool


def is_id(text: str) -> bool:
    """Can a layout be called so?

    >>> is_id("banca-demo-visure"), is_id("Visure 2")
    (True, False)
    """
    return _ID.fullmatch(text) is not None


def read_head(document: Document) -> Head:
    """Read [layout]; problems are noted in the document."""
    table = document.table().inner("layout")
    if "layout" not in document.value:
        document.problem((), "the layout has no [layout]", "begin with [layout], id and version")
    else:
        identity = table.text("id", required=True)
        version = table.text("version", required=True)
        if identity and not is_id(identity):
            table.problem("id", f"`id` cannot be {identity!r}", "use small letters, digits and single hyphens")
        if version and not _VERSION.fullmatch(version):
            hint = 'write three numbers, "2.0.0": major when bytes move, minor for new codes, patch for words'
            table.problem("version", f"`version` cannot be {version!r}", hint)
    head = Head(
        id=table.text("id"),
        version=table.text("version"),
        title=table.text("title", may_be_empty=True),
        valid_from=table.day("valid_from"),
        source=table.text("source", may_be_empty=True),
        verified=table.flag("verified"),
    )
    table.close()
    return head


def read_form(document: Document) -> FileForm:
    """Read [file] but for `structure`, which needs the records; problems are noted in the document."""
    table = document.table().inner("file")
    if "file" not in document.value:
        document.problem((), "the layout has no [file]", 'add [file] with kind = "fixed" or "delimited"')
    kind = table.choice("kind", ("fixed", "delimited"), "fixed", required="file" in document.value)
    length, separator, last_separator, length_in, length_adds = _read_record(table, kind)
    block, fill = _read_blocking(table, kind, separator)
    encoding = table.inner("encoding")
    codec = _codec(encoding)
    encoding.choice("on_invalid", ("reject",), "reject")
    encoding.close()
    if codec in EBCDIC and (kind == "delimited" or separator != "none"):
        hint = 'write kind = "fixed" and record = { length = ..., separator = "none" }'
        encoding.problem("codec", f"files in {codec} have fixed records without separators", hint)
    on_short = table.choice("on_short", ("reject", "pad", "accept"), "reject")
    on_long = table.choice("on_long", ("reject", "blank_tail", "ignore"), "reject")
    if kind == "delimited":
        for key in ("on_short", "on_long"):
            if key in table and table.value[key] != "reject":
                table.problem(key, f"`{key}` speaks of bytes, and delimited records have no length", f"take {key} out")
    dialect = _read_dialect(table, kind)
    reference_date = table.text("reference_date")
    table.asked.append("structure")
    table.close()
    return FileForm(
        kind=cast(Literal["fixed", "delimited"], kind),
        length=length,
        separator=cast(Literal["LF", "CRLF", "CR", "none"], separator),
        last_separator=cast(Literal["required", "optional", "forbidden"], last_separator),
        codec=codec,
        on_short=cast(Literal["reject", "pad", "accept"], on_short),
        on_long=cast(Literal["reject", "blank_tail", "ignore"], on_long),
        reference_date=reference_date,
        dialect=dialect,
        length_in=length_in,
        length_adds=length_adds,
        block=block,
        fill=fill,
    )


def _read_record(file: Table, kind: str) -> tuple[int | None, str, str, str, int]:
    record = file.inner("record")
    length = record.integer("length", least=1)
    if length is not None and kind == "delimited":
        record.problem("length", "delimited records have no length", "take `length` out")
        length = None
    if length is not None and length > RECORD_BYTES_MAX:
        record.problem("length", f"records of {length} bytes are longer than {RECORD_BYTES_MAX}")
    separator = record.choice("separator", SEPARATORS, "LF")
    if separator in ("none", "CR") and kind == "delimited":
        record.problem("separator", "delimited records end with a line feed", 'write "LF" or "CRLF"')
    length_in, length_adds = record.text("length_in"), record.integer("length_adds", least=-RECORD_BYTES_MAX) or 0
    if length_in and (kind == "delimited" or separator != "none"):
        hint = 'take length_in out, or write separator = "none"'
        record.problem("length_in", "records with a separator are not cut by a length that they say", hint)
    if "length_adds" in record and not length_in:
        record.problem("length_adds", "`length_adds` has no meaning without `length_in`", "take it out")
    if kind == "fixed" and length is None and separator == "none" and not length_in:
        hint = "add record = { length = 200 }, a separator, or length_in, the field that says it"
        file.problem("record", "without separators, a layout needs the length of its records", hint)
    last = record.choice("last_separator", ("required", "optional", "forbidden"), "optional")
    if separator == "none" and last == "required":
        record.problem("last_separator", "there is no separator that could be required", "take last_separator out")
    record.close()
    return length, separator, last, length_in, length_adds


def _read_blocking(file: Table, kind: str, separator: str) -> tuple[int, str]:
    """Records of a physical block, and what its last lines are filled up with."""
    if "blocking" not in file:
        return 0, ""
    table = file.inner("blocking")
    block, fill = table.integer("records", least=2), table.text("fill", "9")
    table.close()
    if kind == "delimited" or separator == "none":
        file.problem("blocking", "`blocking` is for fixed records with separators", "take it out")
    if block is None and "records" not in table:
        file.problem(
            "blocking", "`blocking` needs `records`, the records of a block", 'as { records = 10, fill = "9" }'
        )
    if len(fill) != 1 or not fill.isascii() or not fill.isprintable():
        table.problem("fill", f"`fill` cannot be {fill!r}", 'write one ASCII character, as fill = "9"')
        fill = "9"
    return block or 2, fill


def _codec(encoding: Table) -> str:
    """The codec under the one name we use for it: `latin-1` and `ISO-8859-1` are `iso8859-1`."""
    written = encoding.text("codec", "ascii")
    name = name_of(written)
    if not name:
        encoding.problem("codec", f"`codec` cannot be {written!r}", f"it can be {', '.join(CODECS)}")
        return "iso8859-1"
    return name


def _read_dialect(file: Table, kind: str) -> Dialect:
    table = file.inner("dialect")
    if kind == "fixed" and "dialect" in file:
        file.problem("dialect", "`dialect` is for delimited layouts", 'take it out, or write kind = "delimited"')
    delimiter, quote = table.text("delimiter", ";"), table.text("quote", '"', may_be_empty=True)
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter.isalnum() or delimiter in "\r\n":
        table.problem(
            "delimiter", f"`delimiter` cannot be {delimiter!r}", "use one ASCII character, as ; or | or a tab"
        )
    if len(quote) > 1 or not quote.isascii() or quote.isalnum() or quote in ("\r", "\n"):
        table.problem("quote", f"`quote` cannot be {quote!r}", 'use one ASCII character, or "" when nothing is quoted')
    elif quote == delimiter:
        table.problem("quote", "`quote` and `delimiter` are the same character", "one cell could not be told from two")
    header = table.flag("header")
    table.close()
    return Dialect(delimiter, quote, header)
