"""Totals: what the fields with `derive` must hold, counted and summed column by column.

A total is over the whole file when its record is there once, else over one occurrence of the group in which its
record is there once (`Automaton.scope`): a batch's trailer counts the batch. The reader compares the result with what
the file declares; the writer fills the fields with it. Sums are exact: int64 inside a block (split where it could
overflow), Python integers from block to block.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tracciati import rules
from tracciati.expression import Aggregate, Combined, Count, names, targets, terms
from tracciati.values import numerals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tracciati.expression import Derivation, Term
    from tracciati.layout import Direction, Field, Layout
    from tracciati.values import Values

    Index = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Marks = Callable[[str], tuple[Flags, Flags]]
    Columns = Mapping[str, tuple[Index, Mapping[str, Values]]]

# A sum is split into halves of nine digits: each half is below 10^9, so 9 * 10^9 rows fit into int64.
_HALF = 10**9
_INT64 = 2**63


@dataclass(frozen=True)
class Computed:
    """What a derived field must hold.

    value       in the derived field's own smallest unit (its scale), or None for no value
    unreadable  how many values could not be read; they are left out, so that the value proves nothing
    """

    value: int | None
    unreadable: int


@dataclass(frozen=True)
class Settled:
    """A total over occurrences of its group that are complete, one after another.

    first       number of the first of them in the file, from 0
    values      what the field must hold: object (k,) of integers, in its smallest unit; 0 where there is no value
    has         bool (k,): is there a value
    unreadable  int64 (k,): how many values could not be read
    """

    first: int
    values: NDArray[Any]
    has: Flags
    unreadable: Index

    def __len__(self) -> int:
        return len(self.values)

    def covers(self, numbers: Index) -> Flags:
        """Which occurrences, by number, are among these: bool (n,)."""
        found: Flags = (numbers >= self.first) & (numbers < self.first + len(self))
        return found

    def one(self, number: int) -> Computed:
        """What the field must hold in one of the occurrences."""
        at = number - self.first
        return Computed(int(self.values[at]) if self.has[at] else None, int(self.unreadable[at]))


@dataclass(frozen=True)
class _Piece:
    """One term over the occurrences that a block has a part of: as in `Settled`, before a modulus is taken."""

    values: NDArray[Any]
    has: Flags
    unreadable: Index

    def cut(self, first: int, stop: int) -> _Piece:
        return _Piece(self.values[first:stop], self.has[first:stop], self.unreadable[first:stop])


@dataclass
class _Group:
    """Where the occurrences of a group stand; "" is the file, which is one.

    number   of the last one that began, -1 before any
    is_open  may it go on in the next block
    numbers  int64 (n,): of each record of the last block the occurrence it lies in, -1 outside of any
    """

    number: int = -1
    is_open: bool = False
    numbers: Index = field(default_factory=lambda: np.empty(0, np.int64))


class Totals:
    """Adds up every derived field of one file in one direction, block by block."""

    def __init__(self, layout: Layout, direction: Direction) -> None:
        automaton = layout.structure[direction]
        self._derived: dict[str, tuple[Field, Derivation]] = {}
        self._scopes: dict[str, str] = {}
        for record in layout.records:
            for one in record.fields_in(direction) if record.index in automaton.types else ():
                if direction in one.derive:
                    path, derivation = f"{record.name}.{one.name}", one.derive[direction]
                    assert isinstance(derivation, Count | Aggregate | Combined), "declare refuses any other derive"
                    scope = automaton.scope(record.index, targets(derivation))
                    assert scope is not None, "declare refuses a total without a scope"
                    self._derived[path], self._scopes[path] = (one, derivation), scope
        self._index = {record.name: record.index for record in layout.records}
        self._groups = {scope: _Group() for scope in ["", *self._scopes.values()]}
        self._groups[""] = _Group(0, is_open=True)
        self._open: dict[tuple[str, int], _Piece] = {}

    def paths(self) -> tuple[str, ...]:
        """Every derived field, as `record.field`."""
        return tuple(self._derived)

    def scope(self, path: str) -> str:
        """The group over one occurrence of which that total is; "" when it is over the file."""
        return self._scopes[path]

    def needs(self) -> dict[str, tuple[str, ...]]:
        """Record type -> names of the fields whose values `add` must be given."""
        wanted: dict[str, dict[str, None]] = {}
        for _, derivation in self._derived.values():
            for name in names(derivation):
                assert name.record is not None, "names() qualifies the names of a total"
                wanted.setdefault(name.record, {})[name.field] = None
        return {record: tuple(fields) for record, fields in wanted.items()}

    def numbers(self, path: str) -> Index:
        """Of each record of the block added last: the number of the occurrence it lies in, -1 outside of any."""
        return self._groups[self._scopes[path]].numbers

    def add(self, types: NDArray[np.int16], marks: Marks, columns: Columns) -> dict[str, Settled]:
        """Add a block.

        types    of its records, -1 where nobody knows
        marks    group -> which records lie inside it, and which begin a new occurrence: two bool (n,)
        columns  record -> where its readable records stand, and the fields that `needs` names for it. What the others
                 would add is unreadable

        Returns, for each total over a group, the occurrences that are complete now.
        """
        spans: dict[str, tuple[int, int]] = {}
        for name, group in self._groups.items():
            spans[name] = _followed(group, len(types), marks(name) if name else None)
        settled = {}
        for path, (_, derivation) in self._derived.items():
            scope = self._scopes[path]
            group, (first, stop) = self._groups[scope], spans[scope]
            pieces = []
            for place, (_, term) in enumerate(terms(derivation)):
                piece = self._piece(term, types, marks, columns, group.numbers, first, stop)
                piece = _joined(term, self._open.pop((path, place), None), piece)
                if group.is_open and len(piece.values):
                    self._open[path, place] = piece.cut(len(piece.values) - 1, len(piece.values))
                    piece = piece.cut(0, len(piece.values) - 1)
                pieces.append(piece)
            if scope and len(pieces[0].values):
                settled[path] = _settled(derivation, first, pieces)
        return settled

    def finish(self) -> dict[str, Settled]:
        """What each derived field must hold: the totals over the file, and those over groups that it ends within."""
        found = {}
        for path, (_, derivation) in self._derived.items():
            pieces = [self._open.get((path, place)) for place in range(len(terms(derivation)))]
            scope = self._scopes[path]
            if not scope:
                nothing = _Piece(np.zeros(1, object), np.ones(1, np.bool_), np.zeros(1, np.int64))
                pieces = [
                    replace(nothing, has=np.array([_is_sum(term)])) if piece is None else piece
                    for piece, (_, term) in zip(pieces, terms(derivation), strict=True)
                ]
            known = [piece for piece in pieces if piece is not None]
            if known:
                found[path] = _settled(derivation, self._groups[scope].number, known)
        return found

    def _piece(
        self,
        term: Term,
        types: NDArray[np.int16],
        marks: Marks,
        columns: Columns,
        numbers: Index,
        first: int,
        stop: int,
    ) -> _Piece:
        """One term over the occurrences [first, stop)."""
        count = stop - first
        if isinstance(term, Count) and term.where is None:
            counted = self._counted(term, types, marks)
            return _Piece(_per(numbers, counted, first, count), np.ones(count, np.bool_), np.zeros(count, np.int64))
        record = term.target if isinstance(term, Count) else str(term.path.record)
        is_record = types == self._index[record]
        rows, values = columns.get(record, (np.empty(0, np.int64), {}))
        lost = _per(numbers, is_record, first, count)
        if not len(rows) or not values:
            empty = np.zeros(count, np.int64)
            return _Piece(empty, np.full(count, _is_sum(term)), lost)
        inside = numbers[rows] >= first
        found = _folded(term, values, numbers[rows] - first, inside, count)
        read = _per(numbers[rows], inside, first, count)
        return replace(found, unreadable=found.unreadable + lost - read)

    def _counted(self, count: Count, types: NDArray[np.int16], marks: Marks) -> Flags:
        if count.target == "*":
            return np.ones(len(types), np.bool_)
        if count.target in self._index:
            same: Flags = types == self._index[count.target]
            return same
        begin: Flags = marks(count.target)[1]
        return begin


def _is_sum(term: Term) -> bool:
    """Is nothing at all a value, zero?"""
    return isinstance(term, Count) or term.function in ("sum", "hash_sum")


def _followed(group: _Group, count: int, marks: tuple[Flags, Flags] | None) -> tuple[int, int]:
    """Number the records of a block; the numbers of the first occurrence that it has a part of, and after the last."""
    if marks is None:
        group.numbers = np.zeros(count, np.int64)
        return 0, 1
    inside, begin = marks
    first = group.number if group.is_open else group.number + 1
    numbers = group.number + np.cumsum(begin)
    group.number = int(numbers[-1]) if count else group.number
    group.numbers = np.where(inside, numbers, -1)
    if count:
        group.is_open = bool(inside[-1])
    return first, group.number + 1


def _per(numbers: Index, chosen: Flags, first: int, count: int) -> Index:
    """How many of the chosen records each occurrence has: int64 (count,)."""
    if count == 1 and first == 0 and not numbers.any():
        return np.array([np.count_nonzero(chosen)])
    within = numbers[chosen] - first
    return np.bincount(within[within >= 0], minlength=count).astype(np.int64)


def _folded(term: Term, values: Mapping[str, Values], at: Index, inside: Flags, count: int) -> _Piece:
    """One aggregate over records of its type. at: the occurrence of each, from 0, rising; inside: is it in any."""
    chosen = inside
    doubtful: Flags | None = None
    if term.where is not None:
        record = term.target if isinstance(term, Count) else term.path.record
        own = {f"{record}.{name}": one for name, one in values.items()} | dict(values)
        chosen = chosen & rules.evaluate(term.where, own, len(at))
        # Where the condition itself reads a bad value nobody knows whether the row belongs to the total.
        doubtful = rules.doubtful(term.where, own, len(at))
        if doubtful is not None:
            chosen = chosen & ~doubtful
    lost = np.zeros(count, np.int64) if doubtful is None else _per_place(at, doubtful & inside, count)
    if isinstance(term, Count):
        return _Piece(_per_place(at, chosen, count), np.ones(count, np.bool_), lost)
    column = values[term.path.field]
    numbers, bad = _numbers(term, column)
    if column.null is not None:
        chosen = chosen & ~column.null
    if term.function in ("first", "last"):
        return _ends(term, numbers[chosen], None if bad is None else bad[chosen], at[chosen], lost)
    if bad is not None:
        lost = lost + _per_place(at, bad & chosen, count)
        chosen = chosen & ~bad
    at, numbers = at[chosen], numbers[chosen]
    if _is_sum(term):
        return _Piece(_sums(at, numbers, count), np.ones(count, np.bool_), lost)
    made, has = np.zeros(count, np.int64), np.zeros(count, np.bool_)
    if len(at):
        begins = np.flatnonzero(np.diff(at, prepend=-1))
        made[at[begins]] = (np.minimum if term.function == "min" else np.maximum).reduceat(numbers, begins)
        has[at[begins]] = True
    return _Piece(made, has, lost)


def _numbers(term: Aggregate, column: Values) -> tuple[Index, Flags | None]:
    """The values as integers; an identifier of digits is the number that its digits are."""
    if column.numbers is not None:
        return column.numbers.astype(np.int64, copy=False), column.bad
    assert term.function == "hash_sum", "declare lets only numbers be summed"
    return numerals.of_digits(column)


def _per_place(at: Index, chosen: Flags, count: int) -> Index:
    return np.bincount(at[chosen], minlength=count).astype(np.int64)


def _ends(term: Aggregate, numbers: Index, bad: Flags | None, at: Index, lost: Index) -> _Piece:
    """What the first or last record of each occurrence has. Where it is bad, nobody knows."""
    made, has = np.zeros(len(lost), np.int64), np.zeros(len(lost), np.bool_)
    if not len(at):
        return _Piece(made, has, lost)
    change = np.flatnonzero(np.diff(at))
    ends = np.concatenate(([0], change + 1)) if term.function == "first" else np.append(change, len(at) - 1)
    is_bad = np.zeros(len(ends), np.bool_) if bad is None else bad[ends]
    made[at[ends]], has[at[ends]] = np.where(is_bad, 0, numbers[ends]), True
    lost = lost.copy()
    lost[at[ends]] += is_bad
    return _Piece(made, has, lost)


def _sums(at: Index, numbers: Index, count: int) -> NDArray[Any]:
    """The exact sum of the numbers of each occurrence: int64 (count,), or object where that could overflow."""
    if count == 1:
        total = exact_sum(numbers)
        return np.array([total], np.int64 if abs(total) < _INT64 else object)
    if not len(numbers):
        return np.zeros(count, np.int64)
    stops = np.searchsorted(at, np.arange(count), side="right")
    largest, most = max(int(numbers.max()), -int(numbers.min())), int(np.diff(stops, prepend=0).max())
    if largest * most < _INT64:
        return _between(numbers, stops)  # what wraps in the running sum unwraps in the difference
    high, low = np.divmod(numbers, _HALF)
    exact: NDArray[Any] = _between(high, stops).astype(object) * _HALF + _between(low, stops)
    return exact


def _between(numbers: Index, stops: Index) -> Index:
    running = np.concatenate((np.zeros(1, np.int64), np.cumsum(numbers)))[stops]
    return np.diff(running, prepend=0)


def _joined(term: Term, before: _Piece | None, piece: _Piece) -> _Piece:
    """What the block has, its first occurrence joined with what the blocks before had of it."""
    if before is None:
        return piece
    if not len(piece.values):
        return before
    old, new = int(before.values[0]), int(piece.values[0])
    had, has = bool(before.has[0]), bool(piece.has[0])
    values = piece.values.astype(object)
    if _is_sum(term):
        values[0] = old + new
    else:
        assert isinstance(term, Aggregate), "a count is a sum"
        both = {"min": min(old, new), "max": max(old, new), "first": old, "last": new}
        values[0] = both[term.function] if had and has else old if had else new
    flags, lost = piece.has.copy(), piece.unreadable.copy()
    flags[0] = had or has
    lost[0] += before.unreadable[0]
    return _Piece(values, flags, lost)


def _settled(derivation: Derivation, first: int, pieces: list[_Piece]) -> Settled:
    """The terms added up."""
    values = np.zeros(len(pieces[0].values), object)
    has, lost = np.ones(len(values), np.bool_), np.zeros(len(values), np.int64)
    for (sign, term), piece in zip(terms(derivation), pieces, strict=True):
        part = piece.values.astype(object)
        if isinstance(term, Aggregate) and term.modulus:
            part = part % term.modulus
        if isinstance(term, Count) and term.per > 1:
            part = -(-part // term.per)
        values, has, lost = values + sign * part, has & piece.has, lost + piece.unreadable
    return Settled(first, np.where(has, values, 0), has, lost)


def exact_sum(numbers: NDArray[np.int64] | NDArray[np.int32]) -> int:
    """Sum of int64 values as a Python integer; never wraps.

    >>> exact_sum(np.array([9 * 10**18, 9 * 10**18]))
    18000000000000000000
    """
    if not len(numbers):
        return 0
    largest = max(int(numbers.max()), -int(numbers.min()))
    if largest * len(numbers) < _INT64:
        return int(numbers.sum())
    high, low = np.divmod(numbers, _HALF)
    return int(high.sum()) * _HALF + int(low.sum())
