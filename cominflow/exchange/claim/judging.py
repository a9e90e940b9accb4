"""Judging: which of the files that lie in an inbox are complete by the policy of their feed, and why others wait.

What can be told without opening a file is told here; what stands in a file (the trailer, a marker's hash) is a proof
that `taking` asks for when it holds the lease, so that what was proved cannot change any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cominflow import shown
from cominflow.exchange import complete, feeds, inbox
from cominflow.exchange.claim.memory import Memory
from cominflow.exchange.complete import Complete
from cominflow.exchange.feed import Feed
from cominflow.models import Arrival, Customer, FeedVersion


@dataclass(frozen=True)
class Agreed:
    """The live feed that takes a file's name, as far as completeness goes."""

    version: FeedVersion
    feed: Feed

    @property
    def complete(self) -> Complete:
        """Its policy."""
        return self.feed.complete


@dataclass(frozen=True)
class Ready:
    """A file to be taken, unless a proof fails.

    marker       the file that says that it is whole; taken with it
    agreed       its feed, when a proof is still to be asked for: see `proofs`
    is_renamed   it was seen to get its name by a rename
    """

    candidate: inbox.Candidate
    marker: inbox.Candidate | None = None
    agreed: Agreed | None = None
    is_renamed: bool = False


@dataclass(frozen=True)
class Waiting:
    """A file that stays in the inbox, by its feed's policy or since it is not to be had. `is_overdue`: look at it."""

    name: bytes
    why: str
    is_overdue: bool = False


@dataclass(frozen=True)
class Judged:
    """What of a scan is to be taken, and what waits."""

    ready: tuple[Ready, ...]
    waiting: tuple[Waiting, ...]


def agreements(customer: Customer) -> list[Agreed]:
    """The customer's live feeds when one of them has another policy than `commit`; none when all are taken as such."""
    agreed = [Agreed(version, feeds.load(version)) for version in feeds.live(customer)]
    return agreed if any(one.complete.policy != "commit" for one in agreed) else []


def markers(customer: Customer, arrivals: Sequence[Arrival]) -> dict[int, bytes]:
    """Arrival id -> the name of the marker that its file came with, by the live feeds; only of those that have one."""
    agreed = agreements(customer) if arrivals else []
    found = {}
    for arrival in arrivals:
        its = next((one for one in agreed if one.feed.match(bytes(arrival.name))), None)
        if its is not None and its.complete.marker is not None:
            found[arrival.pk] = its.complete.marker.render(bytes(arrival.name))
    return found


def judge(customer: str, scan: inbox.Scan, agreed: Iterable[Agreed], memory: Memory, *, at: datetime) -> Judged:
    """Sort the candidates of a scan. Opens nothing."""
    memory.keep_only(customer, scan.candidates, scan.uploading)
    live = list(agreed)
    if not live:
        return Judged(tuple(Ready(one) for one in scan.candidates), ())
    look = _Look(customer, {one.name: one for one in scan.candidates}, memory, at)
    taken_by = [next((its for its in live if its.feed.match(one.name)), None) for one in scan.candidates]
    wanted = {
        its.complete.marker.render(one.name)
        for one, its in zip(scan.candidates, taken_by, strict=True)
        if its is not None and its.complete.marker is not None
    }
    found: list[Ready | Waiting] = []
    for candidate, its in zip(scan.candidates, taken_by, strict=True):
        if its is not None:
            found.append(_JUDGES[its.complete.policy](look, candidate, its))
        elif candidate.name not in wanted:  # a marker that is wanted goes with its file
            marks = next(
                (one for one in live if complete.is_marker(one.complete, one.feed.names, candidate.name)), None
            )
            found.append(Ready(candidate) if marks is None else look.orphan(candidate, marks))
    ready = tuple(one for one in found if isinstance(one, Ready))
    return Judged(ready, tuple(one for one in found if isinstance(one, Waiting)))


@dataclass(frozen=True)
class _Look:
    """One look at an inbox."""

    customer: str
    by_name: Mapping[bytes, inbox.Candidate]
    memory: Memory
    at: datetime

    def is_past(self, candidate: inbox.Candidate, patience_s: float) -> bool:
        """Whether the file has not changed for so long, by this machine's clock."""
        return self.at.timestamp() - candidate.changed_ns / 1e9 > patience_s

    def commit(self, candidate: inbox.Candidate, agreed: Agreed) -> Ready | Waiting:
        return Ready(candidate)

    def quiet(self, candidate: inbox.Candidate, agreed: Agreed) -> Ready | Waiting:
        seconds = agreed.complete.seconds
        if self.memory.is_quiet(self.customer, candidate, seconds):
            return Ready(candidate)
        return Waiting(candidate.name, f"it is taken when nothing has changed it for {seconds:g} s")

    def rename(self, candidate: inbox.Candidate, agreed: Agreed) -> Ready | Waiting:
        """At once when it is known to have been renamed; what our server noted on the file has the last word."""
        seconds = agreed.complete.seconds
        if self.memory.is_quiet(self.customer, candidate, seconds):
            return Ready(candidate)
        return Ready(candidate, agreed=agreed, is_renamed=self.memory.was_renamed(self.customer, candidate))

    def trailer(self, candidate: inbox.Candidate, agreed: Agreed) -> Ready | Waiting:
        """Without its last record it is taken all the same when patience ends: then it is refused, with a receipt."""
        is_past = self.is_past(candidate, agreed.complete.patience_s)
        return Ready(candidate, agreed=None if is_past else agreed)

    def marker(self, candidate: inbox.Candidate, agreed: Agreed) -> Ready | Waiting:
        assert agreed.complete.marker is not None, "a feed that waits for markers names them"
        name = agreed.complete.marker.render(candidate.name)
        found = self.by_name.get(name)
        if found is not None:
            return Ready(candidate, marker=found, agreed=agreed)
        is_past = self.is_past(candidate, agreed.complete.patience_s)
        return Waiting(candidate.name, f"it waits for its marker {shown.name(name)}", is_past)

    def orphan(self, candidate: inbox.Candidate, agreed: Agreed) -> Waiting:
        """A marker without its file."""
        is_past = self.is_past(candidate, agreed.complete.patience_s)
        return Waiting(candidate.name, "it is a marker, and the file that it marks is not here", is_past)


WAITS_FOR_RENAME = (
    "it was not seen to be renamed from a temporary name, as was agreed: it is taken when nothing has changed it for "
    "{seconds:g} s"
)

_JUDGES: Mapping[str, Callable[[_Look, inbox.Candidate, Agreed], Ready | Waiting]] = {
    "commit": _Look.commit,
    "rename": _Look.rename,
    "marker": _Look.marker,
    "trailer": _Look.trailer,
    "quiet": _Look.quiet,
}
