"""No log, no table of the engine, no error, event or screen repeats what a file says of a person, whatever fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance import marked
from tests.acceptance.marked import CUSTOMER, Marks
from tests.simulation import schedules
from tests.system import LAYOUTS, ROOT, System

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The server's: they fail in the test of the server below.
OF_THE_SERVER = ("host_key.", "upload.")
# What needs a scene of its own: two layouts, markers, repeats, a program, a pause, many references, and names in the
# inbox that others hold.
OF_THE_RARE = {
    "claim.copied", "claim.copy_dropped", "claim.copy_named", "claim.copy_unlinked", "claim.returned",
    "claim.returned_durable", "claim.withdrawn", "claim.marker_removed", "claim.markers_durable", "publish.tidied",
    "repeats.looked", "repeats.decided", "references.collected", "references.merged", "references.committed",
    "receive.older_layout", "batch.paused", "command.begun", "command.given", "command.answered", "command.left",
}  # fmt: skip


class Place:
    """A system with marked files, and what its commands said."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder, self.marks = folder, Marks()
        self.system = System(folder, database_url)

    def furnish(self) -> None:
        """A bank whose requests a provider fulfils that quotes them, and a person."""
        folder = self.folder
        ways = marked.make_provider(folder / "providers")
        self.system.environment["PYTHONPATH"] = f"{folder / 'providers'}:{ROOT}"
        (folder / "visure.toml").write_text(marked.layout_text())
        (folder / "feed.toml").write_text((LAYOUTS / CUSTOMER / "feed.toml").read_text())
        self._publish("quoting", {"ways": str(ways)}, folder / "visure.toml")

    def furnish_rarely(self) -> None:
        """A bank whose requests a program fulfils; it sends markers and repeats, and has just got another layout."""
        folder = self.folder
        program, ways = marked.make_program(folder / "program")
        settings = {
            "program": [sys.executable, str(program), "{input}", "{output}", str(ways)],
            "request": {"codice_fiscale": "cf"},
            "result": {"punteggio": "score"},
            "outcome": {"from": "outcome"},
        }
        old, feed = marked.layout_text(), (LAYOUTS / CUSTOMER / "feed.toml").read_text()
        new = old.replace('version    = "2.0.0"', 'version    = "3.0.0"').replace("2026-01-01", "2026-06-01")
        new = new.replace('tipo = "20"', 'tipo = "21"').replace('value = "20"', 'value = "21"')
        rules = (
            "calendar.old_layout_until = 2999-12-31",
            'repeats = { same_request = "answer-again", changed_request = "refuse" }',
        )
        (folder / "feed.toml").write_text(
            feed.replace('"commit"', '"marker"').replace("[names]", "\n".join([*rules, "[names]"]))
        )
        (folder / "old.toml").write_text(old)
        (folder / "new.toml").write_text(new)
        self._publish("command", settings, folder / "new.toml", folder / "old.toml")

    def _publish(self, provider: str, settings: object, *layouts: Path) -> None:
        """The bank with its feed, its first service of the provider, and its second of a person."""
        self.system.run_all(
            ["init"],
            ["customer", "add", CUSTOMER, "--name", "Banca Demo"],
            ["service", "add", "VIS1", "--title", "Visura", "--provider", provider, "--settings", json.dumps(settings)],
            ["service", "add", "VIS2", "--title", "Visura storica", "--provider", "manual"],
            ["price", "set", CUSTOMER, "VIS1", "3.50"],
            ["price", "set", CUSTOMER, "VIS2", "5.90"],
            [
                *("feed", "publish", CUSTOMER, str(self.folder / "feed.toml")),
                *(word for layout in layouts for word in ("--layout", str(layout))),
            ],
        )

    def failing(self, *words: str, form: str) -> tuple[str, str]:
        """What a command and its operator said while everything failed once: standard output and standard error."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.acceptance.failing", self.folder, *self.marks.persons[:3],
             self.marks.persons[-1], self.marks.references[0], "--", *words],
            env={**self.system.environment, "COMINFLOW_LOG": form},
            cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
        return done.stdout, done.stderr

    def let_pass(self, *, days: int) -> None:
        """Have all that ended have ended so many days earlier."""
        program = (
            "import django; django.setup()\n"
            "from datetime import timedelta\n"
            "from django.db.models import F\n"
            "from cominflow.models import Arrival, Batch\n"
            f"ago = timedelta(days={days})\n"
            "Arrival.objects.update(claimed_at=F('claimed_at') - ago, closed_at=F('closed_at') - ago)\n"
            "Batch.objects.update(finished_at=F('finished_at') - ago)\n"
        )
        self.python(program)

    def rows(self) -> Iterator[tuple[str, str]]:
        """(where, text) of all that the engine's own tables and our words about failures hold."""
        program = (
            "import json, django; django.setup()\n"
            "from tests.simulation import engine_tables\n"
            "from cominflow.models import Arrival, Batch, Delivery, Event\n"
            "rows = list(engine_tables.texts())\n"
            "for model, names in ((Arrival, ('reason', 'reason_it', 'reason_en')), (Batch, ('error',)),\n"
            "                     (Delivery, ('reason',)), (Event, ('subject', 'what', 'by', 'reason'))):\n"
            "    rows += [(model.__name__, ' '.join(map(str, row))) for row in model.objects.values_list(*names)]\n"
            "print(json.dumps(rows))\n"
        )
        yield from (tuple(row) for row in json.loads(self.python(program)))

    def python(self, program: str) -> str:
        """What a program printed that looks into the system's database."""
        environment = {**self.system.environment, "DJANGO_SETTINGS_MODULE": "cominflow.settings"}
        command = [sys.executable, "-c", program]
        return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def place(tmp_path: Path, migrated_url: str) -> Place:
    """A new system."""
    return Place(tmp_path, migrated_url)


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_mark_of_a_person_leaves_the_file_while_every_step_fails(place: Place, form: str) -> None:
    marks, system = place.marks, place.system
    place.furnish()
    for number, content in enumerate(
        (
            marks.file(300, service="VIS1", by_hand=2, wrong=2),
            marks.file(4, service="VIS1", by_hand=1),
            marks.file(3, service="VIS1").replace(b"\r\n99", b"\r\n98"),  # no such record
        ),
        start=1,
    ):
        system.place(CUSTOMER, f"RV_20260301_{number:03}.txt", content)
    system.place(CUSTOMER, "pippo.txt", marks.file(2, service="VIS1"))
    printed, log = place.failing("run", "--once", form=form)
    by_hand = marks.references[299]  # the last request of the first file
    answer = ("work", "answer", by_hand, "--outcome", "fulfilled", "--field", "punteggio=7")
    undo = ("work", "undo", by_hand, "--reason", "looked at")
    again, errors = "", ""
    system.run("work", "answer", marks.references[298], "--outcome", "not_found")  # so that the file comes to its end
    for words in (("work", "assign", by_hand, "rossi"), answer, undo, answer):
        more = place.failing(*words, form=form)
        again, errors = again + more[0], errors + more[1]  # a command that works at once keeps no log
    for number in (11, 12, 13, 14):  # what failed was put right on another way: these go the usual one
        (system.data / "spool" / f"nobody-{number}").write_bytes(marks.file(1, service="VIS1"))
        system.place(CUSTOMER, f"RV_20260301_{number:03}.txt", marks.file(2, service="VIS1"))
        system.place(CUSTOMER, f"pippo-{number}.txt", marks.file(2, service="VIS1"))
        more = place.failing("run", "--once", form=form)
        again, log = again + more[0], log + more[1]
    answers = b"".join(system.outbox(CUSTOMER).values())
    traced = system.run("trace", marks.references[10]) + system.run("trace", marks.references[10], "--json")
    gone = next(one for one in system.json("delivery", "list") if one["kind"] == "answer")
    (system.data / "customers" / CUSTOMER / gone["file"]).unlink()
    republish = ("delivery", "republish", gone["delivery"], "--reason", "looked at")
    place.let_pass(days=40)
    for words in (republish, ("run", "--once"), ("purge", "--older-than", "32d")):
        more = place.failing(*words, form=form)
        again, errors = again + more[0], errors + more[1]

    assert marks.in_text(log) == marks.in_text(errors, with_references=False) == []
    assert marks.in_text(printed + again + traced, with_references=False) == []
    assert [row for row in place.rows() if marks.in_text(row[1])] == []
    failed = (place.folder / "failed").read_text().split()
    source = schedules.in_source()
    assert sorted(OF_THE_RARE - set(source)) == [], "these steps are gone"
    wanted = {name for name in source if not name.startswith(OF_THE_SERVER)} - OF_THE_RARE
    assert sorted(wanted - set(failed)) == [], "these steps did not fail"
    assert (place.folder / "providers" / "ways").read_text() == "", "the provider failed in every way that it has"
    # It was all there to be quoted: the answer holds the persons, the log tells of the errors by type and place.
    assert marks.persons[24].encode() in answers
    for word in ("ValueError", "ArrowInvalid", "quoting_provider.py", "ExceptionGroup", "KeyError"):
        assert word in log, word
    if form == "json":
        told = [json.loads(line) for line in log.splitlines()]
        assert {"time", "level", "logger", "message"} <= set.intersection(*(set(line) for line in told))
        assert any({"batch", "arrival", "customer"} <= set(line) for line in told)
        assert any({"arrival", "delivery"} <= set(line) for line in told)


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_mark_of_a_person_leaves_the_file_on_a_rarer_way(place: Place, form: str) -> None:
    marks, system = place.marks, place.system
    place.furnish_rarely()
    inbox = system.data / "customers" / CUSTOMER / "inbox"
    (place.folder / "failed").write_text("".join(f"{name}\n" for name in set(schedules.in_source()) - OF_THE_RARE))
    counts = [300] * 4 + [250] * 17  # runs of one size, and rows enough to become a run
    contents = [marks.file(count, service="VIS1") for count in counts]
    before = [content[:10] + b"20260701" + content[18:] for content in contents[:4]]  # the new layout's time
    for number, content in enumerate([*before, *contents[4:]], start=1):
        name = f"RV_20260301_{number:03}.txt"
        system.place(CUSTOMER, f"{name}.ok", b"")
        system.place(CUSTOMER, name, content)
    (place.folder / "kept").hardlink_to(inbox / "RV_20260301_006.txt")
    (system.data / "publish" / "999.writing").write_bytes(contents[4])
    changed = before[0].replace(marks.persons[0].encode(), b"ZQCOG00000")

    said = []
    system.run("provider", "pause", "command", "--reason", "looked at")
    said.append(place.failing("run", "--once", form=form))
    system.run("provider", "resume", "command")
    said.append(place.failing("run", "--once", form=form))
    system.place(CUSTOMER, "RV_20260301_022.txt.ok", b"")
    system.place(CUSTOMER, "RV_20260301_022.txt", changed)
    (place.folder / "contested").write_text(str(inbox / "RV_20260301_022.txt"))
    said.append(place.failing("run", "--once", form=form))

    printed, log = ("".join(parts) for parts in zip(*said, strict=True))
    assert marks.in_text(log) == marks.in_text(printed, with_references=False) == []
    assert [row for row in place.rows() if marks.in_text(row[1])] == []
    assert sorted(OF_THE_RARE - set((place.folder / "failed").read_text().split())) == [], "these steps did not fail"
    assert (place.folder / "program" / "ways").read_text() == "", "the program failed in every way that it has"
    arrivals = system.json("arrival", "list")
    assert {one["state"] for one in arrivals} == {"CLOSED"} and len(arrivals) == 22
    assert b"".join(system.outbox(CUSTOMER).values()).count(marks.persons[24].encode()) == 2, "in the answer, twice"


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_mark_of_a_person_is_in_the_log_of_a_server_that_fails(
    place: Place, form: str, program: Callable[[str], str]
) -> None:
    marks, system = place.marks, place.system
    place.furnish()
    program("sftp")
    subprocess.run([program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", place.folder / CUSTOMER], check=True)
    system.run("key", "add", CUSTOMER, place.folder / f"{CUSTOMER}.pub")
    names = [f"RV_20260301_{number:03}.txt" for number in range(1, 5)]
    for name in names:
        (place.folder / name).write_bytes(marks.file(3, service="VIS1"))
    command = [sys.executable, "-m", "tests.acceptance.failing", place.folder, *marks.persons[:3], "--"]
    with (place.folder / "sftp.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "sftp", "--listen", "127.0.0.1:0"],
            env={**system.environment, "COMINFLOW_LOG": form, "PYTHONUNBUFFERED": "1"},
            cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            line = next(line for line in process.stdout if line.startswith("sftp listening on "))
            system.port = int(line.split(",")[0].rpartition(":")[2])
            known = next(line for line in process.stdout if line.startswith("known_hosts: "))
            (place.folder / "known_hosts").write_text(known.removeprefix("known_hosts: "))
            inbox = system.data / "customers" / CUSTOMER / "inbox"
            for _ in range(12):  # a client goes on until its files are there
                missing = [name for name in names if not (inbox / name).exists()]
                if not missing:
                    break
                puts = [f"-put {name} /inbox/{name}.part" for name in missing]
                system.sftp(CUSTOMER, *puts, *(f"-rename /inbox/{name}.part /inbox/{name}" for name in missing))
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()
    said = (place.folder / "sftp.log").read_text()
    assert all((inbox / name).read_bytes() == (place.folder / name).read_bytes() for name in names)
    assert marks.in_text(said) == []
    failed = (place.folder / "failed").read_text().split()
    wanted = {step for step in schedules.in_source() if step.startswith(OF_THE_SERVER)}
    # The key had its name already when what comes after that failed: it is never made again.
    assert wanted - set(failed) == {"host_key.durable"}
    assert "ValueError" in said and "upload.py" in said
    if form == "json":
        told = [json.loads(line) for line in said.splitlines()]
        assert any(line.get("customer") == CUSTOMER and line.get("error") for line in told)
