"""Matching: what goes out of a request, and how what comes back is matched with it. Pure.

Settings that the providers `http` and `command` share:

    "request": {"codice_fiscale": "cf"}     column of the request -> name at the partner
    "result": {"punteggio": "score"}        result field -> name in the partner's answer
    "id": "id"                              name of the request's key, which comes back with its answer
    "outcome": {"from": "status", "codes": {"OK": "fulfilled", "KO": "not_found"}}

Without `outcome` whatever comes back is fulfilled. Amounts and dates go out as text (12.50, 2026-01-31): exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from cominflow.errors import WorldError
from cominflow.fulfilment.outcomes import OF_PROVIDERS, Unusable, shown

SETTINGS = ("request", "result", "id", "outcome")
Row = Mapping[str, Any]


def problems(settings: Mapping[str, Any]) -> list[str]:
    """What is wrong with the settings above; empty when nothing is."""
    found = []
    for name, example in (("request", '{"codice_fiscale": "cf"}'), ("result", '{"punteggio": "score"}')):
        value = settings.get(name)
        if not _is_texts(value) or (name == "request" and not value):
            found.append(f"{name!r} must map our names to the partner's, as {example}")
        elif isinstance(value, Mapping) and len(set(value.values())) < len(value):
            found.append(f"{name!r} gives one name of the partner's twice")
    if not isinstance(settings.get("id", "id"), str) or not settings.get("id", "id"):
        found.append("'id' must be the name under which a request's key goes out and comes back")
    elif _is_texts(settings.get("request")) and settings.get("id", "id") in settings["request"].values():
        found.append(f"'id' is {settings.get('id', 'id')!r}, and so is a name in 'request': give it another name")
    return found + _outcome_problems(settings.get("outcome"))


def _outcome_problems(outcome: object) -> list[str]:
    if outcome is None:
        return []
    example = '{"from": "status", "codes": {"OK": "fulfilled"}}'
    if not isinstance(outcome, Mapping) or set(outcome) - {"from", "codes"} or not isinstance(outcome.get("from"), str):
        return [f"'outcome' must say where it stands and what the codes mean, as {example}"]
    codes = outcome.get("codes", {})
    if not _is_texts(codes) or not all(word in OF_PROVIDERS for word in codes.values()):
        return [f"'codes' of 'outcome' must map texts to {', '.join(OF_PROVIDERS)}"]
    return []


def _is_texts(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(text, str) and text for text in value.values())


def outgoing(requests: pd.DataFrame, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What goes out of each request, under the partner's names, in order: text, int, bool or None."""
    mapping: Mapping[str, str] = settings["request"]
    missing = [name for name in mapping if name not in requests.columns]
    if missing:
        raise WorldError(
            "send", f"{', '.join(missing)} of requests", f"they have only {', '.join(map(str, requests.columns))}",
            hint="correct 'request' in the service's provider settings",
        )  # fmt: skip
    columns = {theirs: [_plain(value) for value in requests[ours].tolist()] for ours, theirs in mapping.items()}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def answered(rows: Iterable[tuple[str, Row]], settings: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Each (key, the partner's row) as (key, our row): `outcome` and result fields. Raises Unusable."""
    return [(key, _ours(key, row, settings)) for key, row in rows]


def frame(rows: Sequence[tuple[str, Row]], settings: Mapping[str, Any]) -> pd.DataFrame:
    """Our rows as a provider's answer."""
    index = pd.Index([key for key, _ in rows], dtype=object)
    names = ["outcome", *settings["result"]]
    # As objects: pandas would make floats out of whole numbers where one is missing.
    columns = {name: pd.Series([row.get(name) for _, row in rows], index=index, dtype=object) for name in names}
    return pd.DataFrame(columns, index=index)


def _ours(key: str, row: Row, settings: Mapping[str, Any]) -> dict[str, Any]:
    word = _word(key, row, settings.get("outcome"))
    found: dict[str, Any] = {"outcome": word}
    if word != "fulfilled":
        return found
    for ours, theirs in settings["result"].items():
        if theirs not in row:
            raise Unusable(
                f"row {shown(key)}: it has no {theirs!r}; correct 'result', or say with 'outcome' what it means"
            )
        found[ours] = row[theirs]
    return found


def _word(key: str, row: Row, outcome: Mapping[str, Any] | None) -> str:
    if outcome is None:
        return "fulfilled"
    if outcome["from"] not in row:
        raise Unusable(f"row {shown(key)}: it has no {outcome['from']!r}, which 'outcome' is taken from")
    said = row[outcome["from"]]
    text = said if isinstance(said, str) else str(said)
    word = outcome.get("codes", {}).get(text, text)
    if word not in OF_PROVIDERS:
        raise Unusable(f"row {shown(key)}: what stands in {outcome['from']!r} is none of the 'codes' of 'outcome'")
    return str(word)


def _plain(value: Any) -> Any:
    """A value of a request: pandas' several kinds of nothing are None."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, date):
        return value.isoformat()[:10]
    return format(value, "f") if isinstance(value, Decimal) else value
