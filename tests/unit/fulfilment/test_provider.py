"""Providers: found by name, and their answers joined with what was asked, or refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cominflow.errors import UsageError, WorldError
from cominflow.fulfilment import outcomes, provider

ASKED = pd.DataFrame({"codice": ["A", "B", "C"]}, index=[4, 7, 9])
GOOD = pd.DataFrame({"outcome": ["fulfilled", "not_found", "pending"], "punteggio": [1, 2, 3]}, index=[4, 7, 9])


def test_an_unknown_provider_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"no provider 'tabel'\n  do: did you mean table\?"):
        provider.find("tabel")
    with pytest.raises(UsageError, match="there are command, http, manual, table"):
        provider.find("xyz")
    assert provider.check("manual", {"x": 1}) == ["'x' is not a setting; the only one is 'result'"]


def test_an_answer_in_another_order_is_put_in_the_order_that_was_asked() -> None:
    answer = outcomes.checked(GOOD.loc[[9, 4, 7]], ASKED.index)
    assert answer.outcomes.tolist() == ["fulfilled", "not_found", "pending"]
    assert answer.results["punteggio"].to_pylist() == [1, None, None]


def test_a_result_beside_another_outcome_than_fulfilled_is_dropped() -> None:
    answer = outcomes.checked(GOOD, ASKED.index)
    assert answer.results.to_pylist() == [{"punteggio": 1}, {"punteggio": None}, {"punteggio": None}]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (GOOD.loc[[4, 9]], "row 7: asked, but not answered"),
        (GOOD.loc[[]], "rows 4, 7, 9: asked, but not answered"),
        (GOOD.loc[[4, 7, 9, 7]], "row 7: answered more than once"),
        (GOOD.set_axis([4, 7, 8]), "row 8: answered, but not asked"),
        (GOOD.reset_index(drop=True), "rows 0, 1, 2: answered, but not asked"),
        (GOOD.drop(columns="outcome"), "no column `outcome`, only punteggio"),
        (GOOD.assign(outcome=["fulfilled", "FOUND", None]), "rows 7, 9: the outcome is .* a word near 'not_found'"),
        (GOOD.assign(outcome="expired"), "rows 4, 7, 9: the outcome is none of"),
        (GOOD.assign(punteggio=["7", 7, None]), "column punteggio mixes kinds"),
        (GOOD.assign(punteggio=[1e400, 1, 2]), "column punteggio holds an infinite number"),
        (GOOD.assign(punteggio=[[1], [2], [3]]), "column punteggio is list"),
        (GOOD.assign(punteggio=pd.Timestamp("2026-03-01 10:00")), "column punteggio holds times of day; give dates"),
        (GOOD.assign(punteggio=np.array([2**63, 1, 2], np.uint64)), "holds integers above 9223372036854775807"),
        (pd.concat([GOOD, GOOD[["punteggio"]]], axis=1), "a column stands twice: punteggio"),
        ({"outcome": "fulfilled"}, "it answered with dict"),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_used_says_why(answer: Any, expected: str) -> None:
    with pytest.raises(outcomes.Unusable, match=expected):
        outcomes.checked(answer, ASKED.index)


@pytest.mark.parametrize(
    ("values", "expected", "kind"),
    [
        (["007", None, "x"], ["007", None, "x"], pa.string()),
        (np.array([1, 2, 3], np.int16), [1, 2, 3], pa.int64()),
        ([712.0, np.nan, -3.0], [712, None, -3], pa.int64()),
        ([0.1, np.nan, 1e-7], ["0.1", None, "0.0000001"], pa.string()),
        ([Decimal("1.50"), None, Decimal(2)], [Decimal("1.50"), None, Decimal("2.00")], pa.decimal128(3, 2)),
        ([True, None, False], [True, None, False], pa.bool_()),
        ([date(2026, 3, 1), None, date(1, 1, 1)], [date(2026, 3, 1), None, date(1, 1, 1)], pa.date32()),
        (pd.to_datetime(["2026-03-01", None, "2026-03-02"]), [date(2026, 3, 1), None, date(2026, 3, 2)], pa.date32()),
        (pd.Categorical(["a", None, "b"]), ["a", None, "b"], pa.string()),
        ([None, None, None], [None, None, None], pa.string()),
    ],
)  # fmt: skip
def test_results_come_out_in_stored_types_and_never_as_floats(
    values: Any, expected: list[Any], kind: pa.DataType
) -> None:
    given = pd.DataFrame({"outcome": "fulfilled", "x": values}, index=ASKED.index)
    column = outcomes.checked(given, ASKED.index).results.column("x")
    assert (column.to_pylist(), column.type) == (expected, kind)


def test_an_answer_without_results_is_a_table_without_columns() -> None:
    answer = outcomes.checked(GOOD[["outcome"]], ASKED.index)
    assert answer.results.num_columns == 0


def test_every_outcome_of_a_provider_leads_to_a_state_of_the_table() -> None:
    from cominflow.exchange.request_states import MOVES

    assert set(outcomes.STATE_OF.values()) <= MOVES["WAITING"]
    assert set(outcomes.OF_PROVIDERS) <= set(outcomes.STATE_OF)
    assert outcomes.states_of(np.array(["fulfilled", "pending"], object)).tolist() == ["ANSWERED", "OPEN"]


ACME = """
class Acme:
    def check(self, settings):
        return [] if settings else ["'what' is missing"]

    def fulfil(self, requests, settings):
        if settings["what"] == "raise":
            raise KeyError(requests["codice"].iloc[0])
        answer = requests[["codice"]].assign(outcome="fulfilled")
        return answer if settings["what"] == "echo" else answer.iloc[1:]
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], outcomes.Said]:
    """An installed package that offers the provider `acme`; call it to ask for ASKED."""
    (tmp_path / "acme_provider.py").write_text(ACME)
    metadata = tmp_path / "acme-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[cominflow.providers]\nacme = acme_provider:Acme\nbroken = acme_provider:Nothing\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return lambda what: provider.ask("acme", {"what": what}, ASKED, service="VIS1")


