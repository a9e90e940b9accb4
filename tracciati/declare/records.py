"""[record.X]: the record types, their fields one after another, and what tells one type from the others."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast

from tracciati.declare.fields import read_only
from tracciati.declare.fitting import encoded_length
from tracciati.declare.nested import Nested, Repeated, Written
from tracciati.declare.toml import did_you_mean
from tracciati.layout import DIRECTIONS, Record
from tracciati.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracciati.declare.toml import Document, Table
    from tracciati.layout import Direction, Field, FileForm

_NAME = re.compile(r"\w+")
_WORDS = frozenset({"and", "or", "not", "is", "null", "where"})


@dataclass(frozen=True)
class Lines:
    """Records together with the tables they were read from, so that later checks can name their lines."""

    records: tuple[Record, ...]
    tables: Mapping[str, Table]
    fields: Mapping[tuple[str, str], Table]


def read_records(document: Document, types: Mapping[str, Table], form: FileForm) -> Lines:
    """Read every [record.X]; problems are noted in the document."""
    declared = document.table().inner("record")
    if not declared.value and not document.problems:
        document.problem((), "the layout has no record", "add [record.NAME] with its fields")
    records: list[Record] = []
    tables: dict[str, Table] = {}
    field_tables: dict[tuple[str, str], Table] = {}
    for name in declared.value:
        table = declared.inner(name)
        if not _NAME.fullmatch(name) or name in _WORDS:
            table.problem("", f"a record cannot be called `{name}`", "use letters, digits and _")
        nested = Nested(types, form)
        written = list(nested.fields(table.inner_tables("fields")))
        lines = [one.line for one in written]
        fields = _read_fields(table, written, form, nested.stop)
        for field, line in zip(fields, lines, strict=True):
            field_tables.setdefault((name, field.name), line)
        match = _read_match(table, fields, form)
        only = read_only(table)
        position = cast(Literal["", "first", "last"], table.choice("position", ("first", "last"), ""))
        place = document.where(table.path)[0]
        end = nested.repeated
        repeated = None if end is None else (end.by, end.start, end.size)
        if end is not None:
            fields = _with_most(fields, lines, end, nested.stop)
        records.append(Record(name, len(records), fields, match, only, position, repeated=repeated, line=place))
        _check_given(lines, records[-1])
        tables[name] = table
        table.close()
    _check_lengths(document, tables, records, form)
    by_length = _check_told_apart(tables, records, form)
    told = tuple(replace(record, by_length=record.name in by_length) for record in records)
    return Lines(told, tables, field_tables)


def _read_fields(record: Table, written: list[Written], form: FileForm, at: int) -> tuple[Field, ...]:
    fields: list[Field] = []
    seen: dict[str, int] = {}
    lines = [one.line for one in written]
    for line, field in ((one.line, one.field) for one in written):
        _check_at(line, field)
        is_new = field.name not in seen or field.base == "filler"
        if not is_new:
            hint = f"it stands in line {seen[field.name]} too; give one of them another name"
            line.problem("name", f"record {record.path[-1]} has two fields called `{field.name}`", hint)
        seen.setdefault(field.name, field.line)
        fields.append(_qualified(field, str(record.path[-1])))
    if not fields:
        record.problem("", f"record {record.path[-1]} has no fields", "add fields = [ { name = ..., ... } ]")
    elif form.kind == "fixed" and (wanted := record.integer("length", least=1) or form.length) and at != wanted:
        _add_up(record, fields, at, wanted)
    if form.kind == "delimited" and "length" in record:
        record.problem("length", "delimited records have no length", "take `length` out")
    _check_continues(lines, fields)
    _check_signs(lines, fields)
    return tuple(fields)


def _with_most(fields: tuple[Field, ...], lines: list[Table], end: Repeated, stop: int) -> tuple[Field, ...]:
    """The fields, with a bound for the one that says how often the record's end is there."""
    found = [index for index, field in enumerate(fields) if field.name == end.by]
    index = found[0] if found else -1
    field = fields[index]
    if not found or not field.is_number or field.is_amount or field.when is not None or field.start >= end.start:
        hint = "name a whole number that stands before it and is always there"
        lines[-1].problem("occurs", f"`{end.by}` cannot say how often something is there", hint)
        return fields
    most = (stop - end.start) // end.size
    if field.most is not None:
        most = min(most, field.most)
    bounded = replace(field, least=0 if field.least is None else field.least, most=most)
    return (*fields[:index], bounded, *fields[index + 1 :])


