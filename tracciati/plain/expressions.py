"""Expressions in plain words: what a total counts or sums. A condition keeps its own spelling, which is exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracciati.expression import Count, Derivation, terms, text_of
from tracciati.plain import number_of, quoted, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracciati.expression import Aggregate, Expression, Function
    from tracciati.layout import Layout
    from tracciati.plain import Language


def derivation(expression: Expression, layout: Layout, language: Language, scope: str = "") -> str:
    """What a field with `derive` must be equal to. scope: the group that is totalled; "" for the file."""
    if not isinstance(expression, Derivation):
        return text_of(expression)
    said = ""
    for sign, term in terms(expression):
        one = _count(term, layout, language) if isinstance(term, Count) else _aggregate(term, language)
        if said:
            said += say(language, it=", più ", en=", plus ") if sign > 0 else say(language, it=", meno ", en=", minus ")
        said += one
    if not scope:
        return said
    name = quoted(scope, language)
    return said + say(language, it=f", nel proprio gruppo {name}", en=f", in its own group {name}")


def _aggregate(total: Aggregate, language: Language) -> str:
    italian, english = _FUNCTIONS[total.function]
    record, name = quoted(total.path.record or "", language), quoted(total.path.field, language)
    text = say(language, it=f"{italian} {name} nei record {record}", en=f"{english} {name} over the records {record}")
    if total.where is not None:
        condition = quoted(text_of(total.where), language)
        text += say(language, it=f" con {condition}", en=f" where {condition}")
    if total.modulus:
        text += say(language, it=f", resto della divisione per {total.modulus}", en=f", modulo {total.modulus}")
    return text


_FUNCTIONS: Mapping[Function, tuple[str, str]] = {
    "sum": ("somma di", "sum of"),
    "hash_sum": ("somma di controllo di", "hash sum of"),
    "min": ("minimo di", "smallest"),
    "max": ("massimo di", "greatest"),
    "first": ("primo valore di", "first"),
    "last": ("ultimo valore di", "last"),
}


def _count(count: Count, layout: Layout, language: Language) -> str:
    if count.per > 1:
        size = number_of(count.per, language, it=("record", "record"), en=("record", "records"))
        return say(language, it=f"numero dei blocchi di {size}", en=f"number of blocks of {size}")
    if count.target == "*":
        return say(language, it="numero di tutti i record", en="number of all records")
    name = quoted(count.target, language)
    if count.where is not None:
        condition = quoted(text_of(count.where), language)
        return say(
            language, it=f"numero dei record {name} con {condition}", en=f"number of records {name} where {condition}"
        )
    if count.target in layout.groups:
        return say(language, it=f"numero dei gruppi {name}", en=f"number of groups {name}")
    return say(language, it=f"numero dei record {name}", en=f"number of records {name}")
