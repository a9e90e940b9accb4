"""The formats of a report: what each shows, that nothing sensitive is shown in any, and that none can be misread."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tests import sarif
from tracciati import declare
from tracciati.cli import check as command
from tracciati.findings import Waiver
from tracciati.findings.catalogue import CATALOGUE, Entry
from tracciati.findings.formats import FORMATS, LANGUAGES, WITH_PICTURES, html, render, words
from tracciati.findings.formats.ruler import Mark, pieces
from tracciati.findings.formats.sarif import _open, _sentence, uri_of
from tracciati.findings.pictures import Span, picture, window
from tracciati.limits import PICTURE_BYTES_MAX
from tracciati.reading import check

if TYPE_CHECKING:
    from tracciati.findings.report import Report
    from tracciati.layout import Layout

SAMPLES = Path(__file__).parents[2] / "samples"
HEAD = b"01BANCA   20260301                      \r\n"
ORDER = b"0200001RIF001ROSSI    202603050001250V  \r\n"
TAIL = b"99BANCA   00001000001250                \r\n"
WRONG = HEAD + ORDER.replace(b"0001250V", b"00012A0V").replace(b"RIF001", b"      ") + TAIL


def layout_of(name: str, *changes: tuple[str, str]) -> Layout:
    text = (SAMPLES / f"{name}.toml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return declare.loads(text, f"{name}.toml")


FIXED = layout_of("orders-fixed")
DELIMITED = layout_of("orders-delimited")
CSV_HEAD = b"numero;Riferimento;nome;importo;data\n"


def report_of(data: bytes, layout: Layout = FIXED, **asked: Any) -> Report:
    return check(data, layout, pictures=True, **{"source_name": "inbox/ordini.txt", **asked})


def rows_of(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render(report, "csv"), newline="")))


def run_of(report: Report) -> dict[str, Any]:
    log = json.loads(render(report, "sarif"))
    sarif.validate(log)
    run: dict[str, Any] = log["runs"][0]
    return run


def test_the_formats_and_languages_offered_are_those_there_are() -> None:
    assert command.FORMATS == FORMATS
    assert command.LANGUAGES == LANGUAGES
    assert set(WITH_PICTURES) <= set(FORMATS)


def _without_catalogue(text: str) -> str:
    """A log with the first rule only, and without the version: both change for reasons of their own."""
    log = json.loads(text)
    driver, translation = log["runs"][0]["tool"]["driver"], log["runs"][0]["translations"][0]
    driver.pop("version", None)
    for component in (driver, translation):
        assert len(component["rules"]) == len(CATALOGUE)
        del component["rules"][1:]
    return json.dumps(log, ensure_ascii=False, indent=2) + "\n"


@pytest.mark.parametrize("form", FORMATS)
def test_a_report_reads_so_in_each_format(form: str, golden: Callable[[str, str], None]) -> None:
    text = render(report_of(WRONG), form)  # type: ignore[arg-type]
    assert text.endswith("\n")
    if form == "sarif":
        text = _without_catalogue(text)
    golden(f"formats/report.{form}", text.replace("\r\n", "\n"))


def test_the_page_reads_so_in_italian(golden: Callable[[str, str], None]) -> None:
    golden("formats/report.it.html", render(report_of(WRONG), "html", "it"))


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_sensitive_stands_in_no_format_unless_it_is_asked_for(form: str) -> None:
    secret = b"MARIOTTI "
    data = HEAD + ORDER.replace(b"ROSSI    ", secret).replace(b"0001250V", b"00012A0V") + TAIL
    broken = HEAD + ORDER.replace(b"ROSSI    ", secret)[:-4] + b"\r\n" + TAIL
    wrong = HEAD + ORDER.replace(b"ROSSI    ", b"MARIOT\x07I ") + TAIL
    delimited = CSV_HEAD + b"1;R1;MARIOTTI;1250;01/03/2026\n2;R2;MARIOTTI\n"
    for content, layout in ((data, FIXED), (broken, FIXED), (wrong, FIXED), (delimited, DELIMITED)):
        report = report_of(content, layout)
        assert report.findings
        text = render(report, form)  # type: ignore[arg-type]
        assert "MARIOT" not in text and "MARIOT" not in re.sub(r"<[^>]*>|\d", "", text)
        assert b"MARIOT".hex() not in text
    revealed = render(report_of(data, reveal=True), form)  # type: ignore[arg-type]
    if form in ("text", "json", "jsonl", "html"):
        assert "MARIOTTI" in revealed


def test_json_lines_are_the_findings_and_then_the_summary() -> None:
    report = report_of(WRONG)
    lines = [json.loads(line) for line in render(report, "jsonl").splitlines()]
    assert [line["kind"] for line in lines] == ["finding"] * len(report.findings) + ["summary"]
    assert lines[0] == {"kind": "finding", **report.findings[0].as_dict()}
    assert lines[0]["remedy_it"] and "picture" not in lines[0]
    assert lines[-1]["verdict"] == "records"
    assert lines[-1]["summary"] == report.summary()
    (summary,) = render(report_of(HEAD + ORDER + TAIL), "jsonl").splitlines()
    assert json.loads(summary)["verdict"] == "clean"


def test_a_line_of_json_lines_is_a_line_to_every_reader() -> None:
    odd = layout_of("orders-fixed", ('label = "Importo"', 'label = "Imp\u2028orto\x85"'))
    text = render(report_of(WRONG, odd), "jsonl")
    assert len(text.splitlines()) == len(text.split("\n")) - 1
    assert json.loads(text.splitlines()[1])["label"] == "Imp\u2028orto\x85"


def test_a_cell_that_would_be_a_formula_in_a_spreadsheet_is_text() -> None:
    evil = layout_of("orders-fixed", ('label = "Importo"', 'label = "=HYPERLINK(1)"'))
    data = HEAD + ORDER.replace(b"0001250V", b"=1+100AV") + TAIL
    (row, *_) = rows_of(report_of(data, evil, source_name="@ordini.txt"))
    assert (row["label"], row["found"], row["file"]) == ("'=HYPERLINK(1)", "'=1+100A", "'@ordini.txt")
    assert row["found_hex"] == b"=1+100A".hex()


def test_a_csv_is_as_rfc_4180_has_it() -> None:
    data = CSV_HEAD + b'1;R1;ROSSI;"1""2,5";01/03/2026\n'
    text = render(report_of(data, DELIMITED), "csv")
    assert text.count("\r\n") == text.count("\n") == 2
    assert '"1""""2,5"' in text
    assert render(report_of(CSV_HEAD, DELIMITED), "csv").count("\r\n") == 1


