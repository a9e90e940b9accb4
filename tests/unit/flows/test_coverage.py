"""Where a feed and the services that it asks for name each other's columns wrongly, publishing says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cominflow.exchange import feed
from tracciati import declare

if TYPE_CHECKING:
    from tests.house import House

    Services = dict[str, dict[str, Any]]

RIGHT: dict[str, Any] = {
    "key": {"codice_fiscale": "cf"},
    "result": {"punteggio": "score"},
}


def notes(services: Services, *, folder: str = "banca-demo", layout: str = "banca-demo/visure") -> list[str]:
    """What is said of a shipped feed with these services."""
    from cominflow.flows import coverage
    from tests.house import LAYOUTS

    agreed = feed.loads((LAYOUTS / folder / "feed.toml").read_text())
    return coverage.notes_on(agreed, declare.load(LAYOUTS / f"{layout}.toml"), services)


pytestmark = pytest.mark.usefixtures("database")


def test_services_that_fit_the_feed_are_passed_over() -> None:
    assert notes({"VIS1": RIGHT}) == notes({}) == []
    assert notes({"VIS1": {}}) == [], "a person fills what the layout asks for"


def test_a_key_that_is_no_field_of_a_request_is_named() -> None:
    (note,) = notes({"VIS1": RIGHT | {"key": {"codice_fiscal": "cf"}}})
    assert note.startswith("VIS1 looks up by 'codice_fiscal', and a request of banca-demo-visure (`richiesta`) has no")
    assert "did you mean `codice_fiscale`?" in note and "cominflow service set VIS1" in note


def test_the_columns_of_a_group_have_the_names_of_their_records() -> None:
    place = {"folder": "cbi-riba-demo", "layout": "public/cbi-riba"}
    assert notes({"RIBA": {"key": {"30.codice_fiscale_debitore": "cf"}}}, **place) == []
    (note,) = notes({"RIBA": {"key": {"codice_fiscale_debitore": "cf"}}}, **place)
    assert "did you mean `30.codice_fiscale_debitore`?" in note


def test_a_result_that_nobody_asks_for_and_one_that_nobody_gives_are_named() -> None:
    gone, empty = notes({"VIS1": RIGHT | {"result": {"puntegio": "score"}}})
    assert gone.startswith("VIS1 gives result.puntegio, which no field of banca-demo-visure is filled from")
    assert "did you mean `punteggio`?" in gone
    assert empty.startswith("banca-demo-visure is filled from result.punteggio, which no service with a price gives")


def test_results_of_a_feed_without_answer_records_go_out_as_text() -> None:
    assert notes({"RIBA": {"result": {"any": "x"}}}, folder="cbi-riba-demo", layout="public/cbi-riba") == []


def test_an_outcome_that_looks_like_a_result_is_named() -> None:
    from cominflow.flows import coverage
    from tests.house import LAYOUTS

    text = (LAYOUTS / "banca-demo" / "feed.toml").read_text()
    same = text.replace('not_found = "10"', 'not_found = "00"')
    assert same != text
    (note,) = coverage.notes_on(feed.loads(same), declare.load(LAYOUTS / "banca-demo" / "visure.toml"), {})
    assert note.startswith("`outcomes` says '00' for fulfilled and for not_found: the customer cannot tell them apart")


def test_a_service_that_the_feed_cannot_ask_for_is_not_its_business() -> None:
    assert notes({"OTHER": {"key": {"x": "y"}}}, folder="cbi-riba-demo", layout="public/cbi-riba") == []


def test_only_services_with_a_price_for_this_customer_are_looked_at(house: House) -> None:
    from cominflow import clock
    from cominflow.customers import register
    from cominflow.flows import coverage
    from cominflow.pricing import services
    from tests.house import BANK, LAYOUTS, bank_layout

    settings = {"file": "x.csv", "key": {"nome": "x"}, "result": {"punteggio": "score"}}
    services.change("VIS1", provider_settings=settings, by="operator", at=clock.now())
    house.add_customer("istituto-demo")
    agreed = feed.loads((LAYOUTS / BANK / "feed.toml").read_text())
    (note,) = coverage.notes(register.find(BANK), agreed, [bank_layout()])
    assert note.startswith("VIS1 looks up by 'nome'")
    assert coverage.notes(register.find("istituto-demo"), agreed, [bank_layout()]) == []
