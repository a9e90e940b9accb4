"""Importing: copybooks of our own, each clause with the line that comes of it, and what is refused."""

from __future__ import annotations

import struct
from decimal import Decimal
from typing import Any

import pytest

from tracciati import importing
from tracciati.api import Layout
from tracciati.errors import LayoutError, UnknownName
from tracciati.importing import items, pictures
from tracciati.importing.orders import Form, Order, Segment
from tracciati.importing.source import Unreadable, sentences


def an_order(form: Form = "fixed", codec: str = "cp037", *segments: Segment, adds: int = 0) -> Order:
    return Order("prova.cpy", "prova", codec, form, segments, adds)


def a_copybook(*lines: str) -> str:
    return "".join(f"       {line}\n" for line in lines)


def lines_of(text: str) -> list[str]:
    """The lines of the first record's fields, without what lines them up."""
    inside = text.partition("fields = [\n")[2].partition("\n]\n")[0]
    return [" ".join(line.split()).strip("{ },") for line in inside.splitlines()]


def imported(*lines: str, form: Form = "fixed", codec: str = "cp037") -> importing.Imported:
    return importing.copybook(a_copybook("01 REGISTRO.", *lines), an_order(form, codec))


@pytest.mark.parametrize(
    ("clauses", "line"),
    [
        ("PIC X(10)", 'len = 10, type = "text"'),
        ("PIC A(4)", 'len = 4, type = "text"'),
        ("PIC X(4) JUST RIGHT", 'len = 4, type = "text", align = "right"'),
        ("PIC 9(5)", 'len = 5, type = "integer"'),
        ("PIC 9(5)V99", 'len = 7, type = "decimal", scale = 2'),
        ("PIC S9(3)V9", 'len = 4, type = "decimal", scale = 1, sign = "overpunch"'),
        ("PIC S9(3) SIGN LEADING", 'len = 3, type = "integer", sign = "overpunch_leading"'),
        ("PIC S9(3) SIGN IS TRAILING SEPARATE CHARACTER", 'len = 4, type = "integer", sign = "trailing"'),
        ("PIC S9(3) LEADING SEPARATE", 'len = 4, type = "integer", sign = "leading"'),
        ("PIC 9(4) COMP", 'len = 2, type = "binary", digits = 4'),
        ("PIC S9(5) BINARY", 'len = 4, type = "binary", digits = 5, signed = true'),
        ("PIC S9(9)V99 COMP-4", 'len = 8, type = "binary", digits = 11, scale = 2, signed = true'),
        ("USAGE IS COMPUTATIONAL PIC 9(18)", 'len = 8, type = "binary", digits = 18'),
        ("PIC 9(5) COMP-3", 'len = 3, type = "packed"'),
        ("PIC S9(6)V99 PACKED-DECIMAL", 'len = 5, type = "packed", digits = 8, scale = 2, signed = true'),
        ("PIC 9(3).99", 'len = 6, type = "decimal", scale = 2, mark = "."'),
        ("PIC -9(3)", 'len = 4, type = "integer", sign = "leading", plus = " ", minus = "-"'),
        ("PIC 9(3)V9+", 'len = 5, type = "decimal", scale = 1, sign = "trailing", plus = "+", minus = "-"'),
        ("PIC 9(3) VALUE ZERO", 'len = 3, type = "integer"'),
        ("PIC X(2) OCCURS 3 TIMES INDEXED BY I", 'len = 2, type = "text", occurs = 3'),
    ],
)
def test_a_clause_becomes_a_line(clauses: str, line: str) -> None:
    made = imported(f"05 CAMPO-UNO {clauses}.")
    assert lines_of(made.text) == [f'name = "campo_uno", {line}']
    assert not made.doubts


