"""Wording: what every message says in the same way."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number with its noun, in the plural where it must be: 1 byte, 2 bytes."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
