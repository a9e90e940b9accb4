"""Rows of texts out of CSV and XLSX."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence

from tracciati.errors import LayoutError, MissingPackage, Problem
from tracciati.limits import IMPORT_BYTES_MAX

_DELIMITERS = ";,\t|"
_ROWS_MAX = 20_000


def of_csv(text: str, name: str) -> list[list[str]]:
    """The rows of a CSV, whose delimiter is the one that its first lines have most often."""
    head = "\n".join(text.splitlines()[:20])
    delimiter = max(_DELIMITERS, key=head.count)
    csv.field_size_limit(IMPORT_BYTES_MAX)
    try:
        return [list(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)]
    except csv.Error as wrong:
        raise LayoutError(name, (Problem(0, 0, f"this is no CSV: {wrong}", "save the table as CSV again"),)) from wrong


def of_xlsx(data: bytes, name: str, sheet: str = "") -> list[list[str]]:
    """The rows of a workbook's sheet, the first one when none is named, as texts.

    Raises MissingPackage when openpyxl is not installed, LayoutError for what is no workbook or has no such sheet.
    """
    try:
        import openpyxl
    except ModuleNotFoundError as problem:
        raise MissingPackage("XLSX", "openpyxl", "import", "or save the table as CSV") from problem
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(one.file_size for one in packed.infolist()) > 16 * IMPORT_BYTES_MAX:
                raise LayoutError(name, (Problem(0, 0, "the workbook is too large", "keep the table alone in it"),))
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except LayoutError:
        raise
    except Exception as wrong:  # openpyxl raises whatever its parsers do
        raise LayoutError(
            name, (Problem(0, 0, "this is no XLSX workbook", "save the table as XLSX, or CSV"),)
        ) from wrong
    names: Sequence[str] = book.sheetnames
    if sheet and sheet not in names:
        hint = f"it has: {', '.join(names)}"
        raise LayoutError(name, (Problem(0, 0, f"the workbook has no sheet {sheet!r}", hint),))
    rows = book[sheet or names[0]].iter_rows(values_only=True, max_row=_ROWS_MAX)
    return [["" if cell is None else str(cell) for cell in row] for row in rows]
