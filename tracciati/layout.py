"""Layout: what a record layout says, as frozen values. Positions are computed once, by `tracciati.declare`.

Nothing here reads TOML, files or bytes: `declare` makes these values, `reading` and `writing` use them.
Offsets and indexes count from 0; whatever a person reads (columns, record numbers) counts from 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracciati.expression import Condition, Expression
    from tracciati.structure import Automaton

Direction = Literal["request", "receipt", "rejection", "answer", "control", "invoice"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)

Base = Literal[
    "text",
    "digits",
    "integer",
    "decimal",
    "date",
    "const",
    "filler",
    "codice_fiscale",
    "partita_iva",
    "iban",
    "luhn",
    "mod97",
    "mod11",
    "boolean",
    "time",
    "packed",
    "binary",
]
BASES: tuple[Base, ...] = get_args(Base)
# What can be summed; packed and binary are numbers whose cells are no text.
NUMBERS: tuple[Base, ...] = ("integer", "decimal", "packed", "binary")
# Texts whose last or first characters prove the others, of any length.
ATTESTED: tuple[Base, ...] = ("iban", "luhn", "mod97", "mod11")


@dataclass(frozen=True)
class Sequence:
    """A number that rises by `step` from record to record: in the file, or (`scope="feed"`) from file to file.

    series   the name that fields of several record types share when one count goes through all of them
    within   the group in each occurrence of which the count begins anew
    """

    start: int | None = None
    step: int = 1
    scope: Literal["file", "feed"] = "file"
    series: str = ""
    within: str = ""


@dataclass(frozen=True)
class Field:
    """One field of one record type.

    start    byte offset in the record (fixed), or column index over all directions (delimited)
    length   bytes (fixed); most bytes the cell may have, or None for any (delimited)
    digits   most digits of an integer or decimal, decimals included
    scale    decimals of a decimal (12.50 in scale 2 is the int 1250)
    mark     "" when the decimals are implied, else the written "," or "."
    yes, no  what a boolean is
    sign     "" when a number has none, else where it stands (`values.signs`); `plus` and `minus`: what it is. "inside"
             is the sign of a number whose cells are no text
    endian   which byte of a binary number comes first, the highest (big) or the lowest
    null     texts that mean "no value", as they stand in the file, full length in fixed layouts
    pattern  what the whole text must match (RE2); empty: anything
    least    the layout's `min`, in units of the last decimal or days since 1970-01-01; None: any
    most     its `max`
    weights  the greatest weight of a check digit modulo 11; `ten` and `eleven`: how such a check is written
    derive   direction -> expression that the field must equal (checked on reading, computed on writing)
    origin   the layout's `from`: what fills the field when we write, e.g. "outcome.code", "result.punteggio"
    target   the layout's `to`: what the field tells us to do, e.g. "request.action"
    only     directions in which the field exists (delimited columns); empty: all
    when     the condition under which the field is there, over fields that always are; None: it always is
    sign_in  the field of the record in which the number's sign stands, if it has a column of its own
    default  what is written where there is no value
    line     line of the field in the layout's text, for messages
    """

    name: str
    base: Base
    start: int
    length: int | None
    label: str = ""
    align: Literal["left", "right"] = "left"
    pad: str = " "
    digits: int = 0
    scale: int = 0
    mark: Literal["", ",", "."] = ""
    sign: Literal["", "leading", "trailing", "overpunch", "overpunch_leading", "inside", "column"] = ""
    endian: Literal["big", "little"] = "big"
    yes: str = ""
    no: str = ""
    plus: str = ""
    minus: str = ""
    format: str = ""
    pivot: int | None = None
    value: str = ""
    null: tuple[str, ...] = ()
    codes: Mapping[str, str] | None = None
    pattern: str = ""
    least: int | None = None
    most: int | None = None
    weights: int = 9
    ten: str = "X"
    eleven: str = "0"
    required: bool = False
    unique: Literal["", "file"] = ""
    sensitive: bool = False
    same_as: str = ""
    sequence: Sequence | None = None
    derive: Mapping[Direction, Expression] = field(default_factory=dict)
    origin: str = ""
    target: str = ""
    only: tuple[Direction, ...] = ()
    on_overflow: str = ""
    transliterate: str = ""
    when: Condition | None = None
    sign_in: str = ""
    default: str = ""
    line: int = 0

    @property
    def stop(self) -> int:
        """Offset after the field's last byte (fixed layouts)."""
        assert self.length is not None, "only fixed fields have a stop"
        return self.start + self.length

    @property
    def is_number(self) -> bool:
        """Is its value a number?"""
        return self.base in NUMBERS

    @property
    def is_amount(self) -> bool:
        """Is its value a number with decimals, or could it have them?"""
        return self.base == "decimal" or (self.is_number and self.scale > 0)

    @property
    def title(self) -> str:
        """The name, with the contract's own heading where there is one: `importo (Importo)`."""
        return f"{self.name} ({self.label})" if self.label else self.name


