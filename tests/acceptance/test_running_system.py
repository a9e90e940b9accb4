"""The installed `cominflow` as processes: files in by SFTP, answers out by SFTP, one engine, and no orphan."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system import BIN, LAYOUTS, ROOT, System

BANK, RIBA, MAV = "banca-demo", "cbi-riba-demo", "cbi-mav-demo"


@pytest.fixture
def system(tmp_path: Path, migrated_url: str, program: Callable[[str], str]) -> Iterator[System]:
    for name in ("sftp", "ssh-keygen"):
        program(name)
    built = System(tmp_path, migrated_url)
    yield built
    built.close()
    built.demand_sums()


@pytest.fixture
def bank(system: System) -> System:
    """A system with the bank, and a table that knows everybody of `generated`."""
    (system.folder / "scores.csv").write_text("cf,score\n")
    table = str(system.folder / "scores.csv")
    settings = {"file": table, "key": {"codice_fiscale": "cf"}, "result": {"punteggio": "score"}}
    system.build(BANK, {"VIS1": ("3.50", settings), "VIS2": ("5.90", settings)})
    return system


def generated(system: System, seed: int, count: int = 3) -> bytes:
    """A valid file of the bank, whose persons the table then knows."""
    made = system.folder / "generated"
    command = [BIN / "tracciati", "generate", LAYOUTS / BANK / "visure.toml", "--seed", str(seed)]
    subprocess.run([*command, "--count", str(count), "--out", made], check=True, capture_output=True)
    content = made.read_bytes()
    made.unlink()
    people = [line[25:41].decode().strip() for line in content.splitlines() if line[:2] == b"20"]
    with (system.folder / "scores.csv").open("a") as table:
        table.writelines(f"{person},{500 + index}\n" for index, person in enumerate(people))
    return content


def test_a_file_goes_in_by_sftp_and_its_answer_comes_out_in_the_same_layout(bank: System) -> None:
    content = generated(bank, seed=1)
    (bank.folder / "RV_20260301_001.txt").write_bytes(content)
    bank.up()
    bank.sftp(BANK, "put RV_20260301_001.txt /inbox/")
    bank.run("run", "--once")
    fetched = bank.fetched(BANK)
    assert set(fetched) == {f"RV_20260301_001.{ending}" for ending in ("A01", "F01", "R01", "R01.json")}
    sent, answered = content.splitlines(), fetched["RV_20260301_001.A01"].splitlines()
    assert [line[:52] for line in answered[1:-1]] == [line[:52] for line in sent[1:-1]]
    assert [line[52:60] for line in answered[1:-1]] == [b"00%06d" % (500 + index) for index in range(3)]
    (journey,) = bank.json("trace", sent[1][9:21].decode().strip())
    assert (journey["outcome"], journey["file_state"]) == ("fulfilled", "CLOSED")
    retrieved = {delivery["kind"]: delivery["state"] for delivery in journey["deliveries"]}
    assert retrieved == {"answer": "RETRIEVED", "invoice": "RETRIEVED"}
    assert bank.stop() == 0
    assert "Traceback" not in (bank.folder / "up.log").read_text()


def test_a_second_engine_ends_with_exit_code_4_and_says_who_has_the_lock(bank: System) -> None:
    bank.up()
    for command in (["run"], ["up", "--listen", "127.0.0.1:0"]):
        said = bank.run(*command, code=4)
        assert "an engine already runs on" in said and "do: use `cominflow run --once`" in said
        assert any(str(child) in said for child in bank.children())


def test_run_once_beside_the_living_system_returns_when_the_file_is_answered(bank: System) -> None:
    bank.up()
    for number in (1, 2, 3):
        bank.place(BANK, f"RV_20260301_00{number}.txt", generated(bank, seed=number))
        bank.run("run", "--once")
        assert f"RV_20260301_00{number}.A01" in bank.outbox(BANK), "it came back before the file was answered"


def test_killing_the_system_leaves_no_orphan_and_the_next_one_goes_on(bank: System) -> None:
    bank.up()
    bank.place(BANK, "RV_20260301_001.txt", generated(bank, seed=1, count=2_000))
    assert bank.stop(signal.SIGKILL) == -signal.SIGKILL
    bank.run("run", "--once")
    assert {"RV_20260301_001.A01", "RV_20260301_001.F01"} <= set(bank.outbox(BANK))
    bank.up()
    assert bank.stop() == 0


def test_an_engine_that_dies_is_begun_again(bank: System) -> None:
    bank.up()
    engine = next(child for child in bank.children() if b"\0run" in Path(f"/proc/{child}/cmdline").read_bytes())
    assert bank.process is not None and bank.process.stdout is not None
    subprocess.run(["kill", "-9", str(engine)], check=True)
    assert bank.process.stdout.readline().startswith("engine running")
    bank.place(BANK, "RV_20260301_001.txt", generated(bank, seed=1))
    bank.run("run", "--once")
    assert "RV_20260301_001.A01" in bank.outbox(BANK)
    assert "engine ended with -9; it is begun again in" in (bank.folder / "up.log").read_text()


def test_run_once_says_which_files_wait_for_what_when_a_provider_is_down(bank: System) -> None:
    bank.place(BANK, "RV_20260301_001.txt", generated(bank, seed=1))
    table = bank.folder / "scores.csv"
    away = table.rename(bank.folder / "away.csv")
    said = bank.run("run", "--once", code=3)
    assert "cannot read" in said and "scores.csv" in said and "do: put the table there" in said
    assert "waiting for it: A-1 (RV_20260301_001.txt); it is tried again at " in said
    (failing,) = bank.json("status")["failing"]
    assert "scores.csv" in failing["error"]
    assert "scores.csv" in bank.json("arrival", "show", "A-1")["failing"]
    away.rename(table)
    bank.up()
    bank.run("run", "--once")
    _wait_for_answer(bank)


@pytest.mark.parametrize("is_beside_an_engine", [False, True])
def test_run_once_tries_what_failed_at_once_when_its_cause_was_mended(bank: System, is_beside_an_engine: bool) -> None:
    bank.place(BANK, "RV_20260301_001.txt", generated(bank, seed=1))
    table = bank.folder / "scores.csv"
    away = table.rename(bank.folder / "away.csv")
    bank.run("run", "--once", code=3)
    words = "from cominflow.cli import setup; setup.django(); from datetime import UTC, datetime; "
    words += "from cominflow.models import Batch; Batch.objects.update(not_before=datetime(2999, 1, 1, tzinfo=UTC))"
    subprocess.run([sys.executable, "-c", words], env=bank.environment, check=True)
    (failing,) = bank.json("status")["failing"]
    assert failing["tried_again_at"].startswith("2999")
    away.rename(table)
    if is_beside_an_engine:
        bank.up()
    bank.run("run", "--once")
    assert "RV_20260301_001.A01" in bank.outbox(BANK)


def _wait_for_answer(bank: System) -> None:
    """The engine tries again by itself; `run --once` waits for what is due, so ask until it was."""
    for _ in range(60):
        if "RV_20260301_001.A01" in bank.outbox(BANK):
            return
        bank.run("run", "--once")
    pytest.fail("the file was not answered when its provider was back")


@pytest.mark.parametrize(
    ("file", "requests", "records", "total"),
    [("riba_collapsible.txt", 11, 79, "8091.50"), ("riba_grouped.txt", 7, 51, "8091.50")],
)
def test_a_riba_flow_that_nobody_here_wrote_goes_through_everything(
    system: System, corpus: Path, file: str, requests: int, records: int, total: str
) -> None:
    source = corpus / "cbi-riba-ribalta" / file
    original = source.read_bytes()
    table = system.folder / "states.csv"
    table.write_text("n,stato\n" + "".join(f"{number},pagata\n" for number in range(1, requests)))
    layout = LAYOUTS / "public" / "cbi-riba.toml"
    settings = {"file": str(table), "key": {"14.numero_progressivo": "n"}, "result": {"stato": "stato"}}
    system.build(RIBA, {"RIBA": ("0.305", settings)}, layouts=(layout,))
    system.up()
    system.sftp(RIBA, f"put {source} /inbox/RIBA_20260301_001.txt")
    system.run("run", "--once")
    fetched = system.fetched(RIBA)

    receipt = json.loads(fetched["RIBA_20260301_001.R01.json"])
    assert (receipt["outcome"], receipt["requests_accepted"], receipt["records"]) == ("QUEUED", requests, records)
    totals = {found["path"]: (found["declared"], found["computed"], found["status"]) for found in receipt["totals"]}
    assert totals["EF.numero_disposizioni"] == (str(requests), str(requests), "equal")
    assert totals["EF.totale_importi_negativi"] == (total, total, "equal")
    assert totals["EF.numero_record"] == (str(records), str(records), "equal")
    told = json.loads(fetched["RIBA_20260301_001.A01.json"])
    assert [row["outcome"] for row in told["answers"]] == ["fulfilled"] * (requests - 1) + ["not_found"]
    text = fetched["RIBA_20260301_001.A01"].decode()
    assert text.count("outcome: fulfilled") == requests - 1 and text.count("outcome: not_found") == 1

    digest = hashlib.sha256(original).hexdigest()
    (archived,) = (system.data / "archive").rglob(digest)
    assert archived.read_bytes() == original
    rewritten = system.folder / "rewritten"
    subprocess.run([BIN / "tracciati", "rewrite", layout, archived, rewritten], check=True, capture_output=True)
    assert rewritten.read_bytes() == original


def test_the_mav_flow_is_refused_for_its_totals_with_both_figures(system: System, corpus: Path) -> None:
    (source,) = (corpus / "cbi-mav-elbati" / "samples").iterdir()
    system.build(MAV, {"MAV": ("0.30", None)}, layouts=(LAYOUTS / "public" / "cbi-mav.toml",))
    system.up()
    system.sftp(MAV, f"put {source} /inbox/MAV_20260301_001.txt")
    system.run("run", "--once")
    fetched = system.fetched(MAV)
    assert set(fetched) == {"MAV_20260301_001.R01", "MAV_20260301_001.R01.json"}
    text = fetched["MAV_20260301_001.R01"].decode()
    assert "respinto / refused" in text
    assert "EF.numero_disposizioni: file 158, calcolato/computed 3: DIVERSO / DIFFERENT" in text
    assert system.json("arrival", "show", "A-1")["state"] == "REFUSED"


def test_the_demo_adds_up(tmp_path: Path) -> None:
    command = [BIN / "cominflow", "demo", "--bulk", "1000", "--folder", tmp_path / "demo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything added up." in done.stdout
    assert "everything adds up" in done.stdout  # so says `cominflow reconcile`


def test_reconcile_beside_a_working_engine_raises_no_alarm(bank: System) -> None:
    """It looks again and again, from the first file to the last answer, and finds nothing in what is under way."""
    bank.up()
    for number in range(1, 4):
        bank.place(BANK, f"RV_20260301_00{number}.txt", generated(bank, seed=number, count=4_000))
        bank.place(BANK, f"RV_20260302_00{number}.txt", generated(bank, seed=10 + number))
        looked = bank.json("reconcile", "--deep")
        assert looked["findings"] == []
    while any(state in bank.json("status")["arrivals"] for state in ("CLAIMED", "READING", "QUEUED", "ANSWERED")):
        assert bank.json("reconcile")["is_clean"]
    bank.run("run", "--once")
    looked = bank.json("reconcile", "--deep")
    assert (looked["looked_at"]["requests"], looked["findings"]) == (12_009, [])


def test_reconcile_ends_with_exit_code_1_and_says_what_does_not_add_up(bank: System) -> None:
    bank.place(BANK, "RV_20260301_001.txt", generated(bank, seed=1))
    bank.run("run", "--once")
    assert "everything adds up" in bank.run("reconcile")
    assert "nothing is that old" in bank.run("purge", "--older-than", "400d", "--dry-run")
    assert "purged 0 arrivals" in bank.run("purge", "--older-than", "400d")
    (original,) = (bank.data / "archive").glob("*/*/*")
    original.unlink()
    bank.is_damaged = True
    done = subprocess.run([BIN / "cominflow", "reconcile"], env=bank.environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "R-101 A-1: the original of an arrival is nowhere\n  expected archive/" in done.stdout
    assert "  do: take the file from a backup" in done.stdout
    said = bank.run("purge", "--older-than", "10d", code=2)
    assert "32d at least" in said
