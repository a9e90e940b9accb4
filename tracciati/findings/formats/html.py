"""HTML: one page for a person who was not there, in English or Italian, with each wrong record under a ruler.

It stands alone: no other file, no script, nothing from a network. It reads in black and white and by a screen reader
too. The layout of the page is in `templates/report.html`; here is what it shows. Findings of one record share its
ruler; without pictures (see `Reading`) the line around each finding stands there instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import jinja2

from tracciati.findings.formats import ruler
from tracciati.findings.formats.words import DIRECTIONS, WORDS, counted, grouped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracciati.findings import Finding
    from tracciati.findings.catalogue import Severity
    from tracciati.findings.formats import Language
    from tracciati.findings.pictures import Picture
    from tracciati.findings.report import Report, Total

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=jinja2.StrictUndefined,
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


@dataclass(frozen=True)
class Note:
    """One finding, in the language of the page.

    found   what stands there, "" where the ruler alone shows it
    blanks  said in its place where nothing or only blanks stand there
    """

    number: int
    code: str
    severity: Severity
    subject: str
    text: str
    columns: str
    expected: str
    found: str
    blanks: str
    hexadecimal: str
    is_masked: bool
    remedy: str
    source: str


@dataclass(frozen=True)
class Group:
    """The findings of one record, or one finding about the file as a whole (`record_number` 0).

    spoken   what a screen reader says in the place of the ruler
    part     said where of a very long record only a part is shown
    excerpt  where there is no picture: text before, in and after the place
    """

    record_number: int
    record: str
    line: int
    offset: int
    pieces: tuple[ruler.Piece, ...]
    spoken: str
    part: str
    excerpt: tuple[str, str, str]
    notes: tuple[Note, ...]


def render(report: Report, language: Language = "en") -> str:
    """The report as a page in that language."""
    words = WORDS[language]
    groups = list(_groups(report, language))
    return _TEMPLATES.get_template("report.html").render(
        language=language,
        words=words,
        report=report,
        name=PurePath(report.source_name).name or words["file"],
        verdict=_verdict(report, language),
        kinds=_kinds(report, language),
        facts=_facts(report, language),
        totals=[_total(total, language) for total in report.totals],
        counts=list(_counts(report, language, groups)),
        groups=groups,
        records=_records(report),
        waivers=[(waiver, True) for waiver in report.waivers] + [(waiver, False) for waiver in report.waivers_expired],
        grouped=lambda number: grouped(number, language),
    )


def _verdict(report: Report, language: Language) -> str:
    bad = report.others_bad_count if report.verdict == "around" else report.units_bad_count
    text = WORDS[language][report.verdict]
    return text.format(bad=grouped(bad, language), all=grouped(report.units_count, language))


def _kinds(report: Report, language: Language) -> str:
    """How many errors, warnings and waived findings; "" where there are none."""
    numbers = {"error": report.errors_count, "warning": report.warnings_count, "waived": report.waived_count}
    return " · ".join(counted(number, kind, language) for kind, number in numbers.items() if number)


def _facts(report: Report, language: Language) -> list[tuple[str, str]]:
    words = WORDS[language]
    by_type = ", ".join(
        f"{name or words['unknown_type']} {grouped(number, language)}"
        for name, number in report.records_by_type.items()
    )
    facts = [
        (words["file"], report.source_name),
        (words["layout"], report.layout),
        (words["direction"], DIRECTIONS[language][report.direction]),
        (words["size"], counted(report.bytes_count, "byte", language)),
        (words["records_heading"], grouped(report.records_count, language) + (f" ({by_type})" if by_type else "")),
    ]
    if report.units_count:
        bad = words["wrong_requests"].format(bad=grouped(report.units_bad_count, language))
        facts.append((words["requests"], f"{grouped(report.units_count, language)} ({bad})"))
    return [*facts, (words["sha256"], report.sha256)]


def _total(total: Total, language: Language) -> dict[str, str]:
    words = WORDS[language]

    def told(number: int | None) -> str:
        return words["no_value"] if number is None else grouped(number, language, total.scale)

    return {
        "path": total.path,
        "declared": told(total.declared),
        "computed": told(total.computed),
        "status": total.status,
        "result": words[total.status],
    }


def _counts(report: Report, language: Language, groups: list[Group]) -> Iterator[dict[str, Any]]:
    """Each kind of finding: how many there are, how many are shown, and where the first of them stands."""
    first: dict[tuple[str, str], tuple[int, Finding]] = {}
    shown: dict[tuple[str, str], int] = {}
    for number, finding in enumerate(report.findings, 1):
        first.setdefault(finding.counted_as, (number, finding))
        shown[finding.counted_as] = shown.get(finding.counted_as, 0) + 1
    assert sum(len(group.notes) for group in groups) == len(report.findings)
    for (code, path), count in sorted(report.counts.items()):
        number, finding = first[code, path]
        yield {
            "code": code,
            "path": path,
            "text": finding.text_en if language == "en" else finding.text_it,
            "severity": report.severities[code, path],
            "count": grouped(count, language),
            "shown": grouped(shown[code, path], language),
            "first": number,
        }


def _groups(report: Report, language: Language) -> Iterator[Group]:
    numbered = list(enumerate(report.findings, 1))
    for (record_number, _), same in groupby(numbered, key=lambda one: _place(one[1])):
        of_record = list(same)
        findings = [finding for _, finding in of_record]
        begin = findings[0]
        picture = _best([finding.picture for finding in findings])
        marks = [ruler.Mark(f.columns[0], f.length, f.severity) for f in findings]
        before, stop = begin.excerpt_start, begin.excerpt_start + begin.excerpt_length
        yield Group(
            record_number=record_number,
            record=next((finding.record for finding in findings if finding.record), ""),
            line=begin.line,
            offset=begin.offset - begin.columns[0] + 1,
            pieces=tuple(ruler.pieces(picture, marks)) if picture else (),
            spoken=_spoken(picture, marks, language) if picture else "",
            part=_part(picture, language) if picture else "",
            excerpt=(begin.excerpt[:before], begin.excerpt[before:stop], begin.excerpt[stop:]),
            notes=tuple(_note(number, finding, language) for number, finding in of_record),
        )


def _place(finding: Finding) -> tuple[int, int]:
    """What is shown together: a record, or what lies at one place between records."""
    return finding.record_number, 0 if finding.record_number else finding.offset


def _best(pictures: list[Picture | None]) -> Picture | None:
    """The one that knows the fields: where one finding has the record cut into them, the others may not."""
    drawn = [picture for picture in pictures if picture is not None]
    return max(drawn, key=lambda picture: len(picture.cells)) if drawn else None


def _spoken(picture: Picture, marks: list[ruler.Mark], language: Language) -> str:
    words = WORDS[language]
    said = [words["spoken"].format(text=ruler.spoken(picture))]
    for mark, text in ruler.texts(picture, marks):
        form = words["spoken_wrong"] if mark.length else words["spoken_place"]
        said.append(form.format(first=mark.first, last=mark.first + mark.length - 1, text=text))
    return " ".join(said)


def _part(picture: Picture, language: Language) -> str:
    if len(picture.glyphs) == picture.length:
        return ""
    numbers = {"first": picture.first, "last": picture.stop - 1, "length": picture.length}
    told = {name: grouped(number, language) for name, number in numbers.items()}
    return WORDS[language]["part"].format(**told)


def _note(number: int, finding: Finding, language: Language) -> Note:
    is_english = language == "en"
    expected = finding.expected if is_english else finding.expected_it
    # Some say themselves what was found; of a whole record the ruler shows it.
    is_said = "; found " in finding.expected
    is_lossy = "·" in finding.raw_text or "�" in finding.raw_text
    found = "" if is_said or not finding.field else finding.raw_text
    is_blank = not found.strip() and not is_said and bool(finding.field)
    first, last = finding.columns
    label = f" ({finding.label})" if finding.label else ""
    rule = f", {WORDS[language]['rule']} {finding.rule}" if finding.rule else ""
    return Note(
        number=number,
        code=finding.code,
        severity=finding.severity,
        subject=f"{finding.path}{label}{rule}",
        text=finding.text_en if is_english else finding.text_it,
        columns=str(first) if first == last else f"{first}–{last}",
        expected=expected,
        found=found,
        blanks=_blanks(len(found), language) if is_blank else "",
        hexadecimal=finding.raw_hex if is_lossy and finding.field else "",
        is_masked=finding.masked and bool(finding.field),
        remedy=finding.remedy if is_english else finding.remedy_it,
        source=finding.source,
    )


def _blanks(count: int, language: Language) -> str:
    return counted(count, "blank", language) if count else WORDS[language]["nothing"]


def _records(report: Report) -> list[tuple[str, Picture]]:
    """The record types that findings are about, each with a picture that knows its fields."""
    known: dict[str, Picture] = {}
    for finding in report.findings:
        if finding.picture is not None and finding.picture.cells:
            known.setdefault(finding.record, finding.picture)
    return list(known.items())
