"""Tax numbers of customers: checked as those in files are, by form and check digit."""

from __future__ import annotations

import re

import numpy as np

from cominflow.errors import UsageError
from tracciati.bases import codice_fiscale, partita_iva
from tracciati.layout import Field

_PAPERS = "as the customer's own papers have it"


def check_vat_number(text: str) -> None:
    """UsageError when it is no partita IVA: eleven digits, the last one for checking."""
    field = Field("vat_number", "partita_iva", 0, 11)
    cell = _cell(text, field)
    if cell is None or partita_iva.read(cell, field).bad is not None:
        expected = partita_iva.diagnose(_bytes(text), field).expected_en
        raise UsageError(
            f"{text!r} is not a VAT number: expected {expected}", hint=f"give its 11 digits, without IT, {_PAPERS}"
        )


def check_fiscal_code(text: str) -> None:
    """UsageError when it is no codice fiscale: a person's sixteen characters, or a company's eleven digits."""
    field = Field("fiscal_code", "codice_fiscale", 0, 16)
    cell = _cell(text, field)
    if cell is None or codice_fiscale.read(cell, field).bad is not None:
        expected = codice_fiscale.diagnose(_bytes(text), field).expected_en
        raise UsageError(
            f"{text!r} is not a codice fiscale: expected {expected}",
            hint=f"give its 16 characters (a company: 11 digits) {_PAPERS}",
        )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _cell(text: str, field: Field) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None:
    """The text as the one cell of a file; None when it could not stand in it."""
    if field.length is None or not re.fullmatch(rf"[0-9A-Z]{{11,{field.length}}}", text):
        return None
    return np.frombuffer(text.encode("ascii").ljust(field.length), np.uint8).reshape(1, -1)
