"""Findings: what is wrong with the data, as values. Nothing here raises.

    Fault     what one check saw in one block: code, record, bytes
    Faults    the faults of one block: exact counts, and the first few of each (code, field)
    Finding   a fault with its place in the file and its words, as reports show it
    Waiver    a rule or code that somebody has agreed to overlook for a time

What the codes mean stands in `catalogue`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from tracciati.findings.catalogue import CATALOGUE, STAGES, Severity, Stage

if TYPE_CHECKING:
    from tracciati.findings.pictures import Picture
    from tracciati.findings.places import Place
    from tracciati.layout import Field, Layout, Record, Rule

Key = tuple[str, str]  # (code, "record.field")

_WHOLE_FILE: frozenset[Stage] = frozenset({"framing", "structure", "totals"})


@dataclass(frozen=True)
class Waiver:
    """An agreement to overlook something until a day, which counts.

    rule    the id of a layout's rule, a code, or "code record.field"
    until   the last day on which it holds
    """

    rule: str
    until: date
    reason: str
    owner: str

    def is_in_force(self, on: date) -> bool:
        """Does it hold on that day?"""
        return on <= self.until


@dataclass(frozen=True)
class Fault:
    """What a check saw. `start` and `length` are bytes in the block's buffer; `row` is the record's index in it."""

    code: str
    row: int
    start: int
    length: int
    record: Record | None = None
    field: Field | None = None
    rule: Rule | None = None
    expected_en: str = ""
    expected_it: str = ""
    params: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def path(self) -> str:
        """`record.field`, `record.rule` for a rule, or as much of it as is known."""
        return path_of(self.record, self.field, self.rule)


def path_of(record: Record | None, field: Field | None = None, rule: Rule | None = None) -> str:
    """How a count names what it counts."""
    if record is None:
        return ""
    if rule is not None:
        return f"{record.name}.{rule.id}"
    return f"{record.name}.{field.name}" if field is not None else record.name


class Judgement:
    """Which findings count, after the waivers that hold on the day of the check."""

    def __init__(self, waivers: Iterable[Waiver], today: date | None) -> None:
        waivers = tuple(waivers)
        assert today is not None or not waivers, "waivers need the day of the check: an expired one no longer counts"
        self.in_force = tuple(w for w in waivers if today is not None and w.is_in_force(today))
        self.expired = tuple(w for w in waivers if w not in self.in_force)
        self._overlooked = frozenset(w.rule for w in self.in_force)

    def severity(self, code: str, path: str, rule: Rule | None = None) -> Severity:
        """error, warning, or waived."""
        if code in self._overlooked or f"{code} {path}" in self._overlooked:
            return "waived"
        if rule is not None:
            return "waived" if rule.id in self._overlooked else rule.severity
        return CATALOGUE[code].severity


class Faults:
    """The faults of one block: exact counts, and the first `examples` of each (code, field)."""

    def __init__(self, judgement: Judgement, examples: int) -> None:
        self.judgement = judgement
        self.examples = examples
        self.counts: dict[Key, int] = {}
        self.severities: dict[Key, Severity] = {}
        self.kept: list[Fault] = []

    def add(self, fault: Fault) -> bool:
        """Count a fault, and keep it if it is among the first. Is it an error (not a warning, not waived)?"""
        return self.count(fault.code, fault.path, 1, lambda _: fault, rule=fault.rule)

    def count(
        self, code: str, path: str, number: int, make: Callable[[int], Fault], *, rule: Rule | None = None
    ) -> bool:
        """Count `number` faults of one kind; `make(i)` gives the i-th, and is called for the first few only."""
        key = (code, path)
        before = self.counts.get(key, 0)
        self.counts[key] = before + number
        if key not in self.severities:
            self.severities[key] = self.judgement.severity(code, path, rule)
        for index in range(min(number, self.examples - before)):
            self.kept.append(make(index))
        return self.severities[key] == "error"

    def merge(self, other: Faults) -> None:
        """Take over what a check of the same block found elsewhere."""
        for fault in other.kept:
            key = (fault.code, fault.path)
            if self.counts.get(key, 0) < self.examples:
                self.kept.append(fault)
        for key, number in other.counts.items():
            self.counts[key] = self.counts.get(key, 0) + number
        self.severities.update(other.severities)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, as a report shows it.

    record_number, line   from 1; 0 where the finding is about the file as a whole
    end_line, characters  the line on which it ends; its first character there (from 1), and the one after its last;
                          (0, 0) where a file has no lines
    offset, length        bytes in the file, from 0
    columns               first and last byte in the record, from 1
    raw_text, raw_hex     the bytes found, "" when masked
    excerpt               the record's text, with `excerpt_length` characters from `excerpt_start` in question
    source                where in the contract the layout comes from
    picture               the whole record, where the reading was asked for it; not part of the JSON
    """

    code: str
    severity: Severity
    stage: Stage
    record_number: int
    line: int
    end_line: int
    characters: tuple[int, int]
    offset: int
    length: int
    columns: tuple[int, int]
    record: str
    field: str
    label: str
    raw_text: str
    raw_hex: str
    masked: bool
    expected: str
    expected_it: str
    text_it: str
    text_en: str
    rule: str
    source: str
    remedy: str
    remedy_it: str
    excerpt: str
    excerpt_start: int
    excerpt_length: int
    picture: Picture | None = None

    @property
    def path(self) -> str:
        """`record.field`, or as much of it as is known."""
        return f"{self.record}.{self.field}" if self.field else self.record

    @property
    def counted_as(self) -> Key:
        """The kind of finding that it is counted as: its code, and `record.field`, or `record.rule` for a rule."""
        return self.code, f"{self.record}.{self.rule}" if self.rule else self.path

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON holds it."""
        found = dict(vars(self))
        del found["picture"]
        found["columns"], found["characters"] = list(self.columns), list(self.characters)
        return found

    @property
    def order(self) -> tuple[int, int, int, str, str]:
        """Sorts findings as the file stands."""
        return (self.record_number, self.offset, STAGES.index(self.stage), self.code, self.rule)


def finding(fault: Fault, place: Place, severity: Severity, layout: Layout) -> Finding:
    """A fault with its place and words."""
    entry = CATALOGUE[fault.code]
    params = dict(fault.params)
    english, italian = entry.english.format_map(params), entry.italian.format_map(params)
    if fault.rule is not None:
        english = fault.rule.text.get("en", english) or english
        italian = fault.rule.text.get("it", italian) or italian
    return Finding(
        code=fault.code,
        severity=severity,
        stage=entry.stage,
        record_number=place.record_number,
        line=place.line,
        end_line=place.end_line,
        characters=place.characters,
        offset=place.offset,
        length=place.length,
        columns=place.columns,
        record=fault.record.name if fault.record else "",
        field=fault.field.name if fault.field else "",
        label=fault.field.label if fault.field else "",
        raw_text=place.raw_text,
        raw_hex=place.raw_hex,
        masked=place.masked,
        expected=fault.expected_en,
        expected_it=fault.expected_it,
        text_it=italian,
        text_en=english,
        rule=fault.rule.id if fault.rule else "",
        source=layout.source,
        remedy=entry.remedy.format_map(params),
        remedy_it=entry.remedy_it.format_map(params),
        excerpt=place.excerpt,
        excerpt_start=place.excerpt_start,
        excerpt_length=place.excerpt_length,
        picture=place.picture,
    )


def refuses_file(code: str) -> bool:
    """Does an error of this code speak against the whole file, not against one record?"""
    return CATALOGUE[code].stage in _WHOLE_FILE