def test_a_package_that_is_installed_brings_its_provider(acme: Callable[[str], outcomes.Said]) -> None:
    assert acme("echo").results.column("codice").to_pylist() == ["A", "B", "C"]
    assert provider.check("acme", {}) == ["'what' is missing"]
    with pytest.raises(WorldError, match=r"cannot load provider broken \(acme_provider:Nothing\)"):
        provider.find("broken")


def test_a_provider_that_fails_is_named_and_the_persons_it_quotes_are_not(acme: Callable[[str], outcomes.Said]) -> None:
    with pytest.raises(WorldError, match="cannot ask provider acme for service VIS1: it raised KeyError") as caught:
        acme("raise")
    assert caught.value.retryable and "'A'" not in str(caught.value)


def test_an_answer_with_a_row_too_few_names_the_provider(acme: Callable[[str], outcomes.Said]) -> None:
    with pytest.raises(WorldError, match="answer of provider acme for service VIS1: row 4: asked, but not answered"):
        acme("short")


def test_a_provider_that_quotes_a_person_in_words_like_ours_is_told_without_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Quoting:
        def check(self, settings: Any) -> list[str]:
            return []

        def fulfil(self, requests: pd.DataFrame, settings: Any) -> pd.DataFrame:
            person = requests["nome"].iloc[0]
            raise WorldError("ask", "provider quoting for service VIS1", f"nothing is known of {person}")

    monkeypatch.setattr(provider, "find", lambda name: Quoting())
    asked = pd.DataFrame({"nome": ["BIANCHI"]}, index=provider.keys("A-1", [0], "0f" * 16))
    with pytest.raises(WorldError, match="with a request's data in its words") as caught:
        provider.ask("quoting", {}, asked, service="VIS1")
    assert "BIANCHI" not in str(caught.value)


def test_a_provider_that_wants_nothing_at_a_time_is_asked_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Modest:
        requests_at_once = 0

    monkeypatch.setattr(provider, "find", lambda name: Modest())
    assert provider.at_once("modest", 5) == 1
