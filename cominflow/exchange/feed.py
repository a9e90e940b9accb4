"""Feed: what a customer's contract says about files, as a frozen value read from `feed.toml`. Pure.

Every key of the language loads. A key whose behaviour this version does not have is kept in `unsupported`, with its
line: `cominflow feed check` names it, and publishing live refuses it, so that no agreed word is accepted and ignored.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any, Literal, cast

from cominflow.exchange import complete as completeness
from cominflow.exchange import names as file_names
from cominflow.exchange.complete import Complete
from cominflow.exchange.names import KINDS, TEMPLATES, DeliveryName, Kind, Named, NameProblem, Names, RequestName
from tracciati.declare.toml import Document, Table
from tracciati.errors import LayoutError

# What can become of a request. `OCCURRING` are those that can happen today; a feed that translates outcomes into its
# customer's codes must translate each of them.
OUTCOMES = (
    "fulfilled",
    "not_found",
    "pending",
    "cancelled",
    "too_late",
    "expired",
    "failed",
    "no_credit",
    "repeated",
    "invalid",
)
OCCURRING = ("fulfilled", "not_found", "pending", "failed")

SameFile = Literal["refuse", "read"]
SameRequest = Literal["refuse", "answer-again", "new"]
ChangedRequest = Literal["refuse", "correct-if-open", "new"]
UnverifiableTotal = Literal["reject-file", "hold", "warn"]
Discontinuity = Literal["warn", "hold", "refuse"]

_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,4})?) ?%")


@dataclass(frozen=True)
class Unit:
    """Where a request stands in the file: `unit` is a record or a group, the others are `record.field` or ""."""

    unit: str
    reference: str
    service: str = ""
    subject: str = ""


@dataclass(frozen=True)
class Waiver:
    """A rule of the layout that does not count until a day, by whose word and why."""

    rule: str
    until: date | None
    reason: str
    owner: str


@dataclass(frozen=True)
class Repeats:
    """What becomes of what was received before; `within_days` since its acceptance, however long ago when None."""

    same_file: SameFile = "refuse"
    within_days: int | None = None
    same_request: SameRequest = "new"
    changed_request: ChangedRequest = "new"

    @property
    def concerns_requests(self) -> bool:
        """Whether requests have to be compared with earlier ones at all."""
        return (self.same_request, self.changed_request) != ("new", "new")

    @property
    def occurring(self) -> tuple[str, ...]:
        """The outcomes that a request can have by these rules."""
        corrects = self.changed_request == "correct-if-open"
        return ("repeated",) * self.concerns_requests + ("cancelled",) * corrects


@dataclass(frozen=True)
class Continuity:
    """What becomes of a file that does not go on from those that the feed accepted before.

    gap      its number jumps or goes back
    repeat   its number was there before, with other content
    balance  an opening balance is not the closing one before
    """

    gap: Discontinuity = "warn"
    repeat: Discontinuity = "refuse"
    balance: Discontinuity = "warn"


@dataclass(frozen=True)
class Key:
    """A key of the feed that has no behaviour yet: its dotted path and its line."""

    path: str
    line: int


@dataclass(frozen=True)
class Feed:
    """A feed.

    layout              id of the layout; its versions are published with the feed
    complete            how a file is known to be whole, see `exchange.complete`
    accept              the policy as written: "reject-record", "reject-file" or "5%"
    rejected_share_max  the share (0..1) of wrong requests above which the whole file is refused
    service             code of the service of every request, where the file has no field for it
    outcomes            outcome -> the customer's code; empty when the customer reads our own words
    old_layout_until    the last day on which a file may come that reads clean only with the version before
    continuity          what becomes of a file that does not go on from those before; None: they are not compared
    later               keys that load and wait for their behaviour, as values
    unsupported         which keys those are
    canonical           JSON with sorted keys: the same feed however it is spaced or commented
    fingerprint         SHA-256 of `canonical`, hex
    """

    layout: str
    complete: Complete
    accept: str
    rejected_share_max: float
    names: Names
    request: Unit
    service: str
    outcomes: Mapping[str, str]
    unverifiable_total: UnverifiableTotal
    old_layout_until: date | None
    repeats: Repeats
    continuity: Continuity | None
    waivers: tuple[Waiver, ...]
    later: Mapping[str, Any]
    unsupported: tuple[Key, ...]
    canonical: str
    fingerprint: str
    text: str
    origin_name: str

    def match(self, name: bytes) -> Named | None:
        """What the name of a request file says, or None when this feed does not take a file of that name."""
        return self.names.match(name)

    def takes_old_layout(self, day: date) -> bool:
        """Whether a file that comes on that day may still be in the layout before."""
        return self.old_layout_until is not None and day <= self.old_layout_until

    def code_of(self, outcome: str) -> str:
        """How the customer's file says an outcome: the agreed code, or our own word where none was agreed."""
        return self.outcomes.get(outcome, outcome)