@pytest.mark.parametrize(
    ("clauses", "line", "doubt"),
    [
        ("COMP-1", 'len = 4, type = "filler"', "a floating point number (COMP-1)"),
        ("USAGE COMP-2", 'len = 8, type = "filler"', "a floating point number (COMP-2)"),
        ("USAGE POINTER", 'len = 4, type = "filler"', "an index or a pointer"),
        ("PIC 9(5) COMP-6", 'len = 3, type = "filler"', "packed without a sign"),
        ("PIC N(4)", 'len = 8, type = "filler"', "characters of two bytes"),
        ("PIC 9(4) COMP-5", 'len = 2, type = "binary"', "the highest byte first"),
        ("PIC 9(4) COMP SYNC", 'len = 2, type = "binary", digits = 4', "SYNC is not supported"),
        ("PIC Z.ZZ9,99", 'len = 8, type = "text"', "a number as it is printed: read as text"),
        ("PIC 9(20)", 'len = 20, type = "digits"', "has 20 digits, and a number 18 at most: read as digits"),
        ("PIC S9(20)", 'len = 20, type = "text"', "read as text"),
        ("PIC 9(20) COMP-3", 'len = 11, type = "filler"', "kept as it comes"),
        ("PIC 9(3)PP", 'len = 3, type = "integer"', "the number is to be multiplied by 100"),
        ("PIC SPP9(3) COMP-3", 'len = 2, type = "packed", signed = true', "is to be divided by 100000"),
        ("PIC X(2) OCCURS 5000", 'len = 10000, type = "filler"', "would be written out to 5000 fields"),
        ("PIC X(2) COLOUR RED", 'len = 2, type = "text"', "`COLOUR` was not understood"),
    ],
)
def test_what_cannot_be_said_is_a_doubt(clauses: str, line: str, doubt: str) -> None:
    made = imported(f"05 CAMPO {clauses}.")
    assert lines_of(made.text)[-1] == f'name = "campo", {line}'
    assert doubt in made.doubts[0].text
    assert (made.doubts[0].line, made.doubts[0].name) == (2, "CAMPO")
    assert "  # ? CAMPO (line 2): " in made.text


def test_a_native_number_is_as_the_machine_has_it() -> None:
    made = imported("05 N PIC S9(4) COMP-5.", codec="iso8859-1")
    assert lines_of(made.text)[-1] == 'name = "n", len = 2, type = "binary", signed = true, endian = "little"'


def test_groups_are_made_flat_and_no_name_comes_twice() -> None:
    made = imported(
        "05 MITTENTE.", "10 NOME PIC X(5).", "10 CODICE PIC 9(3).", "05 DESTINATARIO.", "10 NOME PIC X(5).",
        "10 FILLER PIC X.", "10 PIC X.", "05 AND PIC X.", "05 1A-CAMPO PIC X.", "05 IMPORTI USAGE COMP-3.",
        "10 LORDO PIC 9(3).",
    )  # fmt: skip
    fields = [(field.name, field.start, field.base) for field in made.layout.records[0].fields]
    assert fields == [
        ("nome", 0, "text"), ("codice", 5, "integer"), ("destinatario_nome", 8, "text"), ("filler", 13, "filler"),
        ("filler", 14, "filler"), ("and_", 15, "text"), ("f_1a_campo", 16, "text"), ("lordo", 17, "packed"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "codes", "doubt"),
    [
        ("PIC X.|88 ATTIVO VALUE 'A'.|88 CHIUSO-PRIMA VALUES ARE 'C' \"D\".",
         '{ A = "attivo", C = "chiuso prima", D = "chiuso prima" }', "see that all are there"),
        ("PIC 99.|88 UNO VALUE 1.|88 DIECI VALUE '10'.", '{ 01 = "uno", 10 = "dieci" }', "see that all are there"),
        ("PIC X(3).|88 VUOTO VALUE SPACES.|88 A VALUE 'A'.", '{ A = "a" }', "see that all are there"),
        ("PIC 9.|88 POCHI VALUE 1 THRU 3.", "", "no list of codes: POCHI 1 to 3"),
        ("PIC X.|88 BASSO VALUE LOW-VALUES.", "", "no list of codes: BASSO LOW-VALUES"),
        ("PIC S9 COMP-3.|88 UNO VALUE 1.", "", "only texts and digits have here: UNO 1"),
    ],
)  # fmt: skip
def test_names_of_values_become_codes(field: str, codes: str, doubt: str) -> None:
    made = imported(*f"05 CAMPO {field}".split("|"))
    assert lines_of(made.text)[-1].partition("codes = ")[2] == codes.strip(" }")
    assert doubt in made.doubts[0].text


