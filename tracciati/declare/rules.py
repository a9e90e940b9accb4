"""[[rule]], `same_as` and `reference_date`: what is checked between fields."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, cast

from tracciati.declare.references import Trouble, World, find, resolve, unreachable
from tracciati.declare.toml import did_you_mean
from tracciati.expression import Condition, ExpressionError, Name, names, parse
from tracciati.layout import Rule

if TYPE_CHECKING:
    from tracciati.declare.records import Lines
    from tracciati.declare.toml import Document, Table
    from tracciati.layout import Field, FileForm, Record

LANGUAGES = ("it", "en")

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def read_rules(document: Document, world: World) -> tuple[Rule, ...]:
    """Read every [[rule]]; problems are noted."""
    rules: list[Rule] = []
    seen: set[str] = set()
    for table in document.table().inner_tables("rule"):
        identity = table.text("id", required=True)
        if identity and not _ID.fullmatch(identity):
            table.problem("id", f"a rule cannot be called {identity!r}", "use letters, digits and - . _, as BD-001")
        if identity in seen:
            table.problem("id", f"two rules are called {identity!r}", "findings name the rule: give each its own id")
        seen.add(identity)
        record_name = table.text("on", required=True)
        text = table.text("check", required=True)
        severity = table.choice("severity", ("error", "warning"), "error")
        texts = _texts(table)
        table.close()
        record = world.records.get(record_name)
        if record_name and record is None:
            hint = did_you_mean(record_name, world.records) or f"records are {', '.join(world.records)}"
            table.problem("on", f"rule {identity}: there is no record `{record_name}`", hint)
        check = _check(table, identity, text, world, record) if text and record is not None else None
        if check is not None:
            line = document.where(table.path)[0]
            rules.append(Rule(identity, record_name, check, cast(Literal["error", "warning"], severity), texts, line))
    return tuple(rules)


def check_same_as(lines: Lines, world: World) -> None:
    """Each `same_as` leads to another field of the same base and scale, that is there once."""
    for record in lines.records:
        for field in record.fields:
            if field.same_as:
                line = lines.fields[record.name, field.name]
                _check_same_as(line, world, record, field)


def check_sequences(lines: Lines, world: World) -> None:
    """Counts that begin anew do so in a group that holds their records; those that share one count alike."""
    seen: dict[str, tuple[Record, Field]] = {}
    for record in lines.records:
        for field in record.fields:
            sequence = field.sequence
            if sequence is None or not (sequence.series or sequence.within):
                continue
            line = lines.fields[record.name, field.name]
            if sequence.within and sequence.within not in world.groups:
                hint = did_you_mean(sequence.within, world.groups) or "name a [group.X] that holds the record"
                line.problem(("sequence", "within"), f"`{field.name}`: no group `{sequence.within}`", hint)
                continue
            for direction in world.directions_of(record) if sequence.within else ():
                automaton = world.structure[direction]
                inside = automaton.inside[:, automaton.group_index(sequence.within)]
                if not inside[automaton.place_types == record.index].all():
                    text = f"`{field.name}`: a {record.name} can stand outside of group {sequence.within}"
                    line.problem(("sequence", "within"), text, "name a group that holds all of them")
            first = seen.setdefault(sequence.series or f"{record.name}.{field.name}", (record, field))
            if first[1].sequence != sequence:
                text = f"`{field.name}` counts in another way than {first[0].name}.{first[1].name}, of one series"
                line.problem("sequence", text, "write the same start, step and within")
            elif first[1] is not field and first[0] is record:
                text = f"`{field.name}` and `{first[1].name}` are of one series and one record"
                line.problem("sequence", text, "a record has one number of a series")


def check_when(lines: Lines, world: World) -> None:
    """The conditions under which fields are there: over fields of the same record that always are."""
    for record in lines.records:
        for field in record.fields:
            if field.when is None:
                continue
            line = lines.fields[record.name, field.name]
            key = "when" if "when" in line else ""
            for trouble in resolve(field.when, world, record):
                line.problem(key, f"`{field.name}`: `when`: {trouble.text}", trouble.hint)
            for name in names(field.when):
                other = record.by_name.get(name.field)
                if name.record not in (None, record.name) or (other is not None and other.when is not None):
                    hint = "name a field of the record that is always there"
                    line.problem(key, f"`{field.name}`: `when` cannot depend on `{name.path}`", hint)
                elif other is not None and other.origin:
                    hint = "name a field that the request has"
                    line.problem(key, f"`{field.name}`: `when` cannot depend on `{name.path}`, which we fill", hint)
            for other_key in ("same_as", "sequence", "derive"):
                if other_key in line:
                    hint = "take one out"
                    line.problem(other_key, f"`{field.name}`: `{other_key}` is for a field that is always there", hint)


def check_reference_date(document: Document, form: FileForm, world: World) -> None:
    """`reference_date` is a date of a record that is there once."""
    if not form.reference_date:
        return
    path = ("file", "reference_date")
    record_name, _, field_name = form.reference_date.partition(".")
    record = world.records.get(record_name)
    if record is None or not field_name:
        hint = did_you_mean(record_name, world.records) or "write record.field, as testa.data_flusso"
        document.problem(path, f"`reference_date` leads to no field: {form.reference_date!r}", hint)
        return
    found = find(Name(record_name, field_name), world, record)
    if isinstance(found, Trouble):
        document.problem(path, f"`reference_date`: {found.text}", found.hint)
    elif found.base != "date":
        document.problem(path, f"`reference_date`: {form.reference_date} is {found.base}, not a date")
    elif not world.is_single(record):
        document.problem(path, f"`reference_date`: a file can hold several records {record_name}")


def _texts(table: Table) -> dict[str, str]:
    """The rule's text by language; one text stands for both."""
    written = table.value.get("text")
    if isinstance(written, str):
        return dict.fromkeys(LANGUAGES, table.text("text"))
    inner = table.inner("text")
    texts = {language: inner.text(language) for language in LANGUAGES if language in inner}
    inner.asked.extend(LANGUAGES)
    inner.close()
    if not texts:
        table.problem("", "a rule needs `text`: what the customer is told", 'add text = { it = "...", en = "..." }')
    only = next(iter(texts.values()), "")
    return {language: texts.get(language, only) for language in LANGUAGES}


