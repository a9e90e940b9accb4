"""Services and prices: what holds at an instant, and what cannot be entered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from cominflow.errors import UsageError
from cominflow.money import E8, parse_e8

if TYPE_CHECKING:
    from cominflow.models import Customer, Service

pytestmark = pytest.mark.usefixtures("database")

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def customer() -> Customer:
    from cominflow.customers import register

    return register.add("banca-demo", "Banca Demo", at=AT)


@pytest.fixture
def service() -> Service:
    from cominflow.pricing import services

    return services.add("VIS1", "Visura ordinaria", provider="manual", provider_settings={}, by="test", at=AT)


def test_the_price_that_had_begun_last_holds(customer: Customer, service: Service) -> None:
    from cominflow.pricing import prices

    prices.set_price(customer, service, parse_e8("3.50"), by="test", at=AT)
    prices.set_price(customer, service, parse_e8("3.80"), by="test", at=AT, valid_from=AT + 30 * DAY)

    def cents_e8(instant: datetime) -> int | None:
        price = prices.price_at(customer, service, instant)
        return None if price is None else price.unit_price_e8

    assert cents_e8(AT - DAY) is None
    assert cents_e8(AT) == cents_e8(AT + 30 * DAY - timedelta(microseconds=1)) == 350_000_000
    assert cents_e8(AT + 30 * DAY) == cents_e8(AT + 300 * DAY) == 380_000_000


def test_a_service_is_priced_by_its_code_as_files_say_it(customer: Customer, service: Service) -> None:
    from cominflow.pricing import prices

    prices.set_price(customer, service, E8(0), by="test", at=AT)
    free = prices.price_at(customer, "VIS1", AT)
    assert free is not None and free.unit_price_e8 == 0
    assert prices.price_at(customer, "VIS9", AT) is None


@pytest.mark.parametrize("text", ["-1", "-3.50", " -0.00000001"])
def test_a_price_below_nothing_is_refused_as_such(text: str) -> None:
    with pytest.raises(ValueError, match="a price cannot be negative"):
        parse_e8(text)


def test_one_customers_price_is_not_anothers(customer: Customer, service: Service) -> None:
    from cominflow.customers import register
    from cominflow.pricing import prices

    prices.set_price(customer, service, parse_e8("3.50"), by="test", at=AT)
    other = register.add("istituto-demo", "Istituto Demo", at=AT)
    assert prices.price_at(other, service, AT) is None
    assert len(prices.prices_of(customer)) == 1 and prices.prices_of(other) == []


def test_a_price_cannot_begin_in_the_past(customer: Customer, service: Service) -> None:
    from cominflow.pricing import prices

    with pytest.raises(UsageError, match="cannot begin at 2026-02-28 09:00 UTC, which is past"):
        prices.set_price(customer, service, parse_e8("3.50"), by="test", at=AT, valid_from=AT - DAY)


def test_two_prices_cannot_begin_at_one_instant(customer: Customer, service: Service) -> None:
    from cominflow.pricing import prices

    prices.set_price(customer, service, parse_e8("3.50"), by="test", at=AT)
    with pytest.raises(UsageError, match="from that very instant"):
        prices.set_price(customer, service, parse_e8("3.80"), by="test", at=AT)


def test_who_set_a_price_is_on_record(customer: Customer, service: Service) -> None:
    from cominflow.models import Event
    from cominflow.pricing import prices

    prices.set_price(customer, service, parse_e8("3.50"), by="test", at=AT)
    event = Event.objects.get(what="price set")
    assert event.by == "test" and event.reason.startswith("VIS1: 3.50 EUR from 2026-03-01")


@pytest.mark.parametrize(("text", "rate"), [("22", 2200), ("4.5", 450), ("0", 0), ("10 %", 1000), ("100", 10000)])
def test_a_vat_rate_is_kept_in_hundredths_of_a_percent(text: str, rate: int) -> None:
    from cominflow.pricing import services

    assert services.rate_bp(text) == rate


@pytest.mark.parametrize("text", ["", "x", "-1", "101", "4.555", "NaN", "Infinity", "1e999999999"])
def test_what_is_not_a_vat_rate_is_refused(text: str) -> None:
    from cominflow.pricing import services

    with pytest.raises(UsageError, match="is not a VAT rate"):
        services.rate_bp(text)


@pytest.mark.parametrize("code", ["", "VIS 1", "a.b", "V" * 33, "VIS\n"])
def test_a_code_that_files_could_not_say_is_refused(code: str) -> None:
    from cominflow.pricing import services

    with pytest.raises(UsageError, match="cannot be a service code"):
        services.add(code, "Visura", provider="manual", provider_settings={}, by="test", at=AT)


def test_a_service_is_entered_once(service: Service) -> None:
    from cominflow.pricing import services

    with pytest.raises(UsageError, match="there is a service VIS1 already"):
        services.add("VIS1", "Again", provider="manual", provider_settings={}, by="test", at=AT)
    with pytest.raises(UsageError, match="did you mean VIS1"):
        services.find("VIS2")


def test_a_service_is_changed_only_in_what_is_given_and_the_record_has_no_values_of_settings(service: Service) -> None:
    from cominflow.models import Event
    from cominflow.pricing import services

    changed = services.change("VIS1", vat_rate="4.5", by="maria", at=AT + DAY)
    assert (changed.title, changed.provider, changed.vat_rate_bp) == ("Visura ordinaria", "manual", 450)
    settings = {"url": "postgresql://u:secret@localhost/x"}
    services.change("VIS1", title=" Visura ", provider="table", provider_settings=settings, by="maria", at=AT + DAY)
    again = services.change("VIS1", title="Visura", provider="table", by="maria", at=AT + 2 * DAY)
    assert (again.title, again.provider, again.provider_settings) == ("Visura", "table", settings)
    events = Event.objects.filter(subject="service VIS1", what="changed").order_by("pk")
    assert list(events.values_list("by", "at", "reason")) == [
        ("maria", AT + DAY, "vat 22 -> 4.5 percent"),
        ("maria", AT + DAY, "title Visura ordinaria -> Visura; provider manual -> table; settings"),
    ]


def test_a_change_that_a_service_cannot_have_is_refused(service: Service) -> None:
    from cominflow.pricing import services

    with pytest.raises(UsageError, match="VIS1 would have no title"):
        services.change("VIS1", title=" ", by="test", at=AT)
    with pytest.raises(UsageError, match="is not a VAT rate"):
        services.change("VIS1", vat_rate="101", by="test", at=AT)
    with pytest.raises(UsageError, match="did you mean VIS1"):
        services.change("VIS2", title="Visura", by="test", at=AT)
