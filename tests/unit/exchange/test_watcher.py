"""The watcher: it wakes whoever claims, for every way in which a file can come, and never misses one for good."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from watchdog.observers.inotify_move_event_grouper import InotifyMoveEventGrouper

from cominflow.exchange.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cominflow.exchange.disk import Folders

PATIENCE_S = 20.0


@pytest.fixture
def wake() -> threading.Event:
    return threading.Event()


@pytest.fixture
def watcher(folders: Folders, wake: threading.Event) -> Iterator[Watcher]:
    """A watcher whose sweep comes once at its start, and then not within a test."""
    made = Watcher(folders, wake, sweep_s=3600)
    made.start()
    assert made.take() == {"banca-demo"}
    wake.clear()
    yield made
    made.stop()


def woken(watcher: Watcher, wake: threading.Event) -> set[str]:
    assert wake.wait(PATIENCE_S), "nobody was woken"
    wake.clear()
    return watcher.take()


def write(inbox: Path) -> None:
    (inbox / "a.txt").write_bytes(b"x")


def move_in(inbox: Path) -> None:
    (inbox.parent / "a.txt").write_bytes(b"x")
    (inbox.parent / "a.txt").rename(inbox / "a.txt")


def link_in(inbox: Path) -> None:
    """As OpenSSH's server renames."""
    (inbox.parent / "a.txt").write_bytes(b"x")
    (inbox / "a.txt").hardlink_to(inbox.parent / "a.txt")


def rename_within(inbox: Path) -> None:
    (inbox / "a.txt.filepart").rename(inbox / "a.txt")


@pytest.mark.parametrize("arrive", [write, move_in, link_in])
def test_a_file_that_comes_wakes_the_engine(
    watcher: Watcher, wake: threading.Event, inbox: Path, arrive: Callable[[Path], None]
) -> None:
    arrive(inbox)
    assert woken(watcher, wake) == {"banca-demo"}


def test_an_upload_that_is_renamed_at_its_end_wakes_the_engine(
    folders: Folders, wake: threading.Event, inbox: Path
) -> None:
    (inbox / "a.txt.filepart").write_bytes(b"x")
    watcher = Watcher(folders, wake, sweep_s=3600)
    watcher.start()
    watcher.take()
    wake.clear()
    rename_within(inbox)
    assert woken(watcher, wake) == {"banca-demo"}
    watcher.stop()


def test_a_file_that_comes_after_a_claim_is_not_held_back(
    folders: Folders, wake: threading.Event, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """watchdog keeps a name that went away for half a second, and all events behind it; we do not ask for those."""
    monkeypatch.setattr(InotifyMoveEventGrouper, "delay", 10 * PATIENCE_S)
    watcher = Watcher(folders, wake, sweep_s=3600)
    watcher.start()
    for _ in range(3):
        woken(watcher, wake)
        move_in(inbox)
        woken(watcher, wake)
        (inbox / "a.txt").rename(folders.spool / "claimed")
        move_in(inbox)
    watcher.stop()


def test_the_sweep_wakes_for_every_inbox_also_new_ones(
    folders: Folders, watcher: Watcher, wake: threading.Event
) -> None:
    folders.ensure(["istituto-demo"])
    watcher.sweep()
    assert woken(watcher, wake) == {"banca-demo", "istituto-demo"}
    write(folders.customer("istituto-demo").inbox)
    assert woken(watcher, wake) == {"istituto-demo"}


def test_a_folder_that_is_no_customers_is_left_alone(folders: Folders, watcher: Watcher, wake: threading.Event) -> None:
    (folders.customers / "Old Files" / "inbox").mkdir(parents=True)
    watcher.sweep()
    assert woken(watcher, wake) == {"banca-demo"}


def test_an_inbox_that_cannot_be_looked_at_keeps_no_other_one_waiting(folders: Folders, wake: threading.Event) -> None:
    (folders.customers / "away").symlink_to("x" * 300)  # no folder has so long a name: an error that even root gets
    watcher = Watcher(folders, wake, sweep_s=3600)
    watcher.start()
    assert woken(watcher, wake) == {"away", "banca-demo"}
    assert "File name too long" in watcher.troubles()["away"]
    (folders.customers / "away").unlink()
    (folders.customers / "away" / "inbox").mkdir(parents=True)
    watcher.sweep()
    assert watcher.troubles() == {}
    watcher.stop()


def test_the_sweep_comes_by_itself(folders: Folders, wake: threading.Event) -> None:
    watcher = Watcher(folders, wake, sweep_s=0.01)
    watcher.start()
    for _ in range(3):
        assert woken(watcher, wake) <= {"banca-demo"}
    watcher.stop()


def test_an_inbox_that_was_made_anew_is_watched_anew(watcher: Watcher, wake: threading.Event, inbox: Path) -> None:
    inbox.rename(inbox.with_name("old"))
    inbox.mkdir()
    watcher.sweep()
    woken(watcher, wake)
    write(inbox)
    assert woken(watcher, wake) == {"banca-demo"}


def test_where_the_kernel_gives_no_events_the_sweep_serves_and_says_so(
    folders: Folders, wake: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    from watchdog.observers import inotify_c

    def refuse(*_: object) -> int:
        import ctypes
        import errno

        ctypes.set_errno(errno.ENOSPC)
        return -1

    monkeypatch.setattr(inotify_c, "inotify_add_watch", refuse)
    watcher = Watcher(folders, wake, sweep_s=0.01)
    watcher.start()
    assert woken(watcher, wake) == {"banca-demo"}
    assert "no events from the kernel" in watcher.troubles()["banca-demo"]
    monkeypatch.undo()
    watcher.sweep()
    assert watcher.troubles() == {}
    watcher.stop()


def test_a_burst_of_files_wakes_at_least_once_and_blocks_nobody(
    watcher: Watcher, wake: threading.Event, inbox: Path
) -> None:
    for number in range(2_000):
        (inbox / f"{number}.txt").write_bytes(b"x")
    assert woken(watcher, wake) == {"banca-demo"}


def test_a_watcher_that_is_stopped_leaves_no_threads_of_its_own(folders: Folders, wake: threading.Event) -> None:
    before = set(threading.enumerate())
    watcher = Watcher(folders, wake)
    watcher.start()
    watcher.stop()
    # One thread of watchdog, which all observers of a process share, may stay.
    assert len(set(threading.enumerate()) - before) <= 1
