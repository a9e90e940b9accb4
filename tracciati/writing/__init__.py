"""Writing: answers, invoices and any other file of a layout, by columns, from Arrow arrays.

Two ways to add records: `copy` repeats the customer's own, and only fields with `from` are encoded anew, all other
bytes are as they came; `add` makes new ones, canonically. Totals are computed over what was written, when the writer
is closed. A value that does not fit is an error and nothing of its block is written; nothing is ever cut.

    with open(path, "wb") as sink:
        writer = Writer(sink, layout, "answer")
        writer.copy(head, {"delivery.number": pa.array([1])}, [0, len(head)])
        writer.copy(raw, {"outcome.code": codes, "result.punteggio": scores}, unit_offsets)
        writer.copy(tail, {}, [0, len(tail)])
        written = writer.close()
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Self

import numpy as np
import pyarrow as pa

from tracciati import bases, framing
from tracciati.errors import DoesNotFit, TracciatiError, WritingError
from tracciati.framing import Frame, Index, delimited, lengths
from tracciati.framing.delimited import CellFrame
from tracciati.framing.matching import UNKNOWN, Types, match, present
from tracciati.values import pages, spelling, strings
from tracciati.values.cells import Column, place
from tracciati.wording import counted
from tracciati.writing import lines, transliteration
from tracciati.writing.drafting import Draft, Made
from tracciati.writing.ledger import Ledger, present_in, read_column
from tracciati.writing.output import Output

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracciati.layout import Direction, Field, Layout, Record
    from tracciati.values.cells import Bytes, Flags

Values = Mapping[str, pa.Array]


@dataclass(frozen=True)
class Written:
    """What a writer wrote. transliterated: `record.field` -> values whose characters were replaced, where declared."""

    records_count: int
    bytes_count: int
    transliterated: Mapping[str, int]


class Drafted(NamedTuple):
    """New records of one type, ready to be put among others. data: their bytes, each with its separator."""

    record: Record
    data: Bytes
    places: NDArray[np.int64]


class Writer:
    """Writes one file in one direction of a layout.

    sink          binary stream, only ever appended to
    spill_folder  where the held part of a long file with totals in its head goes; the system's own when None

    The order of the records is the caller's, and is checked. After an error the file is not whole: throw it away.
    """

    def __init__(
        self, sink: BinaryIO, layout: Layout, direction: Direction, *, spill_folder: str | None = None
    ) -> None:
        if direction not in layout.structure:
            hint = f"add `{direction}` to the layout's structure, or send text and JSON"
            raise WritingError(layout.name, 1, f"it has no structure for the direction {direction}", hint)
        self.layout, self.direction = layout, direction
        self._output = Output(sink, layout.file, spill_folder=spill_folder)
        self._ledger = Ledger(layout, direction)
        # Whether the file ends with a separator is settled by the output; here every separator is welcome.
        self._form = replace(layout.file, last_separator="optional")
        self._header = _header(layout, direction)
        self._transliterated: dict[str, int] = {}
        self._draft = Draft(layout, direction, self._prepared)

    def copy(self, raw: bytes | memoryview, values: Values, unit_offsets: Sequence[int] | NDArray[np.int64]) -> None:
        """Repeat records of a request, with the fields with `from` that `values` has.

        raw           the records' bytes with their separators
        values        origin ("outcome.code") -> one value per unit; what it does not have keeps its bytes
        unit_offsets  m + 1 offsets into raw: where each unit begins, and the end

        Raises DoesNotFit (nothing of this call is written), WritingError for records in the wrong order.
        """
        buffer = np.frombuffer(self._without_header(raw), np.uint8)
        if not len(buffer):
            return
        frame = self._cut(buffer)
        if len(frame.fills):
            self.copy(_without_fills(frame), values, unit_offsets)
            return
        types = match(frame, self.layout, "request")
        self._check_types(types)
        self._remember(frame, types)
        offsets = np.asarray(unit_offsets, np.int64) - (len(raw) - len(buffer))
        for origin, array in values.items():
            assert len(array) == len(offsets) - 1, f"{origin}: one value per unit"
        units = np.searchsorted(offsets, frame.starts, side="right") - 1
        if isinstance(frame, CellFrame):
            self._write(self._copied_lines(frame, types, units, values), types)
        else:
            copied = self._copied_records(frame, types, units, values)
            self._write(copied, types, frame if len(copied) == len(buffer) else None)

    def add(self, record: str, values: Values, count: int) -> None:
        """Write `count` new records of one type.

        values  origin, or name of a field -> `count` values. Constants, fillers, sequences, repeated fields
                (`same_as`) and totals are filled in; a field of which nothing is known has no value

        Raises DoesNotFit (nothing of this call is written), WritingError for records in the wrong order.
        """
        if not count:
            return
        for name, array in values.items():
            assert len(array) == count, f"{name}: one value per record"
        kind = self.layout.by_name[record]
        made = self._draft.make(kind, values, count, self._ledger.begins(np.full(count, kind.index, np.int16)))
        is_cut = kind.repeated is not None and self._form.length is None
        frame = _table(made, count, kind.length) if self._form.kind == "fixed" and not is_cut else None
        self._write(made, np.full(count, kind.index, np.int16), frame, made=True)

    def draft(self, record: str, values: Values, places: NDArray[np.int64]) -> Drafted:
        """Make new records of one type that will stand among others, for `add_drafts`.

        values  as `add` has them
        places  int64 (n,): numbers by which the records of all drafts are put in order

        Sequences and fields that repeat others have to be given: the records before these are not known yet.
        Raises DoesNotFit.
        """
        kind, count = self.layout.by_name[record], len(places)
        made = self._draft.make(kind, values, count, lambda _: np.zeros(count, np.bool_))
        return Drafted(kind, made, places)

    def add_drafts(self, drafts: Sequence[Drafted]) -> None:
        """Write records of several types, in the order of their places. WritingError as `add`."""
        order = np.argsort(np.concatenate([draft.places for draft in drafts]), kind="stable")
        counts = [len(draft.places) for draft in drafts]
        types = np.repeat(np.array([draft.record.index for draft in drafts], np.int16), counts)[order]
        records = pa.concat_arrays([self._pieces(draft) for draft in drafts]).take(pa.array(order))
        self._write(strings.data_of(records), types, made=True)

    def _pieces(self, draft: Drafted) -> pa.StringArray:
        """The records one by one, separators included."""
        data, count = draft.data, len(draft.places)
        is_table = self._form.kind == "fixed" and len(data) == count * self._stride(draft.record)
        starts = np.arange(count) * self._stride(draft.record) if is_table else self._cut(data).starts
        offsets = np.append(starts, len(data)).astype(np.int32)
        return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))

    def _stride(self, record: Record) -> int:
        return record.length + len(framing.SEPARATORS[self._form.separator])

    def close(self) -> Written:
        """Compute the totals and complete the file. The sink stays open.

        Raises WritingError when the structure wants more records, DoesNotFit when a total does not fit its field.
        """
        if self._header:  # a table without rows still has its names
            self._output.write(memoryview(self._header))
        try:
            changes = self._ledger.finish()
        except TracciatiError:
            self._output.abandon()
            raise
        if self._form.block:
            lines_wanted = -self._ledger.records_count % self._form.block
            fill = self._form.fill.encode("ascii") * self.layout.records[0].length
            line = fill + framing.SEPARATORS[self._form.separator]
            self._output.write(memoryview(line * lines_wanted))
        self._output.close(changes)
        return Written(self._ledger.records_count, self._output.bytes_count, dict(self._transliterated))

    def __enter__(self) -> Self:
        """A writer may be used in a `with`: an error then leaves no temporary file behind. `close` is still yours."""
        return self

    def __exit__(self, *error: object) -> None:
        self._output.abandon()

    def _without_header(self, raw: bytes | memoryview) -> bytes | memoryview:
        """The records without the request's own header row, which may come before its first one."""
        if not self._header:
            return raw
        names = _header(self.layout, "request").rstrip(b"\r\n")
        first = bytes(raw[: len(names) + 2])
        for ending in (b"\r\n", b"\n", b""):
            if first.startswith(names + ending) and (ending or len(raw) == len(names)):
                return raw[len(names) + len(ending) :]
        return raw

    def _cut(self, buffer: Bytes) -> Frame:
        if self._form.kind == "delimited":
            return delimited.frame(buffer, self._form, (), at_start=False, is_last=True)
        if self._form.length_in:
            return lengths.frame(buffer, self.layout, is_last=True)
        return framing.frame(buffer, self._form, at_start=False, is_last=True)

    def _remember(self, frame: Frame, types: Types) -> None:
        """Keep what later new records repeat (`same_as`)."""
        for record in self._present(types) if self._draft.repeated else ():
            last = np.flatnonzero(types == record.index)[-1:]
            for field in record.fields:
                if f"{record.name}.{field.name}" in self._draft.repeated:
                    values = read_column(frame, self.layout, "request", record, field, last)
                    column = Column(values.numbers, values.null, values.bad)
                    array = bases.of(field.base).arrow(values.cells, column, field, values.codec, values.lengths)
                    self._draft.remember(f"{record.name}.{field.name}", array)

    def _check_types(self, types: Types) -> None:
        unknown = np.flatnonzero(types == UNKNOWN)
        if len(unknown):
            number = self._ledger.records_count + int(unknown[0]) + 1
            raise WritingError(self.layout.name, number, "it is of no type that the layout knows", "copy requests only")

    def _copied_records(self, frame: Frame, types: Types, units: Index, values: Values) -> Bytes:
        """The buffer with the fields of fixed records written over."""
        encoded: list[tuple[Field, Index, Bytes]] = []
        for record in self._present(types):
            rows = np.flatnonzero(types == record.index)
            for field in record.fields_in(self.direction):
                origin = record.source_of(field).origin
                if origin in values:
                    array = _of_rows(values[origin], units[rows])
                    path = f"{record.name}.{field.name}"
                    present = present_in(frame, self.layout, self.direction, record, field, rows)
                    array = array if present is None else array.filter(pa.array(present))
                    its_rows = rows if present is None else rows[present]
                    ready = self._prepared(array, field, path)
                    cells = bases.of(field.base).write(ready, field, pages.inner(self._form.codec), path=path)
                    encoded.append((field, its_rows, pages.closed(cells, field, self._form.codec)))
        if not encoded:
            return frame.buffer
        frame, copied = _long_enough(frame, [(field.stop, rows) for field, rows, _ in encoded])
        for field, rows, cells in encoded:
            if frame.stride:
                first = int(frame.starts[0])
                table = copied[first : first + len(frame) * frame.stride].reshape(len(frame), frame.stride)
                if len(rows) == len(frame):
                    place(table, field.start, cells)
                else:
                    table[rows, field.start : field.stop] = cells
            else:
                places = (frame.starts[rows] + field.start)[:, None] + np.arange(cells.shape[1])
                copied[places] = cells
        return copied

    def _copied_lines(self, frame: CellFrame, types: Types, units: Index, values: Values) -> Bytes:
        """Delimited records with the columns of this direction, run by run of records of one type."""
        cuts = np.flatnonzero(np.diff(types)) + 1
        parts = []
        for rows in np.split(np.arange(len(types)), cuts):
            record = self.layout.records[int(types[rows[0]])]
            parts.append(self._copied_rows(frame, record, rows, units[rows], values))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _copied_rows(self, frame: CellFrame, record: Record, rows: Index, units: Index, values: Values) -> Bytes:
        asked = record.fields_in("request")
        wrong = np.flatnonzero(frame.cell_counts[rows] != len(asked))
        if len(wrong):
            number = self._ledger.records_count + int(rows[wrong[0]]) + 1
            found = int(frame.cell_counts[rows[wrong[0]]])
            cause = f"it has {counted(found, 'column')}, a request's {record.name} {len(asked)}"
            raise WritingError(
                self.layout.name, number, cause, "copy only records that were read without framing errors"
            )
        place_of = {field.name: place for place, field in enumerate(asked)}
        columns: list[pa.StringArray] = []
        made: Made = {}
        first, following = -1, -1  # the columns that stand side by side in the request and are kept as they are
        for field in (*record.fields_in(self.direction), None):
            source = None if field is None else record.source_of(field)
            is_filled = source is None or source.origin in values
            place = -1 if is_filled else _first_of((field, source), place_of)
            if first >= 0 and place != following:
                columns.append(lines.raw_cells(frame, rows, first, following - 1, self._form.dialect.quote))
                first = -1
            if place >= 0:
                first, following = place if first < 0 else first, place + 1
            elif field is not None and source is not None:
                kept = lines.are_quoted(frame, rows, place_of.get(field.name), self._form.dialect.quote)
                given = {} if source.origin not in values else {field.name: _of_rows(values[source.origin], units)}
                columns.append(self._draft.cells(record, field, given, len(units), made=made, kept=kept))
        return lines.ended(lines.records(columns, self._form.dialect), framing.SEPARATORS[self._form.separator])

    def _prepared(self, array: pa.Array, field: Field, path: str) -> pa.Array:
        """The values with their characters replaced where the layout declares it; counted."""
        if not field.transliterate:
            return array
        spelled, count = transliteration.apply(spelling.text(array, field), pages.inner(self._form.codec))
        if count:
            self._transliterated[path] = self._transliterated.get(path, 0) + count
        return spelled

    def _present(self, types: Types) -> list[Record]:
        return [self.layout.records[index] for index in present(types)]

    def _write(self, data: Bytes, types: Types, frame: Frame | None = None, *, made: bool = False) -> None:
        """Account for records that are ready, and write them. frame: how they are cut, if that is known."""
        if frame is not None:
            frame = replace(frame, buffer=data)
        elif self._ledger.must_see(types):
            frame = self._cut(data)
        first_held = self._ledger.add(types, frame, made=made)
        if self._header:
            self._output.write(memoryview(self._header))
            self._header = b""
        if first_held < 0:
            self._output.write(data.data)
            return
        assert frame is not None, "records with totals are always looked at"
        start = int(frame.starts[first_held])
        self._output.write(data[:start].data)
        self._output.hold()
        self._ledger.note_places(frame, types, self._output.next_start - start, made=made)
        self._output.write(data[start:].data)
        stop = self._ledger.settled_until(self._output.held_stop)
        if self._output.can_release(stop):
            self._output.release(self._ledger.take_changes(stop), stop)


