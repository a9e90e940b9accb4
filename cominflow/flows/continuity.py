"""Continuity: does a file go on from those that its feed accepted before, and what becomes of it when it does not?

    Follower   gathers numbers and balances while the file is read
    judge      in the transaction of the acceptance, under a lock on the customer's feeds: compare with what was
               accepted, and say what the feed's `continuity` makes of it
    keep       in the same transaction, of a file that is accepted: what the next one is held against

What differs is a finding in the file's own report, so that receipt and `arrival show` tell it. A file of which an
operator has seen that is accepted when it is released, and so is a repeated file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from cominflow import text_hash
from cominflow.exchange import feeds
from cominflow.exchange.feed import Continuity, Discontinuity, Feed
from cominflow.flows import reasons, repeats
from cominflow.flows.contents import report_of
from cominflow.flows.reasons import Reason
from cominflow.models import Arrival, FlowBalance, FlowNumber
from tracciati.findings import Finding, path_of
from tracciati.findings.catalogue import Severity
from tracciati.findings.report import Report
from tracciati.history import numbers
from tracciati.history.balances import Balances, said_of_break
from tracciati.history.facts import Gatherer
from tracciati.history.numbers import Course
from tracciati.history.spots import Spot, Telling
from tracciati.history.words import Words
from tracciati.layout import Field, Layout, Record
from tracciati.limits import EXAMPLES_MAX
from tracciati.reading import Block

_UNREAD = ("CLAIMED", "READING")
# Accounts that are asked for, or written, in one statement.
_ACCOUNTS_AT_ONCE = 500
_STRENGTH: dict[Discontinuity, int] = {"warn": 0, "hold": 1, "refuse": 2}


@dataclass(frozen=True)
class _Break:
    """An opening balance that is not the closing one before: where it stands, and what was expected."""

    spot: Spot
    wanted: int
    earlier: str


class Follower:
    """Goes through a file while it is read, and keeps what the next file, or the one before, is compared with."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._gatherer = Gatherer(layout)
        self.facts = self._gatherer.facts
        # account -> its first opening balance (None: it cannot be read) and where it stands
        self.begun: dict[str, tuple[int | None, Spot]] = {}
        self.breaks: list[_Break] = []
        self.breaks_count = 0
        self._balances = Balances()

    @property
    def ended(self) -> dict[str, int | None]:
        """account -> its last closing balance; None where it cannot be read."""
        return self._balances.ended

    def take(self, block: Block) -> None:
        """Follow one block, in file order."""
        self._gatherer.take(block)
        if self.layout.continuity is None:
            return
        found = self._gatherer.statements(block)
        breaks = self._balances.follow(found.statements, "")

        def spot(one: int) -> Spot:
            place = found.openings[one]
            return place if isinstance(place, Spot) else self._gatherer.spot(block, place)

        openings, known = found.statements.openings, found.statements.openings_known
        for account, one in breaks.begun:
            self.begun[account] = int(openings[one]) if known[one] else None, spot(one)
        self.breaks_count += len(breaks.at)
        for item in range(min(len(breaks.at), EXAMPLES_MAX - len(self.breaks))):
            self.breaks.append(_Break(spot(int(breaks.at[item])), int(breaks.wanted[item]), ""))


def follower_of(feed: Feed, layout: Layout) -> Follower | None:
    """What follows a file of that feed; None where nothing goes on from file to file, or the feed does not ask."""
    is_asked = feed.continuity is not None and bool(layout.numbered or layout.continuity)
    return Follower(layout) if is_asked else None


@dataclass
class Judged:
    """What is said of a file, and what becomes of it.

    state    QUEUED, HELD or REFUSED
    report   its report, with what is said of its continuity
    numbers  what is to be kept of its numbers when it is accepted
    """

    state: str
    reason: Reason
    report: Report
    numbers: list[FlowNumber]


def judge(arrival: Arrival, feed: Feed, follower: Follower, report: Report, reason: Reason) -> Judged:
    """Hold a file that would be accepted against what was. Call it in the transaction that accepts it.

    reason  what is to be said of it besides
    """
    repeats.lock(arrival)
    rules = feed.continuity
    assert rules is not None, "only what the feed asks for is followed"
    if arrival.was_released:
        seen: dict[str, Any] = dict.fromkeys(_seen(arrival), "warn")
        rules = replace(rules, **seen)
    telling = _Tellings(follower.layout, rules)
    kept = _numbers(arrival, follower, telling)
    if arrival.released_as:
        # An operator lets the same content in once more: it takes nobody's place, and nothing is told of it.
        return Judged("QUEUED", reason, report, [])
    _balances(arrival, follower, telling)
    if not telling.found:
        return Judged("QUEUED", reason, report, kept)
    strictest = max(telling.policies, key=_STRENGTH.__getitem__)
    state = {"warn": "QUEUED", "hold": "HELD", "refuse": "REFUSED"}[strictest]
    if state != "QUEUED":
        reason = reasons.together([*([reason] if reason else []), telling.reason(strictest)])
    return Judged(state, reason, telling.added_to(report, is_refused=state == "REFUSED"), kept)


