"""Entered: a one-line text that an operator types, such as a name, a title or a reason."""

from __future__ import annotations

import unicodedata

from cominflow.errors import UsageError

# Controls, marks that turn the writing direction round or show nothing, bytes that are no UTF-8, ends of lines.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def one_line(what: str, text: str) -> str:
    """The text, stripped. UsageError when a part of it would not be seen: it goes into files, tables and terminals.

    what  whose text it is, as in "the name of customer banca-demo"

    >>> one_line("the title", " Visura più ")
    'Visura più'
    """
    stripped = text.strip()
    for number, character in enumerate(stripped, 1):
        if unicodedata.category(character) in _UNSEEN:
            raise UsageError(
                f"{what} has a character that is not seen (U+{ord(character):04X}) at place {number}: "
                f"{ascii(stripped)}",
                hint="type it on one line, without control characters and marks of direction",
            )
    return stripped
