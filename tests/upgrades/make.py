"""Make what an older program leaves behind: `python -m tests.upgrades.make COMMIT STORY tests/upgrades/NAME`.

The commit's own code runs in a folder of its own: a customer, services and prices, and files. Stories:

    live      a file of every kind, and nothing under way
    killed    batches under way: one that waits for a person, and two that were killed in the middle of their flow

What is kept is the database as SQL text and the data folder as a tar, both small enough for the repository. Nothing in
them depends on the machine: the provider's table is named relative to the folder in which the commands run.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CUSTOMER = "banca-demo"
TABLE = "scores.csv"
# Not kept: the database, which is kept as text, and what belongs to processes and hosts.
LEFT_OUT = ("cominflow.db", "cominflow.db-wal", "cominflow.db-shm", "engine.lock", "sftp_host_key")
# Run the engine until it passes a failpoint for the n-th time, and kill it there. A workflow that an engine killed
# before left under way would go on; the third word names it, and it stands still.
KILLED = """
import os, signal, sys, threading
from cominflow import failpoint
from cominflow.cli import group
from cominflow.cli.running import run
from dbos import DBOS

name, number, halted = sys.argv[1], int(sys.argv[2]), sys.argv[3]
passed = []

def hit(passing):
    if passing == "batch.begun" and DBOS.workflow_id == halted:
        threading.Event().wait()
    if passing == name:
        passed.append(name)
        if len(passed) == number:
            os.kill(os.getpid(), signal.SIGKILL)

