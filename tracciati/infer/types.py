"""Types: the kinds of records, told apart by a few bytes near the front, or by a column, that best explain the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracciati.infer import classes
from tracciati.infer.tables import Table, spread

Index = NDArray[np.int64]

# Where a record's type may begin, how wide it may be, how many there may be; columns of a delimited file.
_STARTS, _WIDTHS, _TYPES_MAX, _COLUMNS = 20, (1, 2, 3), 40, 8
# Records that the search looks at, bytes of each, and what the best split has to save, as a share of the whole.
_LOOKED_AT, _BYTES, _SAVING = 800, 400, 0.08
# Of what the best split saves, what one by fewer bytes must save to be taken.
_NEARLY = 0.85
# What it is worth, in bits, that a type begins or ends every file and stands nowhere else.
_HEAD_BITS = 40.0
# What it has to save besides, in bits, where columns before it differ already.
_BEHIND_BITS = 25.0
# What a delimited record costs that has not as many cells as others of its type.
_UNEVEN_BITS = 40.0
# What it costs besides when so many of them have: that is no mistake any more.
_UNEVEN_OFTEN_BITS, _UNEVEN_SHARE = 400.0, 0.1
# A value that comes so seldom may be a mistake, where a type has so many records and they are as like to it as this;
# how many of them are named.
_SELDOM, _OFTEN, _LIKE, _NAMED = 0.02, 10, 0.97, 8
# How deep a type may be told apart further (a segment within a record type).
_DEPTH = 2
# Share of the records of such a type that may be followed by one of their own kind, and of those whose kind must tell
# the next one's.
_STAYING, _TOLD = 0.4, 0.7
# Share of the steps by one at which a 9 must become a 0 behind the leading digits of a number that rises.
_TURNING = 0.9


@dataclass(frozen=True)
class RecordType:
    """One kind of record.

    match  (start, stop, text) in fixed records, (column, column + 1, text) in delimited ones; empty: there is one only
    rows   int64: its records
    """

    match: tuple[tuple[int, int, str], ...]
    rows: Index


def found(table: Table, doubts: list[str]) -> list[RecordType]:
    """The types in the order in which they first occur. Records of none are in no type."""
    rows = np.arange(len(table))
    types = list(_split(table, RecordType((), rows), doubts, _DEPTH))
    return sorted(types, key=lambda one: int(one.rows[0]))


def _split(table: Table, whole: RecordType, doubts: list[str], depth: int) -> Iterator[RecordType]:
    best = _best(table, whole) if depth and len(whole.rows) >= 3 else None
    if best is None:
        yield whole
        return
    start, stop = best
    values = _values(table, whole.rows, start, stop)
    kinds, first, labels, counts = np.unique(values, return_index=True, return_inverse=True, return_counts=True)
    labels = labels.ravel()
    is_mistake = _are_mistakes(table, whole.rows, labels, counts)
    for index in np.argsort(first).tolist():
        text = kinds[index].tobytes().rstrip(b"\0" if not table.is_fixed else b"").decode("latin-1")
        its = whole.rows[labels == index]
        if is_mistake[index] or not text.isascii() or not text.isprintable() or not text:
            more = f" and {len(its) - _NAMED} more" if len(its) > _NAMED else ""
            shown = ", ".join(table.framing.named(row) for row in its[:_NAMED].tolist())
            doubts.append(f"records of no type that is known, but like others but for that: {shown}{more}")
            continue
        yield from _split(table, RecordType((*whole.match, (start, stop, text)), its), doubts, depth - 1)


def _values(table: Table, rows: Index, start: int, stop: int) -> NDArray[np.void]:
    cells = table.bytes(rows, start, stop) if table.is_fixed else table.cells(rows, start).cells
    found: NDArray[np.void] = np.ascontiguousarray(cells).view(f"V{cells.shape[1]}").ravel()
    return found


def _are_mistakes(table: Table, rows: Index, labels: Index, counts: Index) -> NDArray[np.bool_]:
    """Which values are mistakes: seldom, neither first nor last in a file, in records that are like those of a type."""
    found: NDArray[np.bool_] = counts < np.sort(counts)[::-1][: 2 * _TYPES_MAX].min()
    seldom = np.flatnonzero(counts <= max(1, _SELDOM * len(rows)))
    often = np.flatnonzero(counts >= _OFTEN)
    if not len(seldom) or not len(often):
        return found
    files = table.framing.files
    ends = np.flatnonzero((np.diff(files, prepend=-1) != 0) | (np.diff(files, append=-1) != 0))
    at_ends = np.unique(labels[np.isin(rows, ends)])
    types = [_symbols(table, spread(rows[labels == kind], _LOOKED_AT // 4, files)) for kind in often.tolist()]
    for kind in np.setdiff1d(seldom, at_ends)[: 2 * _TYPES_MAX].tolist():
        own = _symbols(table, rows[labels == kind][:_NAMED])
        found[kind] = any(_is_like(own, one) for one in types)
    return found


def _is_like(own: NDArray[np.uint8], others: NDArray[np.uint8]) -> bool:
    """Do the records have, in nearly every column, characters that the others have there?"""
    width = min(own.shape[1], others.shape[1])
    seen = np.zeros((width, 256), np.bool_)
    seen[np.arange(width), others[:, :width]] = True
    return bool(seen[np.arange(width), own[:, :width]].mean() >= _LIKE)


def _best(table: Table, whole: RecordType) -> tuple[int, int] | None:
    """The columns that tell the records apart best, when that explains enough of them."""
    looked = spread(whole.rows, _LOOKED_AT, table.framing.files)
    symbols = _symbols(table, looked)
    no_labels = np.zeros(len(looked), np.int64)
    alone = classes.cost(symbols, no_labels, 1) + _uneven(table, symbols, no_labels)
    taken = {place for start, stop, _ in whole.match for place in range(start, stop)}
    first_told = _first_told(table, looked)
    found: list[tuple[float, int, int]] = []
    for start, stop in _candidates(table):
        if taken & set(range(start, stop)):
            continue
        labels = _labels(table, looked, start, stop)
        if labels is None or _is_count(table, whole.rows, start, stop):
            continue
        if whole.match and not _alternate(labels) and not _uneven(table, symbols, no_labels):
            continue
        kinds = int(labels.max()) + 1
        # What stands further behind, or is wider, has to explain more.
        cost = classes.cost(symbols, labels, kinds) * (1 + 0.004 * start) + 4 * start + 2 * (stop - start)
        cost += _BEHIND_BITS * (start > first_told) + _uneven(table, symbols, labels)
        found.append((cost - _HEAD_BITS * _heads_and_tails(table, looked, labels), start, stop))
    if not found:
        return None
    cost, start, stop = min(found)
    least = _SAVING * alone + (40 if whole.match else 0)
    if alone - cost < least:
        return None
    # A part of it that explains nearly as much is the type; the rest is a field behind it.
    for narrower, at, end in sorted(found, key=lambda one: one[2] - one[1]):
        if start == at and end <= stop and alone - narrower >= _NEARLY * (alone - cost):
            start, stop = at, end
            break
    return _widened(table, looked, start, stop) if table.is_fixed and stop not in taken else (start, stop)


def _first_told(table: Table, rows: Index) -> int:
    """The first column in which records differ."""
    if not table.is_fixed:
        return 0
    front = table.bytes(rows, 0, min(_STARTS, table.framing.form.length or 1))
    return int(np.append(np.flatnonzero((front != front[0]).any(axis=0)), 0)[0])


def _uneven(table: Table, symbols: NDArray[np.uint8], labels: Index) -> float:
    """Bits for delimited records that have other cells than most of their type: they could not be read."""
    if table.is_fixed:
        return 0.0
    counts = np.zeros((int(labels.max()) + 1, 64), np.int64)
    np.add.at(counts, (labels, symbols[:, 0]), 1)
    uneven = float(len(labels) - counts.max(axis=1).sum())
    return _UNEVEN_BITS * uneven + (_UNEVEN_OFTEN_BITS if uneven >= _UNEVEN_SHARE * len(labels) else 0.0)


def _is_count(table: Table, rows: Index, start: int, stop: int) -> bool:
    """Are the values the leading digits of a number that rises through the file? Behind them a 9 becomes a 0 then."""
    if not table.is_fixed or stop >= (table.framing.form.length or 0):
        return False
    values = _values(table, rows, start, stop)
    borders = np.flatnonzero(values[1:] != values[:-1])[: 4 * _TYPES_MAX]
    pairs = [(values[at].tobytes(), values[at + 1].tobytes()) for at in borders.tolist()]
    rises = [before.isdigit() and after.isdigit() and int(after) == int(before) + 1 for before, after in pairs]
    borders = borders[np.array(rises, np.bool_)]
    behind = table.bytes(rows, stop, stop + 1)[:, 0]
    turns = (behind[borders] == ord("9")) & (behind[borders + 1] == ord("0"))
    return bool(len(borders) and turns.mean() >= _TURNING)


def _alternate(labels: Index) -> bool:
    """Do kinds within a type follow one another, as segments do? Values that come as they like are no kinds."""
    some = labels[: _LOOKED_AT // 2]
    before, after = some[:-1], some[1:]
    pairs = np.zeros((int(labels.max()) + 1,) * 2, np.int64)
    np.add.at(pairs, (before, after), 1)
    return bool(np.trace(pairs) <= _STAYING * pairs.sum() and pairs.max(axis=1).sum() >= _TOLD * pairs.sum())


def _heads_and_tails(table: Table, rows: Index, labels: Index) -> int:
    """Does a type of its own begin each file, and does another one end it? 0, 1 or 2."""
    files = table.framing.files[rows]
    firsts, lasts = labels[np.diff(files, prepend=-1) != 0], labels[np.diff(files, append=len(table)) != 0]
    if len(rows) < 3 or (firsts == lasts).any():
        return 0
    return sum(
        int((ends == ends[0]).all() and np.count_nonzero(labels == ends[0]) == len(ends)) for ends in (firsts, lasts)
    )


def _candidates(table: Table) -> Iterator[tuple[int, int]]:
    if not table.is_fixed:
        yield from ((column, column + 1) for column in range(_COLUMNS))
        return
    length = table.framing.form.length or 0
    for start in range(min(_STARTS, length)):
        yield from ((start, start + width) for width in _WIDTHS if start + width <= length)


def _labels(table: Table, rows: Index, start: int, stop: int) -> Index | None:
    """Each record's value as a number; None where the values are no types: too many, blank, or not plain letters."""
    values = _values(table, rows, start, stop)
    kinds, labels = np.unique(values, return_inverse=True)
    if not 2 <= len(kinds) <= min(_TYPES_MAX, max(3, len(rows) * 2 // 3)):
        return None
    shown = np.frombuffer(kinds.tobytes(), np.uint8).reshape(len(kinds), -1)
    symbols = classes.OF_BYTE[shown]
    if table.is_fixed and (shown == 32).any():
        return None
    if not table.is_fixed and ((shown == 0).all(axis=1).any() or shown.shape[1] > 12):
        return None
    if (symbols == classes.LOWER).any() or ((shown < 32) & (shown > 0)).any() or (symbols == classes.MARK).all():
        return None
    return labels.ravel()


def _widened(table: Table, rows: Index, start: int, stop: int) -> tuple[int, int]:
    """The type with the byte after it, where that belongs to it: one for each type, and not the same for all."""
    if stop - start >= 2 or stop >= (table.framing.form.length or 0):
        return start, stop
    _, labels = np.unique(_values(table, rows, start, stop), return_inverse=True)
    labels = labels.ravel()
    after = table.bytes(rows, stop, min(stop + 2, table.framing.form.length or 0))
    kinds = int(labels.max()) + 1
    of_kind = [np.unique(after[labels == kind, 0]) for kind in range(kinds)]
    varied = [values for values in of_kind if len(values) > 1]
    if len(varied) > (kinds >= 5) or any(len(values) > 4 for values in varied) or int(np.bincount(labels).max()) < 2:
        return start, stop
    bytes_ = np.concatenate(of_kind)
    is_plain = ((classes.OF_BYTE[bytes_] == classes.ZERO) | (classes.OF_BYTE[bytes_] == classes.DIGIT)).all()
    # Letters behind letters, digits behind digits.
    first = classes.OF_BYTE[table.bytes(rows, start, stop)[:, 0]]
    same = (first == classes.UPPER) == (classes.OF_BYTE[after[:, 0]] == classes.UPPER)
    differs = len(np.unique(bytes_)) >= (2 if varied else max(2, kinds - 1))
    often = [values for kind, values in enumerate(of_kind) if np.count_nonzero(labels == kind) > 1]
    is_zero = all((values == ord("0")).all() for values in often) and after.shape[1] > 1 and (after[:, 1] != 48).any()
    return (start, stop + 1) if (is_plain or same.all()) and (differs or is_zero) else (start, stop)


def _symbols(table: Table, rows: Index) -> NDArray[np.uint8]:
    """What the split is to explain: the class of every byte; of delimited records, how many cells and their kinds."""
    if table.is_fixed:
        return classes.OF_BYTE[table.bytes(rows, 0, min(table.framing.form.length or 1, _BYTES))]
    counts = table.counts(rows)
    columns = [np.minimum(counts, 60)]
    for column in range(min(int(counts.max()), 30)):
        cells = table.cells(rows, column)
        symbols = classes.OF_BYTE[cells.cells]
        assert cells.lengths is not None, "delimited cells have lengths"
        within = np.arange(cells.width) < cells.lengths[:, None]
        digits = (((symbols == classes.ZERO) | (symbols == classes.DIGIT)) | ~within).all(axis=1)
        letters = ((symbols >= classes.UPPER) & (symbols <= classes.LOWER) & within).any(axis=1)
        kind = np.where(cells.empty(), 0, np.where(digits, 1, np.where(letters, 2, 3)))
        columns.append(kind * 8 + np.minimum(cells.lengths, 28) // 4)
    return np.stack(columns, axis=1).astype(np.uint8)
