"""Completeness policies in the feed: words have figures, tables say their own, what cannot work is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from cominflow.exchange import agreement, complete, feed
from cominflow.limits import MARKER_PATIENCE_S, QUIET_S, RENAME_QUIET_S, TRAILER_PATIENCE_S
from tracciati import declare
from tracciati.ending import closing_record, ends_with
from tracciati.errors import LayoutError

LAYOUTS = Path(__file__).resolve().parents[3] / "layouts"
SMALLEST = """\
layout = "ordini"
service = "ORD"
names = { request = "ORD_{seq}.txt" }
request = { unit = "ordine", reference = "ordine.riferimento" }
"""


def policy_of(line: str) -> complete.Complete:
    return feed.loads(SMALLEST + line).complete


def problem_of(line: str, text: str = SMALLEST) -> str:
    with pytest.raises(LayoutError) as caught:
        feed.loads(text + line)
    (problem,) = caught.value.problems
    return problem.text


@pytest.mark.parametrize(
    ("word", "seconds", "patience_s", "marker"),
    [
        ("commit", 0, 0, ""),
        ("rename", RENAME_QUIET_S, 0, ""),
        ("marker", 0, MARKER_PATIENCE_S, "{request}.ok"),
        ("trailer", 0, TRAILER_PATIENCE_S, ""),
        ("quiet", QUIET_S, 0, ""),
    ],
)
def test_a_word_is_a_policy_with_sensible_figures(word: str, seconds: float, patience_s: float, marker: str) -> None:
    found = policy_of(f'complete = "{word}"')
    assert (found.policy, found.seconds, found.patience_s) == (word, seconds, patience_s)
    assert (found.marker.text if found.marker else "") == marker
    assert feed.unsupported(feed.loads(SMALLEST + f'complete = "{word}"')) == []


def test_a_table_says_its_own_figures() -> None:
    assert policy_of('complete = { policy = "quiet", seconds = 5 }').seconds == 5
    found = policy_of('complete = { policy = "marker", name = "OK_{request.stem}", patience = "90m" }')
    assert found.patience_s == 5400
    assert found.marker is not None and found.marker.render(b"ORD_7.txt") == b"OK_ORD_7"
    assert found.marker.marked(b"OK_ORD_7") == b"ORD_7" and found.marker.marked(b"OK_") is None


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('complete = "close"', "`complete` cannot be 'close'"),
        ("complete = { seconds = 5 }", "complete has no `policy`"),
        ('complete = { policy = "quiet", seconds = 0 }', "`seconds` is 0; it must be 1 or more"),
        ('complete = { policy = "quiet", seconds = 7200 }', "`seconds` is 7200; it can be 3600 at most"),
        ('complete = { policy = "quiet", patience = "2h" }', "`patience` says nothing with the policy quiet"),
        ('complete = { policy = "commit", naem = "x" }', "unknown key `naem` in complete"),
        ('complete = { policy = "trailer", patience = "soon" }', "`patience` cannot be 'soon'"),
        (
            'complete = { policy = "marker", name = "done" }',
            "'done' must hold {request} or {request.stem} once: a marker is named after its file",
        ),
        (
            'complete = { policy = "marker", name = "{request}.tmp" }',
            "'{request}.tmp' is a name of half-written files, at which nobody looks",
        ),
        ('complete = { policy = "marker", name = "{request}" }', "'ORD_0.txt' would be a marker and a request file"),
    ],
)
def test_what_cannot_work_is_refused(line: str, text: str) -> None:
    assert problem_of(line) == text


def test_a_marker_that_the_feed_itself_would_take_for_a_request_is_refused() -> None:
    text = SMALLEST.replace("ORD_{seq}.txt", "{any}.txt")
    assert "would be a marker and a request file" in problem_of(
        'complete = { policy = "marker", name = "{request}.ok.txt" }', text
    )


def test_a_marker_that_another_feed_would_take_is_a_rival() -> None:
    one = feed.loads(SMALLEST + 'complete = "marker"')
    other = feed.loads(SMALLEST.replace("ORD_{seq}.txt", "ORD_{any}.ok"))
    assert complete.rival(one.complete, one.names, other.complete, other.names) == (
        "one's marker and the other's request file could both be called 'ORD_0.txt.ok'"
    )
    assert complete.rival(other.complete, other.names, one.complete, one.names) is not None
    third = feed.loads(SMALLEST.replace("ORD_{seq}.txt", "ORD_{seq}.csv") + 'complete = "marker"')
    assert complete.rival(one.complete, one.names, third.complete, third.names) is None
    both = 'complete = { policy = "marker", name = "{request.stem}.ok" }'
    one, third = (
        feed.loads(one.text.replace('complete = "marker"', both)),
        feed.loads(third.text.replace('complete = "marker"', both)),
    )
    assert complete.rival(one.complete, one.names, third.complete, third.names) == (
        "markers of both could be called 'ORD_0.ok'"
    )


def test_a_name_is_a_marker_only_when_what_it_marks_is_a_name_of_the_feed() -> None:
    for name, marker, other in (
        ("{request}.ok", b"ORD_1.txt.ok", b"ORD_x.txt.ok"),
        ("{request.stem}.ok", b"ORD_1.ok", b"ORD_x.ok"),
    ):
        agreed = feed.loads(SMALLEST + f'complete = {{ policy = "marker", name = "{name}" }}')
        assert complete.is_marker(agreed.complete, agreed.names, marker)
        assert not complete.is_marker(agreed.complete, agreed.names, other)


def test_a_trailer_needs_a_layout_that_always_ends_with_one_record() -> None:
    text = (LAYOUTS / "banca-demo" / "feed.toml").read_text(encoding="utf-8")
    text = text.replace('complete           = "commit"', 'complete = "trailer"')
    layout = (LAYOUTS / "banca-demo" / "visure.toml").read_text(encoding="utf-8")
    agreed, _ = agreement.examine(text, {"visure.toml": layout})
    assert agreed.complete.policy == "trailer"
    with pytest.raises(LayoutError, match="has no record that ends every file"):
        agreement.examine(text, {"visure.toml": layout.replace("richiesta+ coda", "richiesta+ coda?")})


def test_a_cut_file_is_known_by_its_last_bytes() -> None:
    layout = declare.load(LAYOUTS / "banca-demo" / "visure.toml")
    record = closing_record(layout, "request")
    assert record is not None and record.name == "coda"
    head, request, tail = b"01" + b" " * 198 + b"\r\n", b"20" + b" " * 198 + b"\r\n", b"99" + b" " * 198 + b"\r\n"
    assert ends_with(layout, record, head + request + tail)
    assert ends_with(layout, record, head + request + tail + b"\x1a")
    for cut in (head, head + request, head + request + tail[:150], head + request + tail[:-2], b""):
        assert not ends_with(layout, record, cut), cut


def test_a_delimited_layout_has_no_closing_record() -> None:
    assert closing_record(declare.load(LAYOUTS / "istituto-demo" / "controlli.toml"), "request") is None
