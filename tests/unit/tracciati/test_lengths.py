"""Records that differ in length, that say their length, or are told by it or by their place; lines of other kinds."""

from __future__ import annotations

import io
import struct

import pyarrow as pa
import pytest

from tracciati import declare, reading
from tracciati.errors import LayoutError
from tracciati.explain import explain
from tracciati.findings.report import Report
from tracciati.reading import Reading, check
from tracciati.rewrite import rewrite
from tracciati.writing import Writer

HEADING = '[layout]\nid = "prova"\nversion = "1.0.0"\n'
RECORDS = """
structure = { request = "testa (corta | lunga)* coda" }
[record.testa]
match  = { tipo = "T" }
fields = [ { name = "tipo", len = 1, type = "const", value = "T" }, { name = "data", len = 8, type = "text" } ]
[record.corta]
match  = { tipo = "R" }
fields = [ { name = "tipo", len = 1, type = "const", value = "R" }, { name = "nome", len = 4, type = "text" } ]
[record.lunga]
match  = { tipo = "R" }
fields = [ { name = "tipo", len = 1, type = "const", value = "R" }, { name = "nome", len = 7, type = "text" } ]
[record.coda]
match  = { tipo = "C" }
fields = [
  { name = "tipo", len = 1, type = "const", value = "C" },
  { name = "n", len = 3, type = "integer", derive = "count(*)" },
]
"""
LINES = HEADING + '[file]\nkind = "fixed"\nrecord = { separator = "LF" }\n' + RECORDS
FILE = b"T20260301\nRUNO \nRDUE    \nRTRE \nC005\n"


def found(report: Report) -> list[tuple[str, int, str]]:
    return [(one.code, one.record_number, one.record) for one in report.findings]


