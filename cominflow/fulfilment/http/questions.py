"""Questions: what the provider is asked in one go, in lists; what fails is bisected until who is to blame is alone.

A request is set aside (pending, for a person) only when the service is known to live: another one was answered after
it, or is answered once more for this. A service that is down, or that dies in the middle, is no fault of a request.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from cominflow.errors import WorldError
from cominflow.fulfilment import matching
from cominflow.fulfilment.http import bodies
from cominflow.fulfilment.http.calls import Calls, Failed, said
from cominflow.fulfilment.http.line import Reply
from cominflow.fulfilment.matching import Row
from cominflow.fulfilment.outcomes import called
from cominflow.limits import HTTP_FAILURES_IN_A_ROW_MAX, HTTP_REFUSALS_MAX

log = logging.getLogger("cominflow.fulfilment")

# By these a server says that it understood, and that it is what was sent.
_REFUSED = (400, 413, 414, 422)

Keys = list[str]


class Questions:
    """Asks for `rows` (key -> what goes out). Afterwards each key is in `answered`, set-aside ones as pending."""

    def __init__(self, calls: Calls, rows: Mapping[str, Row], settings: Mapping[str, Any]) -> None:
        self.calls, self.endpoint = calls, calls.endpoint
        self.rows, self.settings = rows, settings
        self.answered: list[tuple[str, Row]] = []
        # Key -> why it was set aside, in words for the operator.
        self.set_aside: dict[str, str] = {}
        self._refused_count = 0
        self._good: Keys = []
        self._failures_in_a_row = 0
        self._failures_max = HTTP_FAILURES_IN_A_ROW_MAX + self.endpoint.batch.bit_length()

    def ask_all(self) -> None:
        """Ask. Raises WorldError when the service is down, and Unusable when it answers nonsense: nothing is known."""
        keys = list(self.rows)
        for start in range(0, len(keys), self.endpoint.batch):
            self._ask(keys[start : start + self.endpoint.batch])
        why = next(iter(self.set_aside.values()), "")
        if not self.answered and not (len(keys) == 1 and self._refused_count):
            raise self._all_refused(why) if self._refused_count == len(keys) else self.calls.away(why)
        if self._failures_in_a_row and not self._lives():
            raise self.calls.away(why)
        for key, words in self.set_aside.items():
            log.warning("%s is set aside, for a person: of %s, %s", called(key), self.endpoint.shown, words)
            self.answered.append((key, {"outcome": "pending"}))

    def _ask(self, keys: Keys) -> None:
        try:
            reply = self._reply(keys)
        except Failed as failed:
            self._failures_in_a_row += 1
            if self._failures_in_a_row >= self._failures_max and not self._lives():
                raise self.calls.away(str(failed)) from None
            self._blame(keys, str(failed))
            return
        self._failures_in_a_row = 0
        if reply.status in _REFUSED:
            self._blame(keys, said(reply.status))
            if len(keys) == 1:
                self._refused_count += 1
                if self._refused_count == HTTP_REFUSALS_MAX and not self.answered and not self._lives():
                    raise self._all_refused(said(reply.status))
            return
        self._good = keys
        self.answered += self._read(reply, keys)

    def _reply(self, keys: Keys) -> Reply:
        return self.calls.ask(keys, [self.rows[key] for key in keys])

    def _read(self, reply: Reply, keys: Keys) -> list[tuple[str, dict[str, Any]]]:
        if reply.status in self.endpoint.not_found:
            return [(key, {"outcome": "not_found"}) for key in keys]
        if reply.status not in (200, 201):
            raise WorldError(
                "ask", self.endpoint.shown, said(reply.status),
                hint="correct 'url' and 'headers' in the service's provider settings, and the secret that they name",
            )  # fmt: skip
        return matching.answered(bodies.read(reply.body, keys, self.endpoint), self.settings)

    def _blame(self, keys: Keys, why: str) -> None:
        """Ask each half; a request that fails alone is set aside."""
        if len(keys) == 1:
            self.set_aside[keys[0]] = why
            return
        middle = len(keys) // 2
        self._ask(keys[:middle])
        self._ask(keys[middle:])

    def _lives(self) -> bool:
        """Whether the service answers what it answered before; before its first answer: the last request, alone.

        Asked under a key that it knows (or will be asked under), so that it is no question more.
        """
        try:
            reply = self._reply(self._good or list(self.rows)[-1:])
        except Failed:
            return False
        self._failures_in_a_row = 0
        return reply.status in (200, 201, *self.endpoint.not_found)

    def _all_refused(self, why: str) -> WorldError:
        return WorldError(
            "ask", self.endpoint.shown, f"{why} to every one of {self._refused_count} requests", retryable=True,
            hint="correct 'request' in the service's provider settings; if they really are all wrong, let a person "
            "answer them: `cominflow service set CODE --provider manual --settings '{}'`",
        )  # fmt: skip