failpoint.arm(hit)
run(group, "cominflow", ["run", "--once"])
"""


class Older:
    """The program of a commit, in a folder of its own."""

    def __init__(self, folder: Path, commit: str) -> None:
        self.folder, self.code = folder, folder / "code"
        self.code.mkdir()
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x"], cwd=self.code, input=archive, check=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("COMINFLOW_", "DJANGO_"))}
        self.environment = {**kept, "PYTHONPATH": str(self.code), "COMINFLOW_DATA": str(folder / "var")}

    def run(self, package: str, *words: str) -> str:
        """What a command printed; it must succeed."""
        command = [sys.executable, "-m", package, *words]
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def generate(self, seed: int, count: int) -> list[bytes]:
        """The lines of a valid file in which all requests are for VIS1."""
        layout = str(self.code / "layouts" / CUSTOMER / "visure.toml")
        words = ["--seed", str(seed), "--count", str(count), "--set", "richiesta.servizio=VIS1", "--out", "made"]
        self.run("tracciati", "generate", layout, *words)
        return (self.folder / "made").read_bytes().splitlines(keepends=True)

    def place(self, name: str, lines: list[bytes]) -> None:
        """Put a file into the inbox."""
        (self.folder / "made").write_bytes(b"".join(lines))
        (self.folder / "made").rename(self.folder / "var" / "customers" / CUSTOMER / "inbox" / name)

    def send(self, name: str, lines: list[bytes]) -> None:
        """Put a file into the inbox, and work until nothing is due."""
        self.place(name, lines)
        self.run("cominflow", "run", "--once")

    def die(self, name: str, *, number: int = 1, halted: str = "none") -> None:
        """Work until a failpoint is passed for the n-th time, and be killed there; workflow `halted` stands still."""
        command = [sys.executable, "-c", KILLED, name, str(number), halted]
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


def furnish(older: Older, *files: list[bytes]) -> None:
    """A customer, VIS1 from a table that knows nine in ten of the people in the files, and VIS2 by a person."""
    cominflow = lambda *words: older.run("cominflow", *words)  # noqa: E731
    people = [line[25:41].decode().strip() for lines in files for line in lines if line[:2] == b"20"]
    rows = "".join(f"{person},{100 + index},{index}.50\n" for index, person in enumerate(people) if index % 10)
    (older.folder / TABLE).write_text("cf,score,espos\n" + rows)
    settings = {
        "file": TABLE,
        "key": {"codice_fiscale": "cf"},
        "result": {"punteggio": "score", "esposizione": "espos"},
    }
    cominflow("init")
    cominflow("customer", "add", CUSTOMER, "--name", "Banca Demo")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", older.folder / "key"], check=True)
    cominflow("key", "add", CUSTOMER, str(older.folder / "key.pub"))
    by_table = ["--provider", "table", "--settings", json.dumps(settings)]
    cominflow("service", "add", "VIS1", "--title", "Visura ordinaria", *by_table)
    cominflow("service", "add", "VIS2", "--title", "Visura storica", "--provider", "manual")
    cominflow("price", "set", CUSTOMER, "VIS1", "3.505")
    cominflow("feed", "publish", CUSTOMER, str(older.code / "layouts" / CUSTOMER / "feed.toml"))


def live(older: Older) -> None:
    """A file of every kind: held, answered but for one request, in chunks, duplicate, refused, quarantined."""
    cominflow = lambda *words: older.run("cominflow", *words)  # noqa: E731
    small, large, held, wrong = (older.generate(seed, n) for seed, n in ((1, 6), (2, 300), (3, 3), (4, 3)))
    furnish(older, small, large)
    older.send("RV_20260301_001.txt", _asking(held, (1, 2, 3)))  # VIS2 has no price yet
    cominflow("price", "set", CUSTOMER, "VIS2", "5.90")
    letter = b"A" if small[2][40:41] != b"A" else b"B"
    small[2] = small[2][:40] + letter + small[2][41:]
    older.send("RV_20260301_002.txt", _asking(small, (4, 6)))
    cominflow("work", "answer", "A-2/3", "--outcome", "fulfilled", "--field", "punteggio=701")
    cominflow("run", "--once")
    older.send("RV_20260301_003.txt", _asking(large, (7,)))
    cominflow("work", "answer", "A-3/7", "--outcome", "not_found")
    cominflow("run", "--once")
    older.send("RV_20260301_004.txt", _asking(small, (4, 6)))
    digit = b"1" if wrong[-1][23:24] != b"1" else b"2"
    older.send("RV_20260301_005.txt", [*wrong[:-1], wrong[-1][:23] + digit + wrong[-1][24:]])
    older.send("pippo.doc", [b"nobody agreed on this name\n"])
    print(cominflow("status"))


def killed(older: Older) -> None:
    """Batches under way.

    1       its file is answered but for two requests, of which one waits for a person
    2       a small file and one in chunks; killed as the first was asked for and the second not yet
    3       a small file; killed as its answer was put out, and its invoice records not yet
    4       brings out what a person answered in the file of batch 1, and was not begun
    """
    first, small, large, last = (older.generate(seed, n) for seed, n in ((1, 4), (2, 5), (3, 260), (4, 5)))
    furnish(older, first, small, large, last)
    older.run("cominflow", "price", "set", CUSTOMER, "VIS2", "5.90")
    older.send("RV_20260301_001.txt", _asking(first, (2, 3)))
    older.place("RV_20260301_002.txt", _asking(small, (4,)))
    older.place("RV_20260301_003.txt", large)
    older.die("fulfil.committed")
    older.place("RV_20260301_004.txt", last)
    older.die("publish.published", number=3, halted="batch-2-0")  # after its receipt, of two files
    older.run("cominflow", "work", "answer", "A-1/2", "--outcome", "fulfilled", "--field", "punteggio=701")
    print(older.run("cominflow", "status"))


def _asking(lines: list[bytes], by_hand: tuple[int, ...]) -> list[bytes]:
    """The file with VIS2 asked for on some of its lines (from 0, the head)."""
    return [line[:21] + b"VIS2" + line[25:] if index in by_hand else line for index, line in enumerate(lines)]


def keep(older: Older, kept: Path) -> None:
    """Database, folder and table, as they are restored by `test_upgrades`."""
    kept.mkdir(parents=True, exist_ok=True)
    data = older.folder / "var"
    with sqlite3.connect(data / "state" / "cominflow.db") as database:
        text = "\n".join(database.iterdump())
    assert str(older.folder) not in text, "the database names a folder of this machine"
    (kept / "database.sql.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    with tarfile.open(kept / "data.tar.gz", "w:gz") as tar:
        tar.add(data, "var", filter=_plain)
    shutil.copy(older.folder / TABLE, kept / TABLE)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if Path(member.name).name in LEFT_OUT:
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        made = Older(Path(temporary), sys.argv[1])
        {"live": live, "killed": killed}[sys.argv[2]](made)
        keep(made, Path(sys.argv[3]))
