"""Deliver: make the bytes of each planned delivery, and publish it into the customer's folder.

Bytes before the name, the name before the state, the state before the next delivery. Killed anywhere, it goes on:
a delivery's bytes are the same whenever they are made, and a published file is never touched again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import BinaryIO

from django.db import transaction
from django.db.models import F

from cominflow import logs
from cominflow.exchange import disk, feeds, names, publish, requests
from cominflow.exchange.disk import Folders, Written
from cominflow.exchange.moves import move
from cominflow.flows import contents, plain, receipts, stopping
from cominflow.models import Arrival, Delivery

PUBLISHER = "publisher"
UNPUBLISHED = ("PLANNED", "STAGED", "HELD")
RECEIPT_STATES = ("QUEUED", "REFUSED", "DUPLICATE", "QUARANTINED", "HELD")


def acknowledge(arrival: Arrival, *, at: datetime) -> None:
    """Plan the receipt of a decided arrival and, where requests were rejected, the file that returns them."""
    if arrival.state not in RECEIPT_STATES:
        return
    number = arrival.readings_count
    # Planned before, perhaps under another name: since then a feed may have been published that takes the file's name.
    if arrival.deliveries.filter(kind="receipt", number=number).exists():
        return
    with transaction.atomic():
        for suffix in (b"", b".json"):
            name = _receipt_name(arrival, number) + suffix
            publish.plan(arrival, "receipt", number, "receipts", name, at=at, reason=arrival.state)
        if arrival.state == "QUEUED" and arrival.rejected_count:
            feed = feeds.load(arrival.feed_version)
            name = feed.names.render("rejection", bytes(arrival.name), number)
            for each in contents.renderings(arrival, "rejection", name):
                publish.plan(arrival, "rejection", number, "outbox", each, at=at)


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


def publish_all(arrival: Arrival, folders: Folders, *, at: datetime) -> None:
    """Make and publish what is planned for an arrival, in the order it was planned; close it when all is out.

    What is HELD is tried again: the file that had its name may be gone.
    """
    for delivery in arrival.deliveries.filter(state__in=UNPUBLISHED).order_by("pk"):
        stopping.look()
        with logs.about(delivery=delivery.reference):
            if delivery.state == "PLANNED":
                with publish.stage(folders, delivery, at=at) as sink:
                    _write(sink, delivery, folders)
            publish.publish(folders, delivery, at=at)
    arrival.refresh_from_db()
    if arrival.state == "ANSWERED" and not arrival.deliveries.filter(state__in=UNPUBLISHED).exists():
        move(arrival, "CLOSED", at=at, by=PUBLISHER, closed_at=at)
        requests.merge(arrival)


def made_again(delivery: Delivery, folders: Folders) -> Written:
    """Hash and size of the delivery's bytes, made anew where nobody sees them and kept nowhere. Raises WorldError."""
    try:
        with tempfile.TemporaryFile(dir=folders.publish) as sink:  # without a name: a kill leaves nothing
            _write(sink, delivery, folders)
            sink.flush()
            return disk.sha256_of(sink.fileno())
    except OSError as cause:
        raise disk.world_error("write", folders.publish, cause) from cause


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
