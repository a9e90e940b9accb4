"""Complete: how a feed says that a file of its customer is whole, and may be taken out of the inbox. Pure.

    commit    its upload was closed; whatever lies in the inbox under a final name and is not being written
    rename    it was renamed from a temporary name
    marker    a second file, named after it, is there as well
    trailer   its last record is the one that ends every file of the layout
    quiet     nothing has changed it for some seconds

Every policy asks the kernel, too, whether somebody still writes the file (`exchange.lease`). Which policy counts is
said by the live feed that takes files of its name; a file that no feed takes is `commit`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from cominflow.exchange import names as file_names
from cominflow.exchange.names import Names
from cominflow.limits import MARKER_PATIENCE_S, QUIET_S, QUIET_S_MAX, RENAME_QUIET_S, TRAILER_PATIENCE_S
from tracciati.declare.toml import Table

Policy = Literal["commit", "rename", "marker", "trailer", "quiet"]

MARKER_NAME = "{request}.ok"

# Which keys a policy has beside its name; another one's keys are refused rather than ignored.
_KEYS: Mapping[Policy, tuple[str, ...]] = {
    "commit": (),
    "rename": ("seconds",),
    "marker": ("name", "patience"),
    "trailer": ("patience",),
    "quiet": ("seconds",),
}
_SECONDS: Mapping[str, float] = {"rename": RENAME_QUIET_S, "quiet": QUIET_S}
_PATIENCE_S: Mapping[str, float] = {"marker": MARKER_PATIENCE_S, "trailer": TRAILER_PATIENCE_S}

_DURATION = re.compile(r"([1-9]\d{0,5}) ?(s|m|h|d)")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PLACE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class MarkerName:
    """How a marker is named after its file: what stands before and after the file's name, or its stem."""

    text: str
    before: bytes
    after: bytes
    is_of_stem: bool

    def render(self, request: bytes) -> bytes:
        """The marker of a request file.

        >>> marker_name("{request}.ok").render(b"RV_001.txt"), marker_name("{request.stem}.fin").render(b"RV_001.txt")
        (b'RV_001.txt.ok', b'RV_001.fin')
        """
        return self.before + (file_names.stem_of(request) if self.is_of_stem else request) + self.after

    def marked(self, name: bytes) -> bytes | None:
        """What a name marks if it is a marker's (a file's name or its stem, as `is_of_stem` says); None if it is none.

        >>> marker_name("{request}.ok").marked(b"RV_001.txt.ok")
        b'RV_001.txt'
        """
        longer = len(name) > len(self.before) + len(self.after)
        if not longer or not name.startswith(self.before) or not name.endswith(self.after):
            return None
        return name[len(self.before) : len(name) - len(self.after)]


@dataclass(frozen=True)
class Complete:
    """A feed's policy.

    seconds     rename, quiet: how long nothing may have changed the file
    patience_s  marker: after so long it is told that the marker (or its file) is missing; trailer: after so long the
                file is taken without its last record, and judged
    marker      the marker's name
    """

    policy: Policy = "commit"
    seconds: float = 0.0
    patience_s: float = 0.0
    marker: MarkerName | None = None


def read(top: Table) -> Complete:
    """The key `complete` of a feed: a word, or a table. What is wrong is noted in the table's document."""
    if not isinstance(top.value.get("complete"), dict):
        return _with_defaults(cast(Policy, top.choice("complete", tuple(_KEYS), "commit")))
    table = top.inner("complete")
    policy = cast(Policy, table.choice("policy", tuple(_KEYS), "commit", required=True))
    complete = _with_defaults(policy)
    seconds, patience_s, marker = complete.seconds, complete.patience_s, complete.marker
    if "seconds" in _KEYS[policy] and (said := table.integer("seconds", least=1)) is not None:
        seconds = float(said)
        if seconds > QUIET_S_MAX:
            table.problem("seconds", f"`seconds` is {said}; it can be {QUIET_S_MAX} at most", "an hour is long enough")
    if "patience" in _KEYS[policy] and (text := table.text("patience")):
        patience_s = _duration(table, text)
    if "name" in _KEYS[policy] and (text := table.text("name")):
        try:
            marker = marker_name(text)
        except file_names.NameProblem as problem:
            table.problem("name", str(problem), problem.hint)
    for key in table.value:
        if key not in ("policy", *_KEYS[policy]) and any(key in keys for keys in _KEYS.values()):
            table.asked.append(key)
            has = ", ".join(_KEYS[policy]) or "none"
            if "policy" in table:  # else that is what is wrong
                table.problem(key, f"`{key}` says nothing with the policy {policy}", f"keys of that policy: {has}")
    table.close()
    return Complete(policy, seconds, patience_s, marker)


