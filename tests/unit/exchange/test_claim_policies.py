"""Claiming by policy: a file is taken when its feed says that it is whole, not before; what waits is never lost."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cominflow.exchange.claim import Memory
    from cominflow.exchange.disk import Folders
    from cominflow.models import Arrival, Customer

pytestmark = pytest.mark.usefixtures("database")

LAYOUTS = Path(__file__).resolve().parents[3] / "layouts" / "banca-demo"
NAME = "RV_20260301_001.txt"
TAIL = b"99" + b" " * 198 + b"\r\n"


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(clock: Clock) -> Memory:
    from cominflow.exchange.claim import Memory

    return Memory(clock)


def publish(customer: Customer, complete: str) -> None:
    """The bank's feed, live, with a policy."""
    from cominflow import clock
    from cominflow.exchange import feeds

    text = (LAYOUTS / "feed.toml").read_text(encoding="utf-8")
    text = text.replace('complete           = "commit"', f"complete = {complete}")
    layout = (LAYOUTS / "visure.toml").read_text(encoding="utf-8")
    feeds.publish(customer, text, {"visure.toml": layout}, at=clock.now(), by="test")


def take(
    folders: Folders, customer: Customer, memory: Memory | None = None, *, after: timedelta = timedelta(0)
) -> list[Arrival]:
    from cominflow.exchange.claim import claim
    from cominflow.models import Arrival

    ids = claim(folders, customer, at=_now() + after, memory=memory)
    rows = Arrival.objects.in_bulk(ids)
    return [rows[pk] for pk in ids]


def waiting(folders: Folders, customer: Customer) -> dict[str, str]:
    from cominflow.exchange.claim import waiting

    return {os.fsdecode(one.name): one.why for one in waiting(folders, customer, at=_now())}


def told(customer: Customer) -> list[str]:
    from cominflow.models import Event

    return list(Event.objects.filter(subject=f"inbox {customer.code}").values_list("reason", flat=True))


def _now() -> datetime:
    from cominflow import clock

    return clock.now()  # files have the kernel's time, which nothing can set


def test_a_quiet_file_is_taken_when_nothing_has_changed_it_for_a_while(
    folders: Folders, customer: Customer, inbox: Path, memory: Memory, clock: Clock
) -> None:
    publish(customer, '{ policy = "quiet", seconds = 30 }')
    (inbox / NAME).write_bytes(b"half")
    assert take(folders, customer, memory) == []
    assert waiting(folders, customer) == {NAME: "it is taken when nothing has changed it for 30 s"}
    assert memory.wait_s(60) == 30 and not memory.due()
    clock.now_s += 29
    (inbox / NAME).write_bytes(b"half, and more")
    os.utime(inbox / NAME, (0, 0))  # what a client says of the time counts nowhere
    assert take(folders, customer, memory) == []
    clock.now_s += 29
    assert memory.wait_s(60) == 1
    assert take(folders, customer, memory) == []
    clock.now_s += 1
    assert memory.due() == {customer.code} and not memory.due(), "an inbox that is due is told once"
    (arrival,) = take(folders, customer, memory)
    assert arrival.bytes_count == len(b"half, and more")
    assert memory.wait_s(60) == 60 and told(customer) == []


def test_a_quiet_file_that_somebody_holds_open_stays(
    folders: Folders, customer: Customer, inbox: Path, memory: Memory, clock: Clock
) -> None:
    publish(customer, '{ policy = "quiet", seconds = 1 }')
    with (inbox / NAME).open("wb") as writer:
        writer.write(b"x")
        writer.flush()
        for _ in range(3):
            assert take(folders, customer, memory) == []
            clock.now_s += 100
            assert memory.wait_s(60) in (0, 60)
    assert len(take(folders, customer, memory)) == 1


def test_a_file_that_no_feed_takes_waits_for_nothing(
    folders: Folders, customer: Customer, inbox: Path, memory: Memory
) -> None:
    publish(customer, '"quiet"')
    (inbox / "pippo.doc").write_bytes(b"x")
    assert [one.shown_name for one in take(folders, customer, memory)] == ["pippo.doc"]


