"""The second opinion's own arithmetic, against the first one's: two programs, one result."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cominflow import text_hash
from cominflow.billing import charges
from cominflow.invoicing import vat
from cominflow.money import E8
from cominflow.reconciliation.amounts import cents_of, vat_of
from cominflow.reconciliation.reference_hash import hash_of


@given(st.text(max_size=100))
def test_a_reference_has_one_hash_whoever_computes_it(reference: str) -> None:
    assert hash_of(reference) == text_hash.hash_of(reference)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 63, 64, 65, 500])
def test_the_hash_is_the_same_at_the_edges_of_its_words(length: int) -> None:
    reference = "à" * (length // 2) + "x" * (length % 2)
    assert len(reference.encode()) == length
    assert hash_of(reference) == text_hash.hash_of(reference)


@given(st.integers(0, 10**10), st.lists(st.integers(1, 10_000), max_size=5))
def test_parts_of_a_line_are_rounded_alike(unit_price_e8: int, quantities: list[int]) -> None:
    totals = np.cumsum([0, *quantities]).tolist()
    for before, quantity in zip(totals, quantities, strict=False):
        due = cents_of(unit_price_e8, before + quantity) - cents_of(unit_price_e8, before)
        assert due == charges.part(E8(unit_price_e8), before, quantity)


@given(st.lists(st.tuples(st.sampled_from([0, 400, 1000, 2200]), st.integers(0, 10**9)), max_size=8))
def test_the_vat_of_a_rate_is_rounded_alike(lines: list[tuple[int, int]]) -> None:
    for group in vat.groups(lines):
        assert vat_of(sum(net for rate, net in lines if rate == group.rate_bp), group.rate_bp) == group.vat_cents


def test_a_day_in_italy_has_its_own_first_instant_and_may_be_shorter() -> None:
    """Asked in a process of its own: the module needs Django, which this test does without."""
    program = (
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'cominflow.settings'\n"
        "import django, json; django.setup()\n"
        "from datetime import UTC, date\n"
        "from cominflow.reconciliation.block import bounds\n"
        "print(json.dumps([[i.astimezone(UTC).isoformat() for i in bounds(date(2026, 3, d))] for d in (1, 29)]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [
        ["2026-02-28T23:00:00+00:00", "2026-03-01T23:00:00+00:00"],
        ["2026-03-28T23:00:00+00:00", "2026-03-29T22:00:00+00:00"],
    ]