@pytest.mark.parametrize("block_bytes", [7, 13, 1_000_000])
def test_types_with_one_match_are_told_by_their_length(block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", block_bytes)
    layout = declare.loads(LINES)
    pass_over = Reading(FILE, layout)
    names = [name for block in pass_over for name, table in block.tables.items() for _ in table.rows]
    assert pass_over.report.is_clean, pass_over.report.to_text()
    assert sorted(names) == ["coda", "corta", "corta", "lunga", "testa"]


def test_a_record_that_has_no_length_of_its_kind_is_of_no_type() -> None:
    report = check(FILE.replace(b"RUNO ", b"RUNO"), declare.loads(LINES))
    assert found(report) == [("TR-S101", 2, "")]


@pytest.mark.parametrize(
    ("policy", "codes"),
    [("reject", ["TR-L101", "TR-L102"]), ("pad", ["TR-L115", "TR-L102"]), ("accept", ["TR-L102"])],
)
def test_a_record_of_another_length_than_its_type_is_judged_as_the_layout_says(policy: str, codes: list[str]) -> None:
    layout = declare.loads(LINES.replace('"LF" }', f'"LF" }}\non_short = "{policy}"'))
    report = check(b"T2026\nRUNO \nC003    \n", layout)
    assert [one.code for one in report.findings if one.code.startswith("TR-L")] == codes


def test_the_canonical_form_fills_a_short_record_up_to_its_own_length() -> None:
    layout = declare.loads(LINES.replace('"LF" }', '"LF" }\non_short = "accept"'))
    sink = io.BytesIO()
    done = rewrite(io.BytesIO(b"T2026\nRUNO \nC003\n"), sink, layout, in_canonical_form=True)
    assert sink.getvalue() == b"T2026    \nRUNO \nC003\n"
    assert done.counts == {("testa", "short record, filled with blanks"): 1}


def test_new_records_have_the_length_of_their_type() -> None:
    sink = io.BytesIO()
    writer = Writer(sink, declare.loads(LINES), "request")
    writer.add("testa", {"data": pa.array(["20260301"])}, 1)
    writer.add("lunga", {"nome": pa.array(["UNO", "DUE"])}, 2)
    writer.add("corta", {"nome": pa.array(["TRE"])}, 1)
    writer.add("coda", {}, 1)
    writer.close()
    assert sink.getvalue() == b"T20260301\nRUNO    \nRDUE    \nRTRE \nC005\n"


def test_a_place_tells_a_record_without_a_sign_of_its_own() -> None:
    text = (
        HEADING
        + """[file]
kind = "delimited"
dialect = { delimiter = ";" }
structure = { request = "titolo riga* totale" }
[record.titolo]
position = "first"
fields = [ { name = "titolo", type = "text" } ]
[record.riga]
fields = [ { name = "nome", type = "text" }, { name = "importo", type = "integer" } ]
[record.totale]
position = "last"
fields = [
  { name = "righe", type = "integer", derive = "count(riga)" },
  { name = "totale", type = "integer", derive = "sum(riga.importo)" },
]
"""
    )
    layout = declare.loads(text)
    data = b"MARZO\nUNO;5\nDUE;7\n2;12\n"
    assert check(data, layout).is_clean, check(data, layout).to_text()
    assert found(check(data.replace(b"2;12", b"2;13"), layout)) == [("TR-T401", 4, "totale")]
    sink = io.BytesIO()
    assert rewrite(io.BytesIO(data), sink, layout, in_canonical_form=True).is_proven
    assert sink.getvalue() == data


RDW = (
    HEADING
    + '[file]\nkind = "fixed"\nrecord = { separator = "none", length_in = "rdw" }\n'
    + RECORDS.replace(
        "fields = [",
        'fields = [ { name = "rdw", len = 2, type = "binary" }, { name = "zeri", len = 2, type = "filler" }, ',
    )
)


def with_rdw(data: bytes) -> bytes:
    return b"".join(struct.pack(">HH", len(line) + 4, 0) + line for line in data.splitlines())


@pytest.mark.parametrize("block_bytes", [7, 13, 64, 1_000_000])
def test_records_that_say_their_length(block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", block_bytes)
    layout = declare.loads(RDW)
    data = with_rdw(FILE)
    report = check(data, layout)
    assert report.is_clean, report.to_text()
    assert report.records_count == 5
    sink = io.BytesIO()
    assert rewrite(io.BytesIO(data), sink, layout, in_canonical_form=True).is_proven
    lost = check(data[:13] + b"\0\1" + data[15:], layout)
    assert found(lost)[0] == ("TR-L118", 2, "")
    cut = check(data[:-3], layout)
    assert found(cut)[0] == ("TR-L111", 5, "")


def test_what_is_written_says_its_length() -> None:
    sink = io.BytesIO()
    writer = Writer(sink, declare.loads(RDW), "request")
    writer.add("testa", {"data": pa.array(["20260301"])}, 1)
    writer.add("corta", {"nome": pa.array(["UNO"])}, 1)
    writer.add("coda", {}, 1)
    writer.close()
    assert sink.getvalue().startswith(b"\0\x0d")
    assert sink.getvalue()[13:15] == b"\0\x09"
    assert check(sink.getvalue(), declare.loads(RDW)).is_clean


def test_a_record_that_says_its_length_is_explained() -> None:
    text = explain(with_rdw(FILE), declare.loads(RDW), source_name="file").to_text()
    assert "record 3: lunga" in text and "DUE" in text


@pytest.mark.parametrize("block_bytes", [7, 11, 12, 1_000_000])
@pytest.mark.parametrize("separator", [b"\r", b"\n", b"\r\n"])
def test_lines_that_should_end_in_a_carriage_return(
    block_bytes: int, separator: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", block_bytes)
    report = check(FILE.replace(b"\n", separator), declare.loads(LINES.replace('"LF"', '"CR"')))
    codes = [one.code for one in report.findings]
    assert codes == ([] if separator == b"\r" else ["TR-L103"] * 5)
    assert report.records_count == 5


BLOCKED = LINES.replace("kind = ", 'blocking = { records = 4, fill = "9" }\nkind = ')


@pytest.mark.parametrize("block_bytes", [7, 11, 23, 1_000_000])
def test_lines_that_fill_up_a_block_are_no_records(block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", block_bytes)
    layout = declare.loads(BLOCKED)
    fill = b"9" * 9 + b"\n"
    report = check(FILE + fill * 3, layout)
    assert report.is_clean and report.records_count == 5, report.to_text()
    assert found(check(FILE + fill, layout)) == [("TR-L119", 0, "")]
    assert found(check(FILE, layout)) == [("TR-L119", 5, "")]
    assert found(check(FILE + fill * 3 + FILE, layout))[0][0] == "TR-L120"
    sink = io.BytesIO()
    rewrite(io.BytesIO(FILE + fill * 3), sink, layout, in_canonical_form=True)
    assert sink.getvalue() == FILE + fill * 3


EQUAL = """
record    = { length = 9 }
on_long   = "blank_tail"
blocking  = { records = 4, fill = "9" }
structure = { request = "testa coda" }
[record.testa]
match  = { tipo = "T" }
fields = [ { name = "tipo", len = 1, type = "const", value = "T" }, { name = "data", len = 8, type = "text" } ]
[record.coda]
match  = { tipo = "9" }
fields = [ { name = "tipo", len = 1, type = "const", value = "9" }, { name = "nota", len = 8, type = "text" } ]
"""


def test_a_line_that_fills_up_a_block_may_have_the_blank_tail_that_a_record_may_have() -> None:
    text = HEADING + '[file]\nkind = "fixed"' + EQUAL
    layout, strict = declare.loads(text), declare.loads(text.replace("blank_tail", "reject"))
    begin, fill, with_tail = b"T20260301\n9FINE    \n", b"9" * 9 + b"\n", b"9" * 9 + b"   \n"
    report = check(begin + with_tail + fill, layout)
    assert report.is_clean and report.records_count == 2, report.to_text()
    assert "TR-L102" in {code for code, _, _ in found(check(begin + with_tail + fill, strict))}
    # Blanks within the length are no tail: that is a record.
    assert found(check(begin + b"999999   \n" + fill, layout)) == [("TR-S102", 3, "coda")]


def test_a_writer_fills_up_the_last_block() -> None:
    sink = io.BytesIO()
    writer = Writer(sink, declare.loads(BLOCKED), "request")
    writer.copy(FILE + (b"9" * 9 + b"\n") * 3, {}, [0, len(FILE)])
    writer.close()
    assert sink.getvalue() == FILE + (b"9" * 9 + b"\n") * 3


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('separator = "LF"', 'separator = "none"', "without separators, a layout needs the length of its records"),
        ('separator = "LF"', 'separator = "LF", length_in = "n"', "are not cut by a length that they say"),
        ('separator = "LF"', 'separator = "none", length_in = "n"', "record testa has no field `n`"),
        ('separator = "LF"', 'separator = "LF", length_adds = 4', "`length_adds` has no meaning without `length_in`"),
        ("len = 7, type", "len = 4, type", "records corta and lunga cannot be told apart"),
        ("[record.lunga]", "[record.lunga]\nlength = 9", "the fields of record lunga take 8 bytes, the record has 9"),
        ('kind = "fixed"', 'kind = "fixed"\nblocking = { records = 1 }', "`records` is 1; it must be 2 or more"),
        ("[record.lunga]", '[record.lunga]\nposition = "middle"', "`position` cannot be 'middle'"),
    ],
)
def test_what_contradicts_itself_is_refused(old: str, new: str, said: str) -> None:
    assert old in LINES
    with pytest.raises(LayoutError) as refused:
        declare.loads(LINES.replace(old, new))
    assert any(said in problem.text for problem in refused.value.problems), refused.value
