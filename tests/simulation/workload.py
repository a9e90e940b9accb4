"""Workload: one life of the whole system, the customers' clients and the operator included.

    clients send what they have no OK for → operator → engine: recover, claim, work → operator → work → operator → work
    → purge

A life that is killed is followed by another one, which does the same; each ends when nothing is left to do.
"""

from __future__ import annotations

import logging
import os
import pickle
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.simulation import files
from tests.simulation.files import BANK, INSTITUTE, Sent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cominflow.exchange.disk import Folders
    from cominflow.exchange.sftp.view import View
    from cominflow.flows.run import Runner
    from tests.simulation.place import Place

TIMEOUT_S = 60.0
OPERATOR = "operator"
SENT = "sent.pickle"
ORPHAN = "a-file-that-no-row-knows"
# Beside the clients' files from the moment on in which bytes may be taken away.
PURGING = "purging"
# Named after its file, sent before it and anew whenever the file is.
MARKER = ".ok"
# Somebody writes this file just when it is taken; it goes back, and is taken when he is done.
CONTESTED = "controlli_2026-03-01_1.csv"

# What fulfils the institute's services: the same table, looked up by a program that is given a file and returns one.
PROGRAM = """\
import csv, sys
with open({table!r}, newline="") as opened:
    table = {{row["cf"]: row for row in csv.DictReader(opened)}}
with open(sys.argv[1], newline="") as opened:
    asked = list(csv.DictReader(opened))
with open(sys.argv[2], "w", newline="") as opened:
    writer = csv.writer(opened)
    writer.writerow(["id", "outcome", "score", "espos"])
    for row in asked:
        found = table.get(row["cf"])
        values = [found["score"], found["espos"]] if found else ["", ""]
        writer.writerow([row["id"], "fulfilled" if found else "not_found", *values])
"""


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
    program = place.root.parent / "program.py"
    program.write_text(PROGRAM.format(table=str(table_path)))
    by_program = {
        "program": [sys.executable, "-S", "-E", str(program), "{input}", "{output}"],
        "request": {"codice_fiscale": "cf"},
        "result": {"punteggio": "score", "esposizione": "espos"},
        "outcome": {"from": "outcome"},
    }
    by_table = {
        "file": str(table_path),
        "key": {"codice_fiscale": "cf"},
        "result": {"punteggio": "score", "esposizione": "espos"},
    }
    owned = {BANK: ("VIS1", "VIS2"), INSTITUTE: ("ANAG", "PROT", "REDD")}
    for code, asked in owned.items():
        customer = register.add(code, code, at=at)
        for service_code in asked:
            provider, settings = ("command", by_program) if code == INSTITUTE else ("table", by_table)
            if service_code in files.MANUAL:
                provider, settings = "manual", {}
            service = services.add(
                service_code,
                f"Servizio {service_code}",
                provider=provider,
                provider_settings=settings,
                by=OPERATOR,
                at=at,
            )
            prices.set_price(customer, service, E8(125_500_000), by=OPERATOR, at=at)
        texts = {
            path.name: path.read_text() for path in (files.LAYOUTS / code).glob("*.toml") if path.name != "feed.toml"
        }
        agreed = (files.LAYOUTS / code / "feed.toml").read_text()
        if code == INSTITUTE:  # its files come with markers
            agreed = agreed.replace('complete           = "commit"', 'complete           = "marker"')
        feeds.publish(customer, agreed, texts, at=at, by=OPERATOR)
        if code == BANK:
            again = agreed.replace('"RV_{date', '"RX_{date') + files.REPEATS
            feeds.publish(customer, again, texts, at=at, by=OPERATOR, name="ripetizioni")
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
    from cominflow.flows import engine, lock, run

    logging.disable(logging.CRITICAL)
    folders = Folders(place.data)
    serve(place, folders, sent, told=told)
    operate(place, sent, answers_max=1)
    pause_once()
    with lock.locked(folders):
        runner = run.Runner(folders)
        runner.recover()
        try:
            _work(runner)
            if resume():
                _work(runner)
            clear_away(place)
            while follow(place, sent) + operate(place, sent, answers_max=2):
                _work(runner)
            purge(place, folders, sent)
        finally:
            engine.shut_down()


def pause_once() -> None:
    """The operator pauses the provider of the institute's services, in the first life that comes to it."""
    from cominflow import clock
    from cominflow.fulfilment import pauses
    from cominflow.models import Event

    if not Event.objects.filter(subject="provider command", what="paused").exists():
        pauses.pause("command", by=OPERATOR, reason="it is looked at", at=clock.now())


def resume() -> bool:
    """The operator lets that provider go on; False when it is not paused (any more)."""
    from cominflow import clock
    from cominflow.fulfilment import pauses

    if not pauses.is_paused("command"):
        return False
    pauses.resume("command", by=OPERATOR, at=clock.now())
    return True


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
            if one.customer == INSTITUTE:
                _send_marker(view, name + MARKER.encode())
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


def _send_marker(view: View, name: bytes) -> None:
    """What says that a file is whole; when it is there already, nothing is to be done."""
    from cominflow.exchange.sftp.packets import Opening, RefusedError
    from cominflow.exchange.sftp.place import Place as Path_
    from cominflow.exchange.sftp.upload import Upload

    try:
        upload = view.open(Path_("inbox", name), Opening.WRITE | Opening.CREATE | Opening.TRUNCATE)
        assert isinstance(upload, Upload)
        view.commit(upload)
    except RefusedError as refused:
        assert "already in the inbox" in refused.text, refused.text


