"""`cominflow` as a process: what an operator types, what comes back, and with which exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import preloaded

ROOT = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).parent / "cominflow"
BANK = ROOT / "layouts" / "banca-demo" / "feed.toml"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f demo"


class System:
    """One data folder and database, and the command run on them."""

    def __init__(self, data: Path, database_url: str) -> None:
        self.data = data
        self.environment = {**os.environ, "COMINFLOW_DATA": str(data), "COMINFLOW_DATABASE_URL": database_url}

    def run(self, *arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the command and demand its exit code."""
        done = subprocess.run(
            [preloaded.program("cominflow"), *map(str, arguments)],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments: str | Path) -> Any:
        """What the command prints with --json."""
        return json.loads(self.run(*arguments, "--json").stdout)


@pytest.fixture
def bare(tmp_path: Path, database_url: str) -> System:
    return System(tmp_path / "var", database_url)


@pytest.fixture
def system(tmp_path: Path, migrated_url: str) -> System:
    made = System(tmp_path / "var", migrated_url)
    made.run("init")
    return made


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "demo.pub"
    path.write_text(KEY + "\n", encoding="utf-8")
    return path


def test_help_lists_the_commands_and_exit_codes(bare: System) -> None:
    shown = bare.run("--help").stdout
    assert "feed" in shown and "Exit codes" in shown


def test_help_imports_neither_django_nor_pandas(bare: System) -> None:
    code = "import sys; from cominflow.__main__ import *; assert run(group, 'x', ['-h']) == 0; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=bare.environment, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert not loaded & {"django", "pandas", "numpy", "pyarrow", "paramiko", "dbos"}
    of_library = {name for name in loaded if name.startswith("tracciati.")}
    assert of_library <= {"tracciati.cli", "tracciati.cli.streams", "tracciati.cli.words", "tracciati.wording"}


def test_a_system_begins_with_init_and_init_can_be_repeated(bare: System) -> None:
    assert "cominflow customer add" in bare.run("init").stdout
    assert bare.json("init")["customers"] == 0
    folders = {path.name for path in bare.data.iterdir()}
    assert folders >= {"customers", "staging", "spool", "publish", "quarantine", "archive", "state"}
    bare.run("customer", "add", "banca-demo", "--name", "Banca Demo")
    assert bare.json("init")["customers"] == 1


def test_init_makes_no_empty_database_beside_the_files_of_another(bare: System) -> None:
    bare.run("init")
    bare.run("customer", "add", "banca-demo", "--name", "Banca Demo")
    other = bare.data / "state" / "other.db"
    bare.environment["COMINFLOW_DATABASE_URL"] = f"sqlite:///{other}"
    for arguments in (("init",), ("status",), ("run", "--once")):
        told = bare.run(*arguments, code=3).stderr
        assert f"{other}: it is gone or empty" in told and "restore it from the backup" in told
    assert not other.exists()
    other.touch()
    for arguments in (("init",), ("status",)):
        assert "there was one: see" in bare.run(*arguments, code=3).stderr


def test_without_init_every_command_says_so(bare: System) -> None:
    for arguments in (("status",), ("customer", "list"), ("trace", "X"), ("feed", "list"), ("arrival", "list")):
        told = bare.run(*arguments, code=2).stderr
        assert "cominflow init" in told and "Traceback" not in told


def test_the_data_folder_can_be_an_option(bare: System, tmp_path: Path) -> None:
    del bare.environment["COMINFLOW_DATA"]
    shown = bare.json("--data", tmp_path / "elsewhere", "init")
    assert shown["data"] == str(tmp_path / "elsewhere") and (tmp_path / "elsewhere" / "customers").is_dir()


def test_a_customer_gets_folders_and_is_shown(system: System) -> None:
    system.run("customer", "add", "banca-demo", "--name", "Banca Demo", "--vat-number", "01234567897")
    for folder in ("inbox", "outbox", "receipts"):
        assert (system.data / "customers" / "banca-demo" / folder).is_dir()
    (listed,) = system.json("customer", "list")
    assert listed["code"] == "banca-demo" and listed["vat_number"] == "01234567897"
    shown = system.json("customer", "show", "banca-demo")
    assert shown["inbox"] == str(system.data / "customers" / "banca-demo" / "inbox")
    assert "Banca Demo" in system.run("customer", "show", "banca-demo").stdout


