"""Kill the installed system at random while customers send: `python -m tests.simulation.under_load --kills 200`.

Unlike the simulation beside it, everything is as in production: `cominflow up`, real limits, a client over SFTP and
another that renames into the inbox, the disk. All processes are killed with SIGKILL at random moments, the start
included, and started again. At the end nothing may be lost, nothing doubled, and every request answered as the
provider's table says.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import itertools
import logging
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
from paramiko.sftp import CMD_CLOSE

from tests import postgresql, preloaded
from tests.system import BIN, LAYOUTS, ROOT, System
from tracciati import declare
from tracciati.generate import Order, generate

CUSTOMER, LAYOUT = "banca-demo", LAYOUTS / "banca-demo" / "visure.toml"
RECORD = 202
CODE, OUTCOME, SCORE = slice(25, 41), slice(52, 54), slice(54, 60)
# How many requests a file has, and how often.
SIZES, WEIGHTS = (1, 3, 300, 20_000), (60, 20, 16, 4)
PERSONS = 20_000
PAUSE_S = 0.3
END_S = 1800


@dataclass
class Sent:
    """A file that was sent. `is_sure`: the client was told so; else its connection broke, and it sent it once more."""

    name: str
    content: bytes
    kind: str
    is_sure: bool = False

    @property
    def sha256(self) -> str:
        """Its content's hash."""
        return hashlib.sha256(self.content).hexdigest()

    def key(self) -> tuple[str, str]:
        """What its arrivals are known by: name and hash."""
        return self.name, self.sha256


@dataclass
class Load:
    """Makes files and sends them, in a thread, until it is told to end."""

    system: System
    chance: random.Random
    persons: list[bytes]
    sent: list[Sent] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)
    broken_count: int = 0
    failure: BaseException | None = None

    def run(self) -> None:
        """Send one file after the other; what ends it early is kept in `failure`."""
        try:
            self._send_all()
        except BaseException as failure:  # noqa: BLE001  told at the end
            self.failure = failure

    def _send_all(self) -> None:
        layout = declare.load(LAYOUT)
        while not self.ending.wait(PAUSE_S):
            one = self._make(layout, len(self.sent) + 1)
            self.sent.append(one)
            if self.chance.random() < 0.5:
                self.system.place(CUSTOMER, one.name, one.content)
                one.is_sure = True
            while not one.is_sure and not self.ending.is_set():
                try:
                    self._upload(one)
                    one.is_sure = True
                except (OSError, EOFError, paramiko.SSHException):
                    self.broken_count += 1
                    self.ending.wait(PAUSE_S)

    def _make(self, layout: declare.Layout, number: int) -> Sent:
        name = f"RV_2026{3 + number // 25_000:02d}{1 + number // 900 % 28:02d}_{number % 900:03d}.txt"
        good = [one for one in self.sent if one.kind == "good" and one.is_sure]
        if good and self.chance.random() < 0.05:
            return Sent(name, self.chance.choice(good).content, "duplicate")
        taken = [one for one in good if not (self.system.data / "customers" / CUSTOMER / "inbox" / one.name).exists()]
        if taken and self.chance.random() < 0.03:
            earlier = self.chance.choice(taken)
            return Sent(earlier.name, earlier.content, "duplicate")
        if taken and self.chance.random() < 0.05:
            name = self.chance.choice(taken).name  # and another content
        count = self.chance.choices(SIZES, WEIGHTS)[0]
        content = io.BytesIO()
        generate(layout, content, Order(seed=number, count=count, given={"richiesta.servizio": "VIS1"}))
        lines = content.getvalue().splitlines(keepends=True)
        for index in range(1, len(lines) - 1):
            person = self.chance.choice(self.persons)
            lines[index] = lines[index][: CODE.start] + person + lines[index][CODE.stop :]
        if self.chance.random() < 0.05:
            lines[-1] = lines[-1][:2] + b"9999999" + lines[-1][9:]
            return Sent(name, b"".join(lines), "refused")
        return Sent(name, b"".join(lines), "good")

    def _upload(self, one: Sent) -> None:
        """Through a session of its own, as one file; raises when the server goes meanwhile."""
        with paramiko.SSHClient() as client:
            client.load_host_keys(str(self.system.folder / "known_hosts"))
            client.set_missing_host_key_policy(paramiko.RejectPolicy())
            client.connect(
                "127.0.0.1", self.system.port, CUSTOMER, key_filename=str(self.system.folder / CUSTOMER),
                allow_agent=False, look_for_keys=False, timeout=5, banner_timeout=5, auth_timeout=5,
            )  # fmt: skip
            sftp = client.open_sftp()
            sftp.get_channel().settimeout(10)
            file = sftp.open(f"/inbox/{one.name}", "wb")
            file.set_pipelined(True)
            file.write(one.content)
            file.flush()
            sftp._finish_responses(file)
            file._check_exception()
            sftp._request(CMD_CLOSE, file.handle)  # `close` would not tell that nobody answered it
            file._closed = True


