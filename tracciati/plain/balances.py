"""Balances in plain words: what an account begins with is what it ended with in the file before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracciati.plain import listed, quoted, say

if TYPE_CHECKING:
    from tracciati.layout import Layout
    from tracciati.plain import Language


def goes_on(path: str, layout: Layout, language: Language) -> str:
    """What is said at the field of that path, `record.field`; nothing where it is no balance that goes on."""
    balances = layout.continuity
    if balances is None or path not in (balances.opening, balances.closing):
        return ""
    whose = listed([quoted(one, language) for one in balances.account], language) if balances.account else ""
    same_it = f" dello stesso conto ({whose})" if whose else ""
    same_en = f" of the same account ({whose})" if whose else ""
    if path == balances.opening:
        closing = quoted(balances.closing, language)
        return say(
            language,
            it=f"saldo iniziale: uguale al precedente saldo finale{same_it}, {closing}, anche del file prima",
            en=f"opening balance: equal to the closing balance before it{same_en}, {closing}, of the file before too",
        )
    opening = quoted(balances.opening, language)
    return say(
        language,
        it=f"saldo finale: con esso inizia il successivo{same_it}, {opening}, anche nel file dopo",
        en=f"closing balance: the next one begins with it{same_en}, {opening}, in the file after too",
    )
