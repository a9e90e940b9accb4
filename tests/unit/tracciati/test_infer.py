"""What is found in samples: form, types, order, fields and totals; what contradicts it, and what stays in doubt."""

from __future__ import annotations

import io
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracciati import declare, infer
from tracciati.cli import running, tracciati
from tracciati.errors import NothingToInfer, ReadingError
from tracciati.generate import Order, generate
from tracciati.infer import samples, tables
from tracciati.infer.evidence import Evidence
from tracciati.infer.proposal import FieldProposal
from tracciati.reading import check

ROOT = Path(__file__).parents[3]
VISURE = declare.load(ROOT / "layouts" / "banca-demo" / "visure.toml")
CONTROLLI = declare.load(ROOT / "layouts" / "istituto-demo" / "controlli.toml")
Capture = pytest.CaptureFixture[str]


def made(layout: declare.Layout, seed: int, count: int) -> bytes:
    sink = io.BytesIO()
    generate(layout, sink, Order(seed=seed, count=count))
    return sink.getvalue()


def proposal(*files: bytes, **known: str) -> infer.Proposal:
    return infer.proposed([(f"{place}.txt", io.BytesIO(data)) for place, data in enumerate(files, start=1)], **known)


def fields(found: infer.Proposal, record: str = "riga") -> dict[str, FieldProposal]:
    return {one.name: one for its in found.records if its.name == record for one in its.fields}


def lines(*texts: str, separator: str = "\n") -> bytes:
    return "".join(text + separator for text in texts).encode("latin-1")


def doubted(found: infer.Proposal, words: str) -> bool:
    return any(words in doubt for doubt in found.doubts)


# --- the whole ---------------------------------------------------------------------------------------------------


def test_a_bank_demo_is_found_again_from_one_file_of_it() -> None:
    found = proposal(made(VISURE, 1, 60))
    assert found.order.text == "testa riga+ coda"
    assert [(one.start, one.length, one.kind.base) for one in fields(found).values()] == [
        (0, 2, "const"),
        (2, 7, "integer"),
        (9, 12, "text"),
        (21, 4, "text"),
        (25, 16, "codice_fiscale"),
        (41, 11, "decimal"),
        (52, 148, "filler"),
    ]
    assert fields(found)["progressivo"].extra == {"sequence": {"start": 1, "step": 1}}
    assert fields(found)["campo_1"].extra == {"unique": "file"}
    assert list(fields(found)["campo_2"].kind.keys["codes"]) == ["VIS1", "VIS2"]  # type: ignore[call-overload]
    assert fields(found, "testa")["data_1"].kind.keys == {"format": "yyyyMMdd"}
    derived = [one.extra.get("derive") for one in fields(found, "coda").values()]
    assert derived == [None, "count(riga)", "sum(riga.importo_1)", None]
    again = declare.loads(found.text)
    assert again.file.separator == "CRLF"
    assert not again.verified
    assert not {code for code, _ in check(made(VISURE, 2, 200), again).counts} - {"TR-F203"}  # it was ASCII


@pytest.mark.parametrize("count", [12, 300, 12_000])
def test_a_running_number_is_one_field_and_tells_no_types_however_long_the_file_is(count: int) -> None:
    found = proposal(made(VISURE, 1, count))
    assert found.order.text == "testa riga+ coda"
    number = fields(found)["progressivo"]
    assert (number.start, number.length, number.extra) == (2, 7, {"sequence": {"start": 1, "step": 1}})


def test_the_same_samples_give_the_same_text() -> None:
    data = made(VISURE, 3, 50)
    assert proposal(data).text == proposal(data).text


def test_amounts_with_a_sign_are_one_field() -> None:
    rows = [f"{'ABCDEFGH'[n % 8] * 3:6}{n * 7919 % 99991:08}{'+-'[n % 2]}  {'XY' * (n % 3):6}" for n in range(1, 40)]
    one = next(its for its in fields(proposal(lines(*rows))).values() if its.start == 6)
    assert (one.length, one.kind.base, one.kind.keys) == (9, "integer", {"sign": "trailing", "plus": "+"})
    punched = [f"{row[:13]}{'{ABCDEFGHI}JKLMNOPQR'[n % 20]}{row[15:]}" for n, row in enumerate(rows)]
    one = next(its for its in fields(proposal(lines(*punched))).values() if its.start == 6)
    assert (one.length, one.kind.keys) == (8, {"sign": "overpunch"})


