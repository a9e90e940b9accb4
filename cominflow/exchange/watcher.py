"""Watcher: tells that something may lie in an inbox. It never looks at a file itself.

Events of the kernel (by watchdog) and a sweep every few seconds put customers into one set and set one event; the
engine takes the set and claims, which looks at the whole inbox. So an event only means "look now": events that are
lost, doubled or late cost time, never a file. Where the kernel gives no events, the sweep alone serves.

Two observers, each with its own queue in the kernel: closed files (an upload straight into the inbox), and names
that appear (a rename or link into it; our SFTP server commits like that). Both ask for these events only: with
watchdog's default set a burst of 10,000 files loses half of its events. The second drops "moved away" as well: it
would hold every later event back for half a second after each claim.

Observers die in silence. A canary (`exchange.canary`) notices, and they are begun again; a full queue of the kernel is
noticed as well.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from watchdog.events import FileClosedEvent, FileCreatedEvent, FileMovedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers.api import BaseObserver, ObservedWatch
from watchdog.observers.inotify import InotifyEmitter
from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, InotifyFD, Mask
from watchdog.observers.inotify_move_event_grouper import GroupedInotifyEvent

from cominflow.errors import WorldError
from cominflow.exchange import disk
from cominflow.exchange.canary import Canary, Health
from cominflow.limits import SWEEP_S

_log = logging.getLogger(__name__)


class Wake(Protocol):
    """What is set when there is something to look at: a `threading.Event`, or anything with its `set`."""

    def set(self) -> None:
        """Wake whoever waits."""


class Watcher:
    """Watches the inbox of every customer who has one. `start`, then wait on `wake` and call `take`; at last `stop`.

    `wake` is set after the customer is in the set, so clear it before `take`, never after.
    """

    def __init__(
        self,
        folders: disk.Folders,
        wake: Wake,
        *,
        sweep_s: float = SWEEP_S,
        on_moved: Callable[[str, bytes], None] = lambda code, name: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`on_moved` is told (customer code, name) when the kernel says that a file got its name by a rename."""
        self._folders, self._wake, self._sweep_s, self._on_moved = folders, wake, sweep_s, on_moved
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._customers: set[str] = set()
        self._heard_s: dict[str, float] = {}
        self._watched: dict[str, _Watched] = {}
        self._troubles: dict[str, str] = {}
        self._stopped = threading.Event()
        self._observers: list[tuple[BaseObserver, list[type[FileSystemEvent]]]] = []
        self._canary = Canary(folders, ears_count=len(_WATCHES), monotonic=monotonic)
        self._sweeper = threading.Thread(target=self._sweep_on, name="inbox-sweep", daemon=True)

    def start(self) -> None:
        """Begin to watch, and sweep once: what came while nobody watched is found. Raises WorldError."""
        disk.ensure_folder(self._canary.folder)
        self._canary.keep()
        self._observe()
        self.sweep()
        self._sweeper.start()

    def stop(self) -> None:
        """End the threads. What is in the set stays there."""
        self._stopped.set()
        self._sweeper.join()
        self._unobserve()

    def take(self) -> set[str]:
        """The codes of customers whose inboxes are to be looked at; they are taken out of the set."""
        with self._lock:
            taken, self._customers = self._customers, set()
        return taken

    def troubles(self) -> dict[str, str]:
        """Customers whose inboxes give no events, with the reason; the sweep serves them."""
        with self._lock:
            return dict(self._troubles)

    def health(self) -> Health:
        """How the watching goes."""
        return self._canary.health

    def heard_s(self, code: str) -> float:
        """When (monotonic) the kernel last told something of this customer's inbox; far in the past when never."""
        with self._lock:
            return self._heard_s.get(code, float("-inf"))

    def count_unannounced(self, count: int) -> None:
        """Files were found by a sweep, and no event had told of them."""
        self._canary.count(unannounced=count)

    def sweep(self) -> None:
        """Put every customer into the set, and watch the inboxes that are new. Called by itself every few seconds.

        Raises WorldError when the folders cannot be read.
        """
        codes = []
        with self._turn:
            try:
                homes = sorted(self._folders.customers.iterdir())
            except OSError as cause:
                raise disk.world_error("look for inboxes in", self._folders.customers, cause) from cause
            for home in homes:
                # A folder that somebody put there by hand is no customer's: it must not end the engine.
                if disk.CUSTOMER_CODE.fullmatch(home.name) and self._is_found(home):
                    codes.append(home.name)
        self._notice(codes)

    def look_at_canary(self) -> None:
        """Ask whether events still come, and begin to watch anew when they do not. Called by every sweep."""
        if self._canary.look():
            return
        with self._turn:
            self._unobserve()
            self._watched.clear()
            self._observe()
        self.sweep()

    def _sweep_on(self) -> None:
        while not self._stopped.wait(self._sweep_s):
            try:
                self.sweep()
                self.look_at_canary()
            except WorldError as problem:
                # The disk is away: say so, and look again at the next sweep.
                _log.error("%s", problem)

    def _observe(self) -> None:
        """Begin the observers, and watch the canary with them."""
        try:
            for ear, (emitter, wanted) in enumerate(_WATCHES):
                observer = _Observer(emitter, self._on_overflow)
                observer.start()
                self._observers.append((observer, wanted))
                handler = _Handler(partial(self._on_canary, ear))
                observer.schedule(handler, str(self._canary.folder), event_filter=wanted)
        except OSError as cause:
            _log.warning("no events from the kernel (%s): inboxes are looked at every %s s", cause, self._sweep_s)

    def _on_canary(self, ear: int, event: FileSystemEvent) -> None:
        self._canary.hear(ear)

    def _unobserve(self) -> None:
        for observer, _ in self._observers:
            observer.stop()
            observer.join()
        self._observers.clear()

    def _on_overflow(self) -> None:
        """The kernel threw events away: look everywhere."""
        _log.warning("the kernel's queue of events was full: every inbox is looked at")
        self._canary.count(overflows=1)
        with self._lock:
            codes = list(self._watched)
        self._notice(codes)

    def _is_found(self, home: Path) -> bool:
        """Watch a customer's inbox, if there is one. One that cannot be looked at keeps no other one waiting."""
        try:
            if not (home / "inbox").is_dir():
                return False
            self._watch(home.name)
        except OSError as cause:
            self._complain(home.name, f"no events from {home / 'inbox'} ({os.strerror(cause.errno or 0)})")
        return True

    def _watch(self, code: str) -> None:
        """Watch an inbox, unless it is watched; a folder that was made anew is watched anew."""
        path = self._folders.customer(code).inbox
        identity = (path.stat().st_dev, path.stat().st_ino)
        known = self._watched.pop(code, None)
        if known is not None and known.identity == identity:
            self._watched[code] = known
            with self._lock:
                self._troubles.pop(code, None)
            return
        if known is not None:
            known.end()
        watched = _Watched(identity, [])
        handler = _Handler(lambda event: self._on_event(code, event))
        try:
            for observer, wanted in self._observers:
                watched.parts.append((observer, observer.schedule(handler, str(path), event_filter=wanted)))
        except OSError as cause:
            watched.end()
            self._complain(code, f"no events from the kernel for {path} ({os.strerror(cause.errno or 0)})")
            return
        self._watched[code] = watched
        with self._lock:
            self._troubles.pop(code, None)

    def _on_event(self, code: str, event: FileSystemEvent) -> None:
        if isinstance(event, FileMovedEvent) and event.dest_path:
            self._on_moved(code, os.path.basename(os.fsencode(event.dest_path)))
        with self._lock:
            self._heard_s[code] = self._monotonic()
        self._notice([code])

    def _complain(self, code: str, trouble: str) -> None:
        with self._lock:
            is_new = self._troubles.get(code) != trouble
            self._troubles[code] = trouble
        if is_new:
            _log.warning("%s: it is looked at every %s s", trouble, self._sweep_s, extra={"customer": code})

    def _notice(self, codes: list[str]) -> None:
        with self._lock:
            self._customers.update(codes)
        if codes:
            self._wake.set()


