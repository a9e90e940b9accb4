"""Receive: from a claimed file to queued requests, or to the reason why not.

    identify   CLAIMED: hash, keep the original; READING, or DUPLICATE when its content is here already. CLAIMED still
               when a file before it in its batch has the same content and was not read yet
    read       READING: QUEUED, REFUSED, QUARANTINED or HELD, with every finding counted

A large file's requests are stored chunk by chunk, each in a transaction of its own, under an arrival that nobody
sees; only the last, small transaction moves it to QUEUED. That instant is the acceptance: it fixes the prices.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

import pyarrow.compute as pc
from django.db import transaction

from cominflow import clock, failpoint, stopping
from cominflow.behind import Behind
from cominflow.exchange import archive, arrivals, feeds, payload, quarantine, requests
from cominflow.exchange.disk import Folders
from cominflow.exchange.feed import Feed
from cominflow.exchange.moves import move, move_each
from cominflow.exchange.requests import Incoming
from cominflow.flows import continuity, portions, reasons, repeats, versions
from cominflow.flows.continuity import Follower
from cominflow.flows.reasons import Reason
from cominflow.flows.versions import Chosen, Look, NoneValid
from cominflow.limits import CHUNK_REQUESTS, REQUESTS_AS_ROWS_MAX
from cominflow.models import Arrival, Batch, Once, many
from cominflow.pricing import prices
from tracciati.findings import refuses_file
from tracciati.findings.report import Report
from tracciati.layout import Layout
from tracciati.reading import Block

READER = "reader"
UNVERIFIABLE = "unverifiable"

# Customers' keys, each with a service's code.
_Priced = set[tuple[int, str]]


def arrivals_of(batch: Batch) -> list[Arrival]:
    """The arrivals that a batch works on, in the order they were claimed."""
    if batch.late_for_id is not None:
        return [Arrival.objects.select_related("customer").get(pk=batch.late_for_id)]
    return list(batch.arrivals.prefetch_related("customer").order_by("pk"))  # few customers: each is read once


def identify(batch: Sequence[Arrival], folders: Folders, *, at: datetime) -> None:
    """Hash the files of a batch, keep their bytes in the archive, and set those aside whose content is here already.

    One whose content came just before it in the batch stays CLAIMED: until that one is read nobody knows whether it
    is accepted. Identify it again then (`batch.read` does).
    """
    claimed = [arrival for arrival in batch if arrival.state == "CLAIMED"]
    kept = archive.keep_all(folders, claimed)
    with transaction.atomic():
        found = list(zip(claimed, kept, strict=True))
        arrivals.begin_new(found, at=at, by=READER)
        for arrival, written in found:
            if arrival.state == "READING":
                continue
            arrivals.begin_reading(
                arrival,
                written=written,
                at=at,
                by=READER,
                counts=partial(repeats.counts_as_seen, arrival, at=at),
                is_decided=partial(_is_decided, arrival),
            )
    failpoint.hit("receive.identified")
    for arrival in batch:
        if arrival.sha256:
            archive.clear_spool(folders, arrival)


def _is_decided(arrival: Arrival, twin: Arrival) -> bool:
    """False for a twin that this batch reads before `arrival`. One that another batch reads counts as received."""
    return not (twin.state == "READING" and twin.batch_id == arrival.batch_id and twin.pk < arrival.pk)


@dataclass
class _Outline:
    """The records that belong to no request: those before the first one (the head), and all others (the tail)."""

    head: bytearray = field(default_factory=bytearray)
    tail: bytearray = field(default_factory=bytearray)
    has_units: bool = False

    def add(self, block: Block) -> None:
        """Take them out of a block, in file order."""
        for first, stop in portions.outside_units(block):
            is_head = not self.has_units and (not len(block.units) or stop <= block.units[0, 0])
            target = self.head if is_head else self.tail
            target += block.raw(first, stop)
        self.has_units = self.has_units or len(block.units) > 0


@dataclass(frozen=True)
class _Content:
    """What one pass over a file found; `small` are its requests where they are few, `follower` what it is compared
    by with the files before it.
    """

    report: Report
    outline: _Outline
    stored: int
    small: Incoming | None
    feed: Feed
    layout: Layout
    follower: Follower | None


@dataclass
class Examined:
    """What a file is to become and why, before its requests are seen by anybody. `content` is None of one unread."""

    arrival: Arrival
    at: datetime
    state: str
    reason: Reason
    content: _Content | None = None

    @property
    def is_plain(self) -> bool:
        """A file that is accepted as it is, with few requests, by a feed that compares them with no earlier ones."""
        content = self.content
        return (
            self.state == "QUEUED"
            and content is not None
            and content.small is not None
            and content.follower is None
            and repeats.rules_of(self.arrival, content.feed) is None
        )


def read(arrival: Arrival, folders: Folders, *, at: datetime) -> None:
    """Read an identified file with the layout of its own date, store its requests and decide about it."""
    if arrival.state == "READING":
        decide([examine(arrival, folders, set(), at=at)], folders)


def examine(arrival: Arrival, folders: Folders, priced: _Priced, *, at: datetime) -> Examined:
    """Read a file that is READING with the layout of its own date. Of a large one the requests are stored.

    priced   what files before it asked for and has a price: a price holds until the next one
    """
    version = versions.feed_of(arrival)
    if version is None:
        return Examined(arrival, at, "QUARANTINED", reasons.unknown_name(feeds.names_of(arrival.customer)))
    feed = feeds.load(version)
    source = archive.locate(folders, arrival)
    look = Look(arrival, source, unit=feed.request.unit)
    chosen = versions.layout_of(arrival, version, look)
    arrival.feed_version, arrival.reference_date = version, chosen.reference_date
    if isinstance(chosen, NoneValid):
        arrival.layout_version = None
        return Examined(arrival, at, "HELD", chosen.reason)
    found = _examine(arrival, feed, chosen, look, priced, at=at)
    is_taken = feed.takes_old_layout(clock.day_of(arrival.claimed_at))
    if found.state == "REFUSED" or (is_taken and found.content and found.content.report.errors_count):
        older = versions.before(version, chosen, source, unit=feed.request.unit)
        if older and is_taken:
            requests.discard(arrival)  # what the layout of the file's date could read of it
            failpoint.hit("receive.older_layout")
            chosen, found = older, _examine(arrival, feed, older, look, priced, at=at)
        elif older:
            found.state = "HELD"
            names = chosen.layout.name, older.layout.name
            found.reason = reasons.only_the_one_before(*names, feed.old_layout_until)
    if (present := versions.replaced_by(version, chosen)) and found.state in ("QUEUED", "HELD"):
        how = reasons.read_with_the_one_before(present.name, chosen.layout.name, feed.old_layout_until)
        found.reason = reasons.together([how, *([found.reason] if found.reason else [])])
    return found


def _examine(arrival: Arrival, feed: Feed, chosen: Chosen, look: Look, priced: _Priced, *, at: datetime) -> Examined:
    """Read the file with one layout, and store the requests of a large one."""
    arrival.layout_version, layout = chosen.layout_version, chosen.layout
    reading, blocks = look.with_layout(layout)
    outline, follower = _Outline(), continuity.follower_of(feed, layout)
    units = _good_units(blocks, layout, feed, outline, follower)
    stored, small, unpriced = _store(arrival, units, priced, at=at)
    failpoint.hit("receive.read")
    state, reason = verdict(
        feed, reading.report, unpriced, customer=arrival.customer.code, was_held=_was_held_for_total(arrival)
    )
    return Examined(
        arrival, at, state, reason, _Content(reading.report, outline, stored, small, feed, layout, follower)
    )


def decide(examined: Sequence[Examined], folders: Folders) -> None:
    """Write down what these files have become: several that are plain together, any other alone."""
    if all(one.is_plain for one in examined):
        _accept_plain(examined)
        return
    (one,) = examined
    arrival, content, accept = one.arrival, one.content, _nothing
    if one.state == "QUARANTINED":
        quarantine.put(folders, arrival, reason=one.reason.operator, at=one.at)
        failpoint.hit("receive.quarantined")
    if content is None:
        _conclude(arrival, one.state, one.reason, at=one.at)
        return
    if one.state == "QUEUED":
        accept = _acceptance(arrival, content.feed, content.layout, is_small=content.small is not None, at=one.at)
    _decide(one, content, accept=accept)


def _accept_plain(examined: Sequence[Examined]) -> None:
    """QUEUED, as `_decide` does it, in a few statements for all of them."""
    at = examined[0].at
    arrivals = [one.arrival for one in examined]
    rows: list[tuple[Arrival, Incoming]] = []
    names: tuple[str, ...] = ()
    for one in examined:
        assert one.content is not None and one.content.small is not None, "a plain file was read, and is small"
        rows.append((one.arrival, one.content.small))
        found = {**_kept(one, one.content), **_versions(one.arrival), **one.reason.columns()}
        names = tuple(found)
        for name, value in (*found.items(), ("reason", one.reason.operator)):
            setattr(one.arrival, name, value)
    with transaction.atomic():
        requests.add_rows(rows)
        many.insert(Once, ("arrival_id", "step", "done_at"), ((one.pk, "accepted", at) for one in arrivals))
        move_each(arrivals, "QUEUED", names, at=at, by=READER)
        failpoint.hit("receive.decided_together")


def _acceptance(arrival: Arrival, feed: Feed, layout: Layout, *, is_small: bool, at: datetime) -> Callable[[], None]:
    """Do what can be done before the acceptance; what is returned has to be done in its transaction."""
    rules = repeats.rules_of(arrival, feed)
    looked = None
    if not is_small:
        requests.write_references(arrival, at=at)
        failpoint.hit("receive.references_written")
        looked = repeats.look(arrival, feed, layout, rules, at=at) if rules else None
    return partial(repeats.accept, arrival, feed, layout, rules, looked, at=at) if rules else _nothing


def _nothing() -> None:
    """All that is to be done when a file is accepted whose feed has no rules for repeats."""


def _was_held_for_total(arrival: Arrival) -> bool:
    """Did an operator see that a total of this file cannot be verified, and release it?"""
    if not arrival.was_released or not arrival.report:
        return False
    report = json.loads(bytes(payload.open(bytes(arrival.report))))
    return any(total["status"] == UNVERIFIABLE for total in report["totals"])


def _good_units(
    blocks: Iterable[Block], layout: Layout, feed: Feed, outline: _Outline, follower: Follower | None
) -> Iterator[Incoming]:
    for block in blocks:
        stopping.look()
        outline.add(block)
        if follower is not None:
            follower.take(block)
        incoming = portions.of_block(block, layout, feed)
        if incoming is not None:
            yield incoming


def _store(
    arrival: Arrival, incoming: Iterator[Incoming], known: _Priced, *, at: datetime
) -> tuple[int, Incoming | None, set[str]]:
    """Store what is more than rows take as chunks; give back what is few enough to be rows.

    Returns (requests counted, the few or None, services without a price for this customer).
    """
    count, priced = 0, dict[str, bool]()
    with Behind("storing chunks") as behind:
        for ordinal, portion in enumerate(portions.in_sizes(incoming, CHUNK_REQUESTS)):
            for code in pc.unique(portion.services).to_pylist():
                if code not in priced:
                    priced[code] = _is_priced(arrival, code, known, at=at)
            if ordinal == 0 and len(portion) <= REQUESTS_AS_ROWS_MAX:
                return len(portion), portion, _unpriced(priced)
            behind.do(_store_chunk, arrival, ordinal, count, portion)
            count += len(portion)
    return count, None, _unpriced(priced)


def _store_chunk(arrival: Arrival, ordinal: int, first_position: int, portion: Incoming) -> None:
    with transaction.atomic():
        requests.add(arrival, ordinal, first_position, portion)
        if ordinal == 0:  # a restart goes on with these versions
            Arrival.objects.filter(pk=arrival.pk).update(**_versions(arrival))
    failpoint.hit("receive.chunk_stored")


def _is_priced(arrival: Arrival, code: str, known: _Priced, *, at: datetime) -> bool:
    key = (arrival.customer_id, code)
    if key not in known and prices.price_at(arrival.customer, code, at) is not None:
        known.add(key)
    return key in known


def _unpriced(priced: Mapping[str, bool]) -> set[str]:
    return {code for code, is_priced in priced.items() if not is_priced}


def _decide(examined: Examined, content: _Content, *, accept: Callable[[], None]) -> None:
    """The last transaction of the reading: requests become visible, or the file is refused with its report."""
    arrival, at = examined.arrival, examined.at
    with transaction.atomic():
        if examined.state == "QUEUED" and content.follower is not None:
            examined, content = _followed(examined, content, content.follower)
        if examined.state == "QUEUED":
            if content.small is not None:
                requests.add(arrival, None, 0, content.small)
            accept()
            Once.objects.create(arrival=arrival, step="accepted", done_at=at)
        else:
            requests.discard(arrival)
        _conclude(arrival, examined.state, examined.reason, at=at, **_kept(examined, content))
        failpoint.hit("receive.decided")


def _followed(examined: Examined, content: _Content, follower: Follower) -> tuple[Examined, _Content]:
    """Hold the file against what its feed accepted before: in its report, and in what becomes of it."""
    arrival = examined.arrival
    judged = continuity.judge(arrival, content.feed, follower, content.report, examined.reason)
    if judged.state == "QUEUED":
        continuity.keep(arrival, follower, judged)
    return replace(examined, state=judged.state, reason=judged.reason), replace(content, report=judged.report)


def _kept(examined: Examined, content: _Content) -> dict[str, Any]:
    """What the arrival keeps of its reading."""
    kept: dict[str, Any] = {
        "records_count": content.report.records_count,
        "rejected_count": content.report.units_bad_count,
        "report": payload.seal(content.report.to_json(indent=None).encode()),
    }
    if examined.state == "QUEUED":
        kept |= {
            "requests_count": content.stored,
            "accepted_at": examined.at,
            "head": payload.seal(bytes(content.outline.head)),
            "tail": payload.seal(bytes(content.outline.tail)),
        }
    return kept


def verdict(
    feed: Feed, report: Report, unpriced: Collection[str], *, customer: str, was_held: bool = False
) -> tuple[str, Reason]:
    """State and reason of a file that was read: the feed's policy applied to its report. Pure.

    unpriced   services without a price for `customer`
    was_held   an operator has released the file, knowing that a total cannot be verified
    """
    if any(severity == "error" and refuses_file(code) for (code, _), severity in report.severities.items()):
        return "REFUSED", reasons.findings(report.summary())
    if report.others_bad_count:
        return "REFUSED", reasons.wrong_beside(report.others_bad_count)
    is_unverifiable = any(total.status == UNVERIFIABLE for total in report.totals)
    if is_unverifiable and feed.unverifiable_total == "reject-file":
        return "REFUSED", reasons.unverifiable_total()
    wrong, count = report.units_bad_count, report.units_count
    if wrong and wrong / count > feed.rejected_share_max:
        return "REFUSED", reasons.too_many_wrong(wrong, count, feed.accept)
    held = []
    if is_unverifiable and feed.unverifiable_total == "hold" and not was_held:
        held.append(reasons.unverifiable_held())
    if unpriced:
        held.append(reasons.no_price(unpriced, customer))
    return ("HELD", reasons.together(held)) if held else ("QUEUED", reasons.NONE)


def _conclude(arrival: Arrival, state: str, reason: Reason, *, at: datetime, **found: Any) -> None:
    found |= {**_versions(arrival), **reason.columns()}
    with transaction.atomic():
        move(arrival, state, at=at, by=READER, reason=reason.operator, **found)


def _versions(arrival: Arrival) -> dict[str, Any]:
    return {
        "feed_version_id": arrival.feed_version_id,
        "layout_version_id": arrival.layout_version_id,
        "reference_date": arrival.reference_date,
    }
