"""Taking: values out of JSON lines, CSV and Parquet, some thousand rows at a time, as columns of Arrow.

Cells of JSON and CSV stay texts: what a text means is for the field that is to hold it. An amount is never a float, not
even where JSON writes it as a number. An empty cell is no value.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tracciati.errors import ConversionError
from tracciati.limits import JSON_LINE_BYTES_MAX, TAKEN_BYTES, TAKEN_ROWS
from tracciati.wording import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DESCRIBED = "write it as `tracciati convert --to jsonl` does"


@dataclass(frozen=True)
class Portion:
    """Some rows of one record type.

    record   its name; "" where the data do not say
    columns  by name, one value per row
    word     what a row is counted as: line, row
    numbers  int64 (n,): the number of each, rising; rows of other portions may stand between them
    """

    record: str
    columns: Mapping[str, pa.Array]
    word: str
    numbers: NDArray[np.int64]

    @property
    def first(self) -> str:
        """How messages name the first row."""
        return self.at(0)

    def at(self, row: int) -> str:
        """How messages name a row."""
        return f"{self.word} {self.numbers[row]}"

    def slice(self, start: int, stop: int) -> Portion:
        """Some of its rows."""
        columns = {name: column.slice(start, stop - start) for name, column in self.columns.items()}
        return replace(self, columns=columns, numbers=self.numbers[start:stop])


@dataclass(frozen=True)
class Source:
    """Data that are taken. name: how messages call it. on_bytes: is told how many bytes have been read."""

    stream: BinaryIO
    name: str
    on_bytes: Callable[[int], object] = lambda _: None

    def wrong(self, place: str, why: str, hint: str = "") -> ConversionError:
        """The error for something in these data. place: "line 3", or "" for all of it."""
        return ConversionError(self.name, place, why, hint)


def json_lines(source: Source) -> Iterator[list[Portion]]:
    """Records as `to_json_lines` writes them, some thousand a list: those of one type with the same names together.

    Raises ConversionError for a line that is no such record, and for a record that is marked as bad.
    """
    number = done = 0
    while True:
        found: dict[tuple[str, tuple[str, ...]], tuple[list[int], list[list[str | None]]]] = {}
        for _ in range(TAKEN_ROWS):
            line = source.stream.readline(JSON_LINE_BYTES_MAX + 1)
            if not line:
                break
            number += 1
            done += len(line)
            record, values = _record_of(source, line, number)
            numbers, rows = found.setdefault((record, tuple(values)), ([], []))
            numbers.append(number)
            rows.append([_text(source, number, record, name, value) for name, value in values.items()])
        if not found:
            return
        yield [_portion(*kind, *those) for kind, those in found.items()]
        source.on_bytes(done)


def _portion(record: str, names: tuple[str, ...], numbers: list[int], rows: list[list[str | None]]) -> Portion:
    columns = zip(*rows, strict=True) if names else ()
    made = {name: pa.array(column, pa.string()) for name, column in zip(names, columns, strict=True)}
    return Portion(record, made, "line", np.array(numbers, np.int64))


def _record_of(source: Source, line: bytes, number: int) -> tuple[str, dict[str, Any]]:
    place = f"line {number}"
    if len(line) > JSON_LINE_BYTES_MAX:
        raise source.wrong(place, f"it has more than {JSON_LINE_BYTES_MAX:,} bytes", "give one record a line")
    try:
        told = json.loads(
            line.decode("utf-8-sig" if number == 1 else "utf-8"), parse_float=str, parse_int=str, parse_constant=str
        )
    except UnicodeDecodeError:
        raise source.wrong(place, "it is no UTF-8 text", "name a file of JSON lines in UTF-8") from None
    except (ValueError, RecursionError) as problem:
        why = "it is empty" if not line.strip() else f"it is no JSON: {problem}"
        raise source.wrong(place, why, f"give one record a line: {_DESCRIBED}") from None
    values = told.get("values") if isinstance(told, dict) else None
    if not isinstance(values, dict):
        raise source.wrong(place, "it is no object with `record` and `values`", _DESCRIBED)
    if told.get("bad"):
        which = f" (record {told['number']})" if "number" in told else ""
        hint = "put right what is wrong in its `values` and take `bad` and `raw` out, or leave the line out"
        raise source.wrong(place + which, "the record is marked as bad: its values are not all there", hint)
    record = told.get("record")
    if not isinstance(record, str):
        raise source.wrong(place, "it does not say its record type", _DESCRIBED)
    return record, values


def _text(source: Source, number: int, record: str, name: str, value: object) -> str | None:
    """A value of JSON as the text of a cell; numbers are texts already."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    kind = "a list" if isinstance(value, list) else "an object"
    raise source.wrong(f"line {number}", f"{record}.{name}: {kind} is no value of a field", _DESCRIBED)


