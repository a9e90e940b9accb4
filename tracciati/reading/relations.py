"""Relations: checks that need more than one field or record. Sequences, unique values, `same_as`, and the rules.

They see the blocks in file order, after the fields have been read; what they remember from block to block is small
(for unique fields, one hash a record).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tracciati import rules
from tracciati.expression import Name, names, text_of
from tracciati.findings import Fault, Faults, path_of
from tracciati.framing.delimited import CellFrame
from tracciati.reading.columns import RecordColumns, fault_at, span
from tracciati.reading.continuity import Counter, Memory, Unread
from tracciati.reading.series import Series
from tracciati.reading.uniqueness import Seen, hashes
from tracciati.values import Values

if TYPE_CHECKING:
    from tracciati.expression import Condition
    from tracciati.framing import Frame, Index
    from tracciati.layout import Direction, Field, Layout, Record, Rule
    from tracciati.reading.series import Marks


# Directions that repeat some of a request's records: they keep the request's numbers, with gaps where others were.
SELECTIONS: tuple[Direction, ...] = ("answer", "rejection")


class Relations:
    """The checks of one reading. `keep` says which columns they need."""

    def __init__(self, layout: Layout, direction: Direction, read_back: Callable[[int, int], bytes | None]) -> None:
        self._layout, self._direction = layout, direction
        self._read_back = read_back
        self._keep: dict[str, set[str]] = {}
        self._counters: dict[str, Counter] = {}
        self._members: dict[str, list[tuple[Record, Field]]] = {}
        self._seen: dict[str, Seen] = {}
        self._memories: dict[tuple[str, str], Memory] = {}
        # The group in which the other record is there once, and how many occurrences of it have begun.
        self._scopes: dict[tuple[str, str], str] = {}
        self._turns: dict[str, int] = {}
        self._same_as: set[str] = set()
        self._rules: dict[str, list[Rule]] = {}
        # A record that is out of place in this direction is said to be so, and not asked for what it lacks here.
        expected = layout.structure[direction].types
        for record in layout.records:
            if record.index in expected:
                for field in record.fields_in(direction):
                    self._prepare_field(record, field)
        for rule in layout.rules:
            if layout.by_name[rule.on].index in expected:
                self._prepare_rule(rule)
        self._series = [Series(members) for members in self._members.values()]

    def keep(self) -> dict[str, frozenset[str]]:
        """Record name -> fields whose values are needed."""
        return {record: frozenset(fields) for record, fields in self._keep.items()}

    def _needs(self, record: str, field: str) -> None:
        self._keep.setdefault(record, set()).add(field)

    def _prepare_field(self, record: Record, field: Field) -> None:
        path = path_of(record, field)
        if field.origin and self._direction == "request":
            return
        if field.sequence is not None and self._direction not in SELECTIONS:
            # Where a number goes on from file to file, the file before says where this one begins (see `history`).
            is_whole = field.sequence.scope == "file"
            if field.sequence.series or field.sequence.within:
                self._members.setdefault(field.sequence.series or path, []).append((record, field))
            else:
                self._counters[path] = Counter(field.sequence if is_whole else replace(field.sequence, start=None))
            self._needs(record.name, field.name)
        if field.unique:
            self._seen[path] = Seen(self._read_back)
            self._needs(record.name, field.name)
        if field.same_as:
            self._needs(record.name, field.name)
            self._same_as.add(path)
            self._prepare_name(record.name, Name(*field.same_as.split(".", 1)))

    def _prepare_rule(self, rule: Rule) -> None:
        for name in names(rule.check):
            self._prepare_name(rule.on, name)
        self._rules.setdefault(rule.on, []).append(rule)

    def _prepare_name(self, own: str, name: Name) -> None:
        record = own if name.record is None else name.record
        self._needs(record, name.field)
        if record != own:
            self._memories.setdefault((own, name.path), Memory())
            automaton = self._layout.structure[self._direction]
            scope = automaton.scope(self._layout.by_name[record].index, (own,)) or ""
            self._scopes[own, name.path] = scope
            if scope:
                self._turns.setdefault(scope, 0)

    def check(
        self,
        columns: dict[str, RecordColumns],
        frame: Frame,
        offset: int,
        faults: Faults,
        unread: Unread | None,
        marks: Marks,
    ) -> None:
        """Check one block; adds to `faults` and to the records' `bad`.

        columns  what was read, by record name
        offset   of the block in the file
        unread   the records that nobody can read; None when there is none
        marks    group -> which records lie inside it, and which begin a new occurrence
        """
        for one in self._series:
            for read, field, row, wanted in one.check(columns, marks, unread):
                english, italian = _either_of(wanted)
                words = {"expected_en": english, "expected_it": italian}
                self._report("TR-R301", read, field, frame, np.array([row]), faults, **words)
            if unread is not None and unread.is_endless:
                one.forget()
        others = self._others(columns, marks)
        for name, read in columns.items():
            for field in read.record.fields_in(self._direction):
                values = read.values.get(field.name)
                if values is None:
                    continue
                path = path_of(read.record, field)
                if path in self._counters:
                    self._check_sequence(path, read, field, values, frame, faults, unread)
                if path in self._seen:
                    self._check_unique(path, read, field, values, frame, offset, faults)
                if path in self._same_as:
                    record, _, other = field.same_as.partition(".")
                    same = read.values[other] if record == name else others[name, field.same_as]
                    self._check_same(read, field, values, same, frame, faults)
            for rule in self._rules.get(name, ()):
                self._check_rule(rule, read, others, frame, faults)
        if unread is not None:
            self._count_on(columns, unread)

    def _count_on(self, columns: dict[str, RecordColumns], unread: Unread) -> None:
        """Let the sequences know what was lost where no record of theirs stands, or for good."""
        none = np.empty(0, np.int64)
        for path, counter in self._counters.items():
            record = path.partition(".")[0]
            if unread.is_endless:
                counter.forget()
            elif record not in columns:
                counter.pass_over(unread.before([self._layout.by_name[record].index], none))

    def _others(self, columns: dict[str, RecordColumns], marks: Marks) -> dict[tuple[str, str], Values | None]:
        """For each reference to another record, its values beside the records that refer to it."""
        turns = {group: before + np.cumsum(marks(group)[1]) for group, before in self._turns.items()}
        self._turns = {group: int(found[-1]) if len(found) else self._turns[group] for group, found in turns.items()}
        found: dict[tuple[str, str], Values | None] = {}
        none = np.empty(0, np.int64)
        for (own, path), memory in self._memories.items():
            record, _, field = path.partition(".")
            other = columns.get(record)
            rows = columns[own].rows if own in columns else none
            values = other.values[field] if other is not None else None
            its_turns = turns.get(self._scopes[own, path])
            found[own, path] = memory.aligned(values, other.rows if other is not None else none, rows, its_turns)
        return found

    def _report(
        self, code: str, read: RecordColumns, field: Field, frame: Frame, at: Index, faults: Faults, **words: str
    ) -> None:
        if not len(at):
            return
        expected = (words.pop("expected_en", ""), words.pop("expected_it", ""))
        record, direction = read.record, self._direction
        is_error = faults.count(
            code,
            path_of(record, field),
            len(at),
            lambda i: fault_at(code, frame, record, field, int(read.rows[at[i]]), direction, expected, words),
        )
        if is_error:
            read.bad[at] = True

    def _check_sequence(
        self,
        path: str,
        read: RecordColumns,
        field: Field,
        values: Values,
        frame: Frame,
        faults: Faults,
        unread: Unread | None,
    ) -> None:
        lost = None if unread is None else unread.before([read.record.index], read.rows)
        at, wanted = self._counters[path].check(values, lost)
        for row, numbers in zip(at.tolist(), wanted, strict=True):
            english, italian = _either_of(numbers)
            self._report(
                "TR-R301", read, field, frame, np.array([row]), faults, expected_en=english, expected_it=italian
            )

    def _check_unique(
        self, path: str, read: RecordColumns, field: Field, values: Values, frame: Frame, offset: int, faults: Faults
    ) -> None:
        rows = read.rows
        chosen = None
        for absent in (values.null, values.bad):
            if absent is not None:
                chosen = ~absent if chosen is None else chosen & ~absent
        at = np.arange(len(rows)) if chosen is None else np.flatnonzero(chosen)
        if not len(at):
            return
        part = values if chosen is None else values.take(at)
        starts, lengths = self._spans(read, field, frame, rows[at])

        def text_of_row(index: int) -> bytes:
            start = int(starts[index])
            return frame.buffer[start : start + int(lengths[index])].tobytes()

        repeated = self._seen[path].check(hashes(part.cells, part.lengths), starts + offset, lengths, text_of_row)
        expected = {
            "expected_en": "a value that no other record has",
            "expected_it": "un valore che nessun altro record ha",
        }
        self._report("TR-R302", read, field, frame, at[repeated], faults, **expected)

    def _spans(self, read: RecordColumns, field: Field, frame: Frame, rows: Index) -> tuple[Index, Index]:
        if self._layout.file.kind == "fixed":
            assert field.length is not None, "a fixed field has a length"
            return frame.starts[rows] + field.start, np.full(len(rows), field.length, np.int64)
        assert isinstance(frame, CellFrame), "a delimited file has cells"
        cells = frame.first_cells[rows] + read.record.fields_in(self._direction).index(field)
        return frame.cell_starts[cells], frame.cell_stops[cells] - frame.cell_starts[cells]

    def _check_same(
        self, read: RecordColumns, field: Field, values: Values, other: Values | None, frame: Frame, faults: Faults
    ) -> None:
        if other is None or not len(read.rows):
            return  # there is no such record before: the structure says so
        at = np.flatnonzero(~rules.same_values(values, other))
        words = {"expected_en": f"the value of {field.same_as}", "expected_it": f"il valore di {field.same_as}"}
        self._report("TR-R303", read, field, frame, at, faults, other=field.same_as, **words)

    def _check_rule(
        self,
        rule: Rule,
        read: RecordColumns,
        others: dict[tuple[str, str], Values | None],
        frame: Frame,
        faults: Faults,
    ) -> None:
        columns = {f"{rule.on}.{name}": values for name, values in read.values.items()} | read.values
        for name in names(rule.check):
            if name.record is not None and name.record != rule.on:
                other = others[rule.on, name.path]
                if other is None:
                    return  # there is no such record before: the structure says so
                columns[name.path] = other
        check: Condition = rule.check  # type: ignore[assignment]  # declare refuses count and sum here
        count = len(read.rows)
        broken = ~rules.evaluate(check, columns, count)
        if not broken.any():
            return
        doubtful = rules.doubtful(check, columns, count)
        if doubtful is not None:
            broken &= ~doubtful
        at = np.flatnonzero(broken)
        if not len(at):
            return
        shown = self._shown_field(rule)
        is_error = faults.count(
            "TR-R304",
            path_of(read.record, None, rule),
            len(at),
            lambda i: self._rule_fault(rule, read.record, shown, frame, int(read.rows[at[i]])),
            rule=rule,
        )
        if is_error:
            read.bad[at] = True

    def _shown_field(self, rule: Rule) -> Field | None:
        """The first field of the record itself that the rule names: where the message points to."""
        record = self._layout.by_name[rule.on]
        for name in names(rule.check):
            if name.record in (None, rule.on):
                return record.by_name[name.field]
        return None

    def _rule_fault(self, rule: Rule, record: Record, field: Field | None, frame: Frame, row: int) -> Fault:
        start, stop = int(frame.starts[row]), int(frame.starts[row] + frame.lengths[row])
        if field is not None:
            start, stop = span(frame, record, field, row, self._direction)
        text = text_of(rule.check)
        return Fault("TR-R304", row, start, stop - start, record, field, rule, text, text, {"rule": rule.id})


def _either_of(numbers: range) -> tuple[str, str]:
    """What a number out of sequence might have been, in English and Italian."""
    if len(numbers) == 1:
        return str(numbers[0]), str(numbers[0])
    if len(numbers) == 2:
        return f"{numbers[0]} or {numbers[1]}", f"{numbers[0]} o {numbers[1]}"
    return f"{numbers[0]} to {numbers[-1]}", f"da {numbers[0]} a {numbers[-1]}"
