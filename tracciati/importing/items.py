"""Items of a copybook: each sentence is one, and their levels make a tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tracciati.importing import pictures
from tracciati.importing.pictures import Picture
from tracciati.importing.source import Unreadable, Word, sentences

# What a usage is called here, by COBOL's words for it.
USAGES = {
    **dict.fromkeys(("DISPLAY",), "display"),
    **dict.fromkeys(("COMP", "COMPUTATIONAL", "COMP-4", "COMPUTATIONAL-4", "BINARY", "COMP-0"), "binary"),
    **dict.fromkeys(("COMP-5", "COMPUTATIONAL-5"), "native"),
    **dict.fromkeys(("COMP-3", "COMPUTATIONAL-3", "PACKED-DECIMAL"), "packed"),
    **dict.fromkeys(("COMP-1", "COMPUTATIONAL-1"), "float"),
    **dict.fromkeys(("COMP-2", "COMPUTATIONAL-2"), "double"),
    **dict.fromkeys(("COMP-6", "COMPUTATIONAL-6"), "unsigned packed"),
    **dict.fromkeys(("INDEX", "POINTER", "PROCEDURE-POINTER", "FUNCTION-POINTER"), "address"),
    **dict.fromkeys(("DISPLAY-1", "NATIONAL"), "wide"),
}
_LEVEL = re.compile(r"\d{1,2}")
_SECTIONS = frozenset({"FD", "SD", "DATA", "FILE", "WORKING-STORAGE", "LINKAGE", "LOCAL-STORAGE"})
_CLAUSES = frozenset(USAGES) | {
    "PIC", "PICTURE", "USAGE", "VALUE", "VALUES", "OCCURS", "REDEFINES", "SIGN", "SYNC", "SYNCHRONIZED", "JUST",
    "JUSTIFIED", "BLANK", "LEADING", "TRAILING",
}  # fmt: skip
_IGNORED = frozenset({"GLOBAL", "EXTERNAL", "IS", "ARE", "CHARACTER", "CHARACTERS"})


@dataclass(frozen=True)
class Occurs:
    """How often an item is there: at most, and the item that says it ("" when it is always as often)."""

    most: int
    by: str = ""


@dataclass(frozen=True)
class Condition:
    """A level 88: its name, and the values or (first, last) ranges that it stands for."""

    name: str
    values: tuple[Word | tuple[Word, Word], ...]


@dataclass
class Item:
    """One data item. `children` in the order of the text; `doubts` are what could not be understood of it."""

    level: int
    name: str
    line: int
    picture: Picture | None = None
    usage: str = ""
    sign: str = ""
    is_separate: bool = False
    occurs: Occurs | None = None
    redefines: str = ""
    is_right: bool = False
    children: list[Item] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def walk(self) -> Iterator[Item]:
        """The item and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def read(text: str) -> list[Item]:
    """The items of a copybook that stand below no other. Raises Unreadable."""
    tops: list[Item] = []
    open_items: list[Item] = []
    for sentence in sentences(text):
        first = sentence[0].upper
        if first in _SECTIONS:
            continue
        if not _LEVEL.fullmatch(first):
            raise Unreadable(sentence[0].line, *_no_item(sentence))
        level = int(first)
        if level == 66:
            if tops:
                tops[-1].doubts.append("RENAMES (level 66) is left out: it names bytes that other fields have")
            continue
        if level == 88:
            if not open_items:
                raise Unreadable(sentence[0].line, "a level 88 before any field", "put it below its field")
            _add_condition(open_items[-1], sentence)
            continue
        item = _Reader(sentence).item(level)
        while open_items and (open_items[-1].level >= level or level == 77):
            open_items.pop()
        if open_items:
            _inherit(item, open_items[-1])
            open_items[-1].children.append(item)
        else:
            tops.append(item)
        open_items.append(item)
    for top in tops:
        _check(top)
    return tops


def _no_item(sentence: list[Word]) -> tuple[str, str]:
    shown = " ".join(word.text for word in sentence[:4])[:60]
    if sentence[0].upper == "COPY":
        return f"`{shown}` brings in another copybook", "put its text in its place"
    return f"`{shown}` does not begin with a level number, 01 to 49", "give the data items alone, each ended by a stop"


def _inherit(item: Item, group: Item) -> None:
    """USAGE and SIGN of a group are those of its items."""
    item.usage = item.usage or group.usage
    if not item.sign:
        item.sign, item.is_separate = group.sign, group.is_separate


def _check(top: Item) -> None:
    for item in top.walk():
        if item.picture is None and not item.children and item.usage not in ("float", "double", "address"):
            raise Unreadable(item.line, f"{item.name} has neither a picture nor fields below it", "give it a PIC")
        if item.picture is not None and item.children:
            raise Unreadable(item.children[0].line, f"{item.name} has a picture, and fields below it", "see the levels")


