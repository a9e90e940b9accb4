"""Workload: one life of the whole system, the customers' clients and the operator included.

    clients send what they have no OK for → operator → engine: recover, claim, work → operator → work → operator → work

A life that is killed is followed by another one, which does the same; each ends when nothing is left to do.
"""

from __future__ import annotations

import logging
import os
import pickle
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.simulation import files
from tests.simulation.files import BANK, INSTITUTE, Sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from cominflow.exchange.disk import Folders
    from cominflow.flows.run import Runner
    from tests.simulation.place import Place

TIMEOUT_S = 60.0
OPERATOR = "operator"
SENT = "sent.pickle"
ORPHAN = "a-file-that-no-row-knows"
# Somebody writes this file just when it is taken; it goes back, and is taken when he is done.
CONTESTED = "controlli_2026-03-01_1.csv"


def build(place: Place, *, is_short: bool) -> None:
    """Make the template: folders, database, engine's tables, customers, services, prices, feeds; files to be sent."""
    place.make()
    place.bind()
    from django.core.management import call_command
    from django.db import connections

    from cominflow import clock
    from cominflow.customers import register
    from cominflow.exchange import feeds
    from cominflow.exchange.disk import Folders
    from cominflow.flows import engine
    from cominflow.money import E8
    from cominflow.pricing import prices, services

    folders = Folders(place.data)
    folders.ensure([BANK, INSTITUTE])
    call_command("migrate", verbosity=0, interactive=False)
    at = clock.now()
    sent, table = files.make(is_short=is_short)
    table_path = place.root.parent / "table.csv"  # beside all the copies
    table_path.write_bytes(table)
    by_table = {
        "file": str(table_path),
        "key": {"codice_fiscale": "cf"},
        "result": {"punteggio": "score", "esposizione": "espos"},
    }
    owned = {BANK: ("VIS1", "VIS2"), INSTITUTE: ("ANAG", "PROT", "REDD")}
    for code, asked in owned.items():
        customer = register.add(code, code, at=at)
        for service_code in asked:
            by_hand = service_code in files.MANUAL
            service = services.add(
                service_code,
                f"Servizio {service_code}",
                provider="manual" if by_hand else "table",
                provider_settings={} if by_hand else by_table,
                by=OPERATOR,
                at=at,
            )
            prices.set_price(customer, service, E8(125_500_000), by=OPERATOR, at=at)
        texts = {
            path.name: path.read_text() for path in (files.LAYOUTS / code).glob("*.toml") if path.name != "feed.toml"
        }
        feeds.publish(customer, (files.LAYOUTS / code / "feed.toml").read_text(), texts, at=at, by=OPERATOR)
    engine.launch()
    engine.shut_down()
    connections.close_all()
    for one in sent:
        (place.clients / one.customer).mkdir(exist_ok=True)
        (place.clients / one.customer / one.name).write_bytes(one.content)
    (place.root.parent / SENT).write_bytes(pickle.dumps(sent))
    (place.data / "spool" / ORPHAN).write_bytes(b"left behind by an older database\n")


def put_in_place(place: Place, sent: list[Sent]) -> None:
    """What lies in the inboxes before the first life: files that somebody moved or linked there."""
    for one in sent:
        own = place.clients / one.customer / one.name
        inbox = place.data / "customers" / one.customer / "inbox" / one.name
        if one.way == "linked":
            os.link(own, inbox)
        elif one.way == "placed":
            os.rename(own, inbox)


def live(place: Place, sent: list[Sent], *, told: Callable[[str], None] | None = None) -> None:
    """One life; it ends when everything is done that can be. `told` hears what somebody is told is there: a path."""
    from cominflow.exchange.disk import Folders
    from cominflow.flows import engine, run

    logging.disable(logging.CRITICAL)
    folders = Folders(place.data)
    serve(place, folders, sent, told=told)
    operate(sent, answers_max=1)
    with run.locked(folders):
        runner = run.Runner(folders)
        runner.recover()
        try:
            _work(runner)
            while operate(sent, answers_max=2):
                _work(runner)
        finally:
            engine.shut_down()


def _work(runner: Runner) -> None:
    assert runner.run_once(timeout_s=TIMEOUT_S), "the engine came to no end"


