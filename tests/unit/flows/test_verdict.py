"""What a feed's policy makes of a report: the sentences that stand in docs/layouts.md, each proved."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracciati import declare
from tracciati.generate import Order, generate
from tracciati.reading import check

if TYPE_CHECKING:
    from tracciati.findings.report import Report

FOLDER = Path(__file__).resolve().parents[3] / "layouts" / "banca-demo"
LAYOUT = declare.load(FOLDER / "visure.toml")
FEED = (FOLDER / "feed.toml").read_text(encoding="utf-8")


def report_of(*damages: tuple[int, int, bytes]) -> Report:
    """The report on ten requests, with some bytes (line, column from 0, text) written over."""
    sink = io.BytesIO()
    generate(LAYOUT, sink, Order(seed=1, count=10))
    lines = sink.getvalue().splitlines(keepends=True)
    for line, column, text in damages:
        lines[line] = lines[line][:column] + text + lines[line][column + len(text) :]
    return check(b"".join(lines), LAYOUT, unit="richiesta")


def verdict(report: Report, *, unpriced: frozenset[str] = frozenset(), **words: str) -> tuple[str, str]:
    """The verdict of the bank's feed with some of its words replaced."""
    import django

    django.setup()
    from cominflow.exchange import feed
    from cominflow.flows.receive import verdict

    text = FEED
    for key, value in words.items():
        lines = [f'{key} = "{value}"' if line.startswith(key) else line for line in text.splitlines()]
        text = "\n".join(lines)
    state, reason = verdict(feed.loads(text), report, set(unpriced), customer="banca-demo")
    return state, reason.operator


WRONG_SERVICE = (2, 21, b"NONE")
UNREADABLE_AMOUNT = (2, 41, b"0000001A000")
WRONG_TOTAL = (11, 9, b"999999999999999")


@pytest.mark.parametrize(
    ("policy", "state"), [("reject-record", "QUEUED"), ("reject-file", "REFUSED"), ("5%", "REFUSED"), ("10%", "QUEUED")]
)
def test_the_share_of_wrong_requests_is_judged_by_the_feed(policy: str, state: str) -> None:
    assert verdict(report_of(WRONG_SERVICE), accept=policy)[0] == state


@pytest.mark.parametrize(("policy", "state"), [("reject-file", "REFUSED"), ("hold", "HELD"), ("warn", "QUEUED")])
def test_a_total_that_cannot_be_verified_is_judged_by_the_feed(policy: str, state: str) -> None:
    found, reason = verdict(report_of(UNREADABLE_AMOUNT), unverifiable_total=policy)
    assert found == state
    assert ("cannot be verified" in reason) == (policy != "warn")


def test_a_wrong_total_refuses_the_file_whatever_the_feed_says() -> None:
    assert verdict(report_of(WRONG_TOTAL), unverifiable_total="warn")[0] == "REFUSED"


@pytest.mark.parametrize(
    ("what", "damage"),
    [
        ("a date in the head", (0, 10, b"20261332")),
        ("a required field of the head", (0, 2, b" " * 8)),
        ("the count in the tail", (11, 2, b"XXXXXXX")),
        ("the sum in the tail", (11, 9, b" " * 15)),
    ],
)
def test_what_cannot_be_read_beside_the_requests_refuses_the_file_whatever_the_feed_says(
    what: str, damage: tuple[int, int, bytes]
) -> None:
    state, reason = verdict(report_of(damage), unverifiable_total="warn", accept="reject-record")
    assert state == "REFUSED", what
    assert reason.startswith("1 record beside the requests (head or tail) cannot be accepted")


def test_a_service_without_a_price_holds_the_file_for_an_operator() -> None:
    state, reason = verdict(report_of(), unpriced=frozenset({"VIS9"}))
    assert (state, "VIS9" in reason) == ("HELD", True)
