"""Bases by example: what each kind of field takes, refuses, says about it, and writes."""

from __future__ import annotations

import datetime
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tracciati import bases
from tracciati.bases.codice_fiscale import check_character
from tracciati.errors import DoesNotFit
from tracciati.layout import BASES, Field
from tracciati.values import numerals
from tracciati.values.cells import Bytes, Column

PERSON = "RSSMRA85T10A562S"
COMPANY = "12345678903"


def field(base: str, length: int | None, **more: Any) -> Field:
    is_number = base in ("integer", "decimal", "digits")
    form: dict[str, Any] = {"align": "right", "pad": "0"} if is_number else {}
    if base in ("integer", "decimal"):
        form["digits"] = 18 if length is None else min(length, 18)
    return Field("campo", base, 0, length, **{**form, **more})  # type: ignore[arg-type]


def cells(*texts: str, codec: str = "iso8859-1") -> Bytes:
    raws = [text.encode(codec) for text in texts]
    return np.frombuffer(b"".join(raws), np.uint8).reshape(len(raws), -1)


def read(one: Field, *texts: str, codec: str = "iso8859-1") -> Column:
    column: Column = bases.of(one.base).read(cells(*texts, codec=codec), one, codec=codec)
    return column


def values(one: Field, *texts: str, codec: str = "iso8859-1") -> list[Any]:
    found = bases.of(one.base).arrow(cells(*texts, codec=codec), read(one, *texts, codec=codec), one, codec).to_pylist()
    assert isinstance(found, list)
    return found


def flags(rows: np.ndarray[Any, Any] | None) -> list[bool] | None:
    return None if rows is None else rows.tolist()


def written(one: Field, array: pa.Array, codec: str = "iso8859-1") -> list[bytes]:
    return [row.tobytes() for row in bases.of(one.base).write(array, one, codec, path="riga.campo")]


def refusal(one: Field, array: pa.Array, codec: str = "iso8859-1") -> str:
    with pytest.raises(DoesNotFit) as caught:
        bases.of(one.base).write(array, one, codec, path="riga.campo")
    return str(caught.value)


@pytest.mark.parametrize("name", BASES)
def test_every_base_has_the_same_shape(name: str) -> None:
    for verb in ("read", "diagnose", "arrow", "write", "spell", "fits"):
        assert callable(getattr(bases.of(name), verb)), verb
        assert getattr(bases.of(name), verb).__doc__


@pytest.mark.parametrize("name", [b for b in BASES if b != "filler"])
def test_no_rows_are_no_trouble(name: str) -> None:
    one = field(name, 16, format="yyyyMMdd" if name == "date" else "")
    base = bases.of(name)
    column = base.read(np.empty((0, 16), np.uint8), one)
    assert column.bad is None
    assert len(base.arrow(np.empty((0, 16), np.uint8), column, one)) == 0
    assert base.fits(pa.array([], pa.string()), one).tolist() == []


@pytest.mark.parametrize("byte", range(256))
def test_every_byte_in_every_place_of_a_number_is_a_digit_or_bad(byte: int) -> None:
    for width in (1, 3, 8, 11):
        table = np.full((width, width), ord("1"), np.uint8)
        np.fill_diagonal(table, byte)
        column = bases.of("integer").read(table, field("integer", width))
        is_digit = ord("0") <= byte <= ord("9")
        assert flags(column.bad) == (None if is_digit else [True] * width)


def test_an_unreadable_amount_is_absurd_and_not_zero() -> None:
    column = read(field("decimal", 7, scale=2), "0001250", "00012A0")
    assert column.values is not None
    assert column.values.tolist() == [1250, numerals.UNREADABLE]


def test_blank_zero_and_absent_are_three_things() -> None:
    plain, declared = field("integer", 3), field("integer", 3, null=("   ",))
    assert flags(read(plain, "000", "   ").bad) == [False, True]
    assert values(declared, "000", "   ") == [0, None]


def test_zeros_of_an_identifier_are_kept() -> None:
    assert values(field("digits", 5), "07000", "00000") == ["07000", "00000"]


