"""Keys: has this key stood in an earlier file? Hashes and texts are on disk, in sorted runs.

A run is sorted by the hash and is cut into ranges, so that equal hashes of all runs are found range by range: memory
is that of one run and of one range, however many keys there are. A hit is verified against the texts: two keys that
share a hash are never called the same.
"""

from __future__ import annotations

import heapq
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tracciati.framing import gather
from tracciati.limits import COLUMN_BYTES_MAX
from tracciati.reading.uniqueness import hashes

_ENTRY = np.dtype(
    [
        ("hash", "<u8"),
        ("file", "<i4"),
        ("length", "<i4"),
        ("size", "<i4"),
        ("text", "<i8"),
        ("record", "<i8"),
        ("line", "<i8"),
        ("offset", "<i8"),
    ]
)
Entries = NDArray[np.void]
Texts = NDArray[np.uint8]
Index = NDArray[np.int64]
# Keys that are sorted at a time (13 MB), the ranges that a run is cut into, and the keys of those looked at at a time.
_RUN_KEYS = 1 << 18
_RANGES = 1 << 10
_SHARE_KEYS = 1 << 19


@dataclass(frozen=True, order=True)
class Stand:
    """Where a key stands: the file's number, from 0; record and line from 1; the record's offset and bytes there."""

    file: int
    record: int
    line: int
    offset: int
    size: int


class Keys:
    """The keys of one field, file by file."""

    def __init__(self, *, run_keys: int = _RUN_KEYS) -> None:
        self._run_keys = run_keys
        self._runs_file = tempfile.TemporaryFile()  # noqa: SIM115  # lives as we do
        self._texts_file = tempfile.TemporaryFile()  # noqa: SIM115  # lives as we do
        for file in (self._runs_file, self._texts_file):
            weakref.finalize(self, file.close)
        self._texts_size, self._longest = 0, 1
        self._waiting: list[Entries] = []
        self._runs: list[tuple[int, NDArray[np.int64]]] = []  # where each begins (in entries), and its ranges
        self._written = 0
        self._dropped: list[int] = []

    def add(self, texts: pa.StringArray, file: int, records: Index, lines: Index, offsets: Index, sizes: Index) -> None:
        """Take keys of a file that is being read; null is no key.

        records, lines, offsets, sizes  int64 (n,): the record's number and line, from 1, and its bytes in the file
        """
        chosen = np.flatnonzero(np.asarray(texts.is_valid()))
        if not len(chosen):
            return
        if len(chosen) < len(texts):
            texts = texts.take(pa.array(chosen))
        bounds = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
        places = bounds.astype(np.int64)
        data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
        starts, lengths = places[:-1], np.diff(places)
        cells = gather(data, starts, max(1, int(lengths.max())))
        cells = np.where(np.arange(cells.shape[1]) < lengths[:, None], cells, np.uint8(0))
        entries = np.empty(len(chosen), _ENTRY)
        entries["hash"], entries["file"], entries["length"] = hashes(cells, lengths), file, lengths
        entries["text"] = self._texts_size + starts - places[0]
        entries["record"], entries["line"], entries["offset"] = records[chosen], lines[chosen], offsets[chosen]
        entries["size"] = sizes[chosen]
        self._texts_file.seek(self._texts_size)
        self._texts_file.write(data[places[0] : places[-1]].tobytes())
        self._texts_size += int(places[-1] - places[0])
        self._longest = max(self._longest, int(lengths.max()))
        self._waiting.append(entries)
        if sum(map(len, self._waiting)) >= self._run_keys:
            self._write_run()

    def drop(self, file: int) -> None:
        """Forget the keys of a file: it does not count."""
        self._dropped.append(file)

    def _write_run(self) -> None:
        entries = np.concatenate(self._waiting) if self._waiting else np.empty(0, _ENTRY)
        self._waiting = []
        entries = entries[np.argsort(entries["hash"], kind="stable")]
        edges = np.arange(1, _RANGES, dtype=np.uint64) << np.uint64(54)
        bounds = np.concatenate(([0], np.searchsorted(entries["hash"], edges), [len(entries)])).astype(np.int64)
        self._runs_file.seek(self._written * _ENTRY.itemsize)
        self._runs_file.write(entries.tobytes())
        self._runs.append((self._written, bounds))
        self._written += len(entries)

    def _read(self, first: int, count: int) -> Entries:
        self._runs_file.seek(first * _ENTRY.itemsize)
        return np.frombuffer(self._runs_file.read(count * _ENTRY.itemsize), _ENTRY).copy()

    def repeated(self, examples: int) -> tuple[int, list[tuple[Stand, Stand]]]:
        """Records whose key stood in an earlier file: how many, and the first of them, each with the first such."""
        if self._waiting:
            self._write_run()
        if not self._runs:
            return 0, []
        # Zeros behind the last text: `gather` would make room for them by a copy of all of it.
        self._texts_file.seek(self._texts_size)
        self._texts_file.write(bytes(self._longest))
        self._texts_file.flush()
        texts = np.memmap(self._texts_file, np.uint8, "r", shape=(self._texts_size + self._longest,))
        count, found = 0, list[tuple[Stand, Stand]]()
        for entries in self._shares():
            later, first, clashing = _held_together(entries, texts)
            pairs = list(_in_turn(entries, clashing, texts))
            count += len(later) + len(pairs)
            least = np.lexsort((entries["record"][later], entries["file"][later]))[:examples]
            pairs += [(_stand(entries[later[one]]), _stand(entries[first[one]])) for one in least.tolist()]
            found = heapq.nsmallest(examples, [*found, *pairs])
        return count, found

    def _shares(self) -> Iterator[Entries]:
        """All entries, with those of one hash together, in the order of their files."""
        per_range = sum((np.diff(bounds) for _, bounds in self._runs), np.zeros(_RANGES, np.int64))
        first = 0
        while self._runs and first < _RANGES:
            stop, taken = first + 1, int(per_range[first])
            while stop < _RANGES and taken + int(per_range[stop]) <= _SHARE_KEYS:
                taken += int(per_range[stop])
                stop += 1
            parts = [self._read(at + int(b[first]), int(b[stop] - b[first])) for at, b in self._runs]
            entries = np.concatenate(parts)
            entries = entries[~np.isin(entries["file"], self._dropped)]
            yield entries[np.lexsort((entries["record"], entries["file"], entries["hash"]))]
            first = stop


