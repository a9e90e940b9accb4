"""Assembly: layouts whose answers could not be put together are refused when they are published, not when they fail."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cominflow.exchange.stored import assembly
from tracciati import declare

LAYOUTS = Path(__file__).resolve().parents[3] / "layouts"
BANK = (LAYOUTS / "banca-demo" / "visure.toml").read_text()
NOTE = """
[record.nota]
match  = { tipo = "30" }
fields = [{ name = "tipo", len = 2, type = "const", value = "30" }, { name = "filler", len = 198, type = "filler" }]
"""


def problems(text: str, unit: str = "richiesta") -> list[str]:
    return [problem for problem, hint in assembly.problems(declare.loads(text), unit) if hint]


@pytest.mark.parametrize(
    ("file", "unit"),
    [
        ("banca-demo/visure.toml", "richiesta"),
        ("istituto-demo/controlli.toml", "controllo"),
        ("public/cbi-riba.toml", "disposizione"),
        ("public/cbi-mav.toml", "disposizione"),
    ],
)
def test_the_shipped_layouts_can_be_written(file: str, unit: str) -> None:
    assert problems((LAYOUTS / file).read_text(), unit) == []


def test_records_between_requests_are_refused_where_answers_have_the_layout() -> None:
    text = BANK.replace('request   = "testa richiesta+ coda"', 'request = "testa (richiesta+ nota)+ coda"') + NOTE
    (problem,) = problems(text)
    assert problem.startswith("nota can stand between two requests (`richiesta`)")
    beside = BANK.replace('"testa richiesta+ coda"', '"testa nota? richiesta+ coda"').replace(
        "testa fatt", "testa nota? fatt"
    )
    assert problems(beside + NOTE) == []


def test_an_invoice_needs_one_record_for_its_lines_and_nothing_new_around_them() -> None:
    without = BANK.replace('from = "line.reference"', "required = false").replace(', from = "line.net"', "")
    (problem,) = problems(without.replace(', from = "line.vat"', ""))
    assert "needs one record with fields `from" in problem and "it has none" in problem
    text = BANK.replace('invoice   = "testa fattura+ coda"', 'invoice = "testa nota fattura+ coda"')
    (problem,) = problems(text + NOTE.replace("match", 'only = "invoice"\nmatch'))
    assert "the invoice structure has nota" in problem


def structured(**structures: str) -> str:
    """The bank's layout with other structures; `nota` is one more record that they may name."""
    text = BANK + NOTE * any("nota" in structure for structure in structures.values())
    for direction, structure in structures.items():
        text, count = re.subn(rf"(?m)^{direction} +=.*$", f'{direction} = "{structure}"', text, count=1)
        assert count == 1
    return text


@pytest.mark.parametrize(
    ("structures", "expected"),
    [
        (
            {"request": "testa richiesta+ coda?"},
            "a file `testa richiesta` is in order, and its rejection file would be `testa richiesta`: "
            "end of file where its structure wants richiesta or coda",
        ),
        (
            {"answer": "testa richiesta coda"},
            "a file `testa richiesta richiesta coda` is in order, and its answer file would be "
            "`testa richiesta richiesta coda`: richiesta where its structure wants coda",
        ),
        (
            {"rejection": "testa richiesta richiesta+ coda"},
            "a file `testa richiesta coda` is in order, and its rejection file would be `testa richiesta coda`: "
            "coda where its structure wants richiesta",
        ),
        (
            {"request": "testa richiesta richiesta+ coda", "answer": "testa richiesta richiesta+ coda"},
            "a file `testa richiesta richiesta coda` is in order, and its answer file would be, of some of its "
            "requests, `testa richiesta coda`: coda where its structure wants richiesta",
        ),
        (
            {"invoice": "testa fattura fattura? coda"},
            "a file `testa richiesta richiesta richiesta coda` is in order, and its invoice file would be "
            "`testa fattura fattura fattura coda`: fattura where its structure wants coda",
        ),
        (
            {"invoice": "fattura+ coda"},
            "a file `testa richiesta coda` is in order, and its invoice file would be `testa fattura coda`: "
            "testa where its structure wants fattura",
        ),
        (
            {"request": "testa (richiesta+ | nota) coda", "answer": "testa richiesta+ coda nota"},
            "a file `testa richiesta coda` is in order, and its answer file would be `testa richiesta coda`: "
            "end of file where its structure wants nota",
        ),
    ],
)
def test_a_structure_that_cannot_hold_what_is_written_is_refused_with_an_example(
    structures: dict[str, str], expected: str
) -> None:
    assert expected in problems(structured(**structures))


@pytest.mark.parametrize(
    "structures",
    [
        {
            "request": "testa? richiesta+ coda?",
            "answer": "testa? richiesta* coda? nota?",
            "rejection": "testa? richiesta* coda?",
            "invoice": "testa? fattura* coda?",
        },
        {"answer": "testa richiesta* (coda | nota)"},
        # A file without requests has no answer.
        {"request": "testa (richiesta+ | nota) coda"},
        {"request": "testa richiesta* coda"},
        {"request": "testa richiesta richiesta richiesta+ coda"},
    ],
)
def test_a_structure_that_holds_more_than_is_written_is_let_through(structures: dict[str, str]) -> None:
    assert problems(structured(**structures)) == []


@pytest.mark.parametrize(("answer", "count"), [("IB disposizione+ EF", 0), ("IB (disposizione disposizione)+ EF", 1)])
def test_a_request_of_several_records_is_written_whole_or_not_at_all(answer: str, count: int) -> None:
    text = (LAYOUTS / "public" / "cbi-riba.toml").read_text()
    request = 'request = "IB disposizione+ EF"'
    assert request in text
    found = problems(text.replace(request, f'{request}, answer = "{answer}"'), "disposizione")
    assert len(found) == count
    assert all("a file `IB 14 20 30 40 50 51 70 EF` is in order" in problem for problem in found)
