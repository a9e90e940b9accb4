"""How long a customer waits: from the CLOSE of a one-request file to its answer in the outbox, on an idle system.

    python bench/latency.py                    200 files, one after the other, through a real SFTP session
    python bench/latency.py --files 50
    python bench/latency.py --beside 3000000   to its receipt, while a file of so many requests is worked on

Everything runs as in production: `cominflow up`, SQLite with synchronous=FULL, the SFTP server and the engine in
processes of their own, paramiko as the client. The clock starts before CLOSE is sent and stops when the answer's name
is seen in the outbox (looked for each millisecond). The named peer is the disk itself: the time of one
write-fsync-rename-fsync of the same file beside it, as often as files were sent.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cominflow.cli.demo import scene

FILES, PAUSE_S, WAIT_S_MAX = 200, 0.05, 30.0
GOALS_MS = {"p50": 150.0, "p99": 1000.0}
BESIDE_GOALS_MS, BESIDE_S_MAX = {"p99": 5000.0}, 1800.0
ROOT = Path(__file__).resolve().parent.parent
LAYOUT = ROOT / "layouts" / "banca-demo" / "visure.toml"


def main() -> int:
    """Measure and print; returns 1 when an answer did not come."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--beside", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cominflow-bench-") as name:
        folder = Path(name)
        os.environ["COMINFLOW_DATA"] = str(folder / "data")
        from cominflow.cli.demo import scene

        (folder / "client").mkdir()
        if chosen.beside:
            import growth

            growth.make(folder, chosen.beside)
        else:
            (folder / "scores.csv").write_text("codice_fiscale,punteggio,esposizione\n", encoding="utf-8")
        with contextlib.redirect_stdout(io.StringIO()):
            scene.build(folder, folder / "scores.csv")
        if chosen.beside:
            return _beside(folder, chosen.beside)
        with scene.System(folder) as system:
            waits_ms = list(itertools.islice(_waits_ms(system, folder, "outbox", "A01"), chosen.files))
        disk_ms = _disk(folder, chosen.files)
    _tell("CLOSE to answer", waits_ms, GOALS_MS)
    _tell("one durable file", disk_ms, {})
    ratio = statistics.median(waits_ms) / statistics.median(disk_ms)
    print(f"ratio of the medians: {ratio:.0f} durable files")
    return 0


def _beside(folder: Path, count: int) -> int:
    """Send small files until the large one is answered."""
    import end_to_end

    from cominflow.cli.demo import scene

    customer = folder / "data" / "customers" / "banca-demo"
    large = Path(end_to_end.NAME)
    waits_ms: list[float] = []
    with scene.System(folder) as system:
        began = time.perf_counter()
        (folder / large).rename(customer / "inbox" / large)
        for wait_ms in _waits_ms(system, folder, "receipts", "R01"):
            if (customer / "outbox" / f"{large.stem}.A01").exists():
                break
            waits_ms.append(wait_ms)
            if time.perf_counter() - began > BESIDE_S_MAX:
                sys.exit(f"the file of {count:,} requests was not answered within {BESIDE_S_MAX:g} s")
        spent_s = time.perf_counter() - began
    print(f"{count:,} requests were answered in {spent_s:.0f} s; meanwhile:")
    _tell("CLOSE to receipt", waits_ms, BESIDE_GOALS_MS)
    return 0


def _waits_ms(system: scene.System, folder: Path, place: str, ending: str) -> Iterator[float]:
    """Send one file after the other, and give how long each waited for the file with this ending."""
    import paramiko

    from tracciati import declare
    from tracciati.generate import Order, generate

    layout = declare.load(LAYOUT)
    client = system.client("banca-demo")
    answers = folder / "data" / "customers" / "banca-demo" / place
    with paramiko.SSHClient() as ssh:
        ssh.load_host_keys(str(client.known_hosts))
        ssh.connect(client.host, client.port, client.customer, key_filename=str(client.key), allow_agent=False)
        sftp = ssh.open_sftp()
        for number in itertools.count(1):
            content = io.BytesIO()
            generate(layout, content, Order(seed=number, count=1))
            name = f"RV_202604{1 + number // 900:02d}_{number % 900:03d}"
            upload = sftp.open(f"/inbox/{name}.txt", "w")
            upload.write(content.getvalue())
            upload.flush()
            began = time.perf_counter()
            upload.close()
            _wait_for(answers / f"{name}.{ending}")
            yield (time.perf_counter() - began) * 1000
            time.sleep(PAUSE_S)


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not path.exists():
        if time.monotonic() > deadline:
            sys.exit(f"{path.name} did not come within {WAIT_S_MAX:g} s")
        time.sleep(0.001)


def _disk(folder: Path, count: int) -> list[float]:
    from cominflow.exchange import disk

    target = folder / "data" / "publish"
    spent_ms = []
    for number in range(count):
        began = time.perf_counter()
        disk.write_durably(target / f"bench-{number}.writing", [b"x" * 606])
        disk.rename_noreplace(target / f"bench-{number}.writing", target / f"bench-{number}")
        disk.fsync_folder(target)
        spent_ms.append((time.perf_counter() - began) * 1000)
    return spent_ms


def _quantile(values: list[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def _tell(what: str, values: list[float], goals_ms: Mapping[str, float]) -> None:
    p50, p99 = _quantile(values, 50), _quantile(values, 99)
    print(f"{what:<18} p50 {p50:8.1f} ms   p99 {p99:8.1f} ms   worst {max(values):8.1f} ms   of {len(values)}")
    for goal, limit in goals_ms.items():
        value = _quantile(values, int(goal[1:]))
        print(f"goal {goal} <= {limit:g} ms: {'reached' if value <= limit else 'MISSED'} ({value:.0f} ms)")


if __name__ == "__main__":
    sys.exit(main())
