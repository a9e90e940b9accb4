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
    out = _distances_out(automaton, begins)
    to_unit = _distances(automaton, begins, excluded=None)
    state, left = 0, count if unit else 0
    types: list[int] = []
    units = 0
    while not (left == 0 and automaton.accepting[state]):
        steps = [(kind, int(target)) for kind, target in enumerate(automaton.step[state]) if target >= 0]
        first = [(kind, target) for kind, target in steps if begins[state, kind]]
        onward = [(kind, target) for kind, target in steps if not begins[state, kind]]
        useful = [pair for pair in onward if (to_unit if left else out)[pair[1]] < _FAR]
        if left and first and not (useful and chance.random() < OPTION_SHARE):
            kind, target = first[int(chance.integers(len(first)))]
            if units >= units_per_stretch:
                yield Stretch(np.array(types, np.int16), units)
                types, units = [], 0
            run = _run(state, target, kind, begins, automaton, useful, min(left, units_per_stretch - units))
            types += [kind] * run
            units, left = units + run, left - run
        elif useful:
            kind, target = _onward(useful, out if not left else to_unit, chance)
            types.append(kind)
        else:
            hint = "ask for another count, or name the unit that repeats (--unit)"
            raise SuccessionError(automaton.text, unit, count, hint)
        state = target
    yield Stretch(np.array(types, np.int16), units)


def _unit_begins(automaton: Automaton, unit: str) -> NDArray[np.bool_]:
    """bool (n_states, n_types): does this step begin a new unit."""
    if unit in automaton.group_names:
        begins: NDArray[np.bool_] = automaton.begins[:, :, automaton.group_index(unit)]
        return begins
    begins = np.zeros(automaton.step.shape, np.bool_)
    if unit:
        begins[:, automaton.type_names.index(unit)] = automaton.step[:, automaton.type_names.index(unit)] >= 0
    return begins


def _run(
    state: int,
    target: int,
    kind: int,
    begins: NDArray[np.bool_],
    automaton: Automaton,
    useful: list[tuple[int, int]],
    left: int,
) -> int:
    """How many units can be taken at once: all, where one record type follows itself and nothing else can."""
    repeats = target == state and bool(begins[state, kind]) and not useful and int(automaton.step[state, kind]) == state
    return left if repeats else 1


def _onward(useful: list[tuple[int, int]], distance: NDArray[np.int64], chance: np.random.Generator) -> tuple[int, int]:
    """The shortest way, or now and then another one that leads there too."""
    nearest = min(useful, key=lambda pair: int(distance[pair[1]]))
    if len(useful) == 1 or chance.random() >= OPTION_SHARE:
        return nearest
    return useful[int(chance.integers(len(useful)))]


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
