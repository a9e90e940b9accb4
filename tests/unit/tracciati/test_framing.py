"""Framing: files that are cut, short or quoted in the wrong place cost one finding each, and the rest is read."""

from __future__ import annotations

import pytest

from tracciati import declare
from tracciati.layout import Layout
from tracciati.reading import check

LATE_MATCH = """
[layout]
id = "tipo-in-fondo"
version = "1.0.0"
[file]
kind = "fixed"
record = { length = 30, separator = "SEPARATOR" }
encoding = { codec = "ascii" }
structure = "testa (riga | altra)*"
[record.testa]
match = { tipo = "0" }
fields = [
  { name = "tipo", len = 1, type = "const", value = "0" },
  { name = "ente", len = 29, type = "text" },
]
[record.riga]
match = { tipo = "1", segno = "A" }
fields = [
  { name = "tipo", len = 1, type = "const", value = "1" },
  { name = "valore", len = 9, type = "decimal", scale = 2 },
  { name = "segno", len = 1, type = "const", value = "A" },
  { name = "filler", len = 19, type = "filler" },
]
[record.altra]
match = { tipo = "1", segno = "B", fine = "Z" }
fields = [
  { name = "tipo", len = 1, type = "const", value = "1" },
  { name = "filler", len = 9, type = "filler" },
  { name = "segno", len = 1, type = "const", value = "B" },
  { name = "filler", len = 18, type = "filler" },
  { name = "fine", len = 1, type = "const", value = "Z" },
]
"""


def late_match(separator: str) -> Layout:
    return declare.loads(LATE_MATCH.replace("SEPARATOR", separator))


def codes(data: bytes, layout: Layout) -> list[str]:
    return [finding.code for finding in check(data, layout, source_name="file").findings]


@pytest.mark.parametrize("left", [1, 5, 10, 11, 29])
def test_a_file_cut_before_the_fields_that_tell_its_types_apart_is_said_to_be_cut(left: int) -> None:
    whole = b"0ENTE".ljust(30)
    row = (b"1000000150A").ljust(30)
    assert codes(whole + row[:left], late_match("none")) == ["TR-L111"]
    assert codes(whole + b"\n" + row[:left], late_match("LF")) == ["TR-L101"]
    assert codes(whole[:left], late_match("none"))[0] == "TR-L111"


QUOTED = """
[layout]
id = "apici"
version = "1.0.0"
[file]
kind = "delimited"
dialect = { delimiter = ";", quote = "'" }
record = { separator = "LF", last_separator = "required" }
encoding = { codec = "utf-8" }
structure = "riga*"
[record.riga]
fields = [ { name = "numero", type = "integer" }, { name = "nome", type = "text" }, { name = "nota", type = "text" } ]
"""


def test_a_quote_inside_a_value_breaks_its_own_record_and_no_other() -> None:
    rows = [b"%d;ROSSI;'a;b''c'\n" % number for number in range(3_000)]
    rows[4] = b"4;D'ANGELO;\n"
    rows[5] = b"5;D''ANGELO;'x\ny'\n"
    rows[2_000] = b"6;'a'b';\n"
    report = check(b"".join(rows), declare.loads(QUOTED), examples=5)
    found = [(finding.code, finding.record_number, finding.columns) for finding in report.findings]
    assert found == [("TR-L114", 5, (3, 10)), ("TR-L114", 6, (3, 11)), ("TR-L114", 2_001, (3, 7))]
    assert report.records_count == 3_000


@pytest.mark.parametrize(
    ("text", "records"),
    [
        (b"1;'a';b\n2;c;d\n", 2),
        (b"1;'a\nb';b\n2;c;d\n", 2),
        (b"1;'a''\n''b';b\n2;c;d\n", 2),
        (b"'1';'';''''\n'2;\n';c;d\n", 2),
        (b"\xef\xbb\xbf'1';'';''''\n2;c;d\n", 2),
        (b"1;a';b\n2;c;d\n", 2),  # a quote at the end of a value opens nothing
        (b"1; 'a;b'\n2;c;d\n", 2),  # nor does one behind a blank
        (b"1;'a'x'\n2;c;d\n", 2),
        (b"1;''a'\n2;c;d\n", 2),
        (b"1;'a;b\n2;c;d\n3;e;f\n", 1),  # this one opens a value and never closes it
        (b"1;a'';b\n2;c;''\n", 2),
    ],
)
def test_a_quote_opens_only_where_a_value_begins(text: bytes, records: int) -> None:
    report = check(text, declare.loads(QUOTED))
    assert report.records_count == records
