"""JSON lines: one finding per line in file order, then one line with the summary.

`kind` is "finding" or "summary". A finding has the keys that it has in the JSON report; the summary has those of the
report without its findings, and `verdict` and `summary`, its meaning as a word and as a sentence.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracciati.findings.report import Report


def render(report: Report) -> str:
    """The report as JSON lines."""
    summary = report.as_dict()
    del summary["findings"]
    summary |= {"verdict": report.verdict, "summary": report.summary()}
    lines = [_line("finding", finding.as_dict()) for finding in report.findings]
    return "".join([*lines, _line("summary", summary)])


def _line(kind: str, value: dict[str, Any]) -> str:
    # Not `ensure_ascii=False` as in the report: some readers of lines end one at U+2028, which a label may hold.
    return json.dumps({"kind": kind, **value}) + "\n"
