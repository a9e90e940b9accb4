"""Invariants: what must hold at any instant, and when everything has come to its end. Each is a function of its own.

`at_any_instant` looks only at files, so a killed system is seen as it is. The others read the database too and are
called in a process that may connect: `of_the_system` for any system, `at_the_end` for one whose files are known.
Findings are lines; none means that all is well. What the answers say to the customer is checked in `answers`, from
their bytes.
"""

from __future__ import annotations

import hashlib
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tests.simulation import answers, engine_tables, workload

if TYPE_CHECKING:
    from cominflow.models import Arrival
    from tests.simulation.files import Sent
    from tests.simulation.place import Place

PUBLISHED_FOLDERS = ("outbox", "receipts")


def at_any_instant(place: Place, sent: list[Sent], seen: dict[str, str]) -> list[str]:
    """Nothing that a client got an OK for is lost; nothing that a customer may have fetched has changed.

    seen  path in the data folder -> hash of what was published there; brought up to date
    """
    is_purging = (place.clients / workload.PURGING).exists()
    purged = {one.name for one in sent if one.is_purged and is_purging}
    return [
        *_lost(place, [one for one in sent if one.name not in purged]),
        *_changed(place, seen, tuple(Path(name).stem + "." for name in purged)),
    ]


def _lost(place: Place, sent: list[Sent]) -> Iterator[str]:
    """1. A completed upload is in the inbox, the spool or the archive, byte for byte."""
    held = {_hash(path) for path in _files(place.data, "customers/*/inbox/*", "spool/*", "archive/*/*/*")}
    for one in sent:
        steps = {"upload": 1, "renamed": 2}.get(one.way, 0)
        is_complete = steps == 0 or (place.clients / f"{one.name}.ok-{steps - 1}").exists()
        if one.way == "later":
            is_complete = not (place.clients / one.customer / one.name).exists()
        if is_complete and one.sha256 not in held:
            yield f"lost: {one.name} is neither in the inbox nor in the spool nor in the archive"


def _changed(place: Place, seen: dict[str, str], purged: tuple[str, ...]) -> Iterator[str]:
    """3. A published file never changes; it may go by the customer's hand, or when its file is purged (`purged`)."""
    cleared = workload.cleared(place).read_text() if workload.cleared(place).exists() else ""
    present = {}
    for folder in PUBLISHED_FOLDERS:
        for path in _files(place.data, f"customers/*/{folder}/*"):
            present[str(path.relative_to(place.data))] = _hash(path)
    for name, sha256 in seen.items():
        if name not in present and (name == cleared or Path(name).name.startswith(purged)):
            continue
        if present.get(name) != sha256:
            yield f"changed: {name} was published and is {'another file' if name in present else 'gone'} now"
    seen |= present


def of_the_system(data: Path) -> list[str]:
    """What must hold of any system that has nothing left to do, whatever was sent to it.

    data  its data folder; Django is set up on its database
    """
    checks = (
        _originals,
        _one_live_arrival,
        _published,
        _receipts,
        _moves,
        _invoice_numbers,
        _charges,
        _once,
    )
    return [f"{check.__name__.strip('_')}: {line}" for check in checks for line in check(data)]


def at_the_end(place: Place, sent: list[Sent]) -> list[str]:
    """What must hold when nothing is left to do, knowing what was sent."""
    checks = (
        _ends,
        _leftovers,
        _counts,
        _assignments,
        _batches,
        _adds_up,
        answers.wrong,
        engine_tables.wrong,
    )
    return [
        *of_the_system(place.data),
        *(f"{check.__name__.strip('_')}: {line}" for check in checks for line in check(place, sent)),
    ]


def _arrivals() -> list[Arrival]:
    from cominflow.models import Arrival

    return list(Arrival.objects.select_related("customer").order_by("pk"))


