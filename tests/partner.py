"""Partner: a real web service on loopback that answers, or fails, as a test says; and a program that does the same.

Whoever asks sends `cf` and is told `score`: that of the table, or that there is none. What was asked is kept.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Row = dict[str, Any]

# What `judge` says to have the connection closed instead of an answer.
CUT = -1


@dataclass
class Asked:
    """One call as it came in."""

    headers: Mapping[str, str]
    body: Any

    @property
    def rows(self) -> list[Row]:
        """Its requests, also of a call that has only one."""
        return self.body if isinstance(self.body, list) else [self.body]

    @property
    def key(self) -> str:
        """Its idempotency key."""
        return self.headers["Idempotency-Key"]


@dataclass
class Partner:
    """Behaviour is what a test assigns.

    scores     cf -> score; who is not in it is answered with the status KO
    judge      called with each call: a status that it gets instead of an answer, CUT, or None
    change     what becomes of an answer (a JSON value) before it is sent
    raw        bytes sent as the answer, whatever was asked
    drips      the answer never ends: a byte now and then
    """

    scores: Mapping[str, object] = field(default_factory=dict)
    judge: Callable[[Asked], int | None] = lambda asked: None
    change: Callable[[Any], Any] = lambda value: value
    raw: bytes | None = None
    drips: str = ""
    reply_headers: Mapping[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    was_asked: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)

    def settings(self, **more: Any) -> dict[str, Any]:
        """Settings of a service that asks here."""
        return {
            "url": self.url,
            "request": {"codice_fiscale": "cf"},
            "result": {"punteggio": "score"},
            "outcome": {"from": "status", "codes": {"OK": "fulfilled", "KO": "not_found"}},
            "retries": 0,
            "per_second": 10_000,
            "burst": 1000,
            **more,
        }

    def answer(self, asked: Asked) -> Any:
        """The JSON answer to a call."""
        rows = [self._row(row) for row in asked.rows]
        return self.change(rows if isinstance(asked.body, list) else rows[0])

    def _row(self, row: Row) -> Row:
        kept = {"id": row["id"]} if "id" in row else {}
        score = self.scores.get(row["cf"])
        return {**kept, "status": "KO"} if score is None else {**kept, "status": "OK", "score": score}


@contextmanager
def serving(partner: Partner, *, certificate: Path | None = None) -> Iterator[Partner]:
    """Serve on a free port of loopback, with TLS where a PEM file with key and certificate is given."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(partner))
    server.daemon_threads = True
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        scheme = "https"
    partner.url = f"{scheme}://127.0.0.1:{server.server_address[1]}/score"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield partner
    finally:
        partner.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(partner: Partner) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = Asked(dict(self.headers), json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            partner.asked.append(asked)
            partner.was_asked.set()
            if partner.drips:
                self._drip()
                return
            status = partner.judge(asked)
            if status == CUT:
                self.close_connection = True
                return
            content = json.dumps(partner.answer(asked)).encode() if status is None else b"not for messages: secret"
            self._send(status or 200, partner.raw if partner.raw is not None and status is None else content)

        def _send(self, status: int, content: bytes) -> None:
            self.send_response(status)
            for name, value in partner.reply_headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _drip(self) -> None:
            """Never be quiet and never be done: in the headers, or in the body."""
            self.close_connection = True
            first = b"HTTP/1.1 200 OK\r\n"
            if partner.drips == "body":
                first += b"Content-Length: 1000000\r\n\r\n"
            try:
                self.wfile.write(first)
                while not partner.closing.wait(0.02):
                    self.wfile.write(b"X")
            except OSError:
                return  # the client has had enough

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


# -- a program ------------------------------------------------------------------------------------------------------

_PROGRAM = """\
import csv, json, os, signal, subprocess, sys, time
source, target, mode = sys.argv[1:]
with open(source, newline="") as opened:
    rows = list(csv.DictReader(opened))
scores = json.load(open({scores!r}))
told = [
    {{"id": row["id"], "status": "OK" if row["cf"] in scores else "KO", "score": scores.get(row["cf"], "")}}
    for row in rows
]
print("about " + rows[0]["cf"], file=sys.stderr)
mode = open({mode!r}).read()
exec(mode)
with open(target, "w", newline="") as opened:
    writer = csv.DictWriter(opened, ["id", "status", "score"])
    writer.writeheader()
    writer.writerows(told)
"""


class Program:
    """A program that looks scores up. `mode` is a line of Python that it runs before it writes its output."""

    def __init__(self, folder: Path) -> None:
        self._scores, self._mode = folder / "program-scores.json", folder / "program-mode"
        self._path = folder / "program.py"
        self._path.write_text(_PROGRAM.format(scores=str(self._scores), mode=str(self._mode)))
        self.tell({})
        self.behave("")

    def tell(self, scores: Mapping[str, object]) -> None:
        """cf -> score."""
        self._scores.write_text(json.dumps(dict(scores)))

    def behave(self, mode: str) -> None:
        """What it does from now on."""
        self._mode.write_text(mode)

    def settings(self, **more: Any) -> dict[str, Any]:
        """Settings of a service that asks it."""
        import sys

        return {
            "program": [sys.executable, "-S", "-E", str(self._path), "{input}", "{output}", "-"],
            "request": {"codice_fiscale": "cf"},
            "result": {"punteggio": "score"},
            "outcome": {"from": "status", "codes": {"OK": "fulfilled", "KO": "not_found"}},
            "wait_s": 30,
            **more,
        }
