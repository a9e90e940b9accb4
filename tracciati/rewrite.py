"""Rewrite: read a file and write it again, as it is or in canonical form.

As it is proves that nothing is lost: the blocks, joined, are the file. Canonical proves the codecs: every field is
encoded anew from its value, and each cell that comes out otherwise is a difference with a name.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tracciati.convert import text_of
from tracciati.findings.places import MASK
from tracciati.reading import Reading
from tracciati.writing import canonical

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracciati.findings.report import Report
    from tracciati.layout import Direction, Layout
    from tracciati.reading import Block
    from tracciati.writing.canonical import Difference


@dataclass
class Rewriting:
    """What came of it.

    differences  examples, at most `canonical.rewrite`'s number for each (path, reason), sensitive texts masked
    counts       (path, reason) -> how many there are
    sha256       of what was written; `report.sha256` is that of what was read
    """

    layout: Layout
    report: Report
    sha256: str = ""
    bytes_count: int = 0
    differences: list[Difference] = field(default_factory=list)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def is_same(self) -> bool:
        """Was the same file written, byte for byte?"""
        return self.sha256 == self.report.sha256

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
            "differences": [
                {
                    "record_number": one.record_number,
                    "path": one.path,
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
            before, after = self._shown(one.path, one.raw), self._shown(one.path, one.canonical)
            lines.append(f'record {one.record_number}: {one.path}: {one.reason}: "{before}" -> "{after}"')
        for key, count in sorted(self.counts.items()):
            if count > shown.get(key, 0):
                lines.append(f"and {count - shown.get(key, 0)} more of {key[0]}: {key[1]}: {count} in all")
        return "\n".join([*lines, self.summary()])

    def summary(self) -> str:
        """One line: what was written, and whether it is the same."""
        records = f"{self.report.records_count} records, {self.bytes_count} bytes"
        if self.is_same:
            return f"{records}: byte for byte the same (SHA-256 {self.sha256})"
        count = sum(self.counts.values())
        return f"{records}: {count} {'difference' if count == 1 else 'differences'} from {self.report.source_name}"

    def _shown(self, path: str, raw: bytes) -> str:
        record, _, name = path.partition(".")
        found = self.layout.by_name.get(record)
        is_sensitive = found is not None and name in found.by_name and found.by_name[name].sensitive
        return MASK * len(raw) if is_sensitive else text_of(raw, self.layout.file.codec)


def rewrite(
    source: Path, target: Path, layout: Layout, *, direction: Direction = "request", in_canonical_form: bool = False
) -> Rewriting:
    """Read `source` and write it to `target`, which appears complete or not at all.

    Raises ReadingError when the source cannot be read and OSError when the target cannot be written. Wrong data is
    copied as it came.
    """
    reading = Reading(source, layout, direction=direction, values=False, source_name=str(source))
    hashed = hashlib.sha256()
    differences: list[Difference] = []
    counts: dict[tuple[str, str], int] = {}
    bytes_count = 0

    def fill(sink: BinaryIO) -> None:
        nonlocal bytes_count
        for block in reading:
            content = block.buffer.tobytes()
            if in_canonical_form and len(block.starts):
                content = _in_canonical_form(block, layout, direction, differences, counts)
            sink.write(content)
            hashed.update(content)
            bytes_count += len(content)

    _write_whole(target, fill)
    return Rewriting(layout, reading.report, hashed.hexdigest(), bytes_count, differences, counts)


def _in_canonical_form(
    block: Block,
    layout: Layout,
    direction: Direction,
    differences: list[Difference],
    counts: dict[tuple[str, str], int],
) -> bytes:
    """A block's records encoded anew; what lies before the first and after the last (a header row, ^Z) as it came."""
    first, last = int(block.starts[0]), int(block.ends[-1])
    if (
        layout.file.kind == "delimited"
        and block.buffer[first - 1 : first].tobytes() == layout.file.dialect.quote.encode()
    ):
        first -= 1  # a record that begins with a quoted cell begins at the quote
    whole = block.buffer[first:last].tobytes()
    found = canonical.rewrite(whole, layout, direction, first_record=block.first_record)
    for one in found.differences:
        key = (one.path, one.reason)
        if counts.get(key, 0) < EXAMPLES_MAX:
            differences.append(one)
    for key, count in found.counts.items():
        counts[key] = counts.get(key, 0) + count
    return block.buffer[:first].tobytes() + found.raw + block.buffer[last:].tobytes()


# Differences shown of one kind, from the blocks in which the kind is met first; all are counted.
EXAMPLES_MAX = 20


def _write_whole(target: Path, fill: Callable[[BinaryIO], None]) -> None:
    """Write beside the target and rename: a half-written file never has the target's name."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as sink:
            fill(sink)
        umask = os.umask(0)
        os.umask(umask)
        beside.chmod(0o666 & ~umask)  # as an ordinary new file; mkstemp makes private ones
        beside.replace(target)
    except BaseException:
        beside.unlink()
        raise