@pytest.mark.parametrize(
    ("key", "value"), [("level", "fatal"), ("message", {}), ("found", "x"), ("locations", [{"physicalLocation": 1}])]
)
def test_what_is_no_sarif_is_refused(key: str, value: object) -> None:
    log = json.loads(render(report_of(WRONG), "sarif"))
    log["runs"][0]["results"][0][key] = value
    with pytest.raises(jsonschema.ValidationError):
        sarif.validate(log)


def test_sarif_names_the_place_in_lines_and_in_bytes() -> None:
    amount = run_of(report_of(WRONG))["results"][1]
    assert amount["ruleId"] == "TR-F204" and amount["level"] == "error"
    assert amount["message"]["text"].startswith("Ordine.importo (Importo): not a run of digits. Expected 7 digits")
    place = amount["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "inbox/ordini.txt", "index": 0}
    assert place["region"] == {
        "startLine": 2,
        "startColumn": 31,
        "endLine": 2,
        "endColumn": 38,
        "byteOffset": 72,
        "byteLength": 7,
        "snippet": {"text": "00012A0"},
    }


def test_sarif_counts_characters_where_a_character_is_several_bytes() -> None:
    data = b"\xef\xbb\xbf" + CSV_HEAD + '1;R1;"PERCHÉ\nCAFFÈ";12x;01/03/2026\n'.encode()
    results = run_of(report_of(data, DELIMITED))["results"]
    mark, amount = (one["locations"][0]["physicalLocation"]["region"] for one in results)
    assert (mark["byteOffset"], mark["byteLength"]) == (0, 3) and "startLine" not in mark
    assert (amount["startLine"], amount["startColumn"], amount["endLine"], amount["endColumn"]) == (3, 8, 3, 11)
    assert data[amount["byteOffset"] :][: amount["byteLength"]] == b"12x"


def test_sarif_names_no_lines_where_a_file_has_none() -> None:
    unseparated = layout_of("orders-grouped", ('separator = "LF", last_separator = "optional"', 'separator = "none"'))
    (result,) = run_of(report_of(b"IB          140001001250700001      EF0001001", unseparated))["results"]
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region["byteOffset"] == 36 and "startLine" not in region


def test_sarif_has_the_catalogue_in_both_languages_and_a_rule_of_a_layout_below_its_code() -> None:
    run = run_of(report_of(HEAD + ORDER.replace(b"0001250V", b"0000000V") + TAIL.replace(b"1250", b"0000")))
    rules, italian = run["tool"]["driver"]["rules"], run["translations"][0]["rules"]
    assert [rule["id"] for rule in rules] == [rule["id"] for rule in italian]
    for rule, told in zip(rules, italian, strict=True):
        entry = CATALOGUE[rule["id"]]
        assert told["help"]["text"] == _sentence(_open(entry.remedy_it)) != rule["help"]["text"]
        assert told["shortDescription"]["text"] == _sentence(_open(entry.italian))
        assert rule["defaultConfiguration"]["level"] == entry.severity
    (result,) = run["results"]
    assert result["ruleId"] == "TR-R304/ORD-1"
    assert rules[result["ruleIndex"]]["id"] == "TR-R304"
    assert result["level"] == "warning"  # the layout says so, not the catalogue


def test_sarif_suppresses_what_is_waived_and_says_who_agreed() -> None:
    day = date(2026, 3, 1)
    waiver = Waiver("TR-F204 ordine.importo", day, "known since February", "Ufficio ordini")
    old = Waiver("TR-F201", date(2026, 2, 1), "was agreed", "Ufficio ordini")
    run = run_of(report_of(WRONG, waivers=[waiver, old], today=day))
    empty, amount, _ = run["results"]
    assert empty["suppressions"] == [] and empty["level"] == "error"
    assert amount["level"] == "error"
    assert amount["suppressions"] == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": "known since February (Ufficio ordini, until 2026-03-01)",
        }
    ]
    assert [one["in_force"] for one in run["properties"]["waivers"]] == [True, False]
    assert "suppressions" not in run_of(report_of(WRONG))["results"][0]


