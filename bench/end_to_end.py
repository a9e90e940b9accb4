"""A million requests from the claimed file to the published answer, beside a floor and beside merely reading the file.

    python bench/end_to_end.py                        1,000,000 requests on SQLite with synchronous=FULL
    python bench/end_to_end.py --requests 100000      quicker
    python bench/end_to_end.py --postgresql           on a PostgreSQL that is started for it, with a floor of its own

Ours is the whole system as it is in production: claim, archive, every check of the layout, chunks, the `table`
provider, charges, the invoice with one record per request, answer and invoice file, the durable engine around it. Its
time is that between the arrival's claim and the publication of its last file, as the database has them.

The floor (`bench/floor.py`) does the least that could be sold as the same: no checks, no engine, no states.
`pandas.read_fwf`, told the columns, only reads the file.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # for tests.postgresql, which starts a server of its own
LAYOUT = ROOT / "layouts" / "banca-demo" / "visure.toml"
NAME = "RV_20260301_001.txt"
GOAL_FLOOR, GOAL_PANDAS = 2.5, 0.6
FOUND_OF_TEN = 9  # how many of ten codici fiscali the table has


def main() -> int:
    """Measure and print; returns 1 when the file was not answered whole."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--build", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.build:
        return _build()
    if chosen.one:
        return _one()
    with tempfile.TemporaryDirectory(prefix="cominflow-bench-") as name, contextlib.ExitStack() as cleaning:
        folder = Path(name)
        server = _postgresql(cleaning) if chosen.postgresql else ""
        _prepare(folder, chosen.requests)
        taken, floors = [], []
        for number in range(chosen.rounds):
            taken.append(ours(folder / f"ours-{number}", folder, server)["seconds"])
            floors.append(_timed("floor.py", folder / NAME, folder / "scores.csv", folder / f"floor-{number}", server))
            shutil.rmtree(folder / f"ours-{number}")
            shutil.rmtree(folder / f"floor-{number}", ignore_errors=True)
        pandas = _timed("floor.py", "--pandas", folder / NAME)
    best, floor = min(taken), min(floors)
    print(
        f"{chosen.requests:,} requests, {'PostgreSQL' if server else 'SQLite, synchronous=FULL'}; best of {len(taken)}"
    )
    print(f"ours                   {best:7.2f} s   ({', '.join(f'{one:.2f}' for one in taken)})")
    print(f"floor                  {floor:7.2f} s   ({', '.join(f'{one:.2f}' for one in floors)})")
    _goal("ours / floor", best / floor, GOAL_FLOOR)
    print(f"pandas.read_fwf        {pandas:7.2f} s")
    if not server:
        _goal("ours / pandas.read_fwf", best / pandas, GOAL_PANDAS)
    return 0


def _goal(what: str, value: float, limit: float) -> None:
    print(f"{what:<22} {value:7.2f}     goal <= {limit:g}: {'reached' if value <= limit else 'MISSED'}")


def _prepare(folder: Path, count: int) -> None:
    """The request file, and the provider's table."""
    import pyarrow.csv

    from tracciati import declare
    from tracciati.generate import Order, generate
    from tracciati.reading import Reading

    layout = declare.load(LAYOUT)
    with (folder / NAME).open("wb") as sink:
        generate(layout, sink, Order(seed=1, count=count))
    with (folder / "scores.csv").open("wb") as sink:
        sink.write(b"codice_fiscale,punteggio,esposizione\n")
        seen = set()
        for block in Reading(folder / NAME, layout, unit="richiesta"):
            if "richiesta" not in block.tables:
                continue
            for code in block.tables["richiesta"].columns["codice_fiscale"].to_pylist():
                number = hash(code) % 10
                if number < FOUND_OF_TEN and code not in seen:
                    seen.add(code)
                    sink.write(f"{code},{len(seen) % 1000},{len(seen) % 100000}\n".encode())
    assert pyarrow.csv.read_csv(folder / "scores.csv").num_rows


def _postgresql(cleaning: contextlib.ExitStack) -> str:
    from tests import postgresql

    server = postgresql.PostgreSQL()
    cleaning.callback(server.stop)
    return str(server.url)


def ours(data: Path, folder: Path, server: str) -> dict[str, float]:
    """One run in a process of its own, on a system that another one has set up: `seconds` from the claim to the last publication, `processor_s` and the most
    memory it had, `memory_mb`.
    """
    environment = {**os.environ, "COMINFLOW_DATA": str(data), "BENCH_FOLDER": str(folder)}
    if server:
        from tests import postgresql

        environment["COMINFLOW_DATABASE_URL"] = postgresql.make_database(server, f"ours_{data.name[-1]}")
    subprocess.run([sys.executable, __file__, "--build"], env=environment, check=True)
    command = [sys.executable, __file__, "--one"]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    sys.stderr.write("\n".join(done.stdout.splitlines()[:-1]) + "\n")
    return told


def _timed(script: str, *words: object) -> float:
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name(script), *(str(word) for word in words if word)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[-1])


def _build() -> int:
    """Set up a system with its customers and services."""
    from cominflow.cli.demo import scene

    folder = Path(os.environ["BENCH_FOLDER"])
    shutil.rmtree(folder / "client", ignore_errors=True)  # its key was of the round before
    (folder / "client").mkdir()
    with contextlib.redirect_stdout(io.StringIO()):
        scene.build(folder, folder / "scores.csv")
    return 0


def _one() -> int:
    """The engine in this process: fed with the file, run until all is published."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "cominflow.settings"
    django.setup()
    from cominflow import settings
    from cominflow.exchange.disk import Folders
    from cominflow.flows import engine, lock
    from cominflow.flows.run import Runner
    from cominflow.models import Arrival, Delivery, Invoice

    folders = Folders(settings.DATA)
    shutil.copyfile(Path(os.environ["BENCH_FOLDER"], NAME), folders.customer("banca-demo").inbox / NAME)
    os.sync()
    with lock.locked(folders):
        runner = Runner(folders)
        runner.recover()
        began = time.process_time()
        try:
            assert runner.run_once(timeout_s=3600)
        finally:
            engine.shut_down()
    spent = time.process_time() - began
    arrival = Arrival.objects.get()
    assert arrival.state == "CLOSED", (arrival.state, arrival.reason)
    assert Invoice.objects.count() == 1
    last = max(Delivery.objects.values_list("published_at", flat=True))
    seconds = (last - arrival.claimed_at).total_seconds()
    assert arrival.claimed_at is not None
    print(f"{seconds:.2f} s; {spent:.2f} s of processor time")
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "processor_s": spent, "memory_mb": memory_mb}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
