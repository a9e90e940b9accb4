"""CSV: one row per finding, for a spreadsheet. UTF-8 without a mark, commas, CRLF, quotes as in RFC 4180.

A cell that a spreadsheet would take for a formula begins with an apostrophe. `count` says how many findings of that
kind the file has: the same number in each of their rows, which are examples.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracciati.findings import Finding
    from tracciati.findings.report import Report

# Fixed: a column is never moved or taken away, new ones come last.
COLUMNS = (
    "file",
    "code",
    "severity",
    "count",
    "record_number",
    "line",
    "first_column",
    "last_column",
    "offset",
    "length",
    "record",
    "field",
    "label",
    "rule",
    "text_en",
    "text_it",
    "expected_en",
    "expected_it",
    "found",
    "found_hex",
    "masked",
    "do_en",
    "do_it",
    "source",
)

# What begins a formula in some spreadsheet, the wide forms of East Asian keyboards included, and what is skipped
# before one.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_SKIPPED = " '\"\xa0"


def render(report: Report) -> str:
    """The report as CSV: a header and the findings; the header alone when there are none."""
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for finding in report.findings:
        row = _row(finding, report)
        assert len(row) == len(COLUMNS)
        writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in row])
    return sink.getvalue()


def harmless(cell: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet might calculate it.

    >>> harmless("=1+1"), harmless("-12.50"), harmless("RIF-1")
    ("'=1+1", "'-12.50", 'RIF-1')
    """
    inner = cell.lstrip(_SKIPPED)
    is_odd = not cell[:1].isprintable()  # tabs and line ends are skipped too, and nothing begins with one
    return f"'{cell}" if is_odd or inner.startswith(_FORMULA) or cell.startswith("'") else cell


def _row(finding: Finding, report: Report) -> tuple[str | int, ...]:
    return (
        report.source_name,
        finding.code,
        finding.severity,
        report.counts[finding.counted_as],
        finding.record_number,
        finding.line,
        *finding.columns,
        finding.offset,
        finding.length,
        finding.record,
        finding.field,
        finding.label,
        finding.rule,
        finding.text_en,
        finding.text_it,
        finding.expected,
        finding.expected_it,
        finding.raw_text,
        finding.raw_hex,
        "yes" if finding.masked else "no",
        finding.remedy,
        finding.remedy_it,
        finding.source,
    )
