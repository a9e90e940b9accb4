"""Shown: a client's file name for a person. A client may send any bytes; a person and a terminal must survive them."""

from __future__ import annotations

# Where `surrogateescape` puts the bytes that are no UTF-8.
_BYTE, _BYTES = 0xDC00, range(0xDC80, 0xDD00)


def name(raw: bytes) -> str:
    r"""The name on one line: letters of any language as they are, everything else escaped, without ambiguity.

    >>> name("visure è.txt".encode()), name(b"\xff.txt"), name(b"a\nb"), name(b"a\\b")
    ('visure è.txt', '\\xff.txt', 'a\\nb', 'a\\\\b')
    """
    return "".join(_shown(character) for character in raw.decode("utf-8", "surrogateescape"))


def _shown(character: str) -> str:
    if ord(character) in _BYTES:
        return f"\\x{ord(character) - _BYTE:02x}"
    if character == "\\":
        return "\\\\"
    # Controls, line separators and marks that turn the writing direction round are not printable.
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
