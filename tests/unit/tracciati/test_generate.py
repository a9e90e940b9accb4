"""Generated files: the same for the same seed, in order, with totals and check digits that are right."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from decimal import Decimal

import pytest

from tracciati import declare
from tracciati.generate import Generated, Order, generate, succession
from tracciati.generate.refusal import SpecimenError
from tracciati.layout import Layout
from tracciati.reading import check

FIXED = """
[layout]
id = "prova"
version = "1.0.0"
title = "Prova"
valid_from = 2026-01-01
source = "a layout of these tests"
verified = false

[file]
kind = "fixed"
record = { length = 60, separator = "LF", last_separator = "required" }
encoding = { codec = "ascii", on_invalid = "reject" }
reference_date = "testa.data"
structure = { request = "testa blocco+ coda" }

[group.blocco]
structure = "riga nota?"

[types]
data = { base = "date", format = "yyyyMMdd" }
dare = { base = "decimal", digits = 15, scale = 2 }

[record.testa]
match = { tipo = "01" }
fields = [
  { name = "tipo", len = 2, type = "const", value = "01" },
  { name = "data", len = 8, type = "data", required = true },
  { name = "blocchi", len = 6, type = "integer", derive = "count(blocco)" },
  { name = "resto", len = 44, type = "filler" },
]

[record.riga]
match = { tipo = "20" }
fields = [
  { name = "tipo", len = 2, type = "const", value = "20" },
  { name = "numero", len = 5, type = "integer", sequence = { start = 1, step = 1 } },
  { name = "data", len = 8, type = "data", same_as = "testa.data" },
  { name = "riferimento", len = 10, type = "text", required = true, unique = "file" },
  { name = "importo", len = 9, type = "decimal", digits = 9, scale = 2 },
  { name = "segno", len = 1, type = "text", codes = { D = "dare", A = "avere" } },
  { name = "partita_iva", len = 11, type = "partita_iva", required = true },
  { name = "resto", len = 14, type = "filler" },
]

[record.nota]
match = { tipo = "21" }
fields = [
  { name = "tipo", len = 2, type = "const", value = "21" },
  { name = "testo", len = 58, type = "text" },
]

[record.coda]
match = { tipo = "99" }
fields = [
  { name = "tipo", len = 2, type = "const", value = "99" },
  { name = "record", len = 6, type = "integer", derive = "count(*)" },
  { name = "dare", len = 15, type = "dare", derive = "sum(riga.importo where segno = 'D')" },
  { name = "resto", len = 37, type = "filler" },
]