def serve(place: Place, folders: Folders, sent: list[Sent], *, told: Callable[[str], None] | None = None) -> None:
    """The SFTP server's start, and a session of each client that has no OK for its file."""
    from cominflow.exchange import disk
    from cominflow.exchange.sftp import host_key, upload

    host_key.load_or_make(folders.state / "sftp_host_key")
    if told is not None:
        told("state/sftp_host_key")
    for customer in (BANK, INSTITUTE):
        with disk.open_folder(folders.customer(customer).staging) as staging:
            upload.remove_leftovers(staging.fd)
    for one in sent:
        if one.way in ("upload", "renamed"):
            _send(place, folders, one, told)


def _send(place: Place, folders: Folders, one: Sent, told: Callable[[str], None] | None) -> None:
    """The client's side: upload, and under which name; it goes on from what it was told the last time."""
    from cominflow.exchange.sftp.download import Begun
    from cominflow.exchange.sftp.packets import Opening, RefusedError
    from cominflow.exchange.sftp.place import Place as Path_
    from cominflow.exchange.sftp.upload import Upload
    from cominflow.exchange.sftp.view import Room, View

    final = one.name.encode()
    steps = [("put", final)] if one.way == "upload" else [("put", final + b".part"), ("rename", final)]
    view = View(folders, one.customer, Begun(), Room(free_bytes_min=0))
    try:
        for number, (step, name) in enumerate(steps):
            ok = place.clients / f"{one.name}.ok-{number}"
            if ok.exists():
                continue
            try:
                if step == "put":
                    upload = view.open(Path_("inbox", name), Opening.WRITE | Opening.CREATE | Opening.TRUNCATE)
                    assert isinstance(upload, Upload)
                    upload.write(0, one.content)
                    view.commit(upload)
                else:
                    view.rename(Path_("inbox", steps[0][1]), Path_("inbox", name))
            except RefusedError as refused:
                # Done, but the OK was lost: the client sees its file there, or that it was taken.
                known = (
                    ("already in the inbox", "already taken") if step == "put" else ("no such file", "already taken")
                )
                assert any(words in refused.text for words in known), refused.text
            if told is not None:
                told(f"customers/{one.customer}/inbox/{name.decode()}")
            ok.touch()
    finally:
        view.close()


def operate(sent: list[Sent], *, answers_max: int) -> int:
    """What an operator does: answers some of what is open, lets one repeat through, gives up what is of no use.

    Returns how much was done.
    """
    from cominflow import clock
    from cominflow.errors import UsageError
    from cominflow.exchange import requests
    from cominflow.flows import operate as operator
    from cominflow.models import Arrival

    done = 0
    wanted_twice = {one.name for one in sent if one.is_wanted_twice}
    for place in list(requests.open_items())[:answers_max]:
        result: dict[str, object] = {"punteggio": files.BY_HAND_SCORE}
        if place.customer == INSTITUTE:
            result["esposizione"] = Decimal("1.25")
        operator.answer(place, "fulfilled", result, by=OPERATOR, at=clock.now())
        done += 1
    for arrival in Arrival.objects.filter(state__in=("DUPLICATE", "QUARANTINED")).order_by("pk"):
        same = Arrival.objects.filter(customer=arrival.customer, sha256=arrival.sha256, was_released=True)
        try:
            if arrival.shown_name in wanted_twice and not same.exists():
                operator.release(arrival.pk, by=OPERATOR, reason="the customer wants it twice", at=clock.now())
            else:
                operator.discard(arrival.pk, by=OPERATOR, reason="of no use", at=clock.now())
        except UsageError as refused:
            assert "receipt" in str(refused), refused
            continue
        done += 1
    return done


def contest(place: Place) -> Callable[[str], None]:
    """A listener to failpoints that tries to write one file of the inbox, once, just when it is leased."""
    inbox = place.data / "customers" / INSTITUTE / "inbox"
    marker = place.clients / "contested"

    def listen(name: str) -> None:
        if name == "claim.leased" and (inbox / CONTESTED).exists() and not marker.exists():
            try:
                os.close(os.open(inbox / CONTESTED, os.O_WRONLY | os.O_NONBLOCK))  # another customer's turn
            except BlockingIOError:
                marker.touch()

    return listen


def read_sent(place: Place) -> list[Sent]:
    """The files of the workload, as `build` made them; a process that forks must not make them itself."""
    sent: list[Sent] = pickle.loads((place.root.parent / SENT).read_bytes())
    return sent
