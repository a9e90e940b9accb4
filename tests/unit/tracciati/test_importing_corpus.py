"""Copybooks that nobody here wrote, with files and what another program (Cobrix) reads from them.

Its records are nested as the copybook's groups are, ours are flat: `nested` puts ours into its shape. Five things are
known to differ, and are taken out before the comparison, each where its name says so:

* texts of these files are filled with zero bytes, which are no characters here: `blanked` makes them blanks first, and
  puts numbers that are filled with them to the right;
* bytes that a REDEFINES defines anew are read by Cobrix in every way, here in the one that is said to hold;
* a text of blanks is no value here, and "" there;
* floating point numbers, and numbers of more than 18 digits, are bytes or texts here;
* a picture with P is a whole number here, and the import says what it is to be multiplied by.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tracciati import declare, encodings
from tracciati.api import Layout
from tracciati.importing import Order, copybook, items
from tracciati.importing.items import Item
from tracciati.importing.naming import name_of
from tracciati.importing.orders import Form, Segment
from tracciati.layout import Record

CORPUS = Path("/work/shared/corpus/cobrix")
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"{CORPUS} is not there: the corpus of copybooks")

COPYBOOKS = sorted(CORPUS.glob("*.cob"))
# Bytes of their records, by the expected files' tables of places and the sizes of the data files.
LENGTHS = {
    **dict.fromkeys(("test1", "test2", "test15"), 2202),
    **dict.fromkeys(("test4", "test5", "test11"), 64),
    "test1a": 2173,
    "test3": 45,
    "test6": 1493,
    "test18": 108,
    "test19_display_num": 80,
}
COMPANIES = (Segment("SEGMENT-ID", "C", "STATIC-DETAILS"), Segment("SEGMENT-ID", "P", "CONTACTS"))
TAXPAYERS = (Segment("TAXPAYER-TYPE", "A", "TAXPAYER-STR"), Segment("TAXPAYER-TYPE", "N", "TAXPAYER-NUM"))
NAMES = ("COMPANY", "DEPT", "EMPLOYEE", "OFFICE", "CUSTOMER", "CONTACT", "CONTRACT")
LEVELS = tuple(Segment("SEGMENT-ID", str(number), name) for number, name in enumerate(NAMES, start=1))


def an_order(name: str, codec: str = "cp037", form: Form = "fixed", *segments: Segment, adds: int = 0) -> Order:
    return Order(name, "corpus", codec, form, tuple(segments), adds)


@pytest.mark.parametrize("path", COPYBOOKS, ids=lambda path: path.stem)
def test_every_copybook_becomes_a_layout(path: Path) -> None:
    imported = copybook(path.read_text(), an_order(path.name))
    assert imported.layout.name.startswith("corpus@1.0.0#")
    assert not imported.layout.verified
    assert imported.text.count("# ? ") == len(imported.doubts)
    assert imported.layout.records[0].length == LENGTHS[path.stem.partition(" ")[0].removesuffix("_copybook")]


def test_the_places_of_test6_are_those_of_the_other_program() -> None:
    imported = copybook((CORPUS / "test6_copybook.cob").read_text(), an_order("test6"))
    lines = (CORPUS / "test6_expected/test6_layout.txt").read_text().splitlines()[3:]
    wanted = {line.split()[1].lower(): tuple(map(int, line.split()[3:5])) for line in lines if line.strip()}
    found = {field.name: (field.start + 1, field.stop) for field in imported.layout.records[0].fields}
    assert found == wanted


def blanked(data: bytes, declared: Any, frames: Iterator[tuple[int, int]], codec: str) -> bytes:
    """The file with blanks where its texts have zero bytes, and its numbers, which have them behind, at the right."""
    blank = encodings.blank(codec)
    made = bytearray(data)
    for start, _ in frames:
        for record in declared.records:
            if all(_is_met(made, start, record, name, text, codec) for name, text in record.match.items()):
                for field in record.fields:
                    place = slice(start + field.start, start + field.stop)
                    if field.base in ("text", "const") and field.when is None:
                        made[place] = bytes(blank if byte == 0 else byte for byte in made[place])
                    elif field.base == "integer" and 0 in made[place]:
                        made[place] = made[place].replace(b"\0", b"").rjust(field.length, "0".encode(codec))
                break
    return bytes(made)


def _is_met(data: bytearray, start: int, record: Record, name: str, text: str, codec: str) -> bool:
    field = record.by_name[name]
    found = bytes(data[start + field.start : start + field.stop]).rstrip(b"\0")
    return found.decode(codec).strip() == text.strip()


def of_length(data: bytes, length: int) -> Iterator[tuple[int, int]]:
    yield from ((start, length) for start in range(0, len(data), length))


def of_prefix(data: bytes, header: int) -> Iterator[tuple[int, int]]:
    """Records whose length, its lowest byte first, stands at the end of their header, which it does not count."""
    start = 0
    while start < len(data):
        length = int.from_bytes(data[start + header - 2 : start + header], "little") + header
        yield start, length
        start += length


def rows(declared: Any, data: bytes) -> tuple[list[tuple[str, dict[str, Any]]], Any]:
    """Record type and values of each record, in the order of the file, and the report."""
    found: dict[int, tuple[str, dict[str, Any]]] = {}
    batches = Layout(declared).read(data)
    for batch in batches:
        for record in declared.by_name:
            for row in batch.to_arrow(record).to_pylist():
                found[row["record_number"]] = (record, row)
    return [found[number] for number in sorted(found)], batches.report


def nested(item: Item, row: dict[str, Any], kept: set[str], before: str = "") -> dict[str, Any]:
    """An item's values in the shape of Cobrix. `kept`: alternatives that this record has; others are left out."""
    made: dict[str, Any] = {}
    for child in item.children:
        is_one_of_several = child.redefines or any(one.redefines == child.name for one in item.children)
        if child.name == "FILLER" or (is_one_of_several and (kept or child.redefines) and child.name not in kept):
            continue
        name = child.name.replace("-", "_")
        if child.occurs is not None:
            made[name] = list(_times(child, row, kept, before))
        elif child.children:
            made[name] = nested(child, row, kept, before)
        elif (value := _value(child, row.get(before + name_of(child.name)))) is not None:
            made[name] = value
    return made


