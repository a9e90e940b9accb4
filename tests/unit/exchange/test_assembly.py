"""Assembly: layouts whose answers could not be put together are refused when they are published, not when they fail."""

from __future__ import annotations

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
    beside = BANK.replace('request   = "testa richiesta+ coda"', 'request = "testa nota? richiesta+ nota? coda"') + NOTE
    assert problems(beside.replace('"testa nota? richiesta+ nota? coda"', '"testa nota? richiesta+ coda"')) == []


def test_an_invoice_needs_one_record_for_its_lines_and_nothing_new_around_them() -> None:
    without = BANK.replace('from = "line.reference"', "required = false").replace(', from = "line.net"', "")
    (problem,) = problems(without.replace(', from = "line.vat"', ""))
    assert "needs one record with fields `from" in problem and "it has none" in problem
    text = BANK.replace('invoice   = "testa fattura+ coda"', 'invoice = "testa nota fattura+ coda"')
    (problem,) = problems(text + NOTE.replace("match", 'only = "invoice"\nmatch'))
    assert "the invoice structure has nota" in problem
