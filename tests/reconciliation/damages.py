"""Damages: a system spoiled by hand, past all of our code, in one way for each finding code.

The system is that of `conftest`: A-1 small and closed, A-2 in chunks and closed, A-3 a duplicate of A-1, A-4 refused,
A-5 in quarantine, A-6 with an open request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cominflow.models import Arrival
    from tests.house import House

Spoil = Callable[["House"], object]


@dataclass(frozen=True)
class Damage:
    """What is done, the finding that must be there, where, and which others cannot but be there as well."""

    what: str
    code: str
    where: str
    spoil: Spoil
    others: tuple[str, ...] = ()
    is_later: bool = False  # looked at two hours later


def _number(*files: tuple[int, int, int]) -> None:
    """Write down the first and last number of arrivals."""
    from cominflow.models import Arrival, FlowNumber

    feed_id = Arrival.objects.get(pk=1).feed_version.feed_id
    for key, first, last in files:
        FlowNumber.objects.create(
            feed_id=feed_id, arrival_id=key, path="testa.numero", round=0, first=first, last=last, reached=last, lost=0
        )


def original(house: House, key: int) -> Path:
    """Where an arrival's original is kept."""
    from cominflow.exchange import archive
    from cominflow.models import Arrival

    arrival = Arrival.objects.get(pk=key)
    return archive.place_of(house.folders, arrival, arrival.sha256)