def test_a_table_is_found_again_with_the_names_of_its_header() -> None:
    found = proposal(made(CONTROLLI, 1, 80))
    layout = declare.loads(found.text)
    assert layout.file.dialect == CONTROLLI.file.dialect
    kinds = {one.label: one.kind.base for one in fields(found).values()}
    assert kinds == {
        "Numero pratica": "text",
        "Tipo controllo": "text",
        "Codice fiscale": "codice_fiscale",
        "Partita IVA": "partita_iva",
        "Cognome e nome": "text",
        "Data richiesta": "date",
        "Importo finanziato": "decimal",
    }
    assert layout.field("riga.data_richiesta").format == "dd/MM/yyyy"
    assert layout.field("riga.importo_finanziato").mark == ","
    assert check(made(CONTROLLI, 9, 200), layout).is_clean


def test_a_group_that_comes_again_and_again_is_proposed_as_one() -> None:
    turn = ["10MARIO", "20VIA ROMA", "30NOTE"]
    rows = [f"{kind:10}{number:04}" for number in range(1, 9) for kind in (turn if number % 3 else turn[:2])]
    found = proposal(lines("00INIZIO      ", *rows, "99FINE        "))
    assert found.order.text == "testa gruppo_1+ coda"
    assert found.order.groups == {"gruppo_1": "record_10 record_20 record_30?"}


def test_segments_within_a_type_are_told_apart_by_a_second_match() -> None:
    rows = [
        f"3{number:05}{segment}{'MARIO ROSSI' if segment == 'P' else '20260101    0012':24}"
        for number in range(1, 20)
        for segment in "PQ"
    ]
    data = lines(f"0{'TESTA':30}", *rows, f"9{'CODA':30}")
    found = proposal(data)
    assert found.order.groups == {"gruppo_1": "record_3_P record_3_Q"}
    assert check(data, declare.loads(found.text)).errors_count == 0


# --- what contradicts it -----------------------------------------------------------------------------------------


def broken() -> bytes:
    rows = made(VISURE, 1, 60).split(b"\r\n")
    rows[6] = rows[6][:42] + b"X" + rows[6][43:]
    rows[11] = rows[11][:30] + b"9" + rows[11][31:]
    rows[20] = rows[20][:21] + b"VIS9" + rows[20][25:]
    rows[30] = rows[30][:-4]
    rows[40] = b"55" + rows[40][2:]
    return b"\r\n".join(rows)


def test_records_that_contradict_a_field_are_named_beside_it_and_at_the_top() -> None:
    found = proposal(broken())
    against = {one.start: one.evidence.against for one in fields(found).values() if one.evidence.against}
    assert against == {21: ("21",), 25: ("12",), 41: ("7",)}
    assert "# 0.98: 58 of 59 records; filled with zeros; contradicted by record 7 (columns 42-52)" in found.text
    assert found.doubts[0].startswith("riga.campo_2: 0.98: 58 of 59 records")
    assert doubted(found, "another length than 200 are refused: 31 (196)")
    assert doubted(found, "records of no type that is known, but like others but for that: 41")
    codes = {line.split(": ")[1].split(" ")[0] for line in found.findings}
    assert codes == {"TR-L101", "TR-S101", "TR-F202", "TR-F204", "TR-F207"}


def test_of_several_samples_the_file_is_named_too() -> None:
    found = proposal(made(VISURE, 2, 60), broken())
    assert fields(found)["numero_1"].evidence.against == ("2.txt:7",)


def test_a_kind_that_too_many_records_contradict_is_not_proposed() -> None:
    assert column(lambda n: f"{n:06}" if n % 20 else "ABCDEF").kind.base == "digits"
    assert column(lambda n: f"{n:06}" if n % 4 else "ABCDEF").kind.base == "text"


def test_a_record_says_little_and_many_say_more() -> None:
    assert Evidence(1, 1).confidence == 0.5
    assert Evidence(41, 44, against=("7", "12", "13")).to_text() == (
        "0.93: 41 of 44 records; contradicted by records 7, 12, 13"
    )
    assert Evidence(100, 100, chance=0.1).confidence == 0.89
    assert Evidence(0, 0).confidence == 0


# --- form --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("separator", "expected"), [(b"\r\n", "CRLF"), (b"\n", "LF"), (b"", "none")], ids=["crlf", "lf", "none"]
)
def test_separators_are_found_and_the_length_without_any(separator: bytes, expected: str) -> None:
    data = made(VISURE, 1, 30).replace(b"\r\n", separator)
    layout = declare.loads(proposal(data).text)
    assert (layout.file.separator, layout.file.length) == (expected, 200)


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (b"ROSSI", "ascii"),
        ("NICOLÒ".encode(), "utf-8"),
        ("NICOLÒ".encode("latin-1"), "iso8859-1"),
        ("€ 12".encode("cp1252"), "cp1252"),
    ],
    ids=["ascii", "utf-8", "iso8859-1", "cp1252"],
)
def test_the_encoding_is_found_with_its_reason(text: bytes, codec: str) -> None:
    found = proposal(b"".join(b"%04d" % number + text.ljust(8) + b"\n" for number in range(9)))
    assert declare.loads(found.text).file.codec == codec
    assert found.framing.reasons["codec"]