def marker_name(text: str) -> MarkerName:
    """Parse the name of a marker. Raises NameProblem.

    >>> marker_name("ok_{request}").before
    b'ok_'
    """
    places = list(_PLACE.finditer(text))
    if len(places) != 1 or places[0].group(1) not in ("request", "request.stem"):
        raise file_names.NameProblem(
            f"{text!r} must hold {{request}} or {{request.stem}} once: a marker is named after its file",
            f"write for example {MARKER_NAME!r}",
        )
    before, after = text[: places[0].start()], text[places[0].end() :]
    for character in before + after:
        if character in "{}/" or not character.isprintable():
            raise file_names.NameProblem(f"{character!r} cannot stand in a file name", f"write {MARKER_NAME!r}")
    if file_names.is_of_a_half_written_file(before + "R" + after):
        raise file_names.NameProblem(
            f"{text!r} is a name of half-written files, at which nobody looks",
            "choose a name that does not begin with . or ~ and does not end in .tmp .part .partial .filepart",
        )
    return MarkerName(text, before.encode(), after.encode(), places[0].group(1) == "request.stem")


def is_marker(complete: Complete, names: Names, name: bytes) -> bool:
    """Whether a name is that of a marker of some request file of the feed."""
    marked = None if complete.marker is None else complete.marker.marked(name)
    if complete.marker is None or marked is None:
        return False
    return _marked_pattern(names.request, complete.marker.is_of_stem).match(marked) is not None


@functools.lru_cache(64)
def _marked_pattern(request: file_names.RequestName, is_of_stem: bool) -> file_names.RequestName:
    return file_names.RequestName(request.text, file_names.stem_pieces(request)) if is_of_stem else request


def clash(complete: Complete, names: Names) -> str | None:
    """Why the markers of a feed cannot be told from request files of `names` (its own, or another feed's)."""
    if complete.marker is None:
        return None
    marker = complete.marker
    example = file_names.common_name(_pieces(marker, names), names.request.pieces)
    return None if example is None else f"{example} would be a marker and a request file"


def rival(one: Complete, its: Names, other: Complete, others: Names) -> str | None:
    """Why two feeds of one customer cannot be live together: a marker that is the other's request, or its marker."""
    for marking, marked, requested in ((one, its, others), (other, others, its)):
        if marking.marker is not None:
            example = file_names.common_name(_pieces(marking.marker, marked), requested.request.pieces)
            if example is not None:
                return f"one's marker and the other's request file could both be called {example}"
    if one.marker is None or other.marker is None:
        return None
    example = file_names.common_name(_pieces(one.marker, its), _pieces(other.marker, others))
    return None if example is None else f"markers of both could be called {example}"


def _pieces(marker: MarkerName, names: Names) -> tuple[file_names.Piece, ...]:
    """The marker's name as a pattern of the request files' names."""
    inner = file_names.stem_pieces(names.request) if marker.is_of_stem else names.request.pieces
    before, after = (
        (file_names.Piece("literal", part.decode()),) if part else () for part in (marker.before, marker.after)
    )
    return (*before, *inner, *after)


def _with_defaults(policy: Policy) -> Complete:
    marker = marker_name(MARKER_NAME) if policy == "marker" else None
    return Complete(policy, _SECONDS.get(policy, 0.0), _PATIENCE_S.get(policy, 0.0), marker)


def _duration(table: Table, text: str) -> float:
    found = _DURATION.fullmatch(text)
    if found is None:
        table.problem("patience", f"`patience` cannot be {text!r}", 'write a time as "90s", "30m", "2h" or "1d"')
        return 0.0
    return float(int(found.group(1)) * _UNIT_S[found.group(2)])
