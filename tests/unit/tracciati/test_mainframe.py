"""Files of mainframes: EBCDIC pages, packed, binary and zoned numbers, held against encoders of plain Python."""

from __future__ import annotations

import io
import struct
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracciati import declare, encodings
from tracciati.bases import binary, packed
from tracciati.errors import DoesNotFit
from tracciati.explain import explain
from tracciati.generate import Order, generate
from tracciati.layout import Field
from tracciati.reading import Reading, check
from tracciati.rewrite import rewrite
from tracciati.values import pages

LAYOUT = declare.load(Path(__file__).parents[2] / "samples/small-mainframe.toml")
ROWS = st.lists(
    st.tuples(
        st.text(alphabet="ABCàèéìòùç§°[]{}#@ xyz", min_size=1, max_size=15).filter(str.strip),
        st.none() | st.integers(-(10**11) + 1, 10**11 - 1),
        st.integers(-(10**8) + 1, 10**8 - 1),
    ),
    min_size=1,
    max_size=20,
)
Rows = list[tuple[str, int | None, int]]
NAMES = ("causale", "importo", "cambio")


def comp_3(number: int, length: int, *, signed: bool = True) -> bytes:
    digits = f"{abs(number):0{2 * length - 1}d}"
    return bytes.fromhex(digits + ("d" if number < 0 else "c" if signed else "f"))


def zoned(number: int, length: int) -> bytes:
    zones = [0xF0] * (length - 1) + [0xD0 if number < 0 else 0xC0]
    return bytes(zone + int(digit) for zone, digit in zip(zones, f"{abs(number):0{length}d}", strict=True))


def a_file(rows: Rows, codec: str = "cp280") -> bytes:
    """The file, by the words of the layout and nothing of the package."""
    parts = [("T20260301183015" + " " * 25).encode(codec)]
    for number, (text, cents, rate) in enumerate(rows, start=1):
        amount = bytes([0x40] * 6) if cents is None else comp_3(cents, 6)
        cells = [b"M".decode().encode(codec), struct.pack(">I", number), text.ljust(15).encode(codec), amount]
        parts += [*cells, zoned(rate, 8), (" " * 6).encode(codec)]
    total = sum(cents or 0 for _, cents, _ in rows)
    parts += ["C".encode(codec), comp_3(len(rows), 3, signed=False), comp_3(total, 8), (" " * 28).encode(codec)]
    return b"".join(parts)


@given(ROWS)
def test_what_plain_python_wrote_is_read_and_encoded_anew(rows: Rows) -> None:
    data = a_file(rows)
    reading = Reading(data, LAYOUT)
    tables = [block.tables["movimento"].columns for block in reading]
    assert reading.report.is_clean, reading.report.to_text()
    found = [row for one in tables for row in zip(*(one[n].to_pylist() for n in NAMES), strict=True)]
    wanted = [
        (text.rstrip(), None if cents is None else Decimal(cents).scaleb(-2), Decimal(rate).scaleb(-4))
        for text, cents, rate in rows
    ]
    assert found == wanted
    again = io.BytesIO()
    done = rewrite(io.BytesIO(data), again, LAYOUT, in_canonical_form=True)
    assert again.getvalue() == data
    assert done.is_proven, done.to_text()


def test_the_pages_agree_with_pythons_own() -> None:
    for codec in encodings.EBCDIC:
        text = Field("campo", "text", 0, 1)
        for place in range(256):
            cell = np.array([[place]], np.uint8)
            character = bytes([place]).decode(codec)
            opened = pages.opened(cell, text, codec)
            if character >= " " and not "\x7f" <= character <= "\x9f":
                assert opened.tobytes().decode(pages.inner(codec)) == character
                assert pages.closed(opened, text, codec).tolist() == cell.tolist()
            else:
                assert opened[0, 0] < ord(" ")


def test_the_italian_page_is_the_american_one_with_other_letters() -> None:
    italian, american = encodings.characters("cp280"), encodings.characters("cp037")
    assert sorted(italian) == sorted(american)
    assert italian.encode("cp280") == bytes(range(256))
    assert "città".encode("cp280") == bytes.fromhex("8389a3a3c0")


