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
