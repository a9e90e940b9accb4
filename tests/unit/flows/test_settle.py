"""Settle: every fulfilled request is charged once, and what the customer reads adds up to the invoice to the cent."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.house import House

STEM = "RV_20260301_001"
NAME = f"{STEM}.txt"


def test_settling_again_charges_nothing_and_takes_no_number(house: House) -> None:
    from cominflow import clock
    from cominflow.flows import settle
    from cominflow.models import Charge, Invoice, Numbering
    from tests.house import bank_file, scored

    content = bank_file(3, by_hand=(2,))
    house.tell(scored(content))
    arrival = house.receive(NAME, content)
    assert settle.settle(arrival.pk, at=clock.now()) is None
    assert (Charge.objects.count(), Invoice.objects.count(), Numbering.objects.get().last) == (1, 1, 1)
    arrival.refresh_from_db()
    assert arrival.answers_count == 1


def test_invoice_numbers_have_no_gaps_over_many_files_and_supplements(house: House) -> None:
    from cominflow.models import Invoice
    from tests.house import bank_file, scored

    contents = [bank_file(2, seed=seed, by_hand=(1,)) for seed in range(1, 5)]
    house.tell({person: score for content in contents for person, score in scored(content).items()})
    for number, content in enumerate(contents, start=1):
        house.receive(f"RV_20260301_00{number}.txt", content)
    for arrival in {invoice.arrival for invoice in Invoice.objects.all()}:
        house.answer(arrival, 1, punteggio=1)
    house.work()
    assert sorted(Invoice.objects.values_list("number", flat=True)) == list(range(1, 9))


def test_two_threads_that_settle_charge_once_and_number_without_gaps(house: House) -> None:
    from django.db import connections

    from cominflow import clock
    from cominflow.flows import batch as batches
    from cominflow.flows import settle
    from cominflow.models import Arrival, Charge, Invoice
    from tests.house import bank_file, scored

    contents = [bank_file(2, seed=seed) for seed in range(1, 6)]
    house.tell({person: score for content in contents for person, score in scored(content).items()})
    for number, content in enumerate(contents, start=1):
        arrival = house.send(f"RV_20260301_00{number}.txt", content)
        batches.identify(arrival.batch_id)
        batches.read(arrival.batch_id)
        batches.acknowledge(arrival.batch_id)
        for keys in batches.unanswered(arrival.batch_id, True):
            batches.fulfil(arrival.batch_id, *keys)
    keys = list(Arrival.objects.values_list("pk", flat=True))
    start = threading.Barrier(2)

    def settle_all(order: list[int]) -> None:
        try:
            start.wait(30)
            for key in order:
                settle.settle(key, at=clock.now())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as threads:
        for settled in [threads.submit(settle_all, order) for order in (keys, keys[::-1])]:
            settled.result()
    assert sorted(Invoice.objects.values_list("number", flat=True)) == [1, 2, 3, 4, 5]
    assert Charge.objects.count() == 5
    assert set(Arrival.objects.values_list("state", "answers_count")) == {("ANSWERED", 1)}


def test_records_add_up_to_the_invoice_where_a_unit_price_has_fractions_of_a_cent(
    house: House, monkeypatch: object
) -> None:
    from cominflow.flows import receive
    from cominflow.models import Charge, Invoice
    from tests.house import bank_file, invoice_lines, scored

    house.price("VIS1", "0.00333")
    monkeypatch.setattr(receive, "REQUESTS_AS_ROWS_MAX", 1)  # type: ignore[attr-defined]
    monkeypatch.setattr(receive, "CHUNK_REQUESTS", 3)  # type: ignore[attr-defined]
    content = bank_file(11)
    house.tell(scored(content))
    house.receive(NAME, content)
    invoice = Invoice.objects.get()
    lines = invoice_lines(house.outbox()[f"{STEM}.F01"])
    assert len(lines) == 11 and {line[0] for line in lines} == {invoice.full_number}
    assert invoice.net_cents == 4  # 11 times 0.00333 is 0.03663
    assert sum(line[2] for line in lines) * 100 == invoice.net_cents
    assert sum(line[3] for line in lines) * 100 == invoice.vat_cents
    assert [charge.quantity for charge in Charge.objects.order_by("chunk_ordinal")] == [3, 3, 3, 2]
    assert sum(charge.amount_cents for charge in Charge.objects.all()) == invoice.net_cents


def test_vat_of_several_rates_is_rounded_once_per_rate_and_shared_out_to_the_cent(house: House) -> None:
    from cominflow.models import Invoice, Service
    from tests.house import bank_file, invoice_lines, scored

    Service.objects.filter(code="VIS2").update(
        vat_rate_bp=1000, provider="table", provider_settings=Service.objects.get(code="VIS1").provider_settings
    )
    house.price("VIS1", "0.07")
    house.price("VIS2", "0.13")
    content = bank_file(7, by_hand=(1, 3, 4))
    house.tell(scored(content))
    house.receive(NAME, content)
    invoice = Invoice.objects.get()
    assert (invoice.net_cents, invoice.vat_cents) == (28 + 39, 6 + 4)  # 22 % of 0.28 is 0.0616, 10 % of 0.39 is 0.039
    assert {line.service.code: (line.quantity, line.net_cents) for line in invoice.lines.all()} == {
        "VIS1": (4, 28),
        "VIS2": (3, 39),
    }
    lines = invoice_lines(house.outbox()[f"{STEM}.F01"])
    assert sum(line[2] for line in lines) == Decimal("0.67")
    assert sum(line[3] for line in lines) == Decimal("0.10")


def test_the_price_of_the_instant_of_acceptance_holds_for_late_answers_too(house: House) -> None:
    from cominflow.models import Invoice
    from tests.house import bank_file

    arrival = house.receive(NAME, bank_file(1, by_hand=(0,)))
    house.price("VIS2", "99.00")
    house.answer(arrival, 0, punteggio=1)
    house.work()
    assert Invoice.objects.get().net_cents == 590


def test_a_service_that_is_changed_leaves_the_invoices_that_were_issued(house: House) -> None:
    from cominflow import clock
    from cominflow.models import InvoiceLine
    from cominflow.pricing import services
    from tests.house import bank_file, scored

    for number in (1, 2):
        content = bank_file(2, seed=number)
        house.tell(scored(content))
        house.receive(f"RV_20260301_00{number}.txt", content)
        services.change("VIS1", title="Visura breve", vat_rate="10", by="operator", at=clock.now())
    lines = InvoiceLine.objects.order_by("pk").values_list("description", "vat_rate_bp")
    assert list(lines) == [("Servizio VIS1", 2200), ("Visura breve", 1000)]
