"""Commands: what they write into, what they refuse, and that nothing is lost when they stop half-way."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from tracciati.cli import running, tracciati
from tracciati.findings.formats import FORMATS

LAYOUTS = Path(__file__).parents[3] / "layouts"
VISURE = str(LAYOUTS / "banca-demo" / "visure.toml")
CONTROLLI = str(LAYOUTS / "istituto-demo" / "controlli.toml")
Capture = pytest.CaptureFixture[bytes]


def run(*arguments: str | Path) -> int:
    return running.run(tracciati, "tracciati", [str(argument) for argument in arguments])


@pytest.fixture
def visure(tmp_path: Path) -> Path:
    """A request file of three requests."""
    path = tmp_path / "visure.txt"
    assert run("generate", VISURE, "--seed", "1", "--count", "3", "--out", path) == 0
    return path


def test_no_command_writes_over_the_files_it_reads(visure: Path, tmp_path: Path, capfdbinary: Capture) -> None:
    content = visure.read_bytes()
    linked = tmp_path / "linked"
    linked.symlink_to(visure)
    for out in (visure, linked):
        assert run("convert", VISURE, visure, "--to", "jsonl", "--out", out) == 2
    assert b"is read, and would be written over; choose another place" in capfdbinary.readouterr().err
    assert visure.read_bytes() == content
    layout = tmp_path / "own.toml"
    layout.write_text(Path(VISURE).read_text())
    assert run("generate", layout, "--seed", "1", "--out", layout) == 2
    assert run("rewrite", layout, visure, layout) == 2
    assert layout.read_text() == Path(VISURE).read_text()


def test_a_file_may_be_rewritten_in_its_place_and_keeps_its_rights(visure: Path, tmp_path: Path) -> None:
    visure.chmod(0o640)
    content = visure.read_bytes()
    linked = tmp_path / "linked"
    linked.symlink_to(visure)
    visure.write_bytes(content.replace(b"\r\n", b"\n", 1))
    assert run("rewrite", VISURE, visure, linked, "--canonical") == 1
    assert visure.read_bytes() == content
    assert linked.is_symlink()
    assert visure.stat().st_mode & 0o777 == 0o640


def test_a_command_that_fails_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    out.write_text("of yesterday")
    assert run("generate", VISURE, "--seed", "1", "--count", "0", "--unit", "testa", "--out", out) == 2
    assert run("convert", VISURE, tmp_path / "none.txt", "--to", "jsonl", "--out", out) == 3
    assert out.read_text() == "of yesterday"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.txt"]


def test_a_pipe_is_written_into_and_stays_a_pipe(visure: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    came: list[bytes] = []
    for arguments in (
        ("rewrite", VISURE, visure, pipe),
        ("generate", VISURE, "--seed", "1", "--count", "3", "--out", pipe),
    ):
        reader = threading.Thread(target=lambda: came.append(pipe.read_bytes()))
        reader.start()
        assert run(*arguments) == 0
        reader.join()
        assert pipe.is_fifo()
    assert came == [visure.read_bytes()] * 2
    assert run("rewrite", VISURE, visure, "/dev/null") == 0
    assert not Path("/dev/null").is_file()


def test_a_dash_is_standard_output_for_every_command_that_writes(
    visure: Path, tmp_path: Path, capfdbinary: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    capfdbinary.readouterr()
    assert run("rewrite", VISURE, visure, "-", "--canonical") == 0
    told = capfdbinary.readouterr()
    assert told.out == visure.read_bytes()
    assert b"byte for byte the same" in told.err
    assert run("generate", VISURE, "--seed", "1", "--count", "3", "--out", "-") == 0
    assert capfdbinary.readouterr().out == visure.read_bytes()
    assert run("convert", VISURE, visure, "--to", "jsonl", "--out", "-") == 0
    assert len(capfdbinary.readouterr().out.splitlines()) == 5
    assert not (tmp_path / "-").exists()


@pytest.fixture
def wrong(visure: Path, tmp_path: Path) -> Path:
    """A request file with a code that nobody knows."""
    path = tmp_path / "wrong.txt"
    path.write_bytes(visure.read_bytes().replace(b"VIS2", b"VISX", 1))
    return path


@pytest.mark.parametrize("form", FORMATS)
def test_a_report_is_written_into_a_file_as_it_is_printed(
    form: str, wrong: Path, tmp_path: Path, capfdbinary: Capture
) -> None:
    out = tmp_path / "report"
    assert run("check", VISURE, wrong, "--format", form, "--out", out) == 1
    assert capfdbinary.readouterr().out == b""
    assert run("check", VISURE, wrong, "--format", form) == 1
    assert capfdbinary.readouterr().out == out.read_bytes()
    assert b"VISX" in out.read_bytes()


def test_json_is_a_short_word_for_a_format(wrong: Path, capfdbinary: Capture) -> None:
    assert run("check", VISURE, wrong, "--json") == 1
    short = capfdbinary.readouterr().out
    assert run("check", VISURE, wrong, "--format", "json") == 1
    assert capfdbinary.readouterr().out == short
    assert run("check", VISURE, wrong, "--format", "json", "--json") == 1
    assert capfdbinary.readouterr().out == short


def test_a_report_that_cannot_be_made_leaves_the_one_that_was_there(wrong: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    out.write_text("of yesterday")
    assert run("check", VISURE, tmp_path / "none.txt", "--format", "html", "--out", out) == 3
    assert run("check", VISURE, wrong, "--format", "html", "--out", tmp_path / "none" / "report.html") == 3
    assert out.read_text() == "of yesterday"
    content = wrong.read_bytes()
    assert run("check", VISURE, wrong, "--format", "html", "--out", wrong) == 2
    assert wrong.read_bytes() == content


def test_a_report_of_a_path_of_odd_bytes_is_written(wrong: Path, tmp_path: Path) -> None:
    odd = wrong.rename(tmp_path / os.fsdecode(b"odd\xff.txt"))
    for form in FORMATS:
        assert run("check", VISURE, odd, "--format", form, "--out", tmp_path / form) == 1
        assert b"odd\\udcff.txt" in (tmp_path / form).read_bytes()
    log = json.loads((tmp_path / "sarif").read_text())
    assert log["runs"][0]["artifacts"][0]["location"]["uri"].endswith("odd%FF.txt")


def test_rewrite_reads_standard_input(visure: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    again = tmp_path / "again.txt"
    with visure.open() as opened:
        monkeypatch.setattr("sys.stdin", opened)
        assert run("rewrite", VISURE, "-", again, "--canonical") == 0
    assert again.read_bytes() == visure.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("check", VISURE, "FILE", "--unit", "richiest"),
            "no record type or group `richiest`; did you mean `richiesta`?",
        ),
        (("check", VISURE, "FILE", "--unit", "zip"), "no record type or group `zip`; it has: testa, richiesta"),
        (("check", VISURE, "FILE", "--format", "csv", "--json"), "--format csv is asked for too: take one of them"),
        (("check", VISURE, "FILE", "--lang", "it"), "--lang is for --format html; text is in English"),
        (("check", VISURE, "FILE", "--json", "--lang", "it"), "--lang is for --format html; json holds both languages"),
        (("check", VISURE, "FILE", "--format", "pdf"), "'pdf' is not one of 'text', 'json', 'jsonl'"),
        (("generate", VISURE, "--seed", "-1"), "-1 is not in the range x>=0"),
        (("generate", VISURE, "--seed", "1", "--unit", "cod"), "`cod`; did you mean `coda`?"),
        (("convert", VISURE, "FILE", "--to", "csv", "--record", "code"), "`code`; did you mean `coda`?"),
    ],
)
def test_a_wrong_option_is_wrong_usage_and_the_near_name_is_said(
    arguments: tuple[str, ...], said: str, visure: Path, capfdbinary: Capture
) -> None:
    assert run(*[str(visure) if word == "FILE" else word for word in arguments]) == 2
    error = capfdbinary.readouterr().err.decode()
    assert said in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("given", "said", "remedy"),
    [
        ("coda.righe", "there is no = in it", "write it as record.field=value"),
        ("riga.prezzo=1", "the layout has no such field", "write one of its fields, as testa."),
        ("richiesta.progressiv=1", "the layout has no such field", "did you mean `richiesta.progressivo`?"),
        ("richiesta.importo_max=tanto", "'tanto' is no amount", "write it with a point, as 12.50"),
        ("richiesta.importo_max=1.234", "is no amount with 2 decimals", "write it with a point, as 12.50"),
        ("testa.data_flusso=ieri", "'ieri' is no day", "write the day as 2026-01-31"),
        ("richiesta.progressivo=7", "the field counts the records", "what is right is filled in"),
        ("richiesta.servizio=VIS9", "'VIS9' is not in the field's list of codes", "write one of"),
        ("richiesta.riferimento=A", "no two records may have the same value", "--count 1"),
    ],
)
def test_a_value_that_cannot_be_given_says_what_can(
    given: str, said: str, remedy: str, tmp_path: Path, capfdbinary: Capture
) -> None:
    assert run("generate", VISURE, "--seed", "1", "--set", given, "--out", tmp_path / "out") == 2
    error = capfdbinary.readouterr().err.decode()
    assert said in error
    assert "\n  do: " in error and remedy in error.split("\n  do: ")[1]


def test_a_total_cannot_be_given(tmp_path: Path, capfdbinary: Capture) -> None:
    total = next(line for line in Path(VISURE).read_text().splitlines() if "derive" in line)
    name = total.split('name = "')[1].split('"')[0]
    assert run("generate", VISURE, "--seed", "1", "--set", f"coda.{name}=7", "--out", tmp_path / "out") == 2
    assert b"is computed from the file" in capfdbinary.readouterr().err
    assert not (tmp_path / "out").exists()


def test_canonical_says_what_it_only_copied(tmp_path: Path, visure: Path, capfdbinary: Capture) -> None:
    made, out = tmp_path / "made.csv", tmp_path / "out.csv"
    assert run("generate", CONTROLLI, "--seed", "1", "--count", "2", "--out", made) == 0
    assert run("rewrite", CONTROLLI, made, out, "--canonical") == 0
    assert b"byte for byte the same (SHA-256" in (told := capfdbinary.readouterr().out)
    assert told.endswith(b"); the header row was copied\n")
    assert run("rewrite", CONTROLLI, made, out) == 0
    assert b"header" not in capfdbinary.readouterr().out
    made.write_bytes(b"\xef\xbb\xbf" + made.read_bytes() + b"\x1a")
    assert run("rewrite", CONTROLLI, made, out, "--canonical") == 1
    said = capfdbinary.readouterr().out.decode()
    assert "kept as it came: 1 byte order mark, 1 end-of-file character" in said
    assert "byte for byte" not in said


def test_explain_keeps_apart_what_a_field_means_and_what_is_wrong_with_it(tmp_path: Path, capfdbinary: Capture) -> None:
    layout, file = tmp_path / "doppi.toml", tmp_path / "doppi.csv"
    layout.write_text(
        '[layout]\nid = "doppi"\nversion = "1.0.0"\n[file]\nkind = "delimited"\nrecord = { separator = "LF" }\n'
        'encoding = { codec = "utf-8" }\nstructure = "riga*"\n[record.riga]\n'
        'fields = [ { name = "numero", type = "integer", unique = "file" }, { name = "nome", type = "text" } ]\n'
    )
    file.write_bytes(b"1;\n1;X\n")
    assert run("explain", layout, file, "--json") == 1
    one, two = json.loads(capfdbinary.readouterr().out)["records"]
    assert (two["cells"][0]["value"], two["cells"][0]["findings"]) == ("1", ["already used in this file"])
    assert (one["cells"][0]["value"], one["cells"][0]["findings"]) == ("1", [])
    assert (one["cells"][1]["columns"], one["cells"][1]["length"]) == ([3, 3], 0)
    assert run("explain", layout, file) == 1
    assert b"1-1      numero  integer  1  <- already used in this file" in capfdbinary.readouterr().out


def test_a_value_of_two_lines_keeps_to_its_line_of_an_explanation(tmp_path: Path, capfdbinary: Capture) -> None:
    layout, file = tmp_path / "note.toml", tmp_path / "note.csv"
    layout.write_text(
        '[layout]\nid = "note"\nversion = "1.0.0"\n[file]\nkind = "delimited"\nrecord = { separator = "LF" }\n'
        'encoding = { codec = "utf-8" }\ndialect = { quote = "\\"" }\nstructure = "riga*"\n[record.riga]\n'
        'fields = [ { name = "nota", type = "text" }, { name = "nome", type = "text" } ]\n'
    )
    file.write_bytes(b'"prima\nseconda";X\n')
    assert run("explain", layout, file) == 0
    assert "nota   text  prima·seconda\n".encode() in capfdbinary.readouterr().out
    assert run("explain", layout, file, "--json") == 0
    assert json.loads(capfdbinary.readouterr().out)["records"][0]["cells"][0]["value"] == "prima\nseconda"


def test_an_argument_that_means_nothing_here_is_refused_and_a_record_type_is_kept_to(
    visure: Path, capfdbinary: Capture
) -> None:
    assert run("explain", VISURE, "--record", "2") == 2
    assert b"--record is about the records of a file: name the FILE as well" in capfdbinary.readouterr().err
    assert run("convert", VISURE, visure, "--to", "jsonl", "--record", "richiesta") == 0
    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [(line["number"], line["record"]) for line in lines] == [(n, "richiesta") for n in (2, 3, 4)]
    assert run("convert", VISURE, visure, "--to", "jsonl", "--record", "cod") == 2


def test_a_file_in_canonical_form_stays_as_it_is_when_an_empty_line_ends_it(tmp_path: Path) -> None:
    layout, file = tmp_path / "senza.toml", tmp_path / "senza.txt"
    layout.write_text(
        '[layout]\nid = "senza"\nversion = "1.0.0"\n[file]\nkind = "fixed"\n'
        'record = { length = 4, separator = "CRLF", last_separator = "forbidden" }\nencoding = { codec = "ascii" }\n'
        'structure = "riga*"\n[record.riga]\nfields = [ { name = "numero", len = 4, type = "integer" } ]\n'
    )
    file.write_bytes(b"0001\r\n0002\r\n\n")
    for out in (tmp_path / "once", tmp_path / "twice"):
        assert run("rewrite", layout, file, out, "--canonical") == 1
        assert out.read_bytes() == file.read_bytes()
        file = out
