"""Plain words: what is said of fields, files and orders, and that nothing a layout can declare is left unsaid."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tracciati import declare, expression
from tracciati.declare.fields import ORIGINS, TARGETS
from tracciati.declare.rules import LANGUAGES
from tracciati.describing import describe
from tracciati.describing.document import record_type, row
from tracciati.encodings import CODECS
from tracciati.expression import parse
from tracciati.layout import BASES, DIRECTIONS, Continuity, Dialect, Field, FileForm, Layout, Record, Rule, Sequence
from tracciati.plain import LANGUAGES as SPOKEN
from tracciati.plain import direction, files, listed, orders
from tracciati.plain.expressions import derivation
from tracciati.plain.fields import notes
from tracciati.plain.kinds import kind

LAYOUTS = Path(__file__).parents[3] / "layouts"
LAYOUT = declare.load(LAYOUTS / "banca-demo" / "visure.toml")
TESTA = LAYOUT.by_name["testa"]
FORM = LAYOUT.file
CSV = FileForm("delimited", None, "LF")

INTEGER = {"base": "integer", "digits": 5, "align": "right", "pad": "0"}
DECIMAL = {**INTEGER, "base": "decimal", "scale": 2}
SIGNED = {**INTEGER, "sign": "leading", "plus": "+", "minus": "-"}
MOD11 = {"base": "mod11"}
# Each key of a field: what the field is besides, and another value of the key, which the document has to tell.
FIELD_CHANGES: Mapping[str, tuple[Mapping[str, Any], Any]] = {
    "name": ({}, "altro"),
    "base": ({}, "iban"),
    "start": ({}, 3),
    "length": ({}, 9),
    "label": ({}, "Intestazione"),
    "align": ({}, "right"),
    "pad": ({}, "*"),
    "digits": (INTEGER, 6),
    "scale": (DECIMAL, 3),
    "mark": (DECIMAL, ","),
    "sign": (SIGNED, "trailing"),
    "endian": ({"base": "binary", "digits": 9}, "little"),
    "yes": ({"base": "boolean", "yes": "S", "no": "N"}, "Y"),
    "no": ({"base": "boolean", "yes": "S", "no": "N"}, "0"),
    "plus": (SIGNED, "C"),
    "minus": (SIGNED, "D"),
    "format": ({"base": "date", "format": "yyyyMMdd"}, "dd/MM/yy"),
    "pivot": ({"base": "date", "format": "ddMMyy", "pivot": 70}, 30),
    "value": ({"base": "const", "value": "A"}, "B"),
    "null": ({}, ("00000000",)),
    "codes": ({}, {"A": "attivo"}),
    "pattern": ({}, "[A-Z]+"),
    "least": (INTEGER, 1),
    "most": (INTEGER, 9),
    "weights": (MOD11, 7),
    "ten": (MOD11, "P"),
    "eleven": (MOD11, "1"),
    "required": ({}, True),
    "unique": ({}, "file"),
    "sensitive": ({}, True),
    "same_as": ({}, "testa.cliente"),
    "sequence": (INTEGER, Sequence(start=1)),
    "derive": (INTEGER, {"request": parse("count(*)")}),
    "origin": ({}, "outcome.code"),
    "target": ({}, "request.action"),
    "only": ({}, ("answer",)),
    "when": ({}, parse("cliente = 'X'")),
    "sign_in": ({**INTEGER, "sign": "column", "plus": "C", "minus": "D"}, "segno"),
    "default": ({}, "00"),
    "on_overflow": ({}, "outcome"),
    "transliterate": ({}, "it-latin1"),
}
FORM_CHANGES: Mapping[str, tuple[Mapping[str, Any], Any]] = {
    "kind": ({}, "delimited"),
    "length": ({}, 201),
    "separator": ({}, "LF"),
    "last_separator": ({}, "forbidden"),
    "codec": ({}, "cp1252"),
    "on_short": ({}, "pad"),
    "length_in": ({"length": None}, "lunghezza"),
    "length_adds": ({"length_in": "lunghezza"}, 4),
    "block": ({"block": 10, "fill": "9"}, 12),
    "fill": ({"block": 10, "fill": "9"}, "*"),
    "on_long": ({}, "blank_tail"),
    "reference_date": ({}, "coda.data"),
    "dialect": ({"kind": "delimited", "length": None}, Dialect(delimiter="|")),
}
# What has no words: a place in the text, an index of ours, or what can be one thing only.
SILENT: Mapping[type, frozenset[str]] = {
    Field: frozenset({"line"}),
    FileForm: frozenset({"on_invalid"}),
    Record: frozenset({"index", "line", "repeated"}),
    Rule: frozenset({"line"}),
    Layout: frozenset({"canonical", "source_text", "origin_name"}),
}


LOCAL = {
    "Mapping": Mapping, "Expression": expression.Expression, "Condition": expression.Condition, "date": date
}  # fmt: skip


def names(kind: Any) -> set[str]:
    return {field.name for field in fields(kind)} - SILENT.get(kind, frozenset())


def choices(kind: Any) -> list[tuple[str, tuple[Any, ...]]]:
    """The attributes of a class that take one of several values, with those."""
    hints = typing.get_type_hints(kind, localns=LOCAL)
    return [(name, typing.get_args(hint)) for name, hint in hints.items() if typing.get_origin(hint) is typing.Literal]


def of_field(field: Field, language: Any) -> Any:
    return row(1, field, TESTA, LAYOUT, language, has_who=True)


def a_field(**more: Any) -> Field:
    return Field(**{"name": "campo", "base": "text", "start": 0, "length": 8, **more})


@pytest.mark.parametrize("language", SPOKEN)
@pytest.mark.parametrize("key", sorted(names(Field)))
def test_no_key_of_a_field_is_left_unsaid(key: str, language: Any) -> None:
    assert key in FIELD_CHANGES, f"say `{key}` in tracciati/plain/fields.py, and add it to FIELD_CHANGES or SILENT"
    besides, value = FIELD_CHANGES[key]
    before = a_field(**besides)
    assert of_field(replace(before, **{key: value}), language) != of_field(before, language)


@pytest.mark.parametrize("language", SPOKEN)
@pytest.mark.parametrize("key", sorted(names(FileForm)))
def test_no_key_of_a_file_is_left_unsaid(key: str, language: Any) -> None:
    assert key in FORM_CHANGES, f"say `{key}` in tracciati/plain/files.py, and add it to FORM_CHANGES or SILENT"
    besides, value = FORM_CHANGES[key]
    before = replace(FORM, **besides)
    assert files.form(replace(before, **{key: value}), language) != files.form(before, language)


@pytest.mark.parametrize("language", SPOKEN)
def test_every_way_to_cut_delimited_records_is_said(language: Any) -> None:
    changes: Mapping[str, Any] = {"delimiter": "\t", "quote": "", "header": True}
    assert set(changes) == names(Dialect)
    said = [
        files.form(replace(CSV, dialect=replace(Dialect(), **{key: value})), language) for key, value in changes.items()
    ]
    assert len({str(one) for one in [*said, files.form(CSV, language)]}) == 4


@pytest.mark.parametrize("language", SPOKEN)
def test_no_key_of_a_record_a_rule_or_a_layout_is_left_unsaid(language: Any) -> None:
    def told(record: Record) -> Any:
        return record_type(record, LAYOUT, language, has_who=True)

    changes: Mapping[str, Any] = {
        "name": "altra", "fields": TESTA.fields[:2], "match": {"cliente": "X"}, "only": ("invoice",),
        "position": "first", "by_length": True,
    }  # fmt: skip
    assert set(changes) == names(Record)
    for key, value in changes.items():
        assert told(replace(TESTA, **{key: value})) != told(TESTA), key
    rule = replace(LAYOUT.rules[0], check=parse("tipo != 'X'"))
    ruled: Mapping[str, Any] = {
        "id": "X", "on": "coda", "check": parse("tipo != 'Y'"), "severity": "error", "text": {"it": "x", "en": "y"}
    }  # fmt: skip
    assert set(ruled) == names(Rule)
    before = describe(replace(LAYOUT, rules=(rule,)), language)
    for key, value in ruled.items():
        assert describe(replace(LAYOUT, rules=(replace(rule, **{key: value}),)), language).rules != before.rules, key
    before = describe(LAYOUT, language)
    whole: Mapping[str, Any] = {
        "id": "x", "version": "9.9.9", "title": "x", "valid_from": None, "source": "", "verified": True,
        "file": replace(FORM, on_short="pad"), "records": LAYOUT.records, "groups": {"testa": "coda"}, "structure": {},
        "rules": (), "fingerprint": "0" * 64, "continuity": Continuity("testa.numero", "coda.totale"),
    }  # fmt: skip
    assert set(whole) == names(Layout)
    for key in set(whole) - {"records", "structure"}:  # what they hold has just been asked for, piece by piece
        assert describe(replace(LAYOUT, **{key: whole[key]}), language) != before, key


@pytest.mark.parametrize("language", SPOKEN)
def test_balances_that_go_on_are_said_where_they_stand(language: Any) -> None:
    layout = replace(LAYOUT, continuity=Continuity("testa.numero", "coda.totale", ("testa.cliente", "testa.tipo")))
    told = {
        f"{record.name}.{field.name}": " ".join(notes(field, record, layout, language))
        for record in layout.records
        for field in record.fields
    }
    assert "coda.totale" in told["testa.numero"] and "testa.numero" in told["coda.totale"]
    for path in ("testa.numero", "coda.totale"):
        assert "testa.cliente" in told[path] and "testa.tipo" in told[path]
    assert names(Continuity) == {"opening", "closing", "account"}


@pytest.mark.parametrize("language", SPOKEN)
def test_every_choice_that_a_layout_has_is_said_in_its_own_words(language: Any) -> None:
    besides = {"sign": SIGNED, "mark": DECIMAL, "endian": {"base": "binary", "digits": 9}}
    for key, values in choices(Field):
        if key == "base":
            continue
        beside = [{"sign_in": "dc"} if value == "column" else {} for value in values]
        said = [
            str(of_field(a_field(**{**besides.get(key, {}), key: value, **more}), language))
            for value, more in zip(values, beside, strict=True)
        ]
        assert len(set(said)) == len(values), key
    for key, values in choices(FileForm):
        said = [str(files.form(replace(FORM, **{key: value}), language)) for value in values]
        assert len(set(said)) == len(values), key
    for key, values in choices(Sequence):
        said = [str(of_field(a_field(**INTEGER, sequence=Sequence(**{key: value})), language)) for value in values]
        assert len(set(said)) == len(values), key
    assert len({direction(one, language) for one in DIRECTIONS}) == len(DIRECTIONS)


@pytest.mark.parametrize("language", SPOKEN)
def test_every_base_and_codec_has_words_of_its_own(language: Any) -> None:
    besides: Mapping[str, Mapping[str, Any]] = {
        "integer": INTEGER, "decimal": DECIMAL, "date": {"format": "yyyyMMdd"}, "const": {"value": "A"},
        "boolean": {"yes": "S", "no": "N"}, "time": {"format": "HHmmss"}, "packed": {"digits": 15},
        "binary": {"digits": 18},
    }  # fmt: skip
    for form in (FORM, CSV):
        said = {kind(a_field(**{**besides.get(base, {}), "base": base}), form, language) for base in BASES}
        assert len(said) == len(BASES)
        assert not any(base in text for base in ("codice_fiscale", "partita_iva") for text in said)
    assert set(CODECS) <= set(files.CODECS), "say the codec in tracciati/plain/files.py"
    assert set(SPOKEN) == set(LANGUAGES)


@pytest.mark.parametrize("language", SPOKEN)
def test_every_origin_and_target_has_words(language: Any) -> None:
    for origin in [f"{source}.{name}" for source, names in ORIGINS.items() for name in names]:
        (said,) = notes(a_field(origin=origin), TESTA, LAYOUT, language)
        assert origin not in said, f"say `{origin}` in tracciati/plain/fields.py"
    for target in TARGETS:
        (said,) = notes(a_field(target=target), TESTA, LAYOUT, language)
        assert target not in said, f"say `{target}` in tracciati/plain/fields.py"


@pytest.mark.parametrize("language", SPOKEN)
def test_every_total_has_words(language: Any) -> None:
    field = "richiesta.importo_max"
    samples = ["count(*)", "blocks(10)", f"hash_sum({field} mod 97)", f"first({field}) - sum({field})"]
    samples += [f"{function}({field})" for function in expression.FUNCTIONS]
    assert {type(parse(text)) for text in samples} == set(typing.get_args(expression.Derivation))
    said = {derivation(parse(text), LAYOUT, language) for text in samples}
    assert len(said) == len(samples) and not said & set(samples)


@pytest.mark.parametrize(
    ("field", "form", "italian", "english"),
    [
        (
            a_field(**{**DECIMAL, "digits": 11, "length": 11}),
            FORM,
            "numerico, 11 cifre di cui 2 decimali, senza separatore decimale, con zeri a sinistra",
            "numeric, 11 digits of which 2 decimals, without a decimal mark, zero filled on the left",
        ),
        (a_field(base="date", format="yyyyMMdd"), FORM, "data AAAAMMGG", "date yyyyMMdd"),
        (
            a_field(base="date", format="ddMMyy", pivot=70, length=6),
            FORM,
            "data GGMMAA, anni 1970-1999 e 2000-2069",
            "date ddMMyy, years 1970-1999 and 2000-2069",
        ),
        (
            a_field(base="date", format="ddMMyy", pivot=0, length=6),
            FORM,
            "data GGMMAA, anni 1900-1999",
            "date ddMMyy, years 1900-1999",
        ),
        (a_field(base="const", value="01", length=2), FORM, "costante «01»", "constant “01”"),
        (a_field(length=1), FORM, "alfanumerico, 1 carattere", "alphanumeric, 1 character"),
        (a_field(length=20), CSV, "alfanumerico, al massimo 20 caratteri", "alphanumeric, at most 20 characters"),
        (
            a_field(base="digits", length=5, align="right", pad="0"),
            FORM,
            "codice di 5 cifre, zeri a sinistra compresi",
            "code of 5 digits, zeros on the left included",
        ),
        (
            a_field(**{**SIGNED, "sign": "overpunch", "plus": "", "minus": ""}),
            CSV,
            "numerico intero, al massimo 5 cifre, segno nell'ultima cifra (da 0 a 9: «{ABCDEFGHI»; se negativo: "
            "«}JKLMNOPQR»)",
            "whole number, at most 5 digits, sign in the last digit (0 to 9: “{ABCDEFGHI”; below zero: “}JKLMNOPQR”)",
        ),
        (
            a_field(**{**SIGNED, "plus": " "}),
            FORM,
            "numerico intero, 5 cifre, preceduto dal segno: «-» se negativo, altrimenti 1 spazio, con zeri a sinistra",
            "whole number, 5 digits, preceded by its sign: “-” below zero, else 1 blank, zero filled on the left",
        ),
    ],
)  # fmt: skip
def test_a_kind_of_field_reads_so(field: Field, form: FileForm, italian: str, english: str) -> None:
    assert (kind(field, form, "it"), kind(field, form, "en")) == (italian, english)


def test_the_shipped_fields_read_so() -> None:
    def said(path: str, language: Any) -> list[str]:
        record = LAYOUT.by_name[path.partition(".")[0]]
        return notes(LAYOUT.field(path), record, LAYOUT, language)

    assert said("testa.consegna", "it") == [
        "Nessun valore: 2 spazi",
        "Numero della consegna; senza valore nella richiesta",
    ]
    assert said("fattura.numero", "en") == ["Number of the invoice"]
    assert said("coda.totale", "en") == [
        "Control total (request, rejection and answer): sum of “importo_max” over the records “richiesta”",
        "Control total (invoice): sum of “netto” over the records “fattura”",
    ]
    mav = declare.load(LAYOUTS / "public" / "cbi-mav.toml")
    total = notes(mav.field("EF.totale_importi_negativi"), mav.by_name["EF"], mav, "it")
    assert total == ["Totale di controllo: somma di «importo» nei record «14» con «segno = '-'»"]
    count = notes(mav.field("EF.numero_disposizioni"), mav.by_name["EF"], mav, "it")
    assert count == ["Totale di controllo: numero dei gruppi «disposizione»"]


def test_a_list_joins_as_a_sentence_does() -> None:
    assert listed(["scarti", "esiti"], "it") == "scarti ed esiti"
    assert listed(["A", "B", "C"], "it", by="or") == "A, B o C"
    assert listed(["A"], "en") == "A"


def test_an_order_is_told_from_top_to_bottom() -> None:
    part = orders.parsed("A (B | C D)* g+ (E?)+", {"g": "(F G)+"})
    told = [(step.depth, step.name, step.text) for step in orders.steps(part, "en")]
    assert told == [
        (0, "A", "once"),
        (0, "", "one of these, optional, any number of times:"),
        (1, "B", "once"),
        (1, "", "in this order, once:"),
        (2, "C", "once"),
        (2, "D", "once"),
        (0, "g", "group, once or more, made of:"),
        (1, "", "in this order, once or more:"),
        (2, "F", "once"),
        (2, "G", "once"),
        (0, "E", "optional, any number of times"),
    ]
    (only,) = orders.steps(orders.parsed("riga*", {}), "it")
    assert (only.name, only.text) == ("riga", "facoltativo, anche più volte")
