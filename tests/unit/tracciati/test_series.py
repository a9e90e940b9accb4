"""Counts that go through records of several types, and counts that begin anew in each occurrence of a group."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracciati import declare, reading
from tracciati.errors import LayoutError
from tracciati.generate import Order, generate
from tracciati.reading import check
from tracciati.writing import Writer

COUNT = 'sequence = { start = 1, of = "posti", within = "lotto" }'
TEXT = f"""[layout]
id = "prova"
version = "1.0.0"
[file]
kind = "fixed"
record = {{ length = 4, separator = "LF" }}
structure = {{ request = "lotto+" }}
[group.lotto]
structure = "a (b | c)* z"
[record.a]
match = {{ tipo = "A" }}
fields = [
  {{ name = "tipo", len = 1, type = "const", value = "A" }},
  {{ name = "n", len = 3, type = "integer", {COUNT} }},
]
[record.b]
match = {{ tipo = "B" }}
fields = [
  {{ name = "tipo", len = 1, type = "const", value = "B" }},
  {{ name = "n", len = 3, type = "integer", {COUNT} }},
]
[record.c]
match = {{ tipo = "C" }}
fields = [
  {{ name = "tipo", len = 1, type = "const", value = "C" }},
  {{ name = "n", len = 3, type = "integer", {COUNT} }},
]
[record.z]
match = {{ tipo = "Z" }}
fields = [
  {{ name = "tipo", len = 1, type = "const", value = "Z" }},
  {{ name = "vuoto", len = 3, type = "filler" }},
]
"""
LAYOUT = declare.loads(TEXT)
THROUGH = declare.loads(TEXT.replace(', within = "lotto"', ""))
LOTS = st.lists(st.text("BC", max_size=5), min_size=1, max_size=6)


def a_file(lots: list[str], *, anew: bool) -> bytes:
    """The file, by the words of the layout and nothing of the package."""
    made, number = [], 0
    for lot in lots:
        number = 0 if anew else number
        for kind in f"A{lot}":
            number += 1
            made.append(f"{kind}{number:03d}\n")
        made.append("Z   \n")
    return "".join(made).encode()


@pytest.mark.parametrize("block_bytes", [5, 17, 1_000_000])
def test_one_count_goes_through_all_types_and_begins_anew_where_the_layout_says(
    block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", block_bytes)

    @given(LOTS)
    def holds(lots: list[str]) -> None:
        report = check(a_file(lots, anew=True), LAYOUT)
        assert report.is_clean, report.to_text()
        report = check(a_file(lots, anew=False), THROUGH)
        assert report.is_clean, report.to_text()

    holds()


@pytest.mark.parametrize("block_bytes", [5, 17, 1_000_000])
@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (b"B002", b"B005", [(2, "b", "2")]),
        (b"C003\n", b"", [(3, "b", "3")]),
        (b"Z   \nA001", b"Z   \nA004", [(6, "a", "1")]),
        (b"C003", b"C0X3", []),
    ],
)
def test_a_number_that_is_out_of_its_count_is_one_complaint(
    old: bytes, new: bytes, found: list[tuple[int, str, str]], block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", block_bytes)
    data = a_file(["BCB", "C"], anew=True)
    assert old in data
    report = check(data.replace(old, new, 1), LAYOUT)
    told = [(one.record_number, one.record, one.expected) for one in report.findings if one.code == "TR-R301"]
    assert told == found


@given(LOTS)
def test_a_writer_counts_as_a_reader_does(lots: list[str]) -> None:
    for layout, anew in ((LAYOUT, True), (THROUGH, False)):
        sink = io.BytesIO()
        writer = Writer(sink, layout, "request")
        for lot in lots:
            for kind in f"A{lot}Z":
                writer.add(kind.lower(), {}, 1)
        writer.close()
        assert sink.getvalue() == a_file(lots, anew=anew)


def test_records_that_each_begin_a_group_are_counted_from_the_beginning() -> None:
    layout = declare.loads(TEXT.replace('"a (b | c)* z"', '"a (b | c)* z?"'))
    sink = io.BytesIO()
    writer = Writer(sink, layout, "request")
    writer.add("a", {}, 3)
    writer.add("b", {}, 2)
    writer.close()
    assert sink.getvalue() == b"A001\nA001\nA001\nB002\nB003\n"


def test_a_given_number_is_counted_on_from() -> None:
    sink = io.BytesIO()
    writer = Writer(sink, THROUGH, "request")
    writer.add("a", {"n": pa.array([7])}, 1)
    writer.add("b", {}, 1)
    writer.add("z", {}, 1)
    writer.close()
    assert sink.getvalue() == b"A007\nB008\nZ   \n"


@pytest.mark.parametrize("seed", range(5))
def test_generated_files_count(seed: int) -> None:
    for layout in (LAYOUT, THROUGH):
        sink = io.BytesIO()
        generate(layout, sink, Order(seed=seed, count=20))
        report = check(sink.getvalue(), layout)
        assert [one for one in report.findings if one.code == "TR-R301"] == [], report.to_text()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('within = "lotto"', 'within = "loto"', "no group `loto`"),
        ('"lotto+"', '"lotto+ b"', "a b can stand outside of group lotto"),
        (
            f'"B" }},\n  {{ name = "n", len = 3, type = "integer", {COUNT}',
            f'"B" }},\n  {{ name = "n", len = 3, type = "integer", {COUNT.replace("1", "2", 1)}',
            "counts in another way than a.n",
        ),
        ("start = 1, of", 'scope = "feed", start = 1, of', "a number of the feed is one in each file"),
    ],
)
def test_counts_that_contradict_each_other_are_refused(old: str, new: str, said: str) -> None:
    assert old in TEXT
    with pytest.raises(LayoutError) as refused:
        declare.loads(TEXT.replace(old, new, 1))
    assert any(said in problem.text for problem in refused.value.problems), refused.value
