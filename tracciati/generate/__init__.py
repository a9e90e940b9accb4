"""Generate: valid files by seed, for tests, demos and the person who has to try a layout before a real file comes.

The same layout, order and seed give the same bytes. A file is made in two passes over the same random choices: the
first adds up what the derived fields must hold, the second writes; so a head that counts what follows needs neither
memory nor a file that can be patched, and any stream will do.

    declare.load(...) -> generate(layout, sink, Order(seed=1, count=300)) -> Written
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from tracciati import bases
from tracciati.errors import DoesNotFit
from tracciati.framing import SEPARATORS
from tracciati.generate import counters, specimens
from tracciati.generate.computed import Computed
from tracciati.generate.drafting import UNITS_PER_STRETCH, Draft, Order, in_lines, stretches, unit_of
from tracciati.generate.refusal import SpecimenError
from tracciati.totals import Totals
from tracciati.values import pages, strings
from tracciati.writing import lines

if TYPE_CHECKING:
    from tracciati.layout import Direction, Field, Layout

__all__ = ["Generated", "Order", "generate"]


@dataclass(frozen=True)
class Generated:
    """What was written: records (a header row is none), bytes, and their hash."""

    records_count: int
    bytes_count: int
    sha256: str


def generate(
    layout: Layout, sink: BinaryIO, order: Order, *, on_stretch: Callable[[int], None] | None = None
) -> Generated:
    """Write a valid file.

    sink        any binary stream, written from its present place on
    on_stretch  called now and then with how many of the units are done, as a share of all work: a file with totals
                is made twice, the first time for its sums

    Returns what was written. Raises SuccessionError when the structure has no such file, SpecimenError when a field
    or rule leaves no value that would do or a given one is none of the field, DoesNotFit when a total does not fit.
    """
    assert order.direction in layout.structure, f"{layout.id} has no structure for {order.direction}"
    unknown = [path for path in order.given if not _has(layout, path)]
    if unknown:
        raise SpecimenError(unknown[0], "the layout has no such field", "write it as record.field")
    for path in order.given:
        _check_given(layout, order, path)
    counters.check(layout, order.direction, stretches(layout, order), unit_of(layout, order))
    totals = Totals(layout, order.direction)
    computed: dict[str, pa.Array] = {}
    passes_count = 2 if totals.paths() else 1
    told = _Told(on_stretch, order.count, passes_count)
    if totals.paths():
        worked_out = Computed(layout, totals)
        for part in Draft(layout, order, computed).parts():
            worked_out.add(part)
            told.stretch()
        told.next_pass()
        computed = worked_out.finish()
    output = _Output(sink, SEPARATORS[layout.file.separator] if layout.file.last_separator == "forbidden" else b"")
    output.write(_header(layout, order.direction))
    records_count = 0
    for part in Draft(layout, order, computed).parts():
        output.write(part.encoded())
        records_count += len(part.types)
        told.stretch()
    if layout.file.block:
        line = layout.file.fill.encode("ascii") * layout.records[0].length + SEPARATORS[layout.file.separator]
        output.write(line * (-records_count % layout.file.block))
    return Generated(records_count, output.bytes_count, output.hashed.hexdigest())


class _Told:
    """Counts stretches of one pass or two, and says how many units that is of what was ordered."""

    def __init__(self, on_stretch: Callable[[int], None] | None, count: int, passes_count: int) -> None:
        self.on_stretch, self.count, self.passes_count = on_stretch, count, passes_count
        self.before = self.stretches = 0

    def stretch(self) -> None:
        """One more is made; the last one may be shorter than the others."""
        self.stretches += 1
        if self.on_stretch is not None:
            made = min(self.count, self.stretches * UNITS_PER_STRETCH)
            self.on_stretch((self.before + made) // self.passes_count)

    def next_pass(self) -> None:
        """From the beginning."""
        self.before, self.stretches = self.count, 0


class _Output:
    """Counts and hashes what is written. `held_back`: the separator that the last record goes without."""

    def __init__(self, sink: BinaryIO, held_back: bytes) -> None:
        self.sink, self.held_back, self.is_held = sink, held_back, False
        self.bytes_count = 0
        self.hashed = hashlib.sha256()

    def write(self, content: bytes) -> None:
        """Write records; the separator at their end waits for the next ones."""
        if not content:
            return
        whole = (self.held_back if self.is_held else b"") + content
        if self.held_back:
            whole, self.is_held = whole.removesuffix(self.held_back), True
        self.sink.write(whole)
        self.hashed.update(whole)
        self.bytes_count += len(whole)


def _has(layout: Layout, path: str) -> bool:
    record, _, name = path.partition(".")
    return record in layout.by_name and name in layout.by_name[record].by_name


def _check_given(layout: Layout, order: Order, path: str) -> None:
    """A given value must be one that a reader accepts, in a field that is not filled in by what the layout says."""
    record, one = layout.by_name[path.partition(".")[0]], layout.field(path)
    kinds = (
        (order.direction in one.derive, "is computed from the file"),
        (bool(one.same_as), f"repeats {one.same_as}"),
        (one.sequence is not None, "counts the records"),
        (one.base == "const", "is fixed"),
        (bool(one.origin) and order.direction == "request", "is filled by the answer"),
    )
    for is_filled, why in kinds:
        if is_filled:
            raise SpecimenError(path, f"the field {why}", "leave it out: what is right is filled in")
    text = str(order.given[path])
    array = pa.array([order.given[path]], specimens.arrow_type(one))
    try:
        values = Draft(layout, order, {}).values(record, one.name, array)
    except DoesNotFit as problem:
        raise SpecimenError(path, problem.why, _expected(one, text, layout)) from problem
    if values.bad is not None and values.bad.any():
        raise SpecimenError(path, f"{text!r} is no value of this field", _expected(one, text, layout))


def _expected(one: Field, text: str, layout: Layout) -> str:
    codec = pages.inner(layout.file.codec)
    why = bases.of(one.base).diagnose(text.encode(codec, "replace"), one, codec)
    return f"write {why.expected_en}" if why.expected_en else "write one that the layout accepts"


def _header(layout: Layout, direction: Direction) -> bytes:
    if not layout.file.dialect.header:
        return b""
    record = next(r for r in layout.records if r.is_in(direction))
    titles = [pa.array([one.label or one.name], pa.string()) for one in record.fields_in(direction)]
    cells = [strings.encoded(title, layout.file.codec)[0] for title in titles]
    return lines.ended(in_lines(cells, layout), SEPARATORS[layout.file.separator]).tobytes()
