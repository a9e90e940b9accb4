"""Report: what a look found, with the sums it came by. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from cominflow.limits import RECONCILE_FINDINGS_MAX
from cominflow.reconciliation.codes import CATALOGUE


@dataclass(frozen=True)
class Finding:
    """One thing that does not add up.

    where      `A-17`, `A-17 chunk 3`, `D-5`, `A/2026/3`, `batch 4`, a path below the data folder
    arrival_id the arrival that it is about, or 0
    """

    code: str
    where: str
    expected: str
    found: str
    arrival_id: int = 0

    def __post_init__(self) -> None:
        """Assert that the code is one."""
        assert self.code in CATALOGUE, self.code

    def __str__(self) -> str:
        known = CATALOGUE[self.code]
        return f"{self.code} {self.where}: {known.title}\n  expected {self.expected}; found {self.found}"

    def as_row(self) -> dict[str, Any]:
        """For programs."""
        known = CATALOGUE[self.code]
        return {
            "code": self.code,
            "where": self.where,
            "what": known.title,
            "expected": self.expected,
            "found": self.found,
            "do": known.remedy,
        }


@dataclass
class Report:
    """All of it. `findings` holds the first of each code, `counts` how many there are; `seen` what was looked at."""

    at: datetime
    day: date | None = None
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    days: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether everything added up."""
        return not self.counts

    def add(self, findings: Iterable[Finding]) -> None:
        """Take findings in; of each code only the first so many are kept, and all are counted."""
        for one in findings:
            self.counts[one.code] += 1
            if self.counts[one.code] <= RECONCILE_FINDINGS_MAX:
                self.findings.append(one)

    def lines(self) -> Iterator[str]:
        """The findings for a person, by code, each code with what to do."""
        for code, count in sorted(self.counts.items()):
            yield from (str(one) for one in self.findings if one.code == code)
            if count > RECONCILE_FINDINGS_MAX:
                yield f"{code}: and {count - RECONCILE_FINDINGS_MAX} more"
            yield f"  do: {CATALOGUE[code].remedy}"
