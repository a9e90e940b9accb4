"""`--log-json`: each line on standard error is one JSON object, whoever writes it and whatever happens."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests import preloaded
from tests.system import BIN, LAYOUTS, ROOT, WAIT_S, System

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CUSTOMER = "banca-demo"
NAME = "RV_20260301_001.txt"


@pytest.fixture
def system(tmp_path: Path, migrated_url: str, program: Callable[[str], str]) -> Iterator[System]:
    """A system whose one service is answered by a table that is not there."""
    program("ssh-keygen")
    program("sftp")
    made = System(tmp_path, migrated_url)
    table = {"file": str(tmp_path / "absent.csv"), "key": {"codice_fiscale": "cf"}, "result": {}}
    made.build(CUSTOMER, {"VIS1": ("3.50", table), "VIS2": ("5.90", None)})
    subprocess.run(
        [BIN / "tracciati", "generate", LAYOUTS / CUSTOMER / "visure.toml", "--seed", "1", "--count", "3",
         "--set", "richiesta.servizio=VIS1", "--out", tmp_path / NAME], check=True,
    )  # fmt: skip
    yield made
    made.close()


def lines(text: str) -> list[dict[str, Any]]:
    """The lines, each of which is an object with what every line has."""
    found = [json.loads(line) for line in text.splitlines()]
    assert all({"time", "level", "logger", "message"} <= set(line) for line in found)
    return found


def ran(system: System, *words: str) -> tuple[int, str]:
    """Exit code and standard error of a command."""
    command = [preloaded.program("cominflow"), *words]
    done = subprocess.run(command, env=system.environment, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_a_failing_batch_is_told_with_its_references(system: System) -> None:
    system.place(CUSTOMER, NAME, (system.folder / NAME).read_bytes())
    code, said = ran(system, "run", "--once", "--log-json")
    assert code == 3
    warned, told = lines(said)
    about = {"batch": "1", "arrival": "A-1", "customer": CUSTOMER}
    assert {name: warned.get(name) for name in about} == about
    assert warned["level"] == "WARNING" and "absent.csv" in warned["message"]
    assert told["batch"] == "1" and told["message"].startswith(
        "error: fulfil: cannot ask provider table for service VIS1: cannot read"
    )


def test_a_form_that_does_not_exist_is_wrong_usage(system: System) -> None:
    system.environment["COMINFLOW_LOG"] = "xml"
    code, said = ran(system, "run", "--once")
    assert (code, said) == (2, "error: COMINFLOW_LOG is 'xml'\n  do: set it to text or json, or leave it out\n")


def test_all_processes_of_a_system_write_lines_of_json(system: System) -> None:
    system.environment["COMINFLOW_LOG"] = "json"
    system.up()
    system.sftp(CUSTOMER, f"put {NAME} /inbox/{NAME}")
    code, said = ran(system, "run", "--log-json")
    assert code == 4 and "an engine already runs" in lines(said)[0]["message"]
    engine = system.children()[0]
    ended = os.pidfd_open(engine)
    os.kill(engine, signal.SIGKILL)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    assert poll.poll(WAIT_S * 1000)
    os.close(ended)
    assert system.process is not None and system.process.stdout is not None
    assert system.process.stdout.readline().startswith("engine running"), "it is begun again"
    system.stop()
    found = lines((system.folder / "up.log").read_text())
    assert any(line["message"].startswith("engine ended with -9") for line in found)
    assert any(line.get("customer") == CUSTOMER and NAME in line["message"] for line in found)
