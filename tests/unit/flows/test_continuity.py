"""Continuity: what becomes of a file that does not go on from those its feed accepted before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tracciati.errors import LayoutError

if TYPE_CHECKING:
    from cominflow.models import Arrival
    from tests.house import House

END = 'invalid   = "99"\n'


@pytest.fixture(params=["rows", "chunks"])
def house(request: pytest.FixtureRequest, house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """A system that keeps requests as rows, or all of them in chunks."""
    if request.param == "chunks":
        from cominflow.flows import receive

        monkeypatch.setattr(receive, "REQUESTS_AS_ROWS_MAX", 0)
    return house


def agree(house: House, words: str) -> None:
    """Publish the bank's feed with this `continuity`."""
    house.publish(feed={END: f"{END}\n[continuity]\n{words}\n"})


def numbered(number: int, *, count: int = 2) -> bytes:
    """A file with that number in its head."""
    from tests.house import bank_file, with_bytes

    return with_bytes(bank_file(count), 1, 19, f"{number:05d}".encode())


def receive(house: House, number: int, **more: Any) -> Arrival:
    from cominflow.models import Arrival

    name = f"RV_20260301_{1 + Arrival.objects.count():03}.txt"
    return house.receive(name, numbered(number, **more))


def receipt(house: House, arrival: Arrival) -> dict[str, Any]:
    return house.receipt(f"{arrival.shown_name.removesuffix('.txt')}.R01")


def told(house: House, arrival: Arrival) -> list[tuple[str, str, str]]:
    """What the receipt says of it: code, severity and words."""
    return [(one["code"], one["severity"], one["text_en"]) for one in receipt(house, arrival)["findings"]]


def is_accepted(arrival: Arrival) -> bool:
    return arrival.accepted_at is not None


def test_without_the_feeds_word_numbers_are_not_compared(house: House) -> None:
    for count, number in enumerate((12, 12, 40), 2):
        arrival = receive(house, number, count=count)
        assert is_accepted(arrival) and told(house, arrival) == []


def test_files_that_go_on_are_accepted_without_a_word(house: House) -> None:
    agree(house, 'gap = "refuse"')
    for number in (12, 13, 14):
        arrival = receive(house, number)
        assert is_accepted(arrival) and told(house, arrival) == []


def test_a_gap_is_a_warning_in_the_receipt(house: House) -> None:
    agree(house, 'gap = "warn"')
    receive(house, 12)
    arrival = receive(house, 14)
    assert is_accepted(arrival)
    assert told(house, arrival) == [("TR-H501", "warning", "the number jumps from 12 to 14: 13 was never received")]
    text = house.receipts()["RV_20260301_002.R01"].decode()
    assert "  TR-H501  record 1, col. 19-23, testa.numero [avviso / warning]\n" in text
    assert "il numero passa da 12 a 14: 13 non è mai arrivato; atteso: 13" in text
    assert told(house, receive(house, 15)) == []
    assert told(house, receive(house, 13)) == [("TR-H503", "warning", "the number goes back from 15 to 13")]
    assert told(house, receive(house, 16)) == []


def test_a_gap_holds_the_file_until_an_operator_has_seen_it(house: House) -> None:
    from cominflow.models import Arrival, FlowNumber

    agree(house, 'gap = "hold"')
    receive(house, 12)
    arrival = receive(house, 14)
    assert (arrival.state, is_accepted(arrival)) == ("HELD", False)
    assert arrival.reason == (
        "testa.numero: the number jumps from 12 to 14: 13 was never received; "
        "release the file to accept it as it is, or discard it"
    )
    assert receipt(house, arrival)["reason_it"].startswith("testa.numero: il numero passa da 12 a 14: 13 non è mai")
    assert FlowNumber.objects.count() == 1, "a file that is held was not accepted"
    house.release(arrival)
    house.work()
    arrival = Arrival.objects.get(pk=arrival.pk)
    assert is_accepted(arrival)
    assert told(house, receive(house, 15)) == []


def test_a_file_that_was_held_goes_on_once_the_missing_one_has_come(house: House) -> None:
    agree(house, 'gap = "hold"')
    receive(house, 12)
    held = receive(house, 14)
    assert is_accepted(receive(house, 13))
    before = {name.removesuffix(".json") for name in house.receipts()}
    house.release(held)
    house.work()
    (further,) = {name.removesuffix(".json") for name in house.receipts()} - before
    assert house.receipt(further)["findings"] == []