def main() -> int:
    """Kill, start again, look. 0 when all was well."""
    parser = argparse.ArgumentParser(
        "tests.simulation.under_load", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgresql", action="store_true")
    options = parser.parse_args()
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # that connections break is what is tried here
    folder = Path(tempfile.mkdtemp(prefix="under-load-"))
    server = postgresql.PostgreSQL() if options.postgresql else None
    place = f"{folder}, and the database in {server.folder}/data" if server else f"{folder}"
    print(f"seed {options.seed}, in {place}", flush=True)
    problems = ["it came to no end"]
    commands = preloaded.Preloaded()
    os.environ[preloaded.BIN] = str(commands.bin)
    try:
        url = postgresql.make_database(str(server.url), "load") if server else f"sqlite:///{folder}/cominflow.db"
        system = System(folder, url)
        problems = _run(system, options.kills, random.Random(options.seed))
    finally:
        commands.stop()
        if server is not None:
            server.stop(keep=bool(problems))
    for line in problems:
        print(line)
    if problems:
        print(f"seed {options.seed}; all of it is kept: {place}")
        return 1
    shutil.rmtree(folder)
    return 0


def _run(system: System, kills: int, chance: random.Random) -> list[str]:
    scores = _prepare(system)
    load = Load(system, random.Random(chance.random()), list(scores))
    thread = threading.Thread(target=load.run, name="load")
    began = time.monotonic()
    system.up()
    thread.start()
    try:
        for number in range(1, kills + 1):
            time.sleep(chance.uniform(0.2, 3.0))
            system.kill()
            print(f"\r{number} of {kills} kills, {len(load.sent)} files", end="", file=sys.stderr, flush=True)
            if chance.random() < 0.2:  # in the middle of its start
                system.begin()
                time.sleep(chance.uniform(0.1, 2.0))
                system.kill()
            system.up()
    finally:
        load.ending.set()
        thread.join()
        system.kill()
    released = _finish(system)
    requests = sum(len(one.content) // RECORD - 2 for one in load.sent if one.kind == "good")
    print(
        f"\n{kills} kills in {time.monotonic() - began:.0f} s: {len(load.sent)} files with {requests:,} good requests, "
        f"{load.broken_count} broken uploads, {released} files released that were under way at five kills in a row"
    )
    problems = list(_problems(system, load.sent, scores))
    sure = sum(one.is_sure for one in load.sent)
    if load.failure is not None or sure < kills:
        problems.append(f"the load was too little: {sure} files of which the client is sure ({load.failure!r})")
    return problems


def _prepare(system: System) -> dict[bytes, bytes]:
    """The system, and person -> score of those whom the table has: nine of ten."""
    content = io.BytesIO()
    generate(declare.load(LAYOUT), content, Order(seed=1, count=PERSONS))
    persons = dict.fromkeys(line[CODE] for line in content.getvalue().splitlines()[1:-1])
    scores = {one: b"%06d" % (number % 1000) if number % 10 else b"" for number, one in enumerate(persons)}
    table = system.folder / "scores.csv"
    rows = (f"{one.decode()},{int(score)}\n" for one, score in scores.items() if score)
    table.write_text("codice_fiscale,punteggio\n" + "".join(rows))
    settings = {"file": str(table), "key": {"codice_fiscale": "codice_fiscale"}, "result": {"punteggio": "punteggio"}}
    system.build(CUSTOMER, {"VIS1": ("3.50", settings), "VIS2": ("5.90", None)})
    return scores


def _finish(system: System) -> int:
    """Let it work until nothing is left to do. Returns how many files were released.

    What was under way at five kills is put off or set aside, since it might be what kills: an operator goes on with it.
    """
    released = 0
    deadline = time.monotonic() + END_S
    while True:
        done = subprocess.run(
            [BIN / "cominflow", "run", "--once"], env=system.environment, cwd=ROOT, capture_output=True, text=True
        )
        aside = system.json("arrival", "list", "--state", "QUARANTINED")
        if done.returncode == 0 and not aside:
            return released
        assert time.monotonic() < deadline, done.stdout + done.stderr
        for one in aside:
            system.run("arrival", "release", one["arrival"], "--reason", "we killed it ourselves")
            released += 1


def _problems(system: System, sent: list[Sent], scores: dict[bytes, bytes]) -> Iterator[str]:
    """What does not hold."""
    reconciled = subprocess.run(
        [BIN / "cominflow", "reconcile", "--deep"], env=system.environment, cwd=ROOT, capture_output=True, text=True
    )
    if reconciled.returncode:
        yield f"reconcile ended {reconciled.returncode}:\n{reconciled.stdout}{reconciled.stderr}"
    if _fetched(system) != system.outbox(CUSTOMER):
        yield "what a customer fetches by SFTP is not what stands in the outbox"
    os.environ |= {**system.environment, "DJANGO_SETTINGS_MODULE": "cominflow.settings"}
    import django

    django.setup()
    from tests.simulation import invariants

    yield from invariants.of_the_system(system.data)
    yield from _ends(system, sent, scores)
    for folder in ("spool", "publish"):
        yield from (f"{folder}/{name} is left over" for name in os.listdir(system.data / folder))


def _ends(system: System, sent: list[Sent], scores: dict[bytes, bytes]) -> Iterator[str]:
    """What does not hold of the files that were sent, each under its name with its content, once or more."""
    from cominflow.models import Arrival

    arrivals: dict[tuple[str, str], list[Arrival]] = {}
    for arrival in Arrival.objects.order_by("pk"):
        arrivals.setdefault((arrival.shown_name, arrival.sha256), []).append(arrival)
    accepted = Counter(one.sha256 for found in arrivals.values() for one in found if one.state == "CLOSED")
    outbox = system.outbox(CUSTOMER)
    for key, same in itertools.groupby(sorted(sent, key=Sent.key), Sent.key):
        one, *again = same
        found = arrivals.pop(key, [])
        states = Counter(arrival.state for arrival in found)
        sure = sum(each.is_sure for each in (one, *again))
        if len(found) < sure:
            yield f"{one.name} ({one.kind}) was sent {sure} times, and is {len(found)} arrivals"
        # Of two files with one content that were under way at a kill, either may be the first to be looked at.
        wanted = {"REFUSED"} if one.kind == "refused" else {"CLOSED", "DUPLICATE"}
        if not set(states) <= wanted:
            yield f"{one.name} ({one.kind}) ended {dict(states)}"
        if one.kind != "refused" and found and accepted[one.sha256] != 1:
            yield f"{one.name} has a content that was accepted {accepted[one.sha256]} times"
        for arrival in found:
            if arrival.state == "CLOSED":
                names = {made.kind: made.shown_name for made in arrival.deliveries.exclude(kind="receipt")}
                yield from _wrong_answer(one, outbox.get(names.get("answer", "")), scores)
                is_charged = any(scores[line[CODE]] for line in one.content.splitlines()[1:-1])
                if ("invoice" in names) != is_charged:
                    yield f"{one.name} has {'no' if is_charged else 'an'} invoice"
    yield from (f"an arrival of {name} that nobody sent" for name, _ in arrivals)


def _fetched(system: System) -> dict[str, bytes]:
    """The outbox as the OpenSSH client gets it: name -> content."""
    system.up()
    try:
        (system.folder / "fetched").mkdir()
        system.sftp(CUSTOMER, "get -r /outbox fetched")
    finally:
        system.kill()
    return {path.name: path.read_bytes() for path in (system.folder / "fetched" / "outbox").iterdir()}


def _wrong_answer(one: Sent, answer: bytes | None, scores: dict[bytes, bytes]) -> Iterator[str]:
    if answer is None:
        yield f"{one.name} has no answer"
        return
    asked, answered = one.content.splitlines(), answer.splitlines()
    if len(asked) != len(answered):
        yield f"{one.name} has {len(asked)} records, and its answer {len(answered)}"
        return
    for number, (before, after) in enumerate(zip(asked[1:-1], answered[1:-1], strict=True), 1):
        score = scores[before[CODE]]
        wanted = before[: OUTCOME.start] + (b"00" + score if score else b"10      ") + before[SCORE.stop :]
        if after != wanted:
            yield f"request {number} of {one.name} was answered {after[OUTCOME]!r} {after[SCORE]!r}, not {score!r}"
            return


if __name__ == "__main__":
    sys.exit(main())
