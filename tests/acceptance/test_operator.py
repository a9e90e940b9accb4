"""An operator's day by the installed commands: files come in, a person answers, releases, discards and traces."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.system import System

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
BANK = ROOT / "layouts" / "banca-demo"
# A request of the service VIS1, up to its maximum amount.
IMPORTO = re.compile(rb"(?m)^(20.{19}VIS1.{16})\d{11}")


class Office(System):
    """A system with one customer, two services that a person fulfils, and the command."""

    @property
    def home(self) -> Path:
        """The customer's folders."""
        return self.data / "customers" / "banca-demo"

    def send(self, name: str, *, seed: int) -> bytes:
        """Put a valid file of three requests into the inbox, whole at once; returns its bytes."""
        made = self.folder / name
        generate = [BIN / "tracciati", "generate", BANK / "visure.toml", "--seed", str(seed), "--count", "3"]
        subprocess.run([*generate, "--out", made], check=True, capture_output=True)
        content = made.read_bytes()
        made.rename(self.home / "inbox" / name)
        return content


@pytest.fixture
def office(tmp_path: Path, migrated_url: str, program: Any) -> Office:
    program("ssh-keygen")
    office = Office(tmp_path, migrated_url)
    office.build("banca-demo", {"VIS1": ("3.50", None), "VIS2": ("3.50", None)})
    return office


def test_a_request_is_answered_by_hand_and_traced_to_its_invoice(office: Office) -> None:
    office.send("RV_20260301_001.txt", seed=1)
    office.run("run", "--once")
    work = office.json("work", "list")
    assert [item["request"] for item in work] == ["A-1/1", "A-1/2", "A-1/3"]
    assert {item["subject"] for item in work} == {"***"}, "personal data are hidden unless asked for"
    (revealed, *_) = office.json("work", "list", "--reveal", "--limit", "1")
    assert revealed["subject"] == revealed["fields"]["codice_fiscale"] and len(revealed["subject"]) == 16
    reference = work[0]["reference"]
    assert office.run("work", "list", "--limit", "1").endswith("\n… 2 more: --limit 3\n")
    assert office.run("arrival", "list", "--limit", "1").count("\n") == 2

    assert "no result field 'puntegio'" in office.run(
        "work", "answer", reference, "--outcome", "fulfilled", "--field", "puntegio=712", code=2
    )
    assert "does not fit richiesta.punteggio" in office.run(
        "work", "answer", reference, "--outcome", "fulfilled", "--field", "punteggio=1234567", code=2
    )
    office.run("work", "answer", reference, "--outcome", "fulfilled", "--field", "punteggio=712")
    again = office.run("work", "answer", "A-1/1", "--outcome", "failed", code=2)
    assert "is ANSWERED already: fulfilled, by " in again and "`cominflow work undo A-1/1 --reason TEXT`" in again
    office.run("work", "answer", "A-1/2", "--outcome", "not_found")
    office.run("run", "--once")

    (journey,) = office.json("trace", reference, "--customer", "banca-demo")
    assert (journey["state"], journey["outcome"], journey["file"]) == ("ANSWERED", "fulfilled", "RV_20260301_001.txt")
    assert journey["invoice"].endswith("/1")
    assert {sent["state"] for sent in journey["deliveries"]} == {"PUBLISHED"}
    answers = [Path(sent["file"]).name for sent in journey["deliveries"] if sent["kind"] == "answer"]
    sent = (office.home / "outbox" / answers[0]).read_bytes().split(b"\r\n")[1]
    assert reference.encode() in sent and b"00000712" in sent
    (other,) = office.json("trace", work[1]["reference"], "--customer", "banca-demo")
    assert (other["outcome"], other["invoice"]) == ("not_found", ""), "what was not charged is on no invoice"
    assert {sent["kind"] for sent in other["deliveries"]} == {"answer"}
    assert [item["request"] for item in office.json("work", "list")] == ["A-1/3"]
    shown = office.json("arrival", "show", "RV_20260301_001.txt")
    assert shown["by_state"] == {"open": 1, "answered": 2}


def test_a_repeat_waits_until_a_person_releases_or_discards_it(office: Office) -> None:
    content = office.send("RV_20260301_001.txt", seed=1)
    office.run("run", "--once")
    for number in (2, 3):
        made = office.folder / "again"
        made.write_bytes(content)
        made.rename(office.home / "inbox" / f"RV_20260301_00{number}.txt")
        office.run("run", "--once")
    waiting = office.json("arrival", "list", "--state", "duplicate")
    assert [found["arrival"] for found in waiting] == ["A-3", "A-2"]
    assert office.run("arrival", "list", "--limit", "2").endswith("\n… 1 more: --limit 3\n")
    assert "A-1" in office.json("arrival", "show", "A-2")["duplicate_of"]
    status = office.json("status")
    assert (status["files_waiting_for_a_person"], status["duplicates"]) == (0, 2)

    office.run("arrival", "discard", "A-3", "--reason", "sent twice by mistake")
    assert "cannot become DISCARDED" in office.run("arrival", "discard", "A-1", "--reason", "a mistake", code=2)
    office.run("arrival", "release", "RV_20260301_002.txt", "--reason", "sent again on purpose")
    office.run("run", "--once")
    states = {found["arrival"]: found["state"] for found in office.json("arrival", "list")}
    assert states == {"A-1": "QUEUED", "A-2": "QUEUED", "A-3": "DISCARDED"}
    history = office.json("arrival", "show", "A-2")["history"]
    assert "sent again on purpose" in [event["reason"] for event in history]
    assert office.json("status")["requests"]["open"] == 6


