"""Differing: two layouts compared, as the two sides of a contract must know it before the second one goes live.

A change moves bytes, refuses something that was accepted, or accepts something that was refused. What follows depends
on who writes the file. In requests, which the partner writes, what is refused now makes the partner change; in the
files that we write, what may come now makes the partner change, since it reads them. Pure.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tracciati.expression import text_of
from tracciati.values import bounds
from tracciati.wording import counted

if TYPE_CHECKING:
    from tracciati.layout import Field, Layout, Record
    from tracciati.structure import Automaton

Kind = Literal["moved", "stricter", "looser", "words"]
_LISTED_MAX = 8


@dataclass(frozen=True)
class Change:
    """One thing that differs.

    kind        moved: the same bytes mean something else; stricter: something that was right is wrong now; looser: the
                other way round; words: neither
    where       `record.field`, a record, a rule, or a part of the layout
    text        what differs, with both sides
    is_partners the partner has to do something about it
    """

    kind: Kind
    where: str
    text: str
    is_partners: bool


@dataclass(frozen=True)
class Difference:
    """All that differs between two layouts, in the order of the newer one's records."""

    old: str
    new: str
    changes: tuple[Change, ...]

    @property
    def is_partners(self) -> bool:
        """Must the partner change something?"""
        return any(change.is_partners for change in self.changes)

    @property
    def verdict(self) -> str:
        """The difference in one sentence."""
        if self.is_partners:
            count = sum(change.is_partners for change in self.changes)
            return f"the partner must change: {counted(count, 'change')} that its programs will meet"
        if any(change.kind != "words" for change in self.changes):
            return "the partner need not change: what it sends is read as before, and what it gets has the old form"
        return "the same files are right, and mean the same"

    def to_text(self) -> str:
        """For people: the changes, then the verdict."""
        lines = [f"{self.old} -> {self.new}"]
        lines += [
            f"  {'!' if change.is_partners else ' '} {change.kind:<8} {change.where}: {change.text}"
            for change in self.changes
        ]
        return "\n".join([*lines, self.verdict])

    def to_json(self) -> str:
        """For programs."""
        changes = [
            {"kind": one.kind, "where": one.where, "text": one.text, "partner_must_change": one.is_partners}
            for one in self.changes
        ]
        value = {
            "old": self.old,
            "new": self.new,
            "partner_must_change": self.is_partners,
            "verdict": self.verdict,
            "changes": changes,
        }
        return json.dumps(value, ensure_ascii=False, indent=2)


def difference(old: Layout, new: Layout) -> Difference:
    """Compare two layouts; usually two versions of one."""
    changes = [
        *_head(old, new),
        *_form(old, new),
        *_records(old, new),
        *_orders(old, new),
        *_rules(old, new),
        *_continuity(old, new),
    ]
    return Difference(old.name, new.name, tuple(changes))


