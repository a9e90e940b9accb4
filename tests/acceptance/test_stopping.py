"""Stopping the engine while it works: in order, without noise, and never two engines on one data folder."""

from __future__ import annotations

import fcntl
import io
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system import BIN, LAYOUTS, ROOT, WAIT_S, System
from tracciati import declare
from tracciati.generate import Order, generate

BANK = "banca-demo"
# So many that the engine is still at their answers when the first receipts are there.
FILES_COUNT = 150


@pytest.fixture
def bank(tmp_path: Path, migrated_url: str, program: Callable[[str], str]) -> Iterator[System]:
    """A bank, a table that knows the person of `place_files`, and no engine."""
    program("ssh-keygen")
    system = System(tmp_path, migrated_url)
    settings = {"file": str(tmp_path / "scores.csv"), "key": {"codice_fiscale": "cf"}, "result": {"punteggio": "score"}}
    system.build(BANK, dict.fromkeys(("VIS1", "VIS2"), ("3.50", settings)))
    yield system
    system.close()


def place_files(bank: System, count: int) -> None:
    """Put `count` files into the inbox, each with one request and a reference of its own."""
    sink = io.BytesIO()
    generate(declare.load(LAYOUTS / BANK / "visure.toml"), sink, Order(seed=1, count=1))
    head, request, tail = sink.getvalue().splitlines(keepends=True)
    (bank.folder / "scores.csv").write_text(f"cf,score\n{request[25:41].decode()},500\n")
    for number in range(count):
        own = request[:9] + b"RIF%09d" % number + request[21:]
        bank.place(BANK, f"RV_20260301_{number:03}.txt", head + own + tail)


def engine(bank: System) -> subprocess.Popen[str]:
    """`cominflow run`, when it says that it works."""
    process = subprocess.Popen(
        [BIN / "cominflow", "run"],
        env={**bank.environment, "PYTHONUNBUFFERED": "1"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=(bank.folder / "run.log").open("wb"),
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "engine running\n"
    return process


def wait_for_receipt(bank: System, process: subprocess.Popen[str]) -> None:
    """Return when a receipt is there: the engine is at work on the answers."""
    receipts = bank.data / "customers" / BANK / "receipts"
    while not any(receipts.iterdir()):
        assert process.poll() is None, "the engine ended"


def wait_for_lock(bank: System) -> None:
    """Return when the engine's lock is free."""
    with (bank.data / "state" / "engine.lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


def published(bank: System) -> set[Path]:
    """What the customer can fetch."""
    folder = bank.data / "customers" / BANK
    return {path for name in ("receipts", "outbox") for path in (folder / name).iterdir()}


def test_no_step_works_once_the_lock_of_the_engine_is_free(bank: System) -> None:
    place_files(bank, FILES_COUNT)
    process = engine(bank)
    wait_for_receipt(bank, process)
    process.send_signal(signal.SIGTERM)
    wait_for_lock(bank)
    there = published(bank)
    assert process.wait(WAIT_S) == 0
    assert published(bank) == there, "it went on publishing after its lock was free"


def test_an_engine_that_is_stopped_at_work_says_nothing_and_the_next_one_ends_what_it_began(bank: System) -> None:
    place_files(bank, FILES_COUNT)
    process = engine(bank)
    wait_for_receipt(bank, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(WAIT_S) == 0
    assert (bank.folder / "run.log").read_text() == ""
    assert len(bank.outbox(BANK)) < 2 * FILES_COUNT, "it was not at work any more"
    bank.run("run", "--once")
    answers = [name for name in bank.outbox(BANK) if name.endswith(".A01")]
    assert len(answers) == FILES_COUNT


def test_an_engine_whose_provider_hangs_is_stopped_all_the_same(bank: System) -> None:
    place_files(bank, 1)
    table = bank.folder / "scores.csv"
    table.unlink()
    os.mkfifo(table)  # nobody writes: whoever reads it waits for ever
    process = engine(bank)
    while not waits_for_the_other_end(process.pid):
        assert process.poll() is None, "the engine ended"
    process.send_signal(signal.SIGTERM)
    assert process.wait(WAIT_S) == 0
    assert "Traceback" not in (bank.folder / "run.log").read_text()
    table.unlink()
    table.write_text("cf,score\n")
    bank.run("run", "--once")
    assert "RV_20260301_000.A01" in bank.outbox(BANK)


def waits_for_the_other_end(pid: int) -> bool:
    """Whether a thread of the process sleeps in the kernel until somebody opens the other end of a FIFO."""
    return any("partner" in path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/wchan"))
