"""Report: what a reading found, as a value; the same bytes and layout give the same report, byte for byte.

`to_text` is for people, `to_json` for programs. A report never grows with the errors in a file: it holds examples
and exact counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tracciati.findings import Finding, Key, Waiver
from tracciati.findings.pictures import MASK
from tracciati.wording import counted

TotalStatus = Literal["equal", "different", "unverifiable"]

# What the findings mean for the file, from nothing to all of it; the first that holds, from below.
#   clean     neither errors nor warnings
#   warned    warnings only
#   records   records are wrong (no unit was named, so nobody knows which requests)
#   units     some of the requests are wrong
#   around    records that belong to no request are wrong
#   refused   the file as a whole is in question
Verdict = Literal["clean", "warned", "records", "units", "around", "refused"]


@dataclass(frozen=True)
class Total:
    """A total that the file declares, and what it comes to.

    declared, computed  in the field's smallest unit; None where unreadable, blank or without an exact value
    scale               decimals of both
    """

    path: str
    declared: int | None
    computed: int | None
    status: TotalStatus
    scale: int = 0
    record_number: int = 0


@dataclass(frozen=True)
class Report:
    """What was found in one file.

    records_by_type   record type -> count; records of no known type are under ""
    findings          examples in file order; `counts` has how many there are of each (code, "record.field")
    severities        the severity of each of those
    others_bad_count  records with errors that belong to no unit, such as head and tail; 0 where no unit was named
    is_refused        an error of framing, structure or totals speaks against the whole file
    """

    source_name: str
    layout: str
    fingerprint: str
    direction: str
    codec: str
    sha256: str
    bytes_count: int
    records_count: int
    records_by_type: Mapping[str, int]
    units_count: int
    units_bad_count: int
    others_bad_count: int
    findings: tuple[Finding, ...]
    counts: Mapping[Key, int]
    severities: Mapping[Key, str]
    totals: tuple[Total, ...]
    is_refused: bool
    waivers: tuple[Waiver, ...] = ()
    waivers_expired: tuple[Waiver, ...] = ()

    @property
    def errors_count(self) -> int:
        """How many errors, all of them."""
        return self._count("error")

    @property
    def warnings_count(self) -> int:
        """How many warnings, all of them."""
        return self._count("warning")

    @property
    def waived_count(self) -> int:
        """How many findings a waiver overlooks."""
        return self._count("waived")

    def _count(self, severity: str) -> int:
        return sum(number for key, number in self.counts.items() if self.severities[key] == severity)

    @property
    def is_clean(self) -> bool:
        """Neither errors nor warnings; what is waived does not count."""
        return not (self.errors_count or self.warnings_count)

    @property
    def verdict(self) -> Verdict:
        """What the findings mean for the file."""
        if self.is_clean:
            return "clean"
        if self.is_refused:
            return "refused"
        if self.others_bad_count:
            return "around"
        if self.units_bad_count:
            return "units"
        return "records" if self.errors_count else "warned"

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON holds it."""
        return {
            "source": self.source_name,
            "layout": self.layout,
            "fingerprint": self.fingerprint,
            "direction": self.direction,
            "codec": self.codec,
            "sha256": self.sha256,
            "bytes_count": self.bytes_count,
            "records_count": self.records_count,
            "records_by_type": dict(self.records_by_type),
            "units_count": self.units_count,
            "units_bad_count": self.units_bad_count,
            "others_bad_count": self.others_bad_count,
            "is_clean": self.is_clean,
            "is_refused": self.is_refused,
            "errors_count": self.errors_count,
            "warnings_count": self.warnings_count,
            "waived_count": self.waived_count,
            "counts": [
                {"code": code, "path": path, "severity": self.severities[code, path], "count": number}
                for (code, path), number in sorted(self.counts.items())
            ],
            "totals": [_total_as_dict(total) for total in self.totals],
            "findings": [finding.as_dict() for finding in self.findings],
            "waivers": [_waiver_as_dict(w, in_force=True) for w in self.waivers]
            + [_waiver_as_dict(w, in_force=False) for w in self.waivers_expired],
        }

    def to_json(self, *, indent: int | None = 2) -> str:
        """The report as JSON text; keys stand in a fixed order."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=indent)

    def to_text(self) -> str:
        """The report for a person: each finding with its line and place, then totals, then one line of summary."""
        parts = [finding_text(finding, self.source_name) for finding in self.findings]
        parts += self._more_lines()
        parts += [total_text(total) for total in self.totals if total.status != "equal"]
        parts += [_waiver_text(w, "in force") for w in self.waivers]
        parts += [_waiver_text(w, "expired, no longer counts") for w in self.waivers_expired]
        return "\n".join([*parts, self.summary()])

    def _more_lines(self) -> list[str]:
        shown: dict[Key, int] = {}
        for finding in self.findings:
            shown[finding.counted_as] = shown.get(finding.counted_as, 0) + 1
        lines = []
        for (code, path), number in sorted(self.counts.items()):
            rest = number - shown.get((code, path), 0)
            if rest > 0:
                lines.append(f"and {rest} more of {code} {path}".rstrip() + f": {number} in all")
        return lines

    def summary(self) -> str:
        """The last line: how many of what, and what it means for the file."""
        name = self.source_name or "file"
        records = counted(self.records_count, "record")
        if self.is_clean:
            waived = f" ({self.waived_count} waived)" if self.waived_count else ""
            return f"{name}: no findings in {records}{waived}; reads clean with {self.layout}"
        found = counted(self.errors_count + self.warnings_count, "finding")
        kinds = f"{counted(self.errors_count, 'error')}, {counted(self.warnings_count, 'warning')}"
        return f"{name}: {found} in {records} ({kinds}); {self._verdict_text()}"

    def _verdict_text(self) -> str:
        match self.verdict:
            case "refused":
                return "the file as a whole cannot be accepted"
            case "around":
                return f"{counted(self.others_bad_count, 'record')} beside the requests cannot be accepted"
            case "units":
                return f"{self.units_bad_count} of {counted(self.units_count, 'request')} cannot be accepted"
            case "records":
                return "the records named cannot be accepted"
            case _:
                return "no error"


def finding_text(finding: Finding, source_name: str) -> str:
    """One finding as in a compiler's message: where, what, the line with the place marked, what to do."""
    first, last = finding.columns
    place = f"{finding.line}:{first}" if first == last else f"{finding.line}:{first}-{last}"
    label = f" ({finding.label})" if finding.label else ""
    rule = f" [{finding.rule}]" if finding.rule else ""
    head = finding.code if finding.severity == "error" else f"{finding.code} {finding.severity}:"
    subject = f"{finding.path}{label}{rule}" if finding.path else ""
    said = f"{head} {subject}:" if subject else f"{head.rstrip(':')}:"
    where = f"{source_name}:{place}" if finding.line else source_name
    lines = [f"{where}: {said} {finding.text_en}"]
    if finding.excerpt:
        margin = " " * len(str(finding.line))
        lines.append(f"  {finding.line} | {finding.excerpt}")
        caret = "^" * max(1, finding.excerpt_length)
        lines.append(f"  {margin} | {' ' * finding.excerpt_start}{caret}")
    if finding.expected:
        is_said = "; found " in finding.expected
        found = "" if is_said or not finding.field else f"; found {_found(finding)}"
        lines.append(f"  expected {finding.expected}{found}")
    if finding.source:
        lines.append(f"  source: {finding.source}")
    if finding.remedy:
        lines.append(f"  do: {finding.remedy}")
    return "\n".join(lines)


