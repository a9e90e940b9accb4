"""The text of a copybook: lines of the fixed or the free form become sentences of words, each with its line.

In the fixed form (cards of 80 columns) a line number stands in columns 1 to 6, in column 7 what kind of line it is (`*`
and `/` a comment, `-` a continuation, `D` one for debugging), and columns 73 to 80 are anybody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FREE = re.compile(r" {0,5}(0?[1-9]|[1-4]\d|66|77|88)\s+[A-Za-z]")
_COMMENT = re.compile(r"\s*\*")
_WORD = re.compile(r"""(?P<literal>[XxNnZz]?(?:"(?:[^"]|"")*"|'(?:[^']|'')*'))|(?P<open>["'])|(?P<word>[^\s"']+)""")
_DIRECTIVES = frozenset({"EJECT", "SKIP1", "SKIP2", "SKIP3", "TITLE", "CBL", "PROCESS"})
_TAB = 8
_CARD = 65  # columns 8 to 72: a literal that goes on has its blanks up to the last of them


@dataclass(frozen=True)
class Word:
    """One word or literal. `text` of a literal is what stands between its quotes."""

    text: str
    line: int
    is_literal: bool = False

    @property
    def upper(self) -> str:
        """In capitals, as COBOL compares; "" for a literal, which is no word."""
        return "" if self.is_literal else self.text.upper()


class Unreadable(Exception):
    """The text is no copybook: where and why, and what to do."""

    def __init__(self, line: int, text: str, hint: str) -> None:
        self.line, self.text, self.hint = line, text, hint
        super().__init__(text)


def sentences(text: str) -> Iterator[list[Word]]:
    """The sentences of a copybook, without the full stops that end them. Raises Unreadable for an open quote."""
    sentence: list[Word] = []
    for word in _words(text):
        if word.upper == ".":
            if sentence:
                yield sentence
            sentence = []
        else:
            sentence.append(word)
    if sentence:
        yield sentence


def _words(text: str) -> Iterator[Word]:
    for number, line in _lines(text):
        at = 0
        while (found := _WORD.search(line, at)) is not None:
            at = found.end()
            if found["open"]:
                raise Unreadable(number, "a quote is opened and never closed", "close it in the same line")
            if found["literal"]:
                literal = found["literal"].lstrip("XxNnZz")
                quote = literal[0]
                yield Word(literal[1:-1].replace(quote * 2, quote), number, is_literal=True)
                continue
            word = found["word"]
            if word.startswith("*>"):
                break
            is_last = word.endswith(".")
            word = word.rstrip(".") if is_last else word.rstrip(",;") or word
            if word.strip(",;"):
                yield Word(word, number)
            if is_last:
                yield Word(".", number)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Number and content of each line; a continued one with what continues it."""
    rows = [line.expandtabs(_TAB) for line in text.splitlines()]
    is_free = any(_FREE.match(row) for row in rows)
    held: tuple[int, str] | None = None
    for number, row in enumerate(rows, start=1):
        mark, content = ("", row) if is_free else (row[6:7].upper(), row[7:72].ljust(_CARD))
        if mark in ("*", "/", "D") or (is_free and _COMMENT.match(row)) or not content.strip():
            continue
        if content.split()[0].upper().rstrip(".") in _DIRECTIVES:
            continue
        if mark == "-" and held is not None:
            held = (held[0], _continued(held[1], content))
            continue
        if held is not None:
            yield held
        held = (number, content)
    if held is not None:
        yield held


def _continued(before: str, content: str) -> str:
    """A line and its continuation: an open literal goes on behind the next quote, a word with the next letter."""
    content = content.lstrip()
    for quote in ('"', "'"):
        if before.count(quote) % 2 and content.startswith(quote):
            return before + content[1:]
    return before.rstrip() + content
