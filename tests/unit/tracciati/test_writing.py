"""Writing by example: answers over the customer's own bytes, invoices anew, totals, order, and nothing by halves."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from tracciati import declare
from tracciati.errors import DoesNotFit, WritingError
from tracciati.reading import check
from tracciati.writing import Writer, fits

if TYPE_CHECKING:
    from tracciati.layout import Direction, Layout

FIXED = """
[layout]
id = "prova"
version = "1.0.0"
title = "Prova"
source = "a layout of these tests"

[file]
kind = "fixed"
record = { length = 40, separator = "CRLF", last_separator = "SEPARATOR" }
encoding = { codec = "iso8859-1" }
structure = { request = "testa? blocco+ coda", answer = "testa? blocco+ coda", invoice = "testa? fattura+ coda" }

[group.blocco]
structure = "riga nota*"

[types]
importo = { base = "decimal", digits = 7, scale = 2 }

[record.testa]
match = { tipo = "01" }
fields = [
  { name = "tipo", len = 2, type = "const", value = "01" },
  { name = "cliente", len = 6, type = "text" },
  { name = "consegna", len = 2, type = "integer", null = ["  "], from = "delivery.number" },
  { name = "blocchi", len = 4, type = "integer", derive = BLOCKS },
  { name = "filler", len = 26, type = "filler" },
]
[record.riga]
match = { tipo = "20" }
fields = [
  { name = "tipo", len = 2, type = "const", value = "20" },
  { name = "riferimento", len = 6, type = "text", required = true },
  { name = "importo", len = 7, type = "importo" },
  { name = "esito", len = 2, type = "text", from = "outcome.code" },
  { name = "nome", len = 10, type = "text", transliterate = "it-latin1", from = "result.nome" },
  { name = "filler", len = 13, type = "filler" },
]
[record.nota]
match = { tipo = "21" }
fields = [
  { name = "tipo", len = 2, type = "const", value = "21" },
  { name = "testo", len = 36, type = "text" },
  { name = "esito", len = 2, type = "text", from = "outcome.code" },
]
[record.fattura]
only = "invoice"
match = { tipo = "80" }
fields = [
  { name = "tipo", len = 2, type = "const", value = "80" },
  { name = "progressivo", len = 3, type = "integer", sequence = { start = 1, step = 1 } },
  { name = "cliente", len = 6, type = "text", same_as = "testa.cliente" },
  { name = "netto", len = 7, type = "importo", from = "line.net" },
  { name = "filler", len = 22, type = "filler" },
]
[record.coda]
match = { tipo = "99" }
fields = [
  { name = "tipo", len = 2, type = "const", value = "99" },
  { name = "righe", len = 4, type = "integer", derive = "count(*)" },
  { name = "totale", len = 7, type = "importo", derive = AMOUNTS },
  { name = "filler", len = 27, type = "filler" },
]
"""

BLOCKS = '{ answer = "count(blocco)", request = "count(blocco)", invoice = "count(fattura)" }'
AMOUNTS = '{ request = "sum(riga.importo)", answer = "sum(riga.importo)", invoice = "sum(fattura.netto)" }'
FIXED = FIXED.replace("BLOCKS", BLOCKS).replace("AMOUNTS", AMOUNTS)

DELIMITED = """
[layout]
id = "tabella"
version = "1.0.0"
title = "Tabella"
source = "a layout of these tests"

