"""`cominflow provider` as processes, beside a living engine and a real web service."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.partner import Partner, serving
from tests.system import BIN, LAYOUTS, System

BANK = "banca-demo"
NAME, ANSWER = "RV_20260301_001.txt", "RV_20260301_001.A01"


@pytest.fixture
def partner() -> Iterator[Partner]:
    with serving(Partner()) as served:
        yield served


@pytest.fixture
def bank(tmp_path: Path, migrated_url: str, program: Callable[[str], str], partner: Partner) -> Iterator[System]:
    """A system whose services are fulfilled by the partner."""
    program("ssh-keygen")
    built = System(tmp_path, migrated_url)
    built.build(BANK, {"VIS1": ("3.50", None), "VIS2": ("5.90", None)})
    for code in ("VIS1", "VIS2"):
        built.run("service", "set", code, "--provider", "http", "--settings", json.dumps(partner.settings(batch=10)))
    yield built
    built.close()


def generated(system: System, partner: Partner) -> tuple[bytes, list[str]]:
    """A valid file of the bank, and the people in it, whom the partner then knows."""
    made = system.folder / "generated"
    command = [BIN / "tracciati", "generate", LAYOUTS / BANK / "visure.toml", "--seed", "1", "--count", "3"]
    subprocess.run([*command, "--out", made], check=True, capture_output=True)
    content = made.read_bytes()
    people = [line[25:41].decode().strip() for line in content.splitlines() if line[:2] == b"20"]
    partner.scores = {person: 500 + index for index, person in enumerate(people)}
    return content, people


def test_files_wait_for_a_paused_provider_and_go_on_at_once_when_it_is_resumed(bank: System, partner: Partner) -> None:
    content, _ = generated(bank, partner)
    bank.up()
    said = bank.run("provider", "pause", "http", "--reason", "the partner repairs it")
    assert "later: cominflow provider resume http" in said
    bank.place(BANK, NAME, content)
    said = bank.run("run", "--once")
    assert f"A-1 ({NAME}) waits for provider http, which is paused: the partner repairs it" in said
    assert "next: cominflow provider resume http" in said
    status = bank.json("status")
    assert (status["files_waiting_for_a_provider"], status["failing"], status["requests"]["waiting"]) == (1, [], 3)
    assert [(row["provider"], row["reason"]) for row in status["paused"]] == [("http", "the partner repairs it")]
    told = json.loads(bank.run("run", "--once", "--json"))
    assert told["is_done"] and [one["file"] for one in told["waiting"]] == [NAME]
    (row,) = [row for row in bank.json("provider", "list") if row["provider"] == "http"]
    assert (row["services"], row["reason"]) == (["VIS1", "VIS2"], "the partner repairs it")
    assert row["paused_since"] and row["paused_by"] and row["package"].startswith("cominflow ")
    assert partner.asked == []

    assert bank.json("provider", "resume", "http")["batches_woken"] == 1
    bank.run("run", "--once")
    assert ANSWER in bank.outbox(BANK)
    assert bank.json("status")["files_waiting_for_a_provider"] == 0
    assert "is not paused" in bank.run("provider", "resume", "http", code=2)


def test_a_provider_is_tried_for_real_and_nothing_is_stored_or_shown(bank: System, partner: Partner) -> None:
    _, (person, *_) = generated(bank, partner)
    before = bank.json("status")
    tried = bank.json("provider", "test", "VIS1", "--field", f"codice_fiscale={person}")
    assert (tried["provider"], tried["outcome"], tried["results"]) == ("http", "fulfilled", {"punteggio": "***"})
    assert float(tried["seconds"]) > 0
    shown = bank.run("provider", "test", "VIS1", "--field", f"codice_fiscale={person}", "--reveal")
    assert "result.punteggio  500" in shown and person not in shown
    first, second = (asked.key for asked in partner.asked)
    assert first != second, "each trial is a question of its own"
    assert bank.json("status") == before

    assert "asks by codice_fiscale" in bank.run("provider", "test", "VIS1", code=2)
    assert "did you mean" in bank.run("provider", "test", "VIS1", "--field", "codice_fiscal=X", code=2)
    partner.judge = lambda asked: 401
    failed = bank.run("provider", "test", "VIS1", "--field", f"codice_fiscale={person}", code=3)
    assert "provider http for service VIS1" in failed and "401" in failed and person not in failed


def test_the_last_failure_of_a_provider_stays_in_its_list_when_it_is_over(bank: System, partner: Partner) -> None:
    content, _ = generated(bank, partner)
    partner.judge = lambda asked: 503
    bank.place(BANK, NAME, content)
    failed = bank.run("run", "--once", code=3)
    assert "provider http for service" in failed and "503 (Service Unavailable)" in failed
    partner.judge = lambda asked: None
    bank.run("provider", "pause", "http", "--reason", "to have it tried again now")
    bank.run("provider", "resume", "http")
    bank.run("run", "--once")
    assert ANSWER in bank.outbox(BANK)
    (row,) = [row for row in bank.json("provider", "list") if row["provider"] == "http"]
    assert "503" in row["last_error"] and row["failed_at"] and row["paused_since"] is None


def test_an_engine_that_waits_for_a_slow_provider_ends_in_order(bank: System, partner: Partner) -> None:
    content, _ = generated(bank, partner)
    for code in ("VIS1", "VIS2"):
        settings = json.dumps(partner.settings(wait_s=600))
        bank.run("service", "set", code, "--settings", settings)
    partner.drips = "body"
    bank.up()
    bank.place(BANK, NAME, content)
    assert partner.was_asked.wait(60)
    assert bank.stop() == 0
    log = (bank.folder / "up.log").read_text()
    assert "Traceback" not in log, log
    partner.drips = ""
    assert bank.json("status")["failing"] == []
    bank.run("run", "--once")
    assert ANSWER in bank.outbox(BANK)