def follow(place: Place, sent: list[Sent]) -> int:
    """A customer sends what comes after a file that is accepted. Returns how many files."""
    done = 0
    for one in sent:
        own = place.clients / one.customer / one.name
        if one.follows and own.exists() and _is_accepted(one.follows):
            with own.open("rb") as file:
                os.fsync(file.fileno())
            os.rename(own, place.data / "customers" / one.customer / "inbox" / one.name)
            done += 1
    return done


def _is_accepted(name: str) -> bool:
    from cominflow.models import Arrival

    return Arrival.objects.filter(name=name.encode(), accepted_at__isnull=False).exists()


def operate(place: Place, sent: list[Sent], *, answers_max: int) -> int:
    """What an operator does: answers some of what is open, lets one repeat through, gives up what is of no use.

    The first answer is a wrong one, and is taken back. The file that a customer removed is published again. Returns how
    much was done.
    """
    from cominflow import clock
    from cominflow.errors import UsageError
    from cominflow.flows import operate as operator
    from cominflow.models import Arrival

    done = _answer(sent, answers_max) + _republish(place)
    wanted_twice = {one.name for one in sent if one.is_wanted_twice}
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


def _answer(sent: list[Sent], answers_max: int) -> int:
    """Assign what is open to somebody, and answer some of it; the very first answer is wrong, and is taken back."""
    from cominflow import clock
    from cominflow.exchange import requests
    from cominflow.flows import desk
    from cominflow.flows import operate as operator
    from cominflow.models import Arrival, Event

    _retract_wrong()
    awaited = {one.follows.encode() for one in sent if one.follows and not _is_accepted(one.name)}
    waits = set(Arrival.objects.filter(name__in=awaited).values_list("pk", flat=True))
    chosen = [one for one in requests.open_items() if one.arrival_id not in waits][:answers_max]
    if chosen:
        desk.assign(chosen, OPERATOR, by=OPERATOR, at=clock.now())
    for place in chosen:
        result: dict[str, object] = {"punteggio": files.BY_HAND_SCORE}
        if place.customer == INSTITUTE:
            result["esposizione"] = Decimal("1.25")
        if not Event.objects.filter(what="answer taken back").exists():
            operator.answer(place, "not_found", {}, by=OPERATOR, at=clock.now())
            desk.undo(place, by=OPERATOR, reason="of another person", at=clock.now())
        operator.answer(place, "fulfilled", result, by=OPERATOR, at=clock.now())
    return len(chosen)


def _retract_wrong() -> None:
    """Take back what a life that was killed had answered wrongly: no engine ran since, so it has not gone out."""
    from cominflow import clock
    from cominflow.exchange import requests
    from cominflow.flows import desk
    from cominflow.models import Arrival, Event

    if Event.objects.filter(what="answer taken back").exists():
        return
    for arrival in Arrival.objects.filter(state="QUEUED"):
        for portion in requests.read(arrival, states={"ANSWERED"}):
            wrong = (portion.answered_by == OPERATOR) & (portion.outcomes == "not_found")
            for position in portion.positions[wrong].tolist():
                place = requests.place(arrival, position)
                desk.undo(place, by=OPERATOR, reason="of another person", at=clock.now())


def clear_away(place: Place) -> None:
    """A customer removes a file that went out, once, and asks for it again. What is removed is noted before."""
    from cominflow.exchange import disk
    from cominflow.models import Delivery

    marker = cleared(place)
    if not marker.exists():
        rows = Delivery.objects.filter(customer__code=BANK, kind="answer", state="PUBLISHED")
        sent = rows.order_by("arrival__bytes_count", "pk").first()
        if sent is None:
            return  # a system that a test broke
        marker.write_text(f"customers/{BANK}/{sent.folder}/{sent.shown_name}")
        (place.data / marker.read_text()).unlink()
        disk.fsync_folder((place.data / marker.read_text()).parent)


def cleared(place: Place) -> Path:
    """Where it is noted which file a customer removed."""
    return place.clients / "cleared"


def _republish(place: Place) -> int:
    """Have the file made again that the customer removed and asks for, when it is not there. Returns how many."""
    from cominflow import clock
    from cominflow.exchange import deliveries, publish
    from cominflow.exchange.disk import Folders
    from cominflow.flows import operate as operator

    folders, done = Folders(place.data), 0
    wanted = cleared(place).read_text() if cleared(place).exists() else ""
    for delivery in deliveries.selected(delivery_states=("PUBLISHED", "RETRIEVED")):
        path = publish.place_of(folders, delivery)
        if wanted and path == place.data / wanted and not path.exists():
            done += operator.republish(delivery, by=OPERATOR, reason="cleared away", at=clock.now())
    return done


def purge(place: Place, folders: Folders, sent: list[Sent]) -> None:
    """Much later the retention of some files has ended, and their bytes are taken away."""
    from datetime import timedelta

    from cominflow import clock
    from cominflow.exchange import purge as purging
    from cominflow.exchange import space

    names = {one.name for one in sent if one.is_purged}
    ended_before = purging.before(clock.now() + timedelta(days=500), 400)
    due = [arrival for arrival in purging.due(ended_before) if arrival.shown_name in names]
    for arrival in [*purging.unfinished(), *due]:
        (place.clients / PURGING).touch()
        is_gone = purging.purge(folders, arrival, at=clock.now(), by=OPERATOR, reason="retention has ended")
        assert is_gone, f"{arrival.reference} is not gone"
    space.give_back()


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