def test_a_file_with_a_marker_is_taken_with_it_and_the_removal_is_written_down(
    folders: Folders, customer: Customer, inbox: Path
) -> None:
    from cominflow.exchange import arrivals

    publish(customer, '"marker"')
    (inbox / NAME).write_bytes(b"x")
    assert take(folders, customer) == []
    assert waiting(folders, customer) == {NAME: f"it waits for its marker {NAME}.ok"}
    (inbox / f"{NAME}.ok").write_bytes(b"done\n")
    (arrival,) = take(folders, customer)
    assert arrival.shown_name == NAME and list(inbox.iterdir()) == []
    assert [(one.what, one.reason) for one in arrivals.history(arrival)] == [
        ("CLAIMED", ""),
        ("marker", f"{NAME}.ok was taken with it"),
    ]


def test_a_marker_named_after_the_stem_may_come_first_and_is_never_an_arrival(
    folders: Folders, customer: Customer, inbox: Path
) -> None:
    publish(customer, '{ policy = "marker", name = "{request.stem}.fin", patience = "1h" }')
    (inbox / "RV_20260301_001.fin").write_bytes(b"")
    assert take(folders, customer) == [] and told(customer) == []
    assert waiting(folders, customer) == {
        "RV_20260301_001.fin": "it is a marker, and the file that it marks is not here"
    }
    assert take(folders, customer, after=timedelta(hours=2)) == []
    assert told(customer) == ["RV_20260301_001.fin: it is a marker, and the file that it marks is not here"]
    (inbox / NAME).write_bytes(b"x")
    assert [one.shown_name for one in take(folders, customer)] == [NAME]
    assert list(inbox.iterdir()) == []


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (hashlib.sha256(b"other").hexdigest() + f"  {NAME}\n", "its marker says SHA-256 "),
        ("size=5\nrecords=1\n", "its marker says 5 bytes, and it has 1"),
    ],
)
def test_a_file_that_is_not_what_its_marker_says_waits_and_is_told_when_patience_ends(
    folders: Folders, customer: Customer, inbox: Path, memory: Memory, said: str, why: str
) -> None:
    publish(customer, '{ policy = "marker", patience = "1h" }')
    (inbox / NAME).write_bytes(b"x")
    (inbox / f"{NAME}.ok").write_text(said)
    assert take(folders, customer, memory) == [] and told(customer) == []
    assert waiting(folders, customer)[NAME].startswith(why)
    assert take(folders, customer, memory, after=timedelta(hours=2)) == []
    (reason,) = told(customer)
    assert reason.startswith(f"{NAME}: {why}")
    (inbox / NAME).unlink()
    (inbox / NAME).write_bytes(b"other")
    (arrival,) = take(folders, customer, memory)
    assert arrival.bytes_count == 5 and list(inbox.iterdir()) == []


def test_a_marker_that_is_being_written_is_not_believed_yet(folders: Folders, customer: Customer, inbox: Path) -> None:
    publish(customer, '"marker"')
    (inbox / NAME).write_bytes(b"x")
    with (inbox / f"{NAME}.ok").open("wb") as writer:
        assert take(folders, customer) == []
        writer.write(hashlib.sha256(b"x").hexdigest().upper().encode())
    assert len(take(folders, customer)) == 1


def test_a_file_without_its_trailer_waits_until_patience_ends_and_is_then_taken(
    folders: Folders, customer: Customer, inbox: Path
) -> None:
    publish(customer, '{ policy = "trailer", patience = "1h" }')
    (inbox / NAME).write_bytes(b"20" + b" " * 198 + b"\r\n")
    (inbox / NAME.replace("001", "002")).write_bytes(b"20" + b" " * 198 + b"\r\n" + TAIL)
    assert [one.shown_name for one in take(folders, customer)] == [NAME.replace("001", "002")]
    assert waiting(folders, customer) == {
        NAME: "it is partial: its last record is no whole `coda`; it is taken as it is 3600 s after it changed"
    }
    assert take(folders, customer) == [] and told(customer) == []
    assert [one.shown_name for one in take(folders, customer, after=timedelta(minutes=61))] == [NAME]


def test_a_file_that_was_seen_under_a_temporary_name_is_taken_as_soon_as_it_is_renamed(
    folders: Folders, customer: Customer, inbox: Path, memory: Memory
) -> None:
    publish(customer, '"rename"')
    (inbox / f"{NAME}.part").write_bytes(b"x")
    assert take(folders, customer, memory) == []
    (inbox / f"{NAME}.part").rename(inbox / NAME)
    assert len(take(folders, customer, memory)) == 1


