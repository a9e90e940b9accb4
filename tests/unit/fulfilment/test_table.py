"""Table provider: files and databases joined with requests, as a service's settings say."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from cominflow.errors import WorldError
from cominflow.fulfilment import provider
from cominflow.fulfilment.table import TableProvider

CSV = "cf,score,provincia\n00000000000000A1,0712,NA\n00000000000000B2,,RM\n"
SETTINGS: dict[str, Any] = {
    "key": {"codice_fiscale": "cf"},
    "result": {"punteggio": "score", "provincia": "provincia"},
}


def requests(*keys: str | None, **others: Any) -> pd.DataFrame:
    table = pa.table({"codice_fiscale": pa.array(keys, pa.string()), **others})
    return table.to_pandas(types_mapper=pd.ArrowDtype).set_axis(range(10, 10 + len(keys)))


def ask(settings: dict[str, Any], asked: pd.DataFrame) -> list[dict[str, Any]]:
    answer = provider.ask("table", settings, asked, service="VIS1")
    outcomes = answer.outcomes.tolist()
    results = answer.results.to_pylist() if answer.results.num_columns else [{} for _ in outcomes]
    return [{"outcome": outcome, **row} for outcome, row in zip(outcomes, results, strict=True)]


def test_text_of_a_csv_file_stays_text_with_its_zeros_and_na_is_napoli(tmp_path: Path) -> None:
    path = tmp_path / "punteggi.csv"
    path.write_text(CSV)
    found = ask(SETTINGS | {"file": str(path)}, requests("00000000000000B2", "00000000000000A1", "ALTRO", None))
    assert found == [
        {"outcome": "fulfilled", "punteggio": None, "provincia": "RM"},
        {"outcome": "fulfilled", "punteggio": "0712", "provincia": "NA"},
        {"outcome": "not_found", "punteggio": None, "provincia": None},
        {"outcome": "not_found", "punteggio": None, "provincia": None},
    ]


def test_two_requests_for_one_person_are_both_answered(tmp_path: Path) -> None:
    path = tmp_path / "punteggi.csv"
    path.write_text(CSV)
    found = ask(SETTINGS | {"file": str(path)}, requests("00000000000000A1", "00000000000000A1"))
    assert [row["punteggio"] for row in found] == ["0712", "0712"]


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "punteggi.csv"
    path.write_text(CSV)
    ask(SETTINGS | {"file": str(path)}, requests("00000000000000A1"))
    path.write_text(CSV.replace("0712", "00999"))
    assert ask(SETTINGS | {"file": str(path)}, requests("00000000000000A1"))[0]["punteggio"] == "00999"


def test_a_semicolon_file_in_another_encoding_is_read_as_its_settings_say(tmp_path: Path) -> None:
    path = tmp_path / "punteggi.csv"
    path.write_bytes("cf;score;provincia\nA;\u00e8;MI\n".encode("iso8859-1"))
    settings = SETTINGS | {"file": str(path), "delimiter": ";", "encoding": "iso8859-1"}
    assert ask(settings, requests("A"))[0]["punteggio"] == "\u00e8"


def test_types_of_a_parquet_file_stay_and_whole_numbers_with_gaps_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "punteggi.parquet"
    frame = pd.DataFrame({"cf": ["A", "B"], "score": [712.0, None], "saldo": [Decimal("0.10"), None]})
    frame.to_parquet(path)
    settings = {"file": str(path), "key": {"codice_fiscale": "cf"}, "result": {"punteggio": "score", "saldo": "saldo"}}
    answer = provider.ask("table", settings, requests("A", "B"), service="VIS1")
    assert answer.results["punteggio"].to_pylist()[0] == 712 and answer.results["punteggio"].type == pa.int64()
    assert answer.results["saldo"].to_pylist()[0] == Decimal("0.10")


def test_repeated_keys_are_refused_and_shown_masked(tmp_path: Path) -> None:
    path = tmp_path / "punteggi.csv"
    path.write_text(CSV + "00000000000000A1,1,MI\n")
    with pytest.raises(WorldError, match=r"1 keys \(cf\) stand in more than one row, such as 00\*{12}A1") as caught:
        ask(SETTINGS | {"file": str(path)}, requests("X"))
    assert "00000000000000A1" not in str(caught.value)


def test_a_key_column_of_numbers_is_refused_because_zeros_in_front_are_lost(tmp_path: Path) -> None:
    path = tmp_path / "punteggi.parquet"
    pa.parquet.write_table(pa.table({"cf": [712], "score": ["1"], "provincia": ["NA"]}), path)
    with pytest.raises(WorldError, match="key column cf is int64, not text"):
        ask(SETTINGS | {"file": str(path)}, requests("00712"))


def test_a_missing_file_or_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "punteggi.csv"
    with pytest.raises(WorldError, match=r"cannot read .*punteggi.csv: No such file"):
        ask(SETTINGS | {"file": str(path)}, requests("A"))
    path.write_text("cf,provincia\nA,NA\n")
    with pytest.raises(WorldError, match="score"):
        ask(SETTINGS | {"file": str(path)}, requests("A"))
    path.write_text(CSV)
    with pytest.raises(WorldError, match="requests by 'partita_iva'.*codice_fiscale"):
        ask(SETTINGS | {"file": str(path), "key": {"partita_iva": "cf"}}, requests("A"))


def test_keys_of_two_columns_match_only_when_both_do(tmp_path: Path) -> None:
    path = tmp_path / "punteggi.csv"
    path.write_text("cf,anno,score\nAB,C1,1\nA,BC1,2\n")
    settings = {"file": str(path), "key": {"codice_fiscale": "cf", "anno": "anno"}, "result": {"punteggio": "score"}}
    asked = requests("A", "AB", "ABC", None, anno=pa.array(["BC1", "C1", "1", "C1"]))
    assert [row["punteggio"] for row in ask(settings, asked)] == ["2", "1", None, None]


def test_a_number_in_the_request_is_looked_up_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "punteggi.csv"
    path.write_text("pratica,score\n12,1\n")
    settings = {"file": str(path), "key": {"pratica": "pratica"}, "result": {"punteggio": "score"}}
    asked = requests("A", "B", pratica=pa.array([12, None], pa.int64()))
    assert [row["punteggio"] for row in ask(settings, asked)] == ["1", None]


def database(tmp_path: Path) -> str:
    path = tmp_path / "punteggi.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table scores (cf text, score integer)")
        connection.executemany("insert into scores values (?, ?)", [(f"CF{n:05d}", n) for n in range(25_000)])
    return f"sqlite:///{path}"


def test_a_sqlite_table_is_asked_for_the_keys_of_the_portion(tmp_path: Path) -> None:
    settings = {
        "url": database(tmp_path),
        "sql": "select cf, score from scores;",
        "key": {"codice_fiscale": "cf"},
        "result": {"punteggio": "score"},
    }
    found = ask(settings, requests(*[f"CF{n:05d}" for n in range(24_000, 26_000)], None))
    assert [row["punteggio"] for row in found] == [*range(24_000, 25_000), *[None] * 1_001]
    many = ask(settings, requests(*[f"CF{n:05d}" for n in range(25_000)]))
    assert [row["punteggio"] for row in many] == list(range(25_000))


def test_a_query_cannot_write_and_its_failure_names_the_database(tmp_path: Path) -> None:
    url = database(tmp_path)
    settings = {"url": url, "key": {"codice_fiscale": "cf"}, "result": {"punteggio": "score"}}
    with pytest.raises(WorldError, match="cannot query sqlite://"):
        ask(settings | {"sql": "delete from scores returning cf, score"}, requests("A"))
    with pytest.raises(WorldError, match="gives no column score, only cf"):
        ask(settings | {"sql": "select cf from scores"}, requests("A"))
    with pytest.raises(WorldError, match="no such table"):
        ask(settings | {"sql": "select cf, score from altrove"}, requests("A"))
    with pytest.raises(WorldError, match="unable to open") as caught:
        ask(settings | {"sql": "select 1", "url": f"sqlite:///{tmp_path}/none.db"}, requests("A"))
    assert caught.value.retryable


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    settings = SETTINGS | {"url": "postgresql://user:secret@127.0.0.1:1/scores", "sql": "select 1"}
    with pytest.raises(WorldError, match="postgresql://127.0.0.1/scores") as caught:
        ask(settings, requests("A"))
    assert "secret" not in str(caught.value)


def test_a_portion_without_keys_asks_all_the_same(tmp_path: Path) -> None:
    settings = {
        "url": database(tmp_path),
        "sql": "select cf, score from scores",
        "key": {"codice_fiscale": "cf"},
        "result": {"punteggio": "score"},
    }
    assert [row["outcome"] for row in ask(settings, requests(None, None))] == ["not_found", "not_found"]


def test_a_table_of_our_own_database_answers_on_both(database: str) -> None:
    """On PostgreSQL this is the driver's path: a CHAR key is filled with blanks, and still found."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("create table scores_for_test (cf char(16), score integer, saldo numeric(9, 2))")
        cursor.execute("insert into scores_for_test values ('00A', 7, 1.50), ('00B', null, null)")
    try:
        settings = {
            "url": database,
            "sql": "select cf, score from scores_for_test where cf like '%' and 5 % 2 = 1",
            "key": {"codice_fiscale": "cf"},
            "result": {"punteggio": "score"},
        }
        found = ask(settings, requests("00B", "00A", "00C"))
        assert [(row["outcome"], row["punteggio"]) for row in found] == [
            ("fulfilled", None), ("fulfilled", 7), ("not_found", None),
        ]  # fmt: skip
        if not database.startswith("sqlite"):
            numeric = settings | {"key": {"codice_fiscale": "score"}, "sql": "select cf, score from scores_for_test"}
            with pytest.raises(WorldError, match="key column score is int64, not text"):
                ask(numeric, requests("7"))
            with pytest.raises(WorldError, match="the key column score must be text") as caught:
                ask(numeric, requests("PERSONA"))
            assert "PERSONA" not in str(caught.value)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("drop table scores_for_test")


def test_settings_that_cannot_work_are_named_one_by_one() -> None:
    check = TableProvider().check
    good = SETTINGS | {"file": "punteggi.csv"}
    assert check(good) == []
    assert check({**SETTINGS, "sql": "select 1", "url": "postgresql://h/d"}) == []
    assert "'fil' is not a setting" in check(SETTINGS | {"fil": "x.csv"})[0]
    assert "either 'file'" in check(SETTINGS)[0]
    assert "must end in .csv or .parquet" in check(SETTINGS | {"file": "x.xls"})[0]
    assert "needs a 'url'" in check(SETTINGS | {"sql": "select 1"})[0]
    assert "'key' must map" in check({"file": "x.csv", "key": {}, "result": {}})[0]
    assert "'result' must map" in check({"file": "x.csv", "key": {"a": "b"}, "result": ["c"]})[0]
