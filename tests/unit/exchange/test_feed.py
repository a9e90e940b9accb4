"""The feed language: the printed example loads, what is wrong is said with its line, what waits is named."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from cominflow.exchange import feed
from tracciati.errors import LayoutError

SAMPLE = (Path(__file__).resolve().parents[2] / "samples" / "banca-demo-feed.toml").read_text(encoding="utf-8")

SMALLEST = """\
layout = "ordini"
service = "ORD"
names = { request = "ORD_{seq}.txt" }
request = { unit = "ordine", reference = "ordine.riferimento" }
"""


def problems_of(text: str) -> list[tuple[int, str]]:
    with pytest.raises(LayoutError) as caught:
        feed.loads(text)
    return [(problem.line, problem.text) for problem in caught.value.problems]


def test_the_printed_feed_loads() -> None:
    agreed = feed.loads(SAMPLE)
    assert agreed.layout == "banca-demo-visure"
    assert agreed.request == feed.Unit(
        "richiesta", "richiesta.riferimento", "richiesta.servizio", "richiesta.codice_fiscale"
    )
    assert agreed.names.render("answer", b"RV_20260301_017.txt", 2) == b"RV_20260301_017.A02"
    assert agreed.outcomes["fulfilled"] == agreed.code_of("fulfilled") == "00"
    assert agreed.service == ""
    assert agreed.unverifiable_total == "reject-file"


def test_keys_without_behaviour_are_named_with_their_lines() -> None:
    assert feed.unsupported(feed.loads(SAMPLE)) == [
        ("names.control", 5),
        *((f"calendar.{key}", 8) for key in ("timezone", "holidays", "weekend", "cut_off", "receipt_within")),
        *((f"calendar.{key}", 8) for key in ("answer_within", "expected")),
        ("answer.open_at_deadline", 9),
        ("answer.pending_days", 9),
        *((f"documents.{key}", 10) for key in ("pack", "max_mb", "name")),
        ("control.at", 12),
        ("control.when_empty", 12),
    ]


def test_what_works_already_is_not_named() -> None:
    text = SMALLEST + 'complete = "commit"\nanswer = { parts = "whole", late = "supplement" }\n'
    assert feed.unsupported(feed.loads(text + 'repeats = { same_file = "refuse" }\nwaivers = []\n')) == []


def test_the_old_layout_is_taken_until_the_end_of_its_last_day() -> None:
    agreed = feed.loads(SAMPLE)
    assert feed.unsupported(feed.loads(SMALLEST + "calendar.old_layout_until = 2026-02-28\n")) == []
    assert [agreed.takes_old_layout(date(2026, month, day)) for month, day in ((2, 28), (3, 1))] == [True, False]
    assert not feed.loads(SMALLEST).takes_old_layout(date(2026, 1, 1))


def test_rules_about_repeats_are_read_and_ask_for_their_codes() -> None:
    assert feed.loads(SMALLEST).repeats == feed.Repeats("refuse", None, "new", "new")
    assert feed.loads(SAMPLE).repeats == feed.Repeats("refuse", 30, "answer-again", "correct-if-open")
    codes = 'outcomes = { fulfilled = "00", not_found = "10", pending = "70", failed = "85", invalid = "99" }\n'
    assert not feed.loads(SMALLEST + codes).repeats.concerns_requests
    rules = 'repeats = { changed_request = "correct-if-open" }\n'
    assert problems_of(SMALLEST + codes + rules) == [
        (5, "what can become of a request has no code: repeated, cancelled")
    ]
    assert problems_of(SMALLEST + 'repeats = { same_file = "answer", within_days = 0 }\n') == [
        (5, "`same_file` cannot be 'answer'"),
        (5, "`within_days` is 0; it must be 1 or more"),
    ]


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (
            'waivers = [{ rule = "BD-001", until = 2026-12-31, reason = "new system", owner = "MARIO ROSSI" }]',
            "waivers",
        ),
        ('answer = { parts = "every 2h" }', "answer.parts"),
        ('defaults = { "testa.cliente" = "DEMO" }', "defaults"),
    ],
)
def test_every_other_value_of_a_key_waits_for_its_behaviour(line: str, key: str) -> None:
    assert feed.unsupported(feed.loads(SMALLEST + line)) == [(key, 5)]


def test_a_feed_says_as_little_as_it_needs() -> None:
    agreed = feed.loads(SMALLEST)
    assert (agreed.accept, agreed.rejected_share_max, agreed.complete.policy) == ("reject-record", 1.0, "commit")
    assert agreed.service == "ORD" and agreed.code_of("not_found") == "not_found"


@pytest.mark.parametrize(
    ("policy", "share"),
    [("reject-record", 1.0), ("reject-file", 0.0), ("5%", 5 / 100), ("0.5 %", 5 / 1000), ("100%", 1.0)],
)
def test_the_acceptance_policy_is_a_share(policy: str, share: float) -> None:
    assert feed.loads(SMALLEST + f'accept = "{policy}"').rejected_share_max == share


def test_five_of_a_hundred_are_not_more_than_five_percent() -> None:
    limit = feed.loads(SMALLEST + 'accept = "5%"').rejected_share_max
    share = [bad / 100 for bad in (5, 6)]
    assert [one > limit for one in share] == [False, True]


def test_spaces_and_comments_do_not_make_another_feed() -> None:
    spaced = SMALLEST.replace(" = ", "   =  ") + "\n# a comment\n"
    assert feed.loads(spaced).fingerprint == feed.loads(SMALLEST).fingerprint
    assert feed.loads(SMALLEST + 'accept = "5%"').fingerprint != feed.loads(SMALLEST).fingerprint


def test_all_problems_are_said_at_once_with_their_lines() -> None:
    text = SMALLEST.replace("ORD_{seq}", "ORD_{sq}") + 'acept = "5%"\nunverifiable_total = "ignore"\n'
    assert problems_of(text) == [
        (3, "{sq} is not known here"),
        (5, "unknown key `acept`"),
        (6, "`unverifiable_total` cannot be 'ignore'"),
    ]


def test_an_outcome_that_can_occur_needs_a_code() -> None:
    text = SMALLEST + 'outcomes = { fulfilled = "00", not_found = "10" }\n'
    assert problems_of(text) == [(5, "what can become of a request has no code: pending, failed, invalid")]


def test_a_feed_that_returns_whole_files_needs_no_code_for_invalid_requests() -> None:
    codes = 'outcomes = { fulfilled = "00", not_found = "10", pending = "70", failed = "85" }\n'
    assert feed.loads(SMALLEST + 'accept = "reject-file"\n' + codes).outcomes["failed"] == "85"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('layout = "ordini"', "", "the file has no `layout`"),
        ('layout = "ordini"', "layout = 7", "`layout` must be text in quotes"),
        ('service = "ORD"', "", "nothing says which service is asked for"),
        ("unit = ", "service = 'ordine.servizio', unit = ", "`service` and `request.service` both say the service"),
        ("ordine.riferimento", "riferimento", "`reference` must be a field as record.field, not 'riferimento'"),
        ("{ request =", '{ answer = "{request.stem}.txt", request =', "has no {delivery}"),
        ('"ORD_{seq}.txt"', '"ORD_{seq}.txt", receipt = "{request.stem}.A01"', "could both be called 'ORD_0.A01'"),
        ("layout =", "accept = '500%'\nlayout =", "`accept` cannot be '500%'"),
        ("layout =", "outcomes = { fulfiled = '00' }\nlayout =", "unknown key `fulfiled` in outcomes"),
        ("layout =", "calendar = { cutoff = '18:00' }\nlayout =", "unknown key `cutoff` in calendar"),
        ("layout =", "names = 3\nlayout =", "not TOML"),
        ("layout =", "waivers = [{ rule = 'X', reason = 'Y', owner = 'Z' }]\nlayout =", "a waiver has no `until`"),
    ],
)
def test_a_feed_that_cannot_work_is_refused(old: str, new: str, expected: str) -> None:
    assert old in SMALLEST
    assert any(expected in text for _, text in problems_of(SMALLEST.replace(old, new, 1)))


def test_the_shipped_feeds_load_and_could_go_live() -> None:
    shipped = sorted((Path(__file__).resolve().parents[3] / "layouts").rglob("*feed.toml"))
    assert len(shipped) >= 4
    for path in shipped:
        assert feed.unsupported(feed.loads(path.read_text(encoding="utf-8"), path.name)) == [], path