def keep(arrival: Arrival, follower: Follower, judged: Judged) -> None:
    """Write down what the next file is held against. Call it in the transaction that accepts the file."""
    FlowNumber.objects.bulk_create(judged.numbers)
    ended = follower.ended
    if not ended or arrival.released_as:
        return
    feed = _feed_of(arrival)
    rows = (
        FlowBalance(feed_id=feed, account_hash=key, closing=closing, arrival=arrival)
        for key, closing in zip(_hashes(ended), ended.values(), strict=True)
    )
    FlowBalance.objects.bulk_create(
        rows,
        batch_size=_ACCOUNTS_AT_ONCE,
        update_conflicts=True,
        unique_fields=["feed", "account_hash"],
        update_fields=["closing", "arrival"],
    )


# What is told -> the rule that says what becomes of it.
_RULES = {"TR-H501": "gap", "TR-H502": "repeat", "TR-H503": "gap", "TR-H507": "balance"}


def _seen(arrival: Arrival) -> set[str]:
    """The rules by which an earlier reading held the file: an operator has seen that, and released it."""
    codes = {count["code"] for count in report_of(arrival).get("counts", [])}
    return {rule for code, rule in _RULES.items() if code in codes}


def _feed_of(arrival: Arrival) -> int:
    assert arrival.feed_version is not None, "a file that is followed has a feed"
    return arrival.feed_version.feed_id


def _hashes(accounts: Iterable[str]) -> list[int]:
    found: list[int] = text_hash.hashes(pa.array(list(accounts), pa.string())).tolist()
    return found


# -- numbers ----------------------------------------------------------------------------------------------------------


def _numbers(arrival: Arrival, follower: Follower, telling: _Tellings) -> list[FlowNumber]:
    """Judge the file's numbers. Returns the rows to keep: none of a number that was there before."""
    kept = []
    for record, field in follower.layout.numbered:
        path, sequence = path_of(record, field), field.sequence
        assert sequence is not None, "`numbered` are the fields with a sequence"
        run = follower.facts.runs.get(path)
        newest = FlowNumber.objects.filter(feed_id=_feed_of(arrival), path=path).order_by("-pk").first()
        course = Course() if newest is None else Course(newest.reached, newest.aside, newest.lost, newest.round)
        if run is None:
            telling.add("TR-H504", "warn", None, (record, field), Words({}))
            kept.append(_row(arrival, path, numbers.pass_over(course), None, None))
            continue
        first, last = run.first, max(run.first, run.last)
        holder = _holder(arrival, path, course.round, first, last)
        if holder is not None:
            if holder.arrival.sha256 != arrival.sha256:
                number = max(first, int(holder.first or 0))
                code, words = numbers.said_of_repeat(number, _name(holder.arrival))
                telling.add(code, telling.rules.repeat, run.spot, (record, field), words)
            continue
        judged, course = numbers.follow(
            course, run.first, run.last, sequence=sequence, largest=numbers.largest_of(field)
        )
        if judged.kind and not _is_overtaken(arrival, judged, newest):
            code, words = numbers.said_of(judged, run.first, sequence.step)
            telling.add(code, telling.rules.gap, run.spot, (record, field), words)
        kept.append(_row(arrival, path, course, first, last))
    return kept


def _row(arrival: Arrival, path: str, course: Course, first: int | None, last: int | None) -> FlowNumber:
    return FlowNumber(
        feed_id=_feed_of(arrival),
        arrival=arrival,
        path=path,
        round=course.round,
        first=first,
        last=last,
        reached=course.last,
        aside=course.aside,
        lost=course.lost,
    )


def _holder(arrival: Arrival, path: str, round_: int, first: int, last: int) -> FlowNumber | None:
    """The accepted file that had one of these numbers. What files have never overlaps: the nearest one tells."""
    rows = FlowNumber.objects.filter(feed_id=_feed_of(arrival), path=path, round=round_, first__lte=last)
    nearest = rows.select_related("arrival").order_by("-first").first()
    return nearest if nearest is not None and nearest.last is not None and nearest.last >= first else None


