"""Lines written out to several fields, alternatives over the same bytes, ends that differ, signs beside, defaults."""

from __future__ import annotations

import io
import struct
from decimal import Decimal

import pyarrow as pa
import pytest

from tracciati import declare
from tracciati.errors import LayoutError
from tracciati.explain import explain
from tracciati.layout import Layout
from tracciati.reading import Reading, check
from tracciati.rewrite import rewrite
from tracciati.writing import Writer

HEADING = '[layout]\nid = "prova"\nversion = "1.0.0"\n[file]\nkind = "fixed"\n'
VARIANTS = (
    HEADING
    + """record = { length = 24, separator = "LF" }
structure = { request = "riga*" }
[record.riga]
fields = [
  { name = "genere", len = 1, type = "text", codes = { P = "persona", S = "società" }, required = true },
  { variants = [
    { when = "genere = 'P'", fields = [
      { name = "cognome", len = 10, type = "text", required = true },
      { name = "nato",    len = 8,  type = "date", format = "yyyyMMdd" } ] },
    { when = "genere = 'S'", fields = [
      { name = "ragione", len = 11, type = "text", required = true },
      { name = "addetti", len = 7,  type = "integer", max = 500 } ] },
  ] },
  { name = "dc",      len = 1, type = "text", codes = { C = "avere", D = "dare" } },
  { name = "importo", len = 4, type = "decimal", scale = 1, sign_in = "dc", plus = "C", minus = "D" },
]
"""
)
PERSON, COMPANY = b"PROSSI     19700131D0125\n", b"SACME SPA   0000042C0300\n"


def columns(data: bytes, layout: Layout) -> list[dict[str, object]]:
    (block,) = Reading(data, layout)
    ((_, table),) = block.tables.items()
    names = list(table.columns)
    return [
        dict(zip(names, row, strict=True)) for row in zip(*(c.to_pylist() for c in table.columns.values()), strict=True)
    ]


def test_an_alternative_has_values_only_where_it_is_there() -> None:
    layout = declare.loads(VARIANTS)
    person, company = columns(PERSON + COMPANY, layout)
    assert (person["cognome"], str(person["nato"]), person["ragione"], person["addetti"]) == (
        "ROSSI",
        "1970-01-31",
        None,
        None,
    )
    assert (company["cognome"], company["nato"], company["ragione"], company["addetti"]) == (None, None, "ACME SPA", 42)
    assert check(PERSON + COMPANY, layout).is_clean


def test_only_what_is_there_is_checked() -> None:
    layout = declare.loads(VARIANTS)
    wrong = PERSON.replace(b"19700131", b"19701331") + COMPANY.replace(b"0000042", b"0000542")
    found = [(one.code, one.record_number, one.field) for one in check(wrong, layout).findings]
    assert found == [("TR-F205", 1, "nato"), ("TR-F217", 2, "addetti")]
    empty = b"P" + b" " * 10 + PERSON[11:]
    assert [(one.code, one.field) for one in check(empty, layout).findings] == [("TR-F201", "cognome")]


def test_a_sign_in_its_own_column_makes_the_amount() -> None:
    layout = declare.loads(VARIANTS)
    assert [row["importo"] for row in columns(PERSON + COMPANY, layout)] == [Decimal("-12.5"), Decimal("30.0")]
    (finding,) = check(PERSON.replace(b"D0125", b" 0125"), layout).findings
    assert (finding.code, finding.field, finding.expected) == ("TR-F222", "importo", "'D' or 'C' in dc")


def test_the_canonical_form_touches_no_other_alternative() -> None:
    layout = declare.loads(VARIANTS)
    data = PERSON + COMPANY
    sink = io.BytesIO()
    done = rewrite(io.BytesIO(data), sink, layout, in_canonical_form=True)
    assert sink.getvalue() == data and done.is_proven, done.to_text()


def test_new_records_have_the_alternative_that_they_say_and_the_sign_of_the_amount() -> None:
    sink = io.BytesIO()
    writer = Writer(sink, declare.loads(VARIANTS), "request")
    writer.add(
        "riga",
        {
            "genere": pa.array(["P", "S"]),
            "cognome": pa.array(["ROSSI", None]),
            "nato": pa.array(["1970-01-31", None]),
            "ragione": pa.array([None, "ACME SPA"]),
            "addetti": pa.array([None, 42]),
            "importo": pa.array(["-12.5", "30.0"]),
        },
        2,
    )
    writer.close()
    assert sink.getvalue() == PERSON + COMPANY


def test_explain_shows_the_alternative_that_is_there() -> None:
    text = explain(COMPANY, declare.loads(VARIANTS), source_name="file").to_text()
    assert "ragione" in text and "cognome" not in text


REPEATED = (
    HEADING
    + """FORM
structure = { request = "riga*" }
[record.riga]
fields = [
  PREFIX
  { name = "chiave", len = 2, type = "text" },
  { name = "quante", len = 1, type = "integer" },
  { name = "rata", occurs = { by = "quante", max = 3 }, fields = [
    { name = "mese",    len = 2, type = "integer", min = 1, max = 12 },
    { name = "importo", len = 3, type = "integer" } ] },
]
"""
)
LINES = REPEATED.replace("FORM", 'record = { separator = "LF" }').replace("  PREFIX\n", "")


