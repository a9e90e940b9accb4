"""Fulfil: what providers say becomes answers; what they cannot say waits, and what does not fit is never cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.house import House

STEM = "RV_20260301_001"
NAME = f"{STEM}.txt"


class Told:
    """A provider that answers as a test says."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def check(self, settings: Any) -> list[str]:
        """Anything goes."""
        return []

    def fulfil(self, requests: Any, settings: Any) -> Any:
        """What the test says."""
        return self.answer(requests)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`told(function)`: the provider `table` answers with function(requests)."""

    def replace(answer: Any) -> None:
        from cominflow.fulfilment import provider

        real = provider.find
        monkeypatch.setattr(provider, "find", lambda name: Told(answer) if name == "table" else real(name))

    return replace


def test_each_outcome_has_the_customers_code_and_only_what_was_fulfilled_is_charged(house: House, told: Any) -> None:
    import pandas as pd

    from cominflow.models import Charge, Invoice
    from tests.house import answers, bank_file

    words = ["fulfilled", "not_found", "failed", "fulfilled"]
    told(lambda asked: pd.DataFrame({"outcome": words, "punteggio": [1, 2, 3, 4]}, index=asked.index))
    arrival = house.receive(NAME, bank_file(4))
    assert arrival.state == "CLOSED"
    assert answers(house.outbox()[f"{STEM}.A01"]) == [("00", 1), ("10", None), ("85", None), ("00", 4)]
    assert [(charge.quantity, charge.amount_cents) for charge in Charge.objects.all()] == [(2, 700)]
    assert Invoice.objects.get().net_cents == 700


def test_where_nothing_was_fulfilled_there_is_no_invoice_and_no_number_is_lost(house: House) -> None:
    from cominflow.models import Charge, Invoice
    from tests.house import bank_file, scored

    nothing = bank_file(2, seed=1)
    arrival = house.receive(NAME, nothing)
    assert (arrival.state, list(house.outbox())) == ("CLOSED", [f"{STEM}.A01"])
    assert not Invoice.objects.exists() and not Charge.objects.exists()
    content = bank_file(2, seed=2)
    house.tell(scored(content))
    house.receive("RV_20260301_002.txt", content)
    assert Invoice.objects.get().number == 1


def test_a_provider_that_is_down_keeps_its_file_waiting_and_answers_it_when_it_is_back(house: House) -> None:
    from cominflow.models import Batch
    from tests.house import answers, bank_file, scored

    content = bank_file(3)
    house.table.unlink()
    arrival = house.receive(NAME, content)
    assert arrival.state == "QUEUED"
    assert house.outbox() == {}, "no first answer that says pending for what was not even asked"
    assert f"{STEM}.R01" in house.receipts(), "the receipt does not wait"
    batch = Batch.objects.get()
    assert "cannot read" in batch.error and "scores.csv" in batch.error and "put the table there" in batch.error
    assert batch.not_before is not None and batch.finished_at is None
    house.work()
    assert Batch.objects.get().failures_count == batch.failures_count, "it is not tried before its time"
    house.tell(scored(content))
    house.work(is_later=True)
    arrival.refresh_from_db()
    assert arrival.state == "CLOSED"
    assert Batch.objects.get().error == ""
    assert answers(house.outbox()[f"{STEM}.A01"]) == [("00", 100), ("00", 101), ("00", 102)]


def test_a_provider_that_is_down_does_not_keep_other_files_of_the_batch_waiting(house: House) -> None:
    from cominflow import clock
    from cominflow.customers import register
    from cominflow.exchange.claim import claim
    from cominflow.models import Arrival
    from tests.house import BANK, bank_file

    house.table.unlink()
    inbox = house.folders.customer(BANK).inbox
    (inbox / "RV_20260301_001.txt").write_bytes(bank_file(1, seed=1))
    (inbox / "RV_20260301_002.txt").write_bytes(bank_file(1, seed=2, by_hand=(0,)))
    claim(house.folders, register.find(BANK), at=clock.now())
    house.work()
    house.answer(Arrival.objects.get(name=b"RV_20260301_002.txt"), 0, "not_found")
    house.work(is_later=True)
    assert "RV_20260301_002.A01" in house.outbox()
    assert "RV_20260301_001.A01" not in house.outbox()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(
            lambda asked, pd: pd.DataFrame({"outcome": ["fulfilled"]}, index=asked.index[:1]),
            "not answered",
            id="too few",
        ),
        pytest.param(lambda asked, pd: None, "not with a DataFrame", id="nothing"),
        pytest.param(lambda asked, pd: {}["key"], "it raised KeyError", id="its own defect"),
        pytest.param(
            lambda asked, pd: pd.DataFrame({"outcome": "maybe"}, index=asked.index), "none of fulfilled", id="word"
        ),
    ],
)
def test_an_answer_that_cannot_be_used_is_kept_as_the_batchs_error(
    house: House, told: Any, answer: Any, words: str
) -> None:
    import pandas as pd

    from cominflow.models import Batch, Request
    from tests.house import bank_file

    told(lambda asked: answer(asked, pd))
    house.receive(NAME, bank_file(3))
    error = Batch.objects.get().error
    assert words in error and "provider table for service VIS1" in error and "do: " in error
    assert set(Request.objects.values_list("state", flat=True)) == {"WAITING"}


def test_a_result_that_does_not_fit_goes_to_a_person_and_is_not_charged(house: House) -> None:
    from cominflow.errors import UsageError
    from cominflow.exchange import requests
    from cominflow.flows import why_open
    from cominflow.models import Charge
    from tests.house import answers, bank_file, scored

    content = bank_file(3)
    house.tell({**scored(content), **dict.fromkeys(list(scored(content))[1:2], 1_234_567)})
    arrival = house.receive(NAME, content)
    assert arrival.state == "QUEUED"
    assert answers(house.outbox()[f"{STEM}.A01"]) == [("00", 100), ("70", None), ("00", 102)]
    assert Charge.objects.get().quantity == 2
    (place,) = requests.open_items()
    assert place.position == 1
    misfit = "result.punteggio does not fit richiesta.punteggio (integer, at most 6 digits, no decimals, no sign)"
    assert why_open.told(place, arrival, reveal=False) == misfit
    assert why_open.told(place, arrival, reveal=True) == f"{misfit}: 1234567"
    with pytest.raises(UsageError, match="does not fit richiesta.punteggio"):
        house.answer(arrival, 1, punteggio=1_234_567)
    with pytest.raises(UsageError, match="at most 6 digits, no decimals, no sign.*\n.*a value that the field takes"):
        house.answer(arrival, 1, punteggio=-1)
    house.answer(arrival, 1, punteggio=999_999)
    assert why_open.told(requests.place(arrival, 1), arrival, reveal=True) == ""
    house.work()
    assert answers(house.outbox()[f"{STEM}.A02"]) == [("00", 999_999)]


def test_a_result_that_does_not_fit_is_told_as_failed_where_the_layout_says_so(house: House) -> None:
    from cominflow.models import Charge
    from tests.house import LAYOUTS, answers, bank_file, scored

    layout = (
        (LAYOUTS / "banca-demo" / "visure.toml").read_text().replace('version    = "2.0.0"', 'version    = "2.1.0"')
    )
    layout = layout.replace('from = "result.punteggio" }', 'from = "result.punteggio", on_overflow = "outcome" }')
    house.publish(layouts=[layout])
    content = bank_file(3)
    house.tell({**scored(content), **dict.fromkeys(list(scored(content))[1:2], 1_234_567)})
    arrival = house.receive(NAME, content)
    assert arrival.state == "CLOSED"
    assert answers(house.outbox()[f"{STEM}.A01"]) == [("00", 100), ("85", None), ("00", 102)]
    assert Charge.objects.get().quantity == 2


def test_services_that_give_one_result_in_different_types_stand_in_one_answer(house: House) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    from cominflow.models import Service
    from tests.house import answers, bank_file, people, scored

    content = bank_file(4, by_hand=(1, 2))
    house.tell(scored(content))
    numbers = house.folder / "numbers.parquet"
    pyarrow.parquet.write_table(pa.table({"cf": people(content)[1:2], "score": pa.array([2**40 % 999_983])}), numbers)
    service = Service.objects.get(code="VIS2")
    service.provider = "table"
    service.provider_settings = {
        "file": str(numbers),
        "key": {"codice_fiscale": "cf"},
        "result": {"punteggio": "score"},
    }
    service.save()
    house.receive(NAME, content)
    assert answers(house.outbox()[f"{STEM}.A01"]) == [("00", 100), ("00", 2**40 % 999_983), ("10", None), ("00", 103)]


@pytest.mark.usefixtures("database")
def test_what_a_field_takes_is_told_with_its_sign_and_bounds() -> None:
    from cominflow.flows import why_open
    from tracciati.layout import Field

    assert why_open.takes(Field("punteggio", "integer", 0, None, digits=5), "cp1252") == (
        "integer, at most 5 digits, no decimals, no sign"
    )
    assert why_open.takes(Field("importo", "decimal", 0, 8, scale=2, mark=","), "cp1252") == (
        "decimal, at most 7 digits, 2 of them decimals, no sign"
    )
    assert why_open.takes(Field("saldo", "decimal", 0, 9, scale=2, mark=",", sign="trailing"), "cp1252") == (
        "decimal, at most 7 digits, 2 of them decimals, with a sign"
    )
    assert why_open.takes(Field("punteggio", "integer", 0, 3, least=300, most=850), "cp1252") == (
        "integer, at most 3 digits, no decimals, no sign, between 300 and 850"
    )
    assert why_open.takes(Field("nota", "text", 0, None, pattern="[A-Z]{2}"), "cp1252") == (
        "text in cp1252, the form [A-Z]{2}"
    )
    assert why_open.takes(Field("nota", "text", 0, None), "cp1252") == "text in cp1252"
