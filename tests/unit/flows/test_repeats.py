"""Repeats: what becomes of requests that were there before, by the words of the feed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cominflow.models import Arrival
    from tests.house import House

FIRST, SECOND, THIRD = (f"RV_20260301_00{number}.txt" for number in (1, 2, 3))
END = 'invalid   = "99"\n'


def agree(house: House, **rules: object) -> None:
    """Publish the bank's feed with these `repeats`."""
    words = "\n".join(
        f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in rules.items()
    )
    house.publish(feed={END: f"{END}\n[repeats]\n{words}\n"})


def again(content: bytes, *, changed: tuple[int, ...] = (), number: int = 2) -> bytes:
    """The same requests in another file: another number in its head; at the places `changed` another amount."""
    from tests.house import with_bytes

    content = with_bytes(content, 1, 19, f"{number:05d}".encode())
    lines = content.splitlines(keepends=True)
    for place in changed:
        line = lines[place + 1]
        assert line[41:52].isdigit(), line
        lines[place + 1] = line[:41] + f"{(int(line[41:52]) + 1) % 10**11:011d}".encode() + line[52:]
    # The total in the tail follows.
    total = sum(int(line[41:52]) for line in lines if line[:2] == b"20")
    lines[-1] = lines[-1][:9] + f"{total:015d}".encode() + lines[-1][24:]
    return b"".join(lines)


def outcomes(arrival: Arrival) -> list[tuple[str, str]]:
    from cominflow.exchange import requests

    return [
        (str(state), str(outcome))
        for portion in requests.read(arrival)
        for state, outcome in zip(portion.states, portion.outcomes, strict=True)
    ]


def charged(arrival: Arrival) -> int:
    from cominflow.models import Charge

    return sum(Charge.objects.filter(arrival=arrival).values_list("quantity", flat=True))


