"""TOML: a proposal as a layout to be edited, with the doubts at its top and the evidence beside each field."""

from __future__ import annotations

import json
import re
from typing import Any

from tracciati.infer.proposal import FieldProposal, Proposal, RecordProposal
from tracciati.wording import counted

_LINE = 118


def text(proposal: Proposal) -> str:
    """The layout. It loads as it stands: what is not certain is said in comments."""
    form = proposal.framing.form
    lines = [
        *_head(proposal),
        "[layout]",
        f"id       = {string(proposal.id)}",
        'version  = "0.1.0"',
        f"title    = {string('Proposal from ' + ', '.join(proposal.names))}",
        'source   = "inferred from samples; no contract was read"',
        "verified = false",
        "",
        "[file]",
        _with_comment(f'kind      = "{form.kind}"', proposal.framing.reasons.get("kind", "")),
        *_record_line(proposal),
        _with_comment(f'encoding  = {{ codec = "{form.codec}" }}', proposal.framing.reasons.get("codec", "")),
    ]
    if form.on_short != "reject":
        lines.append(f'on_short  = "{form.on_short}"')
    if form.kind == "delimited":
        dialect = form.dialect
        header = str(dialect.header).lower()
        table = f"{{ delimiter = {string(dialect.delimiter)}, quote = {string(dialect.quote)}, header = {header} }}"
        lines.append(_with_comment(f"dialect   = {table}", proposal.framing.reasons.get("header", "")))
    lines.append(f"structure = {string(proposal.order.text)}")
    for record in proposal.records:
        lines += ["", *_record(record)]
    for name, structure in proposal.order.groups.items():
        lines += ["", f"[group.{name}]", f"structure = {string(structure)}"]
    return "\n".join(lines) + "\n"


def _head(proposal: Proposal) -> list[str]:
    count = len(proposal.framing)
    lines = [
        *_wrapped(f"Proposed by `tracciati infer` from {counted(count, 'record')} of {', '.join(proposal.names)}."),
        "# Beside each field: how sure it is (1 is certain), how many records agree, and which contradict it.",
        "#",
        f"# {'DOUBTS' if proposal.doubts else 'No doubts'}: what the samples do not decide"
        + ("; settle each with whoever sends the files." if proposal.doubts else "."),
    ]
    for number, doubt in enumerate(proposal.doubts, start=1):
        lines += _wrapped(f"{number}. {doubt}")
    if proposal.findings:
        lines += ["#", "# Read by this layout, the samples have:"]
        for line in proposal.findings:
            lines += _wrapped(line)
    return [*lines, ""]


def _wrapped(words: str) -> list[str]:
    lines, line = [], "#"
    for word in printable(words).split(" "):
        if len(line) + 1 + len(word) > _LINE and line.strip("# "):
            lines.append(line)
            line = "#   "
        line += f" {word}"
    return [*lines, line]


def _record_line(proposal: Proposal) -> list[str]:
    form, reasons = proposal.framing.form, proposal.framing.reasons
    parts = [f"length = {form.length}"] if form.length is not None else []
    parts.append(f'separator = "{form.separator}"')
    if form.last_separator != "optional":
        parts.append(f'last_separator = "{form.last_separator}"')
    why = [f"{key}: {reasons[key]}" for key in ("length", "separator") if reasons.get(key)]
    return [*(f"# {printable(one)}" for one in why), f"record    = {{ {', '.join(parts)} }}"]


def _record(record: RecordProposal) -> list[str]:
    lines = [f"[record.{record.name}]   # {counted(record.count, 'record')}"]
    matching = [one for one in record.fields if one.is_match]
    if matching:
        told = ", ".join(f"{one.name} = {string(str(one.kind.keys['value']))}" for one in matching)
        lines.append(f"match  = {{ {told} }}")
    declared = [(_field(one), one) for one in record.fields]
    width = min(max(len(line) for line, _ in declared), 70)
    lines.append("fields = [")
    lines += [f"  {line.ljust(width)} # {_said(one)}" for line, one in declared]
    return [*lines, "]"]


def _said(one: FieldProposal) -> str:
    return printable(f"{one.evidence.to_text()} ({one.place})")


def _field(one: FieldProposal) -> str:
    parts = [f'name = "{one.name}"']
    if one.length is not None:
        parts.append(f"len = {one.length}")
    parts.append(f'type = "{one.kind.base}"')
    if one.label and one.label != one.name:
        parts.append(f"label = {string(one.label)}")
    parts += [f"{key} = {value_of(value)}" for key, value in {**one.kind.keys, **one.extra}.items()]
    return f"{{ {', '.join(parts)} }},"


def value_of(value: Any) -> str:
    """A value as TOML writes it, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(str(key))} = {value_of(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(value_of(one) for one in value) + "]"
    return str(value) if isinstance(value, int) else string(str(value))


def _key(text: str) -> str:
    return text if re.fullmatch("[A-Za-z0-9_-]+", text) else string(text)


def string(text: str) -> str:
    """A text as TOML writes it: JSON's escapes, and one for the byte that JSON leaves as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f").replace("\x85", "\\u0085")


def printable(text: str) -> str:
    """A text for a comment: characters that no line may hold are shown as their escapes."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)


def _with_comment(line: str, why: str) -> str:
    return f"{line}   # {printable(why)}" if why else line