[[rule]]
id = "P-1"
on = "riga"
check = "importo > 9000 or segno = 'A'"
severity = "error"
text = { it = "importo troppo basso", en = "amount too low" }
"""


@pytest.fixture
def layout() -> Layout:
    """A layout with a group, a head that counts, a conditional total and a rule that most random values break."""
    return declare.loads(FIXED)


def made(layout: Layout, order: Order) -> tuple[bytes, Generated]:
    """The file and what the generator says about it."""
    sink = io.BytesIO()
    told = generate(layout, sink, order)
    return sink.getvalue(), told


def test_the_same_seed_makes_the_same_file_and_another_seed_another(layout: Layout) -> None:
    one, told = made(layout, Order(seed=7, count=50))
    again, _ = made(layout, Order(seed=7, count=50))
    other, _ = made(layout, Order(seed=8, count=50))
    assert one == again
    assert one != other
    assert told == Generated(one.count(b"\n"), len(one), hashlib.sha256(one).hexdigest())


def test_records_stand_in_the_order_of_the_structure(layout: Layout) -> None:
    content, _ = made(layout, Order(seed=1, count=200))
    order = " ".join(line[:2] for line in content.decode().splitlines())
    assert re.fullmatch(r"01( 20( 21)?)+ 99", order)
    assert order.count("20") == 200
    assert 0 < order.count("21") < 200


def test_totals_sequences_and_repeated_fields_are_right_without_reading_the_file_with_our_own_engine(
    layout: Layout,
) -> None:
    content, _ = made(layout, Order(seed=3, count=12_345))
    lines = content.decode().splitlines()
    head, tail, rows = lines[0], lines[-1], [line for line in lines if line.startswith("20")]
    assert int(head[10:16]) == 12_345
    assert int(tail[2:8]) == len(lines)
    debit = sum(Decimal(row[25:34]) for row in rows if row[34] == "D")
    assert Decimal(tail[8:23]) == debit
    assert [int(row[2:7]) for row in rows] == list(range(1, 12_346))
    assert {row[7:15] for row in rows} == {head[2:10]}
    assert len({row[15:25] for row in rows}) == 12_345


def test_the_rule_holds_for_every_record(layout: Layout) -> None:
    content, _ = made(layout, Order(seed=5, count=500))
    rows = [line for line in content.decode().splitlines() if line.startswith("20")]
    assert all(Decimal(row[25:34]) / 100 > 9000 or row[34] == "A" for row in rows)


SECOND_RULE = """
[[rule]]
id = "P-2"
on = "riga"
check = "segno = 'A' or importo < 9500"
text = "importo troppo alto"
"""


def test_two_rules_about_one_field_hold_together() -> None:
    content, _ = made(declare.loads(FIXED + SECOND_RULE), Order(seed=5, count=500))
    rows = [line for line in content.decode().splitlines() if line.startswith("20")]
    debits = [Decimal(row[25:34]) / 100 for row in rows if row[34] == "D"]
    assert debits and all(9000 < amount < 9500 for amount in debits)


def test_rules_that_contradict_each_other_are_named() -> None:
    second = SECOND_RULE.replace("segno = 'A' or importo < 9500", "importo < 9000 and segno = 'D'")
    with pytest.raises(SpecimenError, match="riga: no values were found for which rules P-1, P-2 hold together"):
        made(declare.loads(FIXED + second), Order(seed=5, count=2))


def test_check_digits_are_right(layout: Layout) -> None:
    content, _ = made(layout, Order(seed=5, count=300))
    for row in content.decode().splitlines():
        if row.startswith("20"):
            digits = [int(digit) for digit in row[35:46]]
            doubled = [digit * 2 if place % 2 else digit for place, digit in enumerate(digits)]
            assert sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0, row


def test_a_given_value_stands_in_every_record(layout: Layout) -> None:
    content, _ = made(layout, Order(seed=1, count=20, given={"riga.segno": "A", "nota.testo": "uguale per tutti"}))
    rows = [line for line in content.decode().splitlines() if line.startswith("20")]
    assert {row[34] for row in rows} == {"A"}


def test_the_reference_date_is_one_on_which_the_layout_is_valid(layout: Layout) -> None:
    for seed in range(20):
        content, _ = made(layout, Order(seed=seed, count=1))
        assert content[2:6] == b"2026"


def test_what_cannot_be_generated_is_said_by_name(layout: Layout) -> None:
    with pytest.raises(succession.SuccessionError, match="no file with 0 x `blocco`"):
        made(layout, Order(seed=1, count=0))
    with pytest.raises(SpecimenError, match="riga: no values were found for which rule P-1 holds"):
        made(layout, Order(seed=1, count=2, given={"riga.segno": "D", "riga.importo": Decimal(1)}))
    with pytest.raises(SpecimenError, match=r"riga.prezzo: the layout has no such field"):
        made(layout, Order(seed=1, given={"riga.prezzo": 1}))
    with pytest.raises(SpecimenError, match=r"nota.testo"):
        made(layout, Order(seed=1, count=90, given={"nota.testo": "x" * 59}))


DELIMITED = """
[layout]
id = "tabella"
version = "1.0.0"
title = "Tabella"
source = "a layout of these tests"
verified = false