def test_sarif_knows_a_mistake_again_in_the_next_delivery() -> None:
    amount = run_of(report_of(WRONG))["results"][1]
    later = run_of(report_of(HEAD + ORDER + WRONG[len(HEAD) :].replace(b"0200001", b"0200002")))["results"][1]
    assert later["ruleId"] == amount["ruleId"] and later["locations"] != amount["locations"]
    assert later["partialFingerprints"] == amount["partialFingerprints"]
    other = run_of(report_of(WRONG.replace(b"00012A0V", b"00012B0V")))["results"][1]
    assert other["partialFingerprints"] != amount["partialFingerprints"]


def test_a_message_of_sarif_holds_no_place_to_fill_in_and_no_link() -> None:
    odd = layout_of("orders-fixed", ('label = "Importo"', 'label = "{0} [here](1)"'))
    text = run_of(report_of(WRONG, odd))["results"][1]["message"]["text"]
    assert "{{0}}" in text and not re.search(r"\]\(", text)


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("RV_001.txt", "RV_001.txt"),
        ("a b/è#1?.txt", "a%20b/%C3%A8%231%3F.txt"),
        ("C:x.txt", "C%3Ax.txt"),
        ("/var/in.txt", "file:///var/in.txt"),
        ("//host/in.txt", "file:///host/in.txt"),
        ("odd\udcff.txt", "odd%FF.txt"),
        ("", "file"),
    ],
)
def test_the_file_is_named_by_a_uri_that_any_program_can_read(name: str, uri: str) -> None:
    assert uri_of(name) == uri


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_stands_alone_and_says_its_language(language: str) -> None:
    text = render(report_of(WRONG), "html", language)  # type: ignore[arg-type]
    assert text.startswith(f'<!DOCTYPE html>\n<html lang="{language}">')
    for outside in ("http:", "https:", "<script", "<link", "src=", "@import", "url(", "javascript"):
        assert outside not in text


