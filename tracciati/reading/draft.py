"""Draft: a report while it is being written. Counts are exact; of each (code, field) a few examples are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracciati.findings import Faults, Finding, Key, finding, refuses_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracciati.findings.places import Witness
    from tracciati.layout import Layout


class Draft:
    """The report while it is being written."""

    def __init__(self, layout: Layout, examples: int) -> None:
        self._layout, self._examples = layout, examples
        self.findings: list[Finding] = []
        self.counts: dict[Key, int] = {}
        self.severities: dict[Key, str] = {}
        self._kept: dict[Key, int] = {}
        self._types = np.zeros(len(layout.records) + 1, np.int64)
        self.units_count = self.units_bad_count = self.others_bad_count = 0

    @property
    def records_count(self) -> int:
        """Records so far."""
        return int(self._types.sum())

    def by_type(self) -> dict[str, int]:
        """Record type -> count; unknown ones under ""."""
        names = ["", *(r.name for r in self._layout.records)]
        return {name: number for name, number in zip(names, self._types.tolist(), strict=True) if number}

    def count(self, types: NDArray[np.int64], units_count: int, units_bad_count: int, others_bad_count: int) -> None:
        """Add a block's records, as counts by type after those of no type, its units, and bad records beside them."""
        self._types += types
        self.units_count += units_count
        self.units_bad_count += units_bad_count
        self.others_bad_count += others_bad_count

    def take(self, faults: Faults, witness: Witness) -> None:
        """A block's faults: those still wanted as examples become findings."""
        for fault in faults.kept:
            key = (fault.code, fault.path)
            kept = self._kept.get(key, 0)
            if kept < self._examples:
                self._kept[key] = kept + 1
                severity = faults.severities[key]
                self.findings.append(finding(fault, witness.place(fault), severity, self._layout))
        for key, number in faults.counts.items():
            self.counts[key] = self.counts.get(key, 0) + number
        self.severities.update(faults.severities)

    def take_findings(self, found: list[Finding]) -> None:
        """Findings that are complete."""
        for one in found:
            key = (one.code, one.path)
            self.counts[key] = self.counts.get(key, 0) + 1
            self.severities[key] = one.severity
            if self.counts[key] <= self._examples:
                self.findings.append(one)

    def is_refused(self) -> bool:
        """Does an error of framing, structure or totals speak against the whole file?"""
        return any(refuses_file(code) and self.severities[code, path] == "error" for code, path in self.counts)