@given(st.integers(1, 9), st.integers(-(10**17), 10**17))
def test_a_packed_number_is_what_cobol_packs(length: int, number: int) -> None:
    field = Field("n", "packed", 0, length, digits=2 * length - 1, sign="inside")
    array = pa.array([number])
    if abs(number) >= 10 ** (2 * length - 1):
        with pytest.raises(DoesNotFit, match="digit"):
            packed.write(array, field)
        return
    cells = packed.write(array, field)
    assert cells.tobytes() == comp_3(number, length)
    assert packed.read(cells, field).values.tolist() == [number]


@given(st.binary(min_size=3, max_size=3))
def test_any_three_bytes_are_a_packed_number_or_said_to_be_none(raw: bytes) -> None:
    field = Field("n", "packed", 0, 3, digits=4)
    column = packed.read(np.frombuffer(raw, np.uint8).reshape(1, 3), field)
    digits, sign = raw.hex()[:-1], raw.hex()[-1]
    right = digits.isdigit() and sign in "acef" and int(digits) < 10**4
    assert (column.bad is None) == right
    if right:
        assert column.values.tolist() == [int(digits)]
    else:
        assert packed.diagnose(raw, field).code in ("TR-F223", "TR-F222", "TR-F214")


@given(st.integers(1, 8), st.booleans(), st.booleans(), st.binary(min_size=8, max_size=8))
def test_a_binary_number_is_what_python_makes_of_its_bytes(length: int, signed: bool, little: bool, raw: bytes) -> None:
    sign = "inside" if signed else ""
    field = Field("n", "binary", 0, length, digits=18, sign=sign, endian="little" if little else "big")
    cell = raw[:length]
    number = int.from_bytes(cell, field.endian, signed=signed)
    column = binary.read(np.frombuffer(cell, np.uint8).reshape(1, length), field)
    if abs(number) >= 10**18:
        assert column.bad is not None
        return
    assert column.bad is None
    assert column.values.tolist() == [number]
    assert binary.write(pa.array([number]), field).tobytes() == cell


def test_a_finding_in_an_ebcdic_file_shows_what_a_person_can_read() -> None:
    data = bytearray(a_file([("CITTÀ", 1250, 7)]))
    data[40 + 5] = 0x00
    data[40 + 20] = 0x4A
    report = check(bytes(data), LAYOUT, source_name="file")
    assert [(one.code, one.path) for one in report.findings] == [
        ("TR-F215", "movimento.causale"),
        ("TR-F223", "movimento.importo"),
        ("TR-T402", "coda.totale"),
    ]
    assert report.findings[1].raw_hex == "4a000001250c"
    assert "11 packed digits, and C, D or F for the sign" in report.to_text()


def test_explain_shows_binary_cells_in_hexadecimal_digits() -> None:
    explained = explain(a_file([("CITTÀ", -1250, 7)]), LAYOUT, source_name="file")
    shown = {cell.name: (cell.raw, cell.value) for cell in explained.records[1].cells}
    assert shown["importo"] == ("00000001250d", "-12.50")
    assert shown["numero"] == ("00000001", "1")
    assert shown["causale"][1] == "CITTÀ"
    assert shown["cambio"] == ("0000000G", "0.0007")


def test_a_generated_file_is_read_by_plain_python() -> None:
    sink = io.BytesIO()
    generate(LAYOUT, sink, Order(seed=4, count=6))
    raw = sink.getvalue()
    numbers = [struct.unpack(">I", raw[at + 1 : at + 5])[0] for at in range(40, 40 * 7, 40)]
    assert numbers == [1, 2, 3, 4, 5, 6]
    assert raw[40 * 7 + 1 : 40 * 7 + 4].hex() == "00006f"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('separator = "none"', 'separator = "LF"', "files in cp280 have fixed records without separators"),
        ('null = ["404040404040"]', 'null = ["4040"]', "'4040' is not the 6 bytes of the field"),
        ("len = 4,  type", "len = 9,  type", "a binary number has 8 bytes at most, not 9"),
        ('codec = "cp280"', 'codec = "cp285"', "`codec` cannot be 'cp285'"),
        ('format = "HHmmss"', 'format = "hhmmss"', "'hhmmss' is not a time format"),
    ],
)
def test_what_cannot_be_is_refused(old: str, new: str, said: str) -> None:
    from tracciati.errors import LayoutError

    assert old in LAYOUT.source_text
    with pytest.raises(LayoutError) as refused:
        declare.loads(LAYOUT.source_text.replace(old, new))
    assert any(said in problem.text for problem in refused.value.problems), refused.value