def _check_signs(lines: list[Table], fields: list[Field]) -> None:
    """A sign in a column of its own is a text of the same record, in which both of its texts can stand."""
    by_name = {field.name: field for field in fields}
    for line, field in zip(lines, fields, strict=True):
        if not field.sign_in:
            continue
        other = by_name.get(field.sign_in)
        if other is None or other.base not in ("text", "digits") or other.when is not None:
            near = did_you_mean(field.sign_in, [one.name for one in fields if one.base == "text"])
            line.problem(
                "sign_in", f"`{field.name}` has no sign in `{field.sign_in}`", near or "name a text of the record"
            )
        elif other.codes is not None and not {field.plus, field.minus} <= set(other.codes):
            hint = f"write plus and minus as the codes of `{other.name}` say"
            line.problem("sign_in", f"`{other.name}` can never be {field.plus!r} or {field.minus!r}", hint)


def _qualified(field: Field, record_name: str) -> Field:
    """The field with a bare name in `same_as` written as `record.field`: from here on there is one spelling."""
    is_bare = field.same_as and "." not in field.same_as
    return replace(field, same_as=f"{record_name}.{field.same_as}") if is_bare else field


def _add_up(record: Table, fields: list[Field], total: int, length: int) -> None:
    gap = length - total
    last = fields[-1]
    is_missing = f"{counted(gap, 'byte')} {'is' if gap == 1 else 'are'} missing"
    hint = f"{is_missing}: check each `len` against the contract" if gap > 0 else f"{counted(-gap, 'byte')} too many"
    if last.base == "filler" and last.length is not None and last.length + gap > 0:
        hint += f"; if only the filler is wrong, its len is {last.length + gap}"
    record.problem(
        "fields", f"the fields of record {record.path[-1]} take {counted(total, 'byte')}, the record has {length}", hint
    )


def _check_at(line: Table, field: Field) -> None:
    at = line.integer("at", least=1)
    if field.name != line.value.get("name"):
        return  # written out several times: the line has no one place
    if at is not None and at != field.start + 1:
        hint = f"write at = {field.start + 1}, or correct the lengths above it"
        line.problem("at", f"`{field.name}` begins at column {field.start + 1}, `at` says {at}", hint)


def _check_given(lines: list[Table], record: Record) -> None:
    """What we fill is blank in a request, so that it cannot be required there."""
    for line, field in zip(lines, record.fields, strict=True):
        if field.required and field.origin and record.is_in("request") and field in record.fields_in("request"):
            hint = "take `required` out, or keep the record or column out of requests with `only`"
            line.problem("from", f"`{field.name}` is filled by us, and cannot be required in a request", hint)


def _check_continues(lines: list[Table], fields: list[Field]) -> None:
    """`on_overflow = "continue:FIELD"` names another text field of the record."""
    by_name = {field.name: field for field in fields}
    for line, field in zip(lines, fields, strict=True):
        name = field.on_overflow.partition("continue:")[2]
        if name and (name not in by_name or name == field.name or by_name[name].base != "text"):
            near = did_you_mean(name, [one.name for one in fields if one.base == "text" and one is not field])
            line.problem(
                "on_overflow", f"`{field.name}` cannot continue in `{name}`", near or "name another text field"
            )
        elif name and field.base != "text":
            line.problem("on_overflow", f"`{field.name}` is no text and cannot be continued", 'write "manual"')


def _read_match(record: Table, fields: tuple[Field, ...], form: FileForm) -> Mapping[str, str]:
    table = record.inner("match")
    by_name = {field.name: field for field in fields}
    match: dict[str, str] = {}
    for name in table.value:
        text = table.text(name)
        field = by_name.get(name)
        if field is None:
            hint = did_you_mean(name, by_name) or f"its fields are {', '.join(by_name)}"
            table.problem(name, f"`match` names `{name}`, which is no field of record {record.path[-1]}", hint)
        elif isinstance(table.value[name], str):
            _check_match(table, field, text, form)
            match[name] = text
    return match


