"""Structure: the order in which record types may follow one another, as a table driven automaton.

    testa richiesta+ coda           one head, one or more requests, one tail
    IB disposizione+ EF             `disposizione` is a group: 14 20 30 40 50? 51 59* 70
    A (B | C D)* E                  alternatives stand between | and are as wide as their parentheses

A structure is compiled by Glushkov's construction: one state for each place at which a record name stands, plus
the start. It must be *one-unambiguous*: the next record's type alone says which place it takes, and whether it
begins a new occurrence of a group. So each record costs one table look-up, and counting needs no looking ahead.

Source: Brüggemann-Klein and Wood, "One-unambiguous regular languages" (1998); the same rule holds in XML schemas.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from tracciati.errors import TracciatiError
from tracciati.limits import NESTING_MAX, RUN_RECORDS, STRUCTURE_PLACES_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

END_OF_FILE = "end of file"


class StructureError(TracciatiError):
    """A structure that cannot be used. `position` is the index in `text` of the place that is wrong."""

    def __init__(self, text: str, position: int, why: str, hint: str = "") -> None:
        self.text, self.position, self.why, self.hint = text, position, why, hint
        super().__init__(f"{why}\n  {text}\n  {' ' * position}^")


@dataclass(frozen=True, eq=False)
class Run:
    """What a run over record types found.

    states  int16 (n,): the state each record led to; -1 from the first misfit on
    stop    index of the first record that does not fit, or -1 when all do
    state   the state after the last record that fits (the one it began with, when none does)
    """

    states: NDArray[np.int16]
    stop: int
    state: int


@dataclass(frozen=True, eq=False)
class Automaton:
    """A compiled structure. State 0 is the start; the others are places of record names in the text.

    text         the structure, groups by name, in canonical spacing
    type_names   record names by type index
    step         int16 (n_states, n_types): the next state, -1 where that type may not follow
    accepting    bool (n_states,): may the file end here
    place_types  int16 (n_states,): the record type that leads to the state (-1 for the start)
    group_names  names of all groups declared, by group index
    inside       bool (n_states, n_groups): does the record that led to the state lie in the group
    begins       bool (n_states, n_types, n_groups): does this step begin a new occurrence of the group
    """

    text: str
    type_names: tuple[str, ...]
    step: NDArray[np.int16]
    accepting: NDArray[np.bool_]
    place_types: NDArray[np.int16]
    group_names: tuple[str, ...]
    inside: NDArray[np.bool_]
    begins: NDArray[np.bool_]

    def expected(self, state: int) -> list[str]:
        """Names of the record types that may follow, in the order of their index, then "end of file" if it may end."""
        following = [name for name, target in zip(self.type_names, self.step[state], strict=True) if target >= 0]
        return [*following, END_OF_FILE] if self.accepting[state] else following

    def group_index(self, name: str) -> int:
        """Index of a group by its name. ValueError when there is none."""
        return self.group_names.index(name)

    @cached_property
    def types(self) -> frozenset[int]:
        """Indexes of the record types that the structure names."""
        return frozenset(int(t) for t in self.place_types[1:])

    @cached_property
    def repeated_types(self) -> frozenset[int]:
        """Indexes of the record types that a file may hold more than once."""
        reach = self._reachable
        places: dict[int, list[int]] = {}
        for state, record_type in enumerate(self.place_types[1:].tolist(), start=1):
            places.setdefault(record_type, []).append(state)
        return frozenset(t for t, states in places.items() if any(reach[a, b] for a in states for b in states))

    def can_precede(self, first: int, then: int) -> bool:
        """Can a record of type `first` stand somewhere before one of type `then`?"""
        sources, targets = np.flatnonzero(self.place_types == first), np.flatnonzero(self.place_types == then)
        return bool(self._reachable[np.ix_(sources, targets)].any())

    def scope(self, record: int, names: Iterable[str] = ()) -> str | None:
        """Where there is one record of that type at most: "" for the file, else the innermost such group.

        names  records and groups that must lie within it

        Returns None when there is no such group.
        """
        if record not in self.repeated_types:
            return ""
        needed = [self.place_types == record]
        for name in names:
            is_group = name in self.group_names
            needed.append(
                self.inside[:, self.group_index(name)] if is_group else self.place_types == self.type_names.index(name)
            )
        within = [index for index in range(len(self.group_names)) if all(self.inside[n, index].all() for n in needed)]
        alone = [index for index in within if not self._reaches_itself(record, index)]
        innermost = min(alone, key=lambda index: int(self.inside[:, index].sum()), default=None)
        return None if innermost is None else self.group_names[innermost]

    def _reaches_itself(self, record: int, group: int) -> bool:
        """Can two records of that type lie in one occurrence of the group?"""
        places = np.flatnonzero(self.place_types == record)
        return bool(self.stays_within(self.group_names[group])[np.ix_(places, places)].any())

    def stays_within(self, group: str) -> NDArray[np.bool_]:
        """bool (n_states, n_states): is there a way from one state to the other within one occurrence of the group?"""
        if group not in self._within:
            self._within[group] = _closure(self._inner_step(self.group_index(group)))
        return self._within[group]

    @cached_property
    def _within(self) -> dict[str, NDArray[np.bool_]]:
        return {}

    def _inner_step(self, group: int) -> NDArray[np.int16]:
        """The steps that stay within one occurrence of a group; -1 for all others."""
        stays = (self.step >= 0) & ~self.begins[:, :, group] & self.inside[self.step, group]
        return np.where(stays, self.step, np.int16(-1))

    def is_always_before(self, first: int, then: int, group: str) -> bool:
        """Has each occurrence of the group a record of type `first` before any of type `then`?"""
        index = self.group_index(group)
        entered = {int(self.step[state, kind]) for state, kind in np.argwhere(self.begins[:, :, index]).tolist()}
        step = self._inner_step(index)
        pending = [state for state in entered if self.place_types[state] != first]
        seen = set(pending)
        while pending:
            state = pending.pop()
            if self.place_types[state] == then:
                return False
            following = {int(s) for s in step[state] if s >= 0 and self.place_types[s] != first} - seen
            seen |= following
            pending += following
        return True

    def run(self, types: NDArray[Any], state: int = 0) -> Run:
        """Follow record types from a state.

        types  integers (n,): record type per record; any number that is no type index (-1, 255) fits nowhere
        state  where to begin: 0, or the `state` of the run over the block before

        Returns a Run; it never raises for records in the wrong order. The result for a block that is cut in two
        equals the result for the whole.
        """
        states = np.full(len(types), -1, np.int16)
        for start in range(0, len(types), RUN_RECORDS):
            piece = self._columns(types[start : start + RUN_RECORDS])
            found = self._by_place(piece, state) if self._place_of_type is not None else self._by_lanes(piece, state)
            states[start : start + len(piece)] = found
            if found[-1] < 0:
                misfit = int(np.argmax(found < 0))
                return Run(states, start + misfit, int(found[misfit - 1]) if misfit else state)
            state = int(found[-1])
        return Run(states, -1, state)

    def _columns(self, types: NDArray[Any]) -> NDArray[np.intp]:
        """Record types as columns of the padded step table, whose last column fits nowhere."""
        unknown = len(self.type_names)
        if types.dtype == np.uint8:
            table = np.full(256, unknown, np.intp)
            table[:unknown] = np.arange(min(unknown, 256))
            known: NDArray[np.intp] = table[types]
            return known
        wide = types.astype(np.intp)
        return np.where((wide < 0) | (wide >= unknown), unknown, wide)

    @cached_property
    def _padded(self) -> NDArray[np.int16]:
        """`step` with a last column for unknown types and a last row (reached by -1) for "already wrong"."""
        states_count, types_count = self.step.shape
        padded = np.full((states_count + 1, types_count + 1), -1, np.int16)
        padded[:states_count, :types_count] = self.step
        return padded

    @cached_property
    def _place_of_type(self) -> NDArray[np.int16] | None:
        """State by type, -1 for types not named; None when a type stands at several places (in few contracts)."""
        places = np.full(len(self.type_names) + 1, -1, np.int16)
        for state, record_type in enumerate(self.place_types[1:].tolist(), start=1):
            if places[record_type] >= 0:
                return None
            places[record_type] = state
        return places

    def _by_place(self, columns: NDArray[np.intp], state: int) -> NDArray[np.int16]:
        """The type alone tells the state, so that all steps are checked at once and none waits for the one before."""
        assert self._place_of_type is not None, "a type stands at several places"
        states: NDArray[np.int16] = self._place_of_type[columns]
        flat = self._padded.ravel()
        width = self._padded.shape[1]
        before = np.empty(len(states), np.intp)
        before[0] = state
        before[1:] = states[:-1]
        fits = flat[before * width + columns] >= 0
        if not fits.all():
            states[int(np.argmin(fits)) :] = -1
        return states

    def _by_lanes(self, columns: NDArray[np.intp], state: int) -> NDArray[np.int16]:
        """Two passes over lanes of records side by side: where would each state lead, then which states it was.

        The first pass follows every state through each lane at once; then the lanes are chained, and the second
        pass follows the one true state per lane. The work is n * (n_states + 1) look-ups, in sqrt(n) numpy steps.
        """
        count = len(columns)
        lane = max(1, int(count**0.5))
        lanes = -(-count // lane)
        filled = np.full(lanes * lane, len(self.type_names), np.intp)
        filled[:count] = columns
        by_step = np.ascontiguousarray(filled.reshape(lanes, lane).T)
        padded = self._padded
        ends = np.broadcast_to(np.arange(len(padded), dtype=np.int16), (lanes, len(padded)))
        for types in by_step:
            ends = padded[ends, types[:, None]]
        starts = np.empty(lanes, np.int16)
        at = state
        for index in range(lanes):
            starts[index] = at
            at = int(ends[index, at])
        states = np.empty((lane, lanes), np.int16)
        current = starts
        for index, types in enumerate(by_step):
            current = padded[current, types]
            states[index] = current
        return states.T.reshape(-1)[:count].copy()

    @cached_property
    def _reachable(self) -> NDArray[np.bool_]:
        """bool (n_states, n_states): is there a way of one or more steps from one state to the other."""
        return _closure(self.step)


def _closure(step: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Transitive closure of the steps (Warshall)."""
    reach = np.zeros((len(step), len(step)), np.bool_)
    sources, types = np.nonzero(step >= 0)
    reach[sources, step[sources, types]] = True
    for middle in range(len(step)):
        reach |= reach[:, middle : middle + 1] & reach[middle]
    return reach


