"""Claiming: each completed file is taken once, and a file that is still written is not."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from cominflow import failpoint
from cominflow.limits import BATCH_ARRIVALS_MAX, BATCH_SMALL_FILE_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cominflow.exchange.disk import Folders
    from cominflow.models import Arrival, Customer

# The models can only be imported once Django is set up, which `database` does.
pytestmark = pytest.mark.usefixtures("database")

OVERWRITE = "import sys; open(sys.argv[1], 'wb').write(b'the second upload')"


@pytest.fixture
def disarm() -> Iterator[None]:
    yield
    failpoint.arm(None)


def claim(folders: Folders, customer: Customer, at: datetime) -> list[Arrival]:
    from cominflow.exchange.claim import claim
    from cominflow.models import Arrival

    ids = claim(folders, customer, at=at)
    rows = Arrival.objects.in_bulk(ids)
    return [rows[pk] for pk in ids]


def content(folders: Folders, arrival: Arrival) -> bytes:
    return (folders.spool / arrival.claim_id).read_bytes()


def test_a_completed_file_leaves_the_inbox_and_becomes_an_arrival(
    folders: Folders, customer: Customer, inbox: Path, at: datetime
) -> None:
    (inbox / "RV_20260301_001.txt").write_bytes(b"richiesta\r\n")
    (arrival,) = claim(folders, customer, at)
    assert list(inbox.iterdir()) == []
    assert content(folders, arrival) == b"richiesta\r\n"
    assert (arrival.state, bytes(arrival.name), arrival.bytes_count) == ("CLAIMED", b"RV_20260301_001.txt", 11)
    assert (arrival.customer, arrival.claimed_at, arrival.batch.created_at) == (customer, at, at)
    assert claim(folders, customer, at) == []


def test_a_name_of_any_bytes_is_claimed(folders: Folders, customer: Customer, inbox: Path, at: datetime) -> None:
    (inbox / os.fsdecode(b"\xff\n -rf")).write_bytes(b"x")
    (arrival,) = claim(folders, customer, at)
    assert bytes(arrival.name) == b"\xff\n -rf"
    assert "\n" not in arrival.shown_name


def test_a_file_that_is_still_written_stays_until_its_writer_closes_it(
    folders: Folders, customer: Customer, inbox: Path, at: datetime
) -> None:
    with (inbox / "a.txt").open("wb") as writer:
        writer.write(b"first half, ")
        writer.flush()
        assert claim(folders, customer, at) == []
        writer.write(b"second half")
    (arrival,) = claim(folders, customer, at)
    assert content(folders, arrival) == b"first half, second half"


def test_a_file_that_somebody_has_open_is_told_among_what_waits_and_is_not_held_up(
    folders: Folders, customer: Customer, inbox: Path, at: datetime
) -> None:
    from cominflow.exchange.claim import waiting
    from cominflow.models import Event

    (inbox / "b.txt").write_bytes(b"whole")
    with (inbox / "a.txt").open("wb") as writer:
        (told,) = waiting(folders, customer, at=at)
        assert told.name == b"a.txt" and told.why.startswith("somebody has it open for writing")
        assert len(claim(folders, customer, at)) == 1
        writer.write(b"more")
    assert waiting(folders, customer, at=at) == []
    os.close(os.open(inbox / "a.txt", os.O_WRONLY | os.O_NONBLOCK))  # refused while anybody has a lease
    assert not Event.objects.filter(what="ignored").exists(), "it is no trouble: it is being written"


def test_a_file_that_may_not_be_read_is_told_with_what_to_do_and_reported_once(
    folders: Folders, customer: Customer, inbox: Path, at: datetime
) -> None:
    from cominflow.exchange.claim import waiting
    from cominflow.models import Event

    (inbox / "a.txt").write_bytes(b"x")
    (inbox / "a.txt").chmod(0)
    with without_roots_rights():
        for _ in range(2):
            assert claim(folders, customer, at) == []
        (told,) = waiting(folders, customer, at=at)
    why = "it cannot be opened (Permission denied); let our account read it: `chmod u+r`, or `chown`"
    assert (told.name, told.why) == (b"a.txt", why)
    assert list(Event.objects.filter(what="ignored").values_list("reason", flat=True)) == [f"a.txt: {why}"]


@contextmanager
def without_roots_rights() -> Iterator[None]:
    """In this thread root may read no more than the modes of files say, like any other account."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, before, after = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, before) == 0
    after[:] = before[:]
    after[0] &= ~0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, of those in effect
    assert libc.capset(header, after) == 0
    try:
        yield
    finally:
        assert libc.capset(header, before) == 0


