"""Durable: a model of what a power cut would leave, and the rules that every write keeps against it.

The model knows what POSIX promises and no more: the bytes of a file are on the disk as they were at its last fsync,
the names in a folder as they were at the folder's last fsync. Hooks around fsync, syncfs, rename, link, unlink and
COMMIT keep it up to date and ask the rules:

    name    nothing gets its name in a watched folder before its bytes are durable; no rename without an intent row
    remove  nothing is taken away from an inbox or the spool before its bytes are durable under another name; a marker
            not before its file
    commit  no row says what the disk does not hold yet: the file is there, and is gone from where it was
    told    no client is told OK before its file is durable under the name that it gave
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sqlite3
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.simulation import workload
from tests.simulation.sites import Site

Identity = tuple[int, int]

# A file's row says that the inbox does not have it any more.
_TAKEN = (
    "CLAIMED",
    "READING",
    "QUEUED",
    "REFUSED",
    "DUPLICATE",
    "QUARANTINED",
    "HELD",
    "ANSWERED",
    "CLOSED",
    "DISCARDED",
)


@dataclass
class Disk:
    """What is durable: contents (hash by inode), and the names in each folder (inode by name)."""

    root: Path
    contents: dict[Identity, str] = field(default_factory=dict)
    names: dict[Identity, dict[str, Identity]] = field(default_factory=dict)

    def sync_all(self) -> None:
        """All that is there becomes durable."""
        for folder, _, files in os.walk(self.root):
            self.names[_identity(os.lstat(folder))] = _listing(folder)
            for name in files:
                path = os.path.join(folder, name)
                status = os.lstat(path)
                if stat.S_ISREG(status.st_mode):
                    self.contents[_identity(status)] = _hash(path)

    def forget_bytes(self, path: Path) -> None:
        """As if somebody had written this file, and not synced it."""
        self.contents.pop(_identity(os.lstat(path)), None)

    def sync(self, descriptor: int) -> None:
        """What fsync makes durable: a folder's names, or a file's bytes."""
        status = os.fstat(descriptor)
        path = f"/proc/self/fd/{descriptor}"
        if stat.S_ISDIR(status.st_mode):
            self.names[_identity(status)] = _listing(path)
        else:
            self.contents[_identity(status)] = _hash(path)

    def at(self, path: str) -> str | None:
        """The hash of what a power cut would leave under this path (relative to the root); "" for what is no file."""
        present = _identity(os.lstat(self.root))
        for part in path.split("/"):
            found = self.names.get(present, {}).get(part)
            if found is None:
                return None
            present = found
        return self.contents.get(present, "")

    def holds(self, path: str, content: str) -> bool:
        """Whether a file with these bytes would be there."""
        return bool(content) and self.at(path) == content

    def entries(self, folder: str) -> dict[str, Identity]:
        """The names that would be in a folder."""
        return self.names.get(_identity(os.lstat(self.root / folder)), {})


class BrokenOrderError(Exception):
    """A rule was broken."""


class Recorder:
    """Watches one process. `install` it before the life begins; the first broken rule is in `broken`."""

    def __init__(self, disk: Disk, database: Path, *, without: Site | None = None) -> None:
        self.disk, self.database, self.without = disk, database, without
        self.broken: list[str] = []
        self.on_broken: Callable[[], None] = lambda: None
        self.skipped_count = self.steps_count = 0
        self.swapped: set[Identity] = set()
        self._checked: set[tuple[Any, ...]] = set()
        self._lock = threading.RLock()

    def save(self, path: Path) -> None:
        """Keep the model for the next life: what was durable stays so."""
        path.write_bytes(pickle.dumps(self.disk))

    def install(self) -> None:
        """Put the hooks in place, for the rest of this process."""
        from django.db.backends.base.base import BaseDatabaseWrapper
        from django.db.backends.utils import CursorWrapper

        from cominflow.exchange import kernel

        os.fsync = self._synced(os.fsync, self.disk.sync)
        kernel.sync_file_system = self._synced(kernel.sync_file_system, lambda _: self.disk.sync_all())
        for module, name in ((os, "rename"), (os, "replace"), (os, "link")):
            setattr(module, name, self._naming(getattr(module, name)))
        kernel.rename_noreplace = self._naming_at(kernel.rename_noreplace)
        os.unlink = self._removing(os.unlink)
        BaseDatabaseWrapper._commit = self._after(BaseDatabaseWrapper._commit, lambda _: True)
        for name in ("execute", "executemany"):
            is_alone = lambda cursor: not cursor.db.in_atomic_block  # noqa: E731
            setattr(CursorWrapper, name, self._after(getattr(CursorWrapper, name), is_alone))

    def told(self, path: str) -> None:
        """Somebody was told that this is done: its name, and its bytes when it is a file, must be durable."""
        with self._lock:
            if self.disk.at(path) is None or (
                (self.disk.root / path).is_file() and not self._is_whole(self.disk.root / path)
            ):
                self._break(f"told that {path} is there before it is durable")

    def _break(self, text: str) -> None:
        self.broken.append(text)
        self.on_broken()

    def _synced(self, real: Callable[[int], None], note: Callable[[int], None]) -> Callable[[int], None]:
        def sync(descriptor: int) -> None:
            with self._lock:
                if self.without is not None and self.without.is_running(sys._getframe(1)):
                    self.skipped_count += 1
                    return
                self.steps_count += 1
                real(descriptor)
                note(descriptor)

        return sync

    def _naming(self, real: Callable[..., None]) -> Callable[..., None]:
        def name(source: Any, target: Any, **options: Any) -> None:
            with self._lock:
                self._check_name(Path(os.fsdecode(source)), Path(os.fsdecode(target)))
                real(source, target, **options)

        return name

    def _naming_at(self, real: Callable[..., None]) -> Callable[..., None]:
        def name(source_folder: int, source: bytes, target_folder: int, target: bytes) -> None:
            with self._lock:
                self._check_name(_path(source_folder, source), _path(target_folder, target))
                real(source_folder, source, target_folder, target)

        return name

    def _removing(self, real: Callable[..., None]) -> Callable[..., None]:
        def remove(path: Any, *, dir_fd: int | None = None) -> None:
            with self._lock:
                self._check_removal(_path(-100 if dir_fd is None else dir_fd, os.fsencode(path)))
                real(path, dir_fd=dir_fd)

        return remove

    def _after(self, real: Callable[..., Any], applies: Callable[[Any], bool]) -> Callable[..., Any]:
        def call(owner: Any, *arguments: Any) -> Any:
            result = real(owner, *arguments)
            if applies(owner):
                with self._lock:
                    self.steps_count += 1
                    for line in self._wrong_rows():
                        self._break(line)
            return result

        return call

    def _relative(self, path: Path) -> str | None:
        try:
            return str(path.absolute().relative_to(self.disk.root))
        except ValueError:
            return None

    def _is_whole(self, path: Path) -> bool:
        """Whether the file's present bytes are durable."""
        return self.disk.contents.get(_identity(os.lstat(path))) == _hash(path)

    def _check_name(self, source: Path, target: Path) -> None:
        self.steps_count += 1
        name = self._relative(target)
        if name is None or not os.path.lexists(source) or not stat.S_ISREG(os.lstat(source).st_mode):
            return
        if not self._is_whole(source) and _identity(os.lstat(source)) not in self.swapped:
            self._break(f"{name} gets its name before its bytes are durable")
        folder, _, last = name.rpartition("/")
        if (
            folder == "spool"
            and "/inbox/" in str(source)
            and not self._rows("SELECT 1 FROM {arrival} WHERE claim_id = ?", last)
        ):
            self._break(f"{name} is renamed without an intent row")
        if folder.startswith("quarantine/") and last == "payload" and not self.disk.at(f"{folder}/reason.json"):
            self._break(f"{name} goes into quarantine before its reason is durable")

    def _check_removal(self, path: Path) -> None:
        name = self._relative(path)
        if name is None or not path.is_file() or name.endswith(".copy"):
            return
        parts = name.split("/")
        if parts[0] != "spool" and parts[2:3] != ["inbox"]:
            return
        if name.endswith(workload.MARKER):
            if name.removesuffix(workload.MARKER).rpartition("/")[2] in self.disk.entries(name.rpartition("/")[0]):
                self._break(f"{name} is removed while its file is durable in the inbox")
            return
        content = _hash(os.fspath(path))
        # A repeat of the same content that lies in the inbox is no copy of this one.
        places = ("spool",) if parts[0] != "spool" else ("spool", "archive", "quarantine", "customers")
        elsewhere = [found for place in places for found in self._durable(place)]
        if not any(held == content for other, held in elsewhere if other != name and not other.endswith(".copy")):
            self._break(f"{name} is removed before its bytes are durable under another name")

    def _durable(self, folder: str) -> Iterator[tuple[str, str]]:
        """(path, hash) of every file that a power cut would leave below a folder."""
        pending = [(folder, _identity(os.lstat(self.disk.root / folder)))]
        while pending:
            path, identity = pending.pop()
            for name, inside in self.disk.names.get(identity, {}).items():
                if inside in self.disk.names:
                    pending.append((f"{path}/{name}", inside))
                elif inside in self.disk.contents:
                    yield f"{path}/{name}", self.disk.contents[inside]

    def _rows(self, query: str, *values: Any) -> list[Any]:
        """What is committed, seen by a connection of its own."""
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        try:
            tables = {name: f"cominflow_{name}" for name in ("arrival", "delivery", "customer", "event", "once")}
            return connection.execute(query.format(**tables), values).fetchall()
        finally:
            connection.close()

    def _wrong_rows(self) -> Iterator[str]:
        """Rows that say what the disk does not hold; each state of a row is looked at once."""
        arrivals = self._rows(
            "SELECT a.id, a.claim_id, a.state, a.sha256, a.dev, a.ino, a.claimed_at, c.code, a.readings_count, a.name"
            " FROM {arrival} a JOIN {customer} c ON c.id = a.customer_id"
        )
        for key, claim_id, state, sha256, dev, ino, claimed_at, code, readings, name in arrivals:
            seen = ("A", key, state, sha256, readings)
            if state in _TAKEN and seen not in self._checked:
                self._checked.add(seen)
                yield from self._wrong_arrival(key, claim_id, state, sha256, (dev, ino), claimed_at, code, readings)
                if os.fsdecode(name) + workload.MARKER in self.disk.entries(f"customers/{code}/inbox"):
                    yield f"A-{key} is {state} while its marker is durable in the inbox"
        orphans = set(self.disk.entries("spool")) - {row[1] for row in arrivals} - {workload.ORPHAN}
        yield from (f"no row knows spool/{name}" for name in orphans if not name.endswith(".copy"))
        deliveries = self._rows(
            "SELECT d.id, d.state, d.sha256, d.folder, d.name, c.code, d.published_at"
            " FROM {delivery} d JOIN {customer} c ON c.id = d.customer_id"
        )
        for key, state, sha256, folder, name, code, published_at in deliveries:
            seen = ("D", key, state, published_at)  # published again, it is looked at again
            if seen not in self._checked:
                self._checked.add(seen)
                published = self.disk.holds(f"customers/{code}/{folder}/{os.fsdecode(name)}", sha256)
                if state in ("PUBLISHED", "RETRIEVED") and not published:
                    yield f"D-{key} is {state} before its file is durable in the {folder}"
                if state == "STAGED" and not published and not self.disk.holds(f"publish/{key}", sha256):
                    yield f"D-{key} is STAGED before its file is durable in publish/"
        yield from self._wrong_purges()
        if self._rows("SELECT 1 FROM {event} WHERE what = 'orphan'"):
            if not self.disk.at(f"quarantine/spool-{workload.ORPHAN}/payload"):
                yield "an orphan was noted before it is durable in quarantine"
            if workload.ORPHAN in self.disk.entries("spool"):
                yield "an orphan was noted while it is durable in the spool as well"

    def _wrong_purges(self) -> Iterator[str]:
        """What a row says is purged would come back after a power cut."""
        purged = self._rows(
            "SELECT a.id, a.sha256, a.claimed_at, d.folder, d.name, c.code FROM {once} o"
            " JOIN {arrival} a ON a.id = o.arrival_id JOIN {customer} c ON c.id = a.customer_id"
            " JOIN {delivery} d ON d.arrival_id = a.id WHERE o.step = 'purged'"
        )
        for key, sha256, claimed_at, folder, name, code in purged:
            claimed = datetime.fromisoformat(claimed_at)
            archived = f"archive/{claimed:%Y}/{claimed:%m}/{sha256}"
            for path in (archived, f"customers/{code}/{folder}/{os.fsdecode(name)}"):
                if self.disk.at(path) is not None:
                    yield f"A-{key} is purged before {path} is durably gone"

    def _wrong_arrival(
        self,
        key: int,
        claim_id: str,
        state: str,
        sha256: str,
        file: Identity,
        claimed_at: str,
        code: str,
        readings: int,
    ) -> Iterator[str]:
        claimed = datetime.fromisoformat(claimed_at)
        archived = f"archive/{claimed:%Y}/{claimed:%m}/{sha256}"
        payload = f"quarantine/A-{key}/payload"
        if sha256:
            if not self.disk.holds(archived, sha256):
                yield f"A-{key} is {state} with a hash before its original is durable in the archive"
        elif not self.disk.at(f"spool/{claim_id}"):
            yield f"A-{key} is {state} before its file is durable in the spool"
        if file in self.disk.entries(f"customers/{code}/inbox").values():
            yield f"A-{key} is {state} while its file is durable in the inbox as well"
        if state == "QUARANTINED" and not self.disk.at(payload):
            yield f"A-{key} is QUARANTINED before its file is durable in quarantine"
        if state == "CLAIMED" and readings > 1:
            if self.disk.at(payload):
                yield f"A-{key} is released while its file is durable in quarantine as well"
            if not self.disk.at(f"spool/{claim_id}") and not self.disk.holds(archived, sha256):
                yield f"A-{key} is released before its file is durable in the spool"


def _path(folder: int, name: bytes) -> Path:
    path = Path(os.fsdecode(name))
    return path if folder == -100 or path.is_absolute() else Path(os.readlink(f"/proc/self/fd/{folder}")) / path


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def _listing(folder: str) -> dict[str, Identity]:
    with os.scandir(folder) as entries:
        return {entry.name: _identity(entry.stat(follow_symlinks=False)) for entry in entries}


def _hash(path: str | Path) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