@pytest.mark.parametrize("delimiter", [";", "|", "\t", ","])
@pytest.mark.parametrize("quote", ['"', "'"])
def test_delimiter_and_quotes_are_found(delimiter: str, quote: str) -> None:
    rows = [f"{n}{delimiter}{quote}a{delimiter}b{quote}{delimiter}x{n}y" for n in range(10, 30)]
    dialect = declare.loads(proposal(lines(*rows)).text).file.dialect
    assert (dialect.delimiter, dialect.quote, dialect.header) == (delimiter, quote, False)


def test_marks_and_empty_lines_are_doubts_and_no_records() -> None:
    found = proposal(b"\xef\xbb\xbf" + lines("0001ROSSI", "0002VERDI", "", "0003NERI ", "0004BINDI") + b"\x1a")
    assert len(found.framing) == 4
    for words in ("byte order mark", "^Z", "1 empty line"):
        assert doubted(found, words), words


def test_trimmed_lines_are_read_as_if_filled_with_blanks() -> None:
    rows = [f"{number:04}{'X' * (number % 7)}" for number in range(1, 30)]
    layout = declare.loads(proposal(lines(*rows)).text)
    assert (layout.file.length, layout.file.on_short) == (10, "pad")


def test_records_that_end_in_a_carriage_return_alone_are_found_by_it() -> None:
    found = proposal(lines("01AAAA  0001", "01BBBB  0002", "01CCCC  0003", separator="\r"))
    assert found.framing.form.length == 13
    assert doubted(found, "end in CR alone")


def test_what_is_known_is_not_looked_for() -> None:
    data = lines("1;2", "3;4", "5;6")
    assert proposal(data).framing.form.kind == "delimited"
    assert proposal(data, kind="fixed").framing.form.kind == "fixed"
    assert proposal(data, codec="cp1252").framing.form.codec == "cp1252"
    assert proposal(lines("uno", "due"), kind="delimited").framing.form.kind == "delimited"


# --- kinds -------------------------------------------------------------------------------------------------------


def column(cell: Callable[[int], str], count: int = 40) -> FieldProposal:
    """What a column of a table is found to be."""
    found = proposal(lines(*(f"k{number};{cell(number)};x" for number in range(1, count + 1))))
    return list(fields(found).values())[1]


@pytest.mark.parametrize(
    ("cell", "base", "keys"),
    [
        (lambda n: f"{n:05}", "digits", {}),
        (lambda n: str(n * 7 % 300), "integer", {}),
        (lambda n: f"{n - 20}", "integer", {"sign": "leading"}),
        (lambda n: f"{n * 3 % 70},{n:02}", "decimal", {"scale": 2, "mark": ","}),
        (lambda n: f"{n * 3 % 70}.{n:03}", "decimal", {"scale": 3, "mark": "."}),
        (lambda n: f"2026-01-{n % 28 + 1:02}", "date", {"format": "yyyy-MM-dd"}),
        (lambda n: f"{n % 28 + 1:02}032026" if n % 9 else "00000000", "date", {"null": ["00000000"]}),
        (lambda n: f"{n % 28 + 1:02}.12.26", "text", {}),
        (lambda n: "SI" if n % 3 else "NO", "boolean", {"yes": "SI", "no": "NO"}),
        (lambda n: "AB"[n % 2] * 2, "text", {"codes": {"AA": "seen 20 times", "BB": "seen 20 times"}}),
        (lambda n: "EUR", "const", {"value": "EUR"}),
        (lambda n: "20260301", "date", {"format": "yyyyMMdd"}),
        (lambda n: "", "text", {}),
    ],
)  # fmt: skip
def test_a_column_is_what_its_values_say(cell: Callable[[int], str], base: str, keys: dict[str, object]) -> None:
    kind = column(cell).kind
    assert kind.base == base
    assert kind.keys.items() >= keys.items()


def test_days_that_two_forms_read_are_taken_for_the_nearest_and_doubted() -> None:
    found = proposal(lines(*(f"k{n};0{n % 5 + 1}0{n % 3 + 1}0{n % 4 + 2};x" for n in range(1, 41))))
    (day,) = (one for one in fields(found).values() if one.kind.base == "date")
    assert "would read them too" in day.evidence.why
    assert doubted(found, f"days that another form would read too, and otherwise: riga.{day.name}")