def test_implied_and_written_decimals_are_exact() -> None:
    assert values(field("decimal", 7, scale=2), "0001250") == [Decimal("12.50")]
    assert values(field("decimal", 7, digits=6, scale=2, mark=","), "0012,50") == [Decimal("12.50")]
    assert flags(read(field("decimal", 7, digits=6, scale=2, mark=","), "00012.5", "001,250").bad) == [True, True]


def test_the_last_of_february_is_known_in_every_century() -> None:
    one = field("date", 8, format="yyyyMMdd")
    assert flags(read(one, "20000229", "19000229", "20240229", "20230229").bad) == [False, True, False, True]


def test_the_pivot_decides_the_century() -> None:
    one = field("date", 6, format="ddMMyy", pivot=70)
    assert [day.year for day in values(one, "010169", "010170")] == [2069, 1970]


def test_bytes_that_are_no_text_are_bad_and_accents_are_not() -> None:
    utf8 = field("text", 4)
    column = bases.of("text").read(
        np.frombuffer(b"\xc3\xa8  \xe8   \xff\xff\xff\xff", np.uint8).reshape(3, 4), utf8, codec="utf-8"
    )
    assert flags(column.bad) == [False, True, True]
    assert values(field("text", 4), "è   ") == ["è"]


def test_cp1252_has_five_bytes_that_are_no_character() -> None:
    table = np.arange(256, dtype=np.uint8).reshape(-1, 1)
    column = bases.of("text").read(table, field("text", 1), codec="cp1252")
    assert column.bad is not None
    assert np.flatnonzero(column.bad[128:]).tolist() == [0x01, 0x0D, 0x0F, 0x10, 0x1D]


def test_a_code_list_admits_its_codes_only() -> None:
    one = field("text", 4, codes={"VIS1": "", "V": ""})
    assert flags(read(one, "VIS1", "V   ", "VIS2", "    ").bad) == [False, False, True, False]


def test_a_codice_fiscale_may_be_of_a_person_or_a_company() -> None:
    one = field("codice_fiscale", 16)
    omocodia = "RSSMRA85T10A56N" + check_character("RSSMRA85T10A56N")
    texts = [PERSON, COMPANY.ljust(16), omocodia, PERSON[:-1] + "T", PERSON.lower(), "RSSMRA85T32A562S", " " * 16]
    column = read(one, *texts)
    assert flags(column.bad) == [False, False, False, True, True, True, False]
    assert flags(column.null) == [False] * 6 + [True]


def test_eleven_zeros_are_no_partita_iva() -> None:
    assert flags(read(field("partita_iva", 11), COMPANY, "0" * 11, "12345678908").bad) == [False, True, True]


AMOUNT = field("decimal", 7, scale=2)
MARKED = field("decimal", 8, digits=7, scale=2, mark=",")