def test_a_page_is_in_italian_to_the_last_word() -> None:
    text = render(report_of(WRONG), "html", "it")
    body = re.sub(r"<style>.*?</style>|<[^>]*>", " ", text, flags=re.DOTALL)
    assert "chiedere al mittente di correggere il record e di inviarlo di nuovo" in body
    assert "7 cifre, di cui due decimali" in body and "non verificabile" in body
    assert not re.search(r"\b(the|error|warning|expected|found|not a|cannot|blanks?|line|ask)\b", body)


def test_both_languages_have_a_word_for_everything() -> None:
    english, italian = words.WORDS["en"], words.WORDS["it"]
    assert list(english) == list(italian)
    for key, text in english.items():
        assert re.findall(r"\{\w+\}", text) == re.findall(r"\{\w+\}", italian[key]), key
    assert words.DIRECTIONS["en"].keys() == words.DIRECTIONS["it"].keys()


def test_what_stands_in_a_file_is_never_markup_in_a_page() -> None:
    data = HEAD + ORDER.replace(b"RIF001", b"<b>&\"'").replace(b"0001250V", b"<script>"[:8]) + TAIL
    text = render(report_of(data, source_name="<img src=x>.txt"), "html")
    assert "<b>&\"'" not in text and "<img" not in text and "<script" not in text
    assert "&lt;script" in text


def test_findings_of_one_record_share_its_ruler_and_each_wrong_byte_is_marked() -> None:
    text = render(report_of(WRONG), "html")
    assert text.count('class="ruler"') == 2 and text.count('class="note ') == 3
    marked = re.findall(r'<mark class="error[^"]*">([^<]*)</mark>', text)
    assert "".join(marked) == "      00012A0"
    assert "Wrong, bytes 31 to 37: 00012A0." in text


@pytest.mark.parametrize("verdict", ["clean", "warned", "records", "units", "around", "refused"])
def test_a_page_says_what_the_findings_mean_for_the_file(verdict: str) -> None:
    warned = HEAD + ORDER.replace(b"0001250V", b"0000000V") + TAIL.replace(b"1250", b"0000")
    asked = {
        "clean": (HEAD + ORDER + TAIL, ""),
        "warned": (warned, ""),
        "records": (WRONG, ""),
        "units": (WRONG, "ordine"),
        "around": (HEAD.replace(b"20260301", b"20260399") + ORDER + TAIL, "ordine"),
        "refused": (HEAD + ORDER, ""),
    }
    data, unit = asked[verdict]
    report = report_of(data, unit=unit)
    assert report.verdict == verdict
    for language in LANGUAGES:
        said = re.search(r'<p class="verdict">([^<]*)', render(report, "html", language))
        assert said and not re.search(r"[{}]", said.group(1))
        assert said.group(1).split(":")[0].split("{")[0].strip()


def test_a_page_names_the_waivers_and_marks_what_they_overlook() -> None:
    waivers = [
        Waiver("TR-F204", date(2026, 3, 1), "known since February", "Ufficio ordini"),
        Waiver("TR-F201", date(2026, 2, 1), "was agreed", "Ufficio ordini"),
    ]
    text = render(report_of(WRONG, waivers=waivers, today=date(2026, 3, 1)), "html")
    for told in ("known since February", "in force", "was agreed", "expired, no longer counts"):
        assert f"<td>{told}</td>" in text
    assert re.findall(r'<mark class="(\w+) first">', text) == ["error", "waived", "warning"]
    assert "1 error · 1 warning · 1 waived" in text