def _is_overtaken(arrival: Arrival, judged: numbers.Judged, newest: FlowNumber | None) -> bool:
    """Did files only change places on their way through here? A large file takes longer than a small one after it."""
    if judged.kind == "back":
        return newest is not None and arrival.pk < newest.arrival_id
    if not judged.missing:
        return False
    before = Arrival.objects.filter(customer_id=arrival.customer_id, state__in=_UNREAD, pk__lt=arrival.pk)
    feed, ours = _feed_of(arrival), 0
    for other in before.select_related("customer")[: len(judged.missing) + 1000]:
        version = feeds.current(other.customer, bytes(other.name))
        ours += version is not None and version.feed_id == feed
    return ours >= len(judged.missing)


def _name(arrival: Arrival) -> str:
    return f"{arrival.shown_name} ({arrival.reference})"


# -- balances ---------------------------------------------------------------------------------------------------------


def _balances(arrival: Arrival, follower: Follower, telling: _Tellings) -> None:
    """Hold the file's first opening balances against the last closing ones, and tell what breaks within it."""
    declared = follower.layout.continuity
    if declared is None:
        return
    opening = _field_at(follower.layout, declared.opening)
    scale = opening[1].scale
    for one in follower.breaks:
        telling.add(*_told_break(one, telling.rules, opening, arrival.shown_name, scale))
    telling.count("TR-H507", path_of(*opening), follower.breaks_count - len(follower.breaks))
    accounts = list(follower.begun)
    for start in range(0, len(accounts), _ACCOUNTS_AT_ONCE):
        some = accounts[start : start + _ACCOUNTS_AT_ONCE]
        keys = _hashes(some)
        rows = FlowBalance.objects.filter(feed_id=_feed_of(arrival), account_hash__in=keys).select_related("arrival")
        known = {row.account_hash: row for row in rows.defer("arrival__head", "arrival__tail", "arrival__report")}
        for account, key in zip(some, keys, strict=True):
            amount, spot = follower.begun[account]
            before = known.get(key)
            if before is None or before.closing is None or amount is None or amount == before.closing:
                continue
            one = _Break(spot, before.closing, _name(before.arrival))
            telling.add(*_told_break(one, telling.rules, opening, arrival.shown_name, scale))


def _told_break(
    one: _Break, rules: Continuity, opening: tuple[Record, Field], own_name: str, scale: int
) -> tuple[str, Discontinuity, Spot, tuple[Record, Field], Words]:
    code, words = said_of_break(one.wanted, one.earlier or own_name, scale)
    return code, rules.balance, one.spot, opening, words


def _field_at(layout: Layout, path: str) -> tuple[Record, Field]:
    name, _, field = path.partition(".")
    return layout.by_name[name], layout.by_name[name].by_name[field]


# -- what is told -----------------------------------------------------------------------------------------------------


class _Tellings:
    """The findings about one file's continuity, and what the feed makes of each."""

    def __init__(self, layout: Layout, rules: Continuity) -> None:
        self.rules = rules
        self._telling = Telling(layout, "request", True)
        self.found: list[tuple[Finding, Discontinuity]] = []
        self._counts: dict[tuple[str, str], int] = {}

    @property
    def policies(self) -> set[Discontinuity]:
        """All that apply."""
        return {policy for _, policy in self.found}

    def add(
        self, code: str, policy: Discontinuity, spot: Spot | None, field: tuple[Record, Field], words: Words
    ) -> None:
        """Tell one; it is kept when it is among the first of its kind."""
        self.count(code, path_of(*field), 1)
        if self._counts[code, path_of(*field)] > EXAMPLES_MAX:
            return
        severity: Severity = "error" if policy == "refuse" else "warning"
        self.found.append((self._telling.at(code, severity, spot, *field, words), policy))

    def count(self, code: str, path: str, number: int) -> None:
        """Count what is not told one by one."""
        if number:
            self._counts[code, path] = self._counts.get((code, path), 0) + number

    def reason(self, policy: Discontinuity) -> Reason:
        """Why the file is held or refused: the first finding of each kind that says so."""
        said: dict[str, Finding] = {}
        for finding, its in self.found:
            if its == policy:
                said.setdefault(finding.code, finding)
        english = "; ".join(f"{one.path}: {one.text_en}" for one in said.values())
        italian = "; ".join(f"{one.path}: {one.text_it}" for one in said.values())
        return reasons.discontinuous(english, italian, is_held=policy == "hold")

    def added_to(self, report: Report, *, is_refused: bool) -> Report:
        """The report with these findings."""
        findings = [*report.findings, *(finding for finding, _ in self.found)]
        severities: dict[Any, str] = {(one.code, one.path): one.severity for one, _ in self.found}
        return replace(
            report,
            findings=tuple(sorted(findings, key=lambda one: one.order)),
            counts=dict(sorted({**report.counts, **self._counts}.items())),
            severities={**report.severities, **severities},
            is_refused=report.is_refused or is_refused,
        )