def fits(layout: Layout, direction: Direction, values: Values) -> dict[str, Flags]:
    """Which values could be written: `record.field` -> bool (n,), for every field whose `from` is in `values`, or that
    repeats such a field of its record.

    Declared transliteration is taken into account. What to do about misfits (`on_overflow`) is the caller's business.
    """
    found: dict[str, Flags] = {}
    form = layout.file
    for record in layout.records:
        for field in record.fields_in(direction) if record.is_in(direction) else ():
            origin = record.source_of(field).origin
            if origin not in values:
                continue
            array = values[origin]
            found[f"{record.name}.{field.name}"] = _fitting(array, field, layout, delimited=form.kind == "delimited")
    return found


def _fitting(array: pa.Array, field: Field, layout: Layout, *, delimited: bool) -> Flags:
    codec = pages.inner(layout.file.codec)
    try:
        ready = spelling.plain(array)
        if field.transliterate:
            ready, _ = transliteration.apply(spelling.text(ready, field), codec)
        fit: Flags = bases.of(field.base).fits(ready, field, codec, delimited=delimited)
        if delimited and not layout.file.dialect.quote and field.base == "text":
            unquotable = lines.must_be_quoted(spelling.text(ready, field), layout.file.dialect)
            fit = fit if unquotable is None else fit & ~unquotable
    except DoesNotFit:  # a whole column of a type without spelling, such as floats for an amount
        return np.zeros(len(array), np.bool_)
    return fit


