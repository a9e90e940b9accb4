"""Results on stdout: tables for people, JSON for programs."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from cominflow.cli import showing

AT = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


def test_a_table_is_aligned_with_numbers_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"file": "a.txt", "requests": 5}, {"file": "long.txt", "requests": 20_000}]
    showing.table(rows, as_json=False, empty="nothing")
    assert capsys.readouterr().out == "file      requests\na.txt            5\nlong.txt     20000\n"


def test_a_long_name_of_a_file_is_shortened_for_people_and_whole_for_programs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = f"RV_{'x' * 240}_001.txt"
    showing.table([{"file": name, "state": "HELD"}], as_json=False, empty="nothing")
    assert capsys.readouterr().out.splitlines()[1] == f"RV_{'x' * 20}…{'x' * 16}_001.txt  HELD"
    showing.table([{"file": name}], as_json=True, empty="nothing")
    assert name in capsys.readouterr().out


def test_an_empty_table_says_so_to_people_and_is_a_list_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    showing.table([], as_json=False, empty="nothing is open")
    showing.table([], as_json=True, empty="nothing is open")
    assert capsys.readouterr().out == "nothing is open\n[]\n"


def test_a_list_that_is_cut_says_how_many_are_left_out_and_programs_read_it_on_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    showing.more(20_001, shown_count=100, as_json=False)
    showing.more(100, shown_count=100, as_json=False)
    assert capsys.readouterr() == ("… 19,901 more: --limit 20001\n", "")
    showing.more(3, shown_count=1, as_json=True)
    assert capsys.readouterr() == ("", "… 2 more: --limit 3\n")


def test_people_read_italian_time_and_programs_utc(capsys: pytest.CaptureFixture[str]) -> None:
    assert showing.text_of(AT) == "2026-03-02 00:30:00 +0100"
    showing.record({"at": AT, "day": date(2026, 3, 1), "rate": Decimal("3.50"), "name": b"a\xff"}, as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "at": "2026-03-01T23:30:00+00:00",
        "day": "2026-03-01",
        "rate": "3.50",
        "name": "a\\xff",
    }


def test_a_record_shows_what_it_holds_as_tables_below(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"code": "demo", "is_new": True, "by_state": {"open": 2}, "keys": [], "feeds": [{"feed": "x"}]}
    showing.record(value, as_json=False)
    shown = capsys.readouterr().out
    assert shown == "code      demo\nis new    yes\nby state  open 2\nkeys      none\n\nfeeds:\nfeed\nx\n"
