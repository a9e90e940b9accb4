"""Line: one call after the other over a kept connection, each with a time that really holds.

A library's time-outs are per read: a server that drips a byte a second never trips them. And the look-up of a name has
none at all. So each call runs in a thread of its own (`bounded`); when its time is up the connection is cut under it
and given up. TLS is verified always, redirects are never followed: both would hand people's data to somebody else.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
)

from cominflow.errors import WorldError
from cominflow.fulfilment import bounded
from cominflow.fulfilment.http.settings import Endpoint
from cominflow.fulfilment.outcomes import Unusable
from cominflow.limits import HTTP_ANSWER_BYTES_MAX
from cominflow.stopping import StoppedError


@dataclass(frozen=True)
class Reply:
    """What a server said. `retry_after` is its own header, empty where it gave none."""

    status: int
    body: bytes
    retry_after: str


class NoReply(Exception):
    """No whole answer came. The text says why, and quotes nothing that was sent or received."""


class Line:
    """Calls to one endpoint, from one thread. Use with `with`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        parts = urlsplit(endpoint.url)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._context = _trusted(endpoint.ca_file) if parts.scheme == "https" else None
        self._guard, self._pool = self._connected()

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()
        self._guard.close()

    def post(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send a body and read the whole answer. Raises NoReply; Unusable when the answer is larger than we take."""
        guard, pool = self._guard, self._pool
        try:
            reply = bounded.call(
                self.endpoint.wait_s, lambda: self._exchange(pool, body, headers), name="http provider"
            )
        except bounded.TooLong:
            self._give_up(guard)
            raise NoReply(f"no whole answer within {self.endpoint.wait_s:g} s") from None
        except StoppedError:
            self._give_up(guard)
            raise
        except (HTTPError, OSError) as error:
            if why := _distrust(error):
                raise WorldError(
                    "trust", self.endpoint.shown, why, retryable=True,
                    hint="correct 'url', or name the partner's own authority with 'ca_file'; it is always verified",
                ) from None  # fmt: skip
            raise NoReply(_words(error)) from None
        assert isinstance(reply, Reply)
        return reply

    def _exchange(self, pool: urllib3.HTTPConnectionPool, body: bytes, headers: Mapping[str, str]) -> Reply:
        response = pool.urlopen(
            "POST",
            self._target,
            body=body,
            headers={**_HEADERS, **headers},
            retries=False,
            redirect=False,
            timeout=urllib3.Timeout(connect=self.endpoint.wait_s, read=self.endpoint.wait_s),
            preload_content=False,
            decode_content=False,
        )
        content = response.read(HTTP_ANSWER_BYTES_MAX + 1, decode_content=False)
        if len(content) > HTTP_ANSWER_BYTES_MAX:
            response.close()
            raise Unusable(f"it is larger than {HTTP_ANSWER_BYTES_MAX} bytes")
        response.release_conn()
        return Reply(response.status, content, response.headers.get("Retry-After", ""))

    def _give_up(self, guard: _Guard) -> None:
        """Cut the connection under the thread that still waits, and go on with a new one."""
        guard.cut()
        self._guard, self._pool = self._connected()

    def _connected(self) -> tuple[_Guard, urllib3.HTTPConnectionPool]:
        parts = urlsplit(self.endpoint.url)
        guard = _Guard()
        pool: urllib3.HTTPConnectionPool
        if self._context is not None:
            pool = urllib3.HTTPSConnectionPool(parts.hostname or "", parts.port, ssl_context=self._context)
            pool.ConnectionCls = _guarded(HTTPSConnection, guard)
        else:
            pool = urllib3.HTTPConnectionPool(parts.hostname or "", parts.port)
            pool.ConnectionCls = _guarded(HTTPConnection, guard)
        return guard, pool


_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # a few bytes must not become gigabytes here
    "User-Agent": "cominflow",
}


class _Guard:
    """Holds on to the socket of a connection, TLS or not, so that another thread can cut it."""

    def __init__(self) -> None:
        self._held: socket.socket | None = None
        self._is_cut = False
        self._lock = threading.Lock()

    def hold(self, connected: socket.socket) -> None:
        """A new connection. Cut at once when the time was up before it was made: nothing may be sent on it."""
        with self._lock:
            self._let_go()
            # A duplicate: TLS takes the socket over, and the library closes it when it likes.
            self._held = connected.dup()
            if self._is_cut:
                self._shut()

    def cut(self) -> None:
        """End the connection, from any thread, for good."""
        with self._lock:
            self._is_cut = True
            self._shut()

    def close(self) -> None:
        """Let go."""
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    def _shut(self) -> None:
        if self._held is None:
            return
        try:
            self._held.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it ended by itself
        self._let_go()


def _guarded(base: Any, guard: _Guard) -> Any:
    """The library's connection, with its socket held by `guard` before a byte is sent."""

    class Guarded(base):
        """A connection that can be cut."""

        def _new_conn(self) -> socket.socket:
            connected: socket.socket = super()._new_conn()
            guard.hold(connected)
            return connected

    return Guarded


def _trusted(ca_file: str) -> ssl.SSLContext:
    """The system's authorities, and one more where the settings name it."""
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as cause:  # SSLError is one
            raise WorldError("read", ca_file, cause.strerror or "it is no PEM file", hint="correct 'ca_file'") from None
    return context


def _words(error: Exception) -> str:
    """What went wrong, in our words: the library's own may quote an answer's first bytes."""
    number = _errno(error)
    if isinstance(error, NameResolutionError):
        return "its name is not known"
    if isinstance(error, NewConnectionError):  # before the next: in some versions it is one of those
        return f"no connection: {os.strerror(number)}" if number else "no connection"
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError | TimeoutError):
        return "it did not answer in time"
    return f"the connection broke off: {os.strerror(number)}" if number else "the connection broke off"


def _errno(error: BaseException | None) -> int:
    """The system's number somewhere behind an error; 0 when there is none."""
    while error is not None:
        found = [error, *error.args]
        for one in found:
            if isinstance(one, OSError) and one.errno:
                return one.errno
        error = error.__cause__ or error.__context__
    return 0


def _distrust(error: BaseException | None) -> str:
    """Why the server's certificate is not trusted; empty when that is not what happened."""
    while error is not None:
        for one in (error, *error.args):
            if isinstance(one, ssl.SSLCertVerificationError):
                return f"its certificate is not valid: {one.verify_message}"
        error = error.__cause__ or error.__context__
    return ""
