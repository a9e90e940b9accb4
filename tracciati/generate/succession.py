"""Succession: which records a generated file has, one after another, so that its structure accepts them.

A walk over the structure's automaton: the unit as often as was asked for, options now and then, the shortest way out.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracciati.errors import TracciatiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tracciati.structure import Automaton

_FAR = 1 << 30

# Of the options that a structure leaves open (a second line, a note), this share is taken.
OPTION_SHARE = 0.3


class SuccessionError(TracciatiError):
    """The structure has no file with so many units."""

    def __init__(self, text: str, unit: str, count: int, hint: str) -> None:
        self.hint = hint
        super().__init__(f"the structure `{text}` has no file with {count} x `{unit}`")


@dataclass(frozen=True)
class Stretch:
    """Record types of a part of the file: int16 (n,), and how many units begin in it."""

    types: NDArray[np.int16]
    units_count: int


def default_unit(automaton: Automaton) -> str:
    """The outermost group that can be repeated, else the first record type that can; "" when nothing repeats."""
    for index, name in enumerate(automaton.group_names):
        begins = automaton.begins[:, :, index]
        again = automaton.inside[:, index, None] & begins
        if again.any() or _begins_twice(automaton, begins):
            return name
    repeated = automaton.repeated_types
    return automaton.type_names[min(repeated)] if repeated else ""


def _begins_twice(automaton: Automaton, begins: NDArray[np.bool_]) -> bool:
    distance = _distances(automaton, begins, excluded=None)
    entered = {int(automaton.step[state, kind]) for state, kind in np.argwhere(begins).tolist()}
    return any(distance[state] < _FAR for state in entered)


def walk(
    automaton: Automaton, unit: str, count: int, chance: np.random.Generator, *, units_per_stretch: int
) -> Iterator[Stretch]:
    """The records of a file with `count` units, in stretches that end between two units.

    unit   a record type or group of the layout; "" when nothing repeats (then `count` has to be 1)

    Raises SuccessionError when the structure has no such file.
    """
    begins = _unit_begins(automaton, unit)
    towards_end = _ways(automaton, begins, _distances_out(automaton, begins))
    towards_unit = _ways(automaton, begins, _distances(automaton, begins, excluded=None))
    state, left = 0, count if unit else 0
    types: list[int] = []
    units = 0
    while not (left == 0 and automaton.accepting[state]):
        ways = (towards_unit if left else towards_end)[state]
        if left and ways.first and not (ways.onward and chance.random() < OPTION_SHARE):
            kind, target = ways.first[int(chance.integers(len(ways.first)))]
            if units >= units_per_stretch:
                yield Stretch(np.array(types, np.int16), units)
                types, units = [], 0
            # One record type that follows itself, where nothing else can: all at once.
            run = min(left, units_per_stretch - units) if target == state and not ways.onward else 1
            types += [kind] * run
            units, left = units + run, left - run
        elif ways.onward:
            kind, target = _onward(ways, chance)
            types.append(kind)
        else:
            hint = "ask for another count, or name the unit that repeats (--unit)"
            raise SuccessionError(automaton.text, unit, count, hint)
        state = target
    yield Stretch(np.array(types, np.int16), units)


@dataclass(frozen=True)
class _Ways:
    """The steps from a state, as pairs of a record type and the state that it leads to.

    first    those that begin a unit
    onward   the others that lead to the goal
    nearest  the one of them with the shortest way
    """

    first: list[tuple[int, int]]
    onward: list[tuple[int, int]]
    nearest: tuple[int, int] | None


def _ways(automaton: Automaton, begins: NDArray[np.bool_], distance: NDArray[np.int64]) -> list[_Ways]:
    """For each state, when the goal is `distance` away."""
    made = []
    for state in range(len(automaton.step)):
        steps = [(kind, int(target)) for kind, target in enumerate(automaton.step[state]) if target >= 0]
        first = [(kind, target) for kind, target in steps if begins[state, kind]]
        onward = [(kind, target) for kind, target in steps if not begins[state, kind] and distance[target] < _FAR]
        nearest = min(onward, key=lambda pair: int(distance[pair[1]]), default=None)
        made.append(_Ways(first, onward, nearest))
    return made


def _unit_begins(automaton: Automaton, unit: str) -> NDArray[np.bool_]:
    """bool (n_states, n_types): does this step begin a new unit."""
    if unit in automaton.group_names:
        begins: NDArray[np.bool_] = automaton.begins[:, :, automaton.group_index(unit)]
        return begins
    begins = np.zeros(automaton.step.shape, np.bool_)
    if unit:
        begins[:, automaton.type_names.index(unit)] = automaton.step[:, automaton.type_names.index(unit)] >= 0
    return begins


def _onward(ways: _Ways, chance: np.random.Generator) -> tuple[int, int]:
    """The shortest way, or now and then another one that leads there too."""
    assert ways.nearest is not None, "the caller has looked"
    if len(ways.onward) == 1 or chance.random() >= OPTION_SHARE:
        return ways.nearest
    return ways.onward[int(chance.integers(len(ways.onward)))]


def _distances(automaton: Automaton, goals: NDArray[np.bool_], excluded: NDArray[np.bool_] | None) -> NDArray[np.int64]:
    """Steps from each state to one from which a goal step can be taken."""
    distance = np.where(goals.any(axis=1), 0, _FAR)
    return _spread(automaton, distance, excluded)


def _distances_out(automaton: Automaton, begins: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Steps from each state to one where the file may end, without beginning a unit."""
    return _spread(automaton, np.where(automaton.accepting, 0, _FAR), begins)


def _spread(automaton: Automaton, distance: NDArray[np.int64], excluded: NDArray[np.bool_] | None) -> NDArray[np.int64]:
    usable = automaton.step >= 0 if excluded is None else (automaton.step >= 0) & ~excluded
    sources: dict[int, list[int]] = {}
    for state, kind in np.argwhere(usable).tolist():
        sources.setdefault(int(automaton.step[state, kind]), []).append(state)
    pending = deque(np.flatnonzero(distance == 0).tolist())
    while pending:
        state = pending.popleft()
        for source in sources.get(state, ()):
            if distance[source] > distance[state] + 1:
                distance[source] = distance[state] + 1
                pending.append(source)
    return distance
