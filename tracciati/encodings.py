"""Encodings: what a layout may call its file's characters, and those that Python does not know by itself.

EBCDIC files are read as they come; `values.pages` has the tables. cp280, the Italian page, is made here from cp037, of
which it is a variation in 25 places (IBM, Character Data Representation Architecture, code pages 00037 and 00280).
"""

from __future__ import annotations

import codecs
from functools import cache
from typing import Any

EBCDIC = ("cp037", "cp280", "cp500", "cp1140")
CODECS = ("ascii", *(f"iso8859-{part}" for part in range(1, 17) if part != 12), "cp1252", "utf-8", *EBCDIC)

_ITALIAN_PLACES = bytes.fromhex("44484a4f5154585a5f6a797b7c90a1b0b1b5babbc0cdd0dde0")
_ITALIAN = "{\\°!]}~é^òù£§[ì¢#@¬|à¦è`ç"


def name_of(written: str) -> str:
    """The one name that we use for an encoding: `latin-1` and `ISO-8859-1` are `iso8859-1`; "" for one not known."""
    try:
        name = codecs.lookup(written).name
    except (LookupError, ValueError):  # ValueError: it holds what no name can, as "\\0"
        return ""
    return name if name in CODECS else ""


def blank(codec: str) -> int:
    """The byte that is a blank."""
    return " ".encode(codec)[0]


def characters(codec: str) -> str:
    """The 256 characters of a single-byte encoding, by byte."""
    return bytes(range(256)).decode(codec, "replace")


def register(name: str, table: str) -> None:
    """Let Python know a single-byte encoding by a name. table: its 256 characters, by byte."""
    mapping = codecs.charmap_build(table)

    def encode(text: str, errors: str = "strict") -> tuple[bytes, int]:
        return codecs.charmap_encode(text, errors, mapping)

    def decode(raw: Any, errors: str = "strict") -> tuple[str, int]:
        return codecs.charmap_decode(bytes(raw), errors, table)

    found = codecs.CodecInfo(encode, decode, name=name)
    codecs.register(lambda asked: found if asked == name else None)


@cache
def _italian() -> str:
    found = list(characters("cp037"))
    for place, character in zip(_ITALIAN_PLACES, _ITALIAN, strict=True):
        found[place] = character
    return "".join(found)


register("cp280", _italian())