def _header(layout: Layout, direction: Direction) -> bytes:
    """The row of names, with its separator; empty when files of this layout have none."""
    form = layout.file
    if form.kind == "fixed" or not form.dialect.header:
        return b""
    record = next((r for r in layout.records if r.is_in(direction)), None)
    if record is None:
        return b""
    titles = [pa.array([field.label or field.name], pa.string()) for field in record.fields_in(direction)]
    cells = [lines.quoted(strings.encoded(title, form.codec)[0], form.dialect) for title in titles]
    return lines.ended(lines.records(cells, form.dialect), framing.SEPARATORS[form.separator]).tobytes()


def _without_fills(frame: Frame) -> bytes:
    """The block without the lines that only fill it up: there may be others at the end of what is written."""
    begins = np.sort(np.concatenate((frame.starts, frame.fills)))
    stops = np.append(begins[1:], len(frame.buffer))
    is_fill = np.isin(begins, frame.fills)
    pieces = [frame.buffer[: int(begins[0])].tobytes()]
    pieces += [
        frame.buffer[start:stop].tobytes()
        for start, stop, is_out in zip(begins.tolist(), stops.tolist(), is_fill.tolist(), strict=True)
        if not is_out
    ]
    return b"".join(pieces)


def _table(records: Bytes, count: int, length: int) -> Frame:
    """How new fixed records are cut: it needs no looking at them."""
    stride = len(records) // count
    starts = np.arange(0, len(records), stride, dtype=np.int64)
    return Frame(records, starts, np.full(count, length, np.int64), starts + stride, stride=stride)