def test_what_is_repeated_by_a_number_ends_the_record() -> None:
    made = imported("05 QUANTE PIC 9.", "05 RATA OCCURS 0 TO 3 TIMES DEPENDING ON QUANTE.", "10 IMPORTO PIC 9(3).")
    assert 'name = "rata", occurs = { by = "quante", max = 3 }, fields = [' in lines_of(made.text)
    assert not made.doubts
    lines = importing.copybook(
        a_copybook("01 R.", "05 N PIC 9.", "05 X OCCURS 3 DEPENDING ON N PIC X."), an_order("lines", "ascii")
    )
    assert 'record    = { separator = "LF" }' in lines.text
    _, report = read(lines.layout, b"2AB\n0\n3ABC\n")
    assert report.is_clean, report.to_text()


def read(layout: Any, data: bytes) -> tuple[list[dict[str, Any]], Any]:
    batches = Layout(layout).read(data)
    found = [
        {"": record, **row}
        for batch in batches
        for record in layout.by_name
        for row in batch.to_arrow(record).to_pylist()
    ]
    return sorted(found, key=lambda row: int(str(row["record_number"]))), batches.report


def test_what_is_repeated_elsewhere_is_read_as_always_there() -> None:
    made = imported("05 N PIC 9.", "05 X OCCURS 1 TO 3 DEPENDING ON N PIC X.", "05 CODA PIC X.")
    assert 'name = "x", len = 1, type = "text", occurs = 3' in lines_of(made.text)
    assert "as often as N says, which can be said of the end of a record alone" in made.doubts[0].text


SEGMENTS = a_copybook(
    "01 REGISTRO.", "05 TIPO PIC X.", "05 TESTA.", "10 DATA PIC 9(8).", "05 MOVIMENTO REDEFINES TESTA.",
    "10 IMPORTO PIC S9(5)V99 COMP-3.", "10 CAUSALE PIC X(8).", "05 CODA REDEFINES TESTA.", "10 RIGHE PIC 9(4) COMP.",
)  # fmt: skip


def test_a_definition_of_which_it_is_not_said_when_it_holds_is_left_out() -> None:
    made = importing.copybook(SEGMENTS, an_order())
    assert [field.name for field in made.layout.records[0].fields] == ["tipo", "data", "filler"]
    assert made.layout.records[0].length == 13
    assert [(d.name, d.line) for d in made.doubts] == [("MOVIMENTO", 5), ("CODA", 8)]
    assert "defines the bytes of TESTA anew: left out" in made.doubts[0].text
    assert "--segment FIELD=VALUE:MOVIMENTO" in made.doubts[0].text


TOLD = (Segment("TIPO", "T", "TESTA"), Segment("TIPO", "M", "MOVIMENTO"), Segment("TIPO", "C", "CODA"))


def test_definitions_of_a_record_become_record_types() -> None:
    made = importing.copybook(SEGMENTS, an_order("fixed", "cp280", *TOLD))
    assert {record.name: dict(record.match) for record in made.layout.records} == {
        "testa": {"tipo": "T"},
        "movimento": {"tipo": "M"},
        "coda": {"tipo": "C"},
    }
    assert {record.length for record in made.layout.records} == {13}
    text = "T20260301    ".encode("cp280")
    data = text + "M".encode("cp280") + bytes.fromhex("0012345d") + "città   ".encode("cp280")
    data += "C".encode("cp280") + struct.pack(">H", 1) + b"\x40" * 10
    rows, report = read(made.layout, data)
    assert report.is_clean, report.to_text()
    assert [row[""] for row in rows] == ["testa", "movimento", "coda"]
    assert (rows[1]["importo"], rows[1]["causale"], rows[2]["righe"]) == (Decimal("-123.45"), "città", 1)