def test_a_rename_that_the_kernel_told_of_is_enough_and_counts_for_one_file(
    folders: Folders, customer: Customer, inbox: Path, memory: Memory
) -> None:
    publish(customer, '"rename"')
    (inbox / NAME).write_bytes(b"x")
    memory.note_moved(customer.code, NAME.encode())
    assert len(take(folders, customer, memory)) == 1
    (inbox / NAME).write_bytes(b"y")
    assert take(folders, customer, memory) == []


def test_a_file_written_straight_under_its_final_name_waits_where_a_rename_was_agreed(
    folders: Folders, customer: Customer, inbox: Path, memory: Memory, clock: Clock
) -> None:
    publish(customer, '{ policy = "rename", seconds = 20 }')
    (inbox / NAME).write_bytes(b"x")
    assert take(folders, customer, memory) == []
    assert waiting(folders, customer)[NAME].startswith("it was not seen to be renamed from a temporary name")
    clock.now_s += 20
    assert len(take(folders, customer, memory)) == 1


def test_an_upload_by_sftp_straight_to_the_final_name_waits_and_a_renamed_one_does_not(
    folders: Folders, customer: Customer, memory: Memory
) -> None:
    """The note of our server outlives the engine: `memory` has seen nothing here."""
    from cominflow.exchange.sftp.download import Begun
    from cominflow.exchange.sftp.packets import Opening
    from cominflow.exchange.sftp.place import Place
    from cominflow.exchange.sftp.upload import Upload
    from cominflow.exchange.sftp.view import Room, View

    publish(customer, '"rename"')
    view = View(folders, customer.code, Begun(), Room(free_bytes_min=0))
    for name in (b"RV_20260301_001.txt", b"RV_20260301_002.txt.filepart"):
        upload = view.open(Place("inbox", name), Opening.WRITE | Opening.CREATE)
        assert isinstance(upload, Upload)
        upload.write(0, name)
        view.commit(upload)
    memory.note_moved(customer.code, b"RV_20260301_001.txt")  # the commit is a rename, too
    assert take(folders, customer, memory) == []
    view.rename(Place("inbox", b"RV_20260301_002.txt.filepart"), Place("inbox", b"RV_20260301_002.txt"))
    assert [one.shown_name for one in take(folders, customer)] == ["RV_20260301_002.txt"]
    assert take(folders, customer, memory) == []
    view.close()


def test_an_inbox_on_another_device_than_before_is_refused(
    folders: Folders, customer: Customer, memory: Memory
) -> None:
    from cominflow.errors import WorldError

    take(folders, customer, memory)
    memory._inboxes[customer.code].device += 1  # as after a mount went away
    with pytest.raises(WorldError, match="another device than before"):
        take(folders, customer, memory)


def test_a_killed_claim_takes_the_marker_away_when_it_is_settled(
    folders: Folders, customer: Customer, inbox: Path, at: datetime
) -> None:
    from cominflow import failpoint
    from cominflow.exchange import arrivals
    from cominflow.exchange.claim import recover
    from cominflow.models import Arrival

    class Killed(BaseException):
        pass

    def kill(name: str) -> None:
        if name == "claim.checked":
            raise Killed

    publish(customer, '"marker"')
    (inbox / NAME).write_bytes(b"x")
    (inbox / f"{NAME}.ok").write_bytes(b"")
    failpoint.arm(kill)
    try:
        with pytest.raises(Killed):
            take(folders, customer)
    finally:
        failpoint.arm(None)
    assert (inbox / f"{NAME}.ok").exists()
    recover(folders, at=at)
    arrival = Arrival.objects.get()
    assert (arrival.state, list(inbox.iterdir())) == ("CLAIMED", [])
    assert "marker" in [event.what for event in arrivals.history(arrival)]


def test_files_that_were_new_at_the_look_that_took_them_are_told_once(
    folders: Folders, customer: Customer, inbox: Path, memory: Memory, clock: Clock
) -> None:
    (inbox / "a.txt").write_bytes(b"x")
    take(folders, customer, memory)
    assert memory.pop_new() == [], "what lay there before the first look may have come before anybody listened"
    clock.now_s += 5
    (inbox / "b.txt").write_bytes(b"y")
    take(folders, customer, memory)
    (new,) = memory.pop_new()
    assert (new.customer, new.count, new.looked_s - new.before_s) == (customer.code, 1, 5)
    assert memory.pop_new() == []