def _head(old: Layout, new: Layout) -> Iterator[Change]:
    for name in ("id", "title", "valid_from", "source", "verified"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield Change("words", f"layout.{name}", _turned(before, after), False)


# Settings of a file's form -> which values take less than others, the strictest first; others move bytes.
_STRICTNESS: Mapping[str, tuple[str, ...]] = {
    "on_short": ("reject", "pad"),
    "on_long": ("reject", "blank_tail", "ignore"),
}


def _form(old: Layout, new: Layout) -> Iterator[Change]:
    for name in ("kind", "length", "separator", "codec", "dialect"):
        before, after = getattr(old.file, name), getattr(new.file, name)
        if before != after:
            yield Change("moved", f"file.{name}", _turned(before, after), True)
    for name, order in _STRICTNESS.items():
        before, after = getattr(old.file, name), getattr(new.file, name)
        if before != after:
            is_looser = order.index(after) > order.index(before)
            yield Change("looser" if is_looser else "stricter", f"file.{name}", _turned(before, after), not is_looser)
    before, after = old.file.last_separator, new.file.last_separator
    if before != after:
        # Where it is left open, we write one: only what was forbidden, or is now, is seen by who reads.
        is_looser = after == "optional"
        is_seen = "forbidden" in (before, after)
        kind: Kind = "looser" if is_looser else "stricter"
        yield Change(kind, "file.last_separator", _turned(before, after), is_seen or not is_looser)
    if old.file.reference_date != new.file.reference_date:
        yield Change("words", "file.reference_date", _turned(old.file.reference_date, new.file.reference_date), False)


def _records(old: Layout, new: Layout) -> Iterator[Change]:
    for record in new.records:
        before = old.by_name.get(record.name)
        if before is None:
            is_written = _is_written(new, record)
            yield Change("looser", record.name, "a new record type", is_written)
            continue
        if before.match != record.match:
            yield Change("moved", record.name, f"told by {_match(before)}, now by {_match(record)}", True)
        if before.only != record.only:
            yield Change("stricter", record.name, f"`only` {_turned(before.only, record.only)}", True)
        yield from _fields(before, new, record)
    for record in old.records:
        if record.name not in new.by_name:
            yield Change("stricter", record.name, "the record type is gone", True)


def _fields(before: Record, new: Layout, after: Record) -> Iterator[Change]:
    is_fixed = new.file.kind == "fixed"
    for place, field in enumerate(after.fields):
        if field.base == "filler":
            continue
        path, earlier = f"{after.name}.{field.name}", before.by_name.get(field.name)
        if earlier is None:
            replaced = before.fields[place] if not is_fixed and place < len(before.fields) else _at(before, field)
            was = f", where `{replaced.name}` was" if replaced is not None else ""
            # In the place of a filler it is new to who fills it, and nothing to who does not.
            is_quiet = replaced is not None and replaced.base == "filler" and not field.required and is_fixed
            yield Change("stricter" if field.required else "looser", path, f"a new field{was}", not is_quiet)
            continue
        if is_fixed and (earlier.start, earlier.length) != (field.start, field.length):
            yield Change("moved", path, f"{_columns(earlier)}, now {_columns(field)}", True)
        elif not is_fixed and before.fields.index(earlier) != place:
            yield Change("moved", path, f"column {before.fields.index(earlier) + 1}, now {place + 1}", True)
        yield from _value(earlier, field, path, _Side(_is_written(new, after), field), is_fixed=is_fixed)
    for field in before.fields:
        if field.base != "filler" and field.name not in after.by_name:
            yield Change("stricter", f"{after.name}.{field.name}", "the field is gone", True)


def _at(before: Record, field: Field) -> Field | None:
    """The field in which these bytes lay."""
    if field.length is None:
        return None
    return next((one for one in before.fields if one.length and one.start <= field.start < one.stop), None)


@dataclass(frozen=True)
class _Side:
    """Who meets a change of a field's values: who writes requests, and who reads what we write.

    is_written  the record also stands in files that we write
    """

    is_written: bool
    field: Field

    def change(self, kind: Kind, where: str, text: str) -> Change:
        # What fills the field is ours: the partner only reads it, and its own blanks there are not looked at.
        if self.field.origin:
            return Change(kind, where, text, kind in ("looser", "moved"))
        # A copied field comes back to the partner as it sent it, so only what it may send matters.
        is_ours = self.is_written and bool(self.field.derive)
        return Change(kind, where, text, kind in ("stricter", "moved") or (is_ours and kind == "looser"))


def _value(old: Field, new: Field, path: str, side: _Side, *, is_fixed: bool) -> Iterator[Change]:
    """Changes in what a field may hold, and in what its bytes mean."""
    for name in (
        "base",
        "format",
        "pivot",
        "scale",
        "mark",
        "sign",
        "plus",
        "minus",
        "value",
        "yes",
        "no",
        "weights",
        "ten",
        "eleven",
    ):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield side.change("moved", path, f"`{name}` {_turned(before, after)}")
    if is_fixed and (old.align, old.pad) != (new.align, new.pad):
        yield side.change("moved", path, f"padding {old.align} {old.pad!r}, now {new.align} {new.pad!r}")
    for name in ("required", "unique", "same_as", "pattern", "sequence"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            kind: Kind = "looser" if not after else "stricter"
            yield side.change(kind, path, f"`{name}` {_turned(before, after)}")
    for name in ("least", "most"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            key = "min" if name == "least" else "max"
            is_looser = after is None or (before is not None and ((after < before) == (name == "least")))
            texts = [
                "" if number is None else bounds.shown(number, one) for number, one in ((before, old), (after, new))
            ]
            yield side.change("looser" if is_looser else "stricter", path, f"`{key}` {_turned(*texts)}")
    if old.digits != new.digits or (not is_fixed and old.length != new.length):
        before, after = (old.digits, old.length or 0), (new.digits, new.length or 0)
        is_wider = (after[0] >= before[0]) and (
            new.length is None or (old.length is not None and after[1] >= before[1])
        )
        size = "`digits`" if old.digits != new.digits else "`len`"
        values = (old.digits, new.digits) if old.digits != new.digits else (old.length, new.length)
        yield side.change("looser" if is_wider else "stricter", path, f"{size} {_turned(*values)}")
    yield from _choices(old, new, path, side)
    for direction in sorted({*old.derive, *new.derive}):
        was, now = old.derive.get(direction), new.derive.get(direction)
        if was != now:
            spelled = ["" if one is None else text_of(one) for one in (was, now)]
            yield side.change(
                "looser" if now is None else "stricter", path, f"`derive` of {direction} {_turned(*spelled)}"
            )
    for name in ("origin", "target", "on_overflow", "transliterate", "label", "sensitive"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            key = {"origin": "from", "target": "to"}.get(name, name)
            is_seen = name in ("origin", "target")
            yield Change("moved" if is_seen else "words", path, f"`{key}` {_turned(before, after)}", is_seen)


def _choices(old: Field, new: Field, path: str, side: _Side) -> Iterator[Change]:
    """Codes and null texts that came or went."""
    if (old.codes is None) != (new.codes is None):
        yield side.change(
            "stricter" if old.codes is None else "looser", path, f"`codes` {_turned(old.codes, new.codes)}"
        )
    else:
        before, after = set(old.codes or ()), set(new.codes or ())
        if after - before:
            yield side.change("looser", path, f"{counted(len(after - before), 'new code')}: {_listed(after - before)}")
        if before - after:
            gone = f"{counted(len(before - after), 'code')} gone: {_listed(before - after)}"
            yield side.change("stricter", path, gone)
        told = [code for code in sorted(before & after) if (old.codes or {})[code] != (new.codes or {})[code]]
        if told:
            yield Change("words", path, f"the meaning of {_listed(told)}", False)
    null_before, null_after = set(old.null), set(new.null)
    if null_after - null_before:
        yield side.change("looser", path, f"new null texts: {_listed(map(repr, null_after - null_before))}")
    if null_before - null_after:
        yield side.change("stricter", path, f"null texts gone: {_listed(map(repr, null_before - null_after))}")


def _orders(old: Layout, new: Layout) -> Iterator[Change]:
    """In which order records stand, per direction."""
    for direction in sorted({*old.structure, *new.structure}):
        before, after = old.structure.get(direction), new.structure.get(direction)
        where = f"structure.{direction}"
        if before is None or after is None:
            text = "a new direction" if before is None else "the direction is gone"
            yield Change("looser" if before is None else "stricter", where, text, True)
            continue
        if before.text == after.text and old.groups == new.groups:
            continue
        shorter, longer = _refused(before, after), _refused(after, before)
        is_ours = direction != "request"
        if shorter is not None:
            text = f"{_turned(before.text, after.text)}; no more: {shorter}"
            yield Change("stricter", where, text, not is_ours)
        if longer is not None:
            yield Change("looser", where, f"{_turned(before.text, after.text)}; from now on: {longer}", is_ours)
        if shorter is None and longer is None:
            yield Change("words", where, f"{_turned(before.text, after.text)}: the same orders", False)


def _refused(one: Automaton, other: Automaton) -> str | None:
    """The shortest order of records that `one` takes and `other` does not; None when there is none."""
    other_index = {name: index for index, name in enumerate(other.type_names)}
    waiting: deque[tuple[int, int, tuple[str, ...]]] = deque([(0, 0, ())])
    seen = {(0, 0)}
    while waiting:
        state, mirror, path = waiting.popleft()
        if one.accepting[state] and (mirror < 0 or not other.accepting[mirror]):
            return " ".join(path) or "an empty file"
        for index, name in enumerate(one.type_names):
            after = int(one.step[state, index])
            if after < 0:
                continue
            beside = int(other.step[mirror, other_index[name]]) if mirror >= 0 and name in other_index else -1
            if (after, beside) not in seen:
                seen.add((after, beside))
                waiting.append((after, beside, (*path, name)))
    return None


def _rules(old: Layout, new: Layout) -> Iterator[Change]:
    before, after = {rule.id: rule for rule in old.rules}, {rule.id: rule for rule in new.rules}
    for name, rule in after.items():
        was = before.get(name)
        is_error = rule.severity == "error"
        if was is None:
            kind: Kind = "stricter" if is_error else "words"
            yield Change(kind, f"rule {name}", f"new: {text_of(rule.check)} ({rule.severity})", is_error)
        elif (was.on, was.check) != (rule.on, rule.check):
            text = f"{_turned(text_of(was.check), text_of(rule.check))} ({rule.severity})"
            yield Change("stricter" if is_error else "words", f"rule {name}", text, is_error)
        elif was.severity != rule.severity:
            yield Change(
                "stricter" if is_error else "looser", f"rule {name}", _turned(was.severity, rule.severity), is_error
            )
        elif was.text != rule.text:
            yield Change("words", f"rule {name}", "its words", False)
    for name, rule in before.items():
        if name not in after:
            is_error = rule.severity == "error"
            yield Change("looser" if is_error else "words", f"rule {name}", f"gone: {text_of(rule.check)}", False)


def _continuity(old: Layout, new: Layout) -> Iterator[Change]:
    """Balances that go on from file to file."""
    before, after = (_balances(layout) for layout in (old, new))
    if before != after:
        yield Change("stricter" if after else "looser", "continuity", _turned(before, after), bool(after))


def _balances(layout: Layout) -> str:
    declared = layout.continuity
    if declared is None:
        return ""
    whose = f" of each {', '.join(declared.account)}" if declared.account else ""
    return f"{declared.closing} is the next {declared.opening}{whose}"


def _is_written(layout: Layout, record: Record) -> bool:
    """Does the record stand in files that we write?"""
    return any(direction != "request" and record.index in one.types for direction, one in layout.structure.items())


def _turned(before: object, after: object) -> str:
    if not before and before != 0:
        return f"{_shown(after)} (before: none)"
    if not after and after != 0:
        return f"none (before: {_shown(before)})"
    return f"{_shown(before)}, now {_shown(after)}"


def _shown(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, Mapping):
        return _listed(value)
    return _listed(value) if isinstance(value, tuple) else str(value)


def _listed(names: Iterable[object]) -> str:
    found = sorted(map(str, names))
    return ", ".join(found[:_LISTED_MAX]) + (
        f" and {len(found) - _LISTED_MAX} more" if len(found) > _LISTED_MAX else ""
    )


def _match(record: Record) -> str:
    return " and ".join(f"{name} = {text!r}" for name, text in record.match.items()) or "nothing"


def _columns(field: Field) -> str:
    """As contracts count them, from 1."""
    length = field.length or 0
    return f"columns {field.start + 1}-{field.start + length} ({counted(length, 'byte')})"
