"""Twenty million earlier requests: one looked up, and a file of a million held against all of them.

    python bench/repeats.py                           20 arrivals of a million, then 20,000 arrivals of a thousand
    python bench/repeats.py --earlier 2000000         quicker
    python bench/repeats.py --postgresql              on a PostgreSQL that is started for it

The earlier references are written by the functions that the engine writes them with, and merged as it merges them. The
peer is what one would write without all this: a SQLite table with an index on the same hashes, looked into with `=`,
and joined with the file's.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sqlite3
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cominflow.models import Customer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
GOAL_LOOK_MS, GOAL_FILE_S = 20.0, 0.3
LOOKS = 1_000
FILE = 1_000_000
REPEATED = 100  # of the file's requests, so many came before


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--earlier", type=int, default=20_000_000)
    parser.add_argument("--postgresql", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cominflow-bench-") as name, contextlib.ExitStack() as cleaning:
        folder = Path(name)
        os.environ["COMINFLOW_DATA"] = name
        os.environ["DJANGO_SETTINGS_MODULE"] = "cominflow.settings"
        (folder / "state").mkdir()
        if chosen.postgresql:
            from tests import postgresql

            server = postgresql.PostgreSQL()
            cleaning.callback(server.stop)
            os.environ["COMINFLOW_DATABASE_URL"] = postgresql.make_database(server.url, "bench_repeats")
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0, interactive=False)
        print(f"{chosen.earlier:,} earlier requests, {'PostgreSQL' if chosen.postgresql else 'SQLite'}")
        _ours("large", chosen.earlier, FILE)
        _ours("small", chosen.earlier, 1_000)
        if not chosen.postgresql:
            _peer(folder, chosen.earlier)
        from django.db import connections

        connections.close_all()
    return 0


def _hashes(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-(2**63), 2**63 - 1, count, dtype=np.int64)


def _ours(kind: str, earlier: int, each: int) -> None:
    from cominflow.exchange.stored import reference_runs, references
    from cominflow.models import Customer, ReferenceRun

    customer = Customer.objects.create(code=kind, name=kind, created_at=AT)
    every = _hashes(1, earlier)
    clock = _Clock()
    for start in range(0, earlier, max(each, 100_000)):
        _keep(customer, every[start : start + max(each, 100_000)], each)
        while reference_runs.merge_some(references.VISIBLE, references_max=FILE):
            pass
    runs = ReferenceRun.objects.filter(customer=customer)
    print(f"\n{earlier // each:,} arrivals of {each:,}: {runs.count()} runs, written and merged in {clock}")
    asked = np.concatenate([every[:: max(1, earlier // (LOOKS // 2))][: LOOKS // 2], _hashes(2, LOOKS // 2)])
    walls, spents = [], []
    for one in asked.tolist():
        clock = _Clock()
        references.matches(np.array([one]), customer_id=customer.pk)
        walls.append(clock.wall_s() * 1_000)
        spents.append(clock.spent_s() * 1_000)
    said = f"p50 {np.percentile(walls, 50):.2f} ms; of the processor p50 {np.percentile(spents, 50):.2f}, "
    _goal(
        "one look-up, p99", np.percentile(walls, 99), GOAL_LOOK_MS, "ms", f"{said}p99 {np.percentile(spents, 99):.2f}"
    )
    for count in (1, 10, 256, 10_000, FILE):
        own = np.unique(np.concatenate([_hashes(3, count - count // 10_000), every[:REPEATED][: count // 10_000]]))
        wall_s, spent_s = min(_held(customer, own) for _ in range(3))
        if count < FILE:
            print(f"a file of {count:<14,} {wall_s * 1_000:10.2f} ms   of the processor {spent_s * 1_000:.2f} ms")
        else:
            _goal(f"a file of {count:,}", wall_s, GOAL_FILE_S, "s", f"of the processor {spent_s:.2f} s")


def _keep(customer: Customer, hashes: np.ndarray, each: int) -> None:
    """Arrivals of `each` references, in one transaction: the disk's waiting for each of them is not measured here."""
    from django.db import transaction

    from cominflow.exchange.stored import reference_runs
    from cominflow.models import Arrival

    with transaction.atomic():
        for start in range(0, len(hashes), each):
            number = Arrival.objects.count()
            arrival = Arrival.objects.create(
                claim_id=f"{number:032d}", customer=customer, name=b"RV.txt", state="CLOSED", dev=1, ino=number,
                bytes_count=1, claimed_at=AT, accepted_at=AT, requests_count=each,
            )  # fmt: skip
            own = np.sort(hashes[start : start + each])
            places = reference_runs.place_of(arrival.pk, np.arange(len(own)))
            reference_runs.keep(reference_runs.Run(own, places), customer.pk, AT, arrival=arrival)