def test_small_files_share_a_batch_and_a_large_one_has_its_own(
    folders: Folders, customer: Customer, inbox: Path, at: datetime
) -> None:
    for number in range(BATCH_ARRIVALS_MAX + 1):
        (inbox / f"{number}.txt").write_bytes(b"x")
    (inbox / "large.txt").write_bytes(b"x" * (BATCH_SMALL_FILE_BYTES_MAX + 1))
    by_batch: dict[int, list[str]] = {}
    for arrival in claim(folders, customer, at):
        by_batch.setdefault(arrival.batch_id, []).append(arrival.shown_name)
    assert sorted(len(names) for names in by_batch.values()) == [1, 1, BATCH_ARRIVALS_MAX]
    assert ["large.txt"] in by_batch.values()


def test_a_file_with_a_second_name_is_copied_so_that_the_other_name_cannot_change_it(
    folders: Folders, customer: Customer, inbox: Path, at: datetime, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_bytes(b"as it was")
    os.link(outside, inbox / "a.txt")
    (arrival,) = claim(folders, customer, at)
    outside.write_bytes(b"changed afterwards")
    assert content(folders, arrival) == b"as it was"
    assert list(inbox.iterdir()) == []


def test_what_is_no_file_stays_and_is_reported_once(
    folders: Folders, customer: Customer, inbox: Path, at: datetime
) -> None:
    from cominflow.models import Event

    os.symlink("/etc/passwd", inbox / "link")
    for _ in range(3):
        assert claim(folders, customer, at) == []
    events = Event.objects.filter(subject="inbox banca-demo").values_list("what", "reason")
    assert list(events) == [("ignored", "link: a symbolic link, not a file")]


def test_what_is_no_file_and_comes_again_is_reported_again(
    folders: Folders, customer: Customer, inbox: Path, at: datetime
) -> None:
    from cominflow.exchange.claim import Memory
    from cominflow.exchange.claim import claim as take
    from cominflow.models import Event

    memory, another = Memory(), Memory()
    for _ in range(2):
        os.symlink("/etc/passwd", inbox / "link")
        for each in (memory, memory, another):  # an engine that begins now goes by what was reported
            take(folders, customer, at=at, memory=each)
        (inbox / "link").unlink()
        take(folders, customer, at=at, memory=memory)
    assert Event.objects.filter(subject="inbox banca-demo", what="ignored").count() == 2


def test_an_upload_that_is_never_renamed_is_reported_once(folders: Folders, customer: Customer, inbox: Path) -> None:
    from cominflow.models import Event

    (inbox / "a.txt.part").write_bytes(b"half")
    written = datetime.fromtimestamp((inbox / "a.txt.part").stat().st_ctime, UTC)
    for minutes in (1, 11, 12):
        assert claim(folders, customer, written + timedelta(minutes=minutes)) == []
    (event,) = Event.objects.filter(subject="inbox banca-demo")
    assert event.at == written + timedelta(minutes=11)
    assert event.reason == "a.txt.part: is a temporary name (ends with .part); rename it when it is complete"


def test_the_claim_is_written_down(folders: Folders, customer: Customer, inbox: Path, at: datetime) -> None:
    from cominflow.exchange import arrivals

    (inbox / "a.txt").write_bytes(b"x")
    (arrival,) = claim(folders, customer, at)
    assert [(event.what, event.at) for event in arrivals.history(arrival)] == [("CLAIMED", at)]


@pytest.mark.usefixtures("disarm")
def test_a_file_whose_writer_waits_goes_back_and_is_claimed_with_what_he_wrote(
    folders: Folders, customer: Customer, inbox: Path, at: datetime
) -> None:
    """He found the name before the rename: without this he would overwrite the claimed file in the spool."""
    from cominflow.models import Arrival

    path = inbox / "a.txt"
    path.write_bytes(b"the first upload")
    writers = []

    def overwrite(name: str) -> None:
        if name == "claim.leased":
            writer = subprocess.Popen([sys.executable, "-c", OVERWRITE, str(path)])
            writers.append(writer)
            while not _is_waiting_to_open(writer.pid):
                os.sched_yield()

    failpoint.arm(overwrite)
    assert claim(folders, customer, at) == []
    failpoint.arm(None)
    assert writers[0].wait() == 0
    assert not Arrival.objects.exists()
    (arrival,) = claim(folders, customer, at)
    assert content(folders, arrival) == b"the second upload"


def _is_waiting_to_open(pid: int) -> bool:
    """Whether a process sleeps in the kernel, waiting for a lease to end."""
    with open(f"/proc/{pid}/wchan", encoding="ascii") as wchan:
        return "lease" in wchan.read()


@pytest.mark.usefixtures("disarm")
def test_a_file_that_the_client_removes_meanwhile_is_vanished(
    folders: Folders, customer: Customer, inbox: Path, at: datetime
) -> None:
    from cominflow.models import Arrival

    (inbox / "a.txt").write_bytes(b"x")
    (inbox / "b.txt").write_bytes(b"x")
    failpoint.arm(lambda name: (inbox / "a.txt").unlink(missing_ok=True) if name == "claim.leased" else None)
    (arrival,) = claim(folders, customer, at)
    assert arrival.shown_name == "b.txt"
    vanished = Arrival.objects.get(state="VANISHED")
    assert vanished.shown_name == "a.txt" and "neither there nor in the spool" in vanished.reason


@pytest.mark.usefixtures("disarm")
def test_a_file_that_the_client_renames_meanwhile_is_claimed_under_its_new_name(
    folders: Folders, customer: Customer, inbox: Path, at: datetime
) -> None:
    (inbox / "a.txt").write_bytes(b"x")

    def rename(name: str) -> None:
        if name == "claim.leased" and (inbox / "a.txt").exists():
            (inbox / "a.txt").rename(inbox / "b.txt")

    failpoint.arm(rename)
    assert claim(folders, customer, at) == []
    failpoint.arm(None)
    (arrival,) = claim(folders, customer, at)
    assert arrival.shown_name == "b.txt" and content(folders, arrival) == b"x"


@pytest.mark.usefixtures("disarm")
def test_a_file_that_takes_the_name_meanwhile_is_claimed_whole(
    folders: Folders, customer: Customer, inbox: Path, at: datetime
) -> None:
    (inbox / "a.txt").write_bytes(b"the first")
    (inbox / ".new").write_bytes(b"the second")

    def replace(name: str) -> None:
        if name == "claim.intended" and (inbox / ".new").exists():
            (inbox / ".new").replace(inbox / "a.txt")

    failpoint.arm(replace)
    (arrival,) = claim(folders, customer, at)
    assert content(folders, arrival) == b"the second" and arrival.bytes_count == 10


def test_an_inbox_that_is_missing_is_named_with_what_to_do(
    folders: Folders, customer: Customer, inbox: Path, at: datetime
) -> None:
    from cominflow.errors import WorldError

    inbox.rmdir()
    with pytest.raises(WorldError, match="inbox") as caught:
        claim(folders, customer, at)
    assert caught.value.hint


def test_a_file_of_the_spool_that_no_row_knows_goes_to_quarantine_with_a_message(
    folders: Folders, customer: Customer, at: datetime
) -> None:
    from cominflow.exchange.claim import recover
    from cominflow.models import Event

    (folders.spool / "0123456789abcdef").write_bytes(b"whose?")
    assert recover(folders, at=at).orphans == ["0123456789abcdef"]
    place = folders.quarantine / "spool-0123456789abcdef"
    assert (place / "payload").read_bytes() == b"whose?"
    assert "the database does not know" in (place / "reason.json").read_text()
    assert "0123456789abcdef" in Event.objects.get(subject="spool").reason
    assert recover(folders, at=at).orphans == []


def test_two_threads_that_claim_at_once_take_every_file_once(
    folders: Folders, customer: Customer, inbox: Path, at: datetime
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    for number in range(60):
        (inbox / f"{number}.txt").write_bytes(b"%d" % number)

    def work() -> list[bytes]:
        try:
            return [content(folders, arrival) for arrival in claim(folders, customer, at)]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        taken = [one for future in [pool.submit(work) for _ in range(4)] for one in future.result()]
    assert sorted(taken, key=int) == [b"%d" % number for number in range(60)]
