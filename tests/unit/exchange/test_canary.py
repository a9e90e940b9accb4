"""The canary: an observer that died is noticed, begun again and told; what the kernel threw away is counted."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, Mask

from cominflow.exchange import canary
from cominflow.exchange.watcher import Watcher
from cominflow.limits import CANARY_S, CANARY_WAIT_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cominflow.exchange.disk import Folders

PATIENCE_S = 20.0


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Ears:
    """Set by the watcher for each event; tells when the canary was heard."""

    def __init__(self, watcher: Watcher) -> None:
        self._canary = watcher._canary
        self.heard = threading.Condition()
        hear = self._canary.hear

        def told(ear: int) -> None:
            hear(ear)
            with self.heard:
                self.heard.notify_all()

        self._canary.hear = told

    def wait(self) -> None:
        with self.heard:
            assert self.heard.wait_for(lambda: len(self._canary._heard) == 2, PATIENCE_S), "the canary was not heard"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watcher(folders: Folders, clock: Clock) -> Iterator[Watcher]:
    made = Watcher(folders, threading.Event(), sweep_s=3600, monotonic=clock)
    made.start()
    yield made
    made.stop()


def test_events_that_come_are_proved_every_minute(folders: Folders, watcher: Watcher, clock: Clock) -> None:
    ears = Ears(watcher)
    for _ in range(2):
        watcher.look_at_canary()
        ears.wait()
        watcher.look_at_canary()
        clock.now_s += CANARY_S
    assert (watcher.health().restarts_count, watcher.health().degraded_since) == (0, "")
    assert canary.health(folders) == watcher.health()


@pytest.mark.parametrize("dead", [0, 1])
def test_a_dead_observer_is_noticed_begun_again_and_told(
    folders: Folders, watcher: Watcher, clock: Clock, inbox: Path, dead: int
) -> None:
    observer, _ = watcher._observers[dead]
    observer.stop()
    observer.join()
    watcher.look_at_canary()
    clock.now_s += CANARY_WAIT_S - 1
    watcher.look_at_canary()
    assert watcher.health().restarts_count == 0
    clock.now_s += 1
    ears = Ears(watcher)
    watcher.look_at_canary()
    health = canary.health(folders)
    assert health is not None and health.restarts_count == 1 and health.degraded_since
    watcher.take()
    watcher._wake.clear()
    (inbox / "a.txt").write_bytes(b"x")
    assert watcher._wake.wait(PATIENCE_S), "the observers that were begun again watch the inboxes"
    watcher.look_at_canary()
    ears.wait()
    watcher.look_at_canary()
    health = canary.health(folders)
    assert health is not None and (health.restarts_count, health.degraded_since) == (1, "")


def test_what_the_kernel_threw_away_is_counted_and_every_inbox_is_looked_at(folders: Folders, watcher: Watcher) -> None:
    watcher.take()
    observer, _ = watcher._observers[0]
    observer._kernel.handle_event(InotifyEvent(-1, Mask(InotifyConstants.IN_Q_OVERFLOW), 0, b""))
    assert watcher.take() == {"banca-demo"}
    told = canary.health(folders)
    assert told is not None and told.overflows_count == 1


def test_the_watcher_says_which_names_came_by_a_rename(folders: Folders, inbox: Path) -> None:
    moved: list[tuple[str, bytes]] = []
    wake = threading.Event()

    def note(code: str, name: bytes) -> None:
        moved.append((code, name))
        wake.set()

    watcher = Watcher(folders, threading.Event(), sweep_s=3600, on_moved=note)
    watcher.start()
    (inbox / "written.txt").write_bytes(b"x")
    (inbox / "a.txt.part").write_bytes(b"x")
    (inbox / "a.txt.part").rename(inbox / "a.txt")
    assert wake.wait(PATIENCE_S)
    watcher.stop()
    assert moved == [("banca-demo", b"a.txt")]


def test_where_nobody_watched_there_is_no_health(folders: Folders) -> None:
    assert canary.health(folders) is None
