"""Totals: what the fields with `derive` must hold, counted and summed column by column.

The reader compares the result with what the file declares; the writer fills the fields with it. Sums are exact:
int64 inside a block (split where it could overflow), Python integers from block to block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracciati import rules
from tracciati.expression import Count, Sum, names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from tracciati.expression import Derivation
    from tracciati.layout import Direction, Field, Layout
    from tracciati.values import Values

# A sum is split into halves of nine digits: each half is below 10^9, so 9 * 10^9 rows fit into int64.
_HALF = 10**9


@dataclass(frozen=True)
class Computed:
    """What a derived field must hold.

    value       in the derived field's own smallest unit (its scale), or None where it has no exact value there
    unreadable  how many summed values could not be read; the sum leaves them out, so it proves nothing
    """

    value: int | None
    unreadable: int


class Totals:
    """Adds up every derived field of one file in one direction.

    Records are given block by block, each record type on its own; the order does not matter.
    """

    def __init__(self, layout: Layout, direction: Direction) -> None:
        self._derived: dict[str, tuple[Field, Derivation]] = {}
        for record in layout.records:
            if not record.is_in(direction):
                continue
            for field in record.fields_in(direction):
                if direction in field.derive:
                    expression = field.derive[direction]
                    assert isinstance(expression, Count | Sum), "declare refuses any other derive"
                    self._derived[f"{record.name}.{field.name}"] = (field, expression)
        self._sums = {path: e for path, (_, e) in self._derived.items() if isinstance(e, Sum)}
        self._source_scale = {path: layout.field(e.path.path).scale for path, e in self._sums.items()}
        self._counts: dict[str, int] = dict.fromkeys((r.name for r in layout.records), 0)
        self._records_count = 0
        self._groups: dict[str, int] = dict.fromkeys(layout.groups, 0)
        self._totals: dict[str, int] = dict.fromkeys(self._sums, 0)
        self._unreadable: dict[str, int] = dict.fromkeys(self._sums, 0)

    def paths(self) -> tuple[str, ...]:
        """Every derived field, as `record.field`."""
        return tuple(self._derived)

    def needs(self) -> dict[str, tuple[str, ...]]:
        """Record type -> names of the fields whose values `add` must be given."""
        wanted: dict[str, dict[str, None]] = {}
        for expression in self._sums.values():
            for name in names(expression):
                assert name.record is not None, "names() qualifies the names of a sum"
                wanted.setdefault(name.record, {})[name.field] = None
        return {record: tuple(fields) for record, fields in wanted.items()}

    def counts_groups(self) -> tuple[str, ...]:
        """Groups that are counted; their number is given by `add_group`."""
        counted = {e.target for _, e in self._derived.values() if isinstance(e, Count)}
        return tuple(g for g in self._groups if g in counted)

    def add(self, record: str, count: int, columns: Mapping[str, Values]) -> None:
        """Add `count` records of type `record`; `columns` holds the fields that `needs` names for it.

        Columns may have fewer rows than `count`, or be missing: the other records could not be read. They are
        counted, and what they would add to a sum is unreadable.
        """
        if not count:
            return
        self._counts[record] += count
        self._records_count += count
        for path, expression in self._sums.items():
            if expression.path.record == record:
                total, unreadable, rows_count = _sum(expression, columns) if columns else (0, 0, 0)
                self._totals[path] += total
                self._unreadable[path] += unreadable + count - rows_count

    def add_others(self, count: int) -> None:
        """Add records of no known type: they count in `count(*)` only."""
        self._records_count += count

    def add_group(self, group: str, count: int) -> None:
        """Add occurrences of a group."""
        self._groups[group] += count

    def finish(self) -> dict[str, Computed]:
        """What each derived field must hold: `record.field` -> Computed."""
        return {path: self._computed(path, field, expression) for path, (field, expression) in self._derived.items()}

    def _computed(self, path: str, field: Field, expression: Derivation) -> Computed:
        if isinstance(expression, Count):
            target = expression.target
            if target == "*":
                return Computed(self._records_count * 10**field.scale, 0)
            count = self._groups[target] if target in self._groups else self._counts[target]
            return Computed(count * 10**field.scale, 0)
        total, shift = self._totals[path], field.scale - self._source_scale[path]
        if shift >= 0:
            return Computed(total * 10**shift, self._unreadable[path])
        value, lost = divmod(total, 10**-shift)
        return Computed(None if lost else value, self._unreadable[path])


def _sum(expression: Sum, columns: Mapping[str, Values]) -> tuple[int, int, int]:
    """The exact sum over the rows that `where` selects, how many of those are unreadable, and the count of rows."""
    summed = columns[expression.path.field]
    numbers = summed.numbers
    assert numbers is not None, "declare lets only numbers be summed"
    chosen: NDArray[np.bool_] | None = None
    unreadable = 0
    if expression.where is not None:
        own = {f"{expression.path.record}.{name}": values for name, values in columns.items()}
        chosen = rules.evaluate(expression.where, {**own, **columns}, len(numbers))
        # Where the condition itself reads a bad value nobody knows whether the row belongs to the sum.
        doubtful = rules.doubtful(expression.where, {**own, **columns}, len(numbers))
        if doubtful is not None:
            unreadable += int(np.count_nonzero(doubtful))
            chosen &= ~doubtful
    if summed.bad is not None:
        lost = summed.bad if chosen is None else summed.bad & chosen
        unreadable += int(np.count_nonzero(lost))
    for absent in (summed.null, summed.bad):
        if absent is not None:
            chosen = ~absent if chosen is None else chosen & ~absent
    return exact_sum(numbers if chosen is None else numbers[chosen]), unreadable, len(numbers)


def exact_sum(numbers: NDArray[np.int64] | NDArray[np.int32]) -> int:
    """Sum of int64 values as a Python integer; never wraps.

    >>> exact_sum(np.array([9 * 10**18, 9 * 10**18]))
    18000000000000000000
    """
    if not len(numbers):
        return 0
    largest = max(int(numbers.max()), -int(numbers.min()))
    if largest * len(numbers) < 2**63:
        return int(numbers.sum())
    high, low = np.divmod(numbers, _HALF)
    return int(high.sum()) * _HALF + int(low.sum())