def test_one_right_check_digit_is_no_evidence_and_many_are() -> None:
    right = ("01114601006", "00743110157", "12345670785", "00905811006", "00488410010", "06655971007")
    assert column(lambda n: right[n % 6]).kind.base == "partita_iva"
    assert column(lambda n: right[0]).kind.base != "partita_iva"
    assert column(lambda n: right[n % 2]).kind.base != "partita_iva"


def test_a_few_letters_before_digits_are_a_code_and_a_currency_is_not() -> None:
    def pieces(prefix: str) -> list[tuple[int, int | None]]:
        rows = [f"X  {prefix}{n * 7919 % 99991:05}  {'AB' * (n % 3)}" for n in range(1, 30)]
        return [(one.start, one.length) for one in fields(proposal(lines(*(f"{row:18}" for row in rows)))).values()]

    assert (3, 8) in pieces("REF")
    assert (3, 3) in pieces("EUR")


# --- what cannot be proposed -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "there is nothing in it"),
        (b"\n\r\n\n", "only line ends"),
        (b"\xef\xbb\xbf", "no record in it"),
        (b"\x1a", "no record in it"),
        (b"\x00\x01\x02\x0c" * 50, "no characters of a text"),
        ("ROSSI MARIO     0012345".encode("cp037") * 20, "EBCDIC"),
    ],
)
def test_what_is_no_text_with_records_is_refused_with_what_to_do(data: bytes, said: str) -> None:
    with pytest.raises(NothingToInfer, match=said) as refused:
        proposal(data)
    assert refused.value.hint


def test_samples_beyond_what_memory_is_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "SAMPLES_BYTES_MAX", 1_000_000)
    monkeypatch.setattr(samples, "SAMPLES_RECORDS_MAX", 1_000)
    monkeypatch.setattr(tables, "SAMPLES_CELLS_MAX", 4_000)
    with pytest.raises(ReadingError, match="more than 1 MB"):
        proposal(b"x" * 600_000, b"y" * 600_000)
    with pytest.raises(ReadingError, match="1,001 lines, more than 1,000"):
        proposal(b"x\n" * 1_001)
    with pytest.raises(ReadingError, match="5,000 cells, more than 4,000"):
        proposal(b"x;y;z;x;y\n" * 1_000)


def test_a_sample_given_twice_says_nothing_more() -> None:
    data = made(VISURE, 1, 5)
    found = proposal(data, data)
    assert len(found.framing) == 7
    assert doubted(found, "2.txt has the same bytes as 1.txt")


# --- the command -------------------------------------------------------------------------------------------------


def run(*arguments: str | Path) -> int:
    return running.run(tracciati, "tracciati", [str(one) for one in arguments])


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "Visure di marzo.txt"
    path.write_bytes(made(VISURE, 1, 20))
    return path


def test_the_command_writes_toml_that_loads_and_names_it_after_the_file(sample: Path, capsys: Capture) -> None:
    assert run("infer", sample) == 0
    text = capsys.readouterr().out
    assert tomllib.loads(text)["layout"]["id"] == "visure-di-marzo"
    assert declare.loads(text).by_name.keys() == {"testa", "riga", "coda"}


def test_the_command_says_what_it_wrote_and_how_many_doubts_there_are(sample: Path, capsys: Capture) -> None:
    out = sample.parent / "proposal.toml"
    assert run("infer", sample, "--id", "acme-orders", "--out", out) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{out}: 3 record types with 16 fields, proposed from 22 records\n")
    assert "doubts: " in said
    assert declare.load(out).id == "acme-orders"


def test_the_command_tells_programs_the_same(sample: Path, capsys: Capture) -> None:
    assert run("infer", sample, "--json") == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    declare.loads(told["layout"])
    (riga,) = (one for one in told["records"] if one["name"] == "riga")
    assert riga["match"] == [{"columns": [1, 2], "text": "20"}]
    assert {"name", "columns", "type", "confidence", "agreeing", "total", "contradicted_by"} <= riga["fields"][3].keys()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["{sample}", "--id", "Acme"], 2, "small letters, digits and single hyphens"),
        (["{sample}", "--out", "{sample}"], 2, "would be written over"),
        (["{folder}/none.txt"], 3, "cannot read"),
        (["{sample}", "--codec", "ebcdic"], 2, "is not one of"),
        ([], 2, "Missing argument"),
    ],
)
def test_wrong_usage_is_said(sample: Path, arguments: list[str], code: int, said: str, capsys: Capture) -> None:
    given = [one.format(sample=sample, folder=sample.parent) for one in arguments]
    assert run("infer", *given) == code
    assert said in capsys.readouterr().err
