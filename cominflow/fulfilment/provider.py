"""Provider: whoever answers requests, found by name among the entry points `cominflow.providers`.

A provider is a class without arguments that has the two methods of `Provider`. It sees requests that were read with one
layout, of one arrival or of several small ones, as a DataFrame, and gives one back with the same index: a column
`outcome` (fulfilled, not_found, pending or failed) and one column per result field. Columns keep their Arrow types:
text stays text with its zeros in front, amounts are exact decimals, what is missing is null.

The index is each request's key, `A-17/3.` and 32 hexadecimal digits: the same whenever that request is asked, after a
crash, a repeat, a pause, and never another request's. `A-17/3` is what people call it; numbers of arrivals are given
again after an old backup was restored, the digits are the arrival's for ever. Neither says anything about a person.

    class Echo:
        def check(self, settings):
            return []

        def fulfil(self, requests, settings):
            return requests[["riferimento"]].assign(outcome="fulfilled")
"""

from __future__ import annotations

import difflib
import logging
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cominflow import quoting
from cominflow.errors import CominflowError, UsageError, WorldError
from cominflow.fulfilment import bounded, outcomes
from cominflow.fulfilment.outcomes import Said
from cominflow.limits import PROVIDER_S_MAX
from cominflow.stopping import StoppedError

GROUP = "cominflow.providers"

log = logging.getLogger("cominflow.fulfilment")

Settings = Mapping[str, Any]


class Provider(Protocol):
    """What a provider can do. Neither method keeps anything between two calls that a restart would miss.

    Three attributes may be there besides:

    keeps_time        True: it ends every wait by itself; others are given up after `limits.PROVIDER_S_MAX` seconds
    requests_at_once  what it wants to be asked at a time, at most; it is stored before the next are asked
    attrs["notes"]    of the answer: key -> words for the operator on what became of a request
    """

    def check(self, settings: Settings) -> list[str]:
        """What is wrong with a service's settings, one sentence each with what to do; empty when nothing is."""

    def fulfil(self, requests: pd.DataFrame, settings: Settings) -> pd.DataFrame:
        """Answer every request. Raises WorldError when it cannot answer at all: it will be asked again.

        The error's words stand in logs and on screens: they name no person.
        """


def installed() -> dict[str, EntryPoint]:
    """Every provider that can be found, by name."""
    return {point.name: point for point in entry_points(group=GROUP)}


def find(name: str) -> Provider:
    """The provider of that name. UsageError when there is none, WorldError when its code cannot be loaded."""
    if name in _found:
        return _loaded(_found[name])
    known = installed()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known)) or 'none'}"
        raise UsageError(f"there is no provider {name!r}", hint=hint)
    _found[name] = known[name]
    return _loaded(known[name])


# To look through all that is installed takes milliseconds.
_found: dict[str, EntryPoint] = {}


def check(name: str, settings: Settings) -> list[str]:
    """Problems in the settings of a service that this provider is to fulfil. Raises as `find`."""
    return find(name).check(settings)


def keys(arrival: str, positions: Sequence[int] | NDArray[np.int64], name: str) -> NDArray[np.object_]:
    """The keys of requests of one arrival: `A-17/3.…` for the one at position 2. `name` is the arrival's random one."""
    numbers = pa.array(np.asarray(positions, np.int64) + 1).cast(pa.string())
    found: NDArray[np.object_] = pc.binary_join_element_wise(f"{arrival}/", numbers, f".{name}", "").to_numpy(
        zero_copy_only=False
    )
    return found


def at_once(name: str, count: int) -> int:
    """How many of `count` requests this provider is asked at a time."""
    most: int | None = getattr(find(name), "requests_at_once", None)
    return count if most is None else max(1, most)


def ask(name: str, settings: Settings, requests: pd.DataFrame, *, service: str) -> Said:
    """The provider's answer to `requests`, proved to be one.

    requests  one row per request, in any order; its index (see `keys`) comes back

    Raises WorldError, naming the provider and the service: it failed, took too long, or its answer cannot be used.
    StoppedError when the process is to end.
    """
    provider = find(name)
    about = f"provider {name} for service {service}"
    try:
        answer = _answer(provider, about, requests, settings)
        return outcomes.checked(answer, requests.index)
    except StoppedError:
        raise
    except outcomes.Unusable as problem:
        raise WorldError(
            "use the answer of", about, str(problem), retryable=True, hint="correct the provider; nothing was stored"
        ) from None
    except CominflowError as problem:
        if isinstance(problem, _HangingError):  # our own words
            raise
        if _quotes(problem, requests, service):
            said = f"it raised {type(problem).__name__} with a request's data in its words; correct the provider"
            raise WorldError("ask", about, said, retryable=True, hint=_SEE) from None
        away = isinstance(problem, WorldError) and problem.retryable
        raise WorldError("ask", about, problem.text, retryable=away, hint=problem.hint) from problem
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # Without its text, which may quote a person's data: where it happened is what helps.
        log.error("%s raised %s at\n%s", about, type(error).__name__, quoting.trace(error))
        raise WorldError("ask", about, f"it raised {type(error).__name__}", retryable=True, hint=_SEE) from error


# The text of a foreign error may quote a person's data: its type and place are told, its words nowhere.
_SEE = "its traceback is in the log; what waits is asked again by itself"

# Shorter cells (a code, a digit) stand in any text by chance.
_QUOTED_LENGTH_MIN = 4


def _quotes(error: CominflowError, requests: pd.DataFrame, service: str) -> bool:
    """Does an error's text repeat a cell of the requests (other than the service's code)? Providers are told not to."""
    text = str(error)
    cells = (str(cell) for name in requests.columns for cell in requests[name].dropna().unique())
    return any(len(cell) >= _QUOTED_LENGTH_MIN and cell != service and cell in text for cell in map(str.strip, cells))


class _HangingError(WorldError):
    """A call took too long: said by us, and so in words that quote nobody."""


# Calls that were given up and still run: what -> their thread. Asked once more they would only hang once more.
_hanging: dict[str, threading.Thread] = {}


def _answer(provider: Provider, about: str, requests: pd.DataFrame, settings: Settings) -> Any:
    if getattr(provider, "keeps_time", False):
        return provider.fulfil(requests, settings)
    earlier = _hanging.get(about)
    if earlier is not None and earlier.is_alive():
        raise _HangingError(
            "ask", about, "it still hangs in an earlier call", retryable=True,
            hint="look at what it waits for; when that cannot be ended, start the engine again",
        )  # fmt: skip
    try:
        return bounded.call(PROVIDER_S_MAX, lambda: provider.fulfil(requests, settings), name=about)
    except bounded.TooLong as problem:
        _hanging[about] = problem.thread
        raise _HangingError(
            "ask", about, f"it did not answer within {PROVIDER_S_MAX:g} s", retryable=True,
            hint="look at what it waits for; its requests are asked again by themselves",
        ) from None  # fmt: skip


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