@dataclass(frozen=True)
class Record:
    """One record type. `match` maps field name -> text that tells this type from the others.

    position   where in the file it stands, if that tells it too
    by_length  does its length tell it from a record type with the same `match`?
    repeated   the field that says how often its end is there, where that begins, and the bytes that it takes each time
    """

    name: str
    index: int
    fields: tuple[Field, ...]
    match: Mapping[str, str]
    only: tuple[Direction, ...] = ()
    position: Literal["", "first", "last"] = ""
    by_length: bool = False
    repeated: tuple[str, int, int] | None = None
    line: int = 0

    @cached_property
    def length(self) -> int:
        """Bytes of such a record without its separator (fixed layouts)."""
        return max((field.stop for field in self.fields), default=0)

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """Fields by name."""
        return {f.name: f for f in self.fields}

    @cached_property
    def apart(self) -> tuple[Field, ...]:
        """The fields, but of alternatives over the same bytes only the first: none covers another."""
        found: list[Field] = []
        for one in self.fields:
            if not found or one.start >= found[-1].stop:
                found.append(one)
        return tuple(found)

    def is_in(self, direction: Direction) -> bool:
        """Does this record type occur in files of that direction?"""
        return not self.only or direction in self.only

    def fields_in(self, direction: Direction) -> tuple[Field, ...]:
        """The fields that a record has in that direction, in file order."""
        if direction not in self._fields_in:
            self._fields_in[direction] = tuple(f for f in self.fields if not f.only or direction in f.only)
        return self._fields_in[direction]

    @cached_property
    def _fields_in(self) -> dict[Direction, tuple[Field, ...]]:
        return {}

    def source_of(self, field: Field) -> Field:
        """The field of this record that the field repeats (`same_as`), to the first one; itself if it repeats none."""
        while field.same_as.startswith(f"{self.name}."):
            field = self.by_name[field.same_as.partition(".")[2]]
        return field


@dataclass(frozen=True)
class Dialect:
    """How a delimited file is cut into cells. `header`: the first line names the columns."""

    delimiter: str = ";"
    quote: str = '"'
    header: bool = False


@dataclass(frozen=True)
class FileForm:
    """How a file is cut into records.

    length    bytes of every record without its separator; None for delimited, and for fixed records that differ
    separator LF, CRLF, CR or none
    length_in, length_adds   the field that says how long its record is, and what has to be added to it
    block, fill   records of a physical block, and the character that lines are made of which fill up the last one
    """

    kind: Literal["fixed", "delimited"]
    length: int | None
    separator: Literal["LF", "CRLF", "CR", "none"]
    last_separator: Literal["required", "optional", "forbidden"] = "optional"
    codec: str = "ascii"
    on_invalid: Literal["reject"] = "reject"
    on_short: Literal["reject", "pad", "accept"] = "reject"
    on_long: Literal["reject", "blank_tail", "ignore"] = "reject"
    reference_date: str = ""
    dialect: Dialect = Dialect()
    length_in: str = ""
    length_adds: int = 0
    block: int = 0
    fill: str = ""


@dataclass(frozen=True)
class Continuity:
    """Balances that one file hands on to the next: what an account ends with, it begins with in the next file.

    opening, closing  `record.field` of the two balances
    account           `record.field` of what says whose they are, in the opening's record; empty: there is one account
    """

    opening: str
    closing: str
    account: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """A check over one record's fields (and, by `record.field`, over the one head or tail record)."""

    id: str
    on: str
    check: Expression
    severity: Literal["error", "warning"]
    text: Mapping[str, str]
    line: int = 0


@dataclass(frozen=True)
class Layout:
    """A whole layout.

    records      by index; the engine names a record type by this index
    groups       name -> structure text of a group of records
    structure    direction -> automaton over record indexes; a direction without one is not written in this layout
    source_text  the TOML as it was read
    continuity   balances that go on from file to file; None when the layout names none
    fingerprint  SHA-256 (hex) of the canonical form: the same declaration, however it is spaced or commented
    """

    id: str
    version: str
    title: str
    valid_from: date | None
    source: str
    verified: bool
    file: FileForm
    records: tuple[Record, ...]
    groups: Mapping[str, str]
    structure: Mapping[Direction, Automaton]
    rules: tuple[Rule, ...]
    canonical: str
    fingerprint: str
    source_text: str = ""
    origin_name: str = "layout.toml"
    continuity: Continuity | None = None

    @cached_property
    def by_name(self) -> Mapping[str, Record]:
        """Record types by name."""
        return {r.name: r for r in self.records}

    def records_of_group(self, group: str) -> tuple[str, ...]:
        """Names of the record types that a group is made of, groups within it included, in the order of its text."""
        names: list[str] = []
        for name in names_in(self.groups[group]):
            names.extend(self.records_of_group(name) if name in self.groups else [name])
        return tuple(dict.fromkeys(names))

    def field(self, path: str) -> Field:
        """The field that `record.field` names. KeyError when there is none."""
        record, _, name = path.partition(".")
        return self.by_name[record].by_name[name]

    @cached_property
    def numbered(self) -> tuple[tuple[Record, Field], ...]:
        """The fields whose number goes on from file to file, with their records."""
        return tuple((r, f) for r in self.records for f in r.fields if f.sequence and f.sequence.scope == "feed")

    def repeated_path(self, record: Record, field: Field) -> str:
        """Path of the field that this one repeats (`same_as`), to the first one; its own if it repeats none."""
        path = f"{record.name}.{field.name}"
        while field.same_as:
            path = field.same_as
            field = self.field(path)
        return path

    @property
    def name(self) -> str:
        """How reports name the layout: `banca-demo-visure@2.0.0#9f3c1a2b`."""
        return f"{self.id}@{self.version}#{self.fingerprint[:8]}"


def names_in(structure: str) -> list[str]:
    """The records and groups that a structure's text names, in its order.

    >>> names_in("IB disposizione+ (50 | 51)? EF")
    ['IB', 'disposizione', '50', '51', 'EF']
    """
    return re.findall(r"[^\s()|?*+]+", structure)
