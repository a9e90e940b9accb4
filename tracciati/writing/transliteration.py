"""Transliteration: characters that the file's encoding does not have, written with those it has. Only where declared.

`it-latin1` is what Italian offices do by hand: typographic quotes and dashes become plain ones, ligatures are written
out, and letters that Latin-1 does not have lose their accent (`š` is s, `ő` is o). In ASCII files the accent becomes
an apostrophe behind a final vowel and is dropped elsewhere: `Nicolò` is Nicolo'. What has no such spelling stays,
and does then not fit.
"""

from __future__ import annotations

import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tracciati.values.strings import encoded

_PLAIN = {
    **dict.fromkeys("‘’‚‛′ʼ", "'"),
    **dict.fromkeys("“”„‟″", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("\u00a0\u2000\u2001\u2002\u2003\u2009\u202f", " "),
    "…": "...", "€": "EUR", "œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ß": "ss", "ł": "l", "Ł": "L", "đ": "d",
    "Đ": "D", "ø": "o", "Ø": "O", "ı": "i", "•": "-", "™": "TM", "№": "N.", "«": '"', "»": '"', "°": "o",
}  # fmt: skip
_VOWELS = "aeiouAEIOU"


def apply(values: pa.StringArray, codec: str) -> tuple[pa.StringArray, int]:
    """Spell what the codec does not have. Returns (strings, how many of them were changed)."""
    _, unfit = encoded(values, codec)
    if unfit is None:
        return values, 0
    rows = np.flatnonzero(unfit)
    spelled: dict[str, str] = {}
    replacements = []
    for text in values.take(pa.array(rows)).to_pylist():
        if text not in spelled:
            spelled[text] = spell(text, codec)
        replacements.append(spelled[text])
    changed = sum(1 for text, new in spelled.items() if text != new)
    if not changed:
        return values, 0
    count = sum(old != new for old, new in zip(values.take(pa.array(rows)).to_pylist(), replacements, strict=True))
    return pc.replace_with_mask(values, pa.array(unfit), pa.array(replacements, pa.string())), count


def spell(text: str, codec: str) -> str:
    """One text in the codec's characters, as far as they go.

    >>> spell("Nicolò Dvořák – “società”", "iso8859-1")
    'Nicolò Dvorák - "società"'
    >>> spell("Nicolò Dvořák", "ascii")
    "Nicolo' Dvorak"
    """
    composed = unicodedata.normalize("NFC", text)
    made = []
    for index, character in enumerate(composed):
        if _has(codec, character):
            made.append(character)
            continue
        plain = _PLAIN.get(character)
        if plain is None:
            base = unicodedata.normalize("NFD", character)[0]
            plain = base if base != character and _has(codec, base) else character
            is_final = index + 1 == len(composed) or not composed[index + 1].isalpha()
            if codec == "ascii" and plain in _VOWELS and is_final:
                plain += "'"
        made.append(plain)
    return "".join(made)


def _has(codec: str, character: str) -> bool:
    try:
        character.encode(codec)
    except UnicodeEncodeError:
        return False
    return True
