"""Calls: one question to a service, repeated as long as that may help, under one key.

What may help: no connection, a time-out, 408, 425, 429 and 5xx, and 409, by which a server says that it still works on
the same key. Waits grow and are drawn from zero on (full jitter); a server's own Retry-After is kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from cominflow import clock
from cominflow.errors import WorldError
from cominflow.fulfilment import rate, secrets
from cominflow.fulfilment.http import bodies
from cominflow.fulfilment.http.line import Line, NoReply, Reply
from cominflow.fulfilment.matching import Row
from cominflow.fulfilment.outcomes import called
from cominflow.limits import HTTP_BACKOFF_S, HTTP_BACKOFF_S_MAX, HTTP_RETRY_AFTER_S_MAX

_AGAIN = frozenset({408, 409, 425, 429, *range(500, 600)}) - {501, 505}


class Failed(Exception):
    """A call that no repeat helped. The text says why: the last status, or that nobody answered."""


class Calls:
    """Calls to one endpoint.

    request  the settings' `request`: a question that says something else has another key
    """

    def __init__(
        self,
        line: Line,
        request: Mapping[str, str],
        wait: Callable[[float], None],
        tick: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self.line, self.endpoint = line, line.endpoint
        self._request = request
        self._wait, self._tick, self._chance = wait, tick, chance
        self._rate = rate.of(self.endpoint.shown, self.endpoint.per_second, self.endpoint.burst)
        self._headers = {
            name: secrets.read(f"the header {name}", value) for name, value in self.endpoint.headers.items()
        }

    def ask(self, keys: Sequence[str], rows: Sequence[Row]) -> Reply:
        """The server's reply, of any status that a repeat would not change. Raises Failed when every try did.

        WorldError when the server asks for patience (429) beyond what a thread can wait.
        """
        body = bodies.written(keys, rows, self.endpoint)
        headers = {**self._headers, self.endpoint.idempotency_header: self.key_of(keys)}
        why, retry_after_s = "", 0.0
        for attempt in range(self.endpoint.retries + 1):
            if attempt:
                most = min(HTTP_BACKOFF_S_MAX, HTTP_BACKOFF_S * 2 ** (attempt - 1))
                self._wait(max(retry_after_s, self._chance() * most))
            self._wait(self._rate.reserve(self._tick()))
            try:
                reply = self.line.post(body, headers)
            except NoReply as problem:
                why, retry_after_s = str(problem), 0.0
                continue
            if reply.status not in _AGAIN:
                return reply
            why, retry_after_s = said(reply.status), _seconds(reply.retry_after, clock.now())
            if retry_after_s > HTTP_RETRY_AFTER_S_MAX:
                raise self.away(f"{why}, and wants to be left alone for {retry_after_s:.0f} s")
        if why == said(429):
            raise self.away(f"{why}, after {self.endpoint.retries + 1} tries")
        raise Failed(why)

    def key_of(self, keys: Sequence[str]) -> str:
        """The idempotency key of a call: the same for the same requests, whenever they are asked; no personal data.

        Another address or other fields are another question, which a server must not answer from its memory: they are
        in the key.
        """
        whole = json.dumps([self.endpoint.url, list(self._request.items()), list(keys)])
        more = f"+{len(keys) - 1}" if len(keys) > 1 else ""
        return f"{called(keys[0])}{more}-{hashlib.sha256(whole.encode()).hexdigest()[:32]}"

    def away(self, why: str) -> WorldError:
        """The service as a failure of the world."""
        return WorldError(
            "ask", self.endpoint.shown, why, retryable=True,
            hint="see that the service runs and answers; what waits is asked again by itself, under the same keys",
        )  # fmt: skip


def said(status: int) -> str:
    """A status for a person, in the standard's words: a server's own may hold anything."""
    try:
        return f"it said {status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return f"it said {status}"


def _seconds(retry_after: str, at: datetime) -> float:
    """A Retry-After header, seconds or an instant, as seconds from `at`; 0 when it is neither."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return 0.0
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - at).total_seconds())
