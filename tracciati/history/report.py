"""Report: what a history found in the files of one feed, as a value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from tracciati.findings import Finding, Key
from tracciati.findings.report import finding_text
from tracciati.limits import EXAMPLES_MAX
from tracciati.wording import counted

# Where the name of a file would stand, for what is about none of them.
NO_FILE = "history"


@dataclass(frozen=True)
class FileSeen:
    """One file of the history.

    day       the file's own date; None when it names none
    numbers   `record.field` -> first and last number, for those that go on from file to file
    own_count errors and warnings that the file has by itself
    """

    name: str
    sha256: str
    records_count: int
    day: date | None
    numbers: Mapping[str, tuple[int, int]]
    own_count: int


@dataclass(frozen=True)
class Told:
    """A finding, and the file that it is about: its place among the files, or -1."""

    file: int
    finding: Finding


@dataclass(frozen=True)
class HistoryReport:
    """What was found.

    files     in the order given
    findings  examples in the order of the files; `counts` has how many there are of each (code, "record.field")
    """

    layout: str
    fingerprint: str
    files: tuple[FileSeen, ...]
    findings: tuple[Told, ...]
    counts: Mapping[Key, int]
    severities: Mapping[Key, str]

    @property
    def is_clean(self) -> bool:
        """Do the files go on from each other? What is wrong in a file by itself does not count here."""
        return not self.counts

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON holds it."""
        return {
            "layout": self.layout,
            "fingerprint": self.fingerprint,
            "is_clean": self.is_clean,
            "files": [
                {
                    "name": seen.name,
                    "sha256": seen.sha256,
                    "records_count": seen.records_count,
                    "day": seen.day.isoformat() if seen.day else None,
                    "numbers": {path: list(run) for path, run in seen.numbers.items()},
                    "own_findings_count": seen.own_count,
                }
                for seen in self.files
            ],
            "counts": [
                {"code": code, "path": path, "severity": self.severities[code, path], "count": number}
                for (code, path), number in sorted(self.counts.items())
            ],
            "findings": [{"file": self._name(told), **told.finding.as_dict()} for told in self.findings],
        }

    def to_json(self) -> str:
        """The report as JSON text; keys stand in a fixed order."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=2)

    def to_text(self) -> str:
        """The report for a person: findings in the order of the files, then one line of summary."""
        lines = [finding_text(told.finding, self._name(told)) for told in self.findings]
        shown: dict[Key, int] = {}
        for told in self.findings:
            key = (told.finding.code, told.finding.path)
            shown[key] = shown.get(key, 0) + 1
        for (code, path), number in sorted(self.counts.items()):
            if rest := number - shown.get((code, path), 0):
                lines.append(f"and {rest} more of {code} {path}".rstrip() + f": {number} in all")
        own = [seen for seen in self.files if seen.own_count]
        lines += [
            f"{seen.name}: {counted(seen.own_count, 'finding')} of its own; `tracciati check` shows them"
            for seen in own[:EXAMPLES_MAX]
        ]
        if more := len(own[EXAMPLES_MAX:]):
            lines.append(f"and {counted(more, 'more file')} with findings of their own")
        return "\n".join([*lines, self.summary()])

    def summary(self) -> str:
        """The last line: how many of what."""
        files = counted(len(self.files), "file")
        records = counted(sum(seen.records_count for seen in self.files), "record")
        if self.is_clean:
            return f"no findings from file to file in {files} ({records}), read with {self.layout}"
        by_severity = {"error": 0, "warning": 0}
        for key, number in self.counts.items():
            by_severity[self.severities[key]] += number
        kinds = ", ".join(counted(number, severity) for severity, number in by_severity.items())
        return f"{counted(sum(self.counts.values()), 'finding')} from file to file in {files} ({records}): {kinds}"

    def _name(self, told: Told) -> str:
        return self.files[told.file].name if told.file >= 0 else NO_FILE