def _found(finding: Finding) -> str:
    if finding.masked:
        return f"{MASK * 3} (masked)"
    # Either mark may stand for a byte that has no picture: only the hex tells which one.
    is_lossy = "·" in finding.raw_text or "�" in finding.raw_text
    return f'"{finding.raw_text}"' + (f" (hex {finding.raw_hex})" if is_lossy else "")


def amount(number: int | None, scale: int) -> str:
    """A whole number of smallest units as a person writes it: 809150 with two decimals is 8091.50."""
    if number is None:
        return "no value"
    if not scale:
        return str(number)
    sign, digits = "-" if number < 0 else "", str(abs(number)).rjust(scale + 1, "0")
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}"


def total_text(total: Total) -> str:
    """A total in one line: what is declared, what it comes to, and what that means."""
    declared, computed = amount(total.declared, total.scale), amount(total.computed, total.scale)
    return f"total {total.path}: declared {declared}, computed {computed}: {total.status}"


def _total_as_dict(total: Total) -> dict[str, Any]:
    return {
        "path": total.path,
        "declared": None if total.declared is None else amount(total.declared, total.scale),
        "computed": None if total.computed is None else amount(total.computed, total.scale),
        "status": total.status,
        "record_number": total.record_number,
    }


def _waiver_as_dict(waiver: Waiver, *, in_force: bool) -> dict[str, Any]:
    return {
        "rule": waiver.rule,
        "until": waiver.until.isoformat(),
        "reason": waiver.reason,
        "owner": waiver.owner,
        "in_force": in_force,
    }


def _waiver_text(waiver: Waiver, state: str) -> str:
    return f"waiver {waiver.rule} until {waiver.until.isoformat()} ({waiver.owner}: {waiver.reason}): {state}"