def _originals(data: Path) -> Iterator[str]:
    """1. Every arrival's original is in the archive under its hash, and nobody can write it."""
    from cominflow.exchange import archive
    from cominflow.exchange.disk import Folders

    for arrival in _arrivals():
        if arrival.state == "PURGED":
            continue
        original = archive.place_of(Folders(data), arrival, arrival.sha256 or "none")
        if not original.exists() or _hash(original) != arrival.sha256:
            yield f"{arrival.reference} has no original of its hash in the archive"
        elif stat.S_IMODE(original.stat().st_mode) & 0o222:
            yield f"the original of {arrival.reference} can be written"


def _one_live_arrival(data: Path) -> Iterator[str]:
    """2. One customer and content have one live arrival, unless an operator released a repeat."""
    from cominflow.exchange.states import ARRIVAL_LIVE

    live = Counter((a.customer.code, a.sha256) for a in _arrivals() if a.state in ARRIVAL_LIVE and not a.was_released)
    yield from (
        f"{count} live arrivals of {customer} have one content" for (customer, _), count in live.items() if count > 1
    )


def _ends(place: Place, sent: list[Sent]) -> Iterator[str]:
    """Each file came to an end that it may have, and an accepted one was accepted once (its repeat once more)."""
    by_name: dict[tuple[str, str], list[Arrival]] = {}
    for arrival in _arrivals():
        by_name.setdefault((arrival.customer.code, arrival.shown_name), []).append(arrival)
    for one in sent:
        found = by_name.pop((one.customer, one.name), [])
        if not found:
            yield f"{one.name} never became an arrival"
        for arrival in found:
            if arrival.state not in one.ends:
                yield f"{arrival.reference} ({one.name}) ended {arrival.state}"
            if arrival.sha256 != one.sha256:
                yield f"{arrival.reference} ({one.name}) has another content"
    yield from (f"an arrival of {name} that nobody sent" for name in by_name)
    closed = Counter(
        (a.customer.code, a.sha256, a.was_released) for a in _arrivals() if a.state in ("CLOSED", "PURGED")
    )
    for one in sent:
        for is_repeat in (False, True):
            due = 1 if one.expected and (not is_repeat or one.is_wanted_twice) else 0
            counted = closed[one.customer, one.sha256, is_repeat]
            if counted != due:
                yield f"{one.name} was accepted {counted} times{' as a repeat' if is_repeat else ''}, not {due}"


def _published(data: Path) -> Iterator[str]:
    """3. What is in a customer's folder is a delivery, whole; and every delivery is there."""
    from cominflow.models import Delivery

    known = {}
    for delivery in Delivery.objects.select_related("customer", "arrival"):
        path = data / "customers" / delivery.customer.code / delivery.folder / delivery.shown_name
        known[path] = delivery
        if delivery.state not in ("PUBLISHED", "RETRIEVED"):
            yield f"{delivery.reference} is {delivery.state}"
        if path.exists() == (delivery.arrival.state == "PURGED"):
            is_there = "still" if path.exists() else "not"
            yield f"{delivery.reference} is {is_there} at {path.relative_to(data)}"
        elif path.exists() and (_hash(path) != delivery.sha256 or path.stat().st_size != delivery.bytes_count):
            yield f"{delivery.reference} has other bytes than were staged"
    for folder in PUBLISHED_FOLDERS:
        for path in _files(data, f"customers/*/{folder}/*"):
            if path not in known:
                yield f"nobody delivered {path.relative_to(data)}"


def _leftovers(place: Place, sent: list[Sent]) -> Iterator[str]:
    """3. Nothing staged, temporary or half-way is left anywhere; the orphan is in quarantine with its reason."""
    for path in _files(place.data, "staging/**/*", "publish/*", "spool/*", "customers/*/inbox/*", "commands/**/*"):
        yield f"{path.relative_to(place.data)} is left over"
    state = {"engine.lock", "sftp_host_key", "cominflow.db", "cominflow.db-wal", "cominflow.db-shm"}
    yield from (f"state/{p.name} is left over" for p in _files(place.data, "state/*") if p.name not in state)
    orphan = place.data / "quarantine" / f"spool-{workload.ORPHAN}"
    if {path.name for path in orphan.glob("*")} != {"payload", "reason.json"}:
        yield "the file that no row knew is not in quarantine with its reason"


