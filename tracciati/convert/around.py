"""Around: the records that stand before and after the rows of one type, where the structure leaves no choice.

Of `testa richiesta+ coda` it is a testa before the rows and a coda behind them. A record that may be left out is left
out. Where rows could stand at two places, or in several lots, nobody can tell which is meant: that is refused.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracciati.errors import TracciatiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracciati.structure import Automaton


class NoPlace(TracciatiError):
    """The structure has no single place for rows of one type."""

    hint = "take JSON lines (--to jsonl, --from jsonl), which hold all records in their order"


@dataclass(frozen=True)
class Around:
    """Names of the record types before and after the rows, in order."""

    before: tuple[str, ...]
    after: tuple[str, ...]


def around(automaton: Automaton, record: str) -> Around:
    """What has to stand around rows of that type.

    Raises NoPlace when they could stand at several places, or when what stands around them could come again.
    """
    places = np.flatnonzero(automaton.place_types == automaton.type_names.index(record)).tolist()
    if len(places) != 1:
        why = f"has {len(places)} places for `{record}`" if places else f"has no `{record}`"
        raise NoPlace(f"the structure `{automaton.text}` {why}")
    place = places[0]
    before = _only_way(automaton, 0, [place], record, "before")[:-1]
    ends = [state for state in range(len(automaton.step)) if automaton.accepting[state]]
    after = [] if automaton.accepting[place] else _only_way(automaton, place, ends, record, "after")
    onward = _reached(automaton, [place])
    for state in (*before, *after):
        if state in onward and place in _reached(automaton, [state]):
            name = _name(automaton, state)
            why = f"a `{name}` may come again between them, and rows of `{record}` do not say where"
            raise NoPlace(f"the structure `{automaton.text}` has many places for `{record}`: {why}")
    return Around(*(tuple(_name(automaton, state) for state in way) for way in (before, after)))


def _name(automaton: Automaton, state: int) -> str:
    return automaton.type_names[int(automaton.place_types[state])]


def _following(automaton: Automaton, state: int) -> list[int]:
    return [int(target) for target in automaton.step[state] if target >= 0]


def _reached(automaton: Automaton, sources: Iterable[int]) -> set[int]:
    seen: set[int] = set()
    pending = list(sources)
    while pending:
        new = set(_following(automaton, pending.pop())) - seen
        seen |= new
        pending += new
    return seen


def _only_way(automaton: Automaton, start: int, goals: list[int], record: str, side: str) -> list[int]:
    """The states of the shortest way from `start`, which is left out, to a goal. NoPlace when two are as short."""
    ways: dict[int, list[list[int]]] = {start: [[]]}
    steps = {start: 0}
    pending = deque([start])
    while pending:
        state = pending.popleft()
        for target in _following(automaton, state):
            if target not in steps:
                steps[target] = steps[state] + 1
                ways[target] = []
                pending.append(target)
            if steps[target] == steps[state] + 1:
                ways[target] += [[*way, target] for way in ways[state][:2]]  # two are one too many already
    nearest = min((steps[goal] for goal in goals if goal in steps and goal != start), default=0)
    found = [way for goal in goals if goal != start and steps.get(goal) == nearest for way in ways[goal]]
    if len(found) != 1:
        either = " or ".join(dict.fromkeys(f"`{' '.join(_name(automaton, one) for one in way)}`" for way in found))
        raise NoPlace(f"the structure `{automaton.text}` leaves open what stands {side} rows of `{record}`: {either}")
    return found[0]
