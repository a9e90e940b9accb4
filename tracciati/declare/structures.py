"""[file] structure and [group.X]: in which order records follow one another, per direction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracciati import structure
from tracciati.declare.toml import did_you_mean
from tracciati.layout import DIRECTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracciati.declare.records import Lines
    from tracciati.declare.toml import Document, Table
    from tracciati.layout import Direction, Field, FileForm, Record


def read_groups(document: Document, lines: Lines) -> Mapping[str, str]:
    """Structure text of each [group.X], in canonical spacing."""
    declared = document.table().inner("group")
    groups: dict[str, str] = {}
    index = {record.name: record.index for record in lines.records}
    for name in declared.value:
        table = declared.inner(name)
        text = table.text("structure", required=True)
        table.close()
        if name in index:
            table.problem("", f"`{name}` is a group and a record", "give one of them another name")
        elif text:
            groups[name] = text
    return {name: _spaced(text) for name, text in groups.items()}


def read_structure(
    document: Document, lines: Lines, groups: Mapping[str, str], form: FileForm
) -> Mapping[Direction, structure.Automaton]:
    """The automaton of each direction that has a structure.

    Empty when one of them is wrong (which is noted): what depends on the structure is then not checked, so that one
    mistake is one complaint.
    """
    file = document.table().inner("file")
    texts = _texts_by_direction(file, lines, groups)
    found: dict[Direction, structure.Automaton] = {}
    for direction, text in texts.items():
        is_table = isinstance(file.value["structure"], dict)
        key = ("structure", direction) if is_table else ("structure",)
        automaton = _compiled(document, file, key, text, lines, groups)
        if automaton is not None:
            found[direction] = automaton
            _check_members(file, key, lines, automaton, direction, form)
    if len(found) < len(texts):
        return {}
    if found:
        _check_all_used(document, lines, groups, found)
    return found


def _spaced(text: str) -> str:
    try:
        return structure.canonical(text)
    except structure.StructureError:
        return text  # named with its place when the group is compiled


def _texts_by_direction(file: Table, lines: Lines, groups: Mapping[str, str]) -> Mapping[Direction, str]:
    written = file.value.get("structure")
    if written is None:
        hint = 'add structure = "testa richiesta+ coda", or one per direction: { request = "...", answer = "..." }'
        file.problem("", "the layout has no `structure`", hint)
        return {}
    if isinstance(written, dict):
        table = file.inner("structure")
        texts = {d: table.text(d) for d in DIRECTIONS if d in table}
        table.asked.extend(DIRECTIONS)
        table.close()
        if not written:
            table.problem("", "`structure` names no direction", f"it can be {', '.join(DIRECTIONS)}")
        return {d: text for d, text in texts.items() if text or isinstance(written[d], str)}
    text = file.text("structure")
    if not isinstance(written, str):
        return {}
    # One text for all directions in which every record it names occurs.
    named = _records_named(text, groups)
    records = {record.name: record for record in lines.records}
    directions = [d for d in DIRECTIONS if all(records[n].is_in(d) for n in named if n in records)]
    if not directions:
        hint = "write one structure per direction: { request = ..., invoice = ... }"
        file.problem("structure", "no direction has all the records of this `structure`", hint)
    return dict.fromkeys(directions, text)


def _records_named(text: str, groups: Mapping[str, str]) -> set[str]:
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [text]
    while waiting:
        try:
            names = {word for word, _ in structure.words(waiting.pop()) if word[0] not in "()|?*+"}
        except structure.StructureError:
            continue  # named with its place when it is compiled
        waiting += [groups[name] for name in names & groups.keys() - seen]
        seen |= names
        found |= names - groups.keys()
    return found


_NO_RECORDS = "the layout has no records yet: declare each as [record.NAME]"


def _compiled(
    document: Document, file: Table, key: tuple[str, ...], text: str, lines: Lines, groups: Mapping[str, str]
) -> structure.Automaton | None:
    index = {record.name: record.index for record in lines.records}
    try:
        return structure.compile(text, index, groups)
    except structure.StructureError as error:
        marked = f"{error.why}\n  {error.text}\n  {' ' * error.position}^"
        word = structure.words(error.text[error.position :])[:1] if error.why.endswith("a group") else []
        hint = did_you_mean(word[0][0], [*index, *groups]) if word else ""
        known = ", ".join([*index, *groups])
        hint = hint or error.hint or (f"its records and groups are {known}" if known else _NO_RECORDS)
        # A mistake in a group's own text is shown where the group is declared.
        owner = next((name for name, group in groups.items() if group == error.text and group != text), None)
        if owner is not None:
            document.problem(("group", owner, "structure"), marked, hint)
        else:
            file.problem(key, marked, hint)
        return None


def _check_members(
    file: Table,
    key: tuple[str, ...],
    lines: Lines,
    automaton: structure.Automaton,
    direction: Direction,
    form: FileForm,
) -> None:
    members = [lines.records[index] for index in sorted(automaton.types)]
    for record in members:
        if not record.is_in(direction):
            hint = f"add {direction!r} to its `only`, or take it out of this structure"
            file.problem(
                key, f"record {record.name} is not in direction {direction}: only {', '.join(record.only)}", hint
            )
        elif form.kind == "delimited" and form.dialect.header and (twice := _title_twice(record, direction)):
            place = lines.fields[record.name, twice.name]
            hint = "give it another `label`: a reader of the file could not tell the columns apart"
            place.problem("label" if twice.label else "name", f"two columns are called {_title(twice)!r}", hint)
        elif not record.fields_in(direction):
            lines.tables[record.name].problem("", f"record {record.name} has no column in direction {direction}")
    if form.kind == "delimited" and form.dialect.header and len(members) > 1:
        names = ", ".join(record.name for record in members)
        hint = "take header out, or keep one record type per direction"
        file.problem(key, f"one header line cannot name the columns of several records ({names})", hint)


def _title_twice(record: Record, direction: Direction) -> Field | None:
    """A column whose title in the header row another one before it has; None when all differ."""
    seen: set[str] = set()
    for field in record.fields_in(direction):
        if field.base != "filler" and _title(field) in seen:
            return field
        seen.add(_title(field))
    return None


def _title(field: Field) -> str:
    return field.label or field.name


def _check_all_used(
    document: Document,
    lines: Lines,
    groups: Mapping[str, str],
    found: Mapping[Direction, structure.Automaton],
) -> None:
    used = frozenset[int]().union(*(automaton.types for automaton in found.values()))
    inside = {
        name for a in found.values() for name, column in zip(a.group_names, a.inside.T, strict=True) if column.any()
    }
    for record in lines.records:
        if record.index not in used:
            hint = "name it in a structure, or take it out"
            lines.tables[record.name].problem(
                "", f"no structure names record {record.name}: it could never occur", hint
            )
    for name in groups:
        if name not in inside:
            document.problem(
                ("group", name), f"no structure names group {name}", "name it in a structure, or take it out"
            )
