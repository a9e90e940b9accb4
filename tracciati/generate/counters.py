"""Counters: are the fields that count wide enough for the file that is asked for.

Looked at over the records' types alone, before any value is drawn: the bytes of a large file take minutes to make,
and are worth nothing when the last record's number does not fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracciati.expression import Count, targets
from tracciati.generate.refusal import SpecimenError
from tracciati.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from tracciati.generate.succession import Stretch
    from tracciati.layout import Direction, Layout
    from tracciati.structure import Automaton


def check(layout: Layout, direction: Direction, stretches: Iterable[Stretch], unit: str) -> None:
    """Count what sequences and counts have to hold.

    stretches  the whole file; no more of them are asked for than it takes to see that a number does not fit
    unit       what is repeated, for the remedy

    Raises SpecimenError naming the field and how far it counts.
    """
    most = _most(layout, direction)
    if not most:
        return
    automaton, state = layout.structure[direction], 0
    made: dict[str, int] = {}
    for stretch in stretches:
        counts = _counted(automaton, stretch.types)
        if automaton.group_names:
            run = automaton.run(stretch.types, state)
            counts |= groups_begun(automaton, stretch.types, run.states, state)
            state = run.state
        for name, count in counts.items():
            made[name] = made.get(name, 0) + count
        for path, (name, count_max) in most.items():
            if made.get(name, 0) > count_max:
                raise _too_many(layout, path, name, count_max, unit)


def _most(layout: Layout, direction: Direction) -> dict[str, tuple[str, int]]:
    """Path of each field that counts -> what it counts (a record, a group, `*`), and how many it has room for."""
    found = {}
    automaton = layout.structure[direction]
    for record in layout.records:
        for one in record.fields_in(direction) if record.is_in(direction) else ():
            path, largest = f"{record.name}.{one.name}", 10 ** (one.digits or 18) - 1
            derived = one.derive.get(direction)
            if isinstance(derived, Count) and not automaton.scope(record.index, targets(derived)):
                found[path] = (derived.target, largest * derived.per)
            elif one.sequence is not None and not (one.sequence.series or one.sequence.within):
                start = 1 if one.sequence.start is None else one.sequence.start
                found[path] = (record.name, max(0, (largest - start) // one.sequence.step + 1))
    return found


def _counted(automaton: Automaton, types: NDArray[np.int16]) -> dict[str, int]:
    per_type = np.bincount(types, minlength=len(automaton.type_names)).tolist()
    return dict(zip(automaton.type_names, per_type, strict=True)) | {"*": len(types)}


def groups_begun(
    automaton: Automaton, types: NDArray[np.int16], states: NDArray[np.int16], state: int
) -> dict[str, int]:
    """How many of each group begin in a stretch, whose records lead from `state` to `states`."""
    if not automaton.group_names or not len(types):
        return {}
    before = np.concatenate((np.array([state], np.int16), states[:-1]))
    begun = automaton.begins[before, types].sum(axis=0)
    return dict(zip(automaton.group_names, begun.tolist(), strict=True))


def _too_many(layout: Layout, path: str, name: str, count_max: int, unit: str) -> SpecimenError:
    digits = counted(layout.field(path).digits, "digit")
    what = "records" if name == "*" else name
    why = f"its {digits} count to {count_max:,} {what}, and the file would have more"
    hint = f"ask for {count_max} at most (--count {count_max})" if name == unit else "ask for fewer (--count)"
    return SpecimenError(path, why, hint)
