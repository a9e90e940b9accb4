"""Reading: a file through a layout, block by block, with everything that is wrong in it.

    for block in Reading(path, layout): ...     blocks in file order; their buffers, joined, are the file
    check(path, layout)                         only the report

Each block goes through four steps, in this order: framing (bytes -> records), matching (record types and their
order), columns (fields), relations (sequences, unique values, rules, totals). Columns need nothing from other
blocks, so that `workers` can read them in other processes. Data never raises: what is wrong is in the report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tracciati.errors import ReadingError
from tracciati.findings import Faults, Judgement, Waiver
from tracciati.findings.report import Report
from tracciati.framing import matching
from tracciati.limits import BLOCK_BYTES, EXAMPLES_MAX, WORKER_BLOCKS_AHEAD
from tracciati.reading.balance import Balance
from tracciati.reading.columns import Reader, RecordColumns
from tracciati.reading.continuity import Unread
from tracciati.reading.draft import Draft
from tracciati.reading.fronts import Front, Fronts
from tracciati.reading.parcels import Parcels
from tracciati.reading.relations import Relations
from tracciati.reading.source import Source
from tracciati.reading.workers import Workers

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from tracciati.framing import Bytes, Frame, Index
    from tracciati.framing.matching import Types
    from tracciati.layout import Direction, Layout

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Table:
    """The records of one type in a block: `rows` are their indexes in the block, `columns` their fields."""

    rows: NDArray[np.int32]
    columns: dict[str, pa.Array]


@dataclass(frozen=True)
class Block:
    """Some records of the file, as they lie in it.

    number           of the block, from 0
    buffer           uint8: the block's bytes; joined over all blocks they are the file
    offset           of the buffer in the file
    first_record     index of the block's first record in the file
    starts, lengths  int64 (n,): content of each record in the buffer; `ends` are after its separator
    types            int16 (n,): index in `layout.records`, -1 where unknown
    bad              bool (n,): the record has an error
    tables           record name -> Table; empty when no values were asked for
    units            int64 (m, 2): ranges of records; no unit lies in two blocks
    unit_bad         bool (m,): some record of the unit has an error
    """

    number: int
    buffer: Bytes
    offset: int
    first_record: int
    starts: Index
    lengths: Index
    ends: Index
    types: Types
    bad: Flags
    tables: dict[str, Table]
    units: NDArray[np.int64]
    unit_bad: Flags

    def raw(self, first: int, stop: int) -> bytes:
        """The bytes of the records [first, stop), separators included."""
        if first >= stop:
            return b""
        return self.buffer[int(self.starts[first]) : int(self.ends[stop - 1])].tobytes()


class Reading:
    """One pass over one file.

    source      a path, the bytes, or an open binary file
    direction   which of the layout's directions the file is of
    unit        record or group whose occurrences are the units; "" for none
    values      make Arrow columns (else only check)
    examples    findings kept for each (code, field); all are counted
    waivers     what is overlooked, as far as it is in force on `today`
    reveal      do not mask sensitive fields
    pictures    keep the whole record of each finding, for the ruler of an HTML report
    workers     processes to read with; the result does not depend on it. One where the process has threads (see
                `workers.py`), or the machine has no fork
    sha256      the file's hash where the caller knows it (an archived file is named by it): it is not computed again
    on_block    called after each block with the number of bytes read so far

    Raises ReadingError when the source cannot be read or the layout has no structure for the direction.
    """

    def __init__(
        self,
        source: Path | bytes | BinaryIO,
        layout: Layout,
        *,
        direction: Direction = "request",
        unit: str = "",
        values: bool = True,
        examples: int = EXAMPLES_MAX,
        waivers: Iterable[Waiver] = (),
        today: date | None = None,
        reveal: bool = False,
        pictures: bool = False,
        source_name: str = "",
        workers: int = 1,
        sha256: str = "",
        on_block: Callable[[int], None] | None = None,
    ) -> None:
        if direction not in layout.structure:
            hint = f"declare file.structure.{direction}, or read it in one of: {', '.join(layout.structure)}"
            raise ReadingError(
                "read", source_name or "the file", f"{layout.name} has no structure for {direction}", hint
            )
        assert not unit or unit in layout.by_name or unit in layout.groups, f"{unit} is neither record nor group"
        self._layout, self._direction, self._unit = layout, direction, unit
        self._examples, self._reveal, self._workers = examples, reveal, workers
        self._on_block = on_block
        self._judgement = Judgement(waivers, today)
        self._source = Source(
            source,
            block_bytes=BLOCK_BYTES,
            blocks_ahead=WORKER_BLOCKS_AHEAD * (workers - 1),
            name=source_name,
            sha256=sha256,
        )
        self._balance = Balance(layout, direction)
        self._relations = Relations(layout, direction, self._source.read_back)
        self._reader = Reader(layout, direction, _union(self._balance.keep(), self._relations.keep()), arrow=values)
        self._fronts = Fronts(
            self._source,
            layout,
            direction,
            unit=unit,
            judgement=self._judgement,
            examples=examples,
            reveal=reveal,
            pictures=pictures,
        )
        self._draft = Draft(layout, examples)
        self._report: Report | None = None

    @property
    def report(self) -> Report:
        """What was found; complete once the iteration has ended."""
        assert self._report is not None, "the report is there after the last block"
        return self._report

    def __iter__(self) -> Iterator[Block]:
        assert self._source.bytes_count == 0, "a reading is one pass: make another one"
        workers = Workers(
            self._workers - 1,
            source=self._source,
            read=self._columns,
            parcels=Parcels(self._known()),
        )
        try:
            for front, (columns, faults) in workers.in_order(self._fronts):
                yield from self._finished(front, columns, faults)
                if self._on_block is not None:
                    self._on_block(front.witness.offset + len(front.frame.buffer))
        finally:
            workers.close()
            self._source.close()
        self._report = self._closed()

    def _known(self) -> Iterator[object]:
        """What columns and faults refer to, and every worker has."""
        yield self._judgement
        yield from self._layout.rules
        for record in self._layout.records:
            yield record
            yield from record.fields

    def _columns(self, frame: Frame, types: Types) -> tuple[dict[str, RecordColumns], Faults]:
        """Read the fields of a block. Needs nothing from other blocks, changes nothing but its result."""
        faults = Faults(self._judgement, self._examples)
        found: dict[str, RecordColumns] = {}
        for record in self._layout.records:
            if not record.is_in(self._direction):
                continue
            rows = matching.rows_by_type(types, frame.broken, record.index)
            if len(rows):
                found[record.name] = self._reader.read(frame, record, rows, faults)
        return found, faults

    def _finished(self, front: Front, columns: dict[str, RecordColumns], faults: Faults) -> Iterator[Block]:
        """The checks that need the blocks in order, and the block as the caller gets it."""
        counts = np.bincount(front.types + 1, minlength=len(self._layout.records) + 1)
        unread = None
        if counts[0] or front.frame.broken is not None:
            unread = Unread.of(front.frame, front.types, self._layout.file)
        marks = matching.marks(self._layout.structure[self._direction], front.types, front.order)
        self._relations.check(columns, front.frame, front.witness.offset, faults, unread, marks)
        self._balance.add(front, columns, faults, marks)
        for read in columns.values():
            if read.bad.any():
                front.bad[read.rows[read.bad]] = True
        front.faults.merge(faults)
        self._draft.take(front.faults, front.witness)
        bad_in_units = _count_in(front.bad, front.units)
        unit_bad = bad_in_units > 0
        others_bad_count = int(np.count_nonzero(front.bad) - bad_in_units.sum()) if self._unit else 0
        self._draft.count(counts, len(front.units), int(np.count_nonzero(unit_bad)), others_bad_count)
        frame = front.frame
        if not len(frame.buffer):
            return
        yield Block(
            number=front.number,
            buffer=frame.buffer,
            offset=front.witness.offset,
            first_record=front.witness.first_record,
            starts=frame.starts,
            lengths=frame.lengths,
            ends=frame.ends,
            types=front.types,
            bad=front.bad,
            tables={
                name: Table(read.rows.astype(np.int32), read.arrays) for name, read in columns.items() if read.arrays
            },
            units=front.units,
            unit_bad=unit_bad,
        )

    def _closed(self) -> Report:
        if self._fronts.end_faults is not None:
            self._draft.take(*self._fronts.end_faults)
        totals, found = self._balance.finish(self._judgement, is_disturbed=self._fronts.is_disturbed)
        self._draft.take_findings(found)
        self._draft.others_bad_count += self._balance.late_bad_count if self._unit else 0
        draft = self._draft
        source = self._source
        return Report(
            source_name=source.name,
            layout=self._layout.name,
            fingerprint=self._layout.fingerprint,
            direction=self._direction,
            codec=self._layout.file.codec,
            sha256=source.sha256(),
            bytes_count=source.bytes_count,
            records_count=draft.records_count,
            records_by_type=draft.by_type(),
            units_count=draft.units_count,
            units_bad_count=draft.units_bad_count,
            others_bad_count=draft.others_bad_count,
            findings=tuple(sorted(draft.findings, key=lambda f: f.order)),
            counts=dict(sorted(draft.counts.items())),
            severities=draft.severities,
            totals=totals,
            is_refused=draft.is_refused(),
            waivers=self._judgement.in_force,
            waivers_expired=self._judgement.expired,
        )


def check(
    source: Path | bytes | BinaryIO,
    layout: Layout,
    *,
    direction: Direction = "request",
    unit: str = "",
    examples: int = EXAMPLES_MAX,
    waivers: Iterable[Waiver] = (),
    today: date | None = None,
    reveal: bool = False,
    pictures: bool = False,
    source_name: str = "",
    workers: int = 1,
    sha256: str = "",
    on_block: Callable[[int], None] | None = None,
) -> Report:
    """Check a file with every check, and keep no values. Arguments and errors are those of Reading."""
    reading = Reading(
        source,
        layout,
        direction=direction,
        unit=unit,
        values=False,
        examples=examples,
        waivers=waivers,
        today=today,
        reveal=reveal,
        pictures=pictures,
        source_name=source_name,
        workers=workers,
        sha256=sha256,
        on_block=on_block,
    )
    for _ in reading:
        pass
    return reading.report


def _union(one: dict[str, frozenset[str]], other: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    return {name: one.get(name, frozenset()) | other.get(name, frozenset()) for name in {*one, *other}}


def _count_in(flags: Flags, ranges: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each range of rows, how many flags are set in it."""
    before = np.zeros(len(flags) + 1, np.int64)
    np.cumsum(flags, out=before[1:])
    found: NDArray[np.int64] = before[ranges[:, 1]] - before[ranges[:, 0]]
    return found
