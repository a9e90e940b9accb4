"""Balance: the totals that a file declares beside what it holds.

A difference that only echoes another error is not said again: where records could not be read or stand out of
order, or a summed amount is unreadable, a total is *unverifiable*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracciati.findings import Fault, Finding, Judgement, finding
from tracciati.findings.report import Total, TotalStatus, amount
from tracciati.limits import TOTALS_MAX
from tracciati.reading.columns import RecordColumns, fault_at
from tracciati.totals import Computed, Totals

if TYPE_CHECKING:
    from tracciati.findings.places import Place, Witness
    from tracciati.layout import Direction, Field, Layout, Record


@dataclass(frozen=True)
class _Declared:
    """One derived field of one record: what it says, and where. `value` is None where it is blank."""

    record: Record
    field: Field
    value: int | None
    is_readable: bool
    place: Place


class Balance:
    """Gathers declared totals block by block, and compares at the end."""

    def __init__(self, layout: Layout, direction: Direction) -> None:
        self._layout, self._direction = layout, direction
        self.totals = Totals(layout, direction)
        self._paths = frozenset(self.totals.paths())
        self._declared: list[_Declared] = []
        self._declared_count: dict[str, int] = {}

    def keep(self) -> dict[str, frozenset[str]]:
        """Record name -> fields whose values are needed: the summed and the derived ones."""
        wanted = {record: set(fields) for record, fields in self.totals.needs().items()}
        for path in self._paths:
            record, _, field = path.partition(".")
            wanted.setdefault(record, set()).add(field)
        return {record: frozenset(fields) for record, fields in wanted.items()}

    def note(self, read: RecordColumns, witness: Witness) -> None:
        """Remember what the derived fields of these records declare."""
        for field in read.record.fields_in(self._direction):
            path = f"{read.record.name}.{field.name}"
            if path not in self._paths or field.name not in read.values:
                continue
            values = read.values[field.name]
            assert values.numbers is not None, "declare derives numbers only"
            room = TOTALS_MAX - self._declared_count.get(path, 0)
            for index in range(min(room, len(read.rows))):
                row = int(read.rows[index])
                fault = fault_at("TR-T401", witness.frame, read.record, field, row, self._direction)
                is_null = values.null is not None and bool(values.null[index])
                is_bad = values.bad is not None and bool(values.bad[index])
                value = None if is_null or is_bad else int(values.numbers[index])
                self._declared.append(_Declared(read.record, field, value, not is_bad, witness.place(fault)))
            self._declared_count[path] = self._declared_count.get(path, 0) + len(read.rows)

    def finish(self, judgement: Judgement, *, is_disturbed: bool) -> tuple[tuple[Total, ...], list[Finding]]:
        """Compare. is_disturbed: records are unreadable, unknown or out of order; any difference echoes that."""
        computed = self.totals.finish()
        totals: list[Total] = []
        found: list[Finding] = []
        for declared in sorted(self._declared, key=lambda d: (d.place.record_number, d.field.start)):
            path = f"{declared.record.name}.{declared.field.name}"
            total, code = self._compared(path, declared, computed[path], is_disturbed)
            totals.append(total)
            if code:
                scale = declared.field.scale
                expected = amount(computed[path].value, scale)
                words = (
                    (f"{expected}, computed from the file", f"{expected}, calcolato dal file")
                    if code == "TR-T401"
                    else ("", "")
                )
                fault = Fault(code, 0, 0, 0, declared.record, declared.field, None, *words)
                found.append(finding(fault, declared.place, judgement.severity(code, path), self._layout))
        return tuple(totals), found

    def _compared(self, path: str, declared: _Declared, computed: Computed, is_disturbed: bool) -> tuple[Total, str]:
        code = ""
        status: TotalStatus
        if not declared.is_readable:
            status = "unverifiable"  # the unreadable total has its own finding
        elif computed.unreadable:
            status, code = "unverifiable", "" if is_disturbed else "TR-T402"
        elif declared.value == computed.value and declared.value is not None:
            status = "equal"
        elif is_disturbed:
            status = "unverifiable"
        else:
            status, code = "different", "TR-T401"
        number = declared.place.record_number
        total = Total(path, declared.value, computed.value, status, declared.field.scale, number)
        return total, code
