"""Settings of the provider `http`: read once, checked, and with what they leave out. See the package's docstring."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cominflow.fulfilment import matching, secrets
from cominflow.limits import HTTP_BATCH_MAX, HTTP_RETRIES_MAX, HTTP_WAIT_S_MAX

_OWN = (
    "url", "headers", "batch", "wait_s", "retries", "per_second", "burst", "not_found", "idempotency_header", "ca_file"
)  # fmt: skip
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# What we write ourselves.
_OURS = ("content-type", "content-length", "transfer-encoding", "host", "accept", "accept-encoding", "connection")
_HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Endpoint:
    """Where and how a service's requests are asked.

    is_list    requests go as a JSON list, up to `batch` at a time
    sends_id   a single request carries its key too
    names      the partner's names in an answer, which may lead into objects (`a.b`)
    """

    url: str
    headers: Mapping[str, Any]
    batch: int
    id_name: str
    sends_id: bool
    wait_s: float
    retries: int
    per_second: float
    burst: int
    not_found: tuple[int, ...]
    idempotency_header: str
    ca_file: str
    names: tuple[str, ...]

    @property
    def is_list(self) -> bool:
        """Whether a call carries a list."""
        return self.batch > 1

    @property
    def shown(self) -> str:
        """The address for a person, without what may stand after `?`."""
        return self.url.partition("?")[0]


def endpoint(settings: Mapping[str, Any]) -> Endpoint:
    """Checked settings as a value."""
    outcome = settings.get("outcome")
    names = [*settings["result"].values(), *([outcome["from"]] if outcome else [])]
    return Endpoint(
        url=settings["url"],
        headers=settings.get("headers", {}),
        batch=settings.get("batch", 1),
        id_name=settings.get("id", "id"),
        sends_id="id" in settings,
        wait_s=float(settings.get("wait_s", 10)),
        retries=settings.get("retries", 3),
        per_second=float(settings.get("per_second", 10)),
        burst=settings.get("burst", 1),
        not_found=tuple(settings.get("not_found", ())),
        idempotency_header=settings.get("idempotency_header", "Idempotency-Key"),
        ca_file=settings.get("ca_file", ""),
        names=tuple(names),
    )


def problems(settings: Mapping[str, Any]) -> list[str]:
    """What is wrong with the settings of a service, one sentence each; empty when nothing is."""
    known = (*_OWN, *matching.SETTINGS)
    found = [f"{key!r} is not a setting; there are {', '.join(known)}" for key in settings if key not in known]
    found += _url_problems(settings.get("url"))
    found += _header_problems(settings)
    found += _number(settings, "batch", whole=True, least=1, most=HTTP_BATCH_MAX)
    found += _number(settings, "retries", whole=True, least=0, most=HTTP_RETRIES_MAX)
    found += _number(settings, "burst", whole=True, least=1, most=1000)
    found += _number(settings, "wait_s", whole=False, least=0.1, most=HTTP_WAIT_S_MAX)
    found += _number(settings, "per_second", whole=False, least=0.001, most=10_000)
    statuses = settings.get("not_found", [])
    if not isinstance(statuses, list) or not all(s in (204, 404, 410) and type(s) is int for s in statuses):
        found.append("'not_found' must list the statuses that mean so: of 204, 404 and 410")
    elif statuses and settings.get("batch", 1) != 1:
        found.append("'not_found' is about one request: with 'batch' say it with 'outcome'")
    if not isinstance(settings.get("ca_file", ""), str):
        found.append("'ca_file' must be the path of a PEM file with the authority to be trusted as well")
    return found + matching.problems(settings)


def _url_problems(url: object) -> list[str]:
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("https", "http") or not str(url).isascii() or not str(url).isprintable():
        return ["'url' must be the service's address, as https://scores.example/v1/score"]
    if parts.username is not None or parts.password is not None:
        return ["'url' must not hold a password: give it in 'headers', as {\"env\": \"NAME\"}"]
    if parts.fragment or " " in str(url):
        return ["'url' must be an address without a blank and without #"]
    if parts.scheme == "http" and host not in _HERE:
        return ["'url' must begin with https: requests are about people (http only to this machine itself)"]
    return []


def _header_problems(settings: Mapping[str, Any]) -> list[str]:
    headers = settings.get("headers", {})
    key_name = settings.get("idempotency_header", "Idempotency-Key")
    if not isinstance(headers, Mapping):
        return ["'headers' must map names to texts or secrets"]
    if not isinstance(key_name, str) or not _TOKEN.fullmatch(key_name):
        return ["'idempotency_header' must be the name of a header"]
    found = []
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            found.append(f"{name!r} cannot be the name of a header")
        elif name.lower() in (*_OURS, key_name.lower()):
            found.append(f"the header {name!r} is written by cominflow itself")
        else:
            found += secrets.problems(name, value)
    return found


def _number(settings: Mapping[str, Any], name: str, *, whole: bool, least: float, most: float) -> list[str]:
    value = settings.get(name, least)
    kinds = (int,) if whole else (int, float)
    if type(value) in kinds and math.isfinite(value) and least <= value <= most:
        return []
    return [f"{name!r} must be a {'whole ' if whole else ''}number from {least:g} to {most:g}"]