@pytest.fixture(params=["rows", "chunks"])
def house(request: pytest.FixtureRequest, house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """A system that keeps requests as rows, or all of them in chunks of four."""
    from cominflow.exchange.stored import chunks, reference_runs
    from cominflow.flows import receive

    if request.param == "chunks":
        monkeypatch.setattr(receive, "REQUESTS_AS_ROWS_MAX", 0)
        monkeypatch.setattr(receive, "CHUNK_REQUESTS", 4)
        monkeypatch.setattr(chunks, "CHUNK_REQUESTS", 4)
        monkeypatch.setattr(reference_runs, "RUN_REFERENCES", 8)
    return house


def test_the_files_of_these_tests_are_valid(house: House) -> None:
    from tests.house import bank_file, bank_layout
    from tracciati.reading import check

    assert check(again(bank_file(10), changed=(3, 9)), bank_layout(), unit="richiesta").errors_count == 0


def test_without_rules_everything_is_worked_and_charged_again(house: House) -> None:
    from tests.house import bank_file, scored

    content = bank_file(5)
    house.tell(scored(content))
    house.receive(FIRST, content)
    second = house.receive(SECOND, again(content))
    assert outcomes(second) == [("ANSWERED", "fulfilled")] * 5
    assert charged(second) == 5


def test_a_request_seen_before_is_refused_and_not_charged_and_a_changed_one_is_worked(house: House) -> None:
    from tests.house import answers, bank_file, scored

    agree(house, same_request="refuse", changed_request="new")
    content = bank_file(10)
    house.tell(scored(content))
    house.receive(FIRST, content)
    second = house.receive(SECOND, again(content, changed=(3, 9)))
    worked = {3: ("ANSWERED", "fulfilled"), 9: ("ANSWERED", "fulfilled")}
    assert outcomes(second) == [worked.get(place, ("REFUSED", "repeated")) for place in range(10)]
    assert (second.state, charged(second)) == ("CLOSED", 2)
    told = answers(house.outbox()["RV_20260301_002.A01"])
    assert told == [("00", 100 + place) if place in worked else ("91", None) for place in range(10)]


def test_the_receipt_names_what_was_repeated(house: House) -> None:
    from tests.house import bank_file, bank_layout, rows

    agree(house, same_request="refuse", changed_request="new")
    content = bank_file(6)
    first = house.receive(FIRST, content)
    house.receive(SECOND, again(content, changed=(0, 1, 2, 4)))
    receipt = house.receipt("RV_20260301_002.R01")
    names = [row["riferimento"] for row in rows(bank_layout(), content, "request", "richiesta")]
    assert (receipt["requests_accepted"], receipt["requests_repeated"], receipt["repeated_more"]) == (4, 2, 0)
    assert [(one["request"], one["reference"], one["earlier"]) for one in receipt["repeated"]] == [
        (4, names[3], f"{first.reference}/4"),
        (6, names[5], f"{first.reference}/6"),
    ]
    text = house.receipts()["RV_20260301_002.R01"].decode()
    assert f"4  {names[3]}: già ricevuta, non elaborata / received before, not processed ({first.reference}/4)" in text


def test_the_earlier_answer_is_given_again_and_not_charged(house: House) -> None:
    from tests.house import answers, bank_file, scored

    agree(house, same_request="answer-again")
    content = bank_file(6, by_hand=(5,))
    house.tell(scored(content, but=(2,)))
    house.receive(FIRST, content)
    house.tell({})
    second = house.receive(SECOND, again(content))
    assert outcomes(second) == [
        *[("ANSWERED", "repeated")] * 2,
        ("ANSWERED", "not_found"),
        *[("ANSWERED", "repeated")] * 2,
        ("REFUSED", "repeated"),
    ]
    assert charged(second) == 0
    told = answers(house.outbox()["RV_20260301_002.A01"])
    assert told == [("91", 100), ("91", 101), ("10", None), ("91", 103), ("91", 104), ("91", None)]


def test_a_change_cancels_an_open_request_and_is_worked(house: House) -> None:
    from cominflow.exchange import arrivals
    from tests.house import answers, bank_file, scored

    agree(house, same_request="refuse", changed_request="correct-if-open")
    content = bank_file(6, by_hand=(1, 4))
    house.tell(scored(content))
    first = house.receive(FIRST, content)
    assert first.state == "QUEUED"
    second = house.receive(SECOND, again(content, changed=(0, 1)))
    house.work()
    first.refresh_from_db()
    assert outcomes(first)[1] == ("CANCELLED", "cancelled")
    assert outcomes(second)[:2] == [("REFUSED", "repeated"), ("OPEN", "pending")], "the first was answered already"
    assert outcomes(second)[2:] == [("REFUSED", "repeated")] * 4
    assert answers(house.outbox()["RV_20260301_001.A02"]) == [("80", None)]
    house.answer(first, 4, punteggio=7)
    house.answer(second, 1, punteggio=8)
    house.work()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state, charged(first), charged(second)) == ("CLOSED", "CLOSED", 5, 1)
    (told,) = house.receipt("RV_20260301_002.R01")["repeated"][1:2]
    assert told["text_en"] == "takes the place of the earlier one, cancelled"
    assert arrivals.history(first)


def test_what_was_accepted_too_long_ago_does_not_count(house: House) -> None:
    from cominflow.models import Arrival, ReferenceRun
    from tests.house import bank_file

    agree(house, same_request="refuse", within_days=30)
    content = bank_file(3)
    first = house.receive(FIRST, content)
    for days, state in ((29, "REFUSED"), (31, "ANSWERED")):
        old = first.accepted_at - timedelta(days=days)
        Arrival.objects.filter(pk=first.pk).update(accepted_at=old)
        ReferenceRun.objects.filter(arrival=first).update(newest_at=old)
        arrival = house.receive(f"RV_20260301_0{days}.txt", again(content, number=days))
        assert {found for found, _ in outcomes(arrival)} == {state}
    same = house.receive("RV_20260301_040.txt", content)
    assert same.state == "CLOSED", "the same bytes are no duplicate any more either"


def accepted_earlier(arrival: Arrival, *, days: int) -> None:
    """Move an acceptance into the past."""
    from cominflow.models import Arrival

    Arrival.objects.filter(pk=arrival.pk).update(accepted_at=arrival.accepted_at - timedelta(days=days))


def test_a_content_counts_from_the_last_time_that_it_was_accepted(house: House) -> None:
    from tests.house import bank_file

    agree(house, within_days=30)
    content = bank_file(2)
    first = house.receive(FIRST, content)
    accepted_earlier(first, days=40)
    early = house.receive("RV_20260301_010.txt", content)
    third = house.receive(THIRD, content)
    assert (early.state, third.state, third.duplicate_of) == ("CLOSED", "DUPLICATE", early)
    accepted_earlier(early, days=35)
    house.release(third)
    house.work()
    fourth = house.receive("RV_20260301_004.txt", content)
    third.refresh_from_db()
    assert (fourth.state, fourth.duplicate_of) == ("DUPLICATE", third), "released now, it counts from now"


