"""`convert`: values become CSV, JSON lines and Parquet, and these become the file again, or nothing at all."""

from __future__ import annotations

import errno
import io
import json
import os
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tracciati import declare, structure
from tracciati.cli import running, tracciati
from tracciati.convert.around import Around, NoPlace, around
from tracciati.convert.taking import Source, record_of_parquet

LAYOUTS = Path(__file__).parents[3] / "layouts"
VISURE = str(LAYOUTS / "banca-demo" / "visure.toml")
CONTROLLI = str(LAYOUTS / "istituto-demo" / "controlli.toml")
Capture = pytest.CaptureFixture[bytes]
DIRECTIONS = ("request", "answer", "rejection", "invoice")


def run(*arguments: str | Path) -> int:
    return running.run(tracciati, "tracciati", [str(argument) for argument in arguments])


@pytest.fixture
def visure(tmp_path: Path) -> Path:
    """A request file of three requests."""
    path = tmp_path / "visure.txt"
    assert run("generate", VISURE, "--seed", "1", "--count", "3", "--out", path) == 0
    return path


@pytest.fixture
def lines(visure: Path, tmp_path: Path) -> Path:
    """Its records as JSON lines."""
    path = tmp_path / "visure.jsonl"
    assert run("convert", VISURE, visure, "--to", "jsonl", "--out", path) == 0
    return path


@pytest.fixture
def head(lines: Path) -> list[str]:
    """The options that give its head the same values."""
    values = json.loads(lines.read_text().splitlines()[0])["values"]
    names = ("cliente", "data_flusso", "numero")
    return [word for name in names for word in ("--set", f"testa.{name}={values[name]}")]


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("layout", [VISURE, CONTROLLI], ids=lambda path: Path(path).stem)
def test_json_lines_of_a_demo_layout_become_the_same_file(layout: str, direction: str, tmp_path: Path) -> None:
    made, told, again = tmp_path / "made", tmp_path / "told", tmp_path / "again"
    assert run("generate", layout, "--seed", "4", "--count", "40", "--direction", direction, "--out", made) == 0
    assert run("convert", layout, made, "--to", "jsonl", "--direction", direction, "--out", told) == 0
    assert run("convert", layout, told, "--from", "jsonl", "--direction", direction, "--out", again) == 0
    assert again.read_bytes() == made.read_bytes()


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_rows_of_a_layout_of_one_type_become_the_same_file(form: str, direction: str, tmp_path: Path) -> None:
    made, told, again = tmp_path / "made", tmp_path / "told", tmp_path / "again"
    assert run("generate", CONTROLLI, "--seed", "4", "--count", "40", "--direction", direction, "--out", made) == 0
    assert run("convert", CONTROLLI, made, "--to", form, "--direction", direction, "--out", told) == 0
    assert run("convert", CONTROLLI, told, "--from", form, "--direction", direction, "--out", again) == 0
    assert again.read_bytes() == made.read_bytes()


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_head_and_tail_are_made_around_rows(form: str, visure: Path, head: list[str], tmp_path: Path) -> None:
    rows, again = tmp_path / "rows", tmp_path / "again"
    assert run("convert", VISURE, visure, "--to", form, "--record", "richiesta", "--out", rows) == 0
    assert run("convert", VISURE, rows, "--from", form, "--record", "richiesta", *head, "--out", again) == 0
    assert again.read_bytes() == visure.read_bytes()


def test_json_lines_of_one_type_get_their_head_and_tail_too(visure: Path, head: list[str], tmp_path: Path) -> None:
    rows, again = tmp_path / "rows", tmp_path / "again"
    assert run("convert", VISURE, visure, "--to", "jsonl", "--record", "richiesta", "--out", rows) == 0
    assert run("convert", VISURE, rows, "--from", "jsonl", "--record", "richiesta", *head, "--out", again) == 0
    assert again.read_bytes() == visure.read_bytes()


