"""Http: a provider that asks a web service, one request at a time or many in a list.

    {"url": "https://scores.example/v1/score",
     "headers": {"Authorization": {"env": "SCORES_TOKEN", "prefix": "Bearer "}},
     "request": {"codice_fiscale": "cf"}, "result": {"punteggio": "data.score"},
     "outcome": {"from": "status", "codes": {"OK": "fulfilled", "KO": "not_found"}}}

    batch        1: a call is a JSON object; more: a list of so many objects, each with its key under `id`
    wait_s       seconds for one call, from the look-up of the name to the last byte: 10
    retries      how often a call is repeated after no connection, 408, 409, 425, 429, 5xx: 3
    per_second   calls a second to this address, all of this process together: 10; at once (`burst`): 1
    not_found    statuses that mean it, of a single request: [404]
    ca_file      an authority to be trusted besides the system's
    idempotency_header  Idempotency-Key

Every call carries a key that is the same whenever the same is asked: a repeat after a crash is no second question. A
list that fails is bisected until the request that is to blame is alone; that one is pending, on a person's list, and
the others are answered. Where nothing at all is answered the service is down, and everything waits.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from cominflow import stopping
from cominflow.fulfilment import matching
from cominflow.fulfilment.http import settings as settings_of
from cominflow.fulfilment.http.calls import Calls
from cominflow.fulfilment.http.line import Line
from cominflow.fulfilment.http.questions import Questions
from cominflow.limits import SLOW_PROVIDER_REQUESTS


class HttpProvider:
    """Asks a web service by POST and JSON."""

    keeps_time = True
    requests_at_once = SLOW_PROVIDER_REQUESTS

    def __init__(
        self,
        *,
        wait: Callable[[float], None] = stopping.wait,
        tick: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._wait, self._tick, self._chance = wait, tick, chance

    def check(self, settings: Mapping[str, Any]) -> list[str]:
        """Problems in the settings; nobody is asked, and no secret is read."""
        return settings_of.problems(settings)

    def fulfil(self, requests: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
        """Ask for all of them. Raises WorldError when nobody answers, or what is said cannot be trusted."""
        endpoint = settings_of.endpoint(settings)
        rows = dict(zip(requests.index.tolist(), matching.outgoing(requests, settings), strict=True))
        with Line(endpoint) as line:
            calls = Calls(line, settings["request"], self._wait, self._tick, self._chance)
            found = Questions(calls, rows, settings)
            found.ask_all()
        answer = matching.frame(found.answered, settings)
        answer.attrs["notes"] = found.set_aside
        return answer
