"""Expressions in plain words: what a total counts or sums. A condition keeps its own spelling, which is exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracciati.expression import Count, Sum, text_of
from tracciati.plain import quoted, say

if TYPE_CHECKING:
    from tracciati.expression import Expression
    from tracciati.layout import Layout
    from tracciati.plain import Language


def derivation(expression: Expression, layout: Layout, language: Language) -> str:
    """What a field with `derive` must be equal to."""
    if isinstance(expression, Count):
        return _count(expression.target, layout, language)
    if isinstance(expression, Sum):
        record, name = quoted(expression.path.record or "", language), quoted(expression.path.field, language)
        text = say(language, it=f"somma di {name} nei record {record}", en=f"sum of {name} over the records {record}")
        if expression.where is None:
            return text
        condition = quoted(text_of(expression.where), language)
        return text + say(language, it=f" con {condition}", en=f" where {condition}")
    return text_of(expression)


def _count(target: str, layout: Layout, language: Language) -> str:
    if target == "*":
        return say(language, it="numero di tutti i record del file", en="number of all records of the file")
    name = quoted(target, language)
    if target in layout.groups:
        return say(language, it=f"numero dei gruppi {name}", en=f"number of groups {name}")
    return say(language, it=f"numero dei record {name}", en=f"number of records {name}")
