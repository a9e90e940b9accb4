"""Provider: whoever answers requests, found by name among the entry points `cominflow.providers`.

A provider is a class without arguments that has the two methods of `Provider`. It sees a whole portion as a DataFrame
and gives one back with the same index: a column `outcome` (fulfilled, not_found, pending or failed) and one column per
result field. Columns keep their Arrow types: text stays text with its zeros in front, amounts are exact decimals, what
is missing is null.

    class Echo:
        def check(self, settings):
            return []

        def fulfil(self, requests, settings):
            return requests[["riferimento"]].assign(outcome="fulfilled")
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol

import pandas as pd

from cominflow.errors import CominflowError, UsageError, WorldError
from cominflow.fulfilment import outcomes

GROUP = "cominflow.providers"

log = logging.getLogger("cominflow.fulfilment")

Settings = Mapping[str, Any]


class Provider(Protocol):
    """What a provider can do. Neither method keeps anything between two calls that a restart would miss."""

    def check(self, settings: Settings) -> list[str]:
        """What is wrong with a service's settings, one sentence each with what to do; empty when nothing is."""

    def fulfil(self, requests: pd.DataFrame, settings: Settings) -> pd.DataFrame:
        """Answer every request. Raises WorldError when it cannot answer at all: it will be asked again.

        The error's words stand in logs and on screens: they name no person.
        """


def find(name: str) -> Provider:
    """The provider of that name. UsageError when there is none, WorldError when its code cannot be loaded."""
    known = {point.name: point for point in entry_points(group=GROUP)}
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known)) or 'none'}"
        raise UsageError(f"there is no provider {name!r}", hint=hint)
    return _loaded(known[name])


def check(name: str, settings: Settings) -> list[str]:
    """Problems in the settings of a service that this provider is to fulfil. Raises as `find`."""
    return find(name).check(settings)


def ask(name: str, settings: Settings, requests: pd.DataFrame, *, service: str) -> pd.DataFrame:
    """The provider's answer to `requests`, proved to be one: index as asked, `outcome`, results in stored types.

    requests  one row per request, in any order; its index is the caller's and comes back

    Raises WorldError, naming the provider and the service: it failed, or its answer cannot be used.
    """
    provider = find(name)
    about = f"provider {name} for service {service}"
    try:
        answer = provider.fulfil(requests, settings)
    except CominflowError as error:
        if _quotes(error, requests):
            said = f"it raised {type(error).__name__} with a request's data in its words; correct the provider"
            raise WorldError("ask", about, said, retryable=True, hint=_SEE) from None
        raise
    except Exception as error:  # a provider is anyone's code: whatever it raises, the world failed us
        log.exception("%s raised", about)
        raise WorldError("ask", about, f"it raised {type(error).__name__}", retryable=True, hint=_SEE) from error
    try:
        return outcomes.checked(answer, requests.index)
    except outcomes.Unusable as problem:
        raise WorldError(
            "use the answer of", about, str(problem), hint="correct the provider; nothing was stored"
        ) from None


# The text of a foreign error may quote a person's data: its type and place are told, its words nowhere.
_SEE = "its traceback is in the log; the requests stay waiting and are asked again"

# Shorter cells (a code, a digit) stand in any text by chance.
_QUOTED_LENGTH_MIN = 4


def _quotes(error: CominflowError, requests: pd.DataFrame) -> bool:
    """Does the text of an error repeat a cell of the requests? Providers are told not to; this sees whether they do."""
    text = str(error)
    cells = (str(cell) for name in requests.columns for cell in requests[name].dropna().unique())
    return any(len(cell) >= _QUOTED_LENGTH_MIN and cell in text for cell in map(str.strip, cells))


@cache
def _loaded(point: EntryPoint) -> Provider:
    try:
        provider: Provider = point.load()()
    except (ImportError, AttributeError, TypeError) as error:
        raise WorldError(
            "load",
            f"provider {point.name} ({point.value})",
            f"{type(error).__name__}: {error}",
            hint="install it again",
        ) from error
    return provider