def _times(item: Item, row: dict[str, Any], kept: set[str], before: str) -> Iterator[Any]:
    assert item.occurs is not None
    times = row[name_of(item.occurs.by)] if item.occurs.by else item.occurs.most
    for number in range(1, times + 1):
        yield nested(item, row, kept, f"{before}{name_of(item.name)}_{number}_")


def _value(item: Item, value: Any) -> Any:
    picture = item.picture
    if value is None or picture is None:
        return value
    if picture.shift:
        return Decimal(value).scaleb(picture.shift)
    if picture.kind == "number" and isinstance(value, str) and value.strip().isdigit():
        return int(value)
    return value.strip() if isinstance(value, str) else value


def without(wanted: Any, names: set[str]) -> Any:
    if isinstance(wanted, list):
        return [without(one, names) for one in wanted]
    if not isinstance(wanted, dict):
        return wanted
    return {key: without(one, names) for key, one in wanted.items() if key not in names and one != ""}


def expected(path: str) -> list[dict[str, Any]]:
    lines = (CORPUS / path).read_text().splitlines()
    return [json.loads(line, parse_float=Decimal) for line in lines]


SKIPPED = """
[record.skipped]
fields = [
  { name = "filler", len = 3,  type = "filler" },
  { name = "rdw",    len = 2,  type = "binary", endian = "little" },
  { name = "filler", len = 15, type = "filler" },
]
"""
ADDED = {"File_Id", "Record_Id", "Record_Byte_Length", "Seg_Id0", "Seg_Id1"}


@pytest.mark.parametrize(
    ("number", "file", "wanted", "redefined"),
    [
        ("test1", "test1_data/example.bin", "test1_expected/test1.txt", {"COMPANY_ID_STR", "ACCOUNT_TYPE_X"}),
        ("test15", "test15_data/*/example.bin", "test15_expected/test15.txt", {"COMPANY_ID_STR", "ACCOUNT_TYPE_X"}),
        ("test2", "test2_data/example.bin", "test1_expected/test1.txt", {"COMPANY_ID_STR", "ACCOUNT_TYPE_X"}),
        ("test3", "test3_data/TRAN2.AUG31.DATA.dat", "test3_expected/test3.txt", set()),
    ],
)
def test_records_of_one_length_are_read_as_by_the_other_program(
    number: str, file: str, wanted: str, redefined: set[str]
) -> None:
    text = (CORPUS / f"{number}_copybook.cob").read_text()
    declared = copybook(text, an_order(number)).layout
    # Of several files it has the records in the order of their ids.
    data = b"".join(path.read_bytes() for path in sorted(CORPUS.glob(file)))
    data = blanked(data, declared, of_length(data, declared.records[0].length), "cp037")
    found, report = rows(declared, data)
    top = items.read(text)[0]
    made = [nested(top, row, set()) for _, row in found]
    if "*" in file:
        made.sort(key=lambda one: int(one["ID"]))
    others = [without(one, redefined | ADDED) for one in expected(wanted)]
    assert made[: len(others)] == others, report.to_text()
    assert report.is_clean, report.to_text()


