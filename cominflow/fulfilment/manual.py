"""Manual: requests that a person answers. Pure rules: what lies on the work list, and what may be said of it.

Settings: `{"result": {"punteggio": "Punteggio"}}` names the result fields that an operator may fill, each with its
heading; without them an operator gives an outcome only.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import pandas as pd

from cominflow.errors import UsageError

# What a person may say: an answer is an end, so not `pending`.
OUTCOMES = ("fulfilled", "not_found", "failed")


class ManualProvider:
    """Everything goes on the work list."""

    def check(self, settings: Mapping[str, Any]) -> list[str]:
        """Settings may name result fields and nothing else."""
        problems = [f"{key!r} is not a setting; the only one is 'result'" for key in settings if key != "result"]
        result = settings.get("result", {})
        if not isinstance(result, Mapping) or not all(isinstance(title, str) for title in result.values()):
            problems.append('\'result\' must map result fields to headings, as {"punteggio": "Punteggio"}')
        return problems

    def fulfil(self, requests: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
        """Each request is pending."""
        return pd.DataFrame({"outcome": "pending"}, index=requests.index)


def titles(settings: Mapping[str, Any]) -> Mapping[str, str]:
    """Result field -> heading, of the fields that an operator may fill for this service."""
    result: Mapping[str, str] = settings.get("result", {})
    return result


def answer(settings: Mapping[str, Any], outcome: str, results: Mapping[str, str]) -> dict[str, str]:
    """What an operator says of one request, checked: the result fields to store, as text, blank ones left out.

    Raises UsageError: an outcome that is no answer, a field that the service has not, or results without fulfilment.
    """
    if outcome not in OUTCOMES:
        raise UsageError(f"{outcome!r} is not an answer", hint=f"say one of {', '.join(OUTCOMES)}")
    allowed = titles(settings)
    for name in results:
        if name not in allowed:
            near = difflib.get_close_matches(name, allowed, 1)
            known = ", ".join(allowed) or 'none: name them in the service\'s provider settings under "result"'
            hint = f"did you mean {near[0]}?" if near else f"its result fields are {known}"
            raise UsageError(f"the service has no result field {name!r}", hint=hint)
    given = {name: value for name, value in results.items() if value.strip()}
    if given and outcome != "fulfilled":
        raise UsageError(
            f"a request that is {outcome} has no results, but {', '.join(given)} was given",
            hint="leave the results out, or answer with fulfilled",
        )
    return given
