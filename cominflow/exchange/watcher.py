"""Watcher: tells that something may lie in an inbox. It never looks at a file itself.

Events of the kernel (by watchdog) and a sweep every few seconds put customers into one set and set one event; the
engine takes the set and claims, which looks at the whole inbox. So an event only means "look now": events that are
lost, doubled or late cost time, never a file. Where the kernel gives no events, the sweep alone serves.

Two observers, each with its own queue in the kernel: closed files (an upload straight into the inbox), and names
that appear (a rename or link into it; our SFTP server commits like that). Both ask for these events only: with
watchdog's default set a burst of 10,000 files loses half of its events. The second drops "moved away" as well: it
would hold every later event back for half a second after each claim.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from watchdog.events import FileClosedEvent, FileCreatedEvent, FileMovedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers.api import BaseObserver, ObservedWatch
from watchdog.observers.inotify import InotifyEmitter, InotifyObserver
from watchdog.observers.inotify_c import InotifyConstants, Mask

from cominflow.errors import WorldError
from cominflow.exchange import disk
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

    def __init__(self, folders: disk.Folders, wake: Wake, *, sweep_s: float = SWEEP_S) -> None:
        self._folders, self._wake, self._sweep_s = folders, wake, sweep_s
        self._lock = threading.Lock()
        self._customers: set[str] = set()
        self._watched: dict[str, _Watched] = {}
        self._troubles: dict[str, str] = {}
        self._stopped = threading.Event()
        self._observers: list[tuple[BaseObserver, list[type[FileSystemEvent]]]] = []
        self._sweeper = threading.Thread(target=self._sweep_on, name="inbox-sweep", daemon=True)

    def start(self) -> None:
        """Begin to watch, and sweep once: what came while nobody watched is found. Raises WorldError."""
        try:
            for make, wanted in _OBSERVERS:
                observer = make()
                observer.start()
                self._observers.append((observer, wanted))
        except OSError as cause:
            _log.warning("no events from the kernel (%s): inboxes are looked at every %s s", cause, self._sweep_s)
        self.sweep()
        self._sweeper.start()

    def stop(self) -> None:
        """End the threads. What is in the set stays there."""
        self._stopped.set()
        for observer, _ in self._observers:
            observer.stop()
            observer.join()
        self._sweeper.join()

    def take(self) -> set[str]:
        """The codes of customers whose inboxes are to be looked at; they are taken out of the set."""
        with self._lock:
            taken, self._customers = self._customers, set()
        return taken

    def troubles(self) -> dict[str, str]:
        """Customers whose inboxes give no events, with the reason; the sweep serves them."""
        with self._lock:
            return dict(self._troubles)

    def sweep(self) -> None:
        """Put every customer into the set, and watch the inboxes that are new. Called by itself every few seconds.

        Raises WorldError when the folders cannot be read.
        """
        try:
            codes = sorted(home.name for home in self._folders.customers.iterdir() if (home / "inbox").is_dir())
            for code in codes:
                self._watch(code)
        except OSError as cause:
            raise disk.world_error("look for inboxes in", self._folders.customers, cause) from cause
        self._notice(codes)

    def _sweep_on(self) -> None:
        while not self._stopped.wait(self._sweep_s):
            try:
                self.sweep()
            except WorldError as problem:
                # The disk is away: say so, and look again at the next sweep.
                _log.error("%s", problem)

    def _watch(self, code: str) -> None:
        """Watch an inbox, unless it is watched; a folder that was made anew is watched anew."""
        path = self._folders.customer(code).inbox
        identity = (path.stat().st_dev, path.stat().st_ino)
        known = self._watched.pop(code, None)
        if known is not None and known.identity == identity:
            self._watched[code] = known
            return
        if known is not None:
            known.end()
        watched = _Watched(identity, [])
        handler = _Handler(lambda: self._notice([code]))
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
    """Calls `notice`, whatever happened."""

    def __init__(self, notice: Callable[[], None]) -> None:
        self._notice = notice

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Whatever it is: somebody should look."""
        self._notice()


class _NamedEmitter(InotifyEmitter):
    """Names that appear. Not names that go away: watchdog holds each of those back for 0.5 s, and all behind it."""

    def get_event_mask_from_filter(self) -> Mask:
        """The mask for the kernel: what the filter needs, less IN_MOVED_FROM."""
        return Mask(super().get_event_mask_from_filter() & ~InotifyConstants.IN_MOVED_FROM)


_OBSERVERS: tuple[tuple[Callable[[], BaseObserver], list[type[FileSystemEvent]]], ...] = (
    (InotifyObserver, [FileClosedEvent]),
    (lambda: BaseObserver(_NamedEmitter), [FileCreatedEvent, FileMovedEvent]),
)
