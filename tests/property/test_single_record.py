"""The engine against independent code: what `fixedwidth` reads and writes record by record, the bases do in columns."""

from __future__ import annotations

import string
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from fixedwidth.fixedwidth import FixedWidth
from hypothesis import given, settings
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


FORMS: dict[str, Field] = {
    "text": field("text", 8),
    "digits": field("digits", 8),
    "const": field("const", 8, value="COSTANTE"),
    "integer": field("integer", 8),
    "decimal": field("decimal", 8, scale=2),
    "decimal with a point": field("decimal", 8, scale=2, mark="."),
    "decimal with a comma": field("decimal", 8, scale=2, mark=","),
    "date": field("date", 8, format="yyyyMMdd"),
    "date with marks": field("date", 8, format="dd/MM/yy", pivot=50),
}
NEAR = {
    "text": "ROSSI àèì'  ",
    "const": "COSTANTE ",
    "decimal with a point": "0123456789. ",
    "decimal with a comma": "0123456789, ",
    "date with marks": "0123456789/ ",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("codec", ["ascii", "iso8859-1", "cp1252", "utf-8"])
def test_what_the_engine_reads_of_any_bytes_the_other_library_reads_alike(form: str, codec: str) -> None:
    one = FORMS[form]
    near = st.text(NEAR.get(form, "0123456789 "), min_size=8, max_size=8).map(
        lambda text: text.encode(codec, "replace")[:8]
    )
    days = st.dates(date(1950, 1, 1), date(2049, 12, 31)).map(
        lambda day: (f"{day:%d/%m/%y}" if "marks" in form else f"{day:%Y%m%d}").encode()
    )

    @settings(max_examples=60)
    @given(st.one_of(st.binary(min_size=8, max_size=8), near, days))
    def holds(raw: bytes) -> None:
        cells, module = np.frombuffer(raw, np.uint8).reshape(1, -1), bases.of(one.base)
        column = module.read(cells, one, None, codec=codec)
        (ours,) = module.arrow(cells, column, one, codec, None).to_pylist()
        theirs = single.read(raw, Record("riga", 0, (one,), {}), codec=codec)
        # The other library is laxer (" 12", "+12", digits of other scripts), never stricter; it drops blanks in front.
        if ours is not None:
            assert theirs.values["campo"] == (ours.strip(" ") if isinstance(ours, str) else ours)

    holds()


def test_every_base_that_the_library_has_is_compared() -> None:
    assert {one.base for one in FORMS.values()} == set(BASES) - set(single.LACKS)


def _type_of(base: str) -> str:
    length = {"codice_fiscale": 16, "partita_iva": 11}.get(base, 8)
    more = {"date": {"format": "yyyyMMdd"}, "decimal": {"mark": ".", "scale": 2}}.get(base, {})
    config = single.fixedwidth_config(Record("riga", 0, (field(base, length, **more),), {}))
    kind: str = config["campo"]["type"]
    return kind


def test_the_list_of_bases_that_the_library_lacks_is_true() -> None:
    types = set(FixedWidth({}).format_functions)
    has = [base for base in BASES if base not in single.LACKS]
    # Each of its types is used for a base; what it lacks is a plain string to it, and no type of it is left for that.
    assert {_type_of(base) for base in has} == types
    assert {_type_of(base) for base in single.LACKS} == {"string"}
    assert not types & {"filler", "codice_fiscale", "partita_iva", "check"}
    for base, wrong in (
        ("codice_fiscale", b"RSSMRA85T10H501A"),
        ("partita_iva", b"00743110158"),
        ("filler", b"\x01 x"),
    ):
        carried = single.read(wrong, Record("riga", 0, (field(base, len(wrong)),), {}))
        assert carried.values == {"campo": wrong.decode()}
    with pytest.raises(DoesNotFit):  # a constant it has: a value written into the configuration
        single.write({"campo": "ALTRO"}, Record("riga", 0, (field("const", 5, value="FISSO"),), {}))


def _read_by_the_library(raw: str, **config: Any) -> Any:
    place = {"required": False, "start_pos": 1, "length": len(raw), "alignment": "right", "padding": "0"}
    reader = FixedWidth({"campo": {**place, **config}})
    reader.line = raw
    return reader.data["campo"]


def test_the_list_of_forms_that_the_library_lacks_is_true() -> None:
    implied = _read_by_the_library("0001250", type="decimal", precision=2)
    with pytest.raises(ArithmeticError):
        _read_by_the_library("0012,50", type="decimal", precision=2)
    for text in ("0005-", "000N"):
        with pytest.raises(ValueError):
            _read_by_the_library(text, type="integer")
    days = [_read_by_the_library(text, type="date", format="%y%m%d", pivot=0) for text in ("680101", "690101")]
    lacks = {
        "integer, decimal: signed": True,  # neither after the digits nor in the last one
        "decimal: implied": implied == Decimal(1250),  # not 12.50
        "decimal: comma": True,
        "date: yy with a pivot": [day.year for day in days] == [2068, 1969],  # its own, whatever is declared
    }
    assert lacks == dict.fromkeys(single.LACKS_FORMS, True)


@pytest.mark.parametrize("codec", ["iso8859-1", "cp1252", "utf-8"])
@pytest.mark.parametrize("text", ["NICOLA'", "CITTÀ", "città", "a\N{NO-BREAK SPACE}", "e così…"])
def test_a_letter_whose_last_byte_looks_like_a_blank_keeps_it(text: str, codec: str) -> None:
    try:
        raw = text.encode(codec).ljust(12)
    except UnicodeEncodeError:
        return  # this encoding has no such character
    record = Record("riga", 0, (field("text", 12),), {})
    assert single.read(raw, record, codec=codec).values == {"campo": text}
    assert single.write({"campo": text}, record, codec=codec) == raw


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
