"""Balance: the totals that a file declares beside what it holds.

A difference that only echoes another error is not said again: where records could not be read or stand out of
order, or a value that the total is made of is unreadable, a total is *unverifiable*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tracciati.findings import Fault, Faults, Finding, Judgement, finding
from tracciati.findings.report import Total, TotalStatus, amount
from tracciati.limits import TOTALS_MAX
from tracciati.reading.columns import RecordColumns, fault_at
from tracciati.totals import Computed, Settled, Totals

if TYPE_CHECKING:
    from tracciati.findings.places import Place, Witness
    from tracciati.framing import Index
    from tracciati.layout import Direction, Field, Layout, Record
    from tracciati.reading.fronts import Front
    from tracciati.reading.series import Marks

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class _Declared:
    """One derived field of one record: what it says, and where. `value` is None where it is blank.

    number   of the occurrence that it is the total of; 0 when it is of the file
    """

    record: Record
    field: Field
    value: int | None
    is_readable: bool
    place: Place
    number: int


@dataclass
class _Trouble:
    """Where records of a block are unreadable or out of order, so that totals near them would echo that.

    last    was the last record of the block before such a one
    number  group -> the occurrence that it lay in, -1 when in none
    open    groups in which that occurrence has or touches such a record
    """

    last: bool = False
    number: dict[str, int] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)


class Balance:
    """Gathers declared totals block by block, and compares: those over a group with it, those over the file at its end.

    late_bad_count  records whose total, found wrong only at the end, was not known to be so in their own block
    """

    def __init__(self, layout: Layout, direction: Direction) -> None:
        self._layout, self._direction = layout, direction
        self._totals = Totals(layout, direction)
        self._paths = frozenset(self._totals.paths())
        self._groups = frozenset(scope for path in self._paths if (scope := self._totals.scope(path)))
        self._waiting: list[_Declared] = []
        self._compared: list[Total] = []
        self._late: list[tuple[_Declared, Computed, str]] = []
        self._declared_count: dict[str, int] = {}
        self._trouble = _Trouble()
        self.late_bad_count = 0

    def keep(self) -> dict[str, frozenset[str]]:
        """Record name -> fields whose values are needed: those that totals are made of, and the totals themselves."""
        wanted = {record: set(fields) for record, fields in self._totals.needs().items()}
        for path in self._paths:
            record, _, name = path.partition(".")
            wanted.setdefault(record, set()).add(name)
        return {record: frozenset(fields) for record, fields in wanted.items()}

    def add(self, front: Front, columns: dict[str, RecordColumns], faults: Faults, marks: Marks) -> None:
        """Add a block, and say which totals over groups that it completes are wrong.

        front    with `bad` as framing and structure have it
        columns  what was read; a record whose total is wrong becomes bad
        marks    group -> which records lie inside it, and which begin a new occurrence
        """
        read = {name: (one.rows, one.values) for name, one in columns.items()}
        settled = self._totals.add(front.types, marks, read)
        troubled = self._troubled(front.bad) if self._groups else {}
        self._settle_waiting(settled, troubled)
        for one in columns.values():
            for derived in one.record.fields_in(self._direction):
                path = f"{one.record.name}.{derived.name}"
                if path in self._paths and derived.name in one.values:
                    self._note(path, one, derived, settled.get(path), troubled, front.witness, faults)

    def _troubled(self, bad: Flags) -> dict[str, Index]:
        """Group -> numbers of the occurrences in which, or beside which, a record is unreadable or out of order."""
        found: dict[str, Index] = {}
        if not len(bad):
            return dict.fromkeys(self._groups, np.empty(0, np.int64))
        rows = np.flatnonzero(bad)
        if self._trouble.last:
            rows = np.append(rows, -1)
        near = np.concatenate((rows - 1, rows, rows + 1))
        near = near[(near >= 0) & (near < len(bad))]
        for path in self._paths:
            group = self._totals.scope(path)
            if group and group not in found:
                numbers = self._totals.numbers(path)
                here = np.unique(numbers[near])
                if bad[0] or group in self._trouble.open:
                    here = np.union1d(here, [self._trouble.number.get(group, -1)])
                found[group] = here
                self._trouble.number[group] = int(numbers[-1])
                (self._trouble.open.add if numbers[-1] in here else self._trouble.open.discard)(group)
        self._trouble.last = bool(bad[-1])
        return found

    def _settle_waiting(self, settled: dict[str, Settled], troubled: dict[str, Index]) -> None:
        """Compare what was declared in an earlier block for occurrences that are complete now."""
        still: list[_Declared] = []
        for declared in self._waiting:
            path = f"{declared.record.name}.{declared.field.name}"
            done = settled.get(path)
            if done is None or not done.covers(np.array([declared.number])).any():
                still.append(declared)
                continue
            is_disturbed = declared.number in troubled[self._totals.scope(path)]
            self._say_late(path, declared, done.one(declared.number), is_disturbed=is_disturbed)
        self._waiting = still

    def _note(
        self,
        path: str,
        read: RecordColumns,
        derived: Field,
        settled: Settled | None,
        troubled: dict[str, Index],
        witness: Witness,
        faults: Faults,
    ) -> None:
        """Compare the totals of these records where they are complete; remember the others."""
        values = read.values[derived.name]
        assert values.numbers is not None, "declare derives numbers only"
        numbers = self._totals.numbers(path)[read.rows]
        done = np.zeros(len(numbers), np.bool_) if settled is None else settled.covers(numbers)
        if settled is not None and done.any():
            self._compare(path, read, derived, np.flatnonzero(done), numbers, settled, troubled, witness, faults)
        waiting = np.flatnonzero(~done & (numbers >= 0))
        room = TOTALS_MAX - self._declared_count.get(path, 0)
        for index in waiting[: max(room, 0)].tolist() if not self._totals.scope(path) else waiting.tolist():
            row = int(read.rows[index])
            fault = fault_at("TR-T401", witness.frame, read.record, derived, row, self._direction)
            is_null = values.null is not None and bool(values.null[index])
            is_bad = values.bad is not None and bool(values.bad[index])
            value = None if is_null or is_bad else int(values.numbers[index])
            number = int(numbers[index])
            self._waiting.append(_Declared(read.record, derived, value, not is_bad, witness.place(fault), number))
        self._declared_count[path] = self._declared_count.get(path, 0) + len(read.rows)

    def _compare(
        self,
        path: str,
        read: RecordColumns,
        derived: Field,
        at: Index,
        numbers: Index,
        settled: Settled,
        troubled: dict[str, Index],
        witness: Witness,
        faults: Faults,
    ) -> None:
        """Totals over groups that lie in one block: whole columns at a time."""
        values = read.values[derived.name]
        assert values.numbers is not None, "declare derives numbers only"
        nowhere = np.zeros(len(at), np.bool_)
        bad = nowhere if values.bad is None else values.bad[at]
        null = nowhere if values.null is None else values.null[at]
        places = numbers[at] - settled.first
        wanted, has, lost = settled.values[places], settled.has[places], settled.unreadable[places] > 0
        same = np.where(null, ~has, has & (values.numbers[at] == wanted).astype(np.bool_))
        echoes = np.isin(numbers[at], troubled[self._totals.scope(path)])
        different = ~(same | bad | lost | echoes)
        unverified = lost & ~bad & ~echoes
        self._report("TR-G401", read, derived, at[different], wanted[different], has[different], witness, faults)
        self._report("TR-G402", read, derived, at[unverified], None, None, witness, faults)
        room = TOTALS_MAX - self._declared_count.get(path, 0)
        for index in range(min(max(room, 0), len(at))):
            row = int(read.rows[at[index]])
            declared = None if bad[index] or null[index] else int(values.numbers[at[index]])
            status: TotalStatus = "different" if different[index] else "equal" if same[index] else "unverifiable"
            status = "unverifiable" if bad[index] or lost[index] else status
            computed = int(wanted[index]) if has[index] else None
            number = witness.first_record + row + 1
            self._compared.append(Total(path, declared, computed, status, derived.scale, number))

    def _report(
        self,
        code: str,
        read: RecordColumns,
        derived: Field,
        at: Index,
        wanted: NDArray[np.object_] | None,
        has: Flags | None,
        witness: Witness,
        faults: Faults,
    ) -> None:
        if not len(at):
            return

        def made(index: int) -> Fault:
            words = ("", "")
            if wanted is not None and has is not None:
                words = _expected(int(wanted[index]) if has[index] else None, derived)
            row = int(read.rows[at[index]])
            return fault_at(code, witness.frame, read.record, derived, row, self._direction, words)

        if faults.count(code, f"{read.record.name}.{derived.name}", len(at), made):
            read.bad[at] = True

    def _say_late(self, path: str, declared: _Declared, computed: Computed, *, is_disturbed: bool) -> None:
        total, code = _compared(path, declared, computed, is_disturbed=is_disturbed)
        if len(self._compared) < TOTALS_MAX * len(self._paths):
            self._compared.append(total)
        if code and self._totals.scope(path):
            code = {"TR-T401": "TR-G401", "TR-T402": "TR-G402"}[code]
        if code:
            self._late.append((declared, computed, code))

    def finish(self, judgement: Judgement, *, is_disturbed: bool) -> tuple[tuple[Total, ...], list[Finding]]:
        """Compare the rest. is_disturbed: records are unreadable, unknown or out of order; a difference echoes that."""
        computed = self._totals.finish()
        for declared in self._waiting:
            path = f"{declared.record.name}.{declared.field.name}"
            self._say_late(path, declared, computed[path].one(declared.number), is_disturbed=is_disturbed)
        self._waiting = []
        found = []
        for declared, right, code in self._late:
            path = f"{declared.record.name}.{declared.field.name}"
            severity = judgement.severity(code, path)
            is_different = code in ("TR-T401", "TR-G401")
            words = _expected(right.value, declared.field) if is_different else ("", "")
            fault = Fault(code, 0, 0, 0, declared.record, declared.field, None, *words)
            found.append(finding(fault, declared.place, severity, self._layout))
            self.late_bad_count += severity == "error" and code == "TR-G401"
        totals = sorted(self._compared, key=lambda total: (total.record_number, self._layout.field(total.path).start))
        return tuple(totals), found


def _expected(value: int | None, derived: Field) -> tuple[str, str]:
    right = amount(value, derived.scale)
    return f"{right}, computed from the file", f"{right}, calcolato dal file"


def _compared(path: str, declared: _Declared, computed: Computed, *, is_disturbed: bool) -> tuple[Total, str]:
    """The total, and the code of what is wrong with it, if anything is."""
    code = ""
    status: TotalStatus
    if not declared.is_readable:
        status = "unverifiable"  # the unreadable total has its own finding
    elif computed.unreadable:
        status, code = "unverifiable", "" if is_disturbed else "TR-T402"
    elif declared.value == computed.value:
        status = "equal"
    elif is_disturbed:
        status = "unverifiable"
    else:
        status, code = "different", "TR-T401"
    number = declared.place.record_number
    return Total(path, declared.value, computed.value, status, declared.field.scale, number), code
