"""Example: a valid file of the layout, made by a seed, record by record: its bytes under the ruler, and its values."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracciati import generate
from tracciati.describing import pictures
from tracciati.errors import DoesNotFit
from tracciati.explain import explain
from tracciati.generate.refusal import SpecimenError
from tracciati.generate.succession import SuccessionError, default_unit

if TYPE_CHECKING:
    from tracciati.describing.pictures import Strip
    from tracciati.explain import Cell, Explained
    from tracciati.layout import Direction, Field, Layout

# The same layout has the same example for ever.
SEED = 1
# Records that are shown; what the file has beyond them is counted.
RECORDS_MAX = 24


@dataclass(frozen=True)
class Value:
    """A field of a record: its number and place, what stands in the file, and what that means."""

    number: int
    place: str
    name: str
    raw: str
    value: str


@dataclass(frozen=True)
class Shown:
    """A record of the example: `strips` of a fixed record, `line` of a delimited one; fillers are not told."""

    number: int
    record: str
    strips: tuple[Strip, ...]
    line: str
    cells: tuple[Value, ...]


@dataclass(frozen=True)
class Example:
    """Records of the example's file, how many more it has, and why there is none (English), where there is none."""

    direction: Direction
    records: tuple[Shown, ...]
    more_count: int
    trouble: str = ""


def example(layout: Layout) -> Example:
    """The example of the first direction that the layout has. Never raises for a layout that leaves no valid file."""
    direction = next(iter(layout.structure))
    unit = default_unit(layout.structure[direction])
    sink = io.BytesIO()
    try:
        # One group says all that two would; of single records, two show what rises from one to the next.
        count = 1 if unit in layout.groups else 2
        generate.generate(layout, sink, generate.Order(seed=SEED, count=count, unit=unit, direction=direction))
    except (SpecimenError, SuccessionError, DoesNotFit) as problem:
        return Example(direction, (), 0, str(problem))
    # What is masked elsewhere is invented here.
    found = explain(sink.getvalue(), layout, direction=direction, count=RECORDS_MAX, reveal=True)
    records = tuple(_shown(one, layout, direction) for one in found.records)
    return Example(direction, records, found.report.records_count - len(records))


def _place(cell: Cell) -> str:
    first, last = cell.columns
    return str(first) if first == last else f"{first}-{last}"


def _of_cells(one: Explained, fields: tuple[Field, ...]) -> list[tuple[int, Field]]:
    """The fields that the record has, with their numbers: one for each cell, in the same order."""
    numbered = iter(enumerate(fields, 1))
    return [next(pair for pair in numbered if pair[1].name == cell.name) for cell in one.cells]


def _shown(one: Explained, layout: Layout, direction: Direction) -> Shown:
    assert one.record is not None, "a generated record is of a known type"
    fields = _of_cells(one, layout.by_name[one.record].fields_in(direction))
    is_fixed = layout.file.kind == "fixed"
    values = [
        Value(
            number,
            _place(cell) if is_fixed else str(number),
            cell.name,
            cell.raw,
            cell.value,
        )
        for cell, (number, field) in zip(one.cells, fields, strict=True)
        if field.base != "filler"
    ]
    strips = pictures.of_text(one.text, fields) if is_fixed else ()
    return Shown(one.number, one.record, strips, "" if is_fixed else one.text, tuple(values))
