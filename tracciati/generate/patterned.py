"""Patterned: texts of the form that a field's pattern says, drawn at random and short enough for the field."""

from __future__ import annotations

import random
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import rstr

from tracciati.generate.refusal import SpecimenError
from tracciati.values import bounds

if TYPE_CHECKING:
    from tracciati.layout import Field

# A form such as [A-Z]* is drawn with up to a hundred letters: so often it is tried to draw one that fits.
_TRIES = 500
# So many different texts of one form are drawn, and chosen from.
_VARIETY = 200


def column(field: Field, count: int, chance: np.random.Generator, *, path: str, codec: str) -> pa.StringArray:
    """`count` texts of the field's form. Raises SpecimenError when none that fits was found."""
    texts = _texts(field, min(count, _VARIETY), path)
    return pa.array(texts, pa.string()).take(pa.array(chance.integers(0, len(texts), count)))


def distinct(field: Field, count: int, first: int, *, path: str) -> pa.StringArray:
    """Different texts of the field's form, from the one at `first` on. Raises SpecimenError when they are too few."""
    texts = _texts(field, first + count, path)
    if len(texts) < first + count:
        why = f"only {len(texts)} different values of the form {field.pattern} were found"
        raise SpecimenError(path, why, "ask for fewer records")
    return pa.array(texts[first:], pa.string())


def _texts(field: Field, count: int, path: str) -> list[str]:
    """Up to `count` different texts, always the same ones."""
    drawn = _drawn(field.pattern, field.length, field.base)
    while len(drawn.texts) < count and drawn.more():
        pass
    if not drawn.texts and count:
        hint = "give it values, or a form that its length can hold"
        raise SpecimenError(path, f"no value of the form {field.pattern} was found that fits", hint)
    return list(drawn.texts)[:count]


class _Drawn:
    """Different texts of one form, in the order in which they were drawn."""

    def __init__(self, pattern: str, length: int | None, base: str) -> None:
        self.texts: dict[str, None] = {}
        self._pattern, self._length, self._base = pattern, length, base
        self._source = rstr.Rstr(random.Random(pattern))

    def more(self) -> bool:
        """Draw another one; False when none was found that fits and is new."""
        for _ in range(_TRIES):
            text = self._source.xeger(self._pattern)
            if text and text not in self.texts and self._fits(text):
                self.texts[text] = None
                return True
        return False

    def _fits(self, text: str) -> bool:
        is_right = text.isascii() and text.isprintable() and text == text.strip(" ")
        if self._base == "digits":
            is_right &= text.isdigit() and self._length in (None, len(text))
        if not is_right or (self._length is not None and len(text) > self._length):
            return False
        found: bool = pa.compute.match_substring_regex(pa.array([text]), bounds.whole(self._pattern))[0].as_py()
        return found


@cache
def _drawn(pattern: str, length: int | None, base: str) -> _Drawn:
    return _Drawn(pattern, length, base)
