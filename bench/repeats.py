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

import numpy as np

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
    from cominflow.models import Arrival, Customer, ReferenceRun

    customer = Customer.objects.create(code=kind, name=kind, created_at=AT)
    every = _hashes(1, earlier)
    began = time.perf_counter()
    for number in range(earlier // each):
        arrival = Arrival.objects.create(
            claim_id=f"{kind}{number}"[:32], customer=customer, name=b"RV.txt", state="CLOSED", dev=1, ino=number,
            bytes_count=1, claimed_at=AT, accepted_at=AT, requests_count=each,
        )  # fmt: skip
        own = np.sort(every[number * each : (number + 1) * each])
        places = reference_runs.place_of(arrival.pk, np.arange(each))
        reference_runs.keep(reference_runs.Run(own, places), customer.pk, AT, arrival=arrival)
        if number % 100 == 99:
            while reference_runs.merge_some(references.VISIBLE, runs_max=64):
                pass
    while reference_runs.merge_some(references.VISIBLE, runs_max=64):
        pass
    written = time.perf_counter() - began
    runs = ReferenceRun.objects.filter(customer=customer).count()
    print(f"\n{earlier // each:,} arrivals of {each:,}: {runs} runs, written and merged in {written:.1f} s")
    asked = np.concatenate([every[:: max(1, earlier // (LOOKS // 2))][: LOOKS // 2], _hashes(2, LOOKS // 2)])
    times = []
    for one in asked.tolist():
        began = time.perf_counter()
        references.matches(np.array([one]), customer_id=customer.pk)
        times.append((time.perf_counter() - began) * 1_000)
    p50, p99 = np.percentile(times, [50, 99])
    _goal("one look-up, p99", p99, GOAL_LOOK_MS, "ms", f"p50 {p50:.2f} ms")
    for count in (1, 10, 256, 10_000, FILE):
        own = np.unique(np.concatenate([_hashes(3, count - count // 10_000), every[:REPEATED][: count // 10_000]]))
        best = min(_timed(references.matches, own, customer.pk) for _ in range(3))
        if count < FILE:
            print(f"a file of {count:>9,}             {best * 1_000:9.1f} ms")
        else:
            _goal(f"a file of {count:,}", best, GOAL_FILE_S, "s")


def _timed(matches: object, own: np.ndarray, customer_id: int) -> float:
    began = time.perf_counter()
    found = matches(own, customer_id=customer_id, since=AT)  # type: ignore[operator]
    spent = time.perf_counter() - began
    assert len(found.places) == len(own) // 10_000, len(found.places)
    return spent


def _peer(folder: Path, earlier: int) -> None:
    """The indexed table."""
    database = sqlite3.connect(folder / "peer.db")
    for pragma in ("page_size=16384", "journal_mode=WAL", "synchronous=FULL"):
        database.execute(f"PRAGMA {pragma}")
    database.execute("CREATE TABLE earlier (hash INTEGER, place INTEGER)")
    every = _hashes(1, earlier)
    began = time.perf_counter()
    database.execute("CREATE INDEX earlier_hash ON earlier (hash)")
    for start in range(0, earlier, FILE):
        part = every[start : start + FILE]
        database.executemany("INSERT INTO earlier VALUES (?, ?)", zip(part.tolist(), range(len(part)), strict=True))
        database.commit()
    print(f"\npeer, an indexed table: written in {time.perf_counter() - began:.1f} s")
    times = []
    for one in _hashes(2, LOOKS).tolist():
        began = time.perf_counter()
        database.execute("SELECT place FROM earlier WHERE hash = ?", (one,)).fetchall()
        times.append((time.perf_counter() - began) * 1_000)
    p50, p99 = np.percentile(times, [50, 99])
    print(f"one look-up, p99          {p99:9.2f} ms   p50 {p50:.2f} ms")
    own = np.unique(np.concatenate([_hashes(3, FILE - REPEATED), every[:REPEATED]]))
    began = time.perf_counter()
    database.execute("CREATE TEMP TABLE file (hash INTEGER)")
    database.executemany("INSERT INTO file VALUES (?)", ((one,) for one in own.tolist()))
    found = database.execute("SELECT f.hash, e.place FROM file f JOIN earlier e ON e.hash = f.hash").fetchall()
    print(f"a file of {FILE:,}       {time.perf_counter() - began:9.2f} s    ({len(found)} found)")
    database.close()


def _goal(what: str, value: float, limit: float, unit: str, more: str = "") -> None:
    said = "reached" if value <= limit else "MISSED"
    print(f"{what:<24} {value:10.2f} {unit:<3} goal <= {limit:g}: {said}   {more}")


if __name__ == "__main__":
    sys.exit(main())
