"""Order: the structure of the samples, as an expression in which every record type stands once.

An expression in which every name stands once is one-unambiguous, whatever it is: the next record's type says where it
belongs. What is found accepts every sample, and no more than it has to: runs of records that come again and again are
groups, opened (or closed) by the record that each turn has.

Source: Bex, Neven, Schwentick, Vansummeren, "Inference of concise regular expressions and DTDs" (2010).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Sequences = Counter[bytes]
# So many types may open a group's turn.
_EDGES_MAX = 3


@dataclass
class Order:
    """The structure's text, the texts of its groups, and what is doubtful about it."""

    text: str
    groups: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)


def found(sequences: list[NDArray[np.uint8]], names: list[str]) -> Order:
    """The structure of files of record types.

    sequences  uint8 for each file: the type of each of its records, by index in `names`
    """
    order = Order("")
    text = _Finder(names, order).series(Counter(one.tobytes() for one in sequences))
    order.text = text
    return order


class _Finder:
    def __init__(self, names: list[str], order: Order) -> None:
        self.names, self.order = names, order

    def series(self, sequences: Sequences) -> str:
        """The expression for sequences of types; empty for types that do not occur."""
        types = sorted({one for sequence in sequences for one in sequence})
        if not types:
            return ""
        parts = []
        for component in self._components(sequences, types):
            others = bytes(one for one in types if one not in component)
            own: Sequences = Counter()
            for sequence, count in sequences.items():
                own[sequence.translate(None, others)] += count
            parts.append(self._one(own, component[0]) if len(component) == 1 else self._loop(own, component))
        return " ".join(self._alternatives(sequences, parts, types))

    def _components(self, sequences: Sequences, types: list[int]) -> list[list[int]]:
        """Types that can follow one another both ways belong together; these sets, in the order of the files."""
        place = {one: index for index, one in enumerate(types)}
        reach = np.zeros((len(types), len(types)), np.bool_)
        positions = np.zeros(len(types))
        for sequence in sequences:
            at = np.frombuffer(sequence, np.uint8).astype(np.int64)
            for pair in np.unique(at[:-1] * 256 + at[1:]).tolist():
                reach[place[pair // 256], place[pair % 256]] = True
            kinds, first = np.unique(at, return_index=True)
            for kind, where in zip(kinds.tolist(), first.tolist(), strict=True):
                positions[place[kind]] += where / len(at)
        for middle in range(len(types)):
            reach |= reach[:, middle : middle + 1] & reach[middle]
        both = reach & reach.T
        components: list[list[int]] = []
        seen: set[int] = set()
        # What is reached from more of the others stands further behind.
        for index in sorted(range(len(types)), key=lambda one: (int(reach[:, one].sum()), positions[one])):
            if index in seen:
                continue
            members = [index, *(other for other in np.flatnonzero(both[index]).tolist() if other != index)]
            seen |= set(members)
            components.append([types[one] for one in members])
        return _sorted(components, reach, place)

    def _one(self, own: Sequences, kind: int) -> str:
        name = self.names[kind]
        total, without = own.total(), own[b""]
        repeats = any(len(sequence) > 1 for sequence in own)
        if without and without <= max(1, 0.05 * total) and total >= 10:
            self.order.doubts.append(
                f"structure: {name} is missing in {without} of {total} places where it could stand"
            )
        return name + ("*" if repeats and without else "+" if repeats else "?" if without else "")

    def _loop(self, own: Sequences, component: list[int]) -> str:
        """Records that come again and again: a group where each turn has one record that opens or closes it."""
        mark = "*" if own[b""] else "+"
        turns = Counter({sequence: count for sequence, count in own.items() if sequence})
        firsts, lasts = sorted({one[0] for one in turns}), sorted({one[-1] for one in turns})
        if len(firsts) == 1 or (len(lasts) > 1 and len(firsts) < min(len(component), _EDGES_MAX + 1)):
            text = f"{self._either(firsts)} {self.series(_between(turns, firsts, behind=True))}".strip()
        elif len(lasts) == 1:
            text = f"{self.series(_between(turns, lasts, behind=False))} {self._either(lasts)}".strip()
        else:
            listed = self._either(sorted(component))
            self.order.doubts.append(f"structure: no order was found among {listed[1:-1].replace(' |', ',')}")
            return f"{listed}{mark}"
        return f"{self._group(text)}{mark}"

    def _either(self, kinds: list[int]) -> str:
        names = [self.names[kind] for kind in kinds]
        return names[0] if len(names) == 1 else f"({' | '.join(names)})"

    def _group(self, text: str) -> str:
        if " " not in text:
            return text
        name = f"gruppo_{len(self.order.groups) + 1}"
        self.order.groups[name] = text
        return name

    def _alternatives(self, sequences: Sequences, parts: list[str], types: list[int]) -> list[str]:
        """Neighbours of which each file has exactly one, written as such."""
        place = {self.names[one]: one for one in types}
        merged: list[list[str]] = []
        for part in parts:
            kind = place.get(part[:-1]) if part.endswith("?") else None
            before = [place[name] for name in merged[-1]] if merged and merged[-1][0] in place else []
            together = kind is not None and all(
                not (kind in sequence and any(one in sequence for one in before)) for sequence in sequences
            )
            if kind is not None and before and together:
                merged[-1].append(self.names[kind])
            elif kind is not None:
                merged.append([self.names[kind]])
            else:
                merged.append([part])
        written = []
        for group, is_plain in ((one, one[0] in place) for one in merged):
            kinds = [place[name] for name in group] if is_plain else []
            if len(group) > 1 and all(any(kind in sequence for kind in kinds) for sequence in sequences):
                written.append(f"({' | '.join(group)})")
            else:
                written += [f"{name}?" if self._may_lack(sequences, name, place) else name for name in group]
        return written

    @staticmethod
    def _may_lack(sequences: Sequences, name: str, place: dict[str, int]) -> bool:
        return name in place and any(place[name] not in sequence for sequence in sequences)


def _between(turns: Sequences, edges: list[int], *, behind: bool) -> Sequences:
    """What stands between the records that open (or close) each turn."""
    edge = bytes(edges[:1])
    table = bytes(edges[0] if one in edges else one for one in range(256))
    inner: Sequences = Counter()
    for sequence, count in turns.items():
        parts = sequence.translate(table).split(edge)
        for part, times in Counter(parts[1:] if behind else parts[:-1]).items():
            inner[part] += times * count
    return inner


def _sorted(components: list[list[int]], reach: NDArray[np.bool_], place: dict[int, int]) -> list[list[int]]:
    """The components so that none stands before one that it can follow."""
    waiting, found = list(components), []
    while waiting:
        free = next(
            one
            for one in waiting
            if not any(reach[place[other[0]], place[one[0]]] for other in waiting if other is not one)
        )
        waiting.remove(free)
        found.append(free)
    return found