@dataclass
class _Part:
    """A piece of the structure: which places it can begin and end with, and the groups entered on the way in."""

    nullable: bool
    first: dict[int, frozenset[int]]
    last: frozenset[int]


@dataclass
class _Table:
    """What the construction gathers: the record name of each place, where it stands, its groups, its followers."""

    text: str
    types: list[int] = field(default_factory=lambda: [-1])
    positions: list[int] = field(default_factory=lambda: [0])
    groups: list[frozenset[int]] = field(default_factory=lambda: [frozenset()])
    follow: list[dict[int, frozenset[int]]] = field(default_factory=lambda: [{}])


_TOKEN = re.compile(r"(?P<space>\s+)|(?P<name>\w+)|(?P<mark>[()|?*+])")


def words(text: str) -> list[tuple[str, int]]:
    """The structure's names and marks with their index in the text. StructureError for any other character."""
    found: list[tuple[str, int]] = []
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            hint = "use names, parentheses, | and the marks ? * +"
            raise StructureError(text, position, f"{text[position]!r} has no meaning in a structure", hint)
        if token.lastgroup != "space":
            found.append((token.group(), position))
        position = token.end()
    return found


def canonical(text: str) -> str:
    """The structure in one spacing, so that two spellings of the same structure are the same text."""
    spaced = " ".join(word for word, _ in words(text))
    return re.sub(r"\( ", "(", re.sub(r" ([?*+)])", r"\1", spaced))


