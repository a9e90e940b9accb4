"""Every format of any report says the same counts, is the same when made again, and shows nothing that is sensitive."""

from __future__ import annotations

import csv
import io
import json
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import sarif
from tests.property.invented import damaged, layouts
from tests.property.test_any_layout import COUNTS, DIRECTIONS, SEEDS, made
from tracciati import reading
from tracciati.findings.formats import FORMATS, LANGUAGES, Language, render
from tracciati.findings.formats import csv as csv_format
from tracciati.reading import check

if TYPE_CHECKING:
    from tracciati.findings.report import Report
    from tracciati.layout import Direction, Layout

VOID = {"meta"}


class Page(HTMLParser):
    """The page's tables as rows of texts, by their place; refuses elements that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.notes = self.rulers = 0
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        kinds = (dict(attrs).get("class") or "").split()
        self.notes += "note" in kinds
        self.rulers += "ruler" in kinds

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self._open):
            self.tables[-1][-1][-1] += data


def counts_of(report: Report) -> dict[tuple[str, str], int]:
    return dict(report.counts)


def in_lines(text: str) -> dict[tuple[str, str], int]:
    *findings, summary = [json.loads(line) for line in text.split("\n")[:-1]]
    assert {one["kind"] for one in findings} <= {"finding"} and summary["kind"] == "summary"
    return {(one["code"], one["path"]): one["count"] for one in summary["counts"]}


def in_rows(text: str) -> dict[tuple[str, str], int]:
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    found = {}
    for row in rows:
        last = row["rule"] or row["field"]
        found[row["code"], f"{row['record']}.{last}" if last else row["record"]] = int(row["count"])
    return found


def in_sarif(text: str) -> dict[tuple[str, str], int]:
    log = json.loads(text)
    sarif.validate(log)
    return {(one["code"], one["path"]): one["count"] for one in log["runs"][0]["properties"]["counts"]}


def in_page(text: str, report: Report) -> dict[tuple[str, str], int]:
    page = Page(text)
    assert page.notes == len(report.findings)
    if not report.counts:
        return {}
    rows = page.tables[1 if report.totals else 0][1:]
    numbers = [int(row[3].replace(",", "").replace(".", "")) for row in rows]
    for (code, path), row in zip(sorted(report.counts), rows, strict=True):
        assert row[0] == code and row[1].startswith(path)
    return dict(zip(sorted(report.counts), numbers, strict=True))


@pytest.mark.parametrize("block_bytes", [97, 832_000])
def test_every_format_of_any_report_says_the_exact_counts_and_says_them_again(
    block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    @settings(max_examples=60)
    @given(layouts(), SEEDS, COUNTS, DIRECTIONS, st.integers(1, 3), st.sampled_from(LANGUAGES), st.data())
    def holds(
        layout: Layout,
        seed: int,
        count: int,
        direction: Direction,
        examples: int,
        language: Language,
        chosen: st.DataObject,
    ) -> None:
        data = chosen.draw(damaged(made(layout, seed, count, direction)))
        asked = {"direction": direction, "examples": examples, "pictures": True, "source_name": "file"}
        monkeypatch.setattr(reading, "BLOCK_BYTES", 832_000)
        report = check(data, layout, **asked)  # type: ignore[arg-type]
        texts = {form: render(report, form, language) for form in FORMATS}
        counts = counts_of(report)
        assert in_lines(texts["jsonl"]) == in_rows(texts["csv"]) == in_sarif(texts["sarif"]) == counts
        assert in_page(texts["html"], report) == counts
        monkeypatch.setattr(reading, "BLOCK_BYTES", block_bytes)
        again = check(data, layout, **asked)  # type: ignore[arg-type]
        assert {form: render(again, form, language) for form in FORMATS} == texts

    holds()


@settings(max_examples=60)
@given(layouts(), SEEDS, COUNTS, DIRECTIONS, st.data())
def test_the_places_that_sarif_names_hold_what_the_finding_is_about(
    layout: Layout, seed: int, count: int, direction: Direction, chosen: st.DataObject
) -> None:
    data = chosen.draw(damaged(made(layout, seed, count, direction)))
    report = check(data, layout, direction=direction, reveal=True)
    codec = layout.file.codec
    bom = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    for result in json.loads(render(report, "sarif"))["runs"][0]["results"]:
        region = result["locations"][0]["physicalLocation"]["region"]
        start, stop = region["byteOffset"], region["byteOffset"] + region["byteLength"]
        assert 0 <= start <= stop <= len(data)
        if "startLine" not in region:
            continue
        end = b"\r" if layout.file.separator == "CR" else b"\n"
        if end == b"\r" and b"\n" in data:
            continue  # lines of two kinds: who shows them counts as it likes
        lines = [line.decode(codec, "replace") for line in data[bom:].split(end)]
        first, last = region["startLine"] - 1, region["endLine"] - 1
        if first == last:
            told = lines[first][region["startColumn"] - 1 : region["endColumn"] - 1]
        else:
            inner = [lines[first][region["startColumn"] - 1 :], *lines[first + 1 : last]]
            told = end.decode().join([*inner, lines[last][: region["endColumn"] - 1]])
        if "\ufffd" not in told:  # bytes that are no text are not the same number of marks when they are cut
            assert told == data[start:stop].decode(codec, "replace")


CELLS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)


@given(CELLS)
def test_no_cell_of_a_csv_is_a_formula(text: str) -> None:
    cell = csv_format.harmless(text)
    assert cell in (text, f"'{text}")
    assert not cell.lstrip(' "\xa0\t\r\n').startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