def _receipts(data: Path) -> Iterator[str]:
    """Each reading of each upload has exactly one receipt, as text and as JSON, that says what was decided."""
    import json

    from cominflow.models import Event

    decided = ("QUEUED", "REFUSED", "DUPLICATE", "QUARANTINED", "HELD")
    for arrival in _arrivals():
        decisions = [
            event.what for event in Event.objects.filter(subject=arrival.reference, what__in=decided).order_by("pk")
        ]
        if len(decisions) != arrival.readings_count:
            yield f"{arrival.reference} was decided {decisions} in {arrival.readings_count} readings"
        for number, decision in enumerate(decisions, start=1):
            found = list(arrival.deliveries.filter(kind="receipt", number=number).order_by("pk"))
            if len(found) != 2 or {one.shown_name.endswith(".json") for one in found} != {True, False}:
                yield f"{arrival.reference} has {len(found)} receipts for reading {number}"
                continue
            path = data / "customers" / arrival.customer.code / "receipts" / found[1].shown_name
            if path.exists() and json.loads(path.read_text())["outcome"] != decision:
                yield f"the receipt of reading {number} of {arrival.reference} says another thing than {decision}"


def _moves(data: Path) -> Iterator[str]:
    """Every state was reached by legal moves, each made and noted once."""
    from cominflow.exchange import states
    from cominflow.models import Delivery, Event

    for table, first, rows in (
        (states.ARRIVAL, "CLAIMING", _arrivals()),
        (states.DELIVERY, "PLANNED", list(Delivery.objects.all())),
    ):
        for row in rows:
            walk = [first, *Event.objects.filter(subject=row.reference).order_by("pk").values_list("what", flat=True)]
            walk = [state for state in walk if state in table]
            for before, after in zip(walk, walk[1:], strict=False):
                if not states.is_legal(table, before, after):
                    yield f"{row.reference} moved from {before} to {after}"
            if walk[-1] != row.state:
                yield f"{row.reference} is {row.state}, and its last event says {walk[-1]}"


def _invoice_numbers(data: Path) -> Iterator[str]:
    """5. Numbers of a section and year are 1..n, and the counter stands at n."""
    from cominflow.models import Invoice, Numbering

    for counter in Numbering.objects.all():
        same = Invoice.objects.filter(section=counter.section, year=counter.year)
        numbers = sorted(same.values_list("number", flat=True))
        if numbers != list(range(1, counter.last + 1)):
            yield f"section {counter.section} of {counter.year} has {numbers}, and its counter stands at {counter.last}"
    if not Invoice.objects.exists():
        yield "there is no invoice"


def _counts(place: Place, sent: list[Sent]) -> Iterator[str]:
    """6. waiting + open + answered + refused + cancelled + expired = requests in: per chunk, and per file."""
    from cominflow.exchange import request_states, requests
    from cominflow.models import Chunk

    due = {one.name: one.expected for one in sent}
    for arrival in _arrivals():
        if not arrival.requests_count or arrival.state == "PURGED":
            continue
        states: Counter[str] = Counter()
        for portion in requests.read(arrival):
            own = Counter(request_states.COUNTER_OF[str(state)] for state in portion.states)
            states += own
            chunk = Chunk.objects.filter(arrival=arrival, ordinal=portion.ordinal).first()
            if chunk is not None:
                counted = {name: getattr(chunk, f"{name}_count") for name in request_states.COUNTERS}
                if counted != {name: own[name] for name in request_states.COUNTERS}:
                    yield f"chunk {portion.ordinal} of {arrival.reference} counts {counted}, and holds {dict(own)}"
                if sum(counted.values()) != chunk.requests_count:
                    yield f"chunk {portion.ordinal} of {arrival.reference} does not add up"
        if sum(states.values()) != arrival.requests_count or states != Counter(
            _COUNTER_OF.get(one.outcome, "answered") for one in due[arrival.shown_name]
        ):
            yield f"{arrival.reference} has {arrival.requests_count} requests, and holds {dict(states)}"