@pytest.mark.parametrize(
    ("one", "cell", "code", "english", "italian"),
    [
        (AMOUNT, "00012A0", "TR-F204", "7 digits, two of them decimals", "7 cifre, di cui due decimali"),
        (field("integer", 5), "   12", "TR-F212", "5 digits", "5 cifre"),
        (
            field("integer", 5, digits=3),
            "01000",
            "TR-F214",
            "a number of at most 3 digits",
            "un numero di al massimo 3 cifre",
        ),
        (
            MARKED,
            "00012.50",
            "TR-F211",
            "8 characters: digits, a comma and two decimals",
            "8 caratteri: cifre, una virgola e due decimali",
        ),
        (
            MARKED,
            "000012,5",
            "TR-F211",
            "8 characters: digits, a comma and two decimals",
            "8 caratteri: cifre, una virgola e due decimali",
        ),
        (
            field("date", 8, format="yyyyMMdd"),
            "20260230",
            "TR-F205",
            "a day as yyyyMMdd",
            "un giorno nella forma aaaaMMgg",
        ),
        (field("text", 2, codes={"A": "", "B": ""}), "C ", "TR-F202", "one of A, B", "uno tra A, B"),
        (field("text", 2), "\x00A", "TR-F215", "printable characters only", "solo caratteri stampabili"),
        (field("const", 2, value="20"), "21", "TR-F206", '"20"', '"20"'),
        (
            field("codice_fiscale", 16),
            PERSON[:-1] + "T",
            "TR-F208",
            "the check character S",
            "il carattere di controllo S",
        ),
        (
            field("codice_fiscale", 16),
            "12345678908     ",
            "TR-F208",
            "the check digit 3",
            "la cifra di controllo 3",
        ),
        (field("partita_iva", 11), "12345678908", "TR-F210", "the check digit 3", "la cifra di controllo 3"),
        (
            field("partita_iva", 11),
            "1234567890A",
            "TR-F209",
            "11 digits, the last one a check digit",
            "11 cifre, l'ultima di controllo",
        ),
    ],
)
def test_a_bad_cell_is_explained_in_both_languages(
    one: Field, cell: str, code: str, english: str, italian: str
) -> None:
    assert flags(read(one, cell).bad) == [True]
    found = bases.of(one.base).diagnose(cell.encode("iso8859-1"), one, "iso8859-1")
    assert (found.code, found.expected_en, found.expected_it) == (code, english, italian)


def test_bytes_outside_the_encoding_are_explained() -> None:
    found = bases.of("text").diagnose(b"\xff\xff", field("text", 2), "utf-8")
    assert (found.code, found.expected_en) == ("TR-F203", "text in utf-8")


def test_numbers_are_written_as_the_layout_pads_them() -> None:
    assert written(field("integer", 7), pa.array([42, None, 0][:1])) == [b"0000042"]
    assert written(field("integer", 5, pad=" "), pa.array([42, None, 0])) == [b"   42", b"     ", b"    0"]
    amounts = pa.array([Decimal("12.50"), Decimal("0.05")], pa.decimal128(18, 2))
    assert written(field("decimal", 8, digits=7, scale=2, mark=","), amounts) == [b"00012,50", b"00000,05"]
    assert written(field("decimal", 8, digits=7, scale=2, mark=",", pad=" "), amounts) == [b"   12,50", b"    0,05"]


def test_the_first_null_text_is_the_one_that_is_written() -> None:
    assert written(
        field("date", 8, format="yyyyMMdd", null=("00000000", "        ")), pa.array([None], pa.date32())
    ) == [b"00000000"]


def test_a_table_of_strings_is_written_without_a_float() -> None:
    assert written(field("decimal", 7, scale=2), pa.array(["12.5", "0,07", "1250"])) == [
        b"0001250",
        b"0000007",
        b"0125000",
    ]
    assert written(field("integer", 4), pa.array(["0007"])) == [b"0007"]
    assert written(field("date", 8, format="ddMMyyyy"), pa.array(["2026-01-31"])) == [b"31012026"]


def test_whole_floats_are_integers_that_lost_their_type() -> None:
    assert written(field("integer", 4, null=("    ",)), pa.array([7.0, float("nan"), None])) == [
        b"0007",
        b"    ",
        b"    ",
    ]