def test_a_parquet_file_keeps_types_says_what_it_is_and_is_the_same_each_time(
    visure: Path, tmp_path: Path, capfdbinary: Capture
) -> None:
    out = tmp_path / "rows.parquet"
    assert run("convert", VISURE, visure, "--to", "parquet", "--record", "richiesta", "--out", out) == 0
    capfdbinary.readouterr()
    assert run("convert", VISURE, visure, "--to", "parquet", "--record", "richiesta") == 0
    assert capfdbinary.readouterr().out == out.read_bytes()
    table = pq.read_table(out)
    assert table.schema.field("importo_max").type == pa.decimal128(11, 2)
    assert table.schema.field("progressivo").type == pa.int64()
    assert table.column("record_number").to_pylist() == [2, 3, 4]
    assert isinstance(table.column("importo_max")[0].as_py(), Decimal)
    told = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert told == {
        "tracciati.layout": "banca-demo-visure@2.0.0",
        "tracciati.fingerprint": declare.load(Path(VISURE)).fingerprint,
        "tracciati.record": "richiesta",
        "tracciati.direction": "request",
        "tracciati.source": "visure.txt",
    }
    assert run("convert", VISURE, visure, "--to", "parquet", "--record", "testa", "--out", out) == 0
    assert pq.read_table(out).schema.field("data_flusso").type == pa.date32()


def test_a_file_without_rows_has_its_columns_and_makes_no_file_where_rows_are_wanted(
    tmp_path: Path, capfdbinary: Capture
) -> None:
    made, out, again = tmp_path / "made", tmp_path / "out", tmp_path / "again"
    assert run("generate", CONTROLLI, "--seed", "4", "--count", "1", "--out", made) == 0
    made.write_bytes(made.read_bytes().splitlines(keepends=True)[0])
    assert run("convert", CONTROLLI, made, "--to", "parquet", "--out", out) == 1
    table = pq.read_table(out)
    assert (table.num_rows, "codice_fiscale" in table.column_names) == (0, True)
    assert run("convert", CONTROLLI, out, "--from", "parquet", "--out", again) == 3
    assert b"it has no rows, and the structure `controllo+` wants a `controllo`" in capfdbinary.readouterr().err
    assert not again.exists()


def test_a_parquet_file_says_its_record_type_itself(visure: Path, head: list[str], tmp_path: Path) -> None:
    rows, again = tmp_path / "rows", tmp_path / "again"
    assert run("convert", VISURE, visure, "--to", "parquet", "--record", "richiesta", "--out", rows) == 0
    assert run("convert", VISURE, rows, "--from", "parquet", *head, "--out", again) == 0
    assert again.read_bytes() == visure.read_bytes()


def test_totals_are_computed_over_what_is_written(lines: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    told = [json.loads(line) for line in lines.read_text().splitlines()]
    kept = [*told[:3], told[-1]]
    lines.write_text("".join(json.dumps(one) + "\n" for one in kept))
    assert run("convert", VISURE, lines, "--from", "jsonl", "--out", out) == 0
    assert run("check", VISURE, out) == 0
    assert out.read_bytes().splitlines()[-1].startswith(b"990000002")


def test_numbers_of_json_are_exact_and_an_empty_text_is_no_value(lines: Path, tmp_path: Path) -> None:
    out, again = tmp_path / "out", tmp_path / "again"
    told = [json.loads(line) for line in lines.read_text().splitlines()]
    told[1]["values"] |= {"esito": ""}
    text = json.dumps(told[1]).replace(f'"{told[1]["values"]["importo_max"]}"', "90071992.93")
    lines.write_text("\n".join([json.dumps(told[0]), text, json.dumps(told[-1])]))
    assert run("convert", VISURE, lines, "--from", "jsonl", "--out", out) == 0
    assert run("convert", VISURE, out, "--to", "jsonl", "--out", again) == 0
    values = json.loads(again.read_text().splitlines()[1])["values"]
    assert (values["importo_max"], values["esito"]) == ("90071992.93", None)


WRONG_LINES = [
    ('"servizio": "VIS.+?"', '"servizio": "VIS2LUNGO"', "line 2: richiesta.servizio: 'VIS2LUNGO' is longer than"),
    ('"importo_max": ".+?"', '"importo_max": "1234567890.00"', "line 2: richiesta.importo_max: '1234567890.00' needs"),
    (
        '"importo_max": ".+?"',
        '"importo_max": 1.234',
        "line 2: richiesta.importo_max: '1.234' has more than the field's",
    ),
    ('"importo_max": ".+?"', '"importo_max": NaN', "line 2: richiesta.importo_max: 'NaN' is not a number"),
    ('"importo_max": ".+?"', '"importo_max": []', "line 2: richiesta.importo_max: a list is no value of a field"),
    ('"servizio"', '"servizzio"', "line 2: record richiesta has no field `servizzio`; did you mean `servizio`?"),
    ('"richiesta"', '"richieste"', "line 2: the layout has no record type `richieste`; did you mean `richiesta`?"),
    ('"richiesta"', "null", "line 2: it does not say its record type"),
    ('"richiesta"', '"coda"', "line 2: record coda has no field"),
    ("^.*$", "", "line 2: it is empty"),
    ("^.*$", '{"a": ', "line 2: it is no JSON"),
    ("^.*$", "[" * 100_000, "line 2: it is no JSON"),
    ("^.*$", "7", "line 2: it is no object with `record` and `values`"),
    ("^.*$", "\udcff", "line 2: it is no UTF-8 text"),
]


@pytest.mark.parametrize(("old", "new", "said"), WRONG_LINES, ids=[said[8:40] for _, _, said in WRONG_LINES])
def test_a_line_that_is_wrong_is_named_and_nothing_is_written(
    old: str, new: str, said: str, lines: Path, tmp_path: Path, capfdbinary: Capture
) -> None:
    import re

    first, second, *rest = lines.read_text().splitlines()
    changed = "\n".join([first, re.sub(old, new, second, count=1), *rest])
    lines.write_bytes(changed.encode("utf-8", "surrogateescape"))
    out = tmp_path / "out"
    out.write_text("of yesterday")
    assert run("convert", VISURE, lines, "--from", "jsonl", "--out", out) == 3
    assert run("convert", VISURE, lines, "--from", "jsonl") == 3
    told = capfdbinary.readouterr()
    assert f"error: {lines}, {said}" in told.err.decode()
    assert told.out == b""
    assert out.read_text() == "of yesterday"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "visure.jsonl", "visure.txt"]


