"""SARIF 2.1.0: the report for programs that show findings, of any tool, in their place (editors, code hosts).

Source: OASIS, Static Analysis Results Interchange Format 2.1.0 plus errata 01, 28 August 2023; sections are named where
a choice follows from one. Lines and characters are given only where the file has lines; bytes always. The catalogue is
the driver's rules, in English, with an Italian translation; a rule of a layout is `TR-R304/its id` (3.27.5).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tracciati.findings.catalogue import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracciati.findings import Finding, Waiver
    from tracciati.findings.report import Report

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_NAME = "tracciati"
_INDEX = {code: index for index, code in enumerate(CATALOGUE)}
# Names of encodings as IANA registers them (3.24.9); of the others Python's is the registered one, but for its case.
_ENCODINGS = {"ascii": "US-ASCII", "cp1252": "windows-1252"}


def render(report: Report) -> str:
    """The report as SARIF, indented; keys stand in a fixed order."""
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(report)]}
    return json.dumps(log, ensure_ascii=False, indent=2) + "\n"


def uri_of(source_name: str) -> str:
    """The file as a URI: relative as it was named, or `file:` where its path begins at the root.

    >>> uri_of("inbox/RV 1:2.txt"), uri_of("/var/in.txt"), uri_of("standard input")
    ('inbox/RV%201%3A2.txt', 'file:///var/in.txt', 'standard%20input')
    """
    path = quote(os.fsencode(source_name or "file"))
    return f"file:///{path.lstrip('/')}" if path.startswith("/") else path


def _run(report: Report) -> dict[str, Any]:
    summary = report.as_dict()
    del summary["findings"]
    exit_code = 0 if report.is_clean else 1
    return {
        "tool": {
            "driver": {
                "name": _NAME,
                **_version(),
                "language": "en",
                "rules": [_rule(code, "en") for code in CATALOGUE],
            }
        },
        "translations": [
            {
                "name": _NAME,
                "language": "it",
                "contents": ["localizedData"],
                "associatedComponent": {"name": _NAME},
                "rules": [_rule(code, "it") for code in CATALOGUE],
            }
        ],
        "language": "en",
        "columnKind": "unicodeCodePoints",
        "automationDetails": {
            "id": f"{_NAME}/check/{report.layout.partition('@')[0]}/{report.direction}/",
            "description": {"text": _plain(f"{report.direction} checked against {report.layout}")},
        },
        "invocations": [
            {
                "executionSuccessful": True,
                "exitCode": exit_code,
                "exitCodeDescription": "the data has findings" if exit_code else "clean",
            }
        ],
        "artifacts": [
            {
                "location": {"uri": uri_of(report.source_name)},
                "length": report.bytes_count,
                "roles": ["analysisTarget"],
                "encoding": _ENCODINGS.get(report.codec, report.codec.upper()),
                "hashes": {"sha-256": report.sha256},
            }
        ],
        "results": [_result(finding, report) for finding in report.findings],
        "properties": {**summary, "verdict": report.verdict, "summary": report.summary()},
    }


def _version() -> dict[str, str]:
    """The version of this library, where it is installed; from a folder of sources it has none."""
    try:
        return {"version": importlib.metadata.version("cominflow")}
    except importlib.metadata.PackageNotFoundError:
        return {}


def _rule(code: str, language: str) -> dict[str, Any]:
    entry = CATALOGUE[code]
    is_english = language == "en"
    told, remedy = (entry.english, entry.remedy) if is_english else (entry.italian, entry.remedy_it)
    rule = {
        "id": code,
        "name": _identifier(entry.english),
        "shortDescription": {"text": _sentence(_open(told))},
        "help": {"text": _sentence(_open(remedy))},
    }
    if is_english:
        rule["defaultConfiguration"] = {"level": entry.severity}
        rule["properties"] = {"stage": entry.stage, "tags": [entry.stage]}
    return rule


def _identifier(text: str) -> str:
    """What the code means, as one word."""
    return "".join(word[:1].upper() + word[1:] for word in re.findall(r"\w+", text))


def _open(text: str) -> str:
    """A text of the catalogue, with what each finding fills in left open."""
    return re.sub(r"\{\w+\}", "…", text)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _plain(text: str) -> str:
    """A text as a message holds it: braces would be places to fill in (3.11.5), brackets a link (3.11.6)."""
    return text.replace("{", "{{").replace("}", "}}").replace("](", "] (")


def _result(finding: Finding, report: Report) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": f"{finding.code}/{finding.rule}" if finding.rule else finding.code,
        "ruleIndex": _INDEX[finding.code],
        "level": CATALOGUE[finding.code].severity if finding.severity == "waived" else finding.severity,
        "message": {"text": _plain(_message(finding))},
        "locations": [_location(finding, report)],
        "partialFingerprints": {"finding/v1": _fingerprint(finding)},
    }
    if report.waivers:
        # Where one result says whether it is suppressed, all of them have to (3.27.23).
        result["suppressions"] = _suppressions(finding, report.waivers)
    told = finding.as_dict()
    keys = ("stage", "record_number", "line", "columns", "record", "field", "label", "rule", "masked", "source")
    words = ("text_en", "text_it", "expected", "expected_it", "remedy", "remedy_it")
    result["properties"] = {key: told[key] for key in (*keys, *words)}
    result["properties"]["count"] = report.counts[finding.counted_as]
    return result


def _message(finding: Finding) -> str:
    subject = f"{finding.path} ({finding.label})" if finding.label else finding.path
    said = _sentence(f"{subject}: {finding.text_en}" if subject else finding.text_en)
    return f"{said} Expected {finding.expected}." if finding.expected else said


def _location(finding: Finding, report: Report) -> dict[str, Any]:
    place: dict[str, Any] = {
        "artifactLocation": {"uri": uri_of(report.source_name), "index": 0},
        "region": _region(finding),
    }
    location: dict[str, Any] = {"physicalLocation": place}
    if finding.path:
        name = finding.field or finding.record
        location["logicalLocations"] = [{"name": name, "fullyQualifiedName": finding.path}]
    return location


def _region(finding: Finding) -> dict[str, Any]:
    """The bytes, and where the file has lines the same as characters (3.30.1: both name one range)."""
    region: dict[str, Any] = {}
    first, after = finding.characters
    if first:
        region = {
            "startLine": finding.line,
            "startColumn": first,
            "endLine": finding.end_line,
            "endColumn": after,
        }
    region |= {"byteOffset": finding.offset, "byteLength": finding.length}
    marked = finding.excerpt[finding.excerpt_start : finding.excerpt_start + finding.excerpt_length]
    if marked:
        region["snippet"] = {"text": marked}  # masked as the excerpt is
    return region


def _fingerprint(finding: Finding) -> str:
    """The same for the same mistake in another delivery of the file, wherever it stands there.

    A value that is masked has no part in it: a hash of one would tell it to whoever tries them all.
    """
    parts = (finding.code, finding.path, finding.rule, finding.raw_hex)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _suppressions(finding: Finding, waivers: tuple[Waiver, ...]) -> list[Mapping[str, str]]:
    if finding.severity != "waived":
        return []
    code, path = finding.counted_as
    return [
        {
            "kind": "external",
            "status": "accepted",
            "justification": f"{waiver.reason} ({waiver.owner}, until {waiver.until.isoformat()})",
        }
        for waiver in waivers
        if waiver.rule in (code, f"{code} {path}", finding.rule)
    ]