def _stand(entry: np.void) -> Stand:
    return Stand(*(int(entry[name]) for name in ("file", "record", "line", "offset", "size")))


def _held_together(entries: Entries, texts: Texts) -> tuple[Index, Index, Index]:
    """Entries of one hash against the first of it: whole columns at a time.

    Returns (later, first, clashing): entries whose key stood in an earlier file, beside the first that has it; and the
    first entry of each hash that different keys share, of which nothing else is said.
    """
    begins = np.append(True, entries["hash"][1:] != entries["hash"][:-1])[: len(entries)]
    heads = np.flatnonzero(begins)[np.cumsum(begins) - 1]
    others = np.flatnonzero(~begins)
    is_same = np.empty(len(others), np.bool_)
    step = max(1, COLUMN_BYTES_MAX // max(1, int(entries["length"].max(initial=0))))
    for start in range(0, len(others), step):
        part = others[start : start + step]
        is_same[start : start + len(part)] = _are_same(entries[part], entries[heads[part]], texts)
    clashing = np.unique(heads[others[~is_same]])
    later = others[(entries["file"][others] != entries["file"][heads[others]]) & ~np.isin(heads[others], clashing)]
    return later, heads[later], clashing


def _are_same(some: Entries, firsts: Entries, texts: Texts) -> NDArray[np.bool_]:
    lengths = some["length"]
    width = int(lengths.max())
    is_beyond = np.arange(width) >= lengths[:, None]
    one, other = (gather(texts, np.ascontiguousarray(each["text"]), width) for each in (some, firsts))
    found: NDArray[np.bool_] = (lengths == firsts["length"]) & ((one == other) | is_beyond).all(axis=1)
    return found


def _in_turn(entries: Entries, clashing: Index, texts: Texts) -> Iterator[tuple[Stand, Stand]]:
    """The few keys that share a hash with another one, one by one."""
    for head in clashing.tolist():
        firsts: dict[bytes, Stand] = {}
        alike = np.flatnonzero(entries["hash"] == entries["hash"][head])
        for entry in entries[alike]:
            text, stand = int(entry["text"]), _stand(entry)
            first = firsts.setdefault(texts[text : text + int(entry["length"])].tobytes(), stand)
            if first.file != stand.file:
                yield stand, first