def test_a_record_that_is_marked_as_bad_is_refused_with_its_number(
    visure: Path, tmp_path: Path, capfdbinary: Capture
) -> None:
    told = tmp_path / "told"
    visure.write_bytes(visure.read_bytes().replace(b"\r\n20", b"\r\n2X", 1))
    assert run("convert", VISURE, visure, "--to", "jsonl", "--out", told) == 1
    assert run("convert", VISURE, told, "--from", "jsonl", "--out", tmp_path / "out") == 3
    said = capfdbinary.readouterr().err.decode()
    assert "line 2 (record 2): the record is marked as bad" in said
    assert "do: put right what is wrong in its `values` and take `bad` and `raw` out" in said
    assert not (tmp_path / "out").exists()


def test_records_in_an_order_that_the_layout_does_not_have_are_refused(lines: Path, capfdbinary: Capture) -> None:
    content = lines.read_text().splitlines(keepends=True)
    lines.write_text("".join(content[1:]))
    assert run("convert", VISURE, lines, "--from", "jsonl") == 3
    lines.write_text("".join(content[:-1]))
    assert run("convert", VISURE, lines, "--from", "jsonl") == 3
    told = capfdbinary.readouterr()
    assert b"cannot write record 1 of a file" in told.err and b"expected testa" in told.err
    assert b"cannot write record 5 of a file" in told.err and b"the file ends too soon" in told.err
    assert told.out == b""


@pytest.fixture
def rows(visure: Path, tmp_path: Path) -> Path:
    """The requests as a CSV."""
    path = tmp_path / "rows.csv"
    assert run("convert", VISURE, visure, "--to", "csv", "--record", "richiesta", "--out", path) == 0
    return path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is no CSV: Empty CSV file"),
        (b"riferimento;servizio\nA;VIS1\n", "has no field `riferimento;servizio`"),
        (b"riferimento,riferimento\nA,B\n", "two columns are named `riferimento`"),
        (b"riferimento,servizzio\nA,VIS1\n", "record richiesta has no field `servizzio`; did you mean `servizio`?"),
        (b"riferimento,servizzio\n", "record richiesta has no field `servizzio`; did you mean `servizio`?"),
        (b"riferimento,servizio\nA,VIS1\n\nB,VIS1,x\n", "row 2: it has 3 cells, the header row 2"),
        (b"riferimento,servizio\nA,VIS1\nB,\xff\n", "it is no UTF-8 text"),
        (b"\xff\xfe\0,\n,,,,", "it is no UTF-8 text"),
        (b"riferimento\n", "it has no rows, and the structure `testa richiesta+ coda` wants a `richiesta`"),
        (b"riferimento\nA\nB\n", "row 1: richiesta.servizio: there is no value, and the field is required"),
        (b"progressivo\n1\nuno\n", "row 2: richiesta.progressivo: 'uno' is not a number"),
        (b"riferimento\n" + b"A" * 5_000_000, "A…' is longer than the field's 12 bytes"),
    ],
)
def test_a_csv_that_is_wrong_says_where_and_nothing_is_written(
    content: bytes, said: str, rows: Path, head: list[str], tmp_path: Path, capfdbinary: Capture
) -> None:
    rows.write_bytes(content)
    assert run("convert", VISURE, rows, "--from", "csv", "--record", "richiesta", *head, "--out", tmp_path / "out") == 3
    error = capfdbinary.readouterr().err.decode()
    assert said in error and len(error) < 1000
    assert error.startswith(f"error: {rows}") and "\n  do: " in error or "did you mean" in error
    assert not (tmp_path / "out").exists()


