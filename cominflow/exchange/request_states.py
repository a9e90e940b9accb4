"""Request states: the table of moves that code, tests and the docs' drawing read. Any other move is refused.

    WAITING → OPEN ; WAITING, OPEN → ANSWERED | REFUSED | CANCELLED | EXPIRED ; ANSWERED → CORRECTED ;
    EXPIRED → ANSWERED (late) ; ANSWERED → OPEN (taken back: a person's answer that has not gone out)

`WAITING` was not asked yet; `OPEN` was asked, or lies on a person's list. Pure: no database, no clock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np

from cominflow.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

WAITING, OPEN, ANSWERED, REFUSED = "WAITING", "OPEN", "ANSWERED", "REFUSED"
CANCELLED, EXPIRED, CORRECTED = "CANCELLED", "EXPIRED", "CORRECTED"

_ENDS = frozenset({ANSWERED, REFUSED, CANCELLED, EXPIRED})
MOVES: Mapping[str, frozenset[str]] = {
    WAITING: _ENDS | {OPEN},
    OPEN: _ENDS,
    # Back to OPEN only while the answer is a person's and has not gone out: see `require`.
    ANSWERED: frozenset({CORRECTED, OPEN}),
    EXPIRED: frozenset({ANSWERED}),
    REFUSED: frozenset(),
    CANCELLED: frozenset(),
    CORRECTED: frozenset(),
}
STATES: tuple[str, ...] = tuple(MOVES)
# numpy's type for a column of states: any state fits.
STATE_TEXT = np.array(STATES).dtype
# What can go out in a delivery. An open request is told as pending, and its answer goes out with a later one.
ENDED: tuple[str, ...] = (ANSWERED, REFUSED, CANCELLED, EXPIRED, CORRECTED)

# Where a state is counted. A corrected request is an answered one: the six counters add up to the requests.
COUNTER_OF: Mapping[str, str] = {
    WAITING: "waiting",
    OPEN: "open",
    ANSWERED: "answered",
    CORRECTED: "answered",
    REFUSED: "refused",
    CANCELLED: "cancelled",
    EXPIRED: "expired",
}
COUNTERS: tuple[str, ...] = ("waiting", "open", "answered", "refused", "cancelled", "expired")


def is_move(current: str, wanted: str) -> bool:
    """May a request in `current` become `wanted`?

    >>> is_move("OPEN", "ANSWERED"), is_move("ANSWERED", "WAITING")
    (True, False)
    """
    return wanted in MOVES[current]


def are(states: NDArray[np.str_], wanted: Collection[str]) -> NDArray[np.bool_]:
    """bool (n,): which of the texts are in `wanted`. (`np.isin` sorts texts, and takes ten times as long.)"""
    found = np.zeros(len(states), dtype=np.bool_)
    for state in wanted:
        found |= states == state
    return found


def illegal(current: NDArray[np.str_], wanted: NDArray[np.str_]) -> NDArray[np.int64]:
    """Indexes of the moves that the table does not have. `current` and `wanted` are texts (n,), side by side."""
    wrong = np.ones(len(current), dtype=bool)
    for state, targets in MOVES.items():
        here = current == state
        if here.any():
            for target in targets:
                wrong &= ~(here & (wanted == target))
    found: NDArray[np.int64] = np.flatnonzero(wrong).astype(np.int64)
    return found


def require(
    arrival_id: int,
    positions: NDArray[np.int64],
    current: NDArray[np.str_],
    wanted: NDArray[np.str_],
    *,
    retractable: NDArray[np.bool_],
) -> None:
    """Refuse illegal moves: UsageError naming the first of them. All arrays (n,), side by side.

    retractable  whether the present answer is a person's and has not gone out: only such a one is taken back
    """
    kept = np.flatnonzero((current == ANSWERED) & (wanted == OPEN) & ~retractable)
    if len(kept):
        raise UsageError(
            f"the answer of A-{arrival_id}/{int(positions[kept[0]]) + 1} cannot be taken back: it has gone out, or its "
            "provider gave it",
            hint=f"see what became of it with `cominflow arrival show A-{arrival_id}`",
        )
    wrong = illegal(current, wanted)
    if not len(wrong):
        return
    first = int(wrong[0])
    state, others = str(current[first]), f" (and {len(wrong) - 1} others like it)" if len(wrong) > 1 else ""
    possible = ", ".join(sorted(MOVES[state])) or "nothing else"
    raise UsageError(
        f"request A-{arrival_id}/{int(positions[first]) + 1} is {state} and cannot become {wanted[first]}{others}",
        hint=f"from {state} it can become {possible}; see it with `cominflow arrival show A-{arrival_id}`",
    )


def counted(states: NDArray[np.str_]) -> dict[str, int]:
    """How many requests each of the six counters has: `{"waiting": 3, …}`, all six keys."""
    counts = dict.fromkeys(COUNTERS, 0)
    for state, counter in COUNTER_OF.items():
        counts[counter] += int(np.count_nonzero(states == state))
    assert sum(counts.values()) == len(states), "a state that the table does not have"
    return counts