def test_of_copies_that_come_together_after_the_time_one_is_worked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    import inspect
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    from django.db import connection, connections

    from cominflow.flows import batch, repeats
    from cominflow.models import Arrival
    from tests.house import bank_file

    monkeypatch.setattr(batch, "LARGE_FILE_BYTES", 0)
    agree(house, within_days=30)
    content = bank_file(2)
    accepted_earlier(house.receive(FIRST, content), days=40)
    both = [house.send(name, content) for name in (SECOND, THIRD)]
    counts_as_seen, together = repeats.counts_as_seen, Barrier(2)
    seen: list[int] = []

    def slow(arrival: Arrival, twin: Arrival, **named: Any) -> bool:
        if arrival.pk not in seen and connection.vendor == "postgresql":  # on SQLite one writer waits for the other
            seen.append(arrival.pk)
            together.wait()  # both have looked, none has begun
        return counts_as_seen(arrival, twin, **named)

    def work(arrival: Arrival) -> None:
        try:
            inspect.unwrap(batch.process_batch)(arrival.batch_id)
        finally:
            connections.close_all()

    monkeypatch.setattr(repeats, "counts_as_seen", slow)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, both))
    found = sorted(Arrival.objects.get(pk=arrival.pk).state for arrival in both)
    assert found == ["CLOSED", "DUPLICATE"]


def test_the_same_bytes_are_read_when_the_feed_says_so(house: House) -> None:
    from tests.house import bank_file

    agree(house, same_file="read", same_request="refuse")
    content = bank_file(3)
    house.receive(FIRST, content)
    second = house.receive(SECOND, content)
    assert (second.state, outcomes(second)) == ("CLOSED", [("REFUSED", "repeated")] * 3)


def test_what_failed_or_was_refused_or_cancelled_was_not_seen(house: House) -> None:
    from tests.house import bank_file

    agree(house, same_request="refuse")
    content = bank_file(2, by_hand=(0, 1))
    first = house.receive(FIRST, content)
    house.answer(first, 0, "failed")
    house.work()
    second = house.receive(SECOND, again(content))
    assert outcomes(second) == [("OPEN", "pending"), ("REFUSED", "repeated")]
    third = house.receive(THIRD, again(content, number=3))
    assert outcomes(third) == [("REFUSED", "repeated")] * 2


def test_the_second_of_two_alike_in_one_file_follows_the_same_rules(house: House) -> None:
    from tests.house import LAYOUTS, bank_file

    layout = (LAYOUTS / "banca-demo" / "visure.toml").read_text()
    layout = layout.replace(' unique = "file",', "").replace('version    = "2.0.0"', 'version    = "2.1.0"')
    rules = {"same_request": "refuse", "changed_request": "correct-if-open"}
    words = "\n".join(f'{key} = "{value}"' for key, value in rules.items())
    house.publish(feed={END: f"{END}\n[repeats]\n{words}\n"}, layouts=[layout])
    lines = bank_file(12, by_hand=range(12)).splitlines(keepends=True)
    alike = {5: 1, 11: 1, 9: 3}  # place -> the place whose reference and content it takes
    for place, source in alike.items():
        lines[place + 1] = lines[place + 1][:9] + lines[source + 1][9:]
    content = again(b"".join(lines), changed=(9,))
    arrival = house.receive(FIRST, content)
    found = outcomes(arrival)
    assert [place for place, one in enumerate(found) if one == ("REFUSED", "repeated")] == [5, 11]
    assert [place for place, one in enumerate(found) if one == ("CANCELLED", "cancelled")] == [3]
    assert found.count(("OPEN", "pending")) == 9


def test_a_duplicate_is_released_anew_or_only_in_what_changed(house: House) -> None:
    from cominflow.flows import operate
    from tests.house import bank_file

    agree(house, same_request="refuse")
    content = bank_file(3, by_hand=(2,))
    first = house.receive(FIRST, content)
    house.answer(first, 2, "failed")
    house.work()
    second = house.receive(SECOND, content)
    third = house.receive(THIRD, content)
    assert (second.state, third.state) == ("DUPLICATE", "DUPLICATE")
    at: Any = second.claimed_at
    operate.release(second.pk, by="operator", reason="what failed", at=at, changed_only=True)
    house.work()
    assert outcomes(second) == [("REFUSED", "repeated")] * 2 + [("OPEN", "pending")]
    house.release(third)
    house.work()
    assert outcomes(third) == [("ANSWERED", "not_found")] * 2 + [("OPEN", "pending")]