def compile(text: str, record_index: Mapping[str, int], groups: Mapping[str, str]) -> Automaton:
    """Compile a structure.

    text          e.g. "testa richiesta+ coda"
    record_index  type index of every record name of the layout (0..n-1)
    groups        structure text of every group of the layout

    Raises StructureError, with the place marked, for names that are neither record nor group, a group within
    itself, a group that can be empty, and for a structure that is not one-unambiguous: then it names the record
    of which one could not tell where it belongs.
    """
    builder = _Builder(text, record_index, groups)
    whole = builder.read(text, ())
    table = builder.table
    begins_at = whole.first
    table.follow[0] = dict(begins_at)
    builder.check_places(0, begins_at)
    return _assemble(table, whole, record_index, tuple(groups), canonical(text))


def _assemble(
    table: _Table, whole: _Part, record_index: Mapping[str, int], group_names: tuple[str, ...], text: str
) -> Automaton:
    states_count, types_count, groups_count = len(table.types), len(record_index), len(group_names)
    step = np.full((states_count, types_count), -1, np.int16)
    begins = np.zeros((states_count, types_count, groups_count), np.bool_)
    inside = np.zeros((states_count, groups_count), np.bool_)
    for state, followers in enumerate(table.follow):
        inside[state, list(table.groups[state])] = True
        for target, entered in followers.items():
            step[state, table.types[target]] = target
            begins[state, table.types[target], list(entered)] = True
    accepting = np.zeros(states_count, np.bool_)
    accepting[list(whole.last)] = True
    accepting[0] = whole.nullable
    type_names = tuple(sorted(record_index, key=record_index.__getitem__))
    return Automaton(text, type_names, step, accepting, np.array(table.types, np.int16), group_names, inside, begins)