def loads(text: str, name: str = "feed.toml") -> Feed:
    """Read a feed. Raises LayoutError with all problems, each with its line."""
    document = Document(text, name)
    if "record" in document.value and "request" not in document.value:
        document.problem(("record",), "this is a layout, not a feed", 'name the feed, which says `layout = "..."`')
        document.finish()
    top = document.table()
    waiting = _Waiting(document)
    layout = top.text("layout", required=True)
    complete = completeness.read(top)
    accept, share = _acceptance(top)
    waivers = _waivers(top)
    if waivers:
        waiting.note("waivers")
    names = _names(top.inner("names"), waiting)
    if names is not None and (why := completeness.clash(complete, names)):
        top.problem(
            "complete", why, 'choose another name for the marker, as complete = { policy = "marker", name = … }'
        )
    unit, service = _unit(top)
    repeats = _repeats(top)
    continuity = _continuity(top)
    outcomes = _outcomes(top, repeats, rejects_records=accept != "reject-file")
    total = top.choice("unverifiable_total", ("reject-file", "hold", "warn"), "reject-file")
    later = _later(top, waiting)
    top.close()
    document.finish()
    assert names is not None, "a feed without usable names has problems, so finish() has raised"
    canonical = json.dumps(document.value, sort_keys=True, ensure_ascii=False, default=_plain, separators=(",", ":"))
    return Feed(
        layout=layout,
        complete=complete,
        accept=accept,
        rejected_share_max=share,
        names=names,
        request=unit,
        service=service,
        outcomes=outcomes,
        unverifiable_total=cast(UnverifiableTotal, total),
        old_layout_until=later.get("calendar.old_layout_until"),
        repeats=repeats,
        continuity=continuity,
        waivers=waivers,
        later=later,
        unsupported=tuple(waiting.keys),
        canonical=canonical,
        fingerprint=hashlib.sha256(canonical.encode()).hexdigest(),
        text=text,
        origin_name=name,
    )


def unsupported(feed: Feed) -> list[tuple[str, int]]:
    """Keys of the feed that have no behaviour yet, each with its line, in the order of the text."""
    return [(key.path, key.line) for key in sorted(feed.unsupported, key=lambda key: key.line)]