def test_a_missing_column_is_filled_in_or_given_for_all_rows(
    visure: Path, rows: Path, head: list[str], tmp_path: Path
) -> None:
    import pyarrow.csv

    table = pyarrow.csv.read_csv(rows)
    services = set(table.column("servizio").to_pylist())
    out = tmp_path / "out"
    kept = ["riferimento", "codice_fiscale", "importo_max"]
    pyarrow.csv.write_csv(table.select(kept), rows)
    given = ["--set", f"richiesta.servizio={min(services)}"]
    assert run("convert", VISURE, rows, "--from", "csv", "--record", "richiesta", *head, *given, "--out", out) == 0
    before = visure.read_bytes()
    for service in services:
        before = before.replace(service.encode(), min(services).encode())
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "say what FILE is to become (--to) or what it is (--from): one of the two"),
        (["--to", "csv", "--from", "csv"], "one of the two"),
        (["--to", "csv", "--set", "testa.numero=1"], "--set is for --from"),
        (["--from", "jsonl", "--set", "testa.numero=1"], "--set is for rows of one type"),
        (["--from", "csv"], "a CSV holds one record type; say which: --record testa|richiesta|coda"),
        (["--from", "csv", "--record", "cod"], "`cod`; did you mean `coda`?"),
        (["--from", "csv", "--record", "richiesta", "--set", "coda.righe=4"], "it is computed from the file"),
        (["--from", "csv", "--record", "richiesta", "--set", "fattura.netto=4"], "no `fattura` is written"),
        (
            ["--from", "csv", "--record", "richiesta", "--set", "HEAD", "--set", "richiesta.servizio=VIS1"],
            "of their own",
        ),
        (["--from", "csv", "--record", "richiesta", "--set", "testa.numer=1"], "did you mean `testa.numero`?"),
        (["--from", "csv", "--record", "richiesta", "--set", "testa.numero=x"], "'x' is no whole number"),
    ],
)
def test_what_cannot_be_asked_for_is_wrong_usage(
    options: list[str], said: str, rows: Path, head: list[str], capfdbinary: Capture
) -> None:
    if "HEAD" in options:
        options = [*options[:4], *head, *options[6:]]
    assert run("convert", VISURE, rows, *options) == 2
    assert said in capfdbinary.readouterr().err.decode()


def test_a_head_without_its_values_says_how_to_give_them(rows: Path, tmp_path: Path, capfdbinary: Capture) -> None:
    assert run("convert", VISURE, rows, "--from", "csv", "--record", "richiesta", "--out", tmp_path / "out") == 3
    error = capfdbinary.readouterr().err.decode()
    assert "testa.cliente, in the testa around the rows: there is no value, and the field is required" in error
    assert "\n  do: give it a value: --set testa.cliente=VALUE" in error


def test_no_file_but_parquet_is_taken_for_one(rows: Path, head: list[str], capfdbinary: Capture) -> None:
    assert run("convert", VISURE, rows, "--from", "parquet", "--record", "richiesta", *head) == 3
    assert b"it is no Parquet file" in capfdbinary.readouterr().err


def test_a_parquet_file_whose_end_is_damaged_is_none(tmp_path: Path, head: list[str], capfdbinary: Capture) -> None:
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(b"PAR1" + b"x" * 50 + b"\x20\0\0\0PAR1")
    assert run("convert", VISURE, damaged, "--from", "parquet", "--record", "richiesta", *head) == 3
    assert b"it is no Parquet file" in capfdbinary.readouterr().err