[file]
kind = "delimited"
dialect = { delimiter = ",", quote = "\\"", header = true }
record = { separator = "CRLF", last_separator = "forbidden" }
encoding = { codec = "utf-8", on_invalid = "reject" }
structure = { request = "riga+" }

[record.riga]
fields = [
  { name = "numero", type = "text", required = true, unique = "file", len = 12, label = "Numero, nostro" },
  { name = "importo", type = "decimal", digits = 9, scale = 2, mark = ",", required = true },
  { name = "nota", type = "text", len = 30, required = true },
]
"""


def test_a_table_has_its_header_its_quotes_and_no_separator_at_the_end() -> None:
    layout = declare.loads(DELIMITED)
    content, told = made(layout, Order(seed=1, count=7_000, given={"riga.nota": 'detto "Prova"'}))
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    assert rows[0] == ["Numero, nostro", "importo", "nota"]
    assert len(rows) == 7_001
    assert told.records_count == 7_000
    assert {row[2] for row in rows[1:]} == {'detto "Prova"'}
    assert all(re.fullmatch(r"\d+,\d\d", row[1]) for row in rows[1:])
    assert not content.endswith(b"\n")
    assert told.bytes_count == len(content)


SMALL = """
[layout]
id = "piccolo"
version = "1.0.0"
[file]
kind = "KIND"
record = { RECORD separator = "LF" }
encoding = { codec = "ascii" }
structure = "testa? riga+"
[types]
giorno = { base = "date", format = "yyyyMMdd" }
[record.testa]
match = { tipo = "0" }
fields = [ { name = "tipo", len = 1, type = "const", value = "0" }, TESTA ]
[record.riga]
match = { tipo = "1" }
fields = [ { name = "tipo", len = 1, type = "const", value = "1" }, RIGA ]
"""


@pytest.mark.parametrize("kind", ["fixed", "delimited"])
@pytest.mark.parametrize(
    ("testa", "riga"),
    [
        ('len = 8, type = "giorno", null = ["00000000"]', 'len = 8, type = "giorno", same_as = "testa.campo"'),
        ('len = 8, type = "text"', 'len = 8, type = "text", required = true, same_as = "testa.campo"'),
        ('len = 8, type = "text"', 'len = 3, type = "text", same_as = "testa.campo"'),
        ('len = 8, type = "integer", null = ["        "]', 'len = 4, type = "integer", same_as = "testa.campo"'),
        (
            'len = 8, type = "decimal", scale = 2, digits = 5',
            'len = 6, type = "decimal", scale = 2, same_as = "testa.campo"',
        ),
        ('len = 8, type = "text"', 'len = 8, type = "giorno", required = true, unique = "file"'),
        ('len = 8, type = "text"', 'len = 6, type = "date", format = "yyMMdd", pivot = 0, unique = "file"'),
        (
            'len = 8, type = "text"',
            'len = 1, type = "text", unique = "file", codes = { A = "a", B = "b", C = "c", D = "d", E = "e", F = "f" }',
        ),
    ],
)
def test_what_is_repeated_or_unique_is_generated_so_that_it_can_be(kind: str, testa: str, riga: str) -> None:
    fields = []
    for text in (testa, riga):
        length = int(re.findall(r"len = (\d+)", text)[0])
        rest = f', {{ name = "filler", len = {29 - length}, type = "filler" }}' if kind == "fixed" else ""
        fields.append(f'{{ name = "campo", {text} }}{rest}')
    text = SMALL.replace("KIND", kind).replace("RECORD", "length = 30," if kind == "fixed" else "")
    small = declare.loads(text.replace("TESTA", fields[0]).replace("RIGA", fields[1]))
    for seed in range(12):
        content, _ = made(small, Order(seed=seed, count=6))
        report = check(content, small)
        assert report.is_clean, report.to_text()


def test_more_unique_codes_than_there_are_cannot_be_asked_for() -> None:
    code = '{ name = "campo", len = 1, type = "text", unique = "file", codes = { A = "a", B = "b" } }'
    text = SMALL.replace("KIND", "delimited").replace("RECORD", "").replace("RIGA", code)
    small = declare.loads(text.replace("TESTA", '{ name = "altro", type = "text" }'))
    with pytest.raises(SpecimenError, match="it must be unique, and has 2 codes for 3 records"):
        made(small, Order(seed=1, count=3))


def test_a_counter_that_the_file_would_overflow_is_told_before_a_value_is_drawn(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawn(*given: object, **named: object) -> None:
        raise AssertionError("a value was drawn")

    monkeypatch.setattr("tracciati.generate.specimens.column", drawn)
    with pytest.raises(SpecimenError, match=r"riga.numero: its 5 digits count to 99,999 riga, and the file .* more"):
        made(layout, Order(seed=1, count=3_000_000))
    head = declare.loads(FIXED.replace('"blocchi", len = 6', '"blocchi", len = 3').replace("len = 44", "len = 47"))
    with pytest.raises(SpecimenError, match="testa.blocchi: its 3 digits count to 999 blocco") as told:
        made(head, Order(seed=1, count=1_000))
    assert told.value.hint == "ask for 999 at most (--count 999)"
    tail = declare.loads(FIXED.replace('"record", len = 6', '"record", len = 3').replace("len = 37", "len = 40"))
    with pytest.raises(SpecimenError, match=r"coda.record: its 3 digits count to 999 records"):
        made(tail, Order(seed=1, count=998))


def test_a_counter_may_be_filled_to_its_last_number(layout: Layout) -> None:
    small = declare.loads(FIXED.replace("start = 1, step = 1", "start = 99950, step = 7"))
    content, _ = made(small, Order(seed=1, count=8))
    assert [row[2:7] for row in content.decode().splitlines() if row.startswith("20")][-1] == "99999"
    with pytest.raises(SpecimenError, match="riga.numero: its 5 digits count to 8 riga"):
        made(small, Order(seed=1, count=9))


def test_a_total_that_the_file_would_overflow_is_told_with_its_remedy(layout: Layout) -> None:
    narrow = declare.loads(FIXED.replace("digits = 15, scale", "digits = 9, scale"))
    with pytest.raises(SpecimenError, match="coda.dare: the total needs more than the field's 9 digits") as told:
        made(narrow, Order(seed=1, count=20_000))
    assert told.value.hint == "ask for fewer (--count), or for smaller amounts (--set)"