def test_a_record_is_as_long_as_its_number_says() -> None:
    layout = declare.loads(LINES)
    data = b"AA0\nBB20110012020\nCC3050010600207003\n"
    assert check(data, layout).is_clean, check(data, layout).to_text()
    first, second, third = columns(data, layout)
    assert [first[f"rata_{n}_mese"] for n in (1, 2, 3)] == [None, None, None]
    assert [second[f"rata_{n}_importo"] for n in (1, 2, 3)] == [100, 20, None]
    assert [third[f"rata_{n}_mese"] for n in (1, 2, 3)] == [5, 6, 7]
    sink = io.BytesIO()
    assert rewrite(io.BytesIO(data), sink, layout, in_canonical_form=True).is_proven
    assert sink.getvalue() == data


def test_a_record_of_another_length_than_its_number_says_is_wrong() -> None:
    layout = declare.loads(LINES)
    report = check(b"BB201100\nCC105001060\nDD9\n", layout)
    found = [(one.code, one.record_number, one.expected) for one in report.findings]
    assert found[:2] == [("TR-L101", 1, "13 bytes"), ("TR-L102", 2, "8 bytes")]


def test_new_records_are_as_long_as_their_number_says() -> None:
    sink = io.BytesIO()
    writer = Writer(sink, declare.loads(LINES), "request")
    rates = {f"rata_{n}_{name}": pa.array([n, n]) for n in (1, 2, 3) for name in ("mese", "importo")}
    writer.add("riga", {"chiave": pa.array(["AA", "BB"]), "quante": pa.array([1, 3]), **rates}, 2)
    writer.close()
    assert sink.getvalue() == b"AA101001\nBB3010010200203003\n"


def test_a_repeated_end_and_a_length_that_is_said() -> None:
    form = 'record = { separator = "none", length_in = "rdw" }'
    layout = declare.loads(
        REPEATED.replace("FORM", form).replace("PREFIX", '{ name = "rdw", len = 2, type = "binary" },')
    )
    sink = io.BytesIO()
    writer = Writer(sink, layout, "request")
    rates = {f"rata_{n}_{name}": pa.array([n, n]) for n in (1, 2, 3) for name in ("mese", "importo")}
    writer.add("riga", {"chiave": pa.array(["AA", "BB"]), "quante": pa.array([0, 2]), **rates}, 2)
    writer.close()
    assert sink.getvalue() == struct.pack(">H", 5) + b"AA0" + struct.pack(">H", 15) + b"BB20100102002"
    assert check(sink.getvalue(), layout).is_clean


def test_in_records_of_one_length_the_rest_is_not_looked_at() -> None:
    layout = declare.loads(LINES.replace("record = { separator", "record = { length = 18, separator"))
    data = b"AA001#????????????\nBB101100##########\n".replace(b"001#", b"0???")
    assert check(data, layout).is_clean, check(data, layout).to_text()


def test_a_default_is_written_where_there_is_no_value() -> None:
    layout = declare.loads(
        VARIANTS.replace('D = "dare" } }', 'D = "dare" } }').replace(
            'name = "genere", len = 1, type = "text",', 'name = "genere", len = 1, type = "text", default = "S",'
        )
    )
    sink = io.BytesIO()
    writer = Writer(sink, layout, "request")
    values = {"ragione": pa.array(["ACME SPA"]), "addetti": pa.array([42]), "importo": pa.array(["30.0"])}
    writer.add("riga", values, 1)
    writer.close()
    assert sink.getvalue() == COMPANY


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("len = 8,  type", "len = 9,  type", "the variants take 19 and 18 bytes"),
        ("when = \"genere = 'P'\"", "when = \"genre = 'P'\"", "record riga has no field `genre`"),
        ("when = \"genere = 'P'\"", "when = \"cognome = 'P'\"", "`when` cannot depend on `cognome`"),
        ("when = \"genere = 'P'\"", 'when = "count(*)"', "`count(*)` is a total, not a condition"),
        ('sign_in = "dc"', 'sign_in = "cd"', "`importo` has no sign in `cd`"),
        ('minus = "D"', 'minus = "E"', "`dc` can never be 'C' or 'E'"),
        ("max = 500", "max = 500, sequence = { start = 1 }", "`sequence` is for a field that is always there"),
        ("max = 500", "max = 500, occurs = 2000", "2000 times are more than"),
        ("scale = 1,", 'scale = 1, default = "99999",', "'99999' does not fit the field"),
    ],
)
def test_what_contradicts_itself_is_refused(old: str, new: str, said: str) -> None:
    assert old in VARIANTS
    with pytest.raises(LayoutError) as refused:
        declare.loads(VARIANTS.replace(old, new))
    assert any(said in problem.text for problem in refused.value.problems), refused.value


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('by = "quante"', 'by = "chiave"', "`chiave` cannot say how often something is there"),
        ("] },\n]", '] },\n  { name = "x", len = 1, type = "text" },\n]', "must come last in the record"),
        ("max = 3", "max = 0", "`max` is 0"),
    ],
)
def test_an_end_that_cannot_be_repeated_is_refused(old: str, new: str, said: str) -> None:
    assert old in LINES
    with pytest.raises(LayoutError) as refused:
        declare.loads(LINES.replace(old, new))
    assert any(said in problem.text for problem in refused.value.problems), refused.value