def test_a_customer_is_corrected(system: System) -> None:
    system.run("customer", "add", "banca-demo", "--name", "Banca Dmeo")
    assert system.json("customer", "set", "banca-demo", "--name", "Banca Demo")["name"] == "Banca Demo"
    assert (
        "the check digit 7" in system.run("customer", "set", "banca-demo", "--vat-number", "01234567890", code=2).stderr
    )
    assert "nothing to change" in system.run("customer", "set", "banca-demo", code=2).stderr


def test_a_wrong_name_is_wrong_usage_and_names_the_nearest(system: System) -> None:
    system.run("customer", "add", "banca-demo", "--name", "Banca Demo")
    told = system.run("customer", "show", "banca-dmo", code=2).stderr
    assert told == "error: there is no customer 'banca-dmo'\n  do: did you mean banca-demo?\n"
    assert "No such command" in system.run("customr", code=2).stderr


def test_a_key_is_added_listed_and_withdrawn(system: System, key_file: Path) -> None:
    system.run("customer", "add", "banca-demo", "--name", "Banca Demo")
    added = system.json("key", "add", "banca-demo", key_file)
    assert added["kind"] == "ssh-ed25519" and added["comment"] == "demo"
    (listed,) = system.json("key", "list", "banca-demo")
    assert listed["fingerprint"] == added["fingerprint"] and listed["withdrawn_at"] is None
    system.run("key", "add", "banca-demo", key_file, code=2)
    system.run("key", "withdraw", "banca-demo", added["fingerprint"])
    (ended,) = system.json("key", "list", "banca-demo")
    assert ended["withdrawn_at"] is not None


def test_a_private_key_is_not_taken(system: System, tmp_path: Path) -> None:
    system.run("customer", "add", "banca-demo", "--name", "Banca Demo")
    private = tmp_path / "key"
    private.write_text(
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", encoding="utf-8"
    )
    assert "private key" in system.run("key", "add", "banca-demo", private, code=2).stderr


def test_services_and_prices_are_entered_and_listed(system: System) -> None:
    system.run("customer", "add", "banca-demo", "--name", "Banca Demo")
    system.run("service", "add", "VIS1", "--title", "Visura ordinaria", "--provider", "manual")
    assert [row["vat_percent"] for row in system.json("service", "list")] == ["22"]
    told = system.run("price", "set", "banca-demo", "VIS1", "3.5").stdout
    assert told.startswith("VIS1 costs banca-demo 3.50 EUR from ")
    system.run("price", "set", "banca-demo", "VIS1", "3.80", "--from", "2100-01-01")
    assert [row["unit_price"] for row in system.json("price", "list", "--customer", "banca-demo")] == ["3.80", "3.50"]


REFUSED: list[tuple[tuple[str, ...], str]] = [
    (("price", "set", "banca-demo", "VIS1", "3,50"), "'3,50' is not a price such as 3.50"),
    (("price", "set", "banca-demo", "VIS1", "-1"), "a price cannot be negative"),
    (("price", "set", "banca-demo", "VIS9", "3.50"), "did you mean VIS1?"),
    (("service", "set", "VIS1"), "nothing to change is given"),
    (("service", "set", "VIS1", "--settings", '{"x": 1}'), "is not a setting"),
    (("service", "set", "VIS1", "--provider", "table"), "give either 'file'"),
    (("price", "set", "banca-demo", "VIS1", "3.50", "--from", "2001-01-01"), "which is past"),
    (("service", "add", "VIS2", "--title", "Visura", "--provider", "tabel"), "did you mean table?"),
    (("service", "add", "VIS2", "--title", "V", "--provider", "manual", "--settings", "{"), "is not JSON"),
    (("service", "add", "VIS2", "--title", "V", "--provider", "manual", "--settings", '{"x": 1}'), "is not a setting"),
    (("service", "add", "VIS2", "--title", "V", "--provider", "manual", "--vat", "x"), "is not a VAT rate"),
    (("arrival", "list", "--state", "GONE"), "there is no state GONE"),
    (("arrival", "show", "A-1"), "there is no arrival A-1"),
    (("arrival", "release", "A-1", "--reason", "again"), "there is no arrival A-1"),
    (("arrival", "discard", "A-1", "--reason", " "), "--reason is empty"),
    (("work", "answer", "PRATICA-1", "--outcome", "fulfilled"), "no request is called 'PRATICA-1'"),
    (("trace", "PRATICA-1"), "no accepted request is called 'PRATICA-1'"),
    (
        ("trace", "A-1/12"),
        "do: write the customer's own reference, as it is in the file (see it with `cominflow arrival",
    ),
    (("feed", "show", "banca-demo", "orders"), "banca-demo has no feed 'orders'"),
]