@dataclass(frozen=True)
class _Watched:
    """The folder that is watched (device, inode), and the watches on it."""

    identity: tuple[int, int]
    parts: list[tuple[BaseObserver, ObservedWatch]]

    def end(self) -> None:
        """Watch it no more."""
        for observer, watch in self.parts:
            observer.unschedule(watch)


class _Handler(FileSystemEventHandler):
    """Calls `notice` with whatever happened."""

    def __init__(self, notice: Callable[[FileSystemEvent], None]) -> None:
        self._notice = notice

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Whatever it is: somebody should look."""
        self._notice(event)


class _Kernel(InotifyFD):
    """watchdog's inotify, with a word when the kernel threw events away: it tells no handler of that."""

    def __init__(self, on_overflow: Callable[[], None]) -> None:
        super().__init__()
        self._on_overflow = on_overflow

    def handle_event(self, event: InotifyEvent) -> None:
        """Pass one event on."""
        super().handle_event(event)
        if event.is_queue_overflow:
            self._on_overflow()


class _Observer(BaseObserver):
    """An observer with a queue of its own in the kernel, as watchdog's InotifyObserver has one."""

    def __init__(self, emitter: type[InotifyEmitter], on_overflow: Callable[[], None]) -> None:
        self._kernel = _Kernel(on_overflow)
        self._kernel.start()
        super().__init__(emitter, inotify_fd=self._kernel)

    def on_thread_stop(self) -> None:
        """End the reading thread, too."""
        super().on_thread_stop()
        self._kernel.stop()
        self._kernel.join()


class _NamedEmitter(InotifyEmitter):
    """Names that appear. Not names that go away: watchdog holds each of those back for 0.5 s, and all behind it."""

    def get_event_mask_from_filter(self) -> Mask:
        """The mask for the kernel: what the filter needs, less IN_MOVED_FROM."""
        return Mask(super().get_event_mask_from_filter() & ~InotifyConstants.IN_MOVED_FROM)

    def build_and_queue_event(self, event: GroupedInotifyEvent, *, full_events: bool = True) -> None:
        """A name that came by a rename is told as one, though nobody knows where it came from."""
        super().build_and_queue_event(event, full_events=full_events)


_WATCHES: tuple[tuple[type[InotifyEmitter], list[type[FileSystemEvent]]], ...] = (
    (InotifyEmitter, [FileClosedEvent]),
    (_NamedEmitter, [FileCreatedEvent, FileMovedEvent]),
)
