"""Deliver: make the bytes of each planned delivery, and publish it into the customer's folder.

Bytes before the name, the name before the state; the deliveries of a batch's small files together. Killed anywhere, it
goes on: a delivery's bytes are the same whenever they are made, and a published file is never touched again.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import BinaryIO

from django.db import transaction
from django.db.models import F

from cominflow import clock, stopping
from cominflow.exchange import disk, feeds, names, planning, publish, requests
from cominflow.exchange.disk import Folders, Written
from cominflow.exchange.moves import move_all
from cominflow.flows import contents, plain, receipts
from cominflow.limits import CHUNK_REQUESTS, DELIVERIES_TOGETHER_MAX
from cominflow.models import Arrival, Delivery

PUBLISHER = "publisher"
UNPUBLISHED = ("PLANNED", "STAGED", "HELD")
RECEIPT_STATES = ("QUEUED", "REFUSED", "DUPLICATE", "QUARANTINED", "HELD")


def prepare(arrivals: Sequence[Arrival]) -> None:
    """Read the feeds and layouts of these arrivals, once for all of them: each is asked for often."""
    feed_versions = feeds.versions({one.feed_version_id for one in arrivals} - {None})
    layout_versions = feeds.layout_versions({one.layout_version_id for one in arrivals} - {None})
    for arrival in arrivals:
        if arrival.feed_version_id is not None:
            arrival.feed_version = feed_versions[arrival.feed_version_id]
        if arrival.layout_version_id is not None:
            arrival.layout_version = layout_versions[arrival.layout_version_id]


def acknowledge(arrivals: Sequence[Arrival], *, at: datetime) -> None:
    """Plan the receipts of decided arrivals and, where requests were rejected, the file that returns them."""
    decided = [one for one in arrivals if one.state in RECEIPT_STATES]
    with transaction.atomic():
        # Planned before, perhaps under another name: since then a feed may have been published that takes the name.
        rows = Delivery.objects.filter(arrival__in=decided, kind="receipt")
        planned = set(rows.values_list("arrival_id", "number"))
        due = [one for one in decided if (one.pk, one.readings_count) not in planned]
        planning.plan_all([plan for arrival in due for plan in _acknowledgement(arrival)], at=at)


def _acknowledgement(arrival: Arrival) -> Iterator[planning.Plan]:
    number = arrival.readings_count
    for suffix in (b"", b".json"):
        name = _receipt_name(arrival, number) + suffix
        yield planning.Plan(arrival, "receipt", number, "receipts", name, arrival.state)
    if arrival.state == "QUEUED" and arrival.rejected_count:
        name = feeds.load(arrival.feed_version).names.render("rejection", bytes(arrival.name), number)
        for each in contents.renderings(arrival, "rejection", name):
            yield planning.Plan(arrival, "rejection", number, "outbox", each)


def acknowledged(arrivals: Sequence[Arrival]) -> set[int]:
    """Ids of those whose receipt and rejections are out (or held, since another file has their name)."""
    told = Delivery.objects.filter(arrival__in=arrivals, kind__in=("receipt", "rejection"))
    planned = told.filter(kind="receipt", number=F("arrival__readings_count"))
    not_out = told.filter(state__in=("PLANNED", "STAGED"))
    return set(planned.values_list("arrival_id", flat=True)) - set(not_out.values_list("arrival_id", flat=True))


def _receipt_name(arrival: Arrival, number: int) -> bytes:
    name = bytes(arrival.name)
    version = arrival.feed_version or feeds.current(arrival.customer, name)  # a duplicate was never read
    if version is None:
        rendered = names.unknown_receipt(name, arrival.reference)
    else:
        rendered = feeds.load(version).names.render("receipt", name, number)
    return rendered if number <= 1 else rendered + f".{number}".encode()


def publish_all(arrivals: Sequence[Arrival], folders: Folders) -> None:
    """Make and publish what is planned for these arrivals, small ones first, in the order it was planned; close
    those where all is out.

    What is HELD is tried again: the file that had its name may be gone.
    """
    by_key = {arrival.pk: arrival for arrival in arrivals}
    rows = Delivery.objects.filter(arrival__in=by_key, state__in=UNPUBLISHED).order_by("pk")
    for are_large, share in _shares(rows, by_key):
        stopping.look()
        planned = [delivery for delivery in share if delivery.state == "PLANNED"]
        contents.keep_invoices(planned)
        hashed = publish.stage_all(
            folders,
            planned,
            lambda sink, delivery: _write(sink, delivery, folders),
            at=clock.now(),
            side_by_side=are_large,
        )
        publish.publish_all(folders, share, at=clock.now(), hashed=hashed)  # a large file was written for seconds
    _close(by_key, at=clock.now())


def _close(by_key: Mapping[int, Arrival], *, at: datetime) -> None:
    """CLOSED, for those that are answered and have everything out."""
    if not Arrival.objects.filter(pk__in=by_key, state="ANSWERED").exists():
        return  # none of the receipts that go out first
    with transaction.atomic():
        waiting = Delivery.objects.filter(arrival__in=by_key, state__in=UNPUBLISHED).values_list(
            "arrival_id", flat=True
        )
        answered = Arrival.objects.select_for_update(no_key=True).filter(pk__in=by_key, state="ANSWERED")
        out = sorted(set(answered.values_list("pk", flat=True)) - set(waiting))
        closed = [by_key[key] for key in out]
        for arrival in closed:
            arrival.state = "ANSWERED"
        move_all(closed, "CLOSED", at=at, by=PUBLISHER, closed_at=at)
    for key in requests.with_chunks(closed):  # rows have nothing to merge
        requests.merge(by_key[key])


def _shares(rows: Iterable[Delivery], by_key: Mapping[int, Arrival]) -> Iterator[tuple[bool, list[Delivery]]]:
    """(are they large?, deliveries) that are published together: small ones, and those of each large arrival."""
    small: list[Delivery] = []
    large: dict[int, list[Delivery]] = {}
    for delivery in rows:
        delivery.arrival = by_key[delivery.arrival_id]
        delivery.customer = delivery.arrival.customer
        is_large = delivery.arrival.requests_count > CHUNK_REQUESTS and delivery.kind in ("answer", "invoice")
        (large.setdefault(delivery.arrival_id, []) if is_large else small).append(delivery)
    for start in range(0, len(small), DELIVERIES_TOGETHER_MAX):
        yield False, small[start : start + DELIVERIES_TOGETHER_MAX]
    for its in large.values():
        yield True, its


def made_again(delivery: Delivery, folders: Folders) -> Written:
    """Hash and size of the delivery's bytes, made anew and kept nowhere."""
    with disk.Hashing(io.FileIO(os.devnull, "w")) as sink:
        _write(sink, delivery, folders)
    return sink.written


def _write(sink: BinaryIO, delivery: Delivery, folders: Folders) -> None:
    if delivery.kind == "receipt":
        is_json = bytes(delivery.name).endswith(b".json")
        sink.write(receipts.as_json(delivery) if is_json else receipts.text(delivery))
    elif delivery.kind not in contents.layout_of(delivery.arrival).structure:
        for piece in _plain(delivery, folders):
            sink.write(piece)
    elif delivery.kind == "answer":
        contents.write_answer(sink, delivery)
    elif delivery.kind == "invoice":
        contents.write_invoice(sink, delivery)
    else:
        contents.write_rejection(sink, delivery, folders)


def _plain(delivery: Delivery, folders: Folders) -> Iterator[bytes]:
    return plain.pieces(delivery, folders, as_json=bytes(delivery.name).endswith(b".json"))