_COUNTER_OF = {"cancelled": "cancelled", "repeated": "refused"}


def _charges(data: Path) -> Iterator[str]:
    """2. Every fulfilled request is charged once, at its price; each answer's invoice is the sum of its charges."""
    from cominflow.exchange import requests
    from cominflow.models import Charge, Invoice

    for arrival in _arrivals():
        fulfilled: Counter[tuple[int, str]] = Counter()
        if arrival.state == "PURGED":
            continue
        for portion in requests.read(arrival):
            for number, outcome, service in zip(
                portion.deliveries.tolist(), portion.outcomes.tolist(), portion.services.to_pylist(), strict=True
            ):
                if outcome == "fulfilled":
                    fulfilled[number, service] += 1
        charged: Counter[tuple[int, str]] = Counter()
        cents: Counter[int] = Counter()
        for charge in Charge.objects.filter(arrival=arrival).select_related("service"):
            charged[charge.delivery_number, charge.service.code] += charge.quantity
            cents[charge.delivery_number] += charge.amount_cents
        if charged != fulfilled:
            yield f"{arrival.reference} was charged {dict(charged)}, and {dict(fulfilled)} were fulfilled"
        invoices = Invoice.objects.filter(arrival=arrival)
        invoiced = Counter({one.delivery_number: one.net_cents for one in invoices})
        if invoiced != cents:
            yield f"{arrival.reference} was invoiced {dict(invoiced)}, and charged {dict(cents)} cents"
        for invoice in invoices:
            if sum(invoice.lines.values_list("net_cents", flat=True)) != invoice.net_cents:
                yield f"the lines of invoice {invoice.full_number} do not add up"
            if invoice.net_cents + invoice.vat_cents != invoice.total_cents:
                yield f"invoice {invoice.full_number} does not add up"


def _once(data: Path) -> Iterator[str]:
    """Every accepted arrival has one row for its acceptance and one for each answer, and no other."""
    from cominflow.models import Once

    for arrival in _arrivals():
        steps = sorted(Once.objects.filter(arrival=arrival).values_list("step", flat=True))
        due = [f"answer-{number}" for number in range(1, arrival.answers_count + 1)]
        purged = ["purged"] if arrival.state == "PURGED" else []
        if steps != (["accepted", *due, *purged] if arrival.accepted_at else purged):
            yield f"{arrival.reference} has once-rows {steps}, and {arrival.answers_count} answers"


def _assignments(place: Place, sent: list[Sent]) -> Iterator[str]:
    """Nobody has a request that is answered; the answer that was wrong was taken back once."""
    from cominflow.models import Event, WorkAssignment

    for row in WorkAssignment.objects.all():
        yield f"{row.assignee} has A-{row.arrival_id}/{row.position + 1}, which is answered"
    if (count := Event.objects.filter(what="answer taken back").count()) != 1:
        yield f"{count} answers were taken back"


def _batches(place: Place, sent: list[Sent]) -> Iterator[str]:
    """Every batch was finished, and none met a failure on the way."""
    from cominflow.models import Batch

    for batch in Batch.objects.all():
        if batch.finished_at is None or batch.error or batch.failures_count:
            yield f"batch {batch.pk}: finished {batch.finished_at}, {batch.failures_count} failures, {batch.error!r}"


def _adds_up(place: Place, sent: list[Sent]) -> Iterator[str]:
    """The program's own second opinion finds nothing, two hours later, when nothing can be under way any more."""
    from datetime import timedelta

    from cominflow import clock
    from cominflow.exchange.disk import Folders
    from cominflow.reconciliation.block import Look
    from cominflow.reconciliation.whole import reconcile

    yield from reconcile(Look(Folders(place.data), clock.now() + timedelta(hours=2), is_deep=True)).lines()


def _files(folder: Path, *patterns: str) -> Iterator[Path]:
    for pattern in patterns:
        yield from sorted(path for path in folder.glob(pattern) if path.is_file())


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
