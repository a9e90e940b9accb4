"""Measure writing: a file of a million records from Arrow columns, and its copy, beside reading it.

    python bench/make_file.py /tmp/pratiche.txt
    python bench/write.py /tmp/pratiche.txt

One core, processor time. Block by block the file is read (all checks, into Arrow columns), written anew from these
columns and copied, so that the ratios hold whatever else the machine is doing. What is written must be the file,
byte for byte; it goes into memory. Nobody hashes.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tracciati import bases, declare
from tracciati.layout import Layout
from tracciati.reading import Block, Reading
from tracciati.writing import Writer

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

LAYOUT = Path(__file__).with_name("pratiche.toml")
ROUNDS = 3


class Pieces(io.BytesIO):
    """Keeps what is written as it came, without ever moving it."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []

    def write(self, part: ReadableBuffer, /) -> int:
        """Append a piece."""
        self.pieces.append(bytes(part))
        return len(self.pieces[-1])


class Watch:
    """Processor seconds by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def run(self, name: str, work: Callable[[], object]) -> object:
        """Do it, and add up how long it took."""
        begun = time.process_time()
        done = work()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - begun
        return done


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    path = parser.parse_args().path
    layout = declare.load(LAYOUT)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, seconds in measure(path, layout, sha256).items():
            best[name] = min(seconds, best.get(name, seconds))
    reading = best["read"]
    for name, seconds in best.items():
        print(f"{name:24} {seconds:6.3f} s a million records   {seconds / reading:5.2f} x reading")


def measure(path: Path, layout: Layout, sha256: str) -> dict[str, float]:
    """Seconds a million records: read, add, copy, and the cells of each field alone."""
    watch = Watch()
    reading = iter(Reading(path, layout, unit="pratica", sha256=sha256))  # neither hashes
    count = 0
    sinks = {"add": Pieces(), "copy": Pieces()}
    anew, copied = (Writer(sink, layout, "request") for sink in sinks.values())
    while isinstance(block := watch.run("read", partial(next, reading, None)), Block):
        watch.run("add", partial(add, anew, block, layout))
        watch.run("copy", partial(copied.copy, block.buffer.data, {}, [0, len(block.buffer)]))
        cells(watch, block, layout)
        count += len(block.types)
    for name, writer in (("add", anew), ("copy", copied)):
        watch.run(name, writer.close)
        assert hashlib.sha256(b"".join(sinks[name].pieces)).hexdigest() == sha256, f"{name} wrote another file"
    return {name: seconds / count * 1_000_000 for name, seconds in watch.seconds.items()}


def add(writer: Writer, block: Block, layout: Layout) -> None:
    """Every record of the block made anew from its values."""
    for record in layout.records:
        table = block.tables.get(record.name)
        if table is not None and len(table.rows):
            writer.add(record.name, table.columns, len(table.rows))


def cells(watch: Watch, block: Block, layout: Layout) -> None:
    """The cells of each field alone, from Arrow to bytes."""
    record = layout.records[0]
    table = block.tables.get(record.name)
    if table is None:
        return
    for field in record.fields:
        if field.name in table.columns:
            write = partial(bases.of(field.base).write, table.columns[field.name], field, layout.file.codec)
            watch.run(f"  {field.name}", write)


if __name__ == "__main__":
    main()
