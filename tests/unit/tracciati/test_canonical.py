"""Canonical form: each difference has a record, a field and a name; what cannot be read stays."""

from __future__ import annotations

from tracciati import declare
from tracciati.writing import canonical
from tracciati.writing.canonical import LAST_SEPARATOR, NO_LAST_SEPARATOR, NULL_TEXT, PADDING, QUOTES, SEPARATOR

FIXED = """
[layout]
id = "prova"
version = "1.0.0"
title = "Prova"
source = "a layout of these tests"

[file]
kind = "fixed"
record = { length = 30, separator = "LF", last_separator = "optional" }
encoding = { codec = "ascii" }
structure = "riga+"

[record.riga]
match = { tipo = "20" }
fields = [
  { name = "tipo", len = 2, type = "const", value = "20" },
  { name = "numero", len = 5, type = "integer", pad = " " },
  { name = "data", len = 8, type = "date", format = "yyyyMMdd", null = ["00000000", "        "] },
  { name = "importo", len = 6, type = "decimal", digits = 5, scale = 2, mark = "," },
  { name = "esito", len = 2, type = "text", from = "outcome.code" },
  { name = "filler", len = 7, type = "filler" },
]
"""

GOOD = b"20   1220260131012,50  filler.\n"


def differences(raw: bytes) -> list[tuple[int, str, bytes, bytes, str]]:
    found = canonical.rewrite(raw, declare.loads(FIXED))
    return [(d.record_number, d.path, d.raw, d.canonical, d.reason) for d in found.differences]


def test_canonical_records_have_no_differences() -> None:
    assert canonical.rewrite(GOOD * 3, declare.loads(FIXED)).raw == GOOD * 3
    assert differences(GOOD * 3) == []


def test_padding_and_null_texts_are_named() -> None:
    raw = GOOD + GOOD.replace(b"   12", b"00012").replace(b"20260131", b"        ")
    assert differences(raw) == [
        (2, "riga.numero", b"00012", b"   12", PADDING),
        (2, "riga.data", b"        ", b"00000000", NULL_TEXT),
    ]


def test_what_cannot_be_read_keeps_its_bytes() -> None:
    raw = (
        GOOD.replace(b"012,50", b"012.50")
        + b"99 unknown\n"
        + GOOD[:-5]
        + b"\n"
        + GOOD.replace(b"  filler.", b"00filler.")
    )
    found = canonical.rewrite(raw, declare.loads(FIXED))
    assert found.raw == raw
    assert not found.differences
    assert found.kept_cells == {"riga.importo": 1}
    assert found.kept_records == 2


def test_separators_become_the_layouts_own() -> None:
    found = canonical.rewrite(GOOD[:-1] + b"\r\n" + GOOD[:-1], declare.loads(FIXED), offset=100)
    assert found.raw == GOOD * 2
    assert [(d.record_number, d.path, d.offset, d.raw, d.canonical, d.reason) for d in found.differences] == [
        (1, "riga", 130, b"\r\n", b"\n", SEPARATOR),
        (2, "riga", 162, b"", b"\n", NO_LAST_SEPARATOR),
    ]


def test_a_separator_that_may_not_end_the_file_is_named_and_left_out() -> None:
    layout = declare.loads(FIXED.replace("optional", "forbidden"))
    assert canonical.rewrite(GOOD * 2, layout).raw == GOOD * 2
    found = canonical.rewrite(GOOD * 2, layout, ends_file=True)
    assert found.raw == (GOOD * 2)[:-1]
    assert found.counts == {("riga", LAST_SEPARATOR): 1}


def test_empty_lines_and_the_separators_of_broken_records_stay() -> None:
    raw = GOOD + b"\n\r\n" + b"99 unknown\r\n" + GOOD
    found = canonical.rewrite(raw, declare.loads(FIXED))
    assert found.raw == raw
    assert not found.counts


def test_quotes_and_spellings_of_a_table_are_named() -> None:
    table = (
        FIXED.replace('"fixed"', '"delimited"')
        .replace("length = 30, ", "")
        .replace("len = 5, ", "").replace("len = 8, ", "").replace("len = 6, ", "").replace("len = 7, ", "")
        .replace("len = 2, ", "").replace(', pad = " "', "").replace(', null = ["00000000", "        "]', "")
    )  # fmt: skip
    layout = declare.loads(table)
    found = canonical.rewrite(b'20;"12";20260131;0012,50;;"resta"\n20;7;;1,00;;\n', layout, first_record=10)
    assert found.raw == b'20;12;20260131;12,50;;"resta"\n20;7;;1,00;;\n'
    assert [(d.record_number, d.path, d.reason) for d in found.differences] == [
        (11, "riga.numero", QUOTES),
        (11, "riga.importo", PADDING),
    ]


def test_examples_are_few_and_counts_exact() -> None:
    raw = GOOD.replace(b"   12", b"00012") * 50
    found = canonical.rewrite(raw, declare.loads(FIXED), examples=3)
    assert len(found.differences) == 3
    assert found.counts == {("riga.numero", PADDING): 50}