@pytest.mark.parametrize(("form", "adds", "header"), [("rdw", 0, ">HH"), ("rdw-little", 4, "<HH")])
def test_records_that_say_their_length_have_one_each(form: Form, adds: int, header: str) -> None:
    made = importing.copybook(SEGMENTS, an_order(form, "cp037", *TOLD, adds=adds))
    assert [record.length for record in made.layout.records] == [13, 17, 7]
    parts = ["T20260301".encode("cp037"), "M".encode("cp037") + bytes.fromhex("0012345c") + b"\x40" * 8]
    numbers = [(len(one) + 4 - adds, 0) if form == "rdw" else (0, len(one) + 4 - adds) for one in parts]
    data = b"".join(struct.pack(header, *pair) + one for pair, one in zip(numbers, parts, strict=True))
    rows, report = read(made.layout, data)
    assert report.is_clean, report.to_text()
    assert [row[""] for row in rows] == ["testa", "movimento"]


def test_definitions_within_a_group_become_variants() -> None:
    text = a_copybook(
        "01 CLIENTE.", "05 GENERE PIC X.", "88 PERSONA VALUE 'P'.", "88 SOCIETA VALUE 'S'.", "05 DATI.", "10 NOMI.",
        "15 COGNOME PIC X(6).", "15 NOME PIC X(4).", "10 RAGIONE REDEFINES NOMI PIC X(8).", "05 CODA PIC X.",
    )  # fmt: skip
    made = importing.copybook(text, an_order("lines", "ascii", Segment("GENERE", "S", "RAGIONE")))
    rows, report = read(made.layout, b"PROSSI ADA Z\nSACME SPA  Z\n")
    assert report.is_clean, report.to_text()
    assert [(row["cognome"], row["ragione"]) for row in rows] == [("ROSSI", None), (None, "ACME SPA")]
    assert "when = \"not ((genere = 'S'))\"" in made.text


def test_of_several_records_those_that_are_told_are_kept() -> None:
    text = a_copybook(
        "01 PRIMO.", "05 TIPO PIC 9.", "05 A PIC X(4).", "01 SECONDO.", "05 TIPO PIC 9.", "05 B PIC 9(4)."
    )
    alone = importing.copybook(text, an_order())
    assert [record.name for record in alone.layout.records] == ["primo"]
    assert "is another record: left out" in alone.doubts[0].text
    told = (Segment("TIPO", "1", "PRIMO"), Segment("TIPO", "2", "SECONDO"), Segment("TIPO", "3", "SECONDO"))
    both = importing.copybook(text, an_order("lines", "ascii", *told))
    assert [record.name for record in both.layout.records] == ["primo", "secondo_2", "secondo_3"]


FIXED_FORM = """\
000100*A COMMENT, AND A LINE NUMBER BEFORE IT                            ANYTHING
000200 01  REGISTRO.                                                     ANYTHING
000300     05  CAMPO-LUN                                                 ANYTHING
000400-        GO             PIC X(3). *> SAID AT THE END
000500D    05  DEBUG-ONLY     PIC X(3).
000600/
000700     EJECT
000800     05  ALTRO, PIC X; VALUE "IT'S. SAID".
000900     05  STATO          PIC X(20).
001000         88  DETTO      VALUE 'A TEXT THAT GOES ON
001100-            'AND ENDS'.
"""


def test_lines_are_read_as_cards() -> None:
    top = items.read(FIXED_FORM)[0]
    assert [(child.name, child.line) for child in top.children] == [("CAMPO-LUNGO", 3), ("ALTRO", 8), ("STATO", 9)]
    (value,) = top.children[2].conditions[0].values
    assert value.text == "A TEXT THAT GOES ON".ljust(35) + "AND ENDS"


def test_the_free_form_has_no_columns() -> None:
    long = "05 " + "CAMPO " + " " * 70 + "PIC X(3)."
    top = items.read(f"01 REGISTRO.\n* A COMMENT\n  {long}\n")[0]
    assert [(child.name, child.picture.size) for child in top.children if child.picture] == [("CAMPO", 3)]


