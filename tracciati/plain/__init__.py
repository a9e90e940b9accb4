"""Plain words: what a layout says, as a person who signs a contract reads it, in Italian and in English.

    fields         what a field holds, and everything that is agreed about it
    files          how a file is cut into records
    orders         which records follow which
    expressions    totals, counted and summed
    balances       what goes on from file to file

All of it is plain text without markup, made of the layout's values alone; what is quoted from a layout stands in the
language's own quotation marks. Whatever has no words here yet is refused by a test that walks the layout's own
classes (tests/unit/tracciati/test_plain.py), so that no key is left out in silence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracciati.layout import Direction

Language = Literal["it", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

_DIRECTIONS: dict[Direction, tuple[str, str]] = {
    "request": ("richiesta", "request"),
    "receipt": ("ricevuta", "receipt"),
    "rejection": ("scarti", "rejection"),
    "answer": ("esiti", "answer"),
    "control": ("controllo", "control"),
    "invoice": ("fattura", "invoice"),
}


def say(language: Language, *, it: str, en: str) -> str:
    """The one of the two texts that is asked for."""
    return it if language == "it" else en


def quoted(text: str, language: Language) -> str:
    """A text of the layout, marked as such: «01» in Italian, “01” in English."""
    return say(language, it=f"«{text}»", en=f"“{text}”")


def number_of(count: int, language: Language, *, it: tuple[str, str], en: tuple[str, str]) -> str:
    """A number with its noun, given in the singular and in the plural.

    >>> number_of(1, "it", it=("cifra", "cifre"), en=("digit", "digits"))
    '1 cifra'
    """
    return f"{count} {say(language, it=it[count != 1], en=en[count != 1])}"


def listed(texts: Iterable[str], language: Language, *, by: Literal["or", "and"] = "and") -> str:
    """Texts as a sentence lists them.

    >>> listed(["A", "B", "C"], "en")
    'A, B and C'
    """
    *before, last = texts
    if not before:
        return last
    word = say(language, it="e", en="and") if by == "and" else say(language, it="o", en="or")
    if word == "e" and last.lower().startswith("e"):
        word = "ed"
    return f"{', '.join(before)} {word} {last}"


def direction(name: Direction, language: Language) -> str:
    """What files of that direction are called."""
    italian, english = _DIRECTIONS[name]
    return say(language, it=italian, en=english)


def directions(names: Iterable[Direction], language: Language) -> str:
    """Several directions, in a sentence."""
    return listed([direction(name, language) for name in names], language)