def csv(source: Source, known: Iterable[str]) -> Iterator[list[Portion]]:
    """Rows of a CSV as `to_csv` writes it: UTF-8, commas, a header row of names. Empty lines are no rows.

    known  names of columns that there may be: what they hold stays text

    Raises ConversionError for what is none.
    """
    short: list[Any] = []

    def refused(row: Any) -> str:
        short.append(row)
        return "error"

    done = 0
    try:
        reader = _open_csv(source, known, refused)
        names = _names(source, reader.schema.names)
        for batch in reader:
            yield [_rows(dict(zip(names, batch.columns, strict=True)), done, batch.num_rows)]
            done += batch.num_rows
        if not done:
            yield [_rows({name: pa.nulls(0) for name in names}, 0, 0)]
    except pa.ArrowInvalid as problem:
        if short:
            row = short[0]
            why = f"it has {counted(row.actual_columns, 'cell')}, the header row {row.expected_columns}"
            place = f"row {row.number - 1}" if row.number else "a row"
            hint = "commas part the cells; a value that holds one stands in double quotes"
            raise source.wrong(place, why, hint) from None
        why, hint = f"it is no CSV: {problem}", "write it with commas and a header row of field names, in UTF-8"
        raise source.wrong(f"after row {done}" if done else "", why, hint) from None


def _open_csv(source: Source, known: Iterable[str], refused: Callable[[Any], str]) -> Any:
    return pyarrow.csv.open_csv(
        pa.PythonFile(_Texts(source), "r"),
        read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=TAKEN_BYTES),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=refused),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(known, pa.string()), null_values=[""], strings_can_be_null=True
        ),
    )


class _Texts:
    """The bytes of a CSV on their way, which must be UTF-8: read like a file."""

    closed = False

    def __init__(self, source: Source) -> None:
        self._source = source
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._done = 0

    def read(self, size: int = -1) -> bytes:
        """Some bytes. Raises ConversionError where they are no UTF-8."""
        part = self._source.stream.read(size)
        try:
            self._decoder.decode(part, final=not part)
        except UnicodeDecodeError:
            place = f"behind byte {self._done}" if self._done else ""
            hint = "save it as CSV in UTF-8 (it may be cp1252 now, or no CSV at all)"
            raise self._source.wrong(place, "it is no UTF-8 text", hint) from None
        self._done += len(part)
        self._source.on_bytes(self._done)
        return part

    def close(self) -> None:
        """Nothing: whoever opened the stream closes it."""


def parquet(source: Source) -> Iterator[list[Portion]]:
    """Rows of a Parquet file.

    Raises ConversionError for what is none.
    """
    with _refusing(source):
        file = pyarrow.parquet.ParquetFile(source.stream)
        names = _names(source, file.schema_arrow.names)
        done = 0
        for batch in file.iter_batches(batch_size=TAKEN_ROWS):
            yield [_rows(dict(zip(names, batch.columns, strict=True)), done, batch.num_rows)]
            done += batch.num_rows
        if not done:
            yield [_rows({name: pa.nulls(0) for name in names}, 0, 0)]


def record_of_parquet(source: Source) -> str:
    """The record type that the metadata of a Parquet file say; "" when they say none. ConversionError as above."""
    with _refusing(source):
        told = pyarrow.parquet.read_schema(source.stream).metadata or {}
    source.stream.seek(0)
    record: str = told.get(b"tracciati.record", b"").decode("utf-8", "replace")
    return record


@contextmanager
def _refusing(source: Source) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as problem:
        if isinstance(problem, OSError) and problem.errno is not None:
            # The disk's, and no name in it. What pyarrow says of a file's content in an OSError has no number.
            raise OSError(problem.errno, problem.strerror, source.name) from problem
        raise source.wrong("", f"it is no Parquet file: {problem}", "name one that is whole") from None


def _rows(columns: Mapping[str, pa.Array], done: int, count: int) -> Portion:
    return Portion("", columns, "row", np.arange(done + 1, done + count + 1, dtype=np.int64))


def _names(source: Source, names: list[str]) -> list[str]:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise source.wrong("", f"two columns are named `{twice}`", "leave one of them out")
    return names