def _first_of(fields: tuple[Field | None, ...], place_of: Mapping[str, int]) -> int:
    """The column of the first of the fields that a request has; -1 when it has none of them."""
    return next((place_of[field.name] for field in fields if field is not None and field.name in place_of), -1)


def _of_rows(array: pa.Array, units: Index) -> pa.Array:
    """One value per record, from one per unit."""
    plain = spelling.plain(array)
    if len(units) == len(plain) and (units == np.arange(len(units))).all():
        return plain
    return plain.take(pa.array(units))


def _long_enough(frame: Frame, needed: list[tuple[int, Index]]) -> tuple[Frame, Bytes]:
    """A copy of the records in which every field that is written has its bytes; short records end in blanks first."""
    least = np.zeros(len(frame), np.int64)
    for stop, rows in needed:
        least[rows] = np.maximum(least[rows], stop)
    short = np.maximum(least - frame.lengths, 0)
    if not short.any():
        return frame, frame.buffer.copy()
    parts: list[bytes] = []
    done = 0
    for row in np.flatnonzero(short).tolist():
        stop = int(frame.starts[row] + frame.lengths[row])
        parts += [frame.buffer[done:stop].tobytes(), bytes([frame.blank]) * int(short[row])]
        done = stop
    parts.append(frame.buffer[done:].tobytes())
    moved = np.cumsum(short) - short
    longer = np.frombuffer(bytearray(b"".join(parts)), np.uint8)
    lengths = frame.lengths + short
    return (
        replace(
            frame,
            buffer=longer,
            starts=frame.starts + moved,
            lengths=lengths,
            ends=frame.ends + moved + short,
            stride=0,
        ),
        longer,
    )