def test_a_page_of_a_report_without_pictures_shows_the_line_around_the_place() -> None:
    report = check(WRONG, FIXED, source_name="ordini.txt")
    assert all(finding.picture is None for finding in report.findings)
    text = render(report, "html")
    assert '<mark class="error">      </mark>' in text and 'class="ruler"' not in text


def test_a_ruler_shows_every_byte_of_a_record_of_any_length_under_its_number() -> None:
    raw = bytes(range(48, 58)) * 205 + b"end"
    drawn = picture(
        raw,
        [Span("a", "", 0, 7, False), Span("b", "", 7, 2053, False)],
        "ascii",
        shown=window(len(raw), 0),
        is_fixed=True,
        is_hidden=False,
    )
    found = pieces(drawn, [Mark(1001, 12, "error"), Mark(2054, 0, "warning")])
    assert "".join(run.text for piece in found for run in piece.runs) == raw.decode()
    assert [piece.number for piece in found[:-1]] == list(range(10, 2051, 10)) and found[-1].number == 0
    assert "".join(run.text for piece in found for run in piece.runs if run.severity == "error") == "012345678901"
    assert found[-1].runs[-1].is_missing


def test_a_character_of_several_bytes_takes_their_columns_in_a_ruler() -> None:
    raw = "È日x".encode() + b"\xff\x07"
    drawn = picture(raw, [], "utf-8", shown=window(len(raw), 0), is_fixed=True, is_hidden=False)
    assert drawn.glyphs == ("È", "", "日", "", "", "x", "\ufffd", "·")
    (piece,) = pieces(drawn, [])
    assert [(run.text, run.width) for run in piece.runs] == [("È", 2), ("日", 3), ("x\ufffd·", 0)]


def test_of_an_endless_record_the_part_around_the_place_is_drawn() -> None:
    assert window(PICTURE_BYTES_MAX, 5) == (0, PICTURE_BYTES_MAX)
    start, stop = window(60_000, 50_000)
    assert stop - start == PICTURE_BYTES_MAX and start <= 50_000 < stop
    assert window(60_000, 60_000) == (60_000 - PICTURE_BYTES_MAX, 60_000)
    report = report_of(CSV_HEAD + b'1;R1;"' + b"x" * 30_000, DELIMITED, reveal=True)
    (finding,) = report.findings
    assert finding.picture is not None and len(finding.picture.glyphs) == PICTURE_BYTES_MAX
    assert "Bytes 1 to 8,192 of 30,006; the rest is not shown." in render(report, "html")


def test_a_blank_sensitive_field_is_shown_and_a_filled_one_is_not() -> None:
    spans = [Span("nome", "", 0, 4, True), Span("altro", "", 4, 8, True), Span("tipo", "", 8, 10, False)]
    drawn = picture(b"    ABC ;x", spans, "ascii", shown=(0, 10), is_fixed=True, is_hidden=False)
    assert "".join(drawn.glyphs) == "    ****;x"
    hidden = picture(b"    ABC ;x", [], "ascii", shown=(0, 10), is_fixed=True, is_hidden=True)
    assert "".join(hidden.glyphs) == "*" * 10


def test_findings_of_the_same_record_keep_one_picture_between_them() -> None:
    first, second, _ = report_of(WRONG).findings
    assert first.picture is second.picture is not None


def test_html_is_the_only_format_that_needs_pictures() -> None:
    with_pictures, without = report_of(WRONG), check(WRONG, FIXED, source_name="inbox/ordini.txt")
    for form in FORMATS:
        is_alike = render(with_pictures, form) == render(without, form)
        assert is_alike == (form not in WITH_PICTURES)
    assert html.render(with_pictures) == html.render(with_pictures, "en")


def test_a_remedy_is_said_in_both_languages_or_in_neither() -> None:
    for entry in CATALOGUE.values():
        assert entry.remedy != entry.remedy_it
        assert re.findall(r"\{\w+\}", entry.remedy) == re.findall(r"\{\w+\}", entry.remedy_it)
    with pytest.raises(AssertionError, match="one remedy, two words"):
        Entry("field", "error", "wrong", "errato", "look at it")