def test_only_a_duplicate_is_released_in_what_changed(house: House) -> None:
    from cominflow.errors import UsageError
    from cominflow.flows import operate

    arrival = house.receive("pippo.doc", b"hello\n")
    with pytest.raises(UsageError, match="is QUARANTINED, not DUPLICATE"):
        operate.release(arrival.pk, by="operator", reason="x", at=arrival.claimed_at, changed_only=True)


def test_another_feed_of_the_customer_has_references_of_its_own(house: House) -> None:
    from cominflow import clock
    from cominflow.customers import register
    from cominflow.exchange import feeds
    from tests.house import LAYOUTS, bank_file

    agree(house, same_request="refuse")
    text = (LAYOUTS / "banca-demo" / "feed.toml").read_text()
    other = text.replace('"RV_{date', '"RX_{date') + '\n[repeats]\nsame_request = "refuse"\n'
    layout = {"layout.toml": (LAYOUTS / "banca-demo" / "visure.toml").read_text()}
    feeds.publish(register.find("banca-demo"), other, layout, at=clock.now(), by="a test", name="other")
    content = bank_file(2)
    house.receive(FIRST, content)
    arrival = house.receive("RX_20260301_001.txt", again(content))
    assert outcomes(arrival) == [("ANSWERED", "not_found")] * 2


def test_a_file_that_is_accepted_while_another_is_compared_counts(
    house: House, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    import inspect

    from cominflow.flows import batch, repeats
    from tests.house import bank_file

    if "chunks" not in request.node.name:
        return  # rows are compared under the lock
    monkeypatch.setattr(batch, "LARGE_FILE_BYTES", 0)
    agree(house, same_request="refuse")
    content = bank_file(10)
    slow = house.send(FIRST, content)
    quick = house.send(SECOND, again(content))
    look = repeats.look

    def interrupted(*arguments: Any, **named: Any) -> repeats.Looked:
        looked = look(*arguments, **named)
        monkeypatch.setattr(repeats, "look", look)
        inspect.unwrap(batch.process_batch)(quick.batch_id)
        return looked

    monkeypatch.setattr(repeats, "look", interrupted)
    inspect.unwrap(batch.process_batch)(slow.batch_id)
    assert outcomes(quick) == [("ANSWERED", "not_found")] * 10
    assert outcomes(slow) == [("REFUSED", "repeated")] * 10


def test_of_two_files_that_are_read_at_the_same_time_one_is_worked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    import inspect
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    from django.db import connections

    from cominflow.flows import batch
    from tests.house import bank_file

    monkeypatch.setattr(batch, "LARGE_FILE_BYTES", 0)
    agree(house, same_request="refuse", changed_request="correct-if-open")
    content = bank_file(10, by_hand=(3,))
    both = [house.send(FIRST, content), house.send(SECOND, again(content))]
    together = Barrier(2)

    def work(arrival: Arrival) -> None:
        try:
            together.wait()
            inspect.unwrap(batch.process_batch)(arrival.batch_id)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, both))
    worked = sorted([outcome for _, outcome in outcomes(arrival)] for arrival in both)
    assert worked == [[*["not_found"] * 3, "pending", *["not_found"] * 6], ["repeated"] * 10]


def test_what_is_cancelled_while_its_provider_is_asked_stays_cancelled(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    import inspect

    from cominflow.flows import batch
    from cominflow.fulfilment import provider
    from tests.house import bank_file

    monkeypatch.setattr(batch, "LARGE_FILE_BYTES", 0)
    agree(house, same_request="refuse", changed_request="correct-if-open")
    content = bank_file(3)
    first = house.send(FIRST, content)
    second = house.send(SECOND, again(content, changed=(1,)))
    ask = provider.ask

    def slow(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(provider, "ask", ask)
        inspect.unwrap(batch.process_batch)(second.batch_id)
        return ask(*arguments, **named)

    monkeypatch.setattr(provider, "ask", slow)
    house.work()
    house.work()
    assert [outcome for _, outcome in outcomes(first)] == ["not_found", "cancelled", "not_found"]
    assert [outcome for _, outcome in outcomes(second)] == ["repeated", "not_found", "repeated"]
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == ("CLOSED", "CLOSED")
