"""Formats: a report as the text of a file, one module each. None reads or writes anything.

    text    for a person at a terminal            json, jsonl   for programs
    sarif   for tools that show findings          csv           for a spreadsheet
    html    for a person who was not there: one page, with the record under a ruler

Every format says of each kind of finding how many there are, although a report holds examples only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from tracciati.findings.report import Report

Format = Literal["text", "json", "jsonl", "sarif", "csv", "html"]
FORMATS: tuple[Format, ...] = get_args(Format)
Language = Literal["en", "it"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

# Formats that draw whole records: the reading has to be asked for pictures.
WITH_PICTURES: tuple[Format, ...] = ("html",)


def render(report: Report, form: Format, language: Language = "en") -> str:
    """The report in that format, ending with a line end. Only HTML is of one language; text is English."""
    match form:
        case "text":
            return f"{report.to_text()}\n"
        case "json":
            return f"{report.to_json()}\n"
        case "jsonl":
            from tracciati.findings.formats import jsonl

            return jsonl.render(report)
        case "sarif":
            from tracciati.findings.formats import sarif

            return sarif.render(report)
        case "csv":
            from tracciati.findings.formats import csv

            return csv.render(report)
        case "html":
            from tracciati.findings.formats import html

            return html.render(report, language)
