"""The library for programs: load a layout, read files by it, write files by it.

    layout = tracciati.load("visure.toml")
    batches = layout.read("RV_20260301_001.txt")
    for batch in batches:
        frame = batch.to_pandas("richiesta")
    if not batches.report.is_clean:
        print(batches.report.to_text())
    layout.write([("testa", head), ("richiesta", frame), ("coda", 1)], "again.txt")

What is wrong in a file is never raised: it is in the report. Values keep their kind: identifiers keep their zeros,
amounts are exact decimals, days are days, what is missing is null.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pyarrow as pa

from tracciati import declare
from tracciati.errors import DoesNotFit, UnknownName
from tracciati.reading import Block, Reading
from tracciati.target import opened
from tracciati.writing import Writer, Written

if TYPE_CHECKING:
    import pandas as pd

    from tracciati import layout as values
    from tracciati.findings.report import Report
    from tracciati.layout import Direction


def load(path: str | Path) -> Layout:
    """The layout that a TOML file declares.

    Raises LayoutError with every problem at once, each with its line and what to do; ReadingError when the file cannot
    be read.

    >>> layout = load("layouts/banca-demo/visure.toml")
    >>> layout.name.partition("#")[0], layout.records
    ('banca-demo-visure@2.0.0', ('testa', 'richiesta', 'fattura', 'coda'))
    """
    return Layout(declare.load(Path(path)))


@dataclass(frozen=True)
class Layout:
    """A layout, with what can be done by it. `declared` has all that its text says."""

    declared: values.Layout

    @property
    def name(self) -> str:
        """Its id, version and the beginning of its fingerprint."""
        return self.declared.name

    @property
    def records(self) -> tuple[str, ...]:
        """Names of its record types, in the order in which they are declared."""
        return tuple(self.declared.by_name)

    def read(
        self, source: str | Path | bytes | BinaryIO, *, direction: Direction = "request", reveal: bool = False
    ) -> Batches:
        """Read a file, batch by batch, and check all of it.

        source     a path, the bytes, or an open binary file
        direction  which of the layout's structures the file has
        reveal     show sensitive values in the report; they are masked otherwise

        Raises ReadingError when the source cannot be read, or the layout has no such direction.

        >>> layout = load("layouts/banca-demo/visure.toml")
        >>> batches = layout.read(b"garbage")
        >>> [len(batch) for batch in batches], batches.report.is_clean
        ([1], False)
        """
        given = Path(source) if isinstance(source, str) else source
        return Batches(self.declared, Reading(given, self.declared, direction=direction, reveal=reveal), direction)

    def write(
        self,
        records: Iterable[tuple[str, pd.DataFrame | pa.Table | Mapping[str, Sequence[Any]] | int]],
        target: str | Path | BinaryIO,
        *,
        direction: Direction = "request",
    ) -> Written:
        """Write a new file.

        records  in the order of the file: name of a record type, and its values by field (n rows), or how many
                 records there are; constants, sequences, repeated fields and totals are filled in, fields of which
                 nothing is said have no value
        target   a path, which has the file complete or not at all, or a binary stream

        Raises DoesNotFit, naming row, field and value, rather than cut or round, and for a column shorter than another;
        WritingError for records in an order that the layout does not have; UnknownName for a record or a field that it
        does not have.

        >>> import io
        >>> layout, sink = load("layouts/banca-demo/visure.toml"), io.BytesIO()
        >>> head = {"cliente": ["PROVA"], "data_flusso": ["2026-03-01"], "numero": [1]}
        >>> asked = {"riferimento": ["R1"], "servizio": ["VIS2"], "codice_fiscale": ["XXXYYY80A01Z999H"]}
        >>> asked["importo_max"] = ["12.50"]
        >>> written = layout.write([("testa", head), ("richiesta", asked), ("coda", 1)], sink)
        >>> written.records_count, sink.getvalue()[404:428]
        (3, b'990000001000000000001250')
        """
        given = Path(target) if isinstance(target, str) else target
        with opened(given) as sink:
            writer = Writer(sink, self.declared, direction)
            for name, content in records:
                columns, count = self._columns(name, content)
                writer.add(name, columns, count)
            return writer.close()

    def _columns(self, name: str, content: Any) -> tuple[dict[str, pa.Array], int]:
        if name not in self.declared.by_name:
            raise UnknownName(f"{self.name} has no record type", name, self.declared.by_name)
        if isinstance(content, int):
            return {}, content
        if isinstance(content, pa.Table):
            columns = {key: content.column(key) for key in content.column_names}
        else:
            columns = {str(key): pa.array(content[key], from_pandas=True) for key in content}
        record = self.declared.by_name[name]
        for key in columns:
            if key not in record.by_name:
                raise UnknownName(f"record {name} has no field", key, record.by_name)
        if not columns:
            return columns, 0
        short, long = (of(columns, key=lambda key: len(columns[key])) for of in (min, max))
        count, rows = len(columns[short]), len(columns[long])
        if count < rows:
            raise DoesNotFit(
                f"{name}.{short}", count, None, f"has {count} values, and {long} has {rows}: give one a row"
            )
        return columns, rows


class Batches:
    """The batches of one file, in its order; `report` is complete once they have been gone through."""

    def __init__(self, declared: values.Layout, reading: Reading, direction: Direction) -> None:
        self._declared, self._reading, self._direction = declared, reading, direction

    def __iter__(self) -> Iterator[Batch]:
        for block in self._reading:
            yield Batch(self._declared, block, self._direction)

    @property
    def report(self) -> Report:
        """Everything that was found in the file."""
        return self._reading.report


@dataclass(frozen=True)
class Batch:
    """Some hundreds or thousands of records of a file, as they lie in it."""

    declared: values.Layout
    block: Block
    direction: Direction

    def __len__(self) -> int:
        return len(self.block.starts)

    def to_arrow(self, record: str) -> pa.Table:
        """The records of one type, one row each; `record_number` counts from 1 over the whole file.

        A value that cannot be read is null, and `is_bad` says of each record whether something is wrong with it.
        Raises UnknownName when the layout has no such record type.
        """
        if record not in self.declared.by_name:
            raise UnknownName(f"{self.declared.name} has no record type", record, self.declared.by_name)
        table = self.block.tables.get(record)
        rows = np.empty(0, np.int64) if table is None else table.rows.astype(np.int64)
        columns = {
            "record_number": pa.array(rows + self.block.first_record + 1),
            "is_bad": pa.array(self.block.bad[rows]),
        }
        if table is None:
            from tracciati.reading.columns import arrow_type

            fields = self.declared.by_name[record].fields_in(self.direction)
            absent = {one.name: pa.array([], arrow_type(one)) for one in fields if one.base != "filler"}
            return pa.table({**columns, **absent})
        return pa.table({**columns, **table.columns})

    def to_pandas(self, record: str) -> pd.DataFrame:
        """As `to_arrow`, as a DataFrame of Arrow columns, which keep zeros, cents and nulls exactly."""
        import pandas as pd

        found: pd.DataFrame = self.to_arrow(record).to_pandas(types_mapper=pd.ArrowDtype)
        return found
