"""Receive: what becomes of a file, and what its sender is told, in both languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cominflow.models import Arrival
    from tests.house import House

NAME = "RV_20260301_001.txt"
RECEIPT = "RV_20260301_001.R01"


def test_a_good_file_is_accepted_and_its_receipt_gives_counts_and_totals(house: House) -> None:
    from tests.house import bank_file

    content = bank_file(3)
    arrival = house.receive(NAME, content)
    receipt = house.receipt(RECEIPT)
    assert (arrival.state, receipt["outcome_it"], receipt["outcome_en"]) == ("CLOSED", "accettato", "accepted")
    assert (receipt["requests_accepted"], receipt["requests_rejected"], receipt["reason_it"]) == (3, 0, "")
    assert [total["status"] for total in receipt["totals"]] == ["equal", "equal"]
    assert set(house.receipts()) == {RECEIPT, f"{RECEIPT}.json"}


def test_a_name_that_no_feed_takes_is_set_aside_and_the_names_agreed_are_told(house: House) -> None:
    arrival = house.receive("pippo.doc", b"hello\n")
    assert arrival.state == "QUARANTINED"
    assert "feed" in arrival.reason and "release the file" in arrival.reason
    (name,) = (name for name in house.receipts() if not name.endswith(".json"))
    assert name == f"pippo.doc.{arrival.reference}.receipt.txt"
    text = house.receipts()[name].decode()
    assert "Motivo          nessun accordo prevede un file con questo nome; nomi concordati: RV_{date" in text
    assert "Reason          no agreement knows a file of this name" in text
    assert "release" not in text and "feed" not in text, "a customer is not told our commands"
    assert (house.folders.quarantine / arrival.reference / "payload").read_bytes() == b"hello\n"


def test_a_name_that_was_agreed_afterwards_is_read_on_release_and_has_a_further_receipt(house: House) -> None:
    from tests.house import bank_file

    arrival = house.receive("altro_1.txt", bank_file(1))
    house.publish(feed={"RV_{date:%Y%m%d}_{seq:3}.txt": "altro{any}.txt"})
    house.release(arrival)
    house.work()
    arrival.refresh_from_db()
    assert arrival.state == "CLOSED"
    assert arrival.reason == arrival.reason_it == arrival.reason_en == ""
    receipts = sorted(name for name in house.receipts() if not name.endswith(".json"))
    assert receipts == ["altro_1.R01.2", f"altro_1.txt.{arrival.reference}.receipt.txt"]


def test_the_same_content_again_is_a_duplicate_and_says_of_which_file(house: House) -> None:
    from tests.house import bank_file

    content = bank_file(2)
    first = house.receive(NAME, content)
    again = house.receive("RV_20260301_002.txt", content)
    receipt = house.receipt("RV_20260301_002.R01")
    assert (again.state, receipt["duplicate_of"]) == ("DUPLICATE", first.reference)
    assert f"ha lo stesso contenuto di {NAME} ({first.reference})" in receipt["reason_it"]
    assert f"it has the same content as {NAME} ({first.reference})" in receipt["reason_en"]
    assert not any(name.startswith("RV_20260301_002") for name in house.outbox())


def test_a_duplicate_that_is_released_is_answered_and_invoiced_again(house: House) -> None:
    from cominflow.models import Invoice
    from tests.house import bank_file, scored

    content = bank_file(2)
    house.tell(scored(content))
    house.receive(NAME, content)
    again = house.receive("RV_20260301_002.txt", content)
    house.release(again)
    house.work()
    again.refresh_from_db()
    assert again.state == "CLOSED"
    assert Invoice.objects.count() == 2
    assert {"RV_20260301_002.A01", "RV_20260301_002.F01"} <= set(house.outbox())
    assert house.outbox()["RV_20260301_002.A01"] == house.outbox()["RV_20260301_001.A01"]


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        pytest.param(lambda content: content[:-100], "TR-L101", id="cut in its last record"),
        pytest.param(lambda content: content.replace(b"\r\n20", b"\r\n77"), "TR-S101", id="unknown record"),
        pytest.param(lambda content: b"", "TR-S103", id="empty"),
    ],
)
def test_a_broken_file_is_refused_and_has_one_receipt_that_says_why(house: House, damage: object, code: str) -> None:
    from tests.house import bank_file

    assert callable(damage)
    arrival = house.receive(NAME, damage(bank_file(2)))
    assert arrival.state == "REFUSED"
    assert set(house.receipts()) == {RECEIPT, f"{RECEIPT}.json"}
    assert house.outbox() == {}
    receipt = house.receipt(RECEIPT)
    assert (receipt["outcome_it"], receipt["outcome_en"]) == ("respinto", "refused")
    assert "correggerlo e inviarlo di nuovo" in receipt["reason_it"]
    assert "correct it and send it again" in receipt["reason_en"]
    assert code in [finding["code"] for finding in receipt["findings"]]
    for finding in receipt["findings"]:
        assert finding["text_it"] and finding["text_en"]
        assert finding["field"] or "raw_text" not in finding, "a record that cannot be cut is not echoed"


def test_a_wrong_total_is_refused_with_both_figures(house: House) -> None:
    from tests.house import bank_file, with_bytes

    content = bank_file(3)
    arrival = house.receive(NAME, with_bytes(content, 5, 3, b"0000158"))
    assert arrival.state == "REFUSED"
    text = house.receipts()[RECEIPT].decode()
    assert "coda.righe: file 158, calcolato/computed 3: DIVERSO / DIFFERENT" in text
    assert "respinto / refused" in text


@pytest.mark.parametrize(
    ("policy", "state", "after_release"),
    [("reject-file", "REFUSED", ""), ("hold", "HELD", "CLOSED"), ("warn", "CLOSED", "")],
)
def test_a_total_over_an_unreadable_amount_is_judged_by_the_feed(
    house: House, policy: str, state: str, after_release: str
) -> None:
    from tests.house import bank_file, scored, with_bytes

    content = with_bytes(bank_file(3), 3, 42, b"XX")
    house.tell(scored(content))
    house.publish(feed={'unverifiable_total = "reject-file"': f'unverifiable_total = "{policy}"'})
    arrival = house.receive(NAME, content)
    assert arrival.state == state
    receipt = house.receipt(RECEIPT)
    assert [total["status"] for total in receipt["totals"]] == ["equal", "unverifiable"]
    if policy == "reject-file":
        assert "un totale non è verificabile" in receipt["reason_it"]
        assert "a total cannot be verified" in receipt["reason_en"]
    if after_release:
        house.release(arrival)
        house.work()
        arrival.refresh_from_db()
        assert arrival.state == after_release, "an operator who releases it has accepted the total"
        assert house.receipt(f"{RECEIPT}.2")["outcome"] == "QUEUED"
    if arrival.state == "CLOSED":
        assert {"RV_20260301_001.A01", "RV_20260301_001.S01"} <= set(house.outbox())


@pytest.mark.parametrize(
    ("policy", "wrong", "state"),
    [
        ("reject-record", 4, "CLOSED"),
        ("reject-file", 1, "REFUSED"),
        ("reject-file", 0, "CLOSED"),
        ("25%", 1, "CLOSED"),
        ("25%", 2, "REFUSED"),
    ],
)
def test_the_acceptance_policy_says_how_many_requests_may_be_wrong(
    house: House, policy: str, wrong: int, state: str
) -> None:
    from tests.house import bank_file, with_wrong_person

    house.publish(feed={'accept             = "reject-record"': f'accept = "{policy}"'})
    content = bank_file(4)
    for line in range(2, 2 + wrong):
        content = with_wrong_person(content, line)
    arrival = house.receive(NAME, content)
    assert (arrival.state, arrival.rejected_count) == (state, wrong)
    receipt = house.receipt(RECEIPT)
    if state == "REFUSED":
        assert f"{wrong} richieste su 4 sono errate" in receipt["reason_it"]
        assert f"{wrong} of 4 requests are wrong" in receipt["reason_en"]
        assert house.outbox() == {}


def test_without_a_price_a_file_is_held_and_after_the_price_answered_with_a_further_receipt(house: House) -> None:
    from cominflow.models import Price, Request
    from tests.house import answers, bank_file, scored

    Price.objects.filter(service__code="VIS1").delete()
    content = bank_file(2)
    house.tell(scored(content))
    arrival = house.receive(NAME, content)
    assert arrival.state == "HELD"
    assert arrival.reason.startswith("no price for VIS1; set it with `cominflow price set banca-demo")
    assert Request.objects.count() == 0, "nobody sees requests that were not accepted"
    receipt = house.receipt(RECEIPT)
    assert "servizi non ancora attivati: VIS1" in receipt["reason_it"]
    assert "price" not in receipt["reason_en"], "our commands are not for the customer"

    house.price("VIS1", "3.50")
    house.release(arrival)
    house.work()
    arrival.refresh_from_db()
    assert arrival.state == "CLOSED"
    assert answers(house.outbox()["RV_20260301_001.A01"]) == [("00", 100), ("00", 101)]
    assert house.receipt(f"{RECEIPT}.2")["outcome"] == "QUEUED"
    assert house.receipt(RECEIPT)["outcome"] == "HELD", "what was published does not change"


def test_a_service_that_does_not_exist_holds_the_file(house: House) -> None:
    from tests.house import LAYOUTS, bank_file

    layout = (LAYOUTS / "banca-demo" / "visure.toml").read_text()
    layout = layout.replace('VIS2 = "Visura storica"', 'VIS2 = "Visura storica", VIS9 = "Altro"')
    house.publish(layouts=[layout.replace('"2.0.0"', '"2.1.0"')])
    arrival = house.receive(NAME, bank_file(2).replace(b"VIS1", b"VIS9", 1))
    assert (arrival.state, arrival.reason.split(";")[0]) == ("HELD", "no price for VIS9")


def test_a_file_whose_requests_are_all_wrong_has_no_answer_and_is_closed(house: House) -> None:
    from cominflow.models import Invoice
    from tests.house import bank_file, bank_layout, rows, with_wrong_person

    content = with_wrong_person(with_wrong_person(bank_file(2), 2), 3)
    arrival = house.receive(NAME, content)
    assert (arrival.state, arrival.requests_count, arrival.answers_count) == ("CLOSED", 0, 0)
    assert set(house.outbox()) == {"RV_20260301_001.S01"}
    returned = rows(bank_layout(), house.outbox()["RV_20260301_001.S01"], "rejection", "richiesta")
    assert [row["esito"] for row in returned] == ["99", "99"]
    assert not Invoice.objects.exists()


def test_the_rejection_file_returns_the_wrong_requests_in_the_layout(house: House) -> None:
    from tests.house import bank_file, bank_layout, scored, with_bytes, with_wrong_person
    from tracciati.reading import check

    house.publish(feed={'unverifiable_total = "reject-file"': 'unverifiable_total = "warn"'})
    content = with_wrong_person(with_bytes(bank_file(5), 3, 42, b"XX"), 5)
    house.tell(scored(content))
    house.receive(NAME, content)
    rejected = house.outbox()["RV_20260301_001.S01"]
    lines = rejected.split(b"\r\n")
    sent = content.split(b"\r\n")
    assert [line[:52] for line in lines[1:3]] == [sent[2][:52], sent[4][:52]], "what was sent comes back as it was"
    assert lines[0][:23] == sent[0][:23] and lines[-2][:9] == b"990000002"
    report = check(rejected, bank_layout(), direction="rejection")
    assert {code[:4] for code, _ in report.counts} <= {"TR-F", "TR-R", "TR-T"}, report.to_text()
    assert not report.is_refused, report.to_text()
    answered = check(house.outbox()["RV_20260301_001.A01"], bank_layout(), direction="answer")
    assert answered.errors_count == 0, answered.to_text()


def test_a_file_name_used_twice_with_other_content_keeps_both_files_apart(house: House) -> None:
    from tests.house import answers, bank_file, scored

    for seed in (1, 2):
        content = bank_file(2, seed=seed)
        house.tell(scored(content))
        house.receive(NAME, content)
    assert sorted(name for name in house.outbox() if ".A" in name.removeprefix("RV_20260301_001")[:3]) == [
        "RV_20260301_001.A-2.A01",
        "RV_20260301_001.A-2.F01",
        "RV_20260301_001.A01",
    ]
    assert answers(house.outbox()["RV_20260301_001.A-2.A01"]) == [("00", 100), ("00", 101)]
    assert house.outbox()["RV_20260301_001.A01"] != house.outbox()["RV_20260301_001.A-2.A01"]
    assert set(house.receipts()) == {
        RECEIPT,
        f"{RECEIPT}.json",
        "RV_20260301_001.A-2.R01",
        "RV_20260301_001.A-2.R01.json",
    }


def test_a_person_cannot_decide_about_a_file_before_its_receipt_is_out(house: House) -> None:
    from cominflow import clock
    from cominflow.errors import UsageError
    from cominflow.flows import batch as batches
    from cominflow.flows import operate

    arrival = house.send("pippo.doc", b"hello\n")
    batches.identify(arrival.batch_id)
    batches.read(arrival.batch_id)
    with pytest.raises(UsageError, match="has not gone out yet"):
        operate.discard(arrival.pk, by="operator", reason="junk", at=clock.now())
    house.work()
    operate.discard(arrival.pk, by="operator", reason="junk", at=clock.now())
    assert len(house.receipts()) == 2


def test_a_defect_of_ours_sets_one_file_aside_and_the_others_of_the_batch_go_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cominflow import clock
    from cominflow.customers import register
    from cominflow.exchange.claim import claim
    from cominflow.flows import portions
    from cominflow.models import Arrival
    from tests.house import BANK, bank_file

    inbox = house.folders.customer(BANK).inbox
    (inbox / "RV_20260301_001.txt").write_bytes(bank_file(1, seed=1))
    (inbox / "RV_20260301_002.txt").write_bytes(bank_file(2, seed=2))
    claim(house.folders, register.find(BANK), at=clock.now())
    real = portions.of_block

    def broken(block: object, layout: object, feed: object) -> object:
        found = real(block, layout, feed)  # type: ignore[arg-type]
        assert found is None or len(found) != 1, "a defect, for one request only"
        return found

    monkeypatch.setattr(portions, "of_block", broken)
    house.work()
    states = dict(Arrival.objects.values_list("requests_count", "state"))
    assert states == {0: "QUARANTINED", 2: "CLOSED"}
    wrong = Arrival.objects.get(state="QUARANTINED")
    assert "AssertionError" in wrong.reason and "Release the file once it is mended" in wrong.reason
    assert "un nostro errore ha interrotto la lettura" in house.receipt("RV_20260301_001.R01")["reason_it"]
    monkeypatch.undo()


def test_a_file_that_kills_the_engine_is_found_among_its_batch(house: House) -> None:
    import inspect

    from cominflow import clock
    from cominflow.customers import register
    from cominflow.exchange.claim import claim
    from cominflow.flows import batch as batches
    from cominflow.limits import BATCH_ATTEMPTS_MAX
    from cominflow.models import Arrival, Batch
    from tests.house import BANK, bank_file

    inbox = house.folders.customer(BANK).inbox
    for number in (1, 2):
        (inbox / f"RV_20260301_00{number}.txt").write_bytes(bank_file(number, seed=number))
    claim(house.folders, register.find(BANK), at=clock.now())
    run = inspect.unwrap(batches.process_batch)
    Batch.objects.update(attempts_count=BATCH_ATTEMPTS_MAX)  # it died so often
    run(Batch.objects.get().pk)
    first, second = Arrival.objects.order_by("pk")
    assert first.batch_id != second.batch_id, "each is tried by itself"
    Batch.objects.filter(pk=first.batch_id).update(attempts_count=BATCH_ATTEMPTS_MAX)
    run(first.batch_id)
    house.work()
    assert list(Arrival.objects.order_by("pk").values_list("state", flat=True)) == ["QUARANTINED", "CLOSED"]
    assert "RV_20260301_001.R01" in house.receipts()
    assert not Batch.objects.filter(finished_at=None).exists()


def sent_together(house: House, **contents: bytes) -> list[Arrival]:
    """Files of one batch, in this order: name (without its ending) -> content."""
    from cominflow import clock
    from cominflow.customers import register
    from cominflow.exchange.claim import claim
    from cominflow.models import Arrival, Batch
    from tests.house import BANK

    for name, content in contents.items():
        (house.folders.customer(BANK).inbox / f"{name}.txt").write_bytes(content)
    keys = claim(house.folders, register.find(BANK), at=clock.now())
    assert Batch.objects.filter(finished_at=None).count() == 1
    return list(Arrival.objects.filter(pk__in=keys).order_by("pk"))


def states_of(arrivals: list[Arrival]) -> list[tuple[str, str]]:
    """State of each, and of which it is a duplicate."""
    from cominflow.models import Arrival

    rows = Arrival.objects.filter(pk__in=[arrival.pk for arrival in arrivals]).order_by("pk")
    return [(row.state, row.duplicate_of.reference if row.duplicate_of else "") for row in rows]


def test_a_resend_under_a_name_that_was_agreed_is_read_also_when_it_came_together_with_the_first(
    house: House,
) -> None:
    from tests.house import bank_file

    content = bank_file(1)
    found = sent_together(house, ordini=content, RV_20260301_001=content, RV_20260301_002=content)
    house.work()
    assert states_of(found) == [("QUARANTINED", ""), ("CLOSED", ""), ("DUPLICATE", found[1].reference)]
    assert house.receipt("RV_20260301_002.R01")["duplicate_of"] == found[1].reference
    assert not any(house.folders.spool.iterdir())


@pytest.mark.parametrize("state", ["REFUSED", "HELD"])
def test_of_twins_that_came_together_none_is_a_duplicate_of_one_that_was_not_accepted(house: House, state: str) -> None:
    from tests.house import bank_file, with_bytes

    wrong = bank_file(1)[:-20] if state == "REFUSED" else with_bytes(bank_file(1), 1, 11, b"20251231")
    other = bank_file(1, seed=2)
    found = sent_together(house, RV_20260301_001=wrong, RV_20260301_002=wrong, RV_20260301_003=other)
    house.work()
    assert states_of(found) == [(state, ""), (state, ""), ("CLOSED", "")]


def test_of_many_twins_that_came_together_one_is_accepted(house: House) -> None:
    from tests.house import bank_file

    contents = {f"RV_20260301_{number:03}": bank_file(1, seed=number % 3 + 1) for number in range(70)}
    found = sent_together(house, **contents)
    house.work()
    states = [state for state, _ in states_of(found)]
    assert states == ["CLOSED"] * 3 + ["DUPLICATE"] * 67


def test_a_twin_that_another_batch_is_reading_counts_as_received(house: House) -> None:
    from cominflow import clock
    from cominflow.flows import receive
    from tests.house import bank_file

    content = bank_file(1)
    first = house.send("RV_20260301_001.txt", content)
    receive.identify([first], house.folders, at=clock.now())
    second = house.send("RV_20260301_002.txt", content)
    house.work()
    assert states_of([first, second]) == [("CLOSED", ""), ("DUPLICATE", first.reference)]


@pytest.mark.parametrize(
    ("name", "passed_count"),
    [
        *(("receive.identified", before) for before in range(3)),
        *(("archive.cleared", before) for before in range(3)),
        ("quarantine.linked", 0),  # only one file is set aside, and only one is accepted
        ("receive.decided_together", 0),
    ],
)
def test_twins_that_came_together_end_the_same_wherever_the_work_was_killed(
    house: House, name: str, passed_count: int
) -> None:
    from cominflow import failpoint
    from tests.house import bank_file

    class Killed(BaseException):
        pass

    passed: list[str] = []

    def listen(hit: str) -> None:
        if hit == name:
            passed.append(hit)
            if len(passed) == passed_count + 1:
                raise Killed

    content = bank_file(1)
    found = sent_together(house, ordini=content, RV_20260301_001=content, RV_20260301_002=content)
    failpoint.arm(listen)
    try:
        with pytest.raises(Killed):
            house.work()
    finally:
        failpoint.arm(None)
    house.work()
    assert states_of(found) == [("QUARANTINED", ""), ("CLOSED", ""), ("DUPLICATE", found[1].reference)]
