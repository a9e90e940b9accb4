"""Places: where each key and array item of a TOML text stands.

`tomllib` gives values without places, and a message without its line is of no use to the person who wrote the
layout. So this second, light pass walks a text that tomllib has already accepted, and may trust it: it does not
check, it only finds the line and column (from 1) of every key and array item.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Path = tuple[str | int, ...]
Place = tuple[int, int]

_SPACE = re.compile(r"(?:[ \t]|\r?\n|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{1,2}(?!"))?'
    r"|'''.*?'''(?:'{1,2}(?!'))?"
    r'|"(?:[^"\\]|\\.)*"'
    r"|'[^']*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^,\]}\s#]+(?: \d\d:[^,\]}\s#]+)?")


def places(text: str) -> Mapping[Path, Place]:
    """Line and column, from 1, of every key and array item of a TOML text that tomllib accepts.

    A path is made of keys and of array indexes: ("record", "testa", "fields", 0, "name"). A table that was opened
    more than once keeps its first place.
    """
    scan = _Scan(text)
    scan.document()
    return {path: scan.place(offset) for path, offset in scan.found.items()}


class _Scan:
    """A cursor over the text; `found` gathers path -> offset."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, int] = {}
        self.counts: dict[Path, int] = {}
        self.lines = [0, *(match.end() for match in re.finditer("\n", text))]

    def place(self, offset: int) -> Place:
        """Line and column, from 1, of an offset."""
        line = bisect_right(self.lines, offset)
        return line, offset - self.lines[line - 1] + 1

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.at)
        assert found is not None, "these patterns match the empty text too"
        self.at = found.end()

    def _note(self, path: Path, offset: int) -> None:
        self.found.setdefault(path, offset)

    def document(self) -> None:
        """Walk the whole text."""
        table: Path = ()
        self._skip(_SPACE)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_SPACE)

    def _header(self) -> Path:
        """[a.b] or [[a.b]]; returns the path that the keys below it belong to."""
        is_array = self.text.startswith("[[", self.at)
        start = self.at
        self.at += 2 if is_array else 1
        keys = self._keys()
        self.at += 2 if is_array else 1
        path: Path = ()
        for key in keys[:-1]:
            path = self._inside((*path, key))
            self._note(path, start)
        path = (*path, keys[-1])
        self._note(path, start)
        if is_array:
            self.counts[path] = self.counts.get(path, -1) + 1
            path = (*path, self.counts[path])
            self._note(path, start)
        return path

    def _inside(self, path: Path) -> Path:
        """A key of an array of tables means its last table."""
        return (*path, self.counts[path]) if path in self.counts else path

    def _keys(self) -> list[str]:
        """A dotted key; the cursor ends on what follows it."""
        keys: list[str] = []
        while True:
            self._skip(_BLANK)
            quoted = _STRING.match(self.text, self.at)
            found = quoted or _BARE.match(self.text, self.at)
            assert found is not None, "tomllib accepted this text, so a key must stand here"
            keys.append(str(tomllib.loads(f"{found.group()} = 0").popitem()[0]) if quoted else found.group())
            self.at = found.end()
            self._skip(_BLANK)
            if self.text[self.at] != ".":
                return keys
            self.at += 1

    def _pair(self, table: Path) -> None:
        """key = value"""
        start = self.at
        path = table
        for key in self._keys():
            path = (*path, key)
            self._note(path, start)
        self.at += 1
        self._skip(_BLANK)
        self._value(path)

    def _value(self, path: Path) -> None:
        mark = self.text[self.at]
        if mark == "[":
            self._array(path)
        elif mark == "{":
            self._inline(path)
        else:
            found = _STRING.match(self.text, self.at) or _PLAIN.match(self.text, self.at)
            assert found is not None, "tomllib accepted this text, so a value must stand here"
            self.at = found.end()

    def _array(self, path: Path) -> None:
        self.at += 1
        index = 0
        while True:
            self._skip(_SPACE)
            if self.text[self.at] == "]":
                self.at += 1
                return
            self._note((*path, index), self.at)
            self._value((*path, index))
            index += 1
            self._skip(_SPACE)
            self.at += self.text[self.at] == ","

    def _inline(self, path: Path) -> None:
        self.at += 1
        while True:
            self._skip(_SPACE)
            if self.text[self.at] == "}":
                self.at += 1
                return
            self._pair(path)
            self._skip(_SPACE)
            self.at += self.text[self.at] == ","
