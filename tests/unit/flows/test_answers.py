"""Answers: what goes out, at once and later, however the requests are kept; its bytes are the same whenever made."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cominflow.models import Arrival
    from tests.house import House

STEM = "RV_20260301_001"
NAME = f"{STEM}.txt"


def split_at(monkeypatch: pytest.MonkeyPatch, *, rows_max: int, chunk: int) -> None:
    """Keep more than `rows_max` requests as chunks of `chunk`."""
    from cominflow.flows import batch, receive

    monkeypatch.setattr(receive, "REQUESTS_AS_ROWS_MAX", rows_max)
    monkeypatch.setattr(receive, "CHUNK_REQUESTS", chunk)
    monkeypatch.setattr(batch, "LARGE_FILE_BYTES", 1_000)


def remade(house: House, arrival: Arrival) -> dict[str, bytes]:
    """Every file of the arrival but its receipts, made anew as it would be now."""
    from cominflow.flows import deliver
    from cominflow.models import Delivery

    made = {}
    for delivery in Delivery.objects.filter(arrival=arrival).exclude(kind="receipt").order_by("pk"):
        sink = io.BytesIO()
        deliver._write(sink, delivery, house.folders)
        made[delivery.shown_name] = sink.getvalue()
    return made


def test_rows_and_chunks_give_the_same_bytes(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from cominflow.models import Chunk, Request
    from tests.house import bank_file, invoice_lines, scored, with_wrong_person

    content = with_wrong_person(bank_file(23, by_hand=(0, 9, 22)), 8)
    house.tell(scored(content, but=(4, 15)))
    as_rows = house.receive(NAME, content)
    split_at(monkeypatch, rows_max=3, chunk=4)
    as_chunks = house.receive("RV_20260301_002.txt", content)
    house.release(as_chunks)
    house.work()
    assert Request.objects.filter(arrival=as_rows).count() == 22
    chunks = Chunk.objects.filter(arrival=as_chunks).order_by("ordinal")
    assert list(chunks.values_list("requests_count", flat=True)) == [4] * 5 + [2]
    for arrival in (as_rows, as_chunks):
        for late in ((21, 8), (0,)):
            for position in late:
                house.answer(arrival, position, "fulfilled", punteggio=900 + position)
            house.work()
        arrival.refresh_from_db()
        assert arrival.state == "CLOSED"
    sent = house.outbox()
    for ending in ("A01", "A02", "A03", "S01"):
        assert sent[f"{STEM}.{ending}"] == sent[f"RV_20260301_002.{ending}"], ending
    for ending in ("F01", "F02", "F03"):
        first, second = (invoice_lines(sent[f"{stem}.{ending}"]) for stem in (STEM, "RV_20260301_002"))
        assert [line[1:] for line in first] == [line[1:] for line in second]


@pytest.mark.parametrize("kept", ["rows", "chunks"])
def test_what_a_person_answers_late_goes_out_in_numbered_supplements(
    house: House, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    from tests.house import answers, bank_file, invoice_lines, people, scored

    if kept == "chunks":
        split_at(monkeypatch, rows_max=1, chunk=2)
    content = bank_file(5, by_hand=(1, 3, 4))
    house.tell(scored(content))
    arrival = house.receive(NAME, content)
    assert arrival.state == "QUEUED"
    assert answers(house.outbox()[f"{STEM}.A01"]) == [
        ("00", 100),
        ("70", None),
        ("00", 102),
        ("70", None),
        ("70", None),
    ]
    house.answer(arrival, 3, "fulfilled", punteggio=7)
    house.answer(arrival, 1, "not_found")
    house.work()
    house.answer(arrival, 4, "fulfilled", punteggio=8)
    house.work()
    arrival.refresh_from_db()
    assert (arrival.state, arrival.answers_count) == ("CLOSED", 3)
    sent = house.outbox()
    assert answers(sent[f"{STEM}.A02"]) == [("10", None), ("00", 7)]
    assert answers(sent[f"{STEM}.A03"]) == [("00", 8)]
    assert sent[f"{STEM}.A02"][23:25] == b"02" and sent[f"{STEM}.A03"][23:25] == b"03", "the head has its number"
    assert people(sent[f"{STEM}.A02"]) == [people(content)[1], people(content)[3]]
    assert [
        (line[2], len(invoice_lines(sent[f"{STEM}.F0{n}"])))
        for n in (1, 2, 3)
        for line in invoice_lines(sent[f"{STEM}.F0{n}"])[:1]
    ] == [
        (Decimal("3.50"), 2),
        (Decimal("5.90"), 1),
        (Decimal("5.90"), 1),
    ]


@pytest.mark.parametrize("kept", ["rows", "chunks"])
def test_every_file_can_be_made_again_later_with_the_same_bytes(
    house: House, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    from cominflow.exchange import requests
    from tests.house import bank_file, scored, with_wrong_person

    if kept == "chunks":
        split_at(monkeypatch, rows_max=1, chunk=3)
    content = with_wrong_person(bank_file(8, by_hand=(1, 5)), 4)
    house.tell(scored(content, but=(6,)))
    arrival = house.receive(NAME, content)
    published = house.outbox()
    assert remade(house, arrival) == published
    house.answer(arrival, 4, "fulfilled", punteggio=1)
    assert remade(house, arrival) == published, "an answer that has not gone out is in no file"
    house.work()
    house.answer(arrival, 1, "failed")
    house.work()
    assert published.items() <= house.outbox().items(), "what was published stays as it is"
    assert remade(house, arrival) == house.outbox()
    requests.merge(arrival)
    assert remade(house, arrival) == house.outbox()


def test_a_large_file_goes_on_in_the_middle_of_its_chunks(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from cominflow import failpoint
    from cominflow.flows import batch as batches
    from cominflow.models import Arrival, Chunk
    from tests.house import LAYOUTS, answers, bank_file, scored

    class Killed(BaseException):
        """Not an exception that any step catches."""

    split_at(monkeypatch, rows_max=2, chunk=3)
    content = bank_file(8)
    house.tell(scored(content))
    arrival = house.send(NAME, content)
    passed: list[str] = []

    def kill(name: str) -> None:
        passed.append(name)
        if passed.count("receive.chunk_stored") == 2:
            raise Killed

    batches.identify(arrival.batch_id)
    failpoint.arm(kill)
    with pytest.raises(Killed):
        batches.read(arrival.batch_id)
    failpoint.arm(None)
    assert Chunk.objects.count() == 2 and Arrival.objects.get().state == "READING"
    # A feed that is published meanwhile does not change what this file is read with.
    layout = (LAYOUTS / "banca-demo" / "visure.toml").read_text().replace('"2.0.0"', '"2.1.0"')
    house.publish(layouts=[layout])
    house.work()
    arrival.refresh_from_db()
    assert (arrival.state, arrival.layout_version.version, arrival.requests_count) == ("CLOSED", "2.0.0", 8)
    assert answers(house.outbox()[f"{STEM}.A01"]) == [("00", 100 + index) for index in range(8)]


def test_a_large_file_that_is_refused_leaves_no_requests(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from cominflow.models import Chunk, ReferenceRun
    from tests.house import bank_file, with_bytes

    split_at(monkeypatch, rows_max=1, chunk=2)
    content = bank_file(5)
    arrival = house.receive(NAME, with_bytes(content, 7, 10, b"999"))
    assert arrival.state == "REFUSED"
    assert not Chunk.objects.exists() and not ReferenceRun.objects.exists()


def test_a_name_taken_in_the_outbox_holds_the_delivery_until_a_person_has_made_room(house: House) -> None:
    from cominflow.models import Delivery, Event
    from tests.house import BANK, answers, bank_file, scored

    foreign = house.folders.customer(BANK).outbox / f"{STEM}.A01"
    foreign.write_bytes(b"not ours")
    content = bank_file(2)
    house.tell(scored(content))
    arrival = house.receive(NAME, content)
    assert foreign.read_bytes() == b"not ours"
    assert house.states(arrival)[f"{STEM}.A01"] == "HELD"
    assert house.states(arrival)[f"{STEM}.F01"] == "PUBLISHED", "the others go on"
    assert arrival.state == "ANSWERED", "it is not closed while the customer waits"
    assert f"another file is called {STEM}.A01 in outbox" in Delivery.objects.get(state="HELD").reason
    foreign.unlink()
    house.release(arrival)
    house.work()
    arrival.refresh_from_db()
    assert arrival.state == "CLOSED"
    assert answers(foreign.read_bytes()) == [("00", 100), ("00", 101)]
    assert Event.objects.filter(subject=arrival.reference, reason="looked at").exists()


def test_a_layout_without_answer_direction_is_answered_as_text_and_json(house: House, corpus: Any) -> None:
    import json

    from tests.house import LAYOUTS

    riba = "cbi-riba-demo"
    house.add_customer(riba)
    table = house.folder / "riba.csv"
    table.write_text("n,stato\n" + "".join(f"{number},pagata\n" for number in range(1, 7)))
    house.add_service("RIBA", file=str(table), key={"14.numero_progressivo": "n"}, result={"stato": "stato"})
    house.price("RIBA", "0.305", customer=riba)
    house.publish(riba, layouts=[(LAYOUTS / "public" / "cbi-riba.toml").read_text()])
    original = (corpus / "cbi-riba-ribalta" / "riba_grouped.txt").read_bytes()
    arrival = house.receive("RIBA_20260301_001.txt", original, customer=riba)
    assert (arrival.state, arrival.requests_count) == ("CLOSED", 7)
    sent = house.outbox(riba)
    told = json.loads(sent["RIBA_20260301_001.A01.json"])
    assert [answer["outcome"] for answer in told["answers"]] == ["fulfilled"] * 6 + ["not_found"]
    assert [answer["code"] for answer in told["answers"]] == ["00"] * 6 + ["10"]
    assert told["answers"][0]["result"] == {"stato": "pagata"}
    text = sent["RIBA_20260301_001.A01"].decode()
    assert text.startswith("RISPOSTA / ANSWER\n") and "result: stato=pagata" in text
    invoice = json.loads(sent["RIBA_20260301_001.F01.json"])
    assert (invoice["net"], invoice["total"]) == ("1.83", "2.23")
    assert sum(Decimal(line["net"]) for line in invoice["lines"]) == Decimal("1.83")
    assert remade(house, arrival) == sent


def test_a_csv_is_answered_with_its_further_columns(house: House) -> None:
    from tests.house import INSTITUTE, LAYOUTS, made, table_rows
    from tracciati import declare
    from tracciati.reading import check

    house.add_customer(INSTITUTE)
    for code in ("ANAG", "PROT", "REDD"):
        house.add_service(code)
        house.price(code, "1.255", customer=INSTITUTE)
    house.publish(INSTITUTE)
    layout = declare.load(LAYOUTS / INSTITUTE / "controlli.toml")
    content = made(layout, 12)
    asked = table_rows(content)
    house.tell({row["Codice fiscale"]: index for index, row in enumerate(asked) if index != 3})
    arrival = house.receive("controlli_2026-03-01_1.csv", content, customer=INSTITUTE)
    assert arrival.state == "CLOSED"
    sent = house.outbox(INSTITUTE)["controlli_2026-03-01_1.esiti01.csv"]
    assert check(sent, layout, direction="answer").errors_count == 0
    answered = table_rows(sent)
    assert [row["Esito"] for row in answered] == ["EVASA"] * 3 + ["NON TROVATO"] + ["EVASA"] * 8
    assert [row["Esposizione"] for row in answered][:5] == ["0,50", "1,50", "2,50", "", "3,50"]
    assert remade(house, arrival) == house.outbox(INSTITUTE)
