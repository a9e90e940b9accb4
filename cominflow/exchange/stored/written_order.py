"""Written order: is every file that is made from a request file in the order of its own structure? Pure.

Of a request file are written: what stands before its first request, some of its requests (or a line of the invoice
for each), and what stands after the last. Which ones is known only when they are answered: any of them, at least one.
`misfit` looks through all files that can come of it, by following the request's automaton and the written file's side
by side; both are small, and so is their product.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tracciati.layout import Direction, Layout
from tracciati.structure import END_OF_FILE, Automaton


@dataclass(frozen=True)
class Misfit:
    """A request file that is in order, what would have to be written of it, and why that cannot be.

    request, written   record names, in file order
    why                where in `written` its structure refuses it
    """

    request: tuple[str, ...]
    written: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class _At:
    """How far we are.

    asked, told   states of the request's automaton and of the written file's (-1: it refuses what was written)
    is_written    the present request is one of those that are written
    has_written   one of them was
    """

    asked: int = 0
    told: int = 0
    is_written: bool = True
    has_written: bool = False


@dataclass(frozen=True)
class _Step:
    """The request file goes on with the record type `asked`; of it comes the type `written` (-1: nothing)."""

    before: _At
    asked: int
    written: int


def misfit(layout: Layout, unit: str, direction: Direction, line: str = "") -> Misfit | None:
    """A request file of which no file of `direction` can be made, one of the shortest; None when there is none.

    unit   the record or group that is one request; nothing else may stand between two of them
    line   the record that stands for each request; empty: the request's own records
    """
    return _Search(layout, unit, layout.structure[direction], layout.by_name[line].index if line else -1).run()


class _Search:
    """One search, breadth first."""

    def __init__(self, layout: Layout, unit: str, told: Automaton, line: int) -> None:
        self.layout, self.told, self.line = layout, told, line
        self.asked = layout.structure["request"]
        self.group = self.asked.group_index(unit) if unit in layout.groups else -1
        self.unit = -1 if unit in layout.groups else layout.by_name[unit].index
        self.came_by: dict[_At, _Step] = {}

    def run(self) -> Misfit | None:
        """Look at every pair of states that a request file can lead to."""
        for at in self._reached(_At()):
            if at.told < 0:
                if (end := self._end_from(at)) is not None:  # else such a file has no request, and no answer
                    return self._example(end)
            elif self._may_end(at) and not self.told.accepting[at.told]:
                return self._example(at)
        return None

    def _reached(self, start: _At) -> Iterator[_At]:
        """`start` and all that can come after it, the nearest first; of a refused file nothing more is written."""
        waiting, seen = deque([start]), {start}
        while waiting:
            at = waiting.popleft()
            yield at
            if at.told < 0 <= start.told:
                continue
            for step, after in self._following(at):
                if after not in seen:
                    seen.add(after)
                    self.came_by[after] = step
                    waiting.append(after)

    def _following(self, at: _At) -> Iterator[tuple[_Step, _At]]:
        for record, target in enumerate(self.asked.step[at.asked].tolist()):
            if target < 0:
                continue
            if not self._is_in_unit(target):
                yield self._step(replace(at, is_written=True), at, record, target, record)
            elif not self._begins_unit(at.asked, record):
                written = record if at.is_written and self.line < 0 else -1
                yield self._step(at, at, record, target, written)
            else:
                yield self._step(replace(at, is_written=False), at, record, target, -1)
                begun = replace(at, is_written=True, has_written=True)
                yield self._step(begun, at, record, target, record if self.line < 0 else self.line)

    def _step(self, now: _At, before: _At, record: int, target: int, written: int) -> tuple[_Step, _At]:
        told = now.told if written < 0 or now.told < 0 else int(self.told.step[now.told, written])
        return _Step(before, record, written), replace(now, asked=target, told=told)

    def _is_in_unit(self, state: int) -> bool:
        if self.group >= 0:
            return bool(self.asked.inside[state, self.group])
        return int(self.asked.place_types[state]) == self.unit

    def _begins_unit(self, state: int, record: int) -> bool:
        return self.group < 0 or bool(self.asked.begins[state, record, self.group])

    def _may_end(self, at: _At) -> bool:
        return at.has_written and bool(self.asked.accepting[at.asked])

    def _end_from(self, refused: _At) -> _At | None:
        """The nearest end of a request file that begins like this one and has a request that is written."""
        return next((at for at in self._reached(refused) if self._may_end(at)), None)

    def _example(self, end: _At) -> Misfit:
        steps = self._steps_to(end)
        written = [step.written for step in steps if step.written >= 0]
        run = self.told.run(np.array(written))
        found = self._name(written[run.stop]) if run.stop >= 0 else END_OF_FILE
        return Misfit(
            tuple(self._name(step.asked) for step in steps),
            tuple(self._name(record) for record in written),
            f"{found} where its structure wants {' or '.join(self.told.expected(run.state))}",
        )

    def _steps_to(self, at: _At) -> list[_Step]:
        steps: list[_Step] = []
        while at in self.came_by:
            step = self.came_by[at]
            steps.append(step)
            at = step.before
        return steps[::-1]

    def _name(self, record: int) -> str:
        return self.layout.records[record].name
