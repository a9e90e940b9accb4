"""States: which moves an arrival and a delivery may make. The only table of them; any other move is refused.

Read by `exchange.moves`, by the drawing in the documentation and by the tests. Pure: no database, no disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

Moves = Mapping[str, tuple[str, ...]]

ARRIVAL: Moves = MappingProxyType(
    {
        "CLAIMING": ("CLAIMED", "VANISHED"),
        "CLAIMED": ("READING",),
        "READING": ("QUEUED", "REFUSED", "DUPLICATE", "QUARANTINED", "HELD"),
        # Released by an operator, with a reason: read again from the beginning.
        "DUPLICATE": ("CLAIMED", "DISCARDED"),
        "QUARANTINED": ("CLAIMED", "DISCARDED"),
        "HELD": ("CLAIMED", "DISCARDED"),
        "QUEUED": ("ANSWERED",),
        "ANSWERED": ("CLOSED",),
        # Purged: the bytes are gone; hash, name, counts and the record of the removal stay.
        "CLOSED": ("PURGED",),
        "REFUSED": ("PURGED",),
        "DISCARDED": ("PURGED",),
        "VANISHED": (),
        "PURGED": (),
    }
)

DELIVERY: Moves = MappingProxyType(
    {
        # Held while planned: it was made again, and its bytes are not those that were published.
        "PLANNED": ("STAGED", "HELD"),
        "STAGED": ("PUBLISHED", "HELD"),
        # Planned again by an operator, with a reason: the file is gone, and is made again with the same bytes.
        "HELD": ("PUBLISHED", "DISCARDED", "PLANNED"),
        "PUBLISHED": ("RETRIEVED", "PLANNED"),
        "RETRIEVED": ("PLANNED",),
        "DISCARDED": (),
    }
)

# Arrivals whose content counts as received: the same content a second time is a duplicate of one of these.
# The model's constraint `one_live_arrival_per_content` holds the same list.
ARRIVAL_LIVE = frozenset({"CLAIMED", "READING", "QUEUED", "ANSWERED", "CLOSED"})

# What waits for an operator: `release` (read again) or `discard`.
ARRIVAL_WAITING = frozenset({"DUPLICATE", "QUARANTINED", "HELD"})


def is_legal(moves: Moves, present: str, to: str) -> bool:
    """Whether the table has this move.

    >>> is_legal(ARRIVAL, "CLAIMING", "CLAIMED"), is_legal(ARRIVAL, "QUEUED", "DISCARDED")
    (True, False)
    """
    return to in moves[present]