class Failing(io.BytesIO):
    """A file on a disk that cannot be read."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_disk_that_fails_is_not_told_as_a_file_that_is_no_parquet() -> None:
    with pytest.raises(OSError, match=r"\[Errno 5\].*'visure.parquet'"):
        record_of_parquet(Source(Failing(b"x" * 100), "visure.parquet"))


def test_floats_are_no_amounts(rows: Path, head: list[str], tmp_path: Path, capfdbinary: Capture) -> None:
    import pyarrow.csv

    floats = tmp_path / "floats.parquet"
    pq.write_table(pyarrow.csv.read_csv(rows), floats)
    assert run("convert", VISURE, floats, "--from", "parquet", "--record", "richiesta", *head) == 3
    assert b"richiesta.importo_max: values of type double are no amounts" in capfdbinary.readouterr().err


def compiled(text: str, groups: dict[str, str] | None = None) -> structure.Automaton:
    return structure.compile(text, {"A": 0, "B": 1, "R": 2, "C": 3, "D": 4}, groups or {})


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("R*", (), ()),
        ("A R+ C", ("A",), ("C",)),
        ("A? R+ C*", (), ()),
        ("A B (R | C)* D", ("A", "B"), ("D",)),
        ("A (R C?)+ D", ("A",), ("D",)),
    ],
)
def test_what_stands_around_rows_is_what_the_structure_asks_for(
    text: str, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    assert around(compiled(text), "R") == Around(before, after)


@pytest.mark.parametrize(
    ("text", "groups", "said"),
    [
        ("A R B R+ C", {}, "has 2 places for `R`"),
        ("A C", {}, "has no `R`"),
        ("(A | B) R+ C", {}, "leaves open what stands before rows of `R`: `A R` or `B R`"),
        ("A R+ (C | D)", {}, "leaves open what stands after rows of `R`: `C` or `D`"),
        ("A lotto+ D", {"lotto": "B R* C"}, "a `B` may come again between them"),
        ("A (R C)+ D", {}, "a `C` may come again between them"),
    ],
)
def test_rows_without_a_single_place_are_refused(text: str, groups: dict[str, str], said: str) -> None:
    with pytest.raises(NoPlace) as refused:
        around(compiled(text, groups), "R")
    assert said in str(refused.value)
    assert "JSON lines" in refused.value.hint


def test_a_misfit_in_a_field_under_a_condition_is_told_with_the_row_of_all_records(tmp_path: Path) -> None:
    from tracciati.errors import DoesNotFit
    from tracciati.writing import Writer

    layout = declare.loads(
        '[layout]\nid = "x"\nversion = "1.0.0"\n[file]\nkind = "fixed"\n'
        'record = { length = 4, separator = "LF" }\nencoding = { codec = "ascii" }\nstructure = "riga*"\n'
        "[record.riga]\n"
        'fields = [ { name = "c", len = 1, type = "digits", codes = { 0 = "no", 1 = "si" } },\n'
        '{ name = "e", len = 3, type = "text", when = "c = \'1\'" } ]\n'
    )
    values = {"c": pa.array(["0", "0", "1"]), "e": pa.array([None, None, "LUNGO"])}
    with pytest.raises(DoesNotFit) as refused, (tmp_path / "out").open("wb") as sink:
        Writer(sink, layout, "request").add("riga", values, 3)
    assert (refused.value.row, refused.value.path) == (2, "riga.e")


def test_drafts_are_put_in_the_order_of_their_places(visure: Path, tmp_path: Path) -> None:
    from tracciati.writing import Writer

    layout = declare.loads(
        '[layout]\nid = "x"\nversion = "1.0.0"\n[file]\nkind = "fixed"\n'
        'record = { separator = "LF" }\nencoding = { codec = "ascii" }\nstructure = "(A | B)*"\n'
        '[record.A]\nmatch = { t = "A" }\nfields = [ { name = "t", len = 1, type = "const", value = "A" },\n'
        '{ name = "n", len = 2, type = "integer" } ]\n'
        '[record.B]\nmatch = { t = "B" }\nfields = [ { name = "t", len = 1, type = "const", value = "B" },\n'
        '{ name = "n", len = 3, type = "integer" } ]\n'
    )
    out = tmp_path / "out"
    with out.open("wb") as sink:
        writer = Writer(sink, layout, "request")
        first = writer.draft("A", {"n": pa.array([1, 4])}, np.array([1, 4]))
        writer.add_drafts([first, writer.draft("B", {"n": pa.array([2, 3])}, np.array([2, 3]))])
        assert writer.close().records_count == 4
    assert out.read_bytes() == b"A01\nB002\nB003\nA04\n"
