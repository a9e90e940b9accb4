"""Importing tables of fields, and the command: tables of our own, what comes of them, and what is refused."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tracciati import declare, importing
from tracciati.api import Layout
from tracciati.cli import running, tracciati
from tracciati.errors import LayoutError, UnknownName
from tracciati.importing import sheets
from tracciati.importing.orders import Form, Order

Capture = pytest.CaptureFixture[str]
COPYBOOK = """\
       01 REGISTRO.
       05 TIPO PIC X.
       05 TESTA.
       10 DATA PIC 9(8).
       05 MOVIMENTO REDEFINES TESTA.
       10 IMPORTO PIC S9(5)V99 COMP-3.
       10 CAUSALE PIC X(8).
       05 CODA REDEFINES TESTA.
       10 RIGHE PIC 9(4) COMP.
"""
TOLD = ("TIPO=T:testa", "TIPO=M:MOVIMENTO", "tipo=C:CODA")


def read(layout: Any, data: bytes) -> tuple[list[dict[str, Any]], Any]:
    """The records in the order of the file, and the report."""
    batches = Layout(layout).read(data)
    found = [row for batch in batches for record in layout.by_name for row in batch.to_arrow(record).to_pylist()]
    return sorted(found, key=lambda row: row["record_number"]), batches.report


ITALIAN = """\
Tracciato record concordato;;;;;;
;;;;;;
Tipo record;Campo;Da;A;Tipo dato;Decimali;Descrizione;Valori ammessi;Obbligatorio
T;Tipo record;1;1;AN;;;;
T;Data creazione;2;9;Data;;formato GGMMAAAA;;O
T;Filler;10;20;;;;;
M;N. pratica;2;7;N;;;;O
M;Importo (EUR);8;16;N;2;;;F
M;Stato;17;17;AN;;;"A=attivo; C=cessato";
M;Nota;19;20;boh;;;;
"""


def a_table(text: str, form: Form = "lines", **columns: str) -> importing.Imported:
    return importing.table(sheets.of_csv(text, "t.csv"), Order("t.csv", "prova", "iso8859-1", form, (), 0, columns))


def test_a_table_in_italian_becomes_a_layout() -> None:
    made = a_table(ITALIAN)
    assert [dict(record.match) for record in made.layout.records] == [{"tipo_record": "T"}, {"tipo_record": "M"}]
    rows, report = read(made.layout, b"T31012026           \nM000042000012345A XY\n")
    assert report.is_clean, report.to_text()
    assert (str(rows[0]["data_creazione"]), rows[1]["n_pratica"], rows[1]["importo_eur"], rows[1]["stato"]) == (
        "2026-01-31",
        42,
        Decimal("123.45"),
        "A",
    )
    by_name = made.layout.by_name["m"].by_name
    assert (by_name["importo_eur"].label, by_name["n_pratica"].required) == ("Importo (EUR)", True)
    doubts = [doubt.text for doubt in made.doubts]
    assert "no row names the 1 byte before Nota" in doubts
    assert "its type 'boh' is none that is known: read as text" in doubts
    assert doubts[0].startswith("headings as they were understood: record is 'Tipo record', name is 'Campo'")


ENGLISH = """\
Field name,Bytes used,Type,Decimals,Value,Notes
code,2,const,,01,
amount,S9(5)V99,,,,
paid,4,packed,2,,
day,10,date,,,
hour,6,time,,,
"""


def test_a_heading_can_be_said() -> None:
    with pytest.raises(LayoutError, match="no row has headings for the fields' names and lengths"):
        a_table(ENGLISH)
    text = ENGLISH.replace("amount,S9(5)V99,", "amount,7,S9(5)V99")
    made = a_table(text, "fixed", length="bytes used")
    assert [field.name for field in made.layout.records[0].fields] == ["code", "amount", "paid", "day", "hour"]
    amount = made.layout.records[0].by_name["amount"]
    assert (amount.base, amount.scale, amount.sign) == ("decimal", 2, "overpunch")
    with pytest.raises(UnknownName, match="no heading `Byte used`"):
        a_table(text, "fixed", length="Byte used")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("x,0-4,", "begins at 0"),
        ("x,5-4,", "x is from 5 to 4"),
        ("x,many,", "'many' is no number of bytes"),
        ("x,1-2,3", "x is from 1 to 2, and 3 long"),
    ],
)
def test_a_row_that_contradicts_itself_is_left_out_or_refused(row: str, said: str) -> None:
    table = f"name,position,length\n{row}\n"
    with pytest.raises(LayoutError, match=said):
        a_table(table)
    made = a_table(f"{table}y,1-2,\nz,2-3,\n")
    assert [field.name for field in made.layout.records[0].fields] == ["y"]
    assert any(said in doubt.text and doubt.text.endswith(": left out") for doubt in made.doubts)
    assert "it begins at column 2, within the field before it: left out" in made.text


def test_a_workbook_is_read_as_a_table(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="the extra `import` is not installed")
    book = openpyxl.Workbook()
    book.active.title = "Legenda"
    sheet = book.create_sheet("Tracciato")
    for row in (["Campo", "Lunghezza", "Tipo"], ["codice", 3, "N"], ["nome", 10.0, "AN"]):
        sheet.append(row)
    path = tmp_path / "annex.xlsx"
    book.save(path)
    out = tmp_path / "annex.toml"
    assert run("import", path, "--sheet", "Tracciato", "--out", out) == 0
    assert declare.load(out).records[0].length == 13
    assert run("import", path, "--sheet", "Record", "--out", out) == 2
    assert run("import", path, "--out", out) == 2
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"PK\x03\x04 no workbook")
    assert run("import", broken) == 2


def run(*arguments: str | Path) -> int:
    return running.run(tracciati, "tracciati", [str(argument) for argument in arguments])


@pytest.fixture
def segments(tmp_path: Path) -> Path:
    path = tmp_path / "Movimenti 2026.cpy"
    path.write_text(COPYBOOK)
    return path


def test_the_command_writes_a_layout_that_loads(segments: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "movimenti.toml"
    told = [word for one in TOLD for word in ("--segment", one)]
    assert run("import", segments, "--codec", "cp280", *told, "--out", out) == 0
    assert capsys.readouterr().err == f"{out}: 3 record types, 9 fields; no doubts\n"
    layout = declare.load(out)
    assert (layout.name.partition("@")[0], layout.file.codec) == ("movimenti-2026", "cp280")
    assert run("import", segments, "--json") == 0
    value = json.loads(capsys.readouterr().out)
    assert [doubt["name"] for doubt in value["doubts"]] == ["MOVIMENTO", "CODA"]
    assert declare.loads(value["toml"]).name == value["layout"]


def test_the_command_reads_what_comes_in(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(COPYBOOK.encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    assert run("import", "-", "--kind", "copybook") == 0
    assert 'id       = "imported"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--kind", "csv"], "no row has headings for the fields' names and lengths"),
        (["--sheet", "A"], "--sheet is for XLSX"),
        (["--column", "name=A"], "--column is for tables"),
        (["--kind", "csv", "--column", "nam=A"], "--column knows nothing that is called `nam`; did you mean `name`?"),
        (["--kind", "csv", "--column", "name"], "write WHAT=HEADING"),
        (["--segment", "TIPO=T"], "write FIELD=VALUE:NAME"),
        (["--segment", "TIPO=T:TESTINA"], "no alternative `TESTINA`; did you mean `TESTA`?"),
        (["--codec", "cp999"], "no encoding is called `cp999`"),
        (["--codec", "cp037", "--record-format", "lines"], "files in cp037 have no lines"),
        (["--rdw-adds", "4"], "--rdw-adds is for --record-format rdw and rdw-little"),
        (["--id", "A B"], "--id cannot be 'A B'"),
        (["--record-format", "lines", *("--segment", "TIPO=M:MOVIMENTO")], "a file of lines cannot hold it"),
    ],
)
def test_the_command_says_what_it_cannot_do(words: list[str], said: str, segments: Path, capsys: Capture) -> None:
    assert run("import", segments, *words) == 2
    shown = capsys.readouterr()
    assert said in shown.err and not shown.out


def test_the_command_tells_what_is_no_copybook(tmp_path: Path, capsys: Capture) -> None:
    binary, empty, unknown = tmp_path / "a.cpy", tmp_path / "b.cpy", tmp_path / "c.txt"
    binary.write_bytes(bytes(range(256)))
    empty.write_bytes(b"")
    unknown.write_text("01 A.")
    assert run("import", binary) == 2
    assert "a.cpy:0:0: this is no text, and no copybook" in capsys.readouterr().err
    assert run("import", empty) == 2
    assert "b.cpy:1:1: there is no data item" in capsys.readouterr().err
    assert run("import", unknown) == 2
    assert "does not say what it is\n  do: add --kind copybook, csv or xlsx" in capsys.readouterr().err
    assert run("import", tmp_path / "none.cpy") == 3
    assert "none.cpy: No such file or directory" in capsys.readouterr().err
    empty.write_text(COPYBOOK)
    assert run("import", empty, "--out", empty) == 2
    assert empty.read_text() == COPYBOOK
