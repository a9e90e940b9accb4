"""One suite over both ways of keeping requests, rows and chunks; `make test` runs it on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

if TYPE_CHECKING:
    from cominflow.exchange.requests import Answers, Incoming, Portion
    from cominflow.models import Arrival

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)

# A request of two records, one of one, one of an empty record …: raw bytes of any length, and any bytes.
RAW = [b"20A\r\n21A\r\n", b"20B\r\n", b"", b"\x00\xff\n", b"20E\r\n", b"20F\r\n", b"20G"]
REFERENCES = ["RIF-1", "RIF-2", "", "Perch\u00e9", "RIF-5", "RIF-2", "RIF-7"]
SERVICES = ["VIS1", "VIS2", "VIS1", "VIS1", "VIS2", "VIS1", "VIS1"]
N = len(RAW)


@dataclass(frozen=True)
class Kept:
    """An arrival with N requests, and how they are kept."""

    arrival: Arrival
    kind: str

    def all(self) -> list[Portion]:
        """Its portions, read anew."""
        from cominflow.exchange import requests

        return list(requests.read(self.arrival))

    def texts(self, attribute: str) -> list[Any]:
        """One attribute of every request, in the order of the file."""
        return [value for portion in self.all() for value in getattr(portion, attribute).tolist()]

    def results(self) -> list[dict[str, Any]]:
        """The results of every request, missing fields left out."""
        rows: list[dict[str, Any]] = []
        for portion in self.all():
            found = portion.results.to_pylist() if portion.results.num_columns else [{}] * len(portion)
            rows += [{name: value for name, value in row.items() if value is not None} for row in found]
        return rows

    def answer(
        self,
        positions: Sequence[int],
        state: str,
        outcome: str,
        results: Any = None,
        *,
        by: str = "table",
        at: datetime = AT,
    ) -> None:
        """Store the same state and outcome for some positions, in whichever portions they are."""
        from cominflow.exchange import requests

        for portion in self.all():
            here = [i for i, position in enumerate(positions) if position in portion.positions]
            if here:
                table = pa.table({}) if results is None else pa.table(results).take(pa.array(here))
                answers = answers_of([positions[i] for i in here], state, outcome, table, by=by)
                requests.store(portion, answers, at=at)

    def deliver(self, number: int) -> None:
        """Mark what is fresh as gone out."""
        from cominflow.exchange import requests

        for portion in self.all():
            requests.mark_delivered(portion, number)


def answers_of(positions: Sequence[int], state: str, outcome: str, results: pa.Table, *, by: str = "table") -> Answers:
    from cominflow.exchange.requests import Answers

    count = len(positions)
    return Answers(
        positions=np.array(positions, np.int64),
        states=np.array([state] * count),
        outcomes=np.array([outcome] * count),
        results=results,
        by=by,
    )


def incoming(start: int = 0, stop: int = N, *, references: Sequence[str] = REFERENCES) -> Incoming:
    from cominflow.exchange.requests import Incoming

    raw = RAW[start:stop]
    every = {
        "importo": pa.array([Decimal(n) for n in ("12.50", "-0.01", "0", "7", "8", "9", "1")], pa.decimal128(11, 2)),
        "codice": pa.array(["00712", "", None, "\u00e8", "x", "y", "z"]),
        "numero": pa.array([1, -(2**62), None, 4, 5, 6, 7], pa.int64()),
        "richiesta.data": pa.array([date(2026, 2, 28), None, None, date(1, 1, 1), None, None, None], pa.date32()),
        "urgente": pa.array([True, False, None, True, None, None, None], pa.bool_()),
    }  # fmt: skip
    return Incoming(
        references=pa.array(references[start:stop], pa.string()),
        services=pa.array(SERVICES[start:stop], pa.string()),
        subjects=pa.array([f"SOGGETTO{i}" for i in range(start, stop)], pa.string()),
        raw=b"".join(raw),
        offsets=np.cumsum([0] + [len(piece) for piece in raw]).astype(np.int64),
        columns=pa.table(every).slice(start, stop - start),
    )


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
            requests.write_references(arrival)
            arrival.state = "QUEUED"
            arrival.save()
        return Kept(arrival, request.param)

    return make


@pytest.fixture
def kept(keep: Callable[..., Kept]) -> Kept:
    return keep()


def test_requests_come_back_as_they_went_in(kept: Kept) -> None:
    whole = incoming()
    portions = kept.all()
    assert b"".join(portion.raw for portion in portions) == whole.raw
    assert [p.raw[a:b] for p in portions for a, b in zip(p.offsets[:-1], p.offsets[1:], strict=True)] == RAW
    assert pa.concat_tables(p.columns for p in portions).combine_chunks().equals(whole.columns.combine_chunks())
    assert [r for p in portions for r in p.references.to_pylist()] == REFERENCES
    assert [s for p in portions for s in p.services.to_pylist()] == SERVICES
    assert [s for p in portions for s in p.subjects.to_pylist()] == [f"SOGGETTO{i}" for i in range(N)]
    assert kept.texts("positions") == list(range(N))
    assert kept.texts("states") == ["WAITING"] * N
    assert kept.texts("answered_at") == [None] * N


def test_storing_the_same_requests_again_changes_nothing(keep: Callable[..., Kept]) -> None:
    from cominflow.exchange import requests
    from cominflow.models import Chunk, Request

    kept = keep(accepted=False)
    before = [*Request.objects.values_list("payload"), *Chunk.objects.values_list("payload")]
    if kept.kind == "rows":
        requests.add(kept.arrival, None, 0, incoming())
        assert requests.stored(kept.arrival) == (0, N)
    else:
        requests.add(kept.arrival, 1, 4, incoming(4, N))
        assert requests.stored(kept.arrival) == (2, N)
    assert [*Request.objects.values_list("payload"), *Chunk.objects.values_list("payload")] == before


def test_other_requests_in_the_same_place_are_refused(keep: Callable[..., Kept]) -> None:
    from cominflow.errors import CominflowError
    from cominflow.exchange import requests

    kept = keep(accepted=False)
    other = ["ALTRO"] * N
    with pytest.raises(CominflowError, match="stored with other"):
        if kept.kind == "rows":
            requests.add(kept.arrival, None, 0, incoming(references=other))
        else:
            requests.add(kept.arrival, 0, 0, incoming(0, 4, references=other))


def test_a_reading_that_is_refused_leaves_no_request(keep: Callable[..., Kept]) -> None:
    from cominflow.exchange import requests

    kept = keep(accepted=False)
    requests.discard(kept.arrival)
    assert kept.all() == []
    assert requests.stored(kept.arrival) == (0, 0)


def test_first_answers_are_read_back_with_their_types(kept: Kept) -> None:
    results = {
        "punteggio": pa.array([712, None], pa.int64()),
        "nota": pa.array([None, "\u00c8 tutto"]),
        "saldo": pa.array([Decimal("0.10"), None], pa.decimal128(9, 2)),
        "data": pa.array([date(2026, 3, 1), None], pa.date32()),
        "attivo": pa.array([None, False]),
    }
    kept.answer([0, 5], "ANSWERED", "fulfilled", results)
    assert kept.texts("states") == ["ANSWERED", "WAITING", "WAITING", "WAITING", "WAITING", "ANSWERED", "WAITING"]
    assert kept.texts("outcomes")[5] == "fulfilled"
    assert kept.results()[0] == {"punteggio": 712, "saldo": Decimal("0.10"), "data": date(2026, 3, 1)}
    assert kept.results()[5] == {"nota": "\u00c8 tutto", "attivo": False}
    assert kept.texts("answered_by")[5] == "table"
    assert kept.texts("answered_at")[5] == AT.replace(tzinfo=None)


def test_answers_without_results_are_answers_all_the_same(kept: Kept) -> None:
    kept.answer(range(N), "ANSWERED", "not_found")
    assert kept.texts("outcomes") == ["not_found"] * N
    assert kept.results() == [{}] * N


def test_an_open_request_is_answered_later_and_the_later_answer_holds(kept: Kept) -> None:
    kept.answer(range(N), "OPEN", "pending")
    kept.answer([1, 6], "ANSWERED", "fulfilled", {"punteggio": [1, 2]}, by="rossi", at=LATER)
    assert kept.texts("states") == ["OPEN", "ANSWERED", "OPEN", "OPEN", "OPEN", "OPEN", "ANSWERED"]
    assert kept.texts("revisions") == [0, 1, 0, 0, 0, 0, 1]
    assert kept.results()[6] == {"punteggio": 2}
    assert kept.texts("answered_by")[1] == "rossi"
    assert kept.texts("answered_at")[1] == LATER.replace(tzinfo=None)


def test_a_correction_replaces_the_whole_answer(kept: Kept) -> None:
    kept.answer([0], "ANSWERED", "fulfilled", {"punteggio": [712], "nota": ["prima"]})
    kept.deliver(1)
    kept.answer([0], "CORRECTED", "fulfilled", {"punteggio": [713]}, at=LATER)
    assert kept.results()[0] == {"punteggio": 713}
    assert kept.texts("revisions")[0] == 1
    assert kept.texts("deliveries")[0] == 0


def test_results_of_two_services_share_a_column_without_losing_a_digit(kept: Kept) -> None:
    kept.answer([0], "ANSWERED", "fulfilled", {"valore": pa.array([7], pa.int64())})
    kept.answer([1], "ANSWERED", "fulfilled", {"valore": pa.array([Decimal("1.25")], pa.decimal128(5, 2))})
    assert kept.results()[:3] == [{"valore": "7"}, {"valore": "1.25"}, {}]
    kept.answer([2], "ANSWERED", "fulfilled", {"valore": ["007"]})
    kept.answer([3], "OPEN", "pending")
    kept.answer([3], "ANSWERED", "fulfilled", {"valore": pa.array([True])})
    assert [row["valore"] for row in kept.results()[:4]] == ["7", "1.25", "007", "true"]


def test_decimals_of_one_scale_stay_decimals(kept: Kept) -> None:
    kept.answer([0], "ANSWERED", "fulfilled", {"valore": pa.array([Decimal("1.25")], pa.decimal128(3, 2))})
    kept.answer([1], "ANSWERED", "fulfilled", {"valore": pa.array([Decimal("99999.00")], pa.decimal128(7, 2))})
    assert kept.results()[:2] == [{"valore": Decimal("1.25")}, {"valore": Decimal("99999.00")}]


def test_counters_add_up_to_the_requests_through_every_state(kept: Kept) -> None:
    from cominflow.exchange import requests

    assert requests.counts(kept.arrival)["waiting"] == N
    kept.answer([0, 1, 2, 3], "OPEN", "pending")
    kept.answer([0], "ANSWERED", "fulfilled")
    kept.answer([0], "CORRECTED", "fulfilled")
    kept.answer([1], "EXPIRED", "expired")
    kept.answer([2], "CANCELLED", "cancelled")
    kept.answer([4, 5], "REFUSED", "no_credit")
    found = requests.counts(kept.arrival)
    assert found == {"waiting": 1, "open": 1, "answered": 1, "refused": 2, "cancelled": 1, "expired": 1}
    kept.answer([1], "ANSWERED", "fulfilled", {"punteggio": [1]})
    found = requests.counts(kept.arrival)
    assert (found["answered"], found["expired"], sum(found.values())) == (2, 0, N)


def test_an_answered_request_is_not_answered_again_and_nothing_of_the_attempt_is_kept(kept: Kept) -> None:
    from cominflow.errors import UsageError
    from cominflow.exchange import requests

    kept.answer([1], "ANSWERED", "fulfilled", {"punteggio": [1]})
    with pytest.raises(UsageError, match=rf"request A-{kept.arrival.pk}/2 is ANSWERED and cannot become ANSWERED"):
        kept.answer([0, 1], "ANSWERED", "fulfilled", {"punteggio": [8, 9]})
    assert kept.results()[:2] == [{}, {"punteggio": 1}]
    assert requests.counts(kept.arrival)["answered"] == 1


def test_every_move_that_the_table_lacks_is_refused(keep: Callable[..., Kept]) -> None:
    from cominflow.errors import UsageError
    from cominflow.exchange.request_states import MOVES, STATES

    ways = {"WAITING": [], "CORRECTED": ["ANSWERED", "CORRECTED"]} | {
        state: [state] for state in STATES if state not in ("WAITING", "CORRECTED")
    }
    for state in STATES:
        kept = keep()
        for step in ways[state]:
            kept.answer([0], step, "pending")
        for wanted in sorted(set(STATES) - MOVES[state]):
            with pytest.raises(UsageError, match=f"is {state} and cannot become {wanted}"):
                kept.answer([0], wanted, "pending")


def test_reading_by_state_leaves_the_others_out(kept: Kept) -> None:
    from cominflow.exchange import requests

    kept.answer([0, 2, 5], "OPEN", "pending")
    portions = list(requests.read(kept.arrival, states={"OPEN"}))
    assert [int(p) for portion in portions for p in portion.positions] == [0, 2, 5]
    assert b"".join(portion.raw for portion in portions) == RAW[0] + RAW[2] + RAW[5]
    assert [c for portion in portions for c in portion.columns.column("codice").to_pylist()] == ["00712", None, "y"]
    assert list(requests.read(kept.arrival, states={"REFUSED"})) == []
    ordinals = requests.waiting_ordinals(kept.arrival)
    assert ordinals == ([-1] if kept.kind == "rows" else [0, 1])
    one = requests.read_portion(kept.arrival, ordinals[-1], states={"WAITING"})
    assert one is not None and one.positions[-1] == 6
    kept.answer([1, 3, 4, 6], "ANSWERED", "fulfilled")
    assert requests.waiting_ordinals(kept.arrival) == []
    assert requests.read_portion(kept.arrival, ordinals[-1], states={"WAITING"}) is None


def test_a_filtered_portion_can_be_answered(kept: Kept) -> None:
    from cominflow.exchange import requests

    kept.answer([0, 2, 5], "OPEN", "pending")
    for portion in requests.read(kept.arrival, states={"OPEN"}):
        answers = answers_of(portion.positions.tolist(), "ANSWERED", "fulfilled", pa.table({}))
        requests.store(portion, answers, at=LATER)
    assert [i for i, state in enumerate(kept.texts("states")) if state == "ANSWERED"] == [0, 2, 5]


def test_an_answer_goes_out_once_and_a_late_one_with_the_next_delivery(kept: Kept) -> None:
    kept.answer([0, 1, 2, 3], "ANSWERED", "fulfilled")
    kept.answer([4, 5, 6], "OPEN", "pending")
    kept.deliver(1)
    assert kept.texts("deliveries") == [1, 1, 1, 1, 0, 0, 0]
    kept.answer([5], "ANSWERED", "fulfilled", at=LATER)
    kept.deliver(2)
    kept.answer([4], "ANSWERED", "not_found", at=LATER)
    kept.deliver(3)
    kept.deliver(4)
    assert kept.texts("deliveries") == [1, 1, 1, 1, 3, 2, 0]


def test_an_answer_stored_after_the_portion_was_read_is_not_marked_with_it(kept: Kept) -> None:
    from cominflow.exchange import requests

    kept.answer([0, 4], "ANSWERED", "fulfilled")
    kept.answer([1, 5], "OPEN", "pending")
    read_before = kept.all()
    kept.answer([2, 6], "ANSWERED", "fulfilled")
    kept.answer([1], "ANSWERED", "fulfilled")
    kept.answer([0], "CORRECTED", "fulfilled")
    for portion in read_before:
        requests.mark_delivered(portion, 1)
    assert kept.texts("deliveries") == [0, 0, 0, 0, 1, 0, 0]
    kept.deliver(2)
    assert kept.texts("deliveries") == [2, 2, 2, 0, 1, 0, 2]


def test_a_first_answer_after_a_delivery_goes_out_with_the_next_one(kept: Kept) -> None:
    kept.answer([0, 4], "ANSWERED", "fulfilled")
    kept.deliver(1)
    kept.answer([1, 5], "ANSWERED", "fulfilled", {"punteggio": [1, 2]}, at=LATER)
    assert kept.texts("deliveries") == [1, 0, 0, 0, 1, 0, 0]
    kept.deliver(2)
    assert kept.texts("deliveries") == [1, 2, 0, 0, 1, 2, 0]
    assert kept.results()[5] == {"punteggio": 2}


def test_merging_changes_nothing_that_is_read(kept: Kept) -> None:
    from cominflow.exchange import requests
    from cominflow.models import Overlay

    kept.answer([0, 1, 2, 3], "ANSWERED", "fulfilled", {"punteggio": [1, 2, 3, 4]})
    kept.answer([4, 5, 6], "OPEN", "pending")
    kept.deliver(1)
    kept.answer([0], "CORRECTED", "fulfilled", {"nota": ["corretta"]}, by="rossi", at=LATER)
    kept.answer([4, 6], "ANSWERED", "fulfilled", {"punteggio": ["05", "07"]}, by="bianchi", at=LATER)
    assert requests.merge(kept.arrival) == 0, "an answer has not gone out yet"
    kept.deliver(2)
    seen = ("states", "outcomes", "revisions", "deliveries", "answered_by", "answered_at")
    before = [kept.texts(name) for name in seen], kept.results()
    assert requests.merge(kept.arrival) == (0 if kept.kind == "rows" else 1), "the second chunk has an open request"
    assert ([kept.texts(name) for name in seen], kept.results()) == before
    kept.answer([5], "ANSWERED", "fulfilled", {"punteggio": ["06"]}, at=LATER)
    kept.deliver(3)
    before = [kept.texts(name) for name in seen], kept.results()
    assert requests.merge(kept.arrival) == (0 if kept.kind == "rows" else 1)
    assert ([kept.texts(name) for name in seen], kept.results()) == before
    assert not Overlay.objects.exists()
    assert requests.merge(kept.arrival) == 0
    kept.answer([5], "CORRECTED", "fulfilled", {"punteggio": ["66"]}, at=LATER)
    assert (kept.texts("revisions")[5], kept.texts("deliveries")[5]) == (2, 0)


def test_a_request_is_found_by_its_reference_in_every_file_and_only_the_customers_own(
    keep: Callable[..., Kept],
) -> None:
    from cominflow.exchange import requests

    first, second = keep(), keep()
    foreign = keep("istituto-demo")
    places = requests.find("RIF-2", customer=first.arrival.customer)
    assert [(p.arrival_id, p.position) for p in places] == [
        (second.arrival.pk, 1), (second.arrival.pk, 5), (first.arrival.pk, 1), (first.arrival.pk, 5),
    ]  # fmt: skip
    assert len(requests.find("RIF-2")) == 6
    assert {p.customer for p in requests.find("Perch\u00e9", customer=foreign.arrival.customer)} == {"istituto-demo"}
    assert requests.find("RIF-") == []
    assert requests.find("") == []


def test_a_request_is_not_found_before_its_file_is_accepted(keep: Callable[..., Kept]) -> None:
    from cominflow.exchange import requests

    keep(accepted=False)
    assert requests.find("RIF-1") == []


def test_a_place_says_what_became_of_the_request_and_hides_the_person(kept: Kept) -> None:
    from cominflow.errors import UsageError
    from cominflow.exchange import requests

    kept.answer([3], "ANSWERED", "fulfilled", {"punteggio": [712]}, by="rossi", at=LATER)
    kept.deliver(1)
    place = requests.place(kept.arrival, 3)
    assert (place.reference, place.service, place.state, place.outcome) == (
        "Perch\u00e9",
        "VIS1",
        "ANSWERED",
        "fulfilled",
    )
    assert (place.delivery_number, place.answered_by, place.answered_at) == (1, "rossi", LATER)
    assert (place.subject, place.results["punteggio"], place.columns["codice"]) == ("SOGGETTO3", 712, "\u00e8")
    assert "SOGGETTO3" not in repr(place)
    with pytest.raises(UsageError, match=rf"arrival A-{kept.arrival.pk} has no request 8"):
        requests.place(kept.arrival, N)


def test_the_work_list_shows_what_is_open_and_an_entry_can_be_answered(keep: Callable[..., Kept]) -> None:
    from cominflow.exchange import requests

    kept, other = keep(), keep("istituto-demo")
    kept.answer([1, 3, 4], "OPEN", "pending")
    other.answer([0], "OPEN", "pending")
    mine = list(requests.open_items(customer=kept.arrival.customer))
    assert [(p.arrival_id, p.position) for p in mine] == [
        (kept.arrival.pk, 1),
        (kept.arrival.pk, 3),
        (kept.arrival.pk, 4),
    ]
    assert [(p.customer, p.position) for p in requests.open_items(service="VIS1")] == [
        ("banca-demo", 3),
        ("istituto-demo", 0),
    ]
    last = mine[-1]
    requests.store(last, answers_of([last.position], "ANSWERED", "fulfilled", pa.table({"punteggio": ["7"]})), at=LATER)
    assert [p.position for p in requests.open_items(customer=kept.arrival.customer)] == [1, 3]


def test_references_are_written_once(keep: Callable[..., Kept]) -> None:
    from cominflow.exchange import requests

    kept = keep(accepted=False)
    assert requests.write_references(kept.arrival) == (0 if kept.kind == "rows" else N - 1), "the empty one is left out"
    assert requests.write_references(kept.arrival) == 0


def test_a_service_that_does_not_exist_is_refused_by_name(arrival_of: Callable[[str], Arrival]) -> None:
    from cominflow.errors import UsageError
    from cominflow.exchange import requests
    from cominflow.models import Service

    arrival = arrival_of("banca-demo")
    Service.objects.filter(code="VIS2").delete()
    with pytest.raises(UsageError, match="there is no service 'VIS2'"):
        requests.add(arrival, None, 0, incoming())


def test_answers_given_at_the_same_time_are_all_kept(kept: Kept) -> None:
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    from django.db import connections

    from cominflow.exchange import requests

    kept.answer([0, 1, 2, 3], "OPEN", "pending")
    place = requests.place(kept.arrival, 0)
    together = Barrier(4)

    def give(position: int) -> None:
        try:
            together.wait()
            answers = answers_of([position], "ANSWERED", "fulfilled", pa.table({"punteggio": [position]}))
            requests.store(place, answers, at=LATER)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as people:
        list(people.map(give, range(4)))
    assert kept.results()[:4] == [{"punteggio": position} for position in range(4)]
    assert requests.counts(kept.arrival)["answered"] == 4


def test_a_store_that_its_transaction_takes_back_leaves_no_trace(kept: Kept) -> None:
    from django.db import transaction

    from cominflow.exchange import requests

    class Killed(Exception):
        pass

    with pytest.raises(Killed), transaction.atomic():
        kept.answer(range(N), "ANSWERED", "fulfilled", {"punteggio": list(range(N))})
        kept.deliver(1)
        raise Killed
    assert requests.counts(kept.arrival)["waiting"] == N
    assert kept.texts("deliveries") == [0] * N
    kept.answer(range(N), "ANSWERED", "fulfilled", {"punteggio": list(range(N))})
    assert kept.results() == [{"punteggio": position} for position in range(N)]