@pytest.mark.parametrize(
    ("lines", "line", "said"),
    [
        (["05 A PIC X(3"], 1, "`X(3` is not a picture of A"),
        (["05 A PIC Q9."], 1, "`Q9` is not a picture of A"),
        (["05 A PIC X(99999999999)."], 1, "is not a picture of A"),
        (["01 R.", "05 A."], 2, "A has neither a picture nor fields below it"),
        (["01 R.", "05 A PIC X.", "10 B PIC X."], 3, "A has a picture, and fields below it"),
        (["01 R.", "COPY ALTRO."], 2, "`COPY ALTRO` brings in another copybook"),
        (["MOVE A TO B."], 1, "does not begin with a level number"),
        (["05 A PIC"], 1, "`05 A PIC` ends within a clause"),
        (["05 A OCCURS MANY PIC X."], 1, "`MANY` is not a number of times"),
        (["05 A PIC X VALUE 'B."], 1, "a quote is opened and never closed"),
        (["88 A VALUE 1."], 1, "a level 88 before any field"),
        (["05 A PIC S9 SIGN IS THERE."], 1, "neither LEADING nor TRAILING"),
        (["01 R.", "05 A OCCURS 60 PIC X(2000)."], 1, "R takes 120000 bytes, more than 65536"),
        ([""], 1, "there is no data item"),
    ],
)
def test_what_is_no_copybook_is_refused_with_its_line(lines: list[str], line: int, said: str) -> None:
    with pytest.raises(LayoutError) as refused:
        importing.copybook(a_copybook(*lines), an_order())
    (problem,) = refused.value.problems
    assert problem.line == line and said in problem.text and problem.hint


def test_sentences_are_words_with_their_lines() -> None:
    assert [[w.text for w in one] for one in sentences("       01 A.\n       05 B PIC X.\n")] == [
        ["01", "A"],
        ["05", "B", "PIC", "X"],
    ]
    with pytest.raises(Unreadable):
        list(sentences("       01 'A.\n"))


@pytest.mark.parametrize(
    ("segment", "said"),
    [
        (Segment("TIPO", "T", "TESTO"), "no alternative `TESTO`; did you mean `TESTA`?"),
        (Segment("TIPI", "T", "TESTA"), "no field `TIPI`; did you mean `TIPO`?"),
    ],
)
def test_a_name_that_the_copybook_lacks_is_told(segment: Segment, said: str) -> None:
    with pytest.raises(UnknownName, match=said.replace("?", r"\?")):
        importing.copybook(SEGMENTS, an_order("fixed", "cp037", segment))


@pytest.mark.parametrize(
    ("segment", "said"),
    [
        (Segment("TIPO", "TT", "TESTA"), "TIPO has 1 character, 'TT' more"),
        (Segment("RIGHE", "1", "TESTA"), "RIGHE is no field of the records that have TESTA"),
    ],
)
def test_a_value_that_tells_nothing_is_refused(segment: Segment, said: str) -> None:
    with pytest.raises(LayoutError, match=said):
        importing.copybook(SEGMENTS, an_order("fixed", "cp037", segment))


def test_lines_hold_no_numbers_that_are_no_text() -> None:
    with pytest.raises(LayoutError, match="N is packed: a file of lines cannot hold it"):
        imported("05 N PIC 9(3) COMP-3.", form="lines", codec="ascii")


@pytest.mark.parametrize(
    ("text", "kind", "size"),
    [
        ("X(3)9", "text", 4),
        ("S9(3)V9(2)", "number", 5),
        ("ZZ9.99", "edited", 6),
        ("9(3)CR", "edited", 5),
        ("G(2)", "wide", 4),
    ],
)
def test_a_picture_is_read(text: str, kind: str, size: int) -> None:
    picture = pictures.read(text)
    assert picture is not None and (picture.kind, picture.size) == (kind, size)


@pytest.mark.parametrize("text", ["", "(3)", "X(", "X()", "Q", "S", "V", "9(99999999)"])
def test_what_is_no_picture_is_none(text: str) -> None:
    assert pictures.read(text) is None