def _check(table: Table, identity: str, text: str, world: World, record: Record) -> Condition | None:
    try:
        check = parse(text)
    except ExpressionError as error:
        table.problem("check", f"rule {identity}: {error.why}\n  {text}\n  {' ' * error.position}^", _EXAMPLE)
        return None
    if not isinstance(check, Condition):
        table.problem("check", f"rule {identity}: `{text}` is a total, not a condition", _EXAMPLE)
        return None
    troubles = resolve(check, world, record)
    for trouble in troubles:
        table.problem("check", f"rule {identity}: {trouble.text}", trouble.hint)
    if not troubles:
        _check_present(table, identity, check, world, record)
    return None if troubles else check


_EXAMPLE = "write for instance: importo > 0 or servizio = 'VIS2'"


def _check_present(table: Table, identity: str, check: Condition, world: World, record: Record) -> None:
    """Every field that a rule names must be there, and before it, in every direction that has the rule's record."""
    troubles = [t for name in names(check) for t in unreachable(name, world, record, world.directions_of(record))]
    for trouble in dict.fromkeys(troubles):
        table.problem("check", f"rule {identity}: {trouble.text}", trouble.hint)


def _check_same_as(line: Table, world: World, record: Record, field: Field) -> None:
    name = _name_of(field)
    found = find(name, world, record)
    if isinstance(found, Trouble):
        line.problem("same_as", f"`{field.name}`: `same_as`: {found.text}", found.hint)
        return
    if found is field:
        line.problem("same_as", f"`{field.name}` is the same as itself", "name another field")
    elif _comes_back(world, record, field):
        line.problem("same_as", f"`{field.name}` is the same as itself, by way of {field.same_as}", "take one out")
    elif (found.base, found.scale) != (field.base, field.scale):
        text = f"`{field.name}` is {field.base}, {field.same_as} is {found.base}: they could never be the same"
        line.problem("same_as", text, "give both fields one type")
    directions = [d for d in world.directions_of(record) if field in record.fields_in(d)]
    if field.origin:  # in a request it is empty: nothing is compared
        directions = [d for d in directions if d != "request"]
    for trouble in unreachable(name, world, record, directions):
        line.problem("same_as", f"`{field.name}`: `same_as`: {trouble.text}", trouble.hint)


def _name_of(field: Field) -> Name:
    """What `same_as` leads to."""
    return Name(*field.same_as.split(".", 1))


def _comes_back(world: World, record: Record, field: Field) -> bool:
    """Do the fields that `same_as` leads to, one after another, lead back to this one?"""
    start = path = f"{record.name}.{field.name}"
    seen: set[str] = set()
    while path not in seen:
        seen.add(path)
        owner, _, name = path.partition(".")
        at = world.records[owner].by_name.get(name) if owner in world.records else None
        if at is None or not at.same_as:
            return False
        path = at.same_as
    return path == start
