"""Names of request files and deliveries: what matches, what is rendered, and which agreements would collide."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cominflow.exchange import names
from cominflow.exchange.names import KINDS, TEMPLATES, Kind, Named, NameProblem, Names

AGREED = "RV_{date:%Y%m%d}_{seq:3}.txt"


def agreed(request: str = AGREED, **templates: str) -> Names:
    texts: dict[Kind, str] = {kind: templates.get(kind, TEMPLATES[kind]) for kind in KINDS}
    return Names(names.request_name(request), {kind: names.delivery_name(text) for kind, text in texts.items()})


def test_a_name_of_the_pattern_says_its_day_and_number() -> None:
    assert agreed().match(b"RV_20260301_017.txt") == Named(b"RV_20260301_017", date(2026, 3, 1), 17)


@pytest.mark.parametrize(
    "name",
    [
        b"RV_20260231_017.txt",  # no such day
        b"RV_20260301_17.txt",
        b"RV_20260301_0017.txt",
        b"RV_20260301_017.TXT",
        b"RV_20260301_017.txt\n",
        b"xRV_20260301_017.txt",
        b"RV_20260301_017_txt",
        "RV_２０２６0301_017.txt".encode(),  # digits, but not ours
        b"",
    ],
)
def test_another_name_is_not_taken(name: bytes) -> None:
    assert agreed().match(name) is None


def test_any_takes_bytes_that_are_no_text_but_no_control_character() -> None:
    pattern = agreed("ORD_{any}.txt")
    assert pattern.match(b"ORD_\xff\xfe.txt") == Named(b"ORD_\xff\xfe")
    assert pattern.match(b"ORD_a\x07.txt") is None
    assert pattern.match(b"ORD_.txt") is None


def test_a_name_whose_answer_could_not_be_a_file_is_not_taken() -> None:
    pattern = agreed("ORD_{any}.txt")
    assert pattern.match(b"ORD_" + b"a" * 200 + b".txt") is not None
    assert pattern.match(b"ORD_" + b"a" * 240 + b".txt") is None


def test_each_delivery_has_its_name() -> None:
    request = b"RV_20260301_017.txt"
    rendered = [agreed().render(kind, request, 1) for kind in KINDS]
    assert rendered == [b"RV_20260301_017.R01", b"RV_20260301_017.S01", b"RV_20260301_017.A01", b"RV_20260301_017.F01"]
    assert agreed().render("answer", request, 123) == b"RV_20260301_017.A123"


@given(st.from_regex(r"RV_2026(0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])_[0-9]{3}\.txt", fullmatch=True))
def test_every_real_name_of_the_pattern_is_taken(name: str) -> None:
    assert agreed().match(name.encode()) is not None


@given(
    st.lists(st.binary(min_size=1, max_size=12), min_size=2, max_size=2, unique=True),
    st.integers(1, 999),
    st.integers(1, 999),
)
def test_two_requests_never_get_one_answer_name(middles: list[bytes], number: int, other_number: int) -> None:
    pattern = agreed("ORD_{any}.txt")
    one, other = (b"ORD_" + middle + b".txt" for middle in middles)
    if pattern.match(one) and pattern.match(other):
        assert pattern.render("answer", one, number) != pattern.render("answer", other, other_number)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "cannot be empty"),
        ("RV_{day}.txt", "{day} is not known here"),
        ("RV_{seq:x}.txt", "'x' is not a number of digits"),
        ("RV_{date:%Q}.txt", "'%Q' is not a part of a date"),
        ("RV_{date:%d%m}.txt", "needs the year once"),
        ("RV_{seq}{seq}.txt", "stands twice"),
        ("in/RV_{seq}.txt", "'/' cannot stand in a file name"),
        ("RV_{seq.txt", "'{' cannot stand in a file name"),
        ("RV_{seq}.tmp", "half-written"),
        (".RV_{seq}.txt", "half-written"),
        ("RV_{any}", "differ only after the last dot"),
        ("RV_{seq}.{any}", "differ only after the last dot"),
        ("{request.stem}.txt", "{request.stem} is not known here"),
    ],
)
def test_a_pattern_that_cannot_work_is_refused(text: str, problem: str) -> None:
    with pytest.raises(NameProblem, match="(?s)" + re.escape(problem)):
        names.request_name(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ANSWER.txt", "must hold {request.stem} once"),
        ("{request.stem}{delivery:2}", "cannot be told from those before it"),
        ("{request.stem}.1{delivery:2}", "cannot be told from those before it"),
        ("{request.stem}.{seq}", "{seq} is not known here"),
        ("{request.stem}.part", "half-written"),
        ("~{request.stem}.txt", "half-written"),
    ],
)
def test_a_template_that_cannot_work_is_refused(text: str, problem: str) -> None:
    with pytest.raises(NameProblem, match="(?s)" + re.escape(problem)):
        names.delivery_name(text)


def test_names_as_agreed_do_not_clash() -> None:
    assert names.clashes(agreed()) == []


def test_two_kinds_of_delivery_with_one_name_clash() -> None:
    found = names.clashes(agreed(receipt="{request.stem}.A01"))
    assert found == [("answer", "receipt and answer could both be called 'RV_00000000_000.A01'")]


def test_a_delivery_that_is_named_like_the_json_of_another_clashes() -> None:
    found = names.clashes(agreed(receipt="{request.stem}.A01.json"))
    assert found == [("answer", "receipt and answer could both be called 'RV_00000000_000.A01.json'")]


def test_an_answer_without_a_number_clashes_with_the_next_one() -> None:
    (found,) = names.clashes(agreed(answer="{request.stem}.ANS"))
    assert found[0] == "answer" and "has no {delivery}" in found[1]


def test_deliveries_of_different_requests_that_could_meet_are_found() -> None:
    # The receipt of `a.x.txt` would be `a.x.R01`; so would the rejection of `a.txt` under this template.
    found = names.clashes(agreed("{any}.txt", rejection="{request.stem}.x.R01"))
    assert [kind for kind, _ in found] == ["rejection"]


def test_feeds_that_take_the_same_name_cannot_live_together() -> None:
    why = names.rival(agreed(), agreed("RV_{any}.txt"))
    assert why == "both take a request file called 'RV_00000000_000.txt'"


def test_feeds_whose_answers_would_share_a_name_cannot_live_together() -> None:
    why = names.rival(agreed("RV_{seq}.txt"), agreed("RV_{seq}.csv"))
    assert why is not None and "could both be called 'RV_0.R01'" in why


def test_feeds_with_names_of_their_own_live_together() -> None:
    assert names.rival(agreed(), agreed("VIS_{seq}.txt")) is None
