"""Errors: what the world or a wrong layout does to us. Wrong data in a file is never here: it is a finding.

TracciatiError
├── LayoutError     the layout contradicts itself; holds every problem at once
├── DoesNotFit      a value cannot be written into its field; nothing was cut
├── UnknownName     a record type or field that the layout does not have
├── ConversionError data that cannot become a file of the layout
├── WritingError    records that cannot make a file of the layout: order, unknown types, a total without value
├── ReadingError    the file cannot be opened or read
├── MissingPackage  something needs a package that is not installed
└── NothingToInfer  samples of which no layout can be proposed
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable
from dataclasses import dataclass


class TracciatiError(Exception):
    """Base of all errors of this library. `hint` says what to do next."""

    hint: str = ""


@dataclass(frozen=True)
class Problem:
    """One mistake in a layout or feed: where (line and column from 1, 0 when unknown) and what, with the remedy."""

    line: int
    column: int
    text: str
    hint: str = ""


class LayoutError(TracciatiError):
    """A layout or feed that cannot be used. `problems` has all of them, in the order of the text."""

    def __init__(self, name: str, problems: tuple[Problem, ...]) -> None:
        self.name = name
        self.problems = problems
        lines = []
        for p in problems:
            lines.append(f"{name}:{p.line}:{p.column}: {p.text}")
            if p.hint:
                lines.append(f"  do: {p.hint}")
        super().__init__("\n".join(lines))


class DoesNotFit(TracciatiError):
    """A value cannot be written into its field.

    row    index of the value in the column that was being written
    path   `record.field`
    """

    def __init__(self, path: str, row: int, value: object, why: str) -> None:
        self.path, self.row, self.value, self.why = path, row, value, why
        super().__init__(f"{path}, row {row + 1}: {why}")


class ConversionError(TracciatiError):
    """Data (JSON lines, CSV, Parquet) that cannot become a file of a layout. Nothing was written.

    source  how messages call the data
    place   line or row in them; "" for all of them
    """

    def __init__(self, source: str, place: str, cause: str, hint: str = "") -> None:
        self.source, self.place, self.hint = source, place, hint
        super().__init__(f"{source}, {place}: {cause}" if place else f"{source}: {cause}")


class UnknownName(TracciatiError):
    """A record type or a field was asked for that the layout does not have."""

    def __init__(self, said: str, name: str, known: Iterable[str]) -> None:
        self.name = name
        known = list(known)
        near = difflib.get_close_matches(name, known, 1)
        self.hint = f"did you mean `{near[0]}`?" if near else f"it has: {', '.join(known)}"
        super().__init__(f"{said} `{name}`; {self.hint}")


class WritingError(TracciatiError):
    """The records given to a writer do not make a file of the layout. What was written before is no whole file."""

    def __init__(self, layout: str, record_number: int, cause: str, hint: str = "") -> None:
        self.layout, self.record_number, self.hint = layout, record_number, hint
        super().__init__(f"cannot write record {record_number} of a file in {layout}: {cause}")


class ReadingError(TracciatiError):
    """The file cannot be opened or read: the operation, the path and the system's own words."""

    def __init__(self, operation: str, path: str, cause: str, hint: str = "") -> None:
        self.operation, self.path, self.hint = operation, path, hint
        super().__init__(f"cannot {operation} {path}: {cause}")


class MissingPackage(TracciatiError):
    """Something was asked for that needs a package which comes with an extra of ours, and is not installed."""

    def __init__(self, what: str, package: str, extra: str, otherwise: str) -> None:
        self.package = package
        command = f"{sys.executable} -m pip install {package}"
        self.hint = f"install it: `{command}` (it is in the extra `{extra}`); {otherwise}"
        super().__init__(f"{what} needs the Python package {package}, which is not installed")


class NothingToInfer(TracciatiError):
    """Samples of which no layout can be proposed: empty ones, or bytes that are no text."""

    def __init__(self, names: Iterable[str], cause: str, hint: str = "") -> None:
        self.hint = hint
        super().__init__(f"cannot propose a layout for {', '.join(names)}: {cause}")
