"""The engine against independent code: what `fixedwidth` reads and writes record by record, the bases do in columns."""

from __future__ import annotations

import string
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracciati import bases, single
from tracciati.errors import DoesNotFit
from tracciati.layout import BASES, Field, Record

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

LETTERS = string.ascii_letters + string.digits + " .,;-'/àèéìòù€"


def field(base: str, length: int, **more: Any) -> Field:
    """A field at the start of its record."""
    is_number = base in ("digits", "integer", "decimal")
    form = {"align": "right", "pad": "0"} if is_number else {}
    if base in ("integer", "decimal"):
        form["digits"] = length - (1 if more.get("mark") else 0)  # type: ignore[assignment]
    return Field("campo", base, 0, length, **{**form, **more})  # type: ignore[arg-type]


@st.composite
def fields_with_values(draw: DrawFn) -> tuple[Field, list[Any], str]:
    """A field of a base that the other library has, values for it, and an encoding."""
    base = draw(st.sampled_from([b for b in BASES if b not in single.LACKS]))
    length = draw(st.integers(1, 18))
    codec = draw(st.sampled_from(["ascii", "iso8859-1", "cp1252", "utf-8"]))
    if base == "text":
        values: SearchStrategy[Any] = st.text(LETTERS, max_size=length).map(str.strip)
        fits = values.filter(lambda t: bool(t) and _size(t, codec) <= length)
        return field(base, length), draw(st.lists(fits, min_size=1, max_size=20)), codec
    if base == "digits":
        texts = st.text(string.digits, min_size=length, max_size=length)
        return field(base, length), draw(st.lists(texts, min_size=1, max_size=20)), codec
    if base == "const":
        value = draw(st.text(string.ascii_uppercase + string.digits, min_size=length, max_size=length))
        return field(base, length, value=value), [value], codec
    if base == "date":
        form = draw(st.sampled_from(["yyyyMMdd", "ddMMyyyy", "dd/MM/yyyy", "ddMMyy", "yyMMdd", "yyyy-MM-dd"]))
        pivot = draw(st.integers(1, 99)) if "yyyy" not in form else None
        first, last = (date(1000, 1, 1), date(9999, 12, 31))
        if pivot is not None:
            first, last = date(1900 + pivot, 1, 1), date(1999 + pivot, 12, 31)
        days = st.dates(first, last)
        return field(base, len(form), format=form, pivot=pivot), draw(st.lists(days, min_size=1, max_size=20)), codec
    if base == "integer":
        numbers = st.integers(0, 10**length - 1)
        return field(base, length), draw(st.lists(numbers, min_size=1, max_size=20)), codec
    return _decimals(draw, length), draw(st.just([])), codec


def _size(text: str, codec: str) -> int:
    try:
        return len(text.encode(codec))
    except UnicodeEncodeError:
        return 10**6


def _decimals(draw: DrawFn, length: int) -> Field:
    mark = draw(st.sampled_from(["", ",", "."]))
    scale = draw(st.integers(1 if mark else 0, max(1, length - 2)))
    return field("decimal", max(length, scale + 2), scale=scale, mark=mark)


@given(fields_with_values(), st.data())
def test_the_engine_writes_and_reads_what_the_other_library_writes_and_reads(
    chosen: tuple[Field, list[Any], str], data: st.DataObject
) -> None:
    one, values, codec = chosen
    if one.base == "decimal":
        units = data.draw(st.lists(st.integers(0, 10**one.digits - 1), min_size=1, max_size=20))
        values = [Decimal(unit).scaleb(-one.scale) for unit in units]
    record = Record("riga", 0, (one,), {})
    base = bases.of(one.base)

    theirs = [single.write({"campo": value}, record, codec=codec) for value in values]
    ours = base.write(pa.array(values, _arrow_type(one)), one, codec)
    assert [row.tobytes() for row in ours] == theirs

    column = base.read(ours, one, None, codec=codec)
    assert column.bad is None
    read_by_us = base.arrow(ours, column, one, codec, None).to_pylist()
    read_by_them = [single.read(raw, record, codec=codec) for raw in theirs]
    assert not any(one.unreadable for one in read_by_them)
    assert read_by_us == [one.values["campo"] for one in read_by_them]
    assert read_by_us == values


def _arrow_type(one: Field) -> pa.DataType:
    if one.base == "decimal":
        return pa.decimal128(max(one.digits, one.scale), one.scale)
    return {"integer": pa.int64(), "date": pa.date32()}.get(one.base, pa.string())


@given(st.binary(min_size=8, max_size=8), st.sampled_from(["integer", "date"]))
def test_what_the_engine_reads_the_other_library_reads_alike(raw: bytes, base: str) -> None:
    one = field(base, 8, **({"format": "yyyyMMdd"} if base == "date" else {}))
    module = bases.of(base)
    column = module.read(np.frombuffer(raw, np.uint8).reshape(1, -1), one, None, codec="ascii")
    (ours,) = module.arrow(np.frombuffer(raw, np.uint8).reshape(1, -1), column, one, "ascii", None).to_pylist()
    theirs = single.read(raw, Record("riga", 0, (one,), {}))
    # The other library is laxer (" 12", "+12", digits of other scripts), never stricter.
    if ours is not None:
        assert theirs.values["campo"] == ours


def test_the_list_of_bases_that_the_library_lacks_is_true() -> None:
    """It has the types string, integer, decimal, numeric and date; filler and checked kinds are strings to it."""
    assert set(single.LACKS) == {"filler", "codice_fiscale", "partita_iva"}
    wrong_check_character = b"RSSMRA85T10H501A"
    carried = single.read(wrong_check_character, Record("riga", 0, (field("codice_fiscale", 16),), {}))
    assert carried.values == {"campo": wrong_check_character.decode()}
    cells = np.frombuffer(wrong_check_character, np.uint8).reshape(1, -1)
    assert bases.of("codice_fiscale").read(cells, field("codice_fiscale", 16), None, codec="ascii").bad is not None


@pytest.mark.parametrize(
    ("one", "value", "why"),
    [
        (field("integer", 4), 12345, "too long"),
        (field("integer", 4), -5, "negative"),
        (field("decimal", 6, scale=2), Decimal("1.239"), "more than 2 decimals"),
        (field("text", 4), "ROSSI", "too long"),
        (field("text", 4), "Ω", "cannot be written in ascii"),
        (field("date", 8, format="yyyyMMdd"), "domani", "not of that type"),
    ],
)
def test_a_value_that_does_not_fit_one_record_is_refused_and_never_cut(one: Field, value: Any, why: str) -> None:
    with pytest.raises(DoesNotFit, match=why):
        single.write({"campo": value}, Record("riga", 0, (one,), {}))


def test_an_unreadable_field_is_named_and_the_others_are_read() -> None:
    fields = (field("integer", 4), Field("nome", "text", 4, 6))
    record = Record("riga", 0, fields, {})
    read = single.read(b"00A2ROSSI ", record)
    assert read.values == {"nome": "ROSSI"}
    assert list(read.unreadable) == ["campo"]


def test_a_field_without_value_is_read_and_written_as_its_null_text() -> None:
    one = field("integer", 4, null=("    ", "9999"))
    record = Record("riga", 0, (one,), {})
    assert single.write({"campo": None}, record) == b"    "
    assert single.read(b"9999", record).values == {"campo": None}
