"""Columns of few different texts."""

from __future__ import annotations

import numpy as np
import pytest

from cominflow.exchange.stored import columns


@pytest.mark.parametrize("distinct", [0, 1, 3, 127, 128, 129, 300])
def test_texts_come_back_from_a_dictionary_however_many_they_are(distinct: int) -> None:
    words = np.array([f"collega {number % distinct}" for number in range(1_000 if distinct else 0)], np.str_)
    encoded = columns.dictionary(words)
    assert len(encoded.dictionary) == distinct
    assert columns.texts(encoded).tolist() == words.tolist()