def test_what_an_operator_has_not_seen_is_held_once_more(house: House) -> None:
    from cominflow.models import Arrival

    agree(house, 'gap = "hold"\nrepeat = "hold"')
    receive(house, 12)
    held = receive(house, 14)
    receive(house, 13)
    receive(house, 14, count=3)
    house.release(held)
    house.work()
    held = Arrival.objects.get(pk=held.pk)
    assert held.state == "HELD" and "the number 14 was there before" in held.reason
    house.release(held)
    house.work()
    assert is_accepted(Arrival.objects.get(pk=held.pk))


def test_a_number_that_comes_again_with_other_content_is_refused_and_may_be_sent_right(house: House) -> None:
    agree(house, "")
    first = receive(house, 12)
    again = receive(house, 12, count=3)
    assert again.state == "REFUSED"
    said = f"the number 12 was there before, with other content: RV_20260301_001.txt ({first.reference})"
    assert told(house, again) == [("TR-H502", "error", said)]
    assert again.reason == f"testa.numero: {said}; the feed's `continuity` refuses such a file"
    assert is_accepted(receive(house, 13, count=3))


@pytest.mark.parametrize(("policy", "state"), [("warn", "CLOSED"), ("hold", "HELD"), ("refuse", "REFUSED")])
def test_a_repeated_number_is_what_the_feed_says(house: House, policy: str, state: str) -> None:
    agree(house, f'repeat = "{policy}"')
    house.tell({})
    receive(house, 12)
    assert receive(house, 12, count=3).state in (state, "QUEUED" if state == "CLOSED" else state)


def test_the_same_bytes_again_are_a_duplicate_and_no_matter_of_numbers(house: House) -> None:
    from cominflow.models import Arrival

    agree(house, 'gap = "refuse"')
    receive(house, 12)
    again = receive(house, 12)
    assert again.state == "DUPLICATE"
    house.release(again)
    house.work()
    assert is_accepted(Arrival.objects.get(pk=again.pk))
    assert told(house, receive(house, 13)) == []


def test_two_files_of_one_batch_are_held_against_each_other(house: House) -> None:
    from cominflow.models import Arrival

    agree(house, 'gap = "warn"')
    sent = [house.send(f"RV_20260301_00{number}.txt", numbered(number, count=9 - number)) for number in (1, 2, 4)]
    house.work()
    arrivals = [Arrival.objects.get(pk=arrival.pk) for arrival in sent]
    assert [len(told(house, arrival)) for arrival in arrivals] == [0, 0, 1]


def test_a_large_file_that_a_small_one_overtakes_is_no_gap(house: House) -> None:
    from cominflow.models import Arrival, Batch

    agree(house, 'gap = "refuse"')
    receive(house, 12)
    slow = house.send("RV_20260301_801.txt", numbered(13, count=7))
    fast = house.send("RV_20260301_802.txt", numbered(14, count=2))
    Batch.objects.filter(arrivals=slow).update(not_before="2999-01-01T00:00:00Z")
    house.work()
    assert is_accepted(Arrival.objects.get(pk=fast.pk))
    house.work(is_later=True)
    slow = Arrival.objects.get(pk=slow.pk)
    assert is_accepted(slow) and told(house, slow) == []
    assert told(house, receive(house, 15)) == []


def test_of_two_files_of_one_number_that_are_read_at_the_same_time_one_is_refused(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    import inspect
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    from django.db import connections

    from cominflow.flows import batch
    from cominflow.models import Arrival, FlowNumber

    monkeypatch.setattr(batch, "LARGE_FILE_BYTES", 0)
    agree(house, 'gap = "refuse"')
    receive(house, 12)
    both = [house.send(f"RV_20260301_80{count}.txt", numbered(13, count=count)) for count in (3, 4)]
    together = Barrier(2)

    def work(arrival: Arrival) -> None:
        try:
            together.wait()
            inspect.unwrap(batch.process_batch)(arrival.batch_id)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, both))
    assert sorted(is_accepted(Arrival.objects.get(pk=arrival.pk)) for arrival in both) == [False, True]
    assert sorted(FlowNumber.objects.values_list("first", flat=True)) == [12, 13]