def put(path: Path, content: bytes) -> None:
    """Another file under a name: the one that is there may be read-only."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _changed(path: Path) -> None:
    content = path.read_bytes()
    put(path, content[:-1] + bytes([content[-1] ^ 1]))


def _outbox(house: House, name: str) -> Path:
    return house.folders.customer("banca-demo").outbox / name


def _all(model: str, **which: object):  # type: ignore[no-untyped-def]
    from cominflow import models

    return getattr(models, model).objects.filter(**which)


def _rise(model: str, column: str, by: int = 1, **which: object) -> None:
    from django.db.models import F

    assert _all(model, **which).update(**{column: F(column) + by}) == 1


def _set(model: str, values: dict[str, object], **which: object) -> None:
    assert _all(model, **which).update(**values) == 1


def _delete(model: str, **which: object) -> None:
    assert _all(model, **which).delete()[0] > 0


def _arrival(key: int) -> Arrival:
    found: Arrival = _all("Arrival", pk=key).get()
    return found


def _purged_with_bytes(house: House) -> None:
    from cominflow.models import Once

    arrival = _arrival(4)
    _set("Arrival", {"state": "PURGED"}, pk=4)
    Once.objects.create(arrival=arrival, step="purged", done_at=arrival.claimed_at)


def _wrong_overlay(house: House) -> None:
    from cominflow.models import Overlay

    chunk = _all("Chunk", arrival_id=2, ordinal=1).get()
    Overlay.objects.create(
        chunk=chunk, position=3, revision=5, state="CORRECTED", delivery_number=1, created_at=_arrival(2).claimed_at
    )


def _invoice_lost(house: House) -> None:
    last = _all("Invoice").order_by("-number").first()
    last.lines.all().delete()
    _all("Delivery", arrival=last.arrival, kind="invoice", number=last.delivery_number).delete()
    last.delete()


def _newer_price(house: House) -> None:
    from cominflow.models import Price

    old = _all("Price", service__code="VIS1").get()
    Price.objects.create(
        customer=old.customer, service=old.service, unit_price_e8=1, valid_from=_arrival(6).accepted_at
    )


def _other_customer(house: House) -> None:
    house.add_customer("istituto-demo")
    _set("Invoice", {"customer_id": _all("Customer", code="istituto-demo").get().pk}, number=1)


def _old(**values: object) -> dict[str, object]:
    """Values with the instant of two hours before the arrivals."""
    at = _arrival(1).claimed_at - timedelta(hours=2)
    return {name: at if value is None else value for name, value in values.items()}


def _hole(house: House) -> None:
    _rise("Invoice", "number", number=_all("Invoice").count())
    _rise("Numbering", "last")


FILES = (
    Damage("an original is gone", "R-101", "A-2", lambda house: original(house, 2).unlink()),
    Damage("an original is cut", "R-102", "A-2", lambda house: put(original(house, 2), b"x")),
    Damage("an original was changed", "R-103", "A-2", lambda house: _changed(original(house, 2))),
    Damage("a purged file is still there", "R-104", "A-4", _purged_with_bytes),
    Damage(
        "a file of the spool that no row knows",
        "R-105",
        "spool/abc",
        lambda house: put(house.folders.spool / "abc", b"x"),
        is_later=True,
    ),
    Damage(
        "a staged file that no row knows",
        "R-105",
        "publish/1-x.writing",
        lambda house: put(house.folders.publish / "1-x.writing", b"x"),
        is_later=True,
    ),
    Damage(
        "a quarantined file that no row knows",
        "R-105",
        "quarantine/A-99",
        lambda house: put(house.folders.quarantine / "A-99" / "payload", b"x"),
        is_later=True,
    ),
    Damage(
        "an original that no row knows",
        "R-105",
        "archive/2026/01/0000",
        lambda house: put(house.folders.archive / "2026" / "01" / "0000", b"x"),
        is_later=True,
    ),
)

REQUESTS = (
    Damage(
        "an arrival counts one more", "R-201", "A-1", lambda _: _rise("Arrival", "requests_count", pk=1), ("R-209",)
    ),
    Damage(
        "a chunk counts wrongly",
        "R-202",
        "A-2 chunk 0",
        lambda _: _set("Chunk", {"answered_count": 9, "open_count": 1}, arrival_id=2, ordinal=0),
    ),
    Damage(
        "a chunk's payload is broken",
        "R-203",
        "A-2 chunk 0",
        lambda _: _set("ChunkPayload", {"payload": b"\x01broken"}, chunk__arrival_id=2, chunk__ordinal=0),
    ),
    Damage(
        "a chunk's records are broken",
        "R-203",
        "A-2 chunk 0",
        lambda _: _set("ChunkPayload", {"records": b"\x01broken"}, chunk__arrival_id=2, chunk__ordinal=0),
    ),
    Damage(
        "a chunk's payload has another seal",
        "R-203",
        "A-2 chunk 0",
        lambda _: _set("ChunkPayload", {"payload": b"\x07broken"}, chunk__arrival_id=2, chunk__ordinal=0),
    ),
    Damage(
        "a chunk has the requests of another",
        "R-203",
        "A-2 chunk 0",
        lambda _: _set("Chunk", {"requests_count": 9, "answered_count": 9}, arrival_id=2, ordinal=0),
        ("R-201", "R-204", "R-209"),
    ),
    Damage(
        "a row's payload is broken",
        "R-203",
        "A-1/1",
        lambda _: _set("Request", {"payload": b"\x01\0\0\0\x02{}"}, arrival_id=1, position=0),
    ),
    Damage(
        "a chunk begins elsewhere",
        "R-204",
        "A-2",
        lambda _: _rise("Chunk", "first_position", arrival_id=2, ordinal=1),
        ("R-208",),
    ),
    Damage("a row is elsewhere", "R-204", "A-1", lambda _: _rise("Request", "position", arrival_id=1, position=4)),
    Damage("an overlay skips a revision", "R-205", "A-2 chunk 1", _wrong_overlay),
    Damage(
        "a request is open in a closed file",
        "R-206",
        "A-1",
        lambda _: _set("Request", {"state": "OPEN"}, arrival_id=1, position=1),
    ),
    Damage(
        "an answer of a closed file never went out",
        "R-206",
        "A-1",
        lambda _: _set("Request", {"delivery_number": 0}, arrival_id=1, position=0),
    ),
    Damage(
        "a refused file has requests",
        "R-206",
        "A-4",
        lambda _: _set("Request", {"arrival_id": 4, "position": 0}, arrival_id=6, position=3),
        ("R-201", "R-209", "R-402", "R-401"),
    ),
    Damage("a once-row is gone", "R-207", "A-1", lambda _: _delete("Once", arrival_id=1, step="accepted")),
    Damage("a run of references is gone", "R-208", "A-2/1", lambda _: _delete("ReferenceRun", arrival_id=2)),
    Damage(
        "a row has another hash",
        "R-208",
        "A-1/3",
        lambda _: _rise("Request", "reference_hash", arrival_id=1, position=2),
    ),
    Damage(
        "a day has one more",
        "R-209",
        "banca-demo on {day}",
        lambda _: _rise("Arrival", "requests_count", pk=6),
        ("R-201",),
    ),
    Damage("a number has two files", "R-210", "A-2", lambda _: _number((1, 7, 9), (6, 10, 10), (2, 9, 9))),
    Damage("a file that was not accepted has a number", "R-210", "A-3", lambda _: _number((3, 7, 7), (1, 8, 8))),
)

DELIVERIES = (
    Damage(
        "a receipt is gone",
        "R-301",
        "A-3",
        lambda _: _delete("Delivery", pk=_all("Delivery", arrival_id=3, kind="receipt").first().pk),
    ),
    Damage("a reading too many", "R-301", "A-4", lambda _: _rise("Arrival", "readings_count", pk=4)),
    Damage(
        "rejected requests stay here", "R-302", "A-1", lambda _: _delete("Delivery", arrival_id=1, kind="rejection")
    ),
    Damage("an answer is gone", "R-303", "A-1", lambda _: _delete("Delivery", arrival_id=1, kind="answer", number=1)),
    Damage(
        "an answer is counted that is none",
        "R-303",
        "A-1",
        lambda _: _rise("Arrival", "answers_count", pk=1),
        ("R-207",),
    ),
    Damage(
        "a published file was changed",
        "R-304",
        "D-{answer}",
        lambda house: _changed(_outbox(house, "RV_20260301_001.A01")),
    ),
    Damage(
        "a published file was cut",
        "R-304",
        "D-{answer}",
        lambda house: put(_outbox(house, "RV_20260301_001.A01"), b"x"),
    ),
    Damage(
        "a delivery waits for hours",
        "R-305",
        "D-{open}",
        lambda _: _set("Delivery", _old(state="PLANNED", planned_at=None), arrival_id=6, kind="answer"),
    ),
    Damage(
        "a staged file is gone",
        "R-306",
        "D-{open}",
        lambda house: (
            _set("Delivery", {"state": "STAGED"}, arrival_id=6, kind="answer"),
            _outbox(house, "RV_20260301_005.A01").unlink(),
        ),
    ),
    Damage(
        "a closed file has something planned",
        "R-307",
        "A-1",
        lambda _: _set("Delivery", {"state": "PLANNED"}, arrival_id=1, kind="answer", number=1),
    ),
    Damage(
        "an invoice has no records",
        "R-308",
        "A/{year}/1",
        lambda _: _delete("Delivery", arrival_id=1, kind="invoice", number=1),
    ),
)

MONEY = (
    Damage(
        "a fulfilled request was not charged",
        "R-401",
        "A-1 answer 1, VIS1",
        lambda _: _set("Request", {"outcome": "fulfilled"}, arrival_id=1, position=0),
    ),
    Damage(
        "a charge is gone",
        "R-401",
        "A-2 chunk 1 answer 1, VIS1",
        lambda _: _delete("Charge", arrival_id=2, chunk_ordinal=1, delivery_number=1),
        ("R-502",),
    ),
    Damage(
        "what was not found was charged",
        "R-402",
        "A-1 answer 1, VIS1",
        lambda _: _set("Request", {"outcome": "not_found"}, arrival_id=1, position=1),
    ),
    Damage(
        "a cent more was charged",
        "R-403",
        "A-2 chunk 1 answer 1, VIS1",
        lambda _: _rise("Charge", "amount_cents", arrival_id=2, chunk_ordinal=1, delivery_number=1),
        ("R-502",),
    ),
    Damage("a newer price held", "R-404", "A-6 VIS1", _newer_price),
    Damage("charges without an invoice", "R-501", "A-6 answer 1", _invoice_lost, ("R-506",)),
    Damage(
        "a line with one more",
        "R-502",
        "A/{year}/1",
        lambda _: _rise("InvoiceLine", "quantity", invoice__number=1),
    ),
    Damage(
        "a cent more of VAT",
        "R-503",
        "A/{year}/1",
        lambda _: (_set("Invoice", _more("vat_cents", "total_cents"), number=1),),
    ),
    Damage(
        "a cent more in the total",
        "R-504",
        "A/{year}/1",
        lambda _: _set("Invoice", _more("net_cents", "total_cents"), number=1),
    ),
    Damage("a number is missing", "R-505", "A/{year}", _hole),
    Damage("the numbering ran ahead", "R-506", "A/{year}", lambda _: _rise("Numbering", "last")),
    Damage("an invoice of somebody else", "R-507", "A/{year}/1", _other_customer),
)

WORK = (
    Damage(
        "a batch has no end",
        "R-601",
        "batch {batch}",
        lambda _: _set("Batch", _old(created_at=None) | {"finished_at": None}, pk=_arrival(1).batch_id),
    ),
    Damage("nobody goes on with a file", "R-602", "A-5", lambda _: _set("Arrival", {"state": "CLAIMED"}, pk=5)),
    Damage(
        "nobody asks for a waiting request",
        "R-602",
        "A-6",
        lambda _: _set("Request", {"state": "WAITING"}, arrival_id=6, position=2),
    ),
)


def _more(*columns: str) -> dict[str, object]:
    from django.db.models import F

    return {column: F(column) + 1 for column in columns}


GALLERY = (*FILES, *REQUESTS, *DELIVERIES, *MONEY, *WORK)
