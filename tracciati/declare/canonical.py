"""The canonical form: one JSON text for all spellings of the same declaration, and its fingerprint.

Named types are resolved, defaults written out, structures and expressions in one spelling; comments, spacing, the
order of keys and line numbers are gone. Whatever else was declared is in it, labels and texts included: two layouts
with one fingerprint give the same reports.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, is_dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from tracciati.expression import Aggregate, And, Combined, Compare, Count, IsNull, Name, Not, Or, text_of
from tracciati.layout import Field, FileForm, Record, Rule, Sequence
from tracciati.structure import Automaton

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracciati.declare.files import Head

# What the language has learnt since layouts are published: left out where a layout does not say it, so that those keep
# their fingerprints. `[continuity]` is such a thing too: `declare` hands it over only where it is said.
_LEARNT: Mapping[type, frozenset[str]] = {
    Field: frozenset(
        {
            "pattern",
            "least",
            "most",
            "weights",
            "ten",
            "eleven",
            "sign",
            "plus",
            "minus",
            "yes",
            "no",
            "endian",
            "when",
            "sign_in",
            "default",
        }
    ),
    FileForm: frozenset({"length_in", "length_adds", "block", "fill"}),
    Record: frozenset({"position"}),
    Sequence: frozenset({"series", "within"}),
}
# Computed, or the place in the text: they say nothing that the order of records and fields does not say.
_UNDECLARED: Mapping[type, frozenset[str]] = {
    Field: frozenset({"line", "start"}),
    Record: frozenset({"line", "index", "by_length", "repeated"}),
    Rule: frozenset({"line"}),
}


def canonical_text(head: Head, parts: Mapping[str, object]) -> str:
    """Canonical JSON of a layout's head and its other parts (file, records, groups, structure, rules)."""
    plain = {"language": 1, "layout": _plain(head), **{name: _plain(part) for name, part in parts.items()}}
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def fingerprint(canonical: str) -> str:
    """SHA-256 of a canonical text, in hex."""
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def _plain(value: object) -> Any:
    """A declared value as JSON has it."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Automaton):
        return value.text
    if isinstance(value, And | Or | Not | Compare | IsNull | Count | Aggregate | Combined | Name):
        return text_of(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    assert is_dataclass(value), f"{type(value).__name__} has no canonical form"
    left_out = _UNDECLARED.get(type(value), frozenset())
    learnt = _LEARNT.get(type(value), frozenset())
    return {
        f.name: _plain(getattr(value, f.name))
        for f in fields(value)
        if f.name not in left_out and not (f.name in learnt and getattr(value, f.name) == f.default)
    }