def test_what_cannot_be_done_says_why_and_what_to_do(system: System) -> None:
    system.run("customer", "add", "banca-demo", "--name", "Banca Demo")
    system.run("service", "add", "VIS1", "--title", "Visura ordinaria", "--provider", "manual")
    for arguments, expected in REFUSED:
        told = system.run(*arguments, code=2).stderr
        assert expected in told and "\n  do: " in told and "Traceback" not in told, arguments


def test_a_feed_that_begins_with_a_byte_order_mark_is_read(bare: System, tmp_path: Path) -> None:
    for file in BANK.parent.glob("*.toml"):
        (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8-sig")
    told = bare.run("feed", "check", tmp_path / "feed.toml").stdout
    assert "in order: banca-demo-visure@" in told


def test_a_feed_is_checked_without_a_system(bare: System) -> None:
    told = bare.run("feed", "check", BANK).stdout
    assert "in order: banca-demo-visure@" in told and "RV_{date:%Y%m%d}_{seq:3}.txt" in told
    assert not bare.data.exists()


def test_a_feed_with_keys_that_wait_has_findings(bare: System) -> None:
    samples = ROOT / "tests" / "samples"
    arguments = (samples / "banca-demo-feed.toml", "--layout", samples / "banca-demo-visure.toml")
    told = bare.run("feed", "check", *arguments, code=1).stdout
    assert "tests/samples/banca-demo-feed.toml:8: `calendar.cut_off` has no behaviour in this version" in told


def test_a_broken_feed_is_told_line_by_line(bare: System, tmp_path: Path) -> None:
    path = tmp_path / "feed.toml"
    path.write_text(BANK.read_text(encoding="utf-8").replace("accept ", "acept "), encoding="utf-8")
    told = bare.run("feed", "check", path, code=1).stderr
    assert f"{path}:4:1: unknown key `acept`\n  do: did you mean `accept`?" in told


def test_a_feed_goes_live_and_the_same_words_change_nothing(system: System) -> None:
    system.run("customer", "add", "banca-demo", "--name", "Banca Demo")
    first = system.json("feed", "publish", "banca-demo", BANK)
    assert (first["version"], first["state"], first["is_new"]) == (1, "LIVE", True)
    assert any("VIS1 has no price for banca-demo" in note for note in first["notes"])
    assert "nothing changed" in system.run("feed", "publish", "banca-demo", BANK.parent).stdout
    (listed,) = system.json("feed", "list")
    assert (listed["customer"], listed["feed"], listed["version"]) == ("banca-demo", "banca-demo-visure", 1)
    assert system.json("feed", "show", "banca-demo", "banca-demo-visure")["text"] == BANK.read_text(encoding="utf-8")


def test_a_draft_that_goes_live_with_the_same_words_is_a_change(system: System) -> None:
    system.run("customer", "add", "banca-demo", "--name", "Banca Demo")
    assert "version 1, DRAFT" in system.run("feed", "publish", "banca-demo", BANK, "--draft").stdout
    assert "nothing changed: " in system.run("feed", "publish", "banca-demo", BANK, "--draft").stdout
    told = system.run("feed", "publish", "banca-demo", BANK).stdout
    assert "published: feed banca-demo-visure of banca-demo, version 1, LIVE" in told


def test_a_feed_of_a_public_layout_finds_it(system: System) -> None:
    system.run("customer", "add", "cbi-riba-demo", "--name", "CBI Demo")
    told = system.run("feed", "publish", "cbi-riba-demo", ROOT / "layouts" / "cbi-riba-demo" / "feed.toml").stdout
    assert "published: feed cbi-riba of cbi-riba-demo, version 1, LIVE" in told


def test_an_empty_system_lists_nothing_and_says_so(system: System) -> None:
    assert system.run("arrival", "list").stdout == "no such arrival\n"
    assert system.run("work", "list").stdout == "nothing is open\n"
    assert system.json("arrival", "list") == system.json("work", "list") == []
    status = system.json("status")
    assert (status["customers"], status["arrivals"], status["requests_waiting_for_a_person"]) == (0, {}, 0)


def test_a_customer_whose_folders_cannot_be_made_is_none(system: System) -> None:
    place, elsewhere = system.data / "customers" / "y", system.data.parent / "y"
    place.write_text("in the way")
    system.run("customer", "add", "y", "--name", "Y", code=3)
    assert system.json("customer", "list") == []
    place.unlink()
    # The link was made and the folder for uploads was not: given again, the command finishes.
    (system.data / "staging" / "y").write_text("in the way")
    system.run("customer", "add", "y", "--name", "Y", "--folder", elsewhere, code=3)
    (system.data / "staging" / "y").unlink()
    system.run("customer", "add", "y", "--name", "Y", "--folder", elsewhere)
    assert (elsewhere / "inbox").is_dir()

    (elsewhere / "inbox").rmdir()
    assert "made again with `cominflow init`" in system.run("run", "--once", code=3).stderr
    system.run("init")
    system.run("run", "--once")


def test_a_database_of_a_relative_path_is_wrong_usage(bare: System) -> None:
    bare.environment["COMINFLOW_DATABASE_URL"] = "sqlite:///rel.db"
    told = bare.run("init", code=2).stderr
    assert "names no whole path: sqlite:///rel.db" in told and "four slashes" in told


def test_a_missing_database_is_named(bare: System) -> None:
    bare.environment["COMINFLOW_DATABASE_URL"] = f"sqlite:///{bare.data}/state/none.db"
    assert f"there is no {bare.data}/state/none.db" in bare.run("status", code=2).stderr


def test_a_folder_that_may_not_be_entered_is_no_missing_system(tmp_path: Path, program: Any) -> None:
    system = System(tmp_path / "var", f"sqlite:///{tmp_path}/var/state/cominflow.db")
    system.run("init")
    state = system.data / "state"
    state.chmod(0)
    try:
        done = _run_without_rights(system, program)
    finally:
        state.chmod(0o700)
    assert done.returncode == 3, done.stderr
    assert f"cannot enter {state}: Permission denied" in done.stderr


def test_a_database_that_may_not_be_written_is_named_with_what_lies_beside_it(tmp_path: Path, program: Any) -> None:
    system = System(tmp_path / "var", f"sqlite:///{tmp_path}/var/state/cominflow.db")
    system.run("init")
    file = system.data / "state" / "cominflow.db"
    file.chmod(0o400)
    done = _run_without_rights(system, program, "customer", "add", "y", "--name", "Y")
    assert done.returncode == 3, done.stderr
    assert f"{file}: attempt to write a readonly database" in done.stderr and f"{file}-wal" in done.stderr


def _run_without_rights(system: System, program: Any, *words: str) -> subprocess.CompletedProcess[str]:
    """The command (by default `status`), without the rights of root to pass by those of files."""
    bounded = [program("setpriv"), "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps=-all"]
    prefix = [] if os.geteuid() else bounded
    return subprocess.run(
        [*prefix, COMMAND, *(words or ("status",))], env=system.environment, capture_output=True, text=True, check=False
    )


def test_output_into_a_closed_pipe_ends_quietly(system: System) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [COMMAND, "status"], env=system.environment, stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert done.returncode == 3 and done.stderr == ""


def test_no_command_shows_the_databases_password(bare: System) -> None:
    bare.environment["COMINFLOW_DATABASE_URL"] = "postgresql://demo:secret-word@127.0.0.1:1/demo"
    told = bare.run("status", code=3).stderr
    assert "postgresql://127.0.0.1:1/demo" in told and "secret-word" not in told


@pytest.mark.parametrize("url", ["garbage", "mysql://user:secret@host/x"])
def test_a_database_url_that_names_none_is_wrong_usage_and_keeps_its_password(bare: System, url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cominflow", "status"],
        env={**bare.environment, "COMINFLOW_DATABASE_URL": url},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "which is no database for cominflow" in done.stderr and "secret" not in done.stderr
