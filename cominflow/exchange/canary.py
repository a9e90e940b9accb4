"""Canary: proves that the kernel's events still reach us. A file of our own is made anew now and then, and heard of.

An observer can die, or its events stop, without a word: files would then wait for the sweep for ever after. What the
canary found is kept in `state/watcher.json`, so that `cominflow status`, another process, can tell it.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from cominflow import clock
from cominflow.errors import WorldError
from cominflow.exchange import disk
from cominflow.limits import CANARY_S, CANARY_WAIT_S

_log = logging.getLogger(__name__)

_FILE, _HEALTH = "canary", "watcher.json"


@dataclass
class Health:
    """How the watcher does, since the engine began.

    degraded_since     since when events do not come; "" when they do. Files are found by the sweep meanwhile
    restarts_count     how often the observers were begun again
    overflows_count    how often the kernel threw events away
    unannounced_count  files that a sweep found and no event had told of
    """

    told_at: str = ""
    degraded_since: str = ""
    restarts_count: int = 0
    overflows_count: int = 0
    unannounced_count: int = 0


class Canary:
    """One file, looked at by every sweep: `look` says what is to be done."""

    def __init__(
        self,
        folders: disk.Folders,
        *,
        ears_count: int,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self.folder = folders.state / "canary"
        self.health = Health()
        self._kept = folders.state / _HEALTH
        self._ears_count, self._monotonic, self._now = ears_count, monotonic, now
        self._lock = threading.Lock()
        self._heard: set[int] = set()
        self._touched_s: float | None = None
        self._next_s = monotonic()

    def hear(self, ear: int) -> None:
        """The observer `ear` told of the file."""
        with self._lock:
            self._heard.add(ear)

    def look(self) -> bool:
        """Touch the file when it is time. Returns False when an event did not come in time: begin to watch anew."""
        now_s = self._monotonic()
        if self._touched_s is not None:
            with self._lock:
                is_heard = len(self._heard) == self._ears_count
            if is_heard:
                self._conclude(since="", next_s=self._touched_s + CANARY_S)
            elif now_s - self._touched_s >= CANARY_WAIT_S:
                self.health.restarts_count += 1
                # Proved again at once; when that fails as well, every minute.
                next_s = now_s + CANARY_S if self.health.degraded_since else now_s
                self._conclude(since=self.health.degraded_since or self._instant(), next_s=next_s)
                return False
        elif now_s >= self._next_s:
            self._touch(now_s)
        return True

    def count(self, *, overflows: int = 0, unannounced: int = 0) -> None:
        """Add to the counts, and keep them."""
        with self._lock:
            self.health.overflows_count += overflows
            self.health.unannounced_count += unannounced
        self.keep()

    def keep(self) -> None:
        """Write down how the watcher does. When the disk does not let us, that is told by whoever needs the disk."""
        self.health.told_at = self._instant()
        fresh = self._kept.with_suffix(".new")
        try:
            disk.write_durably(fresh, [json.dumps(asdict(self.health)).encode()])
            fresh.replace(self._kept)
        except (WorldError, OSError) as cause:
            _log.warning("how the watcher does could not be written down: %s", cause)

    def _touch(self, now_s: float) -> None:
        with self._lock:
            self._heard.clear()
        try:
            (self.folder / _FILE).unlink(missing_ok=True)
            (self.folder / _FILE).write_bytes(b"")
        except OSError as cause:
            # A full disk says nothing of the observers.
            _log.warning("the canary could not be made: %s", cause)
            self._next_s = now_s + CANARY_S
            return
        self._touched_s = now_s

    def _conclude(self, *, since: str, next_s: float) -> None:
        self._touched_s, self._next_s = None, next_s
        if since and not self.health.degraded_since:
            _log.warning("the kernel's events do not reach us: the observers are begun again, and the sweep serves")
        elif self.health.degraded_since and not since:
            _log.warning("the kernel's events reach us again")
        self.health.degraded_since = since
        self.keep()

    def _instant(self) -> str:
        return self._now().isoformat(timespec="seconds")


def health(folders: disk.Folders) -> Health | None:
    """How the watcher of the engine does, as it said last; None when no engine ever watched here."""
    try:
        return Health(**json.loads((folders.state / _HEALTH).read_text()))
    except FileNotFoundError:
        return None
