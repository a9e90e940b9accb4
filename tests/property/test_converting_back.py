"""What holds for every layout: the values of a clean file in canonical form make the same file again."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.invented import damaged, layouts
from tests.property.test_any_layout import COUNTS, DIRECTIONS, SEEDS, made
from tracciati import convert
from tracciati.convert import NUMBER, back, taking
from tracciati.errors import TracciatiError
from tracciati.reading import Reading, check

if TYPE_CHECKING:
    from tracciati.layout import Direction, Field, Layout


def json_lines_of(data: bytes, layout: Layout, direction: Direction) -> bytes:
    told = io.BytesIO()
    convert.to_json_lines(Reading(data, layout, direction=direction), told, layout)
    return told.getvalue()


def from_json_lines(told: bytes, layout: Layout, direction: Direction) -> bytes:
    source, sink = taking.Source(io.BytesIO(told), "told"), io.BytesIO()
    back.write(taking.json_lines(source), sink, layout, direction, source)
    return sink.getvalue()


def by_rows(data: bytes, layout: Layout, direction: Direction, form: str) -> bytes:
    """Through CSV or Parquet, of a layout that has one record type."""
    (record,) = layout.records
    told, sink = io.BytesIO(), io.BytesIO()
    reading = Reading(data, layout, direction=direction)
    if form == "csv":
        convert.to_csv(reading, told, record, direction)
    else:
        convert.to_parquet(reading, told, layout, record, direction, source="file")
    told.seek(0)
    source = taking.Source(told, "told")
    names = [NUMBER, *(field.name for field in record.fields_in(direction))]
    portions = taking.csv(source, names) if form == "csv" else taking.parquet(source)
    back.write(portions, sink, layout, direction, source, record=record.name)
    return sink.getvalue()


@settings(max_examples=120)
@given(layouts(), SEEDS, COUNTS, DIRECTIONS)
def test_the_values_of_a_clean_file_make_the_same_file(
    layout: Layout, seed: int, count: int, direction: Direction
) -> None:
    data = made(layout, seed, count, direction)
    assert from_json_lines(json_lines_of(data, layout, direction), layout, direction) == data
    if len(layout.records) == 1:
        assert by_rows(data, layout, direction, "csv") == data
        assert by_rows(data, layout, direction, "parquet") == data


@settings(max_examples=120)
@given(layouts(), SEEDS, COUNTS, DIRECTIONS)
def test_what_a_layout_fills_in_need_not_be_in_the_data(
    layout: Layout, seed: int, count: int, direction: Direction
) -> None:
    data = made(layout, seed, count, direction)
    told = []
    for line in json_lines_of(data, layout, direction).splitlines():
        record = json.loads(line)
        fields = layout.by_name[record["record"]].by_name
        record["values"] = {name: v for name, v in record["values"].items() if not _is_filled_in(fields[name])}
        told.append(json.dumps(record))
    assert from_json_lines("\n".join(told).encode(), layout, direction) == data


@settings(max_examples=80)
@given(layouts(), SEEDS, COUNTS, DIRECTIONS, st.data())
def test_damaged_data_make_a_file_or_an_error(
    layout: Layout, seed: int, count: int, direction: Direction, chosen: st.DataObject
) -> None:
    told = chosen.draw(damaged(json_lines_of(made(layout, seed, count, direction), layout, direction)))
    try:
        written = from_json_lines(told, layout, direction)
    except TracciatiError as problem:
        assert str(problem)
        return
    report = check(written, layout, direction=direction)
    assert report.records_count == told.count(b"\n") + (told[-1:] not in (b"", b"\n"))


def _is_filled_in(field: Field) -> bool:
    return bool(field.base == "const" or field.sequence or field.same_as or field.derive)
