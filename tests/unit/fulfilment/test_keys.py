"""Keys of a table: every request finds the row that a dictionary would give it, whatever the hashes are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cominflow import text_hash
from cominflow.fulfilment import keys

TEXTS = st.lists(st.one_of(st.none(), st.text("AB \u00e8", max_size=3)), max_size=40)


def same_for_all(texts: pa.StringArray) -> Any:
    return np.zeros(len(texts), np.int64)


@pytest.mark.parametrize("hashing", [text_hash.hashes, same_for_all], ids=["as it is", "every hash the same"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(there=TEXTS, asked=TEXTS)
def test_a_key_is_found_as_in_a_dictionary(
    monkeypatch: pytest.MonkeyPatch, hashing: Callable[..., Any], there: list[str | None], asked: list[str | None]
) -> None:
    monkeypatch.setattr(keys, "hashes", hashing)
    once = [None if text in there[:row] else text for row, text in enumerate(there)]
    found = keys.Keys(pa.array(once, pa.string()))
    expected = {text: row for row, text in enumerate(once) if text is not None}
    assert found.repeated == []
    places = found.places(pa.array(asked, pa.string())).tolist()
    assert places == [-1 if text is None else expected.get(text, -1) for text in asked]


@given(TEXTS)
def test_what_stands_in_two_rows_is_told(there: list[str | None]) -> None:
    known = [text for text in there if text is not None]
    found = keys.Keys(pa.array(there, pa.string())).repeated
    assert sorted(found) == sorted({text for text in known if known.count(text) > 1})