@pytest.mark.parametrize("large_bytes", [0, 10_000_000])
def test_killed_before_its_acceptance_is_committed_a_file_has_taken_no_number(
    house: House, monkeypatch: pytest.MonkeyPatch, large_bytes: int
) -> None:
    from cominflow import failpoint
    from cominflow.flows import batch as batches
    from cominflow.models import Arrival, FlowNumber

    class Killed(BaseException):
        """Not an exception that any step catches."""

    def kill(name: str) -> None:
        if name == "receive.decided":
            raise Killed

    monkeypatch.setattr(batches, "LARGE_FILE_BYTES", large_bytes)
    agree(house, 'gap = "refuse"')
    receive(house, 12)
    arrival = house.send("RV_20260301_013.txt", numbered(13))
    batches.identify(arrival.batch_id)
    failpoint.arm(kill)
    try:
        with pytest.raises(Killed):
            batches.read(arrival.batch_id)
    finally:
        failpoint.arm(None)
    assert list(FlowNumber.objects.values_list("first", flat=True)) == [12]
    house.work()
    assert is_accepted(Arrival.objects.get(pk=arrival.pk))
    assert sorted(FlowNumber.objects.values_list("first", flat=True)) == [12, 13]


def with_balances(house: House, words: str) -> None:
    """Publish a layout that has an opening balance in its head and a closing one in its tail."""
    from tests.house import LAYOUTS

    layout = (LAYOUTS / "banca-demo" / "visure.toml").read_text()
    for old, new in (
        ('version    = "2.0.0"', 'version    = "2.1.0"'),
        (
            '{ name = "filler",      len = 175, type = "filler" }',
            '{ name = "conto", len = 12, type = "text", null = ["            "] },\n'
            '  { name = "inizio", len = 15, type = "importo15" },\n  { name = "filler", len = 148, type = "filler" }',
        ),
        (
            '{ name = "filler", len = 176, type = "filler" }',
            '{ name = "fine", len = 15, type = "importo15" },\n  { name = "filler", len = 161, type = "filler" }',
        ),
        (
            "[types]",
            '[continuity]\nopening = "testa.inizio"\nclosing = "coda.fine"\naccount = "testa.conto"\n\n[types]',
        ),
    ):
        assert old in layout, old
        layout = layout.replace(old, new)
    house.publish(feed={END: f"{END}\n[continuity]\n{words}\n"}, layouts=[layout])


def receive_balances(house: House, number: int, account: str, opening: int, closing: int) -> Arrival:
    from tests.house import with_bytes

    content = with_bytes(numbered(number), 1, 26, f"{account:12}{opening:015}".encode())
    content = with_bytes(content, len(content.splitlines()), 25, f"{closing:015}".encode())
    return house.receive(f"RV_20260301_{number:03}.txt", content)


def test_an_opening_balance_is_held_against_the_closing_one_of_its_account(house: House) -> None:
    from cominflow.models import Arrival, FlowBalance

    with_balances(house, 'balance = "hold"')
    first = receive_balances(house, 1, "A", 100, 250)
    assert is_accepted(first)
    assert is_accepted(receive_balances(house, 2, "B", 7, 8)), "another account"
    held = receive_balances(house, 3, "A", 249, 300)
    assert held.state == "HELD"
    said = f"the opening balance differs from the closing balance in RV_20260301_001.txt ({first.reference})"
    assert told(house, held) == [("TR-H507", "warning", said)]
    assert receipt(house, held)["findings"][0]["expected"] == "2.50"
    assert held.reason.startswith(f"testa.inizio: {said}; release the file")
    house.release(held)
    house.work()
    assert is_accepted(Arrival.objects.get(pk=held.pk))
    assert told(house, receive_balances(house, 4, "A", 300, 0)) == []
    assert sorted(FlowBalance.objects.values_list("closing", flat=True)) == [0, 8]


def test_what_is_kept_of_a_file_is_its_number_and_how_far_the_feed_has_come(house: House) -> None:
    from cominflow.models import FlowNumber

    agree(house, "")
    receive(house, 12)
    assert list(FlowNumber.objects.values_list("path", "first", "last", "reached")) == [("testa.numero", 12, 12, 12)]


def test_a_feed_cannot_ask_for_what_its_layout_does_not_have(house: House) -> None:
    with pytest.raises(LayoutError, match="has no balances that go on from file to file"):
        agree(house, 'balance = "hold"')
    with pytest.raises(LayoutError, match="`gap` cannot be 'stop'"):
        agree(house, 'gap = "stop"')
