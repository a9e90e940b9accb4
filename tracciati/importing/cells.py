"""Elementary items: how many bytes one takes, and what it is in a layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracciati.encodings import EBCDIC
from tracciati.importing.items import Condition, Item
from tracciati.importing.pictures import Picture
from tracciati.importing.source import Word
from tracciati.values.numerals import DIGITS_MAX
from tracciati.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

_SIZES = {"float": 4, "double": 8, "address": 4}
_FIGURATIVE = {"SPACE": " ", "SPACES": " ", "ZERO": "0", "ZEROS": "0", "ZEROES": "0"}
_WHAT = {
    "float": "a floating point number (COMP-1), which layouts do not have",
    "double": "a floating point number (COMP-2), which layouts do not have",
    "address": "an index or a pointer: an address of a program's memory, which means nothing in a file",
    "unsigned packed": "packed without a sign (COMP-6), which layouts do not have",
    "wide": "characters of two bytes, which layouts do not have",
}


def size_of(item: Item) -> int:
    """Bytes that an elementary item takes once."""
    if item.usage in _SIZES:
        return _SIZES[item.usage]
    picture = item.picture
    assert picture is not None, item.name
    if picture.kind != "number" or item.usage in ("", "display", "wide"):
        wide = 2 if item.usage == "wide" and picture.kind != "wide" else 1
        return picture.size * wide + (1 if item.is_separate and picture.kind == "number" else 0)
    if item.usage == "packed":
        return picture.digits // 2 + 1
    if item.usage == "unsigned packed":
        return (picture.digits + 1) // 2
    return _binary_size(picture)


def _binary_size(picture: Picture) -> int:
    if picture.digits <= DIGITS_MAX:
        return 2 if picture.digits <= 4 else 4 if picture.digits <= 9 else 8
    bits = int(10**picture.digits - 1).bit_length() + 1
    return (bits + 7) // 8


def keys_of(item: Item, codec: str) -> tuple[dict[str, Any], list[str]]:
    """The keys of an elementary item's field but for its name, and what is doubtful of it."""
    doubts = list(item.doubts)
    keys: dict[str, Any] = {"len": size_of(item)}
    picture = item.picture
    usage = "wide" if picture is not None and picture.kind == "wide" else item.usage
    if item.name == "FILLER":
        return {**keys, "type": "filler"}, doubts
    if usage in _WHAT or picture is None:
        doubts.append(f"{_WHAT[usage]}: kept as it comes")
        return {**keys, "type": "filler"}, doubts
    if picture.kind == "number":
        keys |= _number(item, picture, usage, codec, doubts)
    else:
        keys["type"] = "text"
        if picture.kind == "edited":
            doubts.append(f"{picture.text} is a number as it is printed: read as text")
        if item.is_right:
            keys["align"] = "right"
    if keys["type"] in ("text", "digits") or _may_be_digits(keys, item):
        codes = _codes(item.conditions, keys, codec, doubts)
        if codes:
            keys = {**keys, "type": "text" if keys["type"] == "text" else "digits", "codes": codes}
    elif item.conditions:
        doubts.append(
            f"its values have names (level 88), which only texts and digits have here: {_said(item.conditions)}"
        )
    return keys, doubts


def _may_be_digits(keys: dict[str, Any], item: Item) -> bool:
    return keys["type"] == "integer" and "sign" not in keys and bool(item.conditions)


