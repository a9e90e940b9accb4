"""Printable: what a layout may say and a page cannot show, a control character or a letter that no font of ours has.

It is shown by its number, as [U+0007]; in a record under the ruler, where every character has one column, as a square.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

SQUARE = "\u25a1"
# Control characters, and the halves of a pair that are no character alone.
_UNSHOWN = r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]"
# What the two fonts of the PDF both have in every weight that is used; a test sets each of them.
IN_FONTS = (
    (0x20, 0x7E), (0xA0, 0xAC), (0xAE, 0x17F), (0x391, 0x3A1), (0x3A3, 0x3CE), (0x400, 0x45F),
    (0x2013, 0x2014), (0x2018, 0x201E), (0x2020, 0x2022), (0x2026, 0x2026), (0x2039, 0x203A), (0x20AC, 0x20AC),
    (0x2122, 0x2122), (0x2190, 0x2193), (0x2260, 0x2260), (0x2264, 0x2265), (0x25A1, 0x25A1),
)  # fmt: skip
_NOT_IN_FONTS = "[^" + "".join(f"{chr(first)}-{chr(last)}" for first, last in IN_FONTS).replace("]", r"\]") + "]"

FOR_BROWSERS = re.compile(_UNSHOWN)
FOR_FONTS = re.compile(_NOT_IN_FONTS)


def printable(told: Any, unshown: re.Pattern[str]) -> Any:
    """The same values as JSON has them, each text with its unshown characters by their numbers."""
    if isinstance(told, str):
        return unshown.sub(lambda found: f"[U+{ord(found.group()):04X}]", unicodedata.normalize("NFC", told))
    if isinstance(told, list | tuple):
        return [printable(one, unshown) for one in told]
    if isinstance(told, dict):
        made = {key: printable(one, unshown) for key, one in told.items()}
        if told.get("is_exact") or "left_out" in told:
            made["text"] = unshown.sub(SQUARE, told["text"])
        return made
    return told
