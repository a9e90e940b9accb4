"""Orders in plain words: which records follow which, as a list that a person reads from top to bottom."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from tracciati import structure
from tracciati.plain import quoted, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tracciati.layout import Record
    from tracciati.plain import Language

Times = Literal["one", "optional", "many", "any"]
# How often a part may stand there that is so often made of parts that are so often.
_MARKS: Mapping[str, Times] = {"": "one", "?": "optional", "+": "many", "*": "any"}


@dataclass(frozen=True)
class Part:
    """A part of a structure.

    name    of a record or a group, "" for what stands in parentheses
    times   how often it stands there: one (once), optional (once or never), many (at least once), any
    kind    "record" and "group" have a name; "series" are parts in this order, "choice" is one of the parts
    parts   what a group, series or choice is made of
    """

    kind: Literal["record", "group", "series", "choice"]
    times: Times = "one"
    name: str = ""
    parts: tuple[Part, ...] = ()


def parsed(text: str, groups: Mapping[str, str]) -> Part:
    """The parts of a structure that has been compiled before, groups with what they are made of."""
    return _Parser(text, groups).choice()


class _Parser:
    """Recursive descent over the words of one text, which is known to be a structure."""

    def __init__(self, text: str, groups: Mapping[str, str]) -> None:
        self.words = [word for word, _ in structure.words(text)]
        self.groups = groups
        self.at = 0

    def _next(self) -> str:
        return self.words[self.at] if self.at < len(self.words) else ""

    def choice(self) -> Part:
        """Alternatives, up to a closing parenthesis or the end."""
        ways = [self._series()]
        while self._next() == "|":
            self.at += 1
            ways.append(self._series())
        return ways[0] if len(ways) == 1 else Part("choice", parts=tuple(ways))

    def _series(self) -> Part:
        parts = []
        while self._next() not in ("", "|", ")"):
            parts.append(self._item())
        return parts[0] if len(parts) == 1 else Part("series", parts=tuple(parts))

    def _item(self) -> Part:
        word = self._next()
        self.at += 1
        if word == "(":
            part = self.choice()
            self.at += 1
        elif word in self.groups:
            inside = parsed(self.groups[word], self.groups)
            is_plain = inside.kind == "series" and inside.times == "one"
            part = Part("group", name=word, parts=inside.parts if is_plain else (inside,))
        else:
            part = Part("record", name=word)
        while self._next() in ("?", "+", "*"):
            part = replace(part, times=_both(part.times, _MARKS[self._next()]))
            self.at += 1
        return part


def _both(one: Times, other: Times) -> Times:
    """How often something stands there that has two marks: (A?)+ is any number of A."""
    if "one" in (one, other):
        return other if one == "one" else one
    return one if one == other else "any"


@dataclass(frozen=True)
class Step:
    """A line of the list: `depth` from 0, the name of a record or group or "", and the words."""

    depth: int
    name: str
    text: str


def steps(part: Part, language: Language) -> list[Step]:
    """The structure as lines, each part below the one that it belongs to."""
    tops = part.parts if part.kind == "series" and part.times == "one" else (part,)
    return [step for top in tops for step in _steps(top, 0, language)]


def _steps(part: Part, depth: int, language: Language) -> Iterator[Step]:
    often = _often(part.times, language)
    if part.kind == "record":
        yield Step(depth, part.name, often)
        return
    if part.kind == "group":
        yield Step(depth, part.name, say(language, it=f"gruppo, {often}, composto da:", en=f"group, {often}, made of:"))
    elif part.kind == "choice":
        yield Step(depth, "", say(language, it=f"una di queste possibilità, {often}:", en=f"one of these, {often}:"))
    else:
        yield Step(depth, "", say(language, it=f"in quest'ordine, {often}:", en=f"in this order, {often}:"))
    for inner in part.parts:
        yield from _steps(inner, depth + 1, language)


def _often(times: Times, language: Language) -> str:
    return {
        "one": say(language, it="una volta", en="once"),
        "optional": say(language, it="facoltativo, al massimo una volta", en="optional, at most once"),
        "many": say(language, it="una o più volte", en="once or more"),
        "any": say(language, it="facoltativo, anche più volte", en="optional, any number of times"),
    }[times]


def told_by(record: Record, language: Language) -> str:
    """What tells a record from the others; "" where a file has one kind only."""
    told = [f"{quoted(name, language)} = {quoted(text, language)}" for name, text in record.match.items()]
    if record.by_length:
        told.append(
            say(language, it=f"la lunghezza di {record.length} byte", en=f"its length of {record.length} bytes")
        )
    if record.position == "first":
        told.append(say(language, it="il primo posto nel file", en="the first place in the file"))
    if record.position == "last":
        told.append(say(language, it="l'ultimo posto nel file", en="the last place in the file"))
    if not told:
        return ""
    return say(language, it=f"si riconosce da {' e '.join(told)}", en=f"told by {' and '.join(told)}")
