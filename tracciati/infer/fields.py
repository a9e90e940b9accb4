"""Fields: those of one record type, from its records: boundaries first where they are fixed, then what each one is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracciati.infer import anchors, boundaries, codes, kinds, names, totals
from tracciati.infer.anchors import MANY_STEPS, STEPS_SHARE, Anchor
from tracciati.infer.boundaries import Span
from tracciati.infer.evidence import Evidence
from tracciati.infer.kinds import Kind
from tracciati.infer.proposal import FieldProposal
from tracciati.infer.tables import Cells, Table, field_of, rows_count, spread
from tracciati.infer.totals import Target, Total
from tracciati.infer.types import RecordType
from tracciati.limits import SAMPLE_ROWS

# From so many records on, all different, a value is taken for a key; the least characters of one.
_UNIQUE_OF, _UNIQUE_WIDTH = 20, 4
# Records of a type whose anchors say something of other types.
_HINTING = 5


def anchors_of(table: Table, one: RecordType) -> list[Anchor]:
    """What says by itself what it is in records of a fixed type, where these are enough to show it."""
    length = table.framing.form.length or 1
    rows = spread(one.rows, rows_count(length), table.framing.files)
    if len(rows) < _HINTING:
        return []
    free = _free([(start, stop) for start, stop, _ in one.match], length)
    return anchors.found(Cells(table.bytes(rows, 0, length)), free, table.framing.files[rows])


def _free(taken: list[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    """The stretches of a record between the columns that tell its type."""
    edges = sorted([0, *(edge for pair in taken for edge in pair), length])
    return [(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True) if start < stop]


def of_fixed(table: Table, one: RecordType, targets: list[Target], hints: Sequence[Anchor]) -> list[FieldProposal]:
    """The fields of a type of fixed records.

    targets  what totals of this type could be
    hints    what stands in records of other types
    """
    length = table.framing.form.length or 1
    rows = spread(one.rows, rows_count(length), table.framing.files)
    cells = Cells(table.bytes(rows, 0, length))
    fixed = [(start, stop) for start, stop, _ in one.match]
    known: dict[int, Total] = {}
    if targets:
        known = {total.start: total for total in totals.found(cells, targets, _free(fixed, length))}
    files = table.framing.files[rows]
    certain = [Span(at.start, at.stop, "integer", at.chance) for at in known.values()]
    spans = boundaries.found(cells, files, fixed, certain, hints)
    found = []
    for span in spans:
        own = cells.cut(span.start, span.stop)
        match = next((text for start, _, text in one.match if start == span.start), None)
        kind, extra = _kind(own, table.framing.form.codec, match, span, known.get(span.start))
        _with_all_codes(kind, table, one, (span.start, span.stop), len(rows))
        if span.is_counter and kind.base == "integer":
            extra |= _sequence(own, files, table.framing.form.codec, rows_count(length) // 2)
        field = FieldProposal("", span.start, span.stop - span.start, kind, _evidence(kind, len(one.rows)), extra=extra)
        field.is_match = match is not None
        found.append(field)
    _named(found, [])
    _add_key(found, {one.start: cells.cut(one.start, one.start + (one.length or 0)) for one in found}, files)
    return found


def of_delimited(table: Table, one: RecordType, targets: list[Target], _: Sequence[Anchor]) -> list[FieldProposal]:
    """The columns of a type of delimited records: as many as most of them have."""
    rows = spread(one.rows, SAMPLE_ROWS, table.framing.files)
    count = int(np.bincount(table.counts(rows)).argmax())
    rows = rows[table.counts(rows) == count]
    titles = list(table.framing.header)
    codec, files = table.framing.form.codec, table.framing.files[rows]
    found: list[FieldProposal] = []
    columns: dict[int, Cells] = {}
    for column in range(count):
        cells = table.cells(rows, column)
        match = next((text for start, _, text in one.match if start == column), None)
        total = _column_total(cells, targets, codec) if targets and match is None else None
        kind, extra = _kind(cells, codec, match, Span(column, column + 1), total)
        _with_all_codes(kind, table, one, (column, column + 1), len(rows))
        if kind.base == "integer" and not extra and _rises(cells, files, codec, SAMPLE_ROWS // 2):
            extra |= _sequence(cells, files, codec, SAMPLE_ROWS // 2)
        field = FieldProposal("", column, None, kind, _evidence(kind, len(one.rows)), extra=extra)
        field.is_match = match is not None
        columns[column] = cells
        found.append(field)
    _named(found, titles)
    _add_key(found, columns, files)
    return found


def _kind(cells: Cells, codec: str, match: str | None, span: Span, total: Total | None) -> tuple[Kind, dict[str, Any]]:
    if match is not None:
        return Kind("const", {"value": match}, why="tells the record type"), {}
    if total is not None:
        why = "equal to this total in every sample"
        return Kind("integer", {}, total.chance, why), {"derive": total.target.expression}
    return kinds.found(cells, codec, known=span.base), {}


def _with_all_codes(kind: Kind, table: Table, one: RecordType, place: tuple[int, int], looked_at: int) -> None:
    """Codes are counted over all records: where there are more of them than can be listed, there are none."""
    if "codes" not in kind.keys or looked_at >= len(one.rows):
        return
    counts: Counter[bytes] = Counter()
    for cells in _all(table, one, place):
        texts, its = cells.chosen(~cells.empty()).distinct()
        counts.update(dict(zip(texts, its.tolist(), strict=True)))
        if len(counts) > SAMPLE_ROWS:
            break
    texts = sorted(counts, key=lambda text: -counts[text])
    listed = codes.listed(texts, np.array([counts[text] for text in texts]), cells)
    if listed is None:
        del kind.keys["codes"]
        kind.why = ""
    else:
        kind.keys["codes"] = listed


def _all(table: Table, one: RecordType, place: tuple[int, int]) -> Iterator[Cells]:
    """One field of all records of a type, a part of them at a time."""
    step = SAMPLE_ROWS * 50
    for at in range(0, len(one.rows), step):
        rows = one.rows[at : at + step]
        yield Cells(table.bytes(rows, *place)) if table.is_fixed else table.cells(rows, place[0])


def _evidence(kind: Kind, total: int) -> Evidence:
    """What the records that were looked at say; once the samples are read, all are counted."""
    return Evidence(total, total, kind.chance, kind.why)


def _named(fields: list[FieldProposal], titles: list[str]) -> None:
    if titles and len(titles) == len(fields):
        for field, name, title in zip(fields, names.of_header(titles), titles, strict=True):
            field.name, field.label = name, title
        return
    told = [(one.kind, one.is_match, "sequence" in one.extra) for one in fields]
    for field, name in zip(fields, names.of_fields(told), strict=True):
        field.name = name


def _add_key(fields: list[FieldProposal], columns: dict[int, Cells], files: NDArray[np.int64]) -> None:
    """The first identifier that is there in each record, and in no file twice, is unique."""
    of_file = np.ascontiguousarray(files.astype("<u4")).view(np.uint8).reshape(-1, 4)
    for field in fields:
        cells = columns[field.start]
        wide = cells.width >= _UNIQUE_WIDTH and len(cells) >= _UNIQUE_OF
        is_key = field.kind.base in ("text", "digits") and wide and not field.extra and not cells.empty().any()
        if is_key and len(Cells(np.concatenate((of_file, cells.cells), axis=1)).distinct()[0]) == len(cells):
            field.extra["unique"] = "file"
            return


def _rises(cells: Cells, files: NDArray[np.int64], codec: str, count: int) -> bool:
    """Does the number rise by one among the first records, which follow one another?"""
    values = cells.values(field_of("integer", cells), codec)[:count]
    steps = np.diff(values)[np.diff(files[:count]) == 0]
    # The engine counts those that do not: what is claimed here may be taken back.
    return len(steps) >= 3 and bool((steps == 1).mean() >= (1 if len(steps) < MANY_STEPS else STEPS_SHARE))


def _sequence(cells: Cells, files: NDArray[np.int64], codec: str, count: int) -> dict[str, Any]:
    """`sequence`, where each record has one more than the one before it; nothing where some have the same."""
    if not _rises(cells, files, codec, count):
        return {}
    values = cells.values(field_of("integer", cells), codec)
    firsts = values[np.flatnonzero(np.diff(files, prepend=-1))]
    start = {"start": int(firsts[0])} if (firsts == firsts[0]).all() else {}
    return {"sequence": {**start, "step": 1}}


def _column_total(cells: Cells, targets: list[Target], codec: str) -> Total | None:
    field = field_of("integer", cells)
    null, bad = cells.read(field, codec)
    if null.any() or bad.any():
        return None
    values = tuple(cells.values(field, codec).tolist())
    for target in targets:
        digits = sum(len(str(value)) for value in set(values))
        if values == target.values and min(values) > 1 and digits >= 2:
            return Total(0, cells.width, target, 10.0**-digits)
    return None


def numbers_of(table: Table, one: RecordType, fields: list[FieldProposal]) -> list[tuple[FieldProposal, list[int]]]:
    """Each number of a repeated type with its sum in every file, over all records."""
    found = []
    files_count = len(table.samples.names)
    for field in fields:
        if field.kind.base not in ("integer", "decimal") or field.extra or field.kind.keys.get("sign"):
            continue
        sums = [0] * files_count
        at = 0
        for cells in _all(table, one, (field.start, field.start + (field.length or 1))):
            rows = one.rows[at : at + len(cells)]
            at += len(cells)
            values = cells.values(field_of(field.kind.base, cells, **field.kind.engine_keys()), "latin-1")
            values = np.maximum(values, 0)  # what cannot be read is far below
            for place, part in ((10**9, values // 10**9), (1, values % 10**9)):
                added = np.zeros(files_count, np.int64)
                np.add.at(added, table.framing.files[rows], part)
                sums = [before + place * more for before, more in zip(sums, added.tolist(), strict=True)]
        found.append((field, sums))
    return found
