"""Manual: what an operator may say."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from cominflow.errors import UsageError
from cominflow.fulfilment import manual, provider

SETTINGS = {"result": {"punteggio": "Punteggio", "nota": "Nota"}}


def test_every_request_goes_on_the_work_list() -> None:
    answer = provider.ask("manual", SETTINGS, pd.DataFrame({"codice": ["A", "B"]}, index=[3, 1]), service="VIS2")
    assert answer.outcomes.tolist() == ["pending", "pending"]


def test_what_an_operator_says_is_kept_as_text_and_blank_fields_are_left_out() -> None:
    assert manual.answer(SETTINGS, "fulfilled", {"punteggio": "007", "nota": " "}) == {"punteggio": "007"}
    assert manual.answer(SETTINGS, "not_found", {"nota": ""}) == {}


@pytest.mark.parametrize(
    ("outcome", "results", "expected"),
    [
        ("pending", {}, "'pending' is not an answer\n  do: say one of fulfilled, not_found, failed"),
        ("fulfilled", {"puntegio": "7"}, "no result field 'puntegio'\n  do: did you mean punteggio?"),
        ("fulfilled", {"xyz": "7"}, "its result fields are punteggio, nota"),
        ("not_found", {"nota": "x"}, "a request that is not_found has no results, but nota was given"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused_with_what_to_say(outcome: str, results: dict[str, str], expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        manual.answer(SETTINGS, outcome, results)
    assert expected in str(caught.value)


@pytest.mark.parametrize("settings", [{"result": ["punteggio"]}, {"result": {"punteggio": 1}}, {"results": {}}])
def test_settings_that_it_does_not_know_are_refused(settings: dict[str, Any]) -> None:
    assert len(provider.check("manual", settings)) == 1
    assert provider.check("manual", SETTINGS) == provider.check("manual", {}) == []