@pytest.mark.parametrize(
    ("one", "array", "words"),
    [
        (field("integer", 3), pa.array([5, 1000]), "riga.campo, row 2: '1000' needs more than the field's 3 digits"),
        (field("integer", 3), pa.array([-1]), "row 1: '-1' is negative, and the field has no sign"),
        (field("integer", 3), pa.array([None], pa.int64()), "there is no value, and the layout lists no `null` text"),
        (field("integer", 3, null=("000",)), pa.array([0]), "'0' would be read back as no value"),
        (field("integer", 3), pa.array(["1_0"]), "'1_0' is not a number"),
        (field("integer", 3), pa.array([1.5]), "'1.5' is not a whole number"),
        (
            field("decimal", 7, scale=2),
            pa.array([12.5]),
            "values of type double are no amounts; give decimals or strings",
        ),
        (field("decimal", 7, scale=2), pa.array([Decimal("1.005")]), "'1.005' has more than the field's 2 decimals"),
        (field("decimal", 7, scale=2), pa.array([Decimal(10) ** 20]), "has more than 18 digits"),
        (field("text", 4), pa.array(["ROSSI"]), "'ROSSI' is longer than the field's 4 bytes"),
        (field("text", 9), pa.array(["Dvořák"]), "'Dvořák' has characters that iso8859-1 does not have"),
        (field("text", 9), pa.array(["A\nB"]), "'A\\nB' has control characters"),
        (field("text", 2, codes={"A": ""}), pa.array(["A", "B"]), "row 2: 'B' is not in the field's list of codes"),
        (
            field("text", 4, required=True),
            pa.array([None], pa.string()),
            "there is no value, and the field is required",
        ),
        (field("text", 4, sensitive=True), pa.array(["SEGRETO"]), "a value of 7 characters is longer"),
        (field("digits", 5), pa.array(["700"]), "'700' has fewer than the field's 5 digits"),
        (field("digits", 5), pa.array(["7000A"]), "'7000A' is not a run of digits"),
        (
            field("date", 6, format="ddMMyy", pivot=70),
            pa.array([datetime.date(2070, 1, 1)]),
            "cannot be written as ddMMyy",
        ),
        (field("date", 8, format="yyyyMMdd"), pa.array(["31/01/2026"]), "'31/01/2026' is not a date as 2026-01-31"),
        (field("const", 2, value="20"), pa.array(["21"]), "'21' is not \"20\", which always stands here"),
        (field("codice_fiscale", 16), pa.array([PERSON + "X"]), "is longer than the field's 16 bytes"),
        (field("partita_iva", 11), pa.array(["12345678908"]), "'12345678908' is not a partita IVA"),
    ],
)
def test_nothing_is_cut_and_the_refusal_says_why(one: Field, array: pa.Array, words: str) -> None:
    assert words in refusal(one, array)


def test_fits_tells_each_value_that_write_would_refuse() -> None:
    one = field("integer", 3, null=("   ",))
    found = bases.of("integer").fits(pa.chunked_array([[5, 1000], [None, -1]]), one)
    assert found.tolist() == [True, False, True, False]


def test_a_slice_of_an_array_is_written_as_its_own_values() -> None:
    texts = pa.array(["A", "È", None, "DD", "E"])[1:4]
    assert written(field("text", 2), texts) == ["È ".encode("iso8859-1"), b"  ", b"DD"]
    days = pa.array([datetime.date(2026, 1, day) for day in (1, 2, 3)])[1:]
    assert written(field("date", 8, format="yyyyMMdd"), days) == [b"20260102", b"20260103"]
    amounts = pa.array([Decimal("1.00"), Decimal("2.00")], pa.decimal128(9, 2))[1:]
    assert written(field("decimal", 5, scale=2), amounts) == [b"00200"]


@pytest.mark.parametrize(
    ("one", "values", "why"),
    [
        (field("text", 4, pattern="[A-Z]+"), pa.array(["AB", None, "", "A1"]), "'A1' is not of the form [A-Z]+"),
        (field("integer", 4, digits=4, least=5), pa.array([5, 9, 4]), "'4' is not 5 or more"),
        (
            field("decimal", 6, digits=6, scale=2, least=100, most=250),
            pa.array(["1.00", "2.50", "2.51"]),
            "'2.51' is not between 1.00 and 2.50",
        ),
        (
            field("date", 8, format="yyyyMMdd", most=20454),
            pa.array(["2026-01-01", "2026-01-02"]),
            "'2026-01-02' is not 2026-01-01 or less",
        ),
    ],
)
def test_what_is_outside_of_the_bounds_is_not_written(one: Field, values: pa.Array, why: str) -> None:
    one = replace(one, null=(" " * (one.length or 0),))
    last = len(values) - 1
    assert bases.of(one.base).fits(values, one).tolist() == [True] * last + [False]
    with pytest.raises(DoesNotFit) as refused:
        bases.of(one.base).write(values, one)
    assert (refused.value.row, refused.value.why) == (last, why)