def _add_condition(item: Item, sentence: list[Word]) -> None:
    words = [w for w in sentence[2:] if w.upper not in ("VALUE", "VALUES", "IS", "ARE")]
    values: list[Word | tuple[Word, Word]] = []
    at = 0
    while at < len(words):
        if at + 2 < len(words) and words[at + 1].upper in ("THRU", "THROUGH"):
            values.append((words[at], words[at + 2]))
            at += 3
        else:
            values.append(words[at])
            at += 1
    item.conditions.append(Condition(sentence[1].text if len(sentence) > 1 else "", tuple(values)))


class _Reader:
    """The clauses of one sentence, one after another."""

    def __init__(self, sentence: list[Word]) -> None:
        self._words, self._at = sentence, 1
        self._line = sentence[0].line

    def item(self, level: int) -> Item:
        name = "FILLER"
        if self._peek() and self._peek() not in _CLAUSES:
            name = self._next().text.upper()
        item = Item(level, name, self._line)
        while self._at < len(self._words):
            self._clause(item)
        return item

    def _peek(self) -> str:
        return self._words[self._at].upper if self._at < len(self._words) else ""

    def _next(self) -> Word:
        if self._at == len(self._words):
            said = " ".join(word.text for word in self._words[:3])
            raise Unreadable(self._words[-1].line, f"`{said}` ends within a clause", "see that nothing is missing")
        self._at += 1
        return self._words[self._at - 1]

    def _skip(self, *words: str) -> None:
        while self._peek() in words and self._peek():
            self._at += 1

    def _number(self) -> int:
        word = self._next()
        if not re.fullmatch(r"\d{1,9}", word.upper):
            raise Unreadable(word.line, f"`{word.text}` is not a number of times", "write OCCURS 5 TIMES")
        return int(word.text)

    def _clause(self, item: Item) -> None:
        word = self._next()
        key = word.upper
        if key in ("PIC", "PICTURE"):
            self._skip("IS")
            written = self._next()
            item.picture = pictures.read(written.text)
            if item.picture is None:
                hint = "write it with X, A, 9, S, V and P, or as it is printed"
                raise Unreadable(written.line, f"`{written.text}` is not a picture of {item.name}", hint)
        elif key == "USAGE":
            self._skip("IS")
        elif key in USAGES:
            item.usage = USAGES[key]
            if key == "COMP-0":
                item.doubts.append("COMP-0 is no usage of the standard; it is read as COMP")
        elif key == "REDEFINES":
            item.redefines = self._next().upper
        elif key == "OCCURS":
            self._occurs(item)
        elif key in ("SIGN", "LEADING", "TRAILING"):
            self._sign(item, key)
        else:
            self._rest(item, key, word)

    def _rest(self, item: Item, key: str, word: Word) -> None:
        if key in ("VALUE", "VALUES"):
            while self._at < len(self._words) and self._peek() not in _CLAUSES:
                self._at += 1
        elif key in ("SYNC", "SYNCHRONIZED"):
            self._skip("LEFT", "RIGHT")
            item.doubts.append("SYNC is not supported: the compiler may put bytes before it, to be added as a filler")
        elif key in ("JUST", "JUSTIFIED"):
            self._skip("RIGHT")
            item.is_right = True
        elif key == "BLANK":
            self._skip("WHEN", "ZERO", "ZEROS", "ZEROES")
        elif key not in _IGNORED:
            item.doubts.append(f"`{word.text}` was not understood")

    def _sign(self, item: Item, key: str) -> None:
        if key == "SIGN":
            self._skip("IS")
            key = self._next().upper
        if key not in ("LEADING", "TRAILING"):
            raise Unreadable(self._line, f"SIGN of {item.name} is neither LEADING nor TRAILING", "write one of them")
        item.sign = key.lower()
        if self._peek() == "SEPARATE":
            item.is_separate = True
            self._skip("SEPARATE", "CHARACTER")

    def _occurs(self, item: Item) -> None:
        most = self._number()
        if self._peek() == "TO":
            self._next()
            most = self._number()
        self._skip("TIMES")
        by = ""
        while self._peek() in ("DEPENDING", "ASCENDING", "DESCENDING", "INDEXED"):
            kind = self._next().upper
            self._skip("ON", "KEY", "IS", "BY")
            if kind == "DEPENDING":
                by = self._next().upper
                while self._peek() in ("OF", "IN"):
                    self._next(), self._next()
                continue
            while self._peek() and self._peek() not in _CLAUSES | {"DEPENDING", "ASCENDING", "DESCENDING", "INDEXED"}:
                self._next()
        item.occurs = Occurs(max(most, 1), by)
