"""Memory: what an engine has seen in the inboxes since it began. Nothing in it is needed to be right, only to be quick.

A file that is quiet is known by looking twice, and a renamed one by having seen its other name. An engine that starts
anew has seen nothing: it waits once more, and takes nothing too early.

Times are of a monotonic clock of this machine; what a client says about a file's time counts nowhere.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, field

from cominflow.errors import WorldError
from cominflow.exchange.inbox import Candidate

Identity = tuple[int, int]


@dataclass
class _Seen:
    """A file as it was at the last look, since when it is like that, and when it may be quiet (None: looked at)."""

    what: tuple[bytes, int, int]
    since_s: float
    due_s: float | None = None


@dataclass
class _Inbox:
    """What is known of one customer's inbox: what lay there at the last look and the one before, and when they were."""

    device: int = -1
    looked_s: float = -1.0
    before_s: float = -1.0
    present: frozenset[Identity] = frozenset()
    before: frozenset[Identity] = frozenset()
    files: dict[Identity, _Seen] = field(default_factory=dict)
    uploading: frozenset[Identity] = frozenset()
    moved_before: frozenset[bytes] = frozenset()
    refuted: dict[tuple[object, ...], str] = field(default_factory=dict)
    ignored: frozenset[str] | None = None


@dataclass(frozen=True)
class New:
    """Files that were taken at the first look that found them: how many, when it was, and when the look before was."""

    customer: str
    count: int
    looked_s: float
    before_s: float


class Memory:
    """One per engine process. Only `note_moved` may be called from another thread than the one that claims."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._inboxes: dict[str, _Inbox] = {}
        self._new: list[New] = []
        self._lock = threading.Lock()
        self._moved: dict[str, set[bytes]] = {}

    def begin(self, customer: str, device: int) -> None:
        """A look at this customer's inbox begins. WorldError when the folder is not the one of before."""
        known = self._inbox(customer)
        if known.device not in (-1, device):
            raise WorldError(
                "look into",
                f"the inbox of {customer}",
                "it lies on another device than before: a file system was mounted or went away",
                hint="mount what was there; if the folder was moved on purpose, start the engine anew",
            )
        known.device = device
        known.before_s, known.looked_s = known.looked_s, self._monotonic()
        with self._lock:
            known.moved_before = frozenset(self._moved.get(customer, ()))

    def keep_only(self, customer: str, present: Iterable[Candidate], uploading: Iterable[Identity]) -> None:
        """Forget files that are gone; remember which are under temporary names now."""
        known = self._inbox(customer)
        candidates = list(present)
        known.before, known.present = known.present, frozenset((one.dev, one.ino) for one in candidates)
        known.files = {identity: seen for identity, seen in known.files.items() if identity in known.present}
        known.uploading = (known.uploading & known.present) | frozenset(uploading)
        names = {one.name for one in candidates}
        known.refuted = {key: why for key, why in known.refuted.items() if key[0] in names}
        with self._lock:
            if customer in self._moved:  # what was told since the look began may be of a file that it did not see
                self._moved[customer] -= known.moved_before - names

    def taken(self, customer: str, candidates: Iterable[Candidate]) -> None:
        """These files were taken: what comes under their names is another file."""
        known, names, new_count = self._inbox(customer), set(), 0
        for one in candidates:
            known.files.pop((one.dev, one.ino), None)
            names.add(one.name)
            new_count += (one.dev, one.ino) not in known.before
        with self._lock:
            if customer in self._moved:
                self._moved[customer] -= names
        if new_count and known.before_s >= 0:
            self._new.append(New(customer, new_count, known.looked_s, known.before_s))

    def pop_new(self) -> list[New]:
        """Files that were new when they were taken, each told once."""
        told, self._new = self._new, []
        return told

    def note_moved(self, customer: str, name: bytes) -> None:
        """The kernel said that a file got this name by a rename."""
        with self._lock:
            moved = self._moved.setdefault(customer, set())
            if len(moved) < _MOVED_MAX:
                moved.add(name)

    def was_renamed(self, customer: str, candidate: Candidate) -> bool:
        """Whether the file is known to have got its name by a rename."""
        if (candidate.dev, candidate.ino) in self._inbox(customer).uploading:
            return True
        with self._lock:
            return candidate.name in self._moved.get(customer, ())

    def is_quiet(self, customer: str, candidate: Candidate, seconds: float) -> bool:
        """Whether nothing has changed the file for so long. When not, the inbox is due again when it may be."""
        known, now_s = self._inbox(customer), self._monotonic()
        what = (candidate.name, candidate.bytes_count, candidate.changed_ns)
        seen = known.files.get((candidate.dev, candidate.ino))
        if seen is None or seen.what != what:
            seen = known.files[candidate.dev, candidate.ino] = _Seen(what, now_s)
        is_quiet = now_s >= seen.since_s + seconds
        seen.due_s = None if is_quiet else seen.since_s + seconds
        return is_quiet

    def refute(self, customer: str, key: tuple[object, ...], why: str) -> None:
        """Remember why a file with its marker, as both are now, is not whole; `key` begins with the file's name."""
        self._inbox(customer).refuted[key] = why

    def refuted(self, customer: str, key: tuple[object, ...]) -> str:
        """Why that file is not whole, as far as it is known from before; empty when it is not."""
        return self._inbox(customer).refuted.get(key, "")

    def ignored(self, customer: str, texts: Iterable[str]) -> Set[str] | None:
        """What was not taken at the look before (None: there was none); from now on it is `texts`."""
        known = self._inbox(customer)
        before, known.ignored = known.ignored, frozenset(texts)
        return before

    def due(self) -> set[str]:
        """Customers in whose inboxes a file may have become quiet by now; each is told once."""
        now_s = self._monotonic()
        codes = {code for code, known in self._inboxes.items() if any(due_s <= now_s for due_s in _dues(known))}
        for code in codes:
            self.forget_dues(code)
        return codes

    def forget_dues(self, customer: str) -> None:
        """The next look at this inbox comes with the sweep."""
        for seen in self._inbox(customer).files.values():
            seen.due_s = None

    def wait_s(self, most_s: float) -> float:
        """Seconds until an inbox is due, at most `most_s`."""
        dues = [due_s for known in self._inboxes.values() for due_s in _dues(known)]
        return max(0.0, min(most_s, min(dues) - self._monotonic())) if dues else most_s

    def is_due_before(self, deadline_s: float) -> bool:
        """Whether an inbox is due before the deadline, an instant of the monotonic clock."""
        return any(due_s < deadline_s for known in self._inboxes.values() for due_s in _dues(known))

    def _inbox(self, customer: str) -> _Inbox:
        return self._inboxes.setdefault(customer, _Inbox())


# Names told by the kernel and not yet found in an inbox: the queue of the kernel holds fewer (16,384).
_MOVED_MAX = 20_000


def _dues(known: _Inbox) -> Iterator[float]:
    return (seen.due_s for seen in known.files.values() if seen.due_s is not None)
