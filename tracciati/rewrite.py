"""Rewrite: read a file and write it again, as it is or in canonical form.

As it is proves that nothing is lost: the blocks, joined, are the file. Canonical proves the codecs: every field is
encoded anew from its value, and each cell or separator that comes out otherwise is a difference with a name. What
could not be encoded anew stands as it came, and is counted: of it nothing is proved.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from tracciati.convert import text_of
from tracciati.findings.pictures import MASK
from tracciati.findings.report import total_text
from tracciati.framing import END_MARK
from tracciati.limits import RECORD_BYTES_MAX
from tracciati.reading import Reading
from tracciati.target import opened
from tracciati.wording import counted
from tracciati.writing import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tracciati.findings.report import Report, Total
    from tracciati.layout import Direction, Layout
    from tracciati.reading import Block
    from tracciati.writing.canonical import Difference, Rewritten


@dataclass
class Rewriting:
    """What came of it.

    differences  examples, at most `canonical.rewrite`'s number for each (path, reason), sensitive texts masked
    counts       (path, reason) -> how many there are
    kept_cells   path -> cells that could not be encoded anew; kept_records: whole records that could not
    sha256       of what was written; `report.sha256` is that of what was read
    """

    layout: Layout
    report: Report
    sha256: str = ""
    bytes_count: int = 0
    differences: list[Difference] = field(default_factory=list)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    kept_cells: dict[str, int] = field(default_factory=dict)
    kept_records: int = 0
    in_canonical_form: bool = False

    @property
    def is_same(self) -> bool:
        """Was the same file written, byte for byte?"""
        return self.sha256 == self.report.sha256

    @property
    def is_proven(self) -> bool:
        """Was the same file written, and nothing of it kept because it could not be encoded anew?"""
        return self.is_same and not self._kept()

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "is_same": self.is_same,
            "records_count": self.report.records_count,
            "bytes_read": self.report.bytes_count,
            "bytes_written": self.bytes_count,
            "sha256_read": self.report.sha256,
            "sha256_written": self.sha256,
            "counts": [
                {"path": path, "reason": reason, "count": count}
                for (path, reason), count in sorted(self.counts.items())
            ],
            "kept_cells": [{"path": path, "count": count} for path, count in sorted(self.kept_cells.items())],
            "kept_records": self.kept_records,
            "kept": self._kept(),
            "is_header_copied": self._has_copied_header(),
            "totals_unverifiable": [total.path for total in self._unverifiable()],
            "differences": [
                {
                    "record_number": one.record_number,
                    "path": one.path,
                    "offset": one.offset,
                    "reason": one.reason,
                    "raw": self._shown(one.path, one.raw),
                    "canonical": self._shown(one.path, one.canonical),
                }
                for one in self.differences
            ],
            "summary": self.summary(),
        }

    def to_text(self) -> str:
        """For a person: each difference, how many more there are, one line of summary."""
        lines = []
        shown: dict[tuple[str, str], int] = {}
        for one in self.differences:
            key = (one.path, one.reason)
            shown[key] = shown.get(key, 0) + 1
            before, after = self._quoted(one.path, one.raw), self._quoted(one.path, one.canonical)
            said = f"record {one.record_number}: {one.path}: {one.reason}: {before} -> {after}"
            lines.append(f"{said} (offset {one.offset})")
        for key, count in sorted(self.counts.items()):
            if count > shown.get(key, 0):
                lines.append(f"and {count - shown.get(key, 0)} more of {key[0]}: {key[1]}: {count} in all")
        for path, count in sorted(self.kept_cells.items()):
            lines.append(f"{path}: {counted(count, 'cell')} could not be encoded anew, kept as it came")
        lines += [total_text(total) for total in self._unverifiable()]
        return "\n".join([*lines, self.summary()])

    def summary(self) -> str:
        """One line: what was written, and whether it is the same."""
        records = f"{counted(self.report.records_count, 'record')}, {counted(self.bytes_count, 'byte')}"
        if self.is_proven:
            header = "; the header row was copied" if self._has_copied_header() else ""
            return f"{records}: byte for byte the same (SHA-256 {self.sha256}){header}"
        found = f"{counted(sum(self.counts.values()), 'difference')} from {self.report.source_name}"
        kept = self._kept()
        return f"{records}: {found}{'; not encoded anew, kept as it came: ' if kept else ''}{', '.join(kept)}"

    def _kept(self) -> list[str]:
        """What was not encoded anew, in words."""
        if not self.in_canonical_form:
            return []
        kept = [(sum(self.kept_cells.values()), "cell"), (self.kept_records, "record")]
        kept += [(self.report.counts.get((code, ""), 0), noun) for code, noun in _OUTSIDE_OF_RECORDS.items()]
        return [counted(number, noun) for number, noun in kept if number]

    def _has_copied_header(self) -> bool:
        """Was there a row of names, which is no record and was copied?"""
        form = self.layout.file
        has_header = form.kind == "delimited" and form.dialect.header
        return self.in_canonical_form and has_header and self.report.bytes_count > 0

    def _unverifiable(self) -> list[Total]:
        totals = self.report.totals if self.in_canonical_form else ()
        return [total for total in totals if total.status == "unverifiable"]

    def _quoted(self, path: str, raw: bytes) -> str:
        is_separator = "." not in path and raw in _SEPARATOR_NAMES
        return _SEPARATOR_NAMES[raw] if is_separator else f'"{self._shown(path, raw)}"'

    def _shown(self, path: str, raw: bytes) -> str:
        record, _, name = path.partition(".")
        found = self.layout.by_name.get(record)
        # Bytes beyond a record's fields may be the sensitive ones, moved.
        fields = () if found is None else (found.by_name[name],) if name in found.by_name else found.fields
        is_sensitive = bool(raw.strip()) and any(one.sensitive for one in fields)
        return MASK * len(raw) if is_sensitive else text_of(raw, self.layout.file.codec)


def rewrite(
    source: Path | BinaryIO,
    target: Path | BinaryIO,
    layout: Layout,
    *,
    direction: Direction = "request",
    in_canonical_form: bool = False,
    source_name: str = "",
    on_block: Callable[[int], None] | None = None,
) -> Rewriting:
    """Read `source` and write it to `target`. A file appears complete or not at all, and may be that which is read.

    `on_block` is as for `Reading`.

    Raises ReadingError when the source cannot be read and OSError when the target cannot be written. Wrong data is
    copied as it came.
    """
    name = source_name or str(source)
    reading = Reading(source, layout, direction=direction, values=False, source_name=name, on_block=on_block)
    hashed = hashlib.sha256()
    tally = _Tally()
    bytes_count = 0
    with opened(target) as sink:
        for block, is_last in _with_last(reading):
            content = block.buffer.tobytes()
            if in_canonical_form:
                content = _in_canonical_form(block, layout, direction, tally, ends_file=is_last)
            sink.write(content)
            hashed.update(content)
            bytes_count += len(content)
    return Rewriting(
        layout=layout,
        report=reading.report,
        sha256=hashed.hexdigest(),
        bytes_count=bytes_count,
        in_canonical_form=in_canonical_form,
        differences=tally.differences,
        counts=tally.counts,
        kept_cells=tally.kept_cells,
        kept_records=tally.kept_records,
    )


@dataclass
class _Tally:
    """What the blocks of a file had, together."""

    differences: list[Difference] = field(default_factory=list)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    kept_cells: dict[str, int] = field(default_factory=dict)
    kept_records: int = 0

    def add(self, found: Rewritten) -> None:
        for one in found.differences:
            if self.counts.get((one.path, one.reason), 0) < EXAMPLES_MAX:
                self.differences.append(one)
        for key, count in found.counts.items():
            self.counts[key] = self.counts.get(key, 0) + count
        for path, count in found.kept_cells.items():
            self.kept_cells[path] = self.kept_cells.get(path, 0) + count
        self.kept_records += found.kept_records


def _in_canonical_form(
    block: Block,
    layout: Layout,
    direction: Direction,
    tally: _Tally,
    *,
    ends_file: bool,
) -> bytes:
    """A block's records encoded anew; what lies before the first and after the last (a header row, ^Z) as it came."""
    count = len(block.starts)
    if not count:
        return block.buffer.tobytes()
    has_separator = int(block.ends[-1]) > int(block.starts[-1]) + int(block.lengths[-1])
    if int(block.lengths[-1]) == RECORD_BYTES_MAX and not has_separator and layout.file.separator != "none":
        count -= 1  # the beginning of an endless record
        tally.kept_records += 1
    if not count:
        return block.buffer.tobytes()
    first, last = int(block.starts[0]), int(block.ends[count - 1])
    whole = block.buffer[first:last].tobytes()
    found = canonical.rewrite(
        whole,
        layout,
        direction,
        first_record=block.first_record,
        offset=block.offset + first,
        # Behind the last record lines that are none are kept: without its separator it would take theirs.
        is_to_the_end=ends_file and count == len(block.starts),
        ends_file=ends_file and count == len(block.starts) and not set(block.buffer[last:].tolist()) - {END_MARK},
    )
    tally.add(found)
    return block.buffer[:first].tobytes() + found.raw + block.buffer[last:].tobytes()


def _with_last(blocks: Iterable[Block]) -> Iterator[tuple[Block, bool]]:
    """Each block, and whether it is the last one."""
    before = None
    for block in blocks:
        if before is not None:
            yield before, False
        before = block
    if before is not None:
        yield before, True


# What is no record, and is copied: the code of its finding, and what it is.
_OUTSIDE_OF_RECORDS = {
    "TR-L106": "byte order mark",
    "TR-L107": "empty line",
    "TR-L108": "end-of-file character",
}
# How a separator, or the lack of one, is shown.
_SEPARATOR_NAMES = {b"": "nothing", b"\n": "LF", b"\r\n": "CRLF", b"\r": "CR"}
# Differences shown of one kind, from the blocks in which the kind is met first; all are counted.
EXAMPLES_MAX = 20