class _Waiting:
    """Collects the keys that load and do nothing yet."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.keys: list[Key] = []

    def note(self, *path: str) -> None:
        line, _ = self.document.where(path)
        self.keys.append(Key(".".join(path), line))


def _acceptance(top: Table) -> tuple[str, float]:
    """The acceptance policy as written, and the share of wrong requests above which a file is refused."""
    policy = top.text("accept", "reject-record")
    shares = {"reject-record": 1.0, "reject-file": 0.0}
    if policy in shares:
        return policy, shares[policy]
    percent = _PERCENT.fullmatch(policy)
    if percent and Decimal(percent.group(1)) <= 100:
        return policy, float(Decimal(percent.group(1)) / 100)
    top.problem("accept", f"`accept` cannot be {policy!r}", 'it can be reject-record, reject-file, or a share as "5%"')
    return policy, 0.0


def _waivers(top: Table) -> tuple[Waiver, ...]:
    waivers = []
    for table in top.inner_tables("waivers"):
        until = table.day("until")
        if "until" not in table:
            table.problem("", "a waiver has no `until`", "add `until = 2026-12-31`: a waiver ends by itself")
        words = [table.text(key, required=True) for key in ("rule", "reason", "owner")]
        waivers.append(Waiver(words[0], until, words[1], words[2]))
        table.close()
    return tuple(waivers)


def _names(table: Table, waiting: _Waiting) -> Names | None:
    """The names of a feed; None when one cannot be used, which is noted as a problem."""
    request: RequestName | None = None
    pattern = table.text("request", required=True)
    if pattern:
        try:
            request = file_names.request_name(pattern)
        except NameProblem as problem:
            table.problem("request", str(problem), problem.hint)
    deliveries: dict[Kind, DeliveryName] = {}
    for kind in KINDS:
        try:
            deliveries[kind] = file_names.delivery_name(table.text(kind, TEMPLATES[kind]))
        except NameProblem as problem:
            table.problem(kind, str(problem), problem.hint)
    if table.text("control"):
        waiting.note("names", "control")
    _close(table)
    if request is None or len(deliveries) != len(KINDS):
        return None
    names = Names(request, deliveries)
    for kind, problem_text in file_names.clashes(names):
        table.problem(kind, problem_text, f"change `names.{kind}`, for example to {TEMPLATES[kind]!r}")
    return names


def _unit(top: Table) -> tuple[Unit, str]:
    """Where requests stand, and the code of their service when no field says it."""
    table = top.inner("request")
    paths = {key: table.text(key, required=key == "reference") for key in ("reference", "service", "subject")}
    unit = Unit(table.text("unit", required=True), **paths)
    _close(table)
    for key, path in paths.items():
        if path and not re.fullmatch(r"[^.\s]+\.[^.\s]+", path):
            hint = f'for a service that all requests have, write service = "{path}" outside of `request`'
            table.problem(
                key, f"`{key}` must be a field as record.field, not {path!r}", hint if key == "service" else ""
            )
    service = top.text("service")
    if service and unit.service:
        top.problem("service", "`service` and `request.service` both say the service", "keep one of the two")
    if not service and not unit.service:
        hint = 'add `service = "record.field"` to `request`, or `service = "CODE"` when all requests have one service'
        top.problem("request", "nothing says which service is asked for", hint)
    return unit, service


def _repeats(top: Table) -> Repeats:
    table = top.inner("repeats")
    same_file = table.choice("same_file", ("refuse", "read"), "refuse")
    same_request = table.choice("same_request", ("refuse", "answer-again", "new"), "new")
    changed_request = table.choice("changed_request", ("refuse", "correct-if-open", "new"), "new")
    within_days = table.integer("within_days", least=1)
    _close(table)
    return Repeats(
        cast(SameFile, same_file), within_days, cast(SameRequest, same_request), cast(ChangedRequest, changed_request)
    )


def _continuity(top: Table) -> Continuity | None:
    table = top.inner("continuity")
    choices = ("warn", "hold", "refuse")
    gap, repeat = table.choice("gap", choices, "warn"), table.choice("repeat", choices, "refuse")
    balance = table.choice("balance", choices, "warn")
    _close(table)
    if "continuity" not in top:
        return None
    return Continuity(cast(Discontinuity, gap), cast(Discontinuity, repeat), cast(Discontinuity, balance))


def _outcomes(top: Table, repeats: Repeats, *, rejects_records: bool) -> Mapping[str, str]:
    """outcome -> code. Each outcome that can occur must have one, once there is one."""
    table = top.inner("outcomes")
    outcomes = {outcome: table.text(outcome) for outcome in OUTCOMES if outcome in table}
    for outcome in OUTCOMES:
        table.text(outcome)  # known, also when absent
    _close(table)
    if "outcomes" not in top:
        return outcomes
    occurring = (*OCCURRING, *repeats.occurring, *(("invalid",) if rejects_records else ()))
    missing = [outcome for outcome in occurring if outcome not in outcomes]
    if missing:
        text = f"what can become of a request has no code: {', '.join(missing)}"
        top.problem("outcomes", text, "add " + ", ".join(f'{outcome} = "..."' for outcome in missing))
    return outcomes


# Keys that load and wait for their behaviour: table -> key -> how it is read. What works already is in `_WORKING`, with
# the value that works, and in `_WORKING_ANYHOW`.
_LATER: Mapping[str, Mapping[str, str]] = {
    "calendar": {
        "timezone": "text",
        "holidays": "text",
        "weekend": "text",
        "cut_off": "text",
        "receipt_within": "text",
        "answer_within": "text",
        "expected": "text",
        "old_layout_until": "day",
    },
    "answer": {"parts": "text", "open_at_deadline": "text", "late": "text", "pending_days": "integer"},
    "documents": {"pack": "text", "max_mb": "integer", "name": "text"},
    "control": {"at": "text", "when_empty": "flag"},
}
_WORKING = {("answer", "parts"): "whole", ("answer", "late"): "supplement"}
_WORKING_ANYHOW = {("calendar", "old_layout_until")}


def _later(top: Table, waiting: _Waiting) -> Mapping[str, Any]:
    later: dict[str, Any] = {}
    for name, keys in _LATER.items():
        table = top.inner(name)
        for key, how in keys.items():
            value = getattr(table, how)(key)
            if key not in table:
                continue
            later[f"{name}.{key}"] = value
            if _WORKING.get((name, key)) != value and (name, key) not in _WORKING_ANYHOW:
                waiting.note(name, key)
        _close(table)
    if "defaults" in top:
        later["defaults"] = top.text_by_key("defaults")
        waiting.note("defaults")
    return later


def _close(table: Table) -> None:
    """Note unknown keys, unless the whole table is absent."""
    if table.value:
        table.close()


def _plain(value: object) -> str:
    assert isinstance(value, date | time), type(value)
    return value.isoformat()


__all__ = ["Feed", "Key", "LayoutError", "Unit", "Waiver", "loads", "unsupported"]
