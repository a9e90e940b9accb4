"""The JSON Schema of layouts, for editors: `layouts/schema.json` is made from here and a test compares them.

    python -m tracciati.declare.schema > layouts/schema.json

It knows which keys exist, what kind of value each takes and what it is for. What keys must agree on (lengths,
references, totals) only loading can say.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from tracciati.declare.fields import FIELD_KEYS, ORIGINS, TARGETS, TYPE_KEYS
from tracciati.declare.files import SEPARATORS
from tracciati.declare.rules import LANGUAGES
from tracciati.declare.signs import SIGNS
from tracciati.encodings import CODECS
from tracciati.layout import BASES, DIRECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Schema = dict[str, Any]


def _text(purpose: str, options: Iterable[str] = ()) -> Schema:
    listed = list(options)
    return {"type": "string", "description": purpose, **({"enum": listed} if listed else {})}


def _number(purpose: str, least: int = 1) -> Schema:
    return {"type": "integer", "minimum": least, "description": purpose}


def _flag(purpose: str) -> Schema:
    return {"type": "boolean", "description": purpose}


def _table(purpose: str, keys: Mapping[str, Schema], required: Iterable[str] = ()) -> Schema:
    closed: Schema = {"type": "object", "description": purpose, "properties": dict(keys), "additionalProperties": False}
    return {**closed, "required": list(required)} if required else closed


def _tables(purpose: str, each: Schema) -> Schema:
    return {"type": "object", "description": purpose, "additionalProperties": each}


def _texts(purpose: str, options: Iterable[str] = ()) -> Schema:
    return {"description": purpose, "oneOf": [_text("one", options), {"type": "array", "items": _text("", options)}]}


def _bound(purpose: str) -> Schema:
    return {"description": purpose, "type": ["integer", "string"]}


def _by_direction(purpose: str) -> Schema:
    directions = _table("one per direction", {d: _text(f"in {d} files") for d in DIRECTIONS})
    return {"description": purpose, "oneOf": [_text("for all directions"), directions]}


_SEQUENCE = _table(
    "A number that rises from record to record",
    {
        "start": _number("the first number; any, when absent", 0),
        "step": _number("how much it rises by; 1 when absent"),
        "scope": _text("within the file, or from file to file", ("file", "feed")),
        "of": _text("a name that fields of several record types share: one count goes through all of them"),
        "within": _text("the group in each occurrence of which the count begins anew"),
    },
)
_ORIGIN_LIST = ", ".join(["result.NAME", *(f"{source}.{name}" for source, names in ORIGINS.items() for name in names)])

_KEYS: Mapping[str, Schema] = {
    "name": _text("The field's name, in expressions and columns"),
    "len": _number("Bytes in a fixed record; the most bytes a cell may have in a delimited one"),
    "type": _text("A named type of [types], or a base"),
    "base": _text("What the value is", BASES),
    "at": _number("Checked only: the column at which the field begins, from 1"),
    "label": _text("The contract's own heading, verbatim"),
    "align": _text("On which side a value stands", ("left", "right")),
    "pad": _text("What fills the rest of the field, one character"),
    "digits": _number("The most digits a number may have, decimals included"),
    "scale": _number("Decimals", 0),
    "mark": _text("The written decimal mark; implied when absent", (",", ".")),
    "sign": _text("Where a number says that it is below zero", SIGNS),
    "plus": _text('What stands for "not below zero"; "+" when absent, in a delimited file before the digits nothing'),
    "minus": _text('What stands for "below zero"; "-" when absent'),
    "when": _text("The condition under which the field is there, e.g. tipo = 'A'"),
    "occurs": {
        "description": "How often the line is repeated: a number, or by a field, at the record's end",
        "oneOf": [_number("times"), _table("by a field", {"by": _text("the field"), "max": _number("at most")})],
    },
    "sign_in": _text("The field of the record in which the sign stands, as plus and minus say"),
    "default": _text("What is written where there is no value"),
    "signed": {"type": "boolean", "description": "packed, binary: can the number be below zero?"},
    "endian": _text("binary: which byte comes first, the highest (big, when absent) or the lowest", ("big", "little")),
    "format": _text("A date's form, from yyyy yy MM dd and marks between them"),
    "pivot": _number("Years yy from here on are 19yy, those below it 20yy", 0),
    "value": _text("What a const always holds, with all its characters"),
    "null": _texts('Texts that mean "no value"'),
    "codes": _tables("The values allowed: code = meaning", _text("meaning")),
    "pattern": _text("What the whole text must match, in RE2's syntax"),
    "min": _bound("The least value: a whole number, an amount in quotes, or a day"),
    "max": _bound("The greatest value: a whole number, an amount in quotes, or a day"),
    "yes": _text("boolean: the text for yes"),
    "no": _text("boolean: the text for no"),
    "weights": _number("mod11: the greatest weight, after which they begin anew at 2; 9 when absent", 3),
    "ten": _text('mod11: how a check of ten is written; "X" when absent'),
    "eleven": _text('mod11: how a check of eleven is written; "0" when absent'),
    "required": _flag("A value must be there"),
    "sensitive": _flag("Masked wherever it is shown, but for the customer's own report"),
    "unique": _text("No two records of the file have the same value", ("file",)),
    "same_as": _text("The field, or record.field, that must hold the same value"),
    "sequence": _SEQUENCE,
    "derive": _by_direction("count(...) or sum(...): checked on reading, computed on writing"),
    "from": _text(f"What fills the field when we write: {_ORIGIN_LIST}"),
    "to": _text("What the field tells us to do", TARGETS),
    "only": _texts("The directions in which it exists; all, when absent", DIRECTIONS),
    "on_overflow": _text('What becomes of a value that does not fit: "manual", "outcome" or "continue:FIELD"'),
    "transliterate": _text("Letters that the encoding lacks are written without accents, and counted", ("it-latin1",)),
}
_LAYOUT = _table(
    "Identity and provenance",
    {
        "id": _text("Small letters, digits and hyphens"),
        "version": _text("major.minor.patch: bytes move, new codes, words"),
        "title": _text("What the contract calls it"),
        "valid_from": {"description": "The first day of files in this layout"},
        "source": _text("The document, version and pages it was written from"),
        "verified": _flag("Two real files and the customer's own sample read clean"),
    },
    ("id", "version"),
)
_FILE = _table(
    "How a file is cut into records, and in which order they stand",
    {
        "kind": _text("By position or by delimiter", ("fixed", "delimited")),
        "record": _table(
            "Length and separator",
            {
                "length": _number("Bytes of a fixed record, without its separator"),
                "separator": _text("What ends a record", SEPARATORS),
                "length_in": _text("The field that says how long its record is (no separators)"),
                "length_adds": {"type": "integer", "description": "What has to be added to it; 0 when absent"},
                "last_separator": _text("After the last record", ("required", "optional", "forbidden")),
            },
        ),
        "encoding": _table("Characters", {"codec": _text("", CODECS), "on_invalid": _text("", ("reject",))}),
        "on_short": _text("A record that is too short (a finding either way)", ("reject", "pad", "accept")),
        "on_long": _text("A record that is too long (a finding either way)", ("reject", "blank_tail", "ignore")),
        "reference_date": _text("record.field: the file's own date, which chooses the layout's version"),
        "blocking": _table(
            "Lines that fill up the last physical block",
            {"records": _number("Records of a block"), "fill": _text('What such a line is made of; "9" when absent')},
            ("records",),
        ),
        "structure": _by_direction("Record and group names in order, with ( ) | ? * +"),
        "dialect": _table(
            "How delimited records are cut into cells",
            {"delimiter": _text("one character"), "quote": _text('one character, or ""'), "header": _flag("")},
        ),
    },
    ("kind", "structure"),
)


def schema() -> Schema:
    """The schema as JSON values."""
    plain = _table("One field", {key: _KEYS[key] for key in FIELD_KEYS}, ("name", "type"))
    repeated = _table(
        "Fields that are repeated together",
        {"name": _KEYS["name"], "occurs": _KEYS["occurs"], "fields": {"type": "array", "items": plain}},
        ("name", "occurs", "fields"),
    )
    lines = {"type": "array", "items": {"anyOf": [plain, repeated]}}
    variant = _table("One alternative", {"when": _KEYS["when"], "fields": lines}, ("when", "fields"))
    variants = _table("Alternatives", {"variants": {"type": "array", "items": variant}}, ("variants",))
    together = {**plain["properties"], **repeated["properties"], **variants["properties"]}
    needed = [{"required": one["required"]} for one in (plain, repeated, variants)]
    field = {**plain, "properties": together, "anyOf": needed}
    del field["required"]
    record = _table(
        "One record type",
        {
            "match": _tables("What tells it from the others: field = text", _text("text")),
            "only": _KEYS["only"],
            "length": _number("Bytes of such a record, where records differ; its fields add up to it"),
            "position": _text("Where in the file it stands, if that tells it from the others", ("first", "last")),
            "fields": {"type": "array", "items": field},
        },
        ("fields",),
    )
    texts = _table("What the customer is told", {language: _text("") for language in LANGUAGES})
    rule = _table(
        "A check over one record",
        {
            "id": _text("Named in findings"),
            "on": _text("The record type"),
            "check": _text("A condition that must hold, e.g. importo > 0 or servizio = 'VIS2'"),
            "severity": _text("", ("error", "warning")),
            "text": {"oneOf": [_text("for both languages"), texts]},
        },
        ("id", "on", "check", "text"),
    )
    continuity = _table(
        "Balances that go on from file to file",
        {
            "opening": _text("record.field of the balance that an account begins with"),
            "closing": _text("record.field of the one that it ends with"),
            "account": _texts("record.field of what says whose balance it is, in the opening's record"),
        },
        ("opening", "closing"),
    )
    group = _table("A group of records", {"structure": _text("Its records in order")}, ("structure",))
    named_type = _table("A named type", {key: _KEYS[key] for key in TYPE_KEYS}, ("base",))
    keys = {
        "layout": _LAYOUT,
        "file": _FILE,
        "types": _tables("Named types", named_type),
        "record": _tables("Record types", record),
        "group": _tables("Groups of records", group),
        "rule": {"type": "array", "items": rule},
        "continuity": continuity,
    }
    top = _table("A record layout (tracciato record)", keys, ("layout", "file", "record"))
    return {"$schema": "http://json-schema.org/draft-07/schema#", **top}


def schema_text() -> str:
    """The schema as the text of `layouts/schema.json`."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
