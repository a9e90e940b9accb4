"""One suite over both ways of keeping requests, rows and chunks; `make test` runs it on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from tests.contract.keeping import AT, LATER, RAW, REFERENCES, SERVICES, Kept, N, answers_of, incoming

if TYPE_CHECKING:
    from cominflow.models import Arrival


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
    from cominflow.models import ChunkPayload, Request

    kept = keep(accepted=False)
    before = [*Request.objects.values_list("payload"), *ChunkPayload.objects.values_list("payload")]
    if kept.kind == "rows":
        requests.add(kept.arrival, None, 0, incoming())
        assert requests.stored(kept.arrival) == (0, N)
    else:
        requests.add(kept.arrival, 1, 4, incoming(4, N))
        assert requests.stored(kept.arrival) == (2, N)
    assert [*Request.objects.values_list("payload"), *ChunkPayload.objects.values_list("payload")] == before


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


def test_a_service_that_does_not_exist_is_refused_by_name(arrival_of: Callable[[str], Arrival]) -> None:
    from cominflow.errors import UsageError
    from cominflow.exchange import requests
    from cominflow.models import Service

    arrival = arrival_of("banca-demo")
    Service.objects.filter(code="VIS2").delete()
    with pytest.raises(UsageError, match="there is no service 'VIS2'"):
        requests.add(arrival, None, 0, incoming())


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
