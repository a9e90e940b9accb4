"""`same_as`: a field that repeats another one, of its own record or of one that comes before."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from tracciati import declare
from tracciati.errors import LayoutError
from tracciati.generate import Order, generate
from tracciati.reading import check
from tracciati.writing import Writer, fits

if TYPE_CHECKING:
    from tracciati.layout import Direction, Layout

FIXED = """
[layout]
id = "ripetuti"
version = "1.0.0"
[file]
kind = "fixed"
record = { length = 16, separator = "LF" }
encoding = { codec = "ascii" }
structure = { request = "testa riga* coda", answer = "testa riga* coda" }
[record.testa]
match = { tipo = "0" }
fields = [
  { name = "tipo", len = 1, type = "const", value = "0" },
  { name = "righe", len = 4, type = "integer", derive = "count(riga)" },
  { name = "ente", len = 11, type = "text" },
]
[record.riga]
match = { tipo = "1" }
fields = [
  { name = "tipo", len = 1, type = "const", value = "1" },
  { name = "copia", len = 4, type = "integer", same_as = "numero" },
  { name = "numero", len = 4, type = "integer", sequence = { start = 1 } },
  { name = "esito", len = 2, type = "text", from = "outcome.code" },
  { name = "esito_bis", len = 2, type = "text", same_as = "esito" },
  { name = "filler", len = 3, type = "filler" },
]
[record.coda]
match = { tipo = "9" }
fields = [
  { name = "tipo", len = 1, type = "const", value = "9" },
  { name = "righe", len = 4, type = "integer", same_as = "testa.righe" },
  { name = "ente", len = 11, type = "text", same_as = "testa.ente" },
]
"""
DELIMITED = """
[layout]
id = "ripetuti-csv"
version = "1.0.0"
[file]
kind = "delimited"
dialect = { delimiter = ";" }
record = { separator = "LF" }
encoding = { codec = "utf-8" }
structure = { request = "riga*", answer = "riga*" }
[record.riga]
fields = [
  { name = "nome", type = "text" },
  { name = "esito", type = "text", from = "outcome.code" },
  { name = "nome_bis", type = "text", only = "answer", same_as = "riga.nome" },
  { name = "esito_bis", type = "text", only = "answer", same_as = "esito" },
]
"""
HEAD, TAIL = b"00002DEMO       \n", b"90002DEMO       \n"


def paths(data: bytes, layout: Layout, direction: Direction = "request") -> list[str]:
    report = check(data, layout, direction=direction)
    return [f"{finding.line} {finding.code} {finding.path}" for finding in report.findings]


def test_a_field_that_differs_from_another_of_its_record_is_named() -> None:
    rows = b"100010001       \n100030002       \n"
    assert paths(HEAD + rows + TAIL, declare.loads(FIXED)) == ["3 TR-R303 riga.copia"]
    assert paths(b"A;;B\n", declare.loads(DELIMITED), "answer") == ["1 TR-L113 "]
    assert paths(b"A;;A;\nA;;B;\n", declare.loads(DELIMITED), "answer") == ["2 TR-R303 riga.nome_bis"]


@pytest.mark.parametrize("text", [FIXED, DELIMITED], ids=["fixed", "delimited"])
@pytest.mark.parametrize("direction", ["request", "answer"])
def test_a_generated_file_repeats_what_it_must_repeat(text: str, direction: Direction) -> None:
    layout, sink = declare.loads(text), io.BytesIO()
    generate(layout, sink, Order(seed=1, count=9, direction=direction))
    assert paths(sink.getvalue(), layout, direction) == []


def test_new_records_repeat_their_own_fields_and_the_total_of_the_head() -> None:
    layout, sink = declare.loads(FIXED), io.BytesIO()
    writer = Writer(sink, layout, "answer")
    writer.add("testa", {"ente": pa.array(["DEMO"])}, 1)
    writer.add("riga", {"outcome.code": pa.array(["OK", "KO"])}, 2)
    writer.add("coda", {}, 1)
    writer.close()
    assert sink.getvalue() == HEAD + b"100010001OKOK   \n100020002KOKO   \n" + TAIL
    assert paths(sink.getvalue(), layout, "answer") == []


def test_a_copied_record_is_given_its_outcome_in_every_field_that_repeats_it() -> None:
    layout, sink = declare.loads(FIXED), io.BytesIO()
    row = b"100010001       \n100020002       \n"
    writer = Writer(sink, layout, "answer")
    writer.copy(
        HEAD + row + TAIL, {"outcome.code": pa.array(["OK", "KO"])}, [0, len(HEAD) + 17, len(HEAD + row + TAIL)]
    )
    writer.close()
    assert sink.getvalue() == HEAD + b"100010001OKOK   \n100020002KOKO   \n" + TAIL


def test_a_copied_line_repeats_a_request_column_in_the_answer_column() -> None:
    layout, sink = declare.loads(DELIMITED), io.BytesIO()
    writer = Writer(sink, layout, "answer")
    writer.copy(b'"A;1";\nB;\n', {"outcome.code": pa.array(["OK", "K"])}, [0, 7, 10])
    writer.close()
    assert sink.getvalue() == b'"A;1";OK;"A;1";OK\nB;K;B;K\n'
    assert paths(sink.getvalue(), layout, "answer") == []


def test_an_outcome_must_fit_the_fields_that_repeat_it_too() -> None:
    layout = declare.loads(
        FIXED.replace('"esito_bis", len = 2', '"esito_bis", len = 1').replace("len = 3,", "len = 4,")
    )
    found = fits(layout, "answer", {"outcome.code": pa.array(["OK", "K"])})
    assert {path: flags.tolist() for path, flags in found.items()} == {
        "riga.esito": [True, True],
        "riga.esito_bis": [False, True],
    }


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('same_as = "testa.ente"', 'same_as = "ente"', "`ente` is the same as itself"),
        (
            'name = "numero", len = 4, type = "integer", sequence = { start = 1 }',
            'name = "numero", len = 4, type = "integer", same_as = "copia"',
            "`copia` is the same as itself, by way of riga.numero",
        ),
        (
            'name = "ente", len = 11, type = "text" },\n]\n[record.riga]',
            'name = "ente", len = 11, type = "text", same_as = "coda.ente" },\n]\n[record.riga]',
            "`ente`: `same_as`: `coda.ente`: in direction request, answer no coda stands before a testa",
        ),
        (
            'answer = "testa riga* coda"',
            'answer = "riga* coda"',
            "`ente`: `same_as`: direction answer has no record testa",
        ),
    ],
)
def test_what_could_never_be_repeated_is_refused_on_loading_with_its_place(old: str, new: str, said: str) -> None:
    text = FIXED.replace(old, new, 1) if old != 'same_as = "testa.ente"' else FIXED.replace(old, new)
    with pytest.raises(LayoutError) as refused:
        declare.loads(text)
    (problem,) = [one for one in refused.value.problems if said in one.text]
    assert text.split("\n")[problem.line - 1][problem.column - 1 :].startswith("same_as")
    assert problem.hint


def test_a_column_that_a_direction_does_not_have_is_refused_there() -> None:
    text = DELIMITED.replace('"nome", type = "text"', '"nome", type = "text", only = "request"')
    with pytest.raises(LayoutError, match="in direction answer record riga has no field `nome`"):
        declare.loads(text)
