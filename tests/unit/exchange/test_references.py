"""References: the hash is stored data, and slices find what a scan finds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from cominflow.exchange.stored.reference_runs import Run
    from cominflow.models import Arrival, Customer

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def test_the_hash_of_a_reference_is_the_same_in_every_release() -> None:
    from cominflow.text_hash import hash_of

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
    from cominflow.text_hash import hash_of, hashes

    column = pa.array(references, pa.string())[start:]
    assert hashes(column).tolist() == [hash_of(text or "") for text in references[start:]]


@given(st.lists(st.text(max_size=20), unique=True, max_size=200))
def test_different_references_have_different_hashes(references: list[str]) -> None:
    from cominflow.text_hash import hashes

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


@pytest.fixture
def customer(database: str) -> Customer:
    from cominflow.models import Customer

    return Customer.objects.create(code="banca-demo", name="Banca Demo", created_at=AT)


def accepted(customer: Customer, *, state: str = "QUEUED", at: datetime = AT) -> Arrival:
    """An arrival without requests."""
    from cominflow.models import Arrival

    number = Arrival.objects.count()
    return Arrival.objects.create(
        claim_id=f"{number:032d}", customer=customer, name=b"RV.txt", state=state, dev=1, ino=number, bytes_count=1,
        claimed_at=at, accepted_at=at,
    )  # fmt: skip


def keep(arrival: Arrival, hashes: list[int] | np.ndarray) -> dict[int, set[int]]:
    """Write a run of the arrival; hash -> places."""
    from cominflow.exchange.stored import reference_runs

    own = np.array(hashes, dtype=np.int64)
    places = reference_runs.place_of(arrival.pk, np.arange(len(own)))
    order = np.argsort(own, kind="stable")
    run = reference_runs.Run(own[order], places[order])
    reference_runs.keep(run, arrival.customer_id, arrival.accepted_at, arrival=arrival)
    return pairs(run)


def pairs(run: Run) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for hashed, place in zip(run.hashes.tolist(), run.places.tolist(), strict=True):
        found.setdefault(hashed, set()).add(place)
    return found


def merged() -> None:
    from cominflow.exchange import requests

    while requests.merge_references(references_max=1):
        pass


@pytest.mark.parametrize("sifted_max", [20_000, 0], ids=["by filters", "by a table"])
def test_few_and_many_are_found_in_runs_before_and_after_they_are_merged(
    customer: Customer, monkeypatch: pytest.MonkeyPatch, sifted_max: int
) -> None:
    from cominflow.exchange.stored import reference_runs, references
    from cominflow.models import ReferenceRun

    monkeypatch.setattr(reference_runs, "SLICE_REFERENCES", 16)
    monkeypatch.setattr(reference_runs, "MERGE_RUNS", 3)
    monkeypatch.setattr(references, "_SIFTED_MAX", sifted_max)
    chosen = np.random.default_rng(7)
    every = chosen.integers(-(2**63), 2**63 - 1, 900)
    every[100:180] = every[5]  # one reference that fills several slices
    expected: dict[int, set[int]] = {}
    for number in range(9):
        for hashed, places in keep(accepted(customer), every[number * 100 : (number + 1) * 100]).items():
            expected.setdefault(hashed, set()).update(places)
    absent = np.setdiff1d(chosen.integers(-(2**63), 2**63 - 1, 500), every)
    for wanted in (every[::7], absent, np.append(absent, every[400:500]), every[:6]):
        due = {hashed: expected[hashed] for hashed in set(wanted.tolist()) & set(expected)}
        assert pairs(references.matches(np.unique(wanted), customer_id=customer.pk)) == due
    merged()
    assert [run.references_count for run in ReferenceRun.objects.all()] == [900]
    for wanted in (every[::7], absent, every[:6]):
        due = {hashed: expected[hashed] for hashed in set(wanted.tolist()) & set(expected)}
        assert pairs(references.matches(np.unique(wanted), customer_id=customer.pk)) == due


def test_runs_are_merged_by_customer_month_and_size_and_none_that_is_being_read(
    customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cominflow.exchange.stored import reference_runs
    from cominflow.models import Arrival, Customer, ReferenceRun

    monkeypatch.setattr(reference_runs, "MERGE_RUNS", 2)
    other = Customer.objects.create(code="istituto-demo", name="Istituto Demo", created_at=AT)
    april = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
    keep(accepted(customer), [1, 2])
    keep(accepted(other), [1, 2])
    keep(accepted(customer, at=april), [1, 2])
    keep(accepted(customer), range(600))
    reading = accepted(customer, state="READING")
    keep(reading, [1, 2])
    merged()
    assert ReferenceRun.objects.count() == 5
    Arrival.objects.filter(pk=reading.pk).update(state="QUEUED")
    merged()
    runs = ReferenceRun.objects.filter(customer=customer, month=202603).order_by("pk")
    assert list(runs.values_list("references_count", "arrival")) == [(600, 4), (4, None)]


def test_what_was_purged_is_left_out_of_a_merge_and_never_found(
    customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cominflow.exchange.stored import reference_runs, references
    from cominflow.models import Arrival, ReferenceRun
    from cominflow.text_hash import hash_of

    monkeypatch.setattr(reference_runs, "MERGE_RUNS", 2)
    wanted = hash_of("RIF-1")
    arrivals = [accepted(customer) for _ in range(4)]
    for arrival in arrivals[:2]:
        keep(arrival, [wanted])
    merged()
    Arrival.objects.filter(pk=arrivals[0].pk).update(state="PURGED")
    assert [hit.arrival_id for hit in references.hits("RIF-1")] == [arrivals[1].pk]
    for arrival in arrivals[2:]:
        keep(arrival, [wanted])
    merged()
    assert ReferenceRun.objects.get().references_count == 3
    assert [hit.arrival_id for hit in references.hits("RIF-1")] == [one.pk for one in arrivals[:0:-1]]


def test_rows_give_their_hashes_to_a_run_when_they_are_many(
    customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cominflow.exchange import requests
    from cominflow.exchange.stored import reference_runs
    from cominflow.models import ReferenceRun, Request, Service

    monkeypatch.setattr(reference_runs, "SLICE_REFERENCES", 4)
    Service.objects.create(code="VIS1", title="Visura", provider="table")
    for number in range(3):
        names = [f"RIF-{number}", "", f"RIF-{number}-B"]
        requests.add(
            accepted(customer),
            None,
            0,
            requests.Incoming(
                references=pa.array(names),
                services=pa.array(["VIS1"] * 3),
                subjects=pa.array([""] * 3),
                raw=b"abc",
                offsets=np.arange(4, dtype=np.int64),
                columns=pa.table({}),
            ),
        )
        merged()
        assert ReferenceRun.objects.count() == (number > 0), "four of them fill a slice"
    assert Request.objects.filter(reference_hash__isnull=False).count() == 2, "the last two are fewer than that"
    for name, position in (("RIF-0", 0), ("RIF-1-B", 2), ("RIF-2", 0)):
        assert [place.position for place in requests.find(name)] == [position]


def test_a_run_that_is_merged_away_while_it_is_read_is_looked_for_again(
    customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cominflow.exchange.stored import reference_runs, references

    monkeypatch.setattr(reference_runs, "MERGE_RUNS", 2)
    expected = [keep(accepted(customer), [7]), keep(accepted(customer), [7, 8])]
    look_into = references._look_into

    def late(*arguments: object) -> None:
        monkeypatch.setattr(references, "_look_into", look_into)
        merged()
        look_into(*arguments)

    monkeypatch.setattr(references, "_look_into", late)
    assert pairs(references.matches(np.array([7]))) == {7: expected[0][7] | expected[1][7]}