class _Builder:
    """Reads structure texts and links places; a group's text is read again at each place the group stands."""

    def __init__(self, text: str, record_index: Mapping[str, int], groups: Mapping[str, str]) -> None:
        self.text, self.record_index, self.groups = text, record_index, groups
        self.group_index = {name: index for index, name in enumerate(groups)}
        self.table = _Table(text)
        self.tokens: list[tuple[str, int]] = []
        self.at = 0
        self.depth = 0
        self.source = text

    def read(self, text: str, path: tuple[str, ...]) -> _Part:
        """One whole text: the structure itself, or a group's. `path` are the groups we are in, outermost first."""
        kept = self.tokens, self.at, self.source
        self.tokens, self.at, self.source = words(text), 0, text
        part = self._choice(path)
        if self.at < len(self.tokens):
            self._stop("a ) without its (")
        self.tokens, self.at, self.source = kept
        return part

    def _stop(self, why: str, hint: str = "") -> NoReturn:
        position = self.tokens[self.at][1] if self.at < len(self.tokens) else len(self.source)
        raise StructureError(self.source, position, why, hint)

    def _next(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def _choice(self, path: tuple[str, ...]) -> _Part:
        self.depth += 1
        if self.depth > NESTING_MAX:
            self._stop(f"more than {NESTING_MAX} parentheses and groups within one another")
        part = self._series(path)
        while self._next() == "|":
            self.at += 1
            other = self._series(path)
            # Alternatives share no place, so that nothing is overwritten here.
            part = _Part(part.nullable or other.nullable, part.first | other.first, part.last | other.last)
            self.check_places(None, part.first)
        self.depth -= 1
        return part

    def _series(self, path: tuple[str, ...]) -> _Part:
        if self._next() in ("", "|", ")"):
            self._stop("expected the name of a record or group")
        part = self._item(path)
        while self._next() not in ("", "|", ")"):
            after = self._item(path)
            self._link(part.last, after.first)
            first = part.first | after.first if part.nullable else part.first
            last = part.last | after.last if after.nullable else after.last
            part = _Part(part.nullable and after.nullable, first, last)
        return part

    def _item(self, path: tuple[str, ...]) -> _Part:
        word = self._next()
        if word == "(":
            self.at += 1
            part = self._choice(path)
            if self._next() != ")":
                self._stop("a ( without its )")
        elif word in ("?", "*", "+"):
            self._stop(f"{word} must follow a name or a )")
        else:
            part = self._name(word, path)
        self.at += 1
        while self._next() in ("?", "*", "+"):
            mark = self._next()
            if mark != "?":
                self._link(part.last, part.first)
            part = _Part(part.nullable or mark != "+", part.first, part.last)
            self.at += 1
        return part

    def _name(self, word: str, path: tuple[str, ...]) -> _Part:
        if word in self.group_index:
            return self._group(word, path)
        if word not in self.record_index:
            self._stop(f"`{word}` is neither a record nor a group")
        place = len(self.table.types)
        if place > STRUCTURE_PLACES_MAX:
            self._stop(f"more than {STRUCTURE_PLACES_MAX} places")
        self.table.types.append(self.record_index[word])
        self.table.positions.append(self.tokens[self.at][1])
        self.table.groups.append(frozenset(self.group_index[name] for name in path))
        self.table.follow.append({})
        return _Part(False, {place: frozenset()}, frozenset({place}))

    def _group(self, word: str, path: tuple[str, ...]) -> _Part:
        if word in path:
            self._stop(f"group `{word}` contains itself", "a group may hold records and other groups")
        part = self.read(self.groups[word], (*path, word))
        if part.nullable:
            hint = "give it one record that is always there, and put the ? or * where the group is used"
            self._stop(f"group `{word}` may be empty, so that nobody could count it", hint)
        index = self.group_index[word]
        return _Part(False, {place: entered | {index} for place, entered in part.first.items()}, part.last)

    def _link(self, sources: frozenset[int], targets: Mapping[int, frozenset[int]]) -> None:
        for source in sources:
            followers = self.table.follow[source]
            for target, entered in targets.items():
                if followers.setdefault(target, entered) != entered:
                    self._ambiguous(target, target)
            self.check_places(source, followers)

    def check_places(self, source: int | None, followers: Mapping[int, frozenset[int]]) -> None:
        """Refuse two places of one record type among the followers of a place (None: among the first ones)."""
        seen: dict[int, int] = {}
        for target in followers:
            other = seen.setdefault(self.table.types[target], target)
            if other != target:
                self._ambiguous(other, target)

    def _ambiguous(self, one: int, other: int) -> NoReturn:
        names = {index: name for name, index in self.record_index.items()}
        record = names[self.table.types[one]]
        group_names = list(self.groups)
        groups = sorted(group_names[g] for g in self.table.groups[other])
        where = f" (group {', '.join(groups)})" if groups else ""
        if one == other:
            why = f"when a `{record}` follows, it could go on with the group or begin a new one{where}"
        else:
            why = f"when a `{record}` follows, it could stand at two places{where}"
        hint = "write the structure so that the next record's type alone says where it belongs"
        raise StructureError(self.source, self.table.positions[other], why, hint)
