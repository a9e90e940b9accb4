"""Layouts that load: what they become, defaults, fingerprints; and that no text does anything worse than fail."""

import random
import re
from pathlib import Path

import pytest

from tracciati import declare
from tracciati.declare.toml import Document
from tracciati.errors import LayoutError, ReadingError
from tracciati.expression import parse
from tracciati.layout import Field, Sequence

SAMPLES = Path(__file__).parents[2] / "samples"

FIXED = (SAMPLES / "small-fixed.toml").read_text(encoding="utf-8")
DELIMITED = (SAMPLES / "small-delimited.toml").read_text(encoding="utf-8")


def test_the_layout_printed_in_the_language_page_loads():
    layout = declare.load(SAMPLES / "banca-demo-visure.toml")
    assert layout.name.startswith("banca-demo-visure@2.0.0#")
    assert [record.name for record in layout.records] == ["testa", "richiesta", "fattura", "coda"]
    assert list(layout.structure) == ["request", "answer", "invoice"]
    assert layout.field("richiesta.importo_max").start == 41
    assert layout.field("coda.totale").derive["invoice"] == parse("sum(fattura.netto)")
    assert layout.field("richiesta.esito").origin == "outcome.code"
    assert layout.field("testa.numero").sequence == Sequence(None, 1, "feed")
    assert layout.rules[0].severity == "warning"
    assert layout.file.codec == "iso8859-1"


def test_the_feed_printed_in_the_language_page_is_read_with_places():
    document = Document((SAMPLES / "banca-demo-feed.toml").read_text(encoding="utf-8"), "feed.toml")
    assert document.value["layout"] == "banca-demo-visure"
    assert document.where(("names", "receipt"))[0] == 5
    assert document.where(("no", "such", "key")) == (1, 1)


def test_the_small_layouts_of_these_tests_are_sound():
    fixed, delimited = declare.loads(FIXED), declare.loads(DELIMITED)
    assert [field.start for field in fixed.by_name["riga"].fields] == [0, 2, 5, 9, 16]
    assert [field.start for field in delimited.by_name["riga"].fields] == [0, 1, 2]
    assert list(delimited.structure) == ["request", "receipt", "rejection", "answer", "control", "invoice"]
    assert delimited.file.codec == "utf-8"


def test_defaults_follow_the_base():
    field: Field = declare.loads(FIXED).field("riga.importo")
    assert (field.align, field.pad, field.digits, field.scale) == ("right", "0", 7, 2)
    field = declare.loads(FIXED).field("riga.servizio")
    assert (field.align, field.pad) == ("left", " ")
    field = declare.loads(DELIMITED).field("riga.importo")
    assert (field.length, field.digits, field.mark) == (None, 18, ",")


def test_a_field_overrides_its_type():
    text = FIXED.replace('len = 8, type = "data", required', 'len = 8, type = "data", format = "ddMMyyyy", required')
    assert declare.loads(text).field("testa.data").format == "ddMMyyyy"
    assert declare.loads(text).field("testa.data").null == ("00000000",)


def test_one_rule_text_stands_for_both_languages():
    assert declare.loads(FIXED).rules[0].text == {"it": "Importo mancante", "en": "Importo mancante"}


def test_one_derive_stands_for_every_direction_of_its_record():
    derive = declare.loads(FIXED).field("coda.righe").derive
    assert derive == {"request": parse("count(*)"), "invoice": parse("count(*)")}


def test_the_same_declaration_has_one_fingerprint_however_it_is_written():
    spaced = FIXED.replace(" = ", "=").replace("\n[", "\n# a remark\n\n[")
    resolved = FIXED.replace(
        'type = "data", required', 'type = "date", format = "yyyyMMdd", null = "00000000", required'
    )
    renamed = FIXED.replace("importo = {", "soldi = {").replace('type = "importo"', 'type = "soldi"')
    structure = FIXED.replace("testa riga+ coda", "testa   (riga)+ coda").replace("(riga)+", "riga +")
    for other in (spaced, resolved, renamed, structure, FIXED.replace("latin-1", "ISO-8859-1")):
        assert declare.loads(other).fingerprint == declare.loads(FIXED).fingerprint


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"1.0.0"', '"1.0.1"'),
        ("CRLF", "LF"),
        ("Ordinaria", "ordinaria"),
        ("> 0", ">= 0"),
        ("riga+", "riga*"),
        ("Importo mancante", "Importo assente"),
        ('null = "00000000"', 'null = "99999999"'),
        ('from = "line.net"', 'from = "line.vat"'),
        ("start = 1", "start = 2"),
        ('name = "numero"', 'label = "N.", name = "numero"'),
    ],
)
def test_another_declaration_has_another_fingerprint(old: str, new: str):
    assert old in FIXED
    assert declare.loads(FIXED.replace(old, new, 1)).fingerprint != declare.loads(FIXED).fingerprint


def test_a_layout_that_is_not_there_says_which(tmp_path: Path):
    with pytest.raises(ReadingError, match="cannot read the layout .*nowhere.toml"):
        declare.load(tmp_path / "nowhere.toml")


def test_a_layout_that_is_not_utf8_says_where(tmp_path: Path):
    path = tmp_path / "latin.toml"
    path.write_bytes(FIXED.replace("Ordinaria", "Attività").encode("latin-1"))
    with pytest.raises(LayoutError) as refused:
        declare.load(path)
    problem = refused.value.problems[0]
    assert problem.line == FIXED[: FIXED.index("VIS1")].count("\n") + 1
    assert problem.column == FIXED.split("\n")[problem.line - 1].index("Ordinaria") + 8


def test_a_layout_saved_on_windows_loads(tmp_path: Path):
    path = tmp_path / "windows.toml"
    path.write_bytes(b"\xef\xbb\xbf" + FIXED.replace("\n", "\r\n").encode())
    assert declare.load(path).fingerprint == declare.loads(FIXED).fingerprint


def test_brackets_without_end_are_a_problem_and_no_crash():
    with pytest.raises(LayoutError, match="nested too deeply"):
        declare.loads("a = " + "[" * 100_000)


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_layout_is_refused_and_nothing_else_happens(seed: int):
    """Goal: no layout makes the loader raise anything but LayoutError. Method: cut, repeat or swap lines and words."""
    random_number = random.Random(seed)
    for base in (FIXED, DELIMITED, (SAMPLES / "banca-demo-visure.toml").read_text(encoding="utf-8")):
        for _ in range(60):
            pieces = re.split(r"(\W+)", base)
            for _ in range(random_number.randint(1, 3)):
                one, other = random_number.randrange(len(pieces)), random_number.randrange(len(pieces))
                action = random_number.randrange(4)
                pieces[one] = ["", pieces[other], '"x"', "0"][action]
            try:
                declare.loads("".join(pieces))
            except LayoutError as refused:
                assert refused.problems
                assert all(problem.line >= 1 and problem.column >= 1 for problem in refused.problems)
