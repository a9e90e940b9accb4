"""Bases over any bytes: columns say what a plain reading of one cell says, and what is written reads back."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tracciati import bases
from tracciati.bases import iban, luhn, mod11, mod97
from tracciati.bases.codice_fiscale import check_character
from tracciati.findings.catalogue import CATALOGUE
from tracciati.layout import Field
from tracciati.values import numerals
from tracciati.values.luhn import check_digit

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

EPOCH = date(1970, 1, 1)
BAD = object()

FIELDS = [
    Field("f", "text", 0, 6),
    Field("f", "text", 0, 13, null=("-            ",)),
    Field("f", "text", 0, 4, codes={"VIS1": "", "V2": "", "X": ""}),
    Field("f", "text", 0, 9, align="right", codes={"LUNGHISSI": "", "B": ""}),
    Field("f", "text", 0, 5, align="right", pad="*"),
    Field("f", "digits", 0, 5, align="right", pad="0", null=("     ",)),
    Field("f", "digits", 0, 5, align="right", pad=" "),
    Field("f", "digits", 0, 11, align="left", pad=" "),
    *(Field("f", "integer", 0, w, align="right", pad="0", digits=min(w, 18)) for w in range(1, 22)),
    Field("f", "integer", 0, 6, align="right", pad="0", digits=4, null=("      ", "000000")),
    Field("f", "integer", 0, 6, align="right", pad=" ", digits=6),
    Field("f", "decimal", 0, 9, align="right", pad="0", digits=9, scale=2),
    Field("f", "decimal", 0, 9, align="right", pad="0", digits=8, scale=2, mark=",", null=("         ",)),
    Field("f", "decimal", 0, 9, align="right", pad=" ", digits=8, scale=3, mark="."),
    Field("f", "integer", 0, 5, align="right", pad="0", digits=4, sign="leading", plus="+", minus="-"),
    Field("f", "integer", 0, 5, align="right", pad=" ", digits=4, sign="leading", plus="+", minus="-"),
    Field("f", "integer", 0, 5, align="right", pad=" ", digits=4, sign="leading", plus=" ", minus="-"),
    Field("f", "integer", 0, 5, align="right", pad="0", digits=4, sign="trailing", plus="C", minus="D"),
    Field("f", "integer", 0, 4, align="right", pad="0", digits=4, sign="overpunch", null=("    ",)),
    Field(
        "f", "decimal", 0, 7, align="right", pad="0", digits=5, scale=2, mark=",", sign="trailing", plus=" ", minus="-"
    ),
    Field("f", "date", 0, 8, format="yyyyMMdd", null=("00000000", "        ", "99991231")),
    Field("f", "date", 0, 6, format="ddMMyy", pivot=70),
    Field("f", "date", 0, 10, format="dd/MM/yyyy"),
    Field("f", "const", 0, 2, value="20"),
    Field("f", "codice_fiscale", 0, 16),
    Field("f", "partita_iva", 0, 11),
    Field("f", "iban", 0, 27),
    Field("f", "iban", 0, 34),
    Field("f", "luhn", 0, 7),
    Field("f", "mod97", 0, 8, null=("00000000",)),
    Field("f", "boolean", 0, 2, yes="SI", no="N", null=("--",)),
    Field("f", "boolean", 0, 1, yes="X", no=" "),
    Field("f", "mod11", 0, 6),
    Field("f", "mod11", 0, 9, weights=4, ten="0", eleven="1"),
]


@st.composite
def columns(draw: DrawFn) -> tuple[Field, list[bytes]]:
    """A field and cells of its width: nearly right ones, and any bytes."""
    field = draw(st.sampled_from(FIELDS))
    width = field.length or 0
    cells = draw(st.lists(st.one_of(likely(field), st.binary(min_size=width, max_size=width)), max_size=12))
    return field, [cell.ljust(width)[:width] for cell in cells]


def likely(field: Field) -> st.SearchStrategy[bytes]:
    """Cells that are right, or almost."""
    width = field.length or 0
    digits = st.text("0123456789", min_size=width, max_size=width)
    near = st.text("0019 ,./*ABVIS12X-", min_size=width, max_size=width)
    texts = [digits, near, st.sampled_from([" " * width, *field.null, *(field.codes or {}), field.value])]
    if field.base == "date":
        texts.append(st.dates().map(lambda day: written_day(day, field.format)))
    if field.base in ("codice_fiscale", "partita_iva"):
        texts.append(st.text("0123456789", min_size=10, max_size=10).map(lambda ten: ten + check_digit(ten)))
    if field.base == "codice_fiscale":
        person = st.from_regex(r"\A[A-Z]{6}[0-9L-V]{2}[A-EHLMPRST][0-7LMN][0-9][A-Z][0-9L-V]{3}\Z")
        texts.append(person.map(lambda code: code + check_character(code)))
        texts.append(person.map(lambda code: code + "A"))
    if field.base == "boolean":
        texts.append(st.sampled_from((field.yes, field.no, "s", "S")))
    if field.sign:
        texts.append(st.text("0123456789 +-CD{}AJR,", min_size=width, max_size=width))
        number = st.integers(0, 10 ** (width - 1 - bool(field.mark)) - 1)
        texts.append(number.map(lambda n: f"{n}".rjust(width - 1, field.pad) + (field.plus or "J")))
        texts.append(number.map(lambda n: f"{field.minus}{n}".rjust(width, field.pad)))
        texts.append(number.map(lambda n: f"{field.plus}{n}".rjust(width, field.pad)))
        texts.append(number.map(lambda n: field.minus + f"{n}".rjust(width - 1, "0")))
    if field.base == "iban":
        account = st.from_regex(r"\A[0-9A-Z]{11}[0-9]{12}\Z")
        texts.append(account.map(lambda number: "IT" + iban.check_digits("IT", number) + number))
        texts.append(st.from_regex(r"\ANO[0-9]{13}\Z"))
    if field.base in ("luhn", "mod97", "mod11"):
        digits = st.text("0123456789", min_size=1, max_size=width - 2)
        check = {"luhn": luhn.check_digit, "mod97": mod97.check_digits}.get(
            field.base, lambda text: mod11.check_character(text, field)
        )
        texts.append(digits.map(lambda text: text + check(text)))
    if field.base == "decimal" and field.mark:
        whole = st.integers(0, 10 ** (width - field.scale - 1) - 1)
        texts.append(whole.map(lambda n: f"{n}{field.mark}{'5' * field.scale}".rjust(width, field.pad)))
    return st.one_of(texts).map(lambda text: text.encode("latin-1"))


def written_day(day: date, form: str) -> str:
    """A day as the format has it."""
    parts = {"yyyy": f"{day.year:04}", "yy": f"{day.year % 100:02}", "MM": f"{day.month:02}", "dd": f"{day.day:02}"}
    for part, text in parts.items():
        form = form.replace(part, text)
    return form


def expected(cell: bytes, field: Field) -> Any:
    """What the cell says, read slowly: a value, None for no value, BAD."""
    text = cell.decode("latin-1")
    if text in field.null:
        return None
    stripped = text.lstrip(field.pad) if field.align == "right" else text.rstrip(field.pad)
    if field.base == "text":
        return expected_text(text, stripped, field)
    if field.base == "digits":
        kept = text if field.pad == "0" else stripped
        if field.pad != "0" and not text.strip():
            return None
        return kept if kept.isascii() and kept.isdigit() else BAD
    if field.base == "const":
        return text if text == field.value else BAD
    if field.base in ("integer", "decimal"):
        return expected_number(text, field)
    if field.base == "date":
        return expected_day(text, field)
    if field.base == "boolean":
        known = {field.yes.ljust(len(text)): 1, field.no.ljust(len(text)): 0}
        return known.get(text, BAD if text.strip() else None)
    if not text.strip():
        return None
    return text.rstrip(" ") if is_checked(text.rstrip(" "), field) else BAD


def expected_text(text: str, stripped: str, field: Field) -> Any:
    if not text.strip() or not stripped:
        return None
    if any(character < " " for character in text) or (field.codes and stripped not in field.codes):
        return BAD
    return stripped


def expected_signed(text: str, field: Field) -> Any:
    """A sign taken off by hand, and the rest as a number without one."""
    unsigned = replace(field, sign="")
    if field.pad == " " and not text.strip(" "):
        return None
    if field.sign == "overpunch":
        kinds = {"0123456789": 1, "{ABCDEFGHI": 1, "}JKLMNOPQR": -1}
        for letters, factor in kinds.items():
            if text[-1] in letters:
                found = expected_number(text[:-1] + str(letters.index(text[-1])), unsigned)
                return found if found in (None, BAD) else found * factor
        return BAD
    if field.sign == "leading" and field.pad == " ":
        text = text.lstrip(" ")
        if field.plus == " " and text[:1].isdigit():
            text = "+" + text
        sign, rest = text[:1].replace("+", field.plus), text[1:]
        if not (rest.isascii() and rest.isdigit()):
            return BAD
    elif field.sign == "leading":
        sign, rest = text[:1], text[1:]
    else:
        sign, rest = text[-1:], text[:-1]
    found = expected_number(rest, unsigned)
    if sign not in (field.plus, field.minus) or found in (None, BAD):
        return BAD
    return -found if sign == field.minus else found


def expected_number(text: str, field: Field) -> Any:
    if field.sign:
        return expected_signed(text, field)
    if field.pad == " ":
        text = text.lstrip(" ")
        if not text:
            return None
    if field.mark:
        whole, mark, decimals = text[: -field.scale - 1], text[-field.scale - 1 : -field.scale], text[-field.scale :]
        # Padding counts as the digit before the mark: the field is wide enough for it.
        if mark != field.mark or (not whole and field.pad == "0"):
            return BAD
        text = whole + decimals
    if not (text.isascii() and text.isdigit()) or int(text) >= 10**field.digits:
        return BAD
    return int(text)


def expected_day(text: str, field: Field) -> Any:
    places = {part: field.format.index(part) for part in ("yyyy", "yy", "MM", "dd") if part in field.format}
    if any(text[i] != c for i, c in enumerate(field.format) if c not in "yMd"):
        return BAD
    found = {part: text[at : at + len(part)] for part, at in places.items()}
    if not all(part.isascii() and part.isdigit() for part in found.values()):
        return BAD
    year = int(found["yyyy"]) if "yyyy" in found else int(found["yy"]) + (2000 if int(found["yy"]) < 70 else 1900)
    try:
        return (date(year, int(found["MM"]), int(found["dd"])) - EPOCH).days
    except ValueError:
        return BAD


def is_checked(code: str, field: Field) -> bool:
    if field.base in ("iban", "mod97"):
        if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[0-9A-Z]+" if field.base == "iban" else r"[0-9A-Z]+[0-9]{2}", code):
            return False
        turned = code[4:] + code[:4] if field.base == "iban" else code
        is_long = field.base == "mod97" or len(code) == iban.SIZES.get(code[:2])
        return is_long and int("".join(str(int(character, 36)) for character in turned)) % 97 == 1
    if field.base in ("luhn", "mod11"):
        if not re.fullmatch(r"[0-9]+[0-9A-Z]", code):
            return False
        return code[-1] == (luhn_slowly(code[:-1]) if field.base == "luhn" else eleven_slowly(code[:-1], field))
    if len(code) == 11 and code.isascii() and code.isdigit():
        return code[:7] != "0000000" and code[10] == luhn_slowly(code[:10])
    return field.base == "codice_fiscale" and len(code) == 16 and is_person(code)


def eleven_slowly(digits: str, field: Field) -> str:
    total, weight = 0, 2
    for digit in reversed(digits):
        total += int(digit) * weight
        weight = 2 if weight == field.weights else weight + 1
    rest = 11 - total % 11
    return {10: field.ten, 11: field.eleven}.get(rest, str(rest))


def luhn_slowly(before: str) -> str:
    total = 0
    for index, character in enumerate(before):
        number = int(character)
        if (len(before) - index) % 2:
            number = number * 2 - 9 if number > 4 else number * 2
        total += number
    return str(-total % 10)


def is_person(code: str) -> bool:
    omocodia = str.maketrans("LMNPQRSTUV", "0123456789")
    digits = "".join(code[i] for i in (6, 7, 9, 10, 12, 13, 14)).translate(omocodia)
    letters = code[:6] + code[8] + code[11] + code[15]
    if not (digits.isascii() and digits.isdigit() and letters.isascii() and letters.isalpha() and letters.isupper()):
        return False
    day = int(digits[2:4])
    return code[8] in "ABCDEHLMPRST" and (1 <= day <= 31 or 41 <= day <= 71) and check_character(code[:15]) == code[15]


@given(columns())
def test_a_column_is_read_as_its_cells_are_read_one_by_one(column: tuple[Field, list[bytes]]) -> None:
    field, cells = column
    base = bases.of(field.base)
    table = np.frombuffer(b"".join(cells), np.uint8).reshape(len(cells), field.length or 0)
    read = base.read(table, field, codec="iso8859-1")
    array = base.arrow(table, read, field, "iso8859-1")
    array.validate(full=True)
    for row, cell in enumerate(cells):
        wanted = expected(cell, field)
        is_null = read.null is not None and bool(read.null[row])
        is_bad = read.bad is not None and bool(read.bad[row])
        assert (is_null, is_bad) == (wanted is None, wanted is BAD), (cell, field)
        assert array[row].is_valid == (not is_null and not is_bad)
        if is_bad:
            why = base.diagnose(cell, field, "iso8859-1")
            assert why.code in CATALOGUE
            assert why.expected_en
            assert why.expected_it
        elif not is_null:
            found = array[row].as_py() if read.values is None else int(read.values[row])
            assert found == wanted, (cell, field)


@given(columns(), st.integers(0, 3))
def test_cells_read_from_inside_a_record_are_read_alike(column: tuple[Field, list[bytes]], shift: int) -> None:
    field, cells = column
    width = field.length or 0
    table = np.full((len(cells), width + 7), ord("7"), np.uint8)
    if cells:
        table[:, shift : shift + width] = np.frombuffer(b"".join(cells), np.uint8).reshape(len(cells), width)
    base = bases.of(field.base)
    inside = base.read(table[:, shift : shift + width], field, codec="iso8859-1")
    alone = base.read(table[:, shift : shift + width].copy(), field, codec="iso8859-1")
    for one, other in zip(inside, alone, strict=True):
        assert (one is None and other is None) or np.array_equal(one, other)


@given(columns())
def test_what_was_read_is_written_and_reads_back_the_same(column: tuple[Field, list[bytes]]) -> None:
    field, cells = column
    base = bases.of(field.base)
    table = np.frombuffer(b"".join(cells), np.uint8).reshape(len(cells), field.length or 0)
    read = base.read(table, field, codec="iso8859-1")
    array = base.arrow(table, read, field, "iso8859-1")
    fits = base.fits(array, field, "iso8859-1")
    good = fits if read.bad is None else fits & ~read.bad
    chosen = array.filter(pa.array(good))
    written = base.write(chosen, field, "iso8859-1")
    again = base.arrow(written, base.read(written, field, codec="iso8859-1"), field, "iso8859-1")
    assert again.equals(chosen)
    assert base.write(again, field, "iso8859-1").tobytes() == written.tobytes()
    # Only a value that reads as no value, once it stands in the field, may be refused.
    refused = ~fits if read.bad is None else ~fits & ~read.bad
    assert not refused.any() or field.null or field.base == "digits"


@given(st.lists(st.one_of(st.none(), st.integers(0, 10**18 - 1))), st.integers(18, 22))
def test_every_number_of_eighteen_digits_survives(numbers: list[int | None], width: int) -> None:
    field = Field("f", "integer", 0, width, align="right", pad="0", digits=18, null=(" " * width,))
    base = bases.of("integer")
    cells = base.write(pa.array(numbers, pa.int64()), field)
    read = base.read(cells, field)
    assert base.arrow(cells, read, field).to_pylist() == numbers


@given(st.lists(st.one_of(st.none(), st.dates())), st.sampled_from(["yyyyMMdd", "dd.MM.yyyy", "yyyy-MM-dd"]))
def test_every_day_survives(days: list[date | None], form: str) -> None:
    field = Field("f", "date", 0, len(form), format=form, null=("0" * len(form),))
    base = bases.of("date")
    cells = base.write(pa.array(days, pa.date32()), field)
    assert base.arrow(cells, base.read(cells, field), field).to_pylist() == days


@given(st.binary(max_size=40), st.integers(1, 20))
def test_any_bytes_make_a_number_or_a_bad_cell(raw: bytes, width: int) -> None:
    raw = raw[: len(raw) // width * width]
    table = np.frombuffer(raw, np.uint8).reshape(-1, width)
    numbers, bad = numerals.read(table, digits_max=18)
    for row in range(len(table)):
        cell = table[row].tobytes()
        good = cell.isdigit() and int(cell) < 10**18
        assert good == (bad is None or not bad[row])
        assert not good or int(numbers[row]) == int(cell)


def test_the_day_after_the_last_of_each_month_is_no_day() -> None:
    field = Field("f", "date", 0, 8, format="yyyyMMdd")
    days = [date(1899, 1, 1) + timedelta(days=n) for n in range(80_000)]
    last = [day for day in days if (day + timedelta(days=1)).day == 1]
    cells = "".join(f"{day:%Y%m}{day.day + 1:02}" for day in last).encode()
    read = bases.of("date").read(np.frombuffer(cells, np.uint8).reshape(-1, 8), field)
    assert read.bad is not None
    assert read.bad.all()


DELIMITED = [
    Field("f", "text", 0, None),
    Field("f", "text", 0, 12, null=("NULL", "-")),
    Field("f", "text", 0, None, codes={"ANAG": "", "PROTESTI E ALTRO": ""}),
    Field("f", "digits", 0, None, align="right", pad="0"),
    Field("f", "integer", 0, None, align="right", pad="0", digits=18, null=("0",)),
    Field("f", "decimal", 0, None, align="right", pad="0", digits=13, scale=2, mark=","),
    Field("f", "decimal", 0, 9, align="right", pad="0", digits=9, scale=3),
    Field("f", "date", 0, None, format="dd/MM/yyyy"),
]


@st.composite
def delimited_values(draw: DrawFn) -> tuple[Field, pa.Array]:
    """A column of a delimited layout, and values for it."""
    field = draw(st.sampled_from(DELIMITED))
    values: st.SearchStrategy[Any] = st.text(st.characters(codec="iso8859-1", exclude_categories=["Cc"]))
    if field.codes:
        values = st.sampled_from([*field.codes, "ALTRO"])
    elif field.base == "digits":
        values = st.text("0123456789")
    elif field.base == "date":
        values = st.dates()
    elif field.base == "integer":
        values = st.integers(-5, 10**18)
    elif field.base == "decimal":
        values = st.decimals(-1, 10 ** (field.digits - field.scale), places=field.scale, allow_nan=False)
    kind = {"date": pa.date32(), "integer": pa.int64(), "decimal": pa.decimal128(30, field.scale)}
    return field, pa.array(draw(st.lists(st.one_of(st.none(), values))), kind.get(field.base, pa.string()))


def as_gathered(spelled: pa.Array, field: Field) -> tuple[Any, Any]:
    """Cells as the reader of delimited files gathers them."""
    raws = [
        b"" if text is None else text.as_buffer().to_pybytes() for text in (v if v.is_valid else None for v in spelled)
    ]
    width = max([1, *map(len, raws)])
    right = field.base in bases.RIGHT_ALIGNED
    table = b"".join(raw.rjust(width, b"0") if right else raw.ljust(width, b"\0") for raw in raws)
    lengths = np.array([len(raw) for raw in raws], np.int64)
    return np.frombuffer(table, np.uint8).reshape(len(raws), width), lengths


@given(delimited_values())
def test_delimited_cells_read_back_as_what_was_spelled(chosen: tuple[Field, pa.Array]) -> None:
    field, values = chosen
    base = bases.of(field.base)
    fits = base.fits(values, field, "iso8859-1", delimited=True)
    fitting = values.filter(pa.array(fits))
    cells, lengths = as_gathered(base.spell(fitting, field, "iso8859-1"), field)
    read = base.read(cells, field, lengths, codec="iso8859-1")
    assert read.bad is None
    array = base.arrow(cells, read, field, "iso8859-1", lengths)
    array.validate(full=True)
    wanted = [None if value == "" else value for value in fitting.to_pylist()]
    assert array.to_pylist() == wanted