def test_an_inbox_that_cannot_be_looked_at_is_in_the_status_and_hides_nothing(office: Office) -> None:
    office.run("customer", "add", "away", "--name", "Away")
    (office.data / "customers" / "away").rename(office.folder / "away")
    (office.data / "customers" / "away").symlink_to("x" * 300)  # no folder has so long a name
    status = office.json("status")
    assert status["ignored_files"] == [
        {"customer": "away", "name": "", "reason": "its inbox cannot be looked at: File name too long"}
    ]


def test_what_an_inbox_keeps_for_ever_is_in_the_status(office: Office) -> None:
    (office.home / "inbox" / "folder").mkdir()
    (office.home / "inbox" / "a.txt.part").write_bytes(b"just begun")
    status = office.json("status")
    assert status["ignored_in_inboxes"] == 1
    assert status["ignored_files"] == [{"customer": "banca-demo", "name": "folder", "reason": "a folder, not a file"}]
    assert "ignored in inboxes             1" in office.run("status")


def test_a_wrong_service_is_corrected_and_what_still_does_not_fit_is_said_on_publishing(office: Office) -> None:
    office.run("service", "set", "VIS1", "--settings", '{"result": {"puntegio": "Punteggio"}}')
    (vis1, _) = office.json("service", "list")
    assert (vis1["title"], vis1["settings"]) == ("Servizio VIS1", {"result": {"puntegio": "Punteggio"}})
    assert any(
        "VIS1 gives result.puntegio" in note for note in office.json("feed", "publish", "banca-demo", BANK)["notes"]
    )


def test_a_request_says_why_it_waits_and_shows_the_value_only_when_asked(office: Office) -> None:
    content = office.send("RV_20260301_001.txt", seed=1)
    rows = [line for line in content.decode().splitlines() if line.startswith("20")]
    table = office.folder / "scores.csv"
    table.write_text("cf,score\n" + "".join(f"{row[25:41]},1234567\n" for row in rows))
    settings = {"file": str(table), "key": {"codice_fiscale": "cf"}, "result": {"punteggio": "score"}}
    for service in ("VIS1", "VIS2"):
        office.run("service", "set", service, "--provider", "table", "--settings", json.dumps(settings))
    office.run("run", "--once")
    misfit = "result.punteggio does not fit richiesta.punteggio (integer, at most 6 digits, no decimals, no sign)"
    reference = office.json("work", "list")[0]["reference"]
    for more, value in (([], ""), (["--reveal"], ": 1234567")):
        assert office.json("work", "list", *more)[0]["reason"] == misfit + value
        assert office.json("trace", reference, *more)[0]["reason"] == misfit + value
        assert office.json("arrival", "show", "A-1", *more)["open"][0]["reason"] == misfit + value
        assert ("1234567" in office.run("arrival", "show", "A-1", *more)) == bool(value)


def test_an_rsa_key_is_taken_with_a_note_on_clients_that_cannot_use_it(office: Office) -> None:
    for kind in ("rsa", "ed25519"):
        key = office.folder / kind
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", key], check=True)
        said = office.run("key", "add", "banca-demo", key.with_suffix(".pub"))
        assert ("SHA-1" in said) == (kind == "rsa")


def test_a_refused_file_is_shown_with_its_lines_and_is_the_customers_to_mend(office: Office) -> None:
    office.send("RV_20260301_001.txt", seed=1)
    path = office.home / "inbox" / "RV_20260301_001.txt"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:-1], lines[-1][:2] + b"0000009" + lines[-1][9:]]))
    office.run("run", "--once")
    (found,) = office.json("arrival", "show", "A-1")["findings"]
    wanted = {"code": "TR-T401", "path": "coda.righe", "first_line": 5, "count": 1}
    assert wanted.items() <= found.items()
    assert found["text"] == "the total differs from what the file holds"
    made = office.home.parent / "RV_20260301_002.txt"
    office.send("RV_20260301_002.txt", seed=2)
    (office.home / "inbox" / "RV_20260301_002.txt").rename(made)
    made.write_bytes(IMPORTO.sub(rb"\g<1>00000000000", made.read_bytes()))
    made.rename(office.home / "inbox" / made.name)
    office.run("run", "--once")
    shown = {found["code"]: found for found in office.json("arrival", "show", "A-2")["findings"]}
    assert shown["TR-R304"]["path"] == "richiesta.BD-001" and shown["TR-R304"]["first_line"] == 2
    assert shown["TR-R304"]["text"].startswith("No maximum amount")
    said = office.run("arrival", "release", "A-1", "--reason", "looked at", code=2)
    assert "arrival A-1 is REFUSED: none of its requests was accepted" in said
    assert "do: the customer corrects the file and sends it again" in said


def test_a_failing_batch_is_told_with_its_files(office: Office) -> None:
    settings = {"file": str(office.folder / "none.csv"), "key": {"codice_fiscale": "cf"}, "result": {}}
    office.run("service", "set", "VIS1", "--provider", "table", "--settings", json.dumps(settings))
    office.run("service", "set", "VIS2", "--provider", "table", "--settings", json.dumps(settings))
    office.send("RV_20260301_001.txt", seed=1)
    office.run("run", "--once", code=3)
    (failing,) = office.json("status")["failing"]
    assert failing["files"] == "A-1 (RV_20260301_001.txt)"
    doctor = subprocess.run([BIN / "cominflow", "doctor"], env=office.environment, capture_output=True, text=True)
    assert "batch 1: A-1 (RV_20260301_001.txt) failed once: " in doctor.stdout