def _number(item: Item, picture: Picture, usage: str, codec: str, doubts: list[str]) -> dict[str, Any]:
    is_signed = bool(picture.sign) or item.is_separate
    is_raw = usage in ("packed", "binary", "native")
    if picture.digits > DIGITS_MAX:
        return _too_long(picture, usage, is_signed=is_signed, is_raw=is_raw, doubts=doubts)
    keys: dict[str, Any] = {}
    if is_raw:
        keys["type"] = "packed" if usage == "packed" else "binary"
        is_even = usage == "packed" and picture.digits % 2 == 0
        if usage == "binary" or is_even:
            keys["digits"] = picture.digits
        if picture.scale:
            keys["scale"] = picture.scale
        if is_signed:
            keys["signed"] = True
        if usage == "native":
            _native(keys, codec, doubts)
    else:
        keys["type"] = "decimal" if picture.scale else "integer"
        if picture.scale:
            keys["scale"] = picture.scale
        if picture.mark:
            keys["mark"] = picture.mark
        keys |= _sign(item, picture)
    if picture.shift:
        what = f"multiplied by {10**picture.shift}" if picture.shift > 0 else f"divided by {10**-picture.shift}"
        doubts.append(f"{picture.text} moves the decimal point, which layouts cannot say: the number is to be {what}")
    return keys


def _sign(item: Item, picture: Picture) -> dict[str, Any]:
    if picture.sign in ("leading", "trailing"):
        return {"sign": picture.sign, "plus": "+" if picture.sign_text == "+" else " ", "minus": "-"}
    if item.is_separate:
        return {"sign": item.sign}
    if picture.sign == "over":
        return {"sign": "overpunch_leading" if item.sign == "leading" else "overpunch"}
    return {}


def _native(keys: dict[str, Any], codec: str, doubts: list[str]) -> None:
    if codec not in EBCDIC:
        keys["endian"] = "little"
    said = "the highest byte first, as mainframes do" if codec in EBCDIC else "the lowest byte first, as PCs do"
    doubts.append(f"COMP-5 is as the machine has it: read with {said}")


def _too_long(picture: Picture, usage: str, *, is_signed: bool, is_raw: bool, doubts: list[str]) -> dict[str, Any]:
    most = f"{picture.text} has {counted(picture.digits, 'digit')}, and a number {DIGITS_MAX} at most"
    if is_raw:
        doubts.append(f"{most}: kept as it comes")
        return {"type": "filler"}
    if is_signed or picture.scale or picture.mark:
        doubts.append(f"{most}: read as text")
        return {"type": "text"}
    doubts.append(f"{most}: read as digits")
    return {"type": "digits"}


def _codes(conditions: Iterable[Condition], keys: dict[str, Any], codec: str, doubts: list[str]) -> dict[str, str]:
    """The codes that levels 88 give, with their names as meanings; {} and a doubt where they are no list of codes."""
    found: dict[str, str] = {}
    for condition in conditions:
        for value in condition.values:
            text = _code(value, keys)
            if text is None or not _fits(text, keys, codec):
                doubts.append(f"its values have names (level 88) that are no list of codes: {_said(conditions)}")
                return {}
            if text:
                found.setdefault(text, condition.name.lower().replace("-", " "))
    if found:
        doubts.append("any value that is not among its codes (levels 88) is a finding: see that all are there")
    return found


def _code(value: Word | tuple[Word, Word], keys: dict[str, Any]) -> str | None:
    if isinstance(value, tuple):
        return None
    width = int(keys["len"])
    text = value.text
    if not value.is_literal and value.upper in _FIGURATIVE:
        text = _FIGURATIVE[value.upper] * width
    elif not value.is_literal and not value.text.isdigit():
        return None
    if keys["type"] != "text":
        return text.zfill(width) if text.isdigit() else None if text.strip() else ""
    return text.rstrip(" ") if keys.get("align") != "right" else text.lstrip(" ")


def _fits(text: str, keys: dict[str, Any], codec: str) -> bool:
    try:
        size = len(text.encode(codec))
    except UnicodeEncodeError:
        return False
    return size <= keys["len"] and text == text.strip() and text.isprintable()


def _said(conditions: Iterable[Condition]) -> str:
    parts = []
    for condition in conditions:
        values = [
            f"{value[0].text} to {value[1].text}" if isinstance(value, tuple) else value.text
            for value in condition.values
        ]
        parts.append(f"{condition.name} {', '.join(values)}")
    return "; ".join(parts)
