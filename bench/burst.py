"""How long a burst takes: 10,000 files of one request each, dropped into an inbox at once, until all are answered.

    python bench/burst.py                                 10,000 answered; 40,000 picked up
    python bench/burst.py --files 1000 --picked-up 4000

Everything runs as in production: SQLite with synchronous=FULL, the engine in a process of its own, the `table`
provider; each file ends with its receipt (text and JSON), its answer and its invoice file in the customer's folders,
every one of them fsynced. The clock starts when the first file is renamed into the inbox and stops when the last
delivery is published. The named peer does the least that the same promises need, one file after the other: rename it,
fsync both folders, commit one row, write and fsync the four files of the customer, rename them, commit again.

The second part claims and does no more: as many files are dropped by another process while the watcher and the claim
run here. Each file has to be told of by an event of the kernel, and to be taken once.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILES, PICKED_UP, GOAL_S, WAIT_S_MAX = 10_000, 40_000, 60.0, 900.0
ROOT = Path(__file__).resolve().parent.parent
LAYOUT = ROOT / "layouts" / "banca-demo" / "visure.toml"
DELIVERIES_PER_FILE = 4


def main() -> int:
    """Measure and print; returns 1 when a file was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--picked-up", type=int, default=PICKED_UP)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cominflow-bench-", dir=os.environ.get("BENCH_FOLDER")) as name:
        folder = Path(name)
        os.environ["COMINFLOW_DATA"] = str(folder / "data")
        dropped = _make_files(folder, options.files)
        with contextlib.redirect_stdout(io.StringIO()):
            _furnish(folder)
        answered_s = _answered(folder, dropped)
        peer_s = _peer(folder, options.files)
        print(
            f"{options.files} files answered in {answered_s:.1f} s: {1000 * answered_s / options.files:.2f} ms a file"
        )
        print(f"the peer, one after the other:   {peer_s:.1f} s; ratio {answered_s / peer_s:.2f}")
        print(f"load of the machine: {os.getloadavg()[0]:.1f}")
        goal_s = GOAL_S * options.files / FILES
        print(f"goal {goal_s:g} s: {'reached' if answered_s <= goal_s else 'MISSED'}")
        return 0 if _picked_up(options.picked_up) else 1


def _make_files(folder: Path, count: int) -> list[Path]:
    """Files of one request each, and the provider's table, in which every request is found."""
    from tracciati import declare
    from tracciati.generate import Order, generate

    layout = declare.load(LAYOUT)
    (folder / "client").mkdir()
    made, keys = [], []
    for number in range(count):
        content = io.BytesIO()
        generate(layout, content, Order(seed=number, count=1, given={"richiesta.servizio": "VIS1"}))
        day, sequence = divmod(number, 900)
        path = folder / "client" / f"RV_202603{day + 1:02d}_{sequence:03d}.txt"
        path.write_bytes(content.getvalue())
        keys.append(content.getvalue().split(b"\r\n")[1][25:41].decode())
        made.append(path)
    table = "codice_fiscale,punteggio,esposizione\n" + "".join(f"{key},700,1.00\n" for key in dict.fromkeys(keys))
    (folder / "scores.csv").write_text(table, encoding="utf-8")
    return made


def _furnish(folder: Path) -> None:
    from cominflow.cli.demo import scene

    scene.build(folder, folder / "scores.csv")


def _answered(folder: Path, dropped: list[Path]) -> float:
    """Drop the files, and wait until every delivery is published. Exits when one is lost."""
    customer = folder / "data" / "customers" / "banca-demo"
    engine = subprocess.Popen([sys.executable, "-m", "cominflow", "run"], stdout=subprocess.PIPE, text=True)
    try:
        assert engine.stdout is not None
        engine.stdout.readline()  # "engine running"
        began = time.perf_counter()
        for path in dropped:
            path.rename(customer / "inbox" / path.name)
        wanted = len(dropped)
        while len(os.listdir(customer / "outbox")) < 2 * wanted or len(os.listdir(customer / "receipts")) < 2 * wanted:
            if time.perf_counter() - began > WAIT_S_MAX or engine.poll() is not None:
                found = len(os.listdir(customer / "outbox")), len(os.listdir(customer / "receipts"))
                sys.exit(f"only {found[0]} answers and invoices and {found[1]} receipts came")
            time.sleep(0.05)
        return time.perf_counter() - began
    finally:
        engine.terminate()
        engine.wait()


def _peer(folder: Path, count: int) -> float:
    """The same promises, kept one file at a time by the shortest program."""
    inbox, spool, outbox = (folder / "peer" / name for name in ("inbox", "spool", "outbox"))
    for place in (inbox, spool, outbox):
        place.mkdir(parents=True)
    for number in range(count):
        (inbox / f"{number}").write_bytes(b"x" * 606)
    os.sync()
    database = sqlite3.connect(folder / "peer" / "rows.db", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE file (id INTEGER PRIMARY KEY, name TEXT, state TEXT)")
    began = time.perf_counter()
    for number in range(count):
        database.execute("INSERT INTO file VALUES (?, ?, 'CLAIMING')", (number, str(number)))
        (inbox / f"{number}").rename(spool / f"{number}")
        _fsync(inbox)
        _fsync(spool)
        for kind in range(DELIVERIES_PER_FILE):
            path = outbox / f".{number}-{kind}"
            path.write_bytes((spool / f"{number}").read_bytes())
            _fsync(path)
            path.rename(outbox / f"{number}-{kind}")
        _fsync(outbox)
        database.execute("UPDATE file SET state = 'CLOSED' WHERE id = ?", (number,))
    spent_s = time.perf_counter() - began
    database.close()
    return spent_s


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _picked_up(count: int) -> bool:
    """Claim what another process drops. Returns whether every file was taken, once, and told of by an event."""
    import threading

    from cominflow import clock, settings
    from cominflow.exchange.claim import Memory, claim
    from cominflow.exchange.disk import Folders
    from cominflow.exchange.watcher import Watcher
    from cominflow.models import Arrival, Customer

    folders, customer = Folders(settings.DATA), Customer.objects.get(code="banca-demo")
    already, memory, wake = Arrival.objects.count(), Memory(), threading.Event()
    watcher = Watcher(folders, wake, sweep_s=WAIT_S_MAX, on_moved=memory.note_moved)
    watcher.start()
    inbox = folders.customer("banca-demo").inbox
    writing = (
        "import sys\nfor number in range(int(sys.argv[2])):\n"
        "    open(f'{sys.argv[1]}/burst-{number}.doc', 'wb').write(b'x' * 200)\n"
    )
    began, taken_count = time.perf_counter(), 0
    writer = subprocess.Popen([sys.executable, "-c", writing, str(inbox), str(count)])
    while taken_count < count and time.perf_counter() - began < WAIT_S_MAX:
        if not wake.wait(1.0):
            break  # no event for a second: whatever still lies there was lost
        wake.clear()
        watcher.take()
        taken_count += len(claim(folders, customer, at=clock.now(), memory=memory))
    spent_s = time.perf_counter() - began
    writer.wait()
    watcher.stop()
    kept = Arrival.objects.count() - already
    is_well = bool(taken_count == kept == count)
    overflows = watcher.health().overflows_count
    print(
        f"{kept} of {count} files picked up in {spent_s:.1f} s, {kept / spent_s:.0f} a second, "
        f"{overflows} times an event was lost: {'none lost' if is_well else 'FILES ARE MISSING'}"
    )
    return is_well


if __name__ == "__main__":
    sys.exit(main())
