"""Reference hash: the 64 bits under which a reference is found, computed once more, one text at a time. Pure."""

from __future__ import annotations

import hashlib

_ALL = (1 << 64) - 1
_SEED, _STEP = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93
_LONG_BYTES = 64


def hash_of(reference: str) -> int:
    """Eight bytes at a time through the finisher of splitmix64; above 64 bytes BLAKE2b. A signed number.

    >>> hash_of("")
    -2152535657050944081
    """
    text = reference.encode()
    if len(text) > _LONG_BYTES:
        value = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
    else:
        value = _mixed(len(text) * _STEP + _SEED)
        for start in range(0, len(text), 8):
            value = _mixed(value ^ int.from_bytes(text[start : start + 8], "little"))
    return value - (1 << 64) if value >> 63 else value


def _mixed(value: int) -> int:
    value &= _ALL
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & _ALL
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & _ALL
    return value ^ (value >> 31)
