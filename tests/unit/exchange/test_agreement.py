"""A feed and a layout that do not fit together are refused before the first file, with the line to change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cominflow.errors import UsageError
from cominflow.exchange import agreement, feed
from tracciati import declare
from tracciati.errors import LayoutError

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
FEED = (SAMPLES / "banca-demo-feed.toml").read_text(encoding="utf-8")
LAYOUT = (SAMPLES / "banca-demo-visure.toml").read_text(encoding="utf-8")


def problem_of(feed_text: str, layout_text: str) -> str:
    with pytest.raises(LayoutError) as caught:
        agreement.check(feed.loads(feed_text), declare.loads(layout_text))
    (problem,) = caught.value.problems
    return f"{caught.value.name}:{problem.line}: {problem.text} / {problem.hint}"


def test_the_printed_feed_and_layout_fit_together() -> None:
    agreement.check(feed.loads(FEED), declare.loads(LAYOUT))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            '"banca-demo-visure"',
            '"banca-demo"',
            'this layout is banca-demo-visure / write layout = "banca-demo-visure", or name',
        ),
        ('unit = "richiesta"', 'unit = "richieste"', "feed.toml:6: banca-demo-visure@2.0.0"),
        ("richiesta.riferimento", "richiesta.riferimeto", "a request (`richiesta`) has no field richiesta.riferimeto"),
        (
            "richiesta.codice_fiscale",
            "testa.cliente",
            "a request (`richiesta`) has no field testa.cliente / it has richiesta.tipo",
        ),
        ("richiesta.servizio", "richiesta.esito", "richiesta.esito says nothing in a request"),
        (
            'fulfilled = "00"',
            'fulfilled = "OK!"',
            "'OK!' is longer than richiesta.esito, which has 2 / agree a code of at most 2",
        ),
    ],
)
def test_a_feed_that_does_not_fit_its_layout_is_refused(old: str, new: str, expected: str) -> None:
    assert old in FEED
    assert expected in problem_of(FEED.replace(old, new, 1), LAYOUT)


def test_a_layout_and_a_feed_given_for_one_another_are_told_apart() -> None:
    with pytest.raises(LayoutError) as caught:
        feed.loads(LAYOUT)
    assert [problem.text for problem in caught.value.problems] == ["this is a layout, not a feed"]
    with pytest.raises(LayoutError) as caught:
        declare.loads(FEED)
    assert [problem.text for problem in caught.value.problems] == ["this is a feed, not a layout"]


def test_a_layout_that_carries_outcomes_needs_their_codes() -> None:
    without = "\n".join(line for line in FEED.splitlines() if not line.startswith("outcomes"))
    assert "richiesta.esito carries the outcome's code, and no codes are agreed" in problem_of(without, LAYOUT)


@pytest.mark.parametrize(
    ("old", "new", "filler", "expected"),
    [
        ('"numero",      len = 20', '"numero",      len = 12', (144, 152), "invoice.number can have 14 characters"),
        (
            '"riferimento", len = 12, type = "text", from = "line.reference"',
            '"riferimento", len = 10, type = "text", from = "line.reference"',
            (144, 146),
            "line.reference repeats richiesta.riferimento of 12 characters, the field has 10",
        ),
        (
            '"netto",       len = 11, type = "importo"',
            '"netto",       len = 11, type = "integer"',
            (144, 144),
            "line.net is an amount with cents, and the field cannot hold cents",
        ),
        ('"consegna",    len = 2,', '"consegna",    len = 1,', (175, 176), "delivery.number can have 2 digits"),
        ('from = "line.vat"', 'from = "document.name"', (144, 144), "has no behaviour in this version"),
    ],
)
def test_a_field_too_narrow_for_what_fills_it_is_refused(
    old: str, new: str, filler: tuple[int, int], expected: str
) -> None:
    assert old in LAYOUT
    text = LAYOUT.replace(old, new, 1).replace(f"len = {filler[0]}", f"len = {filler[1]}", 1)
    if "consegna" in old:
        text = text.replace('null = ["  "], from', 'null = [" "], from')
    if "netto" in old:
        text = text.replace('invoice = "sum(fattura.netto)"', 'invoice = "sum(fattura.iva)"')
    found = problem_of(FEED, text)
    assert expected in found
    assert found.startswith("layout.toml:") and not found.startswith("layout.toml:1:"), "the field's own line"


def test_a_direction_that_is_not_declared_is_named() -> None:
    assert agreement.unwritten(declare.loads(LAYOUT)) == ["receipt", "rejection"]


def test_that_a_number_is_not_followed_from_file_to_file_is_said() -> None:
    layout = declare.loads(LAYOUT)
    said = (
        "testa.numero: that it goes on from file to file (`sequence`, scope feed) is not checked: "
        "the feed has no `continuity`"
    )
    assert said in agreement.notes_on(feed.loads(FEED), [layout])
    asked = feed.loads(f"{FEED}\n[continuity]\n")
    assert asked.continuity == feed.Continuity("warn", "refuse", "warn")
    assert said not in agreement.notes_on(asked, [layout])
    within = declare.loads(LAYOUT.replace('sequence = { scope = "feed", step = 1 }', "sequence = { step = 1 }"))
    assert not [note for note in agreement.notes_on(feed.loads(FEED), [within]) if "sequence" in note]


def test_a_feed_that_takes_the_version_before_and_has_none_is_told_so() -> None:
    layout = declare.loads(LAYOUT)
    older = replace(layout, valid_from=None)
    agreed = feed.loads(FEED)
    assert agreed.old_layout_until is not None
    said = "calendar.old_layout_until: no version before is published with the feed; name it with `--layout`"
    assert said in agreement.notes_on(agreed, [layout])
    assert said not in agreement.notes_on(agreed, [layout, older])


def test_two_layouts_from_one_day_on_cannot_be_told_apart() -> None:
    again = LAYOUT.replace('version    = "2.0.0"', 'version    = "2.1.0"')
    with pytest.raises(UsageError, match="begin on the same day"):
        agreement.examine(FEED, {"a.toml": LAYOUT, "b.toml": again})


def test_a_feed_without_its_layout_says_how_to_name_it() -> None:
    with pytest.raises(UsageError, match=r"no layout 'banca-demo-visure'(?s:.*)--layout"):
        agreement.examine(FEED, {})


def test_the_shipped_feeds_fit_their_layouts() -> None:
    layouts = SAMPLES.parents[1] / "layouts"
    known = {
        layout.id: layout
        for path in layouts.rglob("*.toml")
        if not path.name.endswith("feed.toml")
        for layout in [declare.load(path)]
    }
    for path in sorted(layouts.rglob("*feed.toml")):
        agreed = feed.loads(path.read_text(encoding="utf-8"), path.name)
        agreement.check(agreed, known[agreed.layout])


LATER = LAYOUT.replace('from = "outcome.code" }', 'from = "outcome.code", on_overflow = "continue:riferimento" }')


def test_keys_of_a_layout_without_behaviour_are_named_with_their_lines() -> None:
    line = 1 + LATER[: LATER.index("continue:")].count("\n")
    found = agreement.unsupported_in(declare.loads(LATER))
    assert found == [("record.richiesta.esito: on_overflow", line)]


def test_a_layout_with_keys_without_behaviour_cannot_go_live() -> None:
    layouts = [declare.loads(LATER, "visure.toml")]
    plain = feed.loads((SAMPLES.parents[1] / "layouts" / "banca-demo" / "feed.toml").read_text(encoding="utf-8"))
    with pytest.raises(LayoutError, match=r"visure.toml:\d+:1: .*on_overflow.* has no behaviour"):
        agreement.refuse_unsupported(plain, layouts)
