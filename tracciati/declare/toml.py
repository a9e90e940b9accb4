"""TOML texts with places: what layouts and feeds are read through, so that each problem names its line.

document = Document(text, "feed.toml")     LayoutError when it is not TOML
table = document.table()                   a Table: typed access that notes what is wrong and goes on
table.text("layout", required=True)
table.close()                              whatever nobody asked for is an unknown key, with did-you-mean
document.finish()                          LayoutError with all problems, in the order of the text
"""

from __future__ import annotations

import difflib
import re
import tomllib
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tracciati.declare.places import Path, Place, places
from tracciati.errors import LayoutError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_AT = re.compile(r"(.*?) \(at (?:line (\d+), column (\d+)|end of document)\)$", re.DOTALL)
_LEADING_ZERO = re.compile(r"=\s*[+-]?(0\d+)")
_TOML_WORDS = {str: "text in quotes", bool: "true or false", int: "a whole number", date: "a date like 2026-01-31"}


class Document:
    """A TOML text: its value, the place of each key, and the problems found in it so far."""

    def __init__(self, text: str, name: str) -> None:
        """Parse `text`; `name` is the file's name in messages. LayoutError when it is not TOML."""
        self.text, self.name = text, name
        self.problems: list[Problem] = []
        try:
            self.value: Mapping[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise LayoutError(name, (_syntax_problem(text, str(error)),)) from None
        except RecursionError:
            # tomllib goes one call deeper for each bracket.
            problem = Problem(1, 1, "arrays or tables are nested too deeply", "no layout needs more than a few levels")
            raise LayoutError(name, (problem,)) from None

    @cached_property
    def _places(self) -> Mapping[Path, Place]:
        return places(self.text)

    def where(self, path: Sequence[str | int]) -> Place:
        """Line and column, from 1, of a key or array item; of the nearest one above it when it is not in the text."""
        wanted = tuple(path)
        while wanted and wanted not in self._places:
            wanted = wanted[:-1]
        return self._places.get(wanted, (1, 1))

    def problem(self, path: Sequence[str | int], text: str, hint: str = "") -> Problem:
        """Note a problem at a key, and go on. The same problem is noted once."""
        line, column = self.where(path)
        found = Problem(line, column, text, hint)
        if found not in self.problems:
            self.problems.append(found)
        return found

    def table(self, path: Sequence[str | int] = ()) -> Table:
        """The table at a path; an empty one, with a problem noted, when there is something else."""
        value: Any = self.value
        for key in path:
            value = value[key]
        return Table(self, tuple(path), value)

    def finish(self) -> None:
        """Raise LayoutError with all problems, in the order of the text; nothing when there are none."""
        if self.problems:
            raise LayoutError(self.name, tuple(sorted(self.problems, key=lambda p: (p.line, p.column))))


class Table:
    """One table of a document, read key by key.

    Each reading method returns the key's value, or `default` when the key is absent or of another type; the latter
    is noted as a problem, so that reading goes on and all problems are found at once.
    """

    def __init__(self, document: Document, path: Path, value: object) -> None:
        self.document, self.path = document, path
        self.asked: list[str] = []
        self.value: dict[str, Any] = {}
        if isinstance(value, dict):
            self.value = value
        else:
            self.problem("", f"{_path_text(path)} must be a table", "write it as { key = value, ... }")

    def __contains__(self, key: str) -> bool:
        return key in self.value

    def problem(self, key: str | Sequence[str | int], text: str, hint: str = "") -> None:
        """Note a problem at one of the table's keys ("" for the table itself)."""
        below = (key,) if isinstance(key, str) else tuple(key)
        self.document.problem((*self.path, *(k for k in below if k != "")), text, hint)

    def close(self) -> None:
        """Note every key that nobody asked for as unknown."""
        unknown_keys(self.document, self.path, self.asked)

    def _get(self, key: str, kinds: tuple[type, ...], required: bool) -> Any:
        """The value, or None when it is absent or of a wrong type (noted)."""
        if key not in self.asked:
            self.asked.append(key)
        if key not in self.value:
            if required:
                self.problem("", f"{_path_text(self.path) or 'the file'} has no `{key}`", f"add `{key} = ...`")
            return None
        value = self.value[key]
        # bool is an int and datetime a date in Python, and neither is meant.
        is_right = isinstance(value, kinds) and not (isinstance(value, bool) and bool not in kinds)
        if is_right and not isinstance(value, datetime):
            return value
        self.problem(key, f"`{key}` must be {_TOML_WORDS.get(kinds[0], 'something else')}", _remedy(key, value, kinds))
        return None

    def text(self, key: str, default: str = "", *, required: bool = False, may_be_empty: bool = False) -> str:
        """A text. A number where text is meant is a problem: `01` and 1 are not the same text; an empty one is too."""
        value = self._get(key, (str,), required)
        if value == "" and not may_be_empty:
            self.problem(key, f"`{key}` is empty", "write a text, or take the key out")
        return default if value is None else str(value)

    def integer(self, key: str, *, least: int = 0, required: bool = False) -> int | None:
        """A whole number of at least `least`, or None."""
        value = self._get(key, (int,), required)
        if value is not None and value < least:
            self.problem(key, f"`{key}` is {value}; it must be {least} or more")
            return None
        return None if value is None else int(value)

    def flag(self, key: str, default: bool = False) -> bool:
        """true or false."""
        value = self._get(key, (bool,), False)
        return default if value is None else bool(value)

    def day(self, key: str) -> date | None:
        """A date, or None."""
        value = self._get(key, (date,), False)
        return value if isinstance(value, date) else None

    def choice(self, key: str, options: Iterable[str], default: str, *, required: bool = False) -> str:
        """One text of several."""
        value = self.text(key, default, required=required, may_be_empty=True)
        allowed = list(options)
        if key in self.value and isinstance(self.value[key], str) and value not in allowed:
            self.problem(key, f"`{key}` cannot be {value!r}", _one_of(value, allowed))
            return default
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A text or an array of texts."""
        if key in self.value and not isinstance(self.value[key], str | list):
            self._get(key, (str,), False)
            return ()
        self.asked.append(key)
        value = self.value.get(key, [])
        items = [value] if isinstance(value, str) else value
        for index, item in enumerate(items):
            if not isinstance(item, str):
                self.problem((key, index), f"`{key}` must hold text in quotes", _remedy(key, item, (str,)))
        return tuple(item for item in items if isinstance(item, str))

    def text_by_key(self, key: str) -> dict[str, str]:
        """A table of texts."""
        inner = self.inner(key)
        return {
            name: inner.text(name) for name in inner.value if isinstance(inner.value[name], str) or inner.text(name)
        }

    def inner(self, key: str) -> Table:
        """The table under a key; an empty one when the key is absent."""
        self.asked.append(key)
        return Table(self.document, (*self.path, key), self.value.get(key, {}))

    def inner_tables(self, key: str) -> list[Table]:
        """The tables of an array; an item that is none is noted as a problem, and left out."""
        self.asked.append(key)
        value = self.value.get(key, [])
        if not isinstance(value, list):
            self.problem(key, f"`{key}` must be an array of tables", f"write {key} = [ {{ ... }}, {{ ... }} ]")
            return []
        tables = [Table(self.document, (*self.path, key, index), item) for index, item in enumerate(value)]
        return [table for table, item in zip(tables, value, strict=True) if isinstance(item, dict)]


def unknown_keys(document: Document, path: Sequence[str | int], known: Iterable[str]) -> list[Problem]:
    """Note every key of the table at `path` that is not among `known`, with did-you-mean; returns those problems."""
    table: Any = document.value
    for step in path:
        # A table that was asked for and is absent, or something else, has no unknown keys.
        if isinstance(table, dict):
            table = table.get(step, {})
        else:
            table = table[step] if isinstance(table, list) and isinstance(step, int) else {}
    allowed = list(dict.fromkeys(known))
    found = []
    for key in table if isinstance(table, dict) else ():
        if key not in allowed:
            where = f" in {_path_text(path)}" if path else ""
            found.append(document.problem((*path, key), f"unknown key `{key}`{where}", _one_of(key, allowed)))
    return found


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """`did you mean ...?` for the nearest of the options, or "" when none is near."""
    others = [
        option for option in options if option != word
    ]  # a word that is there already is wrong for another reason
    near = difflib.get_close_matches(word, others, n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else ""


def _one_of(word: str, options: Sequence[str]) -> str:
    # A mark such as a comma would be lost among the commas of the list.
    shown = options if all(option.isalnum() or len(option) > 1 for option in options) else [repr(o) for o in options]
    listed = f"it can be {', '.join(shown)}" if options else ""
    near = did_you_mean(word, options)
    if near and len(options) == 1:
        return near  # the list would say the same word again
    return f"{near} {listed}" if near and listed else near or listed


def _path_text(path: Sequence[str | int]) -> str:
    """("record", "testa", "fields", 0) -> record.testa.fields[0], as a person would point at it."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


def _remedy(key: str, value: object, kinds: tuple[type, ...]) -> str:
    if str in kinds and isinstance(value, int | float) and not isinstance(value, bool):
        return f'write it in quotes: {key} = "{value}"'
    if int in kinds and isinstance(value, str):
        return f"write it without quotes: {key} = {value}"
    if bool in kinds and isinstance(value, str):
        return f"write it without quotes: {key} = true"
    return ""


def _syntax_problem(text: str, message: str) -> Problem:
    """tomllib's message as a Problem; the commonest mistake, a code without quotes, with its remedy."""
    found = _AT.match(message)
    lines = text.split("\n")
    what = found.group(1) if found else message
    line, column = (int(found.group(2)), int(found.group(3))) if found and found.group(2) else (len(lines), 1)
    shown = lines[line - 1] if line <= len(lines) else ""
    zeros = _LEADING_ZERO.search(shown)
    if zeros:
        hint = f'a number cannot begin with zeros; write it in quotes: "{zeros.group(1)}"'
        return Problem(line, zeros.start(1) + 1, "this is not TOML: a code without quotes", hint)
    return Problem(line, column, f"this is not TOML: {what[:1].lower()}{what[1:]}", f"look at: {shown.strip()}")
