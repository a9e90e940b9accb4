"""The page on findings, from the catalogue: every code, what it means, in both languages, and what to do."""

from __future__ import annotations

from tracciati.findings.catalogue import CATALOGUE, STAGES

HEAD = """\
# Findings

Made by `make docs` from `tracciati/findings/catalogue.py`; a test compares. A code never changes its meaning and is
never used again, so that contracts and letters may quote it. An *error* makes the record, or the whole file,
unacceptable as the feed says; a *warning* is told and changes nothing, but for a total that cannot
be verified (TR-T402, TR-G402), which the feed judges. A rule of a layout has the severity that the
layout gives it.

One mistake, one complaint: what depends on something that is wrong is not complained about once more.

A report is had as text, JSON, SARIF, CSV or a page to send: [reports](reports.md).
"""

TITLES = {
    "framing": "Framing: bytes that are no records. The whole file is in question",
    "structure": "Structure: records in the wrong order, or of no known type. The whole file is in question",
    "field": "Fields: one value in one record",
    "record": "Records: values against each other",
    "group": "Groups: what a group of records declares against what it holds",
    "history": "History: a file against those that came before it in its feed",
    "totals": "Totals: what the file declares against what it holds. The whole file is in question",
}


def page() -> str:
    """The text of docs/findings.md."""
    parts = [HEAD]
    for stage in STAGES:
        parts.append(
            f"## {TITLES[stage]}\n\n"
            "| code | severity | meaning | significato | what to do | che cosa fare |\n|---|---|---|---|---|---|"
        )
        for code, entry in CATALOGUE.items():
            if entry.stage == stage:
                cells = (code, entry.severity, entry.english, entry.italian, entry.remedy, entry.remedy_it)
                parts.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        parts.append("")
    return "\n".join(parts)
