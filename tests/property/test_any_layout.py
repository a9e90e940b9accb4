"""What holds for every layout and any bytes, in every direction: nothing crashes, and nothing is lost."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.invented import damaged, layouts
from tracciati import convert, explain, reading
from tracciati.generate import Order, generate
from tracciati.reading import Reading, check
from tracciati.rewrite import Rewriting, rewrite
from tracciati.writing import Writer

if TYPE_CHECKING:
    from tracciati.findings.report import Report
    from tracciati.layout import Direction, Layout

DIRECTIONS = st.sampled_from(("request", "answer"))
SEEDS, COUNTS = st.integers(0, 10**6), st.integers(1, 6)


def made(layout: Layout, seed: int, count: int, direction: Direction) -> bytes:
    sink = io.BytesIO()
    generate(layout, sink, Order(seed=seed, count=count, direction=direction))
    return sink.getvalue()


def canonical(data: bytes, layout: Layout, direction: Direction) -> tuple[bytes, Rewriting]:
    sink = io.BytesIO()
    done = rewrite(io.BytesIO(data), sink, layout, direction=direction, in_canonical_form=True, source_name="file")
    assert done.to_text() and done.as_dict()
    return sink.getvalue(), done


def read(data: bytes, layout: Layout, direction: Direction, *, values: bool) -> Report:
    pass_over = Reading(data, layout, direction=direction, values=values, source_name="file")
    assert b"".join(block.buffer.tobytes() for block in pass_over) == data
    return pass_over.report


@settings(max_examples=120)
@given(layouts(), SEEDS, COUNTS, DIRECTIONS)
def test_a_generated_file_is_clean_and_in_canonical_form(
    layout: Layout, seed: int, count: int, direction: Direction
) -> None:
    data = made(layout, seed, count, direction)
    report = check(data, layout, direction=direction)
    assert report.is_clean, report.to_text()
    again, done = canonical(data, layout, direction)
    assert again == data
    assert done.is_proven, done.to_text()


@settings(max_examples=120)
@given(layouts(), SEEDS, COUNTS)
def test_an_answer_over_a_request_is_clean(layout: Layout, seed: int, count: int) -> None:
    data, sink = made(layout, seed, count, "request"), io.BytesIO()
    writer = Writer(sink, layout, "answer")
    writer.copy(data, {"outcome.code": pa.array(["OK"])}, [0, len(data)])
    writer.close()
    report = check(sink.getvalue(), layout, direction="answer")
    assert report.is_clean, report.to_text()


@pytest.mark.parametrize("block_bytes", [64, 97, 300])
def test_any_bytes_are_read_alike_however_they_are_asked_for(block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    @settings(max_examples=70)
    @given(layouts(), SEEDS, COUNTS, DIRECTIONS, st.data())
    def holds(layout: Layout, seed: int, count: int, direction: Direction, chosen: st.DataObject) -> None:
        data = chosen.draw(damaged(made(layout, seed, count, direction)))
        monkeypatch.setattr(reading, "BLOCK_BYTES", 832_000)
        report = read(data, layout, direction, values=True)
        assert report.to_text()
        whole = report.to_json()
        assert read(data, layout, direction, values=False).to_json() == whole
        monkeypatch.setattr(reading, "BLOCK_BYTES", block_bytes)
        assert read(data, layout, direction, values=True).to_json() == whole
        assert check(io.BytesIO(data), layout, direction=direction, source_name="file").to_json() == whole

    holds()


@settings(max_examples=120)
@given(layouts(), SEEDS, COUNTS, DIRECTIONS, st.data())
def test_the_canonical_form_of_any_bytes_is_its_own(
    layout: Layout, seed: int, count: int, direction: Direction, chosen: st.DataObject
) -> None:
    data = chosen.draw(damaged(made(layout, seed, count, direction)))
    once, done = canonical(data, layout, direction)
    twice, _ = canonical(once, layout, direction)
    assert twice == once
    if done.report.is_clean:
        report = check(once, layout, direction=direction)
        assert report.is_clean, report.to_text()


@settings(max_examples=60)
@given(layouts(), SEEDS, COUNTS, DIRECTIONS, st.data())
def test_any_bytes_can_be_converted_and_explained(
    layout: Layout, seed: int, count: int, direction: Direction, chosen: st.DataObject
) -> None:
    data, sink = chosen.draw(damaged(made(layout, seed, count, direction))), io.BytesIO()
    pass_over = Reading(data, layout, direction=direction, source_name="file")
    convert.to_json_lines(pass_over, sink, layout)
    records = [json.loads(line) for line in sink.getvalue().decode().split("\n")[:-1]]
    assert [record["number"] for record in records] == list(range(1, pass_over.report.records_count + 1))
    explained = explain.explain(data, layout, direction=direction, source_name="file")
    assert json.loads(explained.to_json())["summary"] == pass_over.report.summary()
    assert explained.to_text()
    for record in layout.records:
        convert.to_csv(Reading(data, layout, direction=direction), io.BytesIO(), record, direction)