[file]
kind = "delimited"
dialect = { delimiter = ";", quote = "\\"", header = true }
record = { separator = "LF", last_separator = "optional" }
encoding = { codec = "utf-8" }
structure = { request = "riga+", answer = "riga+" }

[record.riga]
fields = [
  { name = "riferimento", type = "text", required = true, label = "Rif; nostro" },
  { name = "esito", type = "text", only = "answer", from = "outcome.code" },
  { name = "importo", type = "decimal", scale = 2, mark = "," },
  { name = "nota", type = "text", from = "result.nota" },
  { name = "coda", type = "text" },
]
"""


def fixed(last_separator: str = "required") -> Layout:
    return declare.loads(FIXED.replace("SEPARATOR", last_separator))


def line(text: str) -> bytes:
    return text.ljust(40).encode("iso8859-1") + b"\r\n"


HEAD = line("01CLIENT  0002")
FIRST = line("20RIF-1 0001250              ~ resta ~")
SECOND = line("20RIF-2 0000050") + line("21una nota")
TAIL = line("9900050001300~")
WHOLE = HEAD + FIRST + SECOND + TAIL
UNITS = [0, len(FIRST), len(FIRST + SECOND)]


def write(layout: Layout, direction: Direction, *steps: tuple[str, Any, Any, Any]) -> bytes:
    """Run copy and add steps; what came out, which must be what `close` says of it."""
    sink = io.BytesIO()
    writer = Writer(sink, layout, direction)
    for kind, *rest in steps:
        getattr(writer, kind)(*rest)
    written = writer.close()
    assert written.bytes_count == len(sink.getvalue())
    return sink.getvalue()


def test_a_copy_without_values_is_the_file_byte_for_byte() -> None:
    assert write(fixed(), "request", ("copy", WHOLE, {}, [0, len(WHOLE)])) == WHOLE


def test_an_answer_changes_only_the_fields_that_are_filled() -> None:
    answers = {"outcome.code": pa.array(["00", "10"]), "result.nome": pa.array(["NICOLÒ", None])}
    written = write(
        fixed(),
        "answer",
        ("copy", HEAD, {"delivery.number": pa.array([1])}, [0, len(HEAD)]),
        ("copy", FIRST + SECOND, answers, UNITS),
        ("copy", TAIL, {}, [0, len(TAIL)]),
    )
    assert written == (
        line("01CLIENT010002")
        + line("20RIF-1 000125000NICOLÒ      ~ resta ~")
        + line("20RIF-2 000005010")
        + line("21una nota".ljust(38) + "10")
        + TAIL
    )


def test_an_answer_to_part_of_the_requests_has_totals_of_that_part() -> None:
    around = ("copy", HEAD, {}, [0, len(HEAD)]), ("copy", TAIL, {}, [0, len(TAIL)])
    written = write(fixed(), "answer", around[0], ("copy", FIRST, {}, [0, len(FIRST)]), around[1])
    assert written == line("01CLIENT  0001") + FIRST + line("9900030001250~")


def test_the_units_may_come_in_any_portions() -> None:
    layout = fixed()
    one = write(layout, "answer", ("copy", WHOLE, {}, [0, len(WHOLE)]))
    parts = [("copy", part, {}, [0, len(part)]) for part in (HEAD, FIRST, SECOND, TAIL)]
    assert write(layout, "answer", *parts) == one


def test_a_total_over_an_unreadable_amount_stays_as_it_came() -> None:
    raw = WHOLE.replace(b"0000050", b"00000A0")
    assert write(fixed(), "request", ("copy", raw, {}, [0, len(raw)])) == raw


def test_a_total_that_is_right_keeps_its_own_spelling() -> None:
    layout = declare.loads(
        FIXED.replace("SEPARATOR", "required").replace('derive = "count(*)"', 'pad = " ", derive = "count(*)"')
    )
    assert write(layout, "request", ("copy", WHOLE, {}, [0, len(WHOLE)])) == WHOLE


def test_short_records_and_foreign_separators_are_kept_and_filled() -> None:
    layout = declare.loads(
        FIXED.replace("SEPARATOR", "optional").replace('kind = "fixed"', 'kind = "fixed"\non_short = "pad"')
    )
    raw = b"20RIF-1 0001250\n" + FIRST
    offsets = [0, 16, len(raw)]
    codes = {"outcome.code": pa.array(["00", "10"])}
    written = write(layout, "answer", ("copy", raw, codes, offsets), ("copy", TAIL, {}, [0, len(TAIL)]))
    assert written.startswith(b"20RIF-1 000125000\n20RIF-1 000125010")


def test_an_invoice_is_made_of_constants_sequences_and_values() -> None:
    net = pa.array([Decimal("10.00"), Decimal("0.50")], pa.decimal128(9, 2))
    written = write(
        fixed(),
        "invoice",
        ("copy", HEAD, {"delivery.number": pa.array([2])}, [0, len(HEAD)]),
        ("add", "fattura", {"line.net": net}, 2),
        ("add", "fattura", {"line.net": net[:1]}, 1),
        ("add", "coda", {}, 1),
    )
    assert written == (
        line("01CLIENT020003")
        + line("80001CLIENT0001000")
        + line("80002CLIENT0000050")
        + line("80003CLIENT0001000")
        + line("9900050002050")
    )


@pytest.mark.parametrize(("rule", "ends"), [("required", True), ("forbidden", False), ("optional", False)])
def test_the_last_separator_is_the_layouts_word(rule: str, ends: bool) -> None:
    raw = (FIRST + TAIL)[:-2]
    written = write(fixed(rule), "request", ("copy", raw, {}, [0, len(raw)]))
    assert written == line("20RIF-1 0001250              ~ resta ~") + line("9900020001250~")[: None if ends else -2]


def test_a_record_without_separator_gets_one_when_another_follows() -> None:
    layout = fixed("optional")
    written = write(layout, "request", ("copy", FIRST[:-2], {}, [0, 40]), ("copy", TAIL, {}, [0, len(TAIL)]))
    assert written == FIRST + line("9900020001250~")


def test_a_value_that_does_not_fit_names_row_field_and_width_and_writes_nothing() -> None:
    sink = io.BytesIO()
    writer = Writer(sink, fixed(), "answer")
    codes = {"outcome.code": pa.array(["00", "TROPPO"])}
    with pytest.raises(DoesNotFit, match=r"riga\.esito, row 2: 'TROPPO' is longer than the field's 2 bytes"):
        writer.copy(FIRST + SECOND, codes, UNITS)
    assert sink.getvalue() == b""


def test_a_total_too_big_for_its_field_is_refused() -> None:
    raw = line("20RIF-1 9999999") * 2
    writer = Writer(io.BytesIO(), fixed(), "answer")
    writer.copy(raw + TAIL, {}, [0, len(raw + TAIL)])
    with pytest.raises(DoesNotFit, match="the total 19999998 needs more than the field's 7 digits"):
        writer.close()


def test_records_in_the_wrong_order_are_refused_with_what_was_expected() -> None:
    expected = r"cannot write record 2 .*: a coda cannot stand there; expected riga"
    with pytest.raises(WritingError, match=expected) as caught, Writer(io.BytesIO(), fixed(), "answer") as writer:
        writer.copy(HEAD, {}, [0, len(HEAD)])
        writer.copy(TAIL, {}, [0, len(TAIL)])
    assert caught.value.hint == "the structure is: testa? blocco+ coda"


def test_a_file_without_its_tail_is_refused() -> None:
    writer = Writer(io.BytesIO(), fixed(), "answer")
    writer.copy(FIRST, {}, [0, len(FIRST)])
    with pytest.raises(WritingError, match="the file ends too soon; expected riga or nota or coda"):
        writer.close()


def test_a_writer_left_by_an_error_keeps_no_file_open() -> None:
    with pytest.raises(DoesNotFit), Writer(io.BytesIO(), fixed(), "answer") as writer:
        writer.copy(HEAD, {}, [0, len(HEAD)])
        writer.copy(FIRST, {"outcome.code": pa.array(["TROPPO"])}, [0, len(FIRST)])


def test_a_direction_without_structure_is_refused() -> None:
    with pytest.raises(WritingError, match="it has no structure for the direction receipt"):
        Writer(io.BytesIO(), fixed(), "receipt")


def test_replaced_characters_are_counted() -> None:
    writer = Writer(io.BytesIO(), fixed(), "answer")
    names = pa.array(["Dvořák", "NICOLÒ"])
    writer.copy(FIRST + SECOND, {"result.nome": names}, UNITS)
    writer.copy(TAIL, {}, [0, len(TAIL)])
    assert dict(writer.close().transliterated) == {"riga.nome": 1}


def test_fits_tells_before_anything_is_charged() -> None:
    values = {"result.nome": pa.array(["Dvořák", "X" * 11, None]), "delivery.number": pa.array([1, 100])}
    found = fits(fixed(), "answer", values)
    assert {path: flags.tolist() for path, flags in found.items()} == {
        "testa.consegna": [True, False],
        "riga.nome": [True, False, True],
    }
    assert fits(fixed(), "answer", {"delivery.number": pa.array([b"1"])})["testa.consegna"].tolist() == [False]


ROWS = b'A;1,00;;x\n"B ""due""";;"vecchia";"y;z"\n'


def test_columns_of_the_answer_come_in_and_the_rest_stays_as_it_was_quoted() -> None:
    values = {"outcome.code": pa.array(["00", "1;0"]), "result.nota": pa.array(['di"ce', "nuova"])}
    written = write(declare.loads(DELIMITED), "answer", ("copy", ROWS, values, [0, 10, len(ROWS)]))
    assert written == (
        b'"Rif; nostro";esito;importo;nota;coda\n'
        b'A;00;1,00;"di""ce";x\n'
        b'"B ""due""";"1;0";;"nuova";"y;z"\n'
    )  # fmt: skip


def test_a_table_copied_as_a_request_is_the_same_table() -> None:
    raw = b'"Rif; nostro";importo;nota;coda\n' + ROWS
    assert write(declare.loads(DELIMITED), "request", ("copy", raw, {}, [0, len(raw)])) == raw


def test_a_line_break_in_a_value_is_quoted() -> None:
    layout = declare.loads(DELIMITED)
    values = {"riferimento": pa.array(["C"]), "result.nota": pa.array(["due\nrighe"]), "importo": pa.array(["7"])}
    written = write(layout, "request", ("add", "riga", values, 1))
    assert written == b'"Rif; nostro";importo;nota;coda\nC;7,00;"due\nrighe";\n'
    assert check(written, layout).errors_count == 0


def test_totals_of_a_table_may_change_their_length() -> None:
    text = """
        [layout]
        id = "tabella"
        version = "1.0.0"
        title = "Tabella"
        source = "a layout of these tests"
        [file]
        kind = "delimited"
        record = { separator = "LF" }
        encoding = { codec = "ascii" }
        structure = "testa riga+"
        [record.testa]
        match = { tipo = "H" }
        fields = [
          { name = "tipo", type = "const", value = "H" },
          { name = "righe", type = "integer", derive = "count(riga)" },
          { name = "totale", type = "decimal", scale = 2, mark = ",", derive = "sum(riga.importo)" },
        ]
        [record.riga]
        match = { tipo = "R" }
        fields = [
          { name = "tipo", type = "const", value = "R" },
          { name = "importo", type = "decimal", scale = 2, mark = "," },
        ]
    """
    amounts = {"importo": pa.array(["1,25"] * 12)}
    written = write(declare.loads(text), "request", ("add", "testa", {}, 1), ("add", "riga", amounts, 12))
    assert written == b"H;12;15,00\n" + b"R;1,25\n" * 12


def test_a_long_file_with_its_totals_in_the_head_spills_to_the_folder_and_is_whole(tmp_path: Path) -> None:
    raw = FIRST * 40_000
    with (tmp_path / "file").open("wb") as sink:
        writer = Writer(sink, fixed(), "answer", spill_folder=str(tmp_path))
        writer.copy(HEAD, {}, [0, len(HEAD)])
        for _ in range(2):
            writer.copy(raw, {}, np.arange(40_001) * len(FIRST))
        writer.copy(TAIL, {}, [0, len(TAIL)])
        with pytest.raises(DoesNotFit, match=r"testa\.blocchi, row 1: the total 80000"):
            writer.close()
    with (tmp_path / "file").open("wb") as sink:
        writer = Writer(sink, fixed(), "answer", spill_folder=str(tmp_path))
        writer.copy(HEAD, {}, [0, len(HEAD)])
        for _ in range(2):
            writer.copy(raw[: len(FIRST) * 400], {}, np.arange(401) * len(FIRST))
        writer.copy(TAIL, {}, [0, len(TAIL)])
        written = writer.close()
    content = (tmp_path / "file").read_bytes()
    assert content == line("01CLIENT  0800") + FIRST * 800 + line("9908021000000~")
    assert written.bytes_count == len(content)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", ["riba_grouped.txt", "riba_collapsible.txt"])
def test_a_real_collection_file_is_copied_with_the_same_totals(corpus: Path, name: str) -> None:
    layout = declare.load(Path(__file__).resolve().parents[3] / "layouts" / "public" / "cbi-riba.toml")
    raw = (corpus / "cbi-riba-ribalta" / name).read_bytes()
    assert write(layout, "request", ("copy", raw, {}, [0, len(raw)])) == raw
