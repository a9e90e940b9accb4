"""Rows and chunks alike: deliveries, merging, finding a request, and the work list."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from tests.contract.keeping import AT, LATER, Kept, N, answers_of

if TYPE_CHECKING:
    pass


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
    assert requests.open_count() == 4
    assert requests.open_count(customer=kept.arrival.customer) == 3
    assert requests.open_count(service="VIS1") == 2
    assert requests.open_count(customer=kept.arrival.customer, service="VIS2") == 2
    last = mine[-1]
    requests.store(last, answers_of([last.position], "ANSWERED", "fulfilled", pa.table({"punteggio": ["7"]})), at=LATER)
    assert [p.position for p in requests.open_items(customer=kept.arrival.customer)] == [1, 3]
    assert requests.open_count() == 3


def test_a_persons_answer_that_has_not_gone_out_is_taken_back_and_given_anew(kept: Kept) -> None:
    from cominflow.exchange import requests

    kept.answer([0, 1, 2, 3], "ANSWERED", "fulfilled", {"punteggio": [1, 2, 3, 4]})
    kept.answer([4, 5, 6], "OPEN", "pending")
    kept.deliver(1)
    kept.answer([5], "ANSWERED", "fulfilled", {"punteggio": [6]}, by="rossi", at=LATER)
    requests.retract(requests.place(kept.arrival, 5), by="bianchi", at=LATER)
    assert (kept.texts("states")[5], kept.texts("outcomes")[5], kept.results()[5]) == ("OPEN", "pending", {})
    assert (kept.texts("revisions")[5], kept.texts("answered_by")[5]) == (2, "bianchi")
    assert requests.counts(kept.arrival) == {
        "waiting": 0, "open": 3, "answered": 4, "refused": 0, "cancelled": 0, "expired": 0,
    }  # fmt: skip
    assert [place.position for place in requests.open_items()] == [4, 5, 6]
    kept.deliver(2)
    assert kept.texts("deliveries") == [1, 1, 1, 1, 0, 0, 0], "an open request goes out with nothing"
    assert kept.results()[:4] == [{"punteggio": number} for number in (1, 2, 3, 4)]
    kept.answer([4, 5, 6], "ANSWERED", "fulfilled", {"punteggio": [50, 60, 70]}, by="rossi", at=LATER)
    kept.deliver(3)
    assert (kept.texts("deliveries")[4:], kept.results()[5]) == ([3, 3, 3], {"punteggio": 60})
    requests.merge(kept.arrival)
    assert (kept.texts("revisions")[5], kept.results()[5]) == (3, {"punteggio": 60})


def test_an_answer_that_has_gone_out_or_came_from_a_provider_is_not_taken_back(kept: Kept) -> None:
    from cominflow.errors import UsageError
    from cominflow.exchange import requests

    kept.answer([0, 4], "ANSWERED", "fulfilled", {"punteggio": [1, 5]})
    kept.answer([1, 5], "OPEN", "pending")
    kept.answer([1, 5], "ANSWERED", "fulfilled", {"punteggio": [2, 6]}, by="rossi")
    for position in (0, 4):
        with pytest.raises(UsageError, match=rf"the answer of A-{kept.arrival.pk}/{position + 1} cannot be taken back"):
            requests.retract(requests.place(kept.arrival, position), by="rossi", at=LATER)
    kept.deliver(1)
    before = kept.texts("states"), kept.texts("revisions"), kept.results()
    for position in (1, 5):
        with pytest.raises(UsageError, match="it has gone out, or its provider gave it"):
            requests.retract(requests.place(kept.arrival, position), by="rossi", at=LATER)
    requests.merge(kept.arrival)
    with pytest.raises(UsageError, match="it has gone out"):
        requests.retract(requests.place(kept.arrival, 1), by="rossi", at=LATER)
    assert (kept.texts("states"), kept.texts("revisions"), kept.results()) == before


def test_an_assignment_ends_when_its_request_is_open_no_more_and_no_other_does(keep: Callable[..., Kept]) -> None:
    from cominflow.exchange import assignments
    from cominflow.models import WorkAssignment

    kept, other = keep(), keep("istituto-demo")
    kept.answer([1, 3, 5], "OPEN", "pending")
    other.answer([1], "OPEN", "pending")
    for arrival, position in ((kept.arrival, 1), (kept.arrival, 3), (kept.arrival, 5), (other.arrival, 1)):
        WorkAssignment.objects.create(
            arrival=arrival, position=position, assignee="rossi", assigned_at=LATER, assigned_by="bianchi"
        )
    kept.answer([1], "ANSWERED", "fulfilled", by="verdi", at=LATER)
    kept.answer([5], "CANCELLED", "failed", by="verdi", at=LATER)
    assert set(assignments.assignees()) == {(kept.arrival.pk, 3), (other.arrival.pk, 1)}


def test_references_are_written_once(keep: Callable[..., Kept]) -> None:
    from cominflow.exchange import requests

    kept = keep(accepted=False)
    for _ in range(2):
        written = requests.write_references(kept.arrival, at=AT)
        assert written == (0 if kept.kind == "rows" else N - 1), "the empty one is left out"
    kept.arrival.state = "QUEUED"
    kept.arrival.save()
    assert [place.position for place in requests.find("RIF-1")] == [0]


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