def _held(customer: Customer, own: np.ndarray) -> tuple[float, float]:
    """Hold a file's references against the earlier ones, as its acceptance does: its own run is read as well."""
    from cominflow.exchange.stored import reference_runs, references
    from cominflow.models import ReferenceRun

    newest = ReferenceRun.objects.order_by("-pk").first()
    reference_runs.keep(reference_runs.Run(own, np.arange(len(own))), customer.pk, AT)
    mine = ReferenceRun.objects.order_by("-pk").first()
    assert mine is not None and newest is not None and mine.pk > newest.pk
    clock = _Clock()
    run = reference_runs.read(mine)
    wanted = run.hashes[np.append(True, run.hashes[1:] != run.hashes[:-1])]
    found = references.matches(wanted, customer_id=customer.pk, since=AT, runs_but={mine.pk})
    told = clock.wall_s(), clock.spent_s()
    assert len(found.places) == len(own) // 10_000, len(found.places)
    ReferenceRun.objects.filter(pk=mine.pk).delete()
    return told


class _Clock:
    """Time since it was made, on the wall and of the processor: on a busy machine only the second means something."""

    def __init__(self) -> None:
        self.began, self.spent = time.perf_counter(), time.process_time()

    def wall_s(self) -> float:
        return time.perf_counter() - self.began

    def spent_s(self) -> float:
        return time.process_time() - self.spent

    def __str__(self) -> str:
        return f"{self.wall_s():.2f} s, of the processor {self.spent_s():.2f} s"


def _peer(folder: Path, earlier: int) -> None:
    """The indexed table, filled at once and indexed afterwards: file by file it would take many times as long."""
    database = sqlite3.connect(folder / "peer.db")
    for pragma in ("page_size=16384", "journal_mode=WAL", "synchronous=FULL"):
        database.execute(f"PRAGMA {pragma}")
    database.execute("CREATE TABLE earlier (hash INTEGER, place INTEGER)")
    every = _hashes(1, earlier)
    clock = _Clock()
    for start in range(0, earlier, FILE):
        part = every[start : start + FILE]
        database.executemany("INSERT INTO earlier VALUES (?, ?)", zip(part.tolist(), range(len(part)), strict=True))
        database.commit()
    database.execute("CREATE INDEX earlier_hash ON earlier (hash)")
    print(f"\npeer, a table and its index: written in {clock}")
    walls = []
    for one in _hashes(2, LOOKS).tolist():
        clock = _Clock()
        database.execute("SELECT place FROM earlier WHERE hash = ?", (one,)).fetchall()
        walls.append(clock.wall_s() * 1_000)
    p50, p99 = np.percentile(walls, [50, 99])
    print(f"one look-up, p99         {p99:10.2f} ms   p50 {p50:.2f} ms")
    own = np.unique(np.concatenate([_hashes(3, FILE - REPEATED), every[:REPEATED]]))
    clock = _Clock()
    database.execute("CREATE TEMP TABLE file (hash INTEGER)")
    database.executemany("INSERT INTO file VALUES (?)", ((one,) for one in own.tolist()))
    found = database.execute("SELECT f.hash, e.place FROM file f JOIN earlier e ON e.hash = f.hash").fetchall()
    print(f"a file of {FILE:<14,} {clock}    ({len(found)} found)")
    database.close()


def _goal(what: str, value: float, limit: float, unit: str, more: str = "") -> None:
    said = "reached" if value <= limit else "MISSED"
    print(f"{what:<24} {value:10.2f} {unit:<3} goal <= {limit:g}: {said}   {more}")


if __name__ == "__main__":
    sys.exit(main())