def _check_match(table: Table, field: Field, text: str, form: FileForm) -> None:
    if field.base == "const" and text != field.value:
        hint = "write the same text twice, or take one out"
        table.problem(field.name, f"`match` has {field.name} = {text!r}, the field's value is {field.value!r}", hint)
    elif field.base not in ("const", "text", "digits"):
        table.problem(field.name, f"`{field.name}` is {field.base}; records are told apart by const, text or digits")
    elif form.kind == "fixed" and encoded_length(text, form.codec) != field.length:
        hint = f"write all {counted(field.length or 0, 'character')}, blanks included"
        table.problem(
            field.name, f"`match` has {field.name} = {text!r}, the field has {counted(field.length or 0, 'byte')}", hint
        )
    elif field.only or field.when is not None:
        table.problem(field.name, f"`{field.name}` is not there in every direction, so that it tells nothing apart")


def _check_lengths(document: Document, tables: Mapping[str, Table], records: list[Record], form: FileForm) -> None:
    """Records that say their length say it in the same place, and none has a length that it cannot say."""
    if not form.length_in:
        return
    path = ("file", "record", "length_in")
    fields = [(record, record.by_name.get(form.length_in)) for record in records]
    lacking = [record.name for record, field in fields if field is None]
    if lacking:
        hint = "every record says its length, in a field of the same name, place and type"
        document.problem(path, f"record {lacking[0]} has no field `{form.length_in}`", hint)
        return
    kinds = {(f.base, f.start, f.length, f.endian, f.sign) for _, f in fields if f is not None}
    first = fields[0][1]
    if len(kinds) > 1:
        document.problem(path, f"`{form.length_in}` is not in the same place in every record", "give it one type")
    elif first is not None and not (first.is_number and not first.is_amount and not first.sign):
        document.problem(path, f"`{form.length_in}` is {first.base}: a length is a whole number", 'as type = "binary"')
    elif first is not None and any(record.length - form.length_adds >= 10**first.digits for record, _ in fields):
        document.problem(path, f"`{form.length_in}` is too narrow for the length of its record", "widen it")


def _check_told_apart(tables: Mapping[str, Table], records: list[Record], form: FileForm) -> set[str]:
    """For each two types that occur in one direction: is there a byte string that both would accept?

    Returns the names of the records that are told by their length.
    """
    by_length: set[str] = set()
    for index, one in enumerate(records):
        for other in records[index + 1 :]:
            shared = [d for d in DIRECTIONS if one.is_in(d) and other.is_in(d)]
            if one.position != other.position:
                continue
            example = _accepted_by_both(one, other, form, shared[0]) if shared else None
            if example is None:
                continue
            if form.kind == "fixed" and one.length != other.length:
                by_length |= {one.name, other.name}
                continue
            hint = "give each a `match` on the field that tells them apart, or `only` for different directions"
            text = f"records {one.name} and {other.name} cannot be told apart: both accept {example!r}"
            table = tables[other.name]
            table.problem("match" if "match" in table else "", text, hint)
    return by_length


def _accepted_by_both(one: Record, other: Record, form: FileForm, direction: Direction) -> str | None:
    """The start of a record that meets the `match` of both, "." for bytes that do not matter; None when none does."""
    if form.kind == "delimited":
        return _cells_accepted_by_both(one, other, form, direction)
    wanted: dict[int, int] = {}
    for record in (one, other):
        for name, text in record.match.items():
            for offset, byte in enumerate(text.encode(form.codec, "replace"), start=record.by_name[name].start):
                if wanted.setdefault(offset, byte) != byte:
                    return None
    example = bytes(wanted.get(offset, 0x2E) for offset in range(max(wanted, default=0) + 1))
    return example.decode(form.codec, "replace")


def _cells_accepted_by_both(one: Record, other: Record, form: FileForm, direction: Direction) -> str | None:
    wanted: dict[int, str] = {}
    for record in (one, other):
        names = [field.name for field in record.fields_in(direction)]
        for name, text in record.match.items():
            if name in names and wanted.setdefault(names.index(name), text) != text:
                return None
    return form.dialect.delimiter.join(wanted.get(index, "...") for index in range(max(wanted, default=0) + 1))
