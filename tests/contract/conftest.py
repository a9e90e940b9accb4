"""Arrivals of requests, kept both ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pytest

from tests.contract.keeping import AT, REFERENCES, Kept, N, incoming

if TYPE_CHECKING:
    from cominflow.models import Arrival


@pytest.fixture
def arrival_of(database: str) -> Callable[[str], Arrival]:
    """`arrival_of("banca-demo")`: a new arrival, being read, of that customer."""
    from cominflow.models import Arrival, Customer, Service

    Service.objects.create(code="VIS1", title="Visura", provider="table")
    Service.objects.create(code="VIS2", title="Visura storica", provider="manual")

    def make(code: str) -> Arrival:
        customer, _ = Customer.objects.get_or_create(code=code, defaults={"name": code, "created_at": AT})
        count = Arrival.objects.count()
        return Arrival.objects.create(
            claim_id=f"{count:032d}", customer=customer, name=b"RV.txt", state="READING", dev=1, ino=count,
            bytes_count=1, claimed_at=AT,
        )  # fmt: skip

    return make


@pytest.fixture(params=["rows", "chunks"])
def keep(request: pytest.FixtureRequest, arrival_of: Callable[[str], Arrival]) -> Callable[..., Kept]:
    """`keep()`: an accepted arrival of the seven requests, as rows or as two chunks of four and three."""
    from cominflow.exchange import requests

    def make(code: str = "banca-demo", *, accepted: bool = True, references: Sequence[str] = REFERENCES) -> Kept:
        arrival = arrival_of(code)
        if request.param == "rows":
            requests.add(arrival, None, 0, incoming(references=references))
        else:
            requests.add(arrival, 0, 0, incoming(0, 4, references=references))
            requests.add(arrival, 1, 4, incoming(4, N, references=references))
        if accepted:
            requests.write_references(arrival, at=AT)
            arrival.state = "QUEUED"
            arrival.save()
        return Kept(arrival, request.param)

    return make


@pytest.fixture
def kept(keep: Callable[..., Kept]) -> Kept:
    return keep()
