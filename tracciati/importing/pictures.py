"""Pictures: what COBOL's PICTURE says of a field. `S9(7)V99` is a number of nine digits, two of them decimals."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from tracciati.limits import RECORD_BYTES_MAX

Kind = Literal["text", "number", "edited", "wide"]

_REPEATED = re.compile(r"(.)\((\d+)\)")
_NUMBER = re.compile(r"S?P*9*V?9*P*")
_POINTED = re.compile(r"S?9+\.9+")
_SIGNED = re.compile(r"(?P<sign>[+-])9+([V.]9+)?|9+([V.]9+)?(?P<behind>[+-])")
_EDITED = re.compile(r"(?:[ABX9VPZ0/,.*+$€-]|CR|DB)+")


@dataclass(frozen=True)
class Picture:
    """One picture.

    text     as it is written
    kind     `number` for what can be computed with, `edited` for numbers as they are printed, `wide` for characters of
             two bytes
    size     characters, a sign of its own and a written mark included
    digits   of a number: those that are stored
    scale    decimals among them
    shift    P: by how many places the stored number is to be moved, to the left (above zero) or right (below)
    sign     "" or, of a number, `over` (S), or a character of its own: "+" or "-", as `leading` or `trailing` says
    mark     the decimal mark that is written
    """

    text: str
    kind: Kind
    size: int
    digits: int = 0
    scale: int = 0
    shift: int = 0
    sign: Literal["", "over", "leading", "trailing"] = ""
    sign_text: str = ""
    mark: str = ""


def read(text: str) -> Picture | None:
    """What a picture says; None when it is none."""
    spelled = _spelled(text.upper())
    if spelled is None or not spelled:
        return None
    if set(spelled) <= set("XA9B") and set(spelled) & set("XA"):
        return Picture(text, "text", len(spelled))
    if set(spelled) <= set("NG"):
        return Picture(text, "wide", 2 * len(spelled))
    if "9" in spelled and _NUMBER.fullmatch(spelled):
        return _number(text, spelled)
    if _POINTED.fullmatch(spelled):
        scale = len(spelled) - spelled.index(".") - 1
        signed: Literal["", "over"] = "over" if spelled[0] == "S" else ""
        size = len(spelled) - len(signed) // 4
        return Picture(text, "number", size, size - 1, scale, sign=signed, mark=".")
    found = _SIGNED.fullmatch(spelled)
    if found is not None:
        return _with_sign(text, spelled, found)
    if _EDITED.fullmatch(spelled.removeprefix("S")):
        size = len(re.sub("[SVP]", "", spelled))
        return Picture(text, "edited", size) if size else None
    return None


def _spelled(text: str) -> str | None:
    """The picture with its repetitions written out; None when they are more than a record holds."""
    sizes = [int(number) for _, number in _REPEATED.findall(text) if len(number) <= len(str(RECORD_BYTES_MAX))]
    if len(sizes) != len(_REPEATED.findall(text)) or sum(sizes) > RECORD_BYTES_MAX:
        return None
    spelled = _REPEATED.sub(lambda found: found[1] * int(found[2]), text)
    return None if set(spelled) & set("()") else spelled


def _number(text: str, spelled: str) -> Picture:
    before, _, behind = spelled.removeprefix("S").partition("V")
    digits = (before + behind).count("9")
    left, right = spelled.find("P"), spelled.rfind("P")
    shift = 0
    if left >= 0:
        # PPP9: the point stands before the Ps, and all digits are decimals; 9PPP: it stands behind them.
        shift = spelled.count("P") if right > spelled.rfind("9") else -(spelled.count("P") + digits)
    scale = behind.count("9") if not shift else 0
    return Picture(text, "number", digits, digits, scale, shift, "over" if spelled[0] == "S" else "")


def _with_sign(text: str, spelled: str, found: re.Match[str]) -> Picture:
    behind = re.split(r"[V.]", spelled.strip("+-"))[1:]
    digits = spelled.count("9")
    size = len(spelled.replace("V", ""))
    place: Literal["leading", "trailing"] = "leading" if found["sign"] else "trailing"
    mark = "." if "." in spelled else ""
    scale = len(behind[0]) if behind else 0
    return Picture(text, "number", size, digits, scale, 0, place, found["sign"] or found["behind"], mark)
