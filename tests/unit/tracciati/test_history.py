"""History: what is said of files that do not go on from each other."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from tests.statements import LAYOUT, LAYOUT_PATH, LAYOUT_TEXT, codes, statement, told
from tracciati import declare
from tracciati.errors import ReadingError, UnknownName
from tracciati.history import History
from tracciati.history.numbers import Course, Judged, follow, largest_of, missing_words, pass_over
from tracciati.layout import Sequence

FEED = Sequence(scope="feed")


def numbered(*numbers: int | str) -> list[bytes]:
    # The days differ, so that no two contents are the same.
    return [statement(number, day=f"202603{day:02}") for day, number in enumerate(numbers, 1)]


def test_files_that_go_on_from_each_other_are_clean() -> None:
    files = [
        statement(998, ("A", 100, 250, ["M1"]), ("B", -5, 7, [])),
        statement(999, ("B", 7, 7, ["M2"]), ("A", 250, 300, []), ("A", 300, -1, ["M3"])),
        statement(1, ("A", -1, 0, ["M4"])),  # 999 is the greatest that three digits hold
    ]
    report = told(files, keys=["movimento.chiave"])
    assert report.is_clean and not report.findings, report.to_text()
    assert report.to_text() == f"no findings from file to file in 3 files (22 records), read with {LAYOUT.name}"


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((12, 13, 14), []),
        ((12, 14, 15), ["2 TR-H501"]),
        ((12, 12, 13), ["2 TR-H502"]),
        ((12, 14, 13, 15), ["2 TR-H501", "3 TR-H503"]),  # 13 came late, and the count goes on from 14
        ((12, 14, 13, 12), ["2 TR-H501", "3 TR-H503", "4 TR-H502"]),
        ((12, 1, 2, 3), ["2 TR-H503"]),  # the count has begun anew
        ((12, 1, 2, 12), ["2 TR-H503", "4 TR-H501"]),  # and 12 is another 12
        ((12, "abc", 14), ["2 TR-H504"]),  # whoever cannot be read has taken a number
        ((12, "abc", 13), ["2 TR-H504"]),
        ((12, "abc", 15), ["2 TR-H504", "3 TR-H501"]),
        (("abc", 7, 8), ["1 TR-H504"]),
        ((999, 0, 1), []),
        ((999, 2), ["2 TR-H503"]),
    ],
)
def test_each_number_is_held_against_the_ones_before(numbers: tuple[int | str, ...], expected: list[str]) -> None:
    assert codes(told(numbered(*numbers))) == expected


def test_a_gap_names_what_is_missing_and_where_it_was_noticed() -> None:
    report = told(numbered(12, 14))
    assert report.to_text() == (
        "2.txt:1:2-4: TR-H501 warning: testa.numero (Progressivo flusso): "
        "the number jumps from 12 to 14: 13 was never received\n"
        "  1 | 101420260302\n"
        "    |  ^^^\n"
        '  expected 13; found "014"\n'
        "  source: Banca Demo, Tracciato estratti conto, v1.0, p. 1\n"
        "  do: look for the files in between, and ask the sender for those that are missing\n"
        "1 finding from file to file in 2 files (4 records): 0 errors, 1 warning"
    )
    (found,) = report.findings
    assert found.finding.text_it == "il numero passa da 12 a 14: 13 non è mai arrivato"


def test_missing_numbers_are_said_in_as_few_words_as_can_be() -> None:
    assert missing_words(Judged("gap", 1, range(2, 4)), 1) == (
        "2 and 3 were never received",
        "2 e 3 non sono mai arrivati",
    )
    assert missing_words(Judged("gap", 1, range(2, 900)), 1)[0] == "2 to 899 were never received"
    assert missing_words(Judged("gap", 10, range(20, 50, 10)), 10) == (
        "20 to 40 were never received (3 numbers, in steps of 10)",
        "da 20 a 40 non sono mai arrivati (3 numeri, a passi di 10)",
    )
    assert missing_words(Judged("gap", 10, range(20, 15, 10)), 10) == ("no step of 10", "non è un passo di 10")


def test_a_number_may_rise_by_more_than_one_and_begin_anew_where_the_layout_says() -> None:
    tens = Sequence(start=10, step=10, scope="feed")
    judged, course = follow(Course(), 980, 980, sequence=tens, largest=999)
    assert judged.kind == ""
    judged, course = follow(course, 990, 990, sequence=tens, largest=999)
    assert judged.kind == ""
    assert follow(course, 10, 10, sequence=tens, largest=999) == (Judged(), Course(10, round=1))
    assert follow(course, 0, 0, sequence=tens, largest=999)[0].kind == "back"
    assert follow(Course(10), 25, 25, sequence=tens, largest=999)[0] == Judged("gap", 10, range(20, 25, 10))
    assert pass_over(Course()) == Course()


def test_the_greatest_number_is_that_of_the_digits_or_of_the_layouts_max() -> None:
    assert largest_of(LAYOUT.field("testa.numero")) == 999
    bounded = declare.loads(LAYOUT_TEXT.replace("sequence = {", "max = 365, sequence = {"))
    assert largest_of(bounded.field("testa.numero")) == 365
    binary = LAYOUT_TEXT.replace('separator = "LF"', 'separator = "none"')
    binary = binary.replace('len = 3, type = "integer"', 'len = 2, type = "binary"').replace("len = 4,", "len = 5,", 1)
    assert largest_of(declare.loads(binary).field("testa.numero")) == 65535


NUMBERED_MOVEMENTS = LAYOUT_TEXT.replace(', sequence = { scope = "feed" }', "").replace(
    'name = "chiave",   len = 4, type = "text", required = true, unique = "file"',
    'name = "chiave",   len = 4, type = "integer", sequence = { scope = "feed" }',
)


def test_a_counter_of_records_goes_on_from_the_last_record_of_the_file_before() -> None:
    runs = [["0001", "0002"], ["0003"], ["0006", "0007"], ["0002"]]
    files = [statement(day, ("A", 0, 0, keys)) for day, keys in enumerate(runs)]
    report = told(files, layout_text=NUMBERED_MOVEMENTS)
    assert codes(report) == ["3 TR-H501", "4 TR-H502"]
    assert report.findings[0].finding.line == 3
    assert report.findings[1].finding.text_en.endswith("with other content: 1.txt")


def test_a_counter_of_records_that_goes_on_from_file_to_file_is_checked_within_the_file_too() -> None:
    layout = declare.loads(NUMBERED_MOVEMENTS)
    from tracciati.reading import check

    report = check(statement(1, ("A", 0, 0, ["0007", "0009"])), layout)
    assert [finding.code for finding in report.findings] == ["TR-R301"]


def test_the_same_content_is_told_once_and_changes_nothing() -> None:
    first = statement(1, ("A", 0, 10, ["M1"]))
    report = told([first, first, statement(2, ("A", 10, 20, ["M2"]))], keys=["movimento.chiave"])
    assert codes(report) == ["2 TR-H505"]
    assert report.to_text().startswith("2.txt: TR-H505: the same content as 1.txt\n")


def test_a_key_in_two_files_names_both_places() -> None:
    files = [
        statement(1, ("A", 0, 0, ["M1", "M2"])),
        statement(2, ("A", 0, 0, ["M3"])),
        statement(3, ("A", 0, 0, ["M4", "M2", "M3"])),
    ]
    report = told(files, keys=["movimento.chiave"])
    assert codes(report) == ["3 TR-H506", "3 TR-H506"]
    assert report.to_text().splitlines()[:3] == [
        "3.txt:4:2-5: TR-H506 movimento.chiave: already used in another file: 1.txt, line 4",
        "  4 | 3M2   0000000",
        "    |  ^^^^",
    ]
    assert report.findings[1].finding.text_it == "già usato in un altro file: 2.txt, riga 3"


def test_a_key_twice_in_one_file_is_that_files_own_affair() -> None:
    report = told([statement(1, ("A", 0, 0, ["M1", "M1"]))], keys=["movimento.chiave"])
    assert report.is_clean
    assert report.to_text().startswith("1.txt: 1 finding of its own; `tracciati check` shows them\n")


def test_of_many_files_with_findings_of_their_own_the_first_are_named() -> None:
    report = told([statement(number, ("A", 0, 0, ["M1", "M1"])) for number in range(1, 24)])
    lines = report.to_text().splitlines()
    assert lines[19:21] == [
        "20.txt: 1 finding of its own; `tracciati check` shows them",
        "and 3 more files with findings of their own",
    ]
    assert report.is_clean


def test_no_more_examples_are_kept_than_asked_for_and_all_are_counted() -> None:
    keys = [f"{number:04}" for number in range(100)]
    history = History(LAYOUT, keys=["movimento.chiave"], examples=2)
    for number in (1, 2):
        history.take(statement(number, ("A", 0, 0, keys)), f"{number}.txt")
    report = history.finish()
    assert [told.finding.line for told in report.findings] == [3, 4]
    assert report.counts == {("TR-H506", "movimento.chiave"): 100}
    assert "and 98 more of TR-H506 movimento.chiave: 100 in all" in report.to_text()


def test_an_opening_balance_is_the_closing_balance_before_of_its_account() -> None:
    files = [
        statement(1, ("A", 0, 100, []), ("B", 0, 500, [])),
        statement(2, ("B", 500, 600, [])),
        statement(3, ("A", 101, 100, []), ("B", 600, 0, []), ("B", 1, 0, [])),
    ]
    report = told(files)
    assert codes(report) == ["3 TR-H507", "3 TR-H507"]
    first, second = (told.finding for told in report.findings)
    assert (first.line, first.text_en, first.expected) == (
        2,
        "the opening balance differs from the closing balance in 1.txt",
        "1.00",
    )
    assert (second.line, second.text_it) == (6, "il saldo iniziale differisce dal saldo finale in 3.txt")
    assert "2****" in first.excerpt, "the account is sensitive"


def test_a_balance_that_cannot_be_read_is_said_and_held_against_nothing() -> None:
    files = [
        statement(1, ("A", 0, "   1 00 ", [])),
        statement(2, ("A", 5, 10, [])),
        statement(3, ("A", "        ", 20, [])),
        statement(4, ("A", 20, 20, [])),
    ]
    report = told(files)
    assert codes(report) == ["1 TR-H504", "3 TR-H504"]
    assert [told.finding.path for told in report.findings] == ["chiude.saldo", "apre.saldo"]


def test_days_without_a_file_are_told() -> None:
    files = [statement(1, day="20260302"), statement(2, day="20260304"), statement(3, day="20260307")]
    days = [date(2026, 3, day) for day in (2, 3, 4, 5)]
    report = told(files, expected=days)
    assert codes(report) == ["0 TR-H508", "0 TR-H508"]
    assert report.to_text().startswith(
        "history: TR-H508 warning: no file of 2026-03-03, when one was expected\n"
        "  source: Banca Demo, Tracciato estratti conto, v1.0, p. 1\n"
        "  do: ask the sender for it\n"
    )


def test_a_file_of_another_kind_is_said_to_have_no_number() -> None:
    report = told([statement(1), b"\x00\xffgarbage" * 99, b"", statement(3, day="20260309")])
    assert codes(report) == ["2 TR-H504", "3 TR-H504"]
    assert "2.txt: TR-H504 warning: testa.numero (Progressivo flusso): not compared" in report.to_text()


@pytest.mark.parametrize(("separator", "end"), [("CRLF", b"\r\n"), ("CR", b"\r"), ("none", b"")])
def test_records_are_shown_however_they_end(separator: str, end: bytes) -> None:
    layout_text = LAYOUT_TEXT.replace('separator = "LF"', f'separator = "{separator}"')
    files = [statement(number, ("A", 0, number, ["M1"])).replace(b"\n", end) for number in (1, 3)]
    report = told(files, layout_text=layout_text, keys=["movimento.chiave"])
    found = [(told.finding.code, told.finding.line, told.finding.raw_text) for told in report.findings]
    assert found == [("TR-H501", 1, "003"), ("TR-H507", 2, " 0000000"), ("TR-H506", 3, "M1  ")]
    assert [told.finding.record_number for told in report.findings] == [1, 2, 3]


def test_the_report_is_json_for_programs() -> None:
    value = json.loads(told(numbered(12, 14)).to_json())
    assert [one["numbers"] for one in value["files"]] == [{"testa.numero": [12, 12]}, {"testa.numero": [14, 14]}]
    assert value["files"][0]["day"] == "2026-03-01"
    assert [(one["file"], one["code"]) for one in value["findings"]] == [("2.txt", "TR-H501")]
    assert value["counts"] == [{"code": "TR-H501", "path": "testa.numero", "severity": "warning", "count": 1}]


def test_a_key_that_is_no_field_is_refused_with_the_near_one() -> None:
    with pytest.raises(UnknownName, match="did you mean `movimento.chiave`"):
        History(LAYOUT, keys=["movimento.chiavi"])
    with pytest.raises(UnknownName):
        History(LAYOUT, keys=["testa.resto"])


def test_a_file_that_vanishes_before_the_end_is_named(tmp_path: Path) -> None:
    history = History(LAYOUT, keys=["movimento.chiave"])
    for number in (1, 2):
        path = tmp_path / f"{number}.txt"
        path.write_bytes(statement(number, ("A", 0, 0, ["M1"])))
        history.take(path)
    path.unlink()
    with pytest.raises(ReadingError, match="cannot read again .*2.txt"):
        history.finish()


def test_numbers_and_keys_of_a_delimited_file_are_shown_in_their_cells() -> None:
    text = (
        '[layout]\nid = "righe"\nversion = "1.0.0"\n[file]\nkind = "delimited"\nencoding = { codec = "utf-8" }\n'
        'structure = "riga+"\ndialect = { header = true }\n[record.riga]\nfields = [\n'
        '  { name = "numero", type = "integer", sequence = { scope = "feed" } },\n'
        '  { name = "chiave", type = "text" },\n]\n'
    )
    head = "numero;chiave\n"
    files = [head + '1;"à;1"\n2;x\n', head + "3;y\n4;à;1\n".replace("à;1", '"à;1"'), head + "6;z\n"]
    report = told([one.encode() for one in files], layout_text=text, keys=["riga.chiave"])
    assert codes(report) == ["2 TR-H506", "3 TR-H501"]
    key, number = (told.finding for told in report.findings)
    assert (key.line, key.raw_text, key.text_en) == (3, "à;1", "already used in another file: 1.txt, line 2")
    assert (number.line, number.columns, number.raw_text) == (2, (1, 1), "6")


def test_the_sample_layout_is_where_the_tests_say() -> None:
    assert declare.load(LAYOUT_PATH).continuity == LAYOUT.continuity
    assert [field.name for _, field in LAYOUT.numbered] == ["numero"]


def test_a_layout_without_balances_keeps_its_fingerprint() -> None:
    begin, end = LAYOUT_TEXT.index("[continuity]"), LAYOUT_TEXT.index("[record.testa]")
    without = declare.loads(LAYOUT_TEXT[:begin] + LAYOUT_TEXT[end:])
    assert "continuity" not in without.canonical
    assert '"continuity":{"account":["apre.conto"],"closing":"chiude.saldo","opening":"apre.saldo"}' in LAYOUT.canonical
