"""References: the hash is stored data, and slices find what a scan finds."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def test_the_hash_of_a_reference_is_the_same_in_every_release() -> None:
    from cominflow.exchange.stored.reference_hash import hash_of

    references = ["", "A", "RIF-0000001", "Perch\u00e9", "x" * 64, "x" * 65]
    assert [hash_of(text) for text in references] == [
        -2152535657050944081,
        -3404900422759618746,
        181415030080277082,
        -8979987213379888260,
        1913210707155720084,
        3947904110462928320,
    ]


@given(st.lists(st.one_of(st.none(), st.text(max_size=80)), max_size=30), st.integers(0, 5))
def test_a_reference_has_the_same_hash_alone_and_in_any_column(references: list[str | None], start: int) -> None:
    from cominflow.exchange.stored.reference_hash import hash_of, hashes

    column = pa.array(references, pa.string())[start:]
    assert hashes(column).tolist() == [hash_of(text or "") for text in references[start:]]


@given(st.lists(st.text(max_size=20), unique=True, max_size=200))
def test_different_references_have_different_hashes(references: list[str]) -> None:
    from cominflow.exchange.stored.reference_hash import hashes

    assert len(np.unique(hashes(pa.array(references, pa.string())))) == len(references)


def test_every_reference_of_a_large_file_is_found_in_one_slice(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from cominflow.exchange import requests
    from cominflow.exchange.stored import reference_runs
    from cominflow.models import Arrival, Customer, ReferenceRun, ReferenceSlice

    monkeypatch.setattr(reference_runs, "SLICE_REFERENCES", 64)
    monkeypatch.setattr(reference_runs, "RUN_REFERENCES", 500)
    customer = Customer.objects.create(code="banca-demo", name="Banca Demo", created_at=AT)
    arrival = Arrival.objects.create(
        claim_id="0" * 32, customer=customer, name=b"RV.txt", state="QUEUED", dev=1, ino=1, bytes_count=1, claimed_at=AT
    )  # fmt: skip
    names = [f"RIF-{number // 2}" for number in range(1_000)]
    for ordinal in range(10):
        count = 100
        requests.add(
            arrival,
            ordinal,
            ordinal * count,
            requests.Incoming(
                references=pa.array(names[ordinal * count : (ordinal + 1) * count]),
                services=pa.array(["VIS1"] * count),
                subjects=pa.array([""] * count),
                raw=b"x" * count,
                offsets=np.arange(count + 1, dtype=np.int64),
                columns=pa.table({}),
            ),
        )
    assert requests.write_references(arrival, at=AT) == 1_000
    assert (ReferenceRun.objects.count(), ReferenceSlice.objects.count()) == (2, 16)
    for name in ("RIF-0", "RIF-249", "RIF-250", "RIF-499"):
        found = [place.position for place in requests.find(name)]
        assert found == [i for i, known in enumerate(names) if known == name]
    assert requests.find("RIF-500") == []
