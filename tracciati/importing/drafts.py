"""A layout that is being made: lines of fields with what is doubtful of each, and the text that comes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tracciati.wording import counted

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPED = {'"': '\\"', "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_WIDTH = 110


@dataclass(frozen=True)
class Doubt:
    """Something that could not be said, or that a person has to look at.

    line  where it comes from: the line of the copybook, or the row of the table; 0 for all of it
    name  the field or record
    """

    line: int
    name: str
    text: str


@dataclass
class Node:
    """One line of `fields`: a field, one that is repeated (`fields` in it), or alternatives (`variants`).

    keys     in the order in which they are written; values are str, int, bool, list or dict
    doubts   what is written above it
    inside   the lines of a repeated group
    choices  of alternatives: the condition and the lines of each
    """

    keys: dict[str, Any]
    doubts: list[Doubt] = field(default_factory=list)
    inside: list[Node] = field(default_factory=list)
    choices: list[tuple[str, list[Node]]] = field(default_factory=list)


@dataclass
class RecordDraft:
    """One record type. `size`: its bytes, at most."""

    name: str
    nodes: list[Node]
    size: int
    match: Mapping[str, str] = field(default_factory=dict)
    doubts: list[Doubt] = field(default_factory=list)


@dataclass
class Draft:
    """A layout. `file`: the keys of [file] but for `structure`."""

    id: str
    source: str
    title: str
    file: dict[str, Any]
    records: list[RecordDraft]
    doubts: list[Doubt] = field(default_factory=list)

    def all_doubts(self) -> list[Doubt]:
        """Every doubt: those of the whole first, then in the order of the text."""
        found = list(self.doubts)
        for record in self.records:
            found += record.doubts
            for node in _walk(record.nodes):
                found += node.doubts
        return list(dict.fromkeys(found))

    def fields_count(self) -> int:
        """Lines that are fields, in all records."""
        return sum(1 for r in self.records for node in _walk(r.nodes) if not node.inside and not node.choices)


def _walk(nodes: Sequence[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _walk(node.inside)
        for _, inner in node.choices:
            yield from _walk(inner)


def text(draft: Draft) -> str:
    """The layout as TOML, with its doubts as comments that begin with `# ?`."""
    count = len(draft.all_doubts())
    looked_at = f"{counted(count, 'doubt')}, marked `# ?`" if count else "no doubts"
    lines = [
        f"# Made by `tracciati import` from {_plain(draft.source)}: {looked_at}.",
        "# To be edited, and held against real files.",
        "",
        "[layout]",
        f"id       = {value(draft.id)}",
        'version  = "1.0.0"',
        *([f"title    = {value(draft.title)}"] if draft.title else []),
        f"source   = {value(draft.source)}",
        "verified = false",
        "",
        *_comments(draft.doubts, ""),
        "[file]",
        *(f"{key:<9} = {value(said)}" for key, said in draft.file.items()),
        f"structure = {{ request = {value(_structure(draft.records))} }}",
    ]
    for record in draft.records:
        lines += ["", *_comments(record.doubts, ""), f"[record.{record.name}]"]
        if record.match:
            lines.append(f"match  = {value(dict(record.match))}")
        lines += ["fields = [", *_lines(record.nodes, "  "), "]"]
    return "\n".join(lines) + "\n"


def _structure(records: Sequence[RecordDraft]) -> str:
    names = [record.name for record in records]
    return f"{names[0]}*" if len(names) == 1 else f"({' | '.join(names)})*"


def _lines(nodes: Sequence[Node], indent: str) -> Iterator[str]:
    wide = max((len(value(node.keys["name"])) for node in nodes if "name" in node.keys), default=0)
    for node in nodes:
        yield from _comments(node.doubts, indent)
        if node.choices:
            yield f"{indent}{{ variants = ["
            for when, inner in node.choices:
                yield f"{indent}  {{ when = {value(when)}, fields = ["
                yield from _lines(inner, f"{indent}    ")
                yield f"{indent}  ] }},"
            yield f"{indent}] }},"
            continue
        said = [f"{key} = {value(one)}" for key, one in node.keys.items()]
        if node.inside:
            yield f"{indent}{{ {', '.join(said)}, fields = ["
            yield from _lines(node.inside, f"{indent}  ")
            yield f"{indent}] }},"
        else:
            first = f"{said[0]},".ljust(len("name = ,") + wide) if len(said) > 1 else said[0]
            yield f"{indent}{{ {' '.join([first, ', '.join(said[1:])]).rstrip()} }},"


def _comments(doubts: Sequence[Doubt], indent: str) -> Iterator[str]:
    for doubt in doubts:
        where = f" (line {doubt.line})" if doubt.line else ""
        words = f"{_plain(doubt.name)}{where}: {_plain(doubt.text)}" if doubt.name else _plain(doubt.text)
        for number, part in enumerate(_wrapped(words)):
            yield f"{indent}# {'? ' if number == 0 else '  '}{part}"


def _wrapped(words: str) -> Iterator[str]:
    line = ""
    for word in words.split(" "):
        if line and len(line) + len(word) >= _WIDTH:
            yield line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line


def _plain(text: str) -> str:
    """A text that a comment can hold: what would end its line, or be refused in TOML, is shown escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def value(said: Any) -> str:
    """A value of TOML, in one line."""
    if isinstance(said, bool):
        return "true" if said else "false"
    if isinstance(said, str):
        return '"' + "".join(_ESCAPED.get(c) or (c if c.isprintable() else _escaped(c)) for c in said) + '"'
    if isinstance(said, dict):
        inside = ", ".join(f"{_key(key)} = {value(one)}" for key, one in said.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(said, list):
        return f"[{', '.join(value(one) for one in said)}]"
    assert isinstance(said, int), said
    return str(said)


def _escaped(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04X}" if number < 0x10000 else f"\\U{number:08X}"


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else value(key)