@pytest.mark.parametrize(
    ("number", "file", "wanted", "codec"),
    [
        ("test4", "test4_data/COMP.DETAILS.SEP30.DATA.dat", "test4_expected/test4.txt", "ascii"),
        ("test5", "test5_data/COMP.DETAILS.SEP30.DATA.dat", "test5_expected/test5.txt", "cp037"),
        ("test11", "test11_data/COMP.DETAILS.MAY30.DATA.dat", "test11_expected/test11.txt", "cp037"),
        (
            "test18",
            "test18 special_char/HIERARCHICAL.DATA.RDW.dat",
            "test18 special_char_expected/test18a.txt",
            "cp037",
        ),
    ],
)
def test_records_that_say_their_length_are_read_as_by_the_other_program(
    number: str, file: str, wanted: str, codec: str
) -> None:
    name = "test18 special_char.cob" if number == "test18" else f"{number}_copybook.cob"
    text = (CORPUS / name).read_text()
    segments = LEVELS if number == "test18" else COMPANIES + TAXPAYERS
    made = copybook(text, an_order(number, codec, "rdw-little", *segments, adds=4)).text
    header = 4
    if (
        number == "test11"
    ):  # five bytes stand before a record: a flag, two zeros, and its length; some are to be skipped
        header = 5
        made = re.sub(r'("filler", +len =) 2', r"\1 3", made).replace("_adds = 4", "_adds = 5")
        made = made.replace("| contacts)", "| contacts | skipped)") + SKIPPED
    declared = declare.loads(made)
    data = (CORPUS / file).read_bytes()
    data = blanked(data, declared, of_prefix(data, header), codec)
    found, report = rows(declared, data)
    found = [(record, row) for record, row in found if record != "skipped"]
    top = items.read(text)[0]
    by_record = {name_of(segment.name): segment.name for segment in segments}
    kinds = {"A": "TAXPAYER-STR", "N": "TAXPAYER-NUM"}
    kept = [{by_record[record], kinds.get(row.get("taxpayer_type"), "")} for record, row in found]
    ours = [nested(top, row, those) for (_, row), those in zip(found, kept, strict=True)]
    all_names = {segment.name for segment in segments}
    theirs = [
        without(one, {name.replace("-", "_") for name in all_names - those} | ADDED)
        for one, those in zip(expected(wanted), kept, strict=False)
    ]
    assert ours[: len(theirs)] == theirs, report.to_text()
    assert report.is_clean, report.to_text()


def test_numbers_of_every_kind_are_read_as_by_the_other_program() -> None:
    text = (CORPUS / "test6_copybook.cob").read_text()
    imported = copybook(text, an_order("test6"))
    data = (CORPUS / "test6_data/INTEGR.TYPES.NOV28.DATA.dat").read_bytes()
    data = blanked(data, imported.layout, of_length(data, 1493), "cp037")
    found, report = rows(imported.layout, data)
    top = items.read(text)[0]
    long = {item.name for item in top.walk() if item.picture is not None and item.picture.digits > 18}
    kept_as_bytes = {field.name for field in imported.layout.records[0].fields if field.base == "filler"}
    texts = {field.name for field in imported.layout.records[0].fields if field.base == "text"}
    printed = {item.name for item in top.walk() if item.picture is not None and item.picture.kind == "edited"}
    assert kept_as_bytes == {name_of(n) for n in long if "_STR_" not in n.replace("-", "_")} | {"float_01", "double_01"}
    left = {name for name in kept_as_bytes | texts if name not in ("string_val", "num_sli_debug", "num_sti_debug")}
    assert texts & left == {name_of(n) for n in long | printed} - kept_as_bytes - DIGITS
    # PIC -9(8) has a blank where a number is not below zero; the file has "+", which the other program lets pass.
    plus_where_a_blank_belongs = {"EX_NUM_INT03", "EX_NUM_DEC03"}
    names = {name.upper() for name in left} | plus_where_a_blank_belongs
    ours = [without(nested(top, row, set()), names) for _, row in found]
    theirs = [without(one, names) for one in expected("test6_expected/test6.txt")]
    assert len(ours) == len(theirs) == 100
    assert ours == theirs, report.to_text()
    assert {(one.code, str(one.field).upper()) for one in report.findings} == {
        ("TR-F222", name) for name in plus_where_a_blank_belongs
    }


DIGITS = {"num_str_int12", "num_str_int13", "num_str_int14"}


def test_what_is_no_number_is_told_where_the_other_program_guesses() -> None:
    text = (CORPUS / "test19_display_num.cob").read_text()
    declared = copybook(text, an_order("test19")).layout
    found, report = rows(declared, (CORPUS / "test19_display_num/data.dat").read_bytes())
    top = items.read(text)[0]
    # Pointed numbers that stand on the left are none here; nor are blanks 0.00.
    guessed = {"WS_AMOUNT_FRACTION2"}
    ours = [without(nested(top, row, set()), guessed) for _, row in found]
    theirs = [without(one, guessed | ADDED) for one in expected("test19_display_num_expected/test19.txt")]
    assert theirs[5].pop("WS_AMOUNT_FRACTION") == 0
    assert ours == theirs
    # Records 6 and 7 have blanks, and letters, in numbers; there they are null without a word.
    wrong = {(one.record_number, str(one.field).upper()) for one in report.findings} - {
        (n, "WS_AMOUNT_FRACTION2") for n in range(1, 8)
    }
    assert wrong == {(n, name) for n in (6, 7) for name in ("WS_DATE_NUM", "WS_AMOUNT_NUMERIC", "WS_AMOUNT_FRACTION")}
