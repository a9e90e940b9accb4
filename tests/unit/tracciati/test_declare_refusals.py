"""Layouts that are refused: for each mistake the smallest change to a sound layout that makes it, with its place."""

from pathlib import Path

import pytest

from tracciati import declare
from tracciati.declare.toml import Document, did_you_mean, unknown_keys
from tracciati.errors import LayoutError, Problem

SAMPLES = Path(__file__).parents[2] / "samples"

FIXED = (SAMPLES / "small-fixed.toml").read_text(encoding="utf-8")
DELIMITED = (SAMPLES / "small-delimited.toml").read_text(encoding="utf-8")


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(LayoutError) as refused:
        declare.loads(text)
    return refused.value.problems


def only_problem(text: str) -> Problem:
    found = problems(text)
    assert len(found) == 1, [problem.text for problem in found]
    return found[0]


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


RIGA_MATCH = 'match = { tipo = "01" }\nfields = [\n  { name = "tipo", len = 2, type = "const", value = "20"'

# (text that is there, what to write instead, line of: a text after the change, what the problem says, the remedy)
REFUSED_FIXED = [
    ('id = "prova-fissa"', 'id = ""', 'id = ""', "`id` is empty", "write a text"),
    ('only = "request"', "only = []", "only = []", "`only` names no direction", "request, receipt"),
    ('"count(*)"', "{}", "derive = {}", "`derive` names no direction", "request, receipt"),
    ('"count(*)"', '{ anwser = "count(*)" }', "anwser", "unknown key `anwser`", "`answer`?"),
    (
        'from = "outcome.code"',
        'required = true, from = "outcome.code"',
        "outcome",
        "cannot be required in a request",
        "",
    ),
    ('id = "R-1"', 'id = "R 1"', '"R 1"', "a rule cannot be called 'R 1'", "BD-001"),
    ('id = "prova-fissa"', 'id = "Prova fissa"', "Prova", "`id` cannot be 'Prova fissa'", "use small letters"),
    ('version = "1.0.0"', "version = 1.0", "version", "`version` must be text in quotes", 'version = "1.0"'),
    ('version = "1.0.0"', 'version = "1.0"', "version", "`version` cannot be '1.0'", "three numbers"),
    ('version = "1.0.0"', 'versione = "1.0.0"', "versione", "unknown key `versione` in layout", "`version`?"),
    ('"fixed"', '"fixt"', "fixt", "`kind` cannot be 'fixt'", "did you mean `fixed`?"),
    ('"CRLF"', '"NL"', '"NL"', "`separator` cannot be 'NL'", "LF, CRLF, CR, none"),
    ('"latin-1"', '"utf-16"', "utf-16", "`codec` cannot be 'utf-16'", "ascii, iso8859-1, iso8859-2"),
    ('"latin-1"', '"\\u0000"', "codec", "`codec` cannot be '\\x00'", "ascii, iso8859-1, iso8859-2"),
    ("length = 20", 'length = "20"', "length", "`length` must be a whole number", "without quotes: length = 20"),
    ("length = 20", "length = true", "length", "`length` must be a whole number", ""),
    ("testa riga+ coda", "testa riga+ cauda", "structure", "`cauda` is neither a record nor a group", "`coda`?"),
    ("testa riga+ coda", "testa riga* riga coda", "structure", "could stand at two places", "write the structure"),
    ("testa riga+ coda", "testa riga+ fattura coda", "structure", "record fattura is not in direction request", "only"),
    ("invoice = ", "invoise = ", "invoise", "unknown key `invoise` in file.structure", "`invoice`?"),
    ("testa.data", "testa.dato", "reference_date", "record testa has no field `dato`", "`data`?"),
    ("testa.data", "riga.importo", "reference_date", "riga.importo is decimal, not a date", ""),
    ("testa.data", "coda.totale", "reference_date", "coda.totale is decimal, not a date", ""),
    ('"yyyyMMdd"', '"yyyyMM"', '"yyyyMM"', "'yyyyMM' is not a date format", "write day dd"),
    ('"yyyyMMdd"', '"yyMMdd  "', '"yyMMdd', "a year of two digits needs a `pivot`", "pivot = 70"),
    ('"yyyyMMdd"', '"dd/MM/yyyy"', "dd/MM", "the format dd/MM/yyyy has 10 characters, the field 8", ""),
    (
        'null = "00000000"',
        'null = "000000"',
        "null =",
        "the null text '000000' has 6 bytes, the field 8",
        "8 characters",
    ),
    ('null = "00000000"', "null = 0", "null =", "`null` must be text in quotes", 'null = "0"'),
    ('base = "decimal"', 'base = "decimale"', "decimale", "`base` cannot be 'decimale'", "did you mean `decimal`?"),
    (", scale = 2", "", "importo = {", "type importo: a decimal needs `scale`", "add scale = 2"),
    ('value = "01"', "value = 1", "value = 1", "`value` must be text in quotes", 'value = "1"'),
    (
        'value = "01"',
        'value = "1"',
        'value = "1"',
        "the value '1' has 1 byte, the field 2",
        "write the value with all",
    ),
    (
        'len = 10, type = "filler"',
        'len = 9, type = "filler"',
        "fields",
        "take 19 bytes, the record has 20",
        "len is 10",
    ),
    ("at = 10", "at = 11", "at = 11", "`importo` begins at column 10, `at` says 11", "write at = 10"),
    ('type = "data", required', 'type = "dato", required', '"dato"', "`data` has an unknown type `dato`", "`dat"),
    ('match = { tipo = "20" }', 'match = { tipo = "01" }', RIGA_MATCH, "the field's value is '20'", "same text"),
    (
        'match = { tipo = "20" }',
        'match = { typo = "20" }',
        "typo",
        "`typo`, which is no field of record riga",
        "`tipo`?",
    ),
    ("len = 3,", "", "numero", "`numero` has no `len`", "add len"),
    (
        'name = "numero"',
        'name = "tipo"',
        'name = "tipo", len = 3',
        "record riga has two fields called `tipo`",
        "another",
    ),
    ("sequence = { start = 1 }", "sequense = 1", "sequense", "unknown key `sequense`", "`sequence`?"),
    ('"text", codes', '"integer", codes', "VIS1", "`codes` has no meaning for integer", "for text, digits"),
    ("VIS1 =", "VIS11 =", "VIS11", "the code 'VIS11' has 5 bytes, the field 4", ""),
    ("at = 10", 'at = 10, pattern = "[A-Z]"', "pattern", "`pattern` has no meaning for decimal", "for text, digits"),
    ('"text", codes', '"text", pattern = "VIS.", codes', "pattern", "`codes` say already what may", "take one out"),
    ("at = 10", "at = 10, max = 0.01", "max", "`max` must be text in quotes", 'max = "0.01"'),
    ("at = 10", 'at = 10, minus = "-"', "minus", "`minus` has no meaning: there is no `sign`", "take it out"),
    (
        "at = 10",
        'at = 10, digits = 6, sign = "after"',
        "sign",
        "`sign` cannot be 'after'",
        "leading, trailing, overpunch",
    ),
    ("at = 10", 'at = 10, digits = 6, sign = "trailing", plus = "-"', "plus", "`plus` and `minus` are the same", ""),
    ("at = 10", 'at = 10, digits = 6, sign = "leading", minus = "--"', "minus", "must be one ASCII character", ""),
    (
        "at = 10",
        'at = 10, digits = 7, sign = "leading"',
        "digits = 7",
        "7 digits and the sign do not fit into 7",
        "6 or",
    ),
    (
        "at = 10",
        'at = 10, digits = 6, sign = "leading"',
        "sum(",
        "`totale` has no sign, and sum(riga.importo)",
        "`sign`",
    ),
    ("at = 10", 'at = 10, max = "0.001"', "max", "0.001 is no amount with 2 decimals", '"0.01"'),
    ("at = 10", 'at = 10, max = "1,5"', "max", "'1,5' is no amount", '"0.01"'),
    ("at = 10", 'at = 10, min = "2.50", max = 1', "max = 1", "`max` is below `min`", "exchange"),
    ("at = 10", "at = 10, max = 100000000", "max", "`max` has more than the 7 digits", "smaller"),
    ('VIS1 = "Ordinaria"', "VIS1 = 1", "VIS1 = 1", "`VIS1` must be text in quotes", 'VIS1 = "1"'),
    ('"outcome.code"', '"outcome.cod"', "outcome.cod", "`from` cannot be 'outcome.cod'", "`outcome.code`?"),
    ('"count(*)"', '"count(righe)"', "count(righe)", "counts neither a record nor a group", "`riga`?"),
    ('"count(*)"', '"count(riga)"', "count(riga)", "direction invoice has no record riga", "one per direction"),
    ('"count(*)"', '"righe > 3"', "righe > 3", "`righe > 3` is a condition, not a total", "count(*)"),
    ('"count(*)"', '"count("', '"count("', "expected the name of a record or group", "write count"),
    ("sum(riga.importo)", "sum(riga.servizio)", "sum(", "`riga.servizio` is text; sum is of numbers", ""),
    ("sum(riga.importo)", "sum(riga.numero)", "sum(", "`totale` has 2 decimals, riga.numero has 0", "same scale"),
    ("sum(riga.importo)", "sum(riga.importi)", "sum(", "record riga has no field `importi`", "`importo`?"),
    (
        'len = 9, type = "importo"',
        'len = 9, digits = 6, type = "importo"',
        "digits = 6",
        "fewer than the 7",
        "at least",
    ),
    ('on = "riga"', 'on = "righe"', 'on = "righe"', "there is no record `righe`", "`riga`?"),
    ("importo > 0 or", "importo > 0 and or", "check", "found 'or'", "write for instance"),
    ("importo > 0", "importo > 'A'", "check", "importo is a number, 'A' a text", "a number stands without quotes"),
    ("importo > 0", "importo > 0.001", "check", "`importo` has 2 decimals, 0.001 has 3", ""),
    ("importo > 0", "tipo = '21'", "check", "`tipo` is always '20'", "another field"),
    ("'VIS2'", "'VIS3'", "check", "'VIS3' is not a code of `servizio`", "VIS"),
    ("importo > 0", "coda.filler = '1'", "check", "`filler` is a filler: it has no value", "give it a type"),
    ("importo > 0", "fattura.netto > 0", "check", "a file can hold several records fattura", "there once"),
    (
        "importo > 0",
        "importo < coda.totale",
        "check",
        "no coda stands before a riga",
        "on the later of the two records",
    ),
    (
        "sum(riga.importo)",
        "sum(riga.importo where testa.data > 2026-01-01)",
        "sum(",
        "another record",
        "own fields only",
    ),
    ('text = "Importo mancante"', "", "[[rule]]", "a rule needs `text`", "add text"),
    ("at = 10", 'at = 10, same_as = "coda.totali"', "same_as", "record coda has no field `totali`", "`totale`?"),
    ("at = 10", 'at = 10, same_as = "testa.data"', "same_as", "`importo` is decimal, testa.data is date", "one type"),
    ("at = 10", 'at = 10, signs = "leading"', "sign", "unknown key `signs` in record.riga.fields[3]", "`sign`?"),
    (
        "at = 10",
        'at = 10, mark = ",", digits = 7',
        "digits = 7",
        "7 digits and the mark do not fit into 7 bytes",
        "6 or",
    ),
    ("at = 10", 'at = 10, on_overflow = "cut"', "cut", "`on_overflow` cannot be 'cut'", "continue:FIELD"),
    ("at = 10", 'at = 10, only = "request"', "at = 10", "`only` stands on columns of delimited layouts", "record"),
    ("at = 10", 'at = 10, align = "left"', "align", "numbers stand on the right", ""),
    (
        'type = "text", from',
        'type = "codice_fiscale", from',
        "codice_f",
        "a codice_fiscale has 16 characters",
        "len = 16",
    ),
    (
        '[record.coda]\nmatch = { tipo = "99" }',
        "[record.coda]",
        "[record.coda]",
        "both accept '01'",
        "give each a `match`",
    ),
    ("[types]", "[type]", "[type]", "unknown key `type`", "`types`?"),
]


@pytest.mark.parametrize("case", REFUSED_FIXED, ids=[case[1] or case[0] for case in REFUSED_FIXED])
def test_a_wrong_layout_is_refused_at_its_line_with_the_remedy(case: tuple[str, str, str, str, str]):
    old, new, place, said, remedy = case
    assert old in FIXED
    text = FIXED.replace(old, new, 1)
    found = [problem for problem in problems(text) if said in problem.text]
    assert found, [problem.text for problem in problems(text)]
    assert found[0].line == line_of(text, place)
    assert remedy in found[0].hint


def test_a_pattern_that_re2_cannot_take_is_refused_with_its_reason() -> None:
    text = FIXED.replace('type = "text", codes = {', 'type = "text", pattern = "A(?=B)", codesx = {', 1)
    (found,) = [problem for problem in problems(text) if "pattern" in problem.text]
    assert "'A(?=B)' is no pattern: " in found.text and "(?=" in found.text.partition(": ")[2]


REFUSED_DELIMITED = [
    ('separator = "LF"', 'separator = "none"', "separator", "delimited records end with a line feed"),
    ('separator = "LF"', "length = 20", "length", "delimited records have no length"),
    ('delimiter = ";"', 'delimiter = ";;"', "delimiter", "`delimiter` cannot be ';;'"),
    ('delimiter = ";"', 'delimiter = "|", quote = "|"', "quote", "`quote` and `delimiter` are the same character"),
    (', mark = ","', ', mark = ";"', "mark", "`mark` cannot be ';'"),
    ("scale = 2, ", "scale = 0, ", "mark", "`importo`: a mark without decimals"),
    ('only = "answer"', 'only = ["answer", "anwser"]', "anwser", "`anwser` is not a direction"),
    ("required = true", "required = true, null = '-------------'", "null", "longer than the 12 bytes of the column"),
    ("len = 12", "len = 12, sensitive = 'yes'", "sensitive", "`sensitive` must be true or false"),
    ("scale = 2", "scale = 2, digits = 19", "digits", "19 digits are more than 18"),
    (
        ', only = "answer"',
        ', only = "answer" }, { name = "v", type = "text", same_as = "esito"',
        "same_as",
        "has no field `esito`",
    ),
    (
        'name = "esito"',
        'name = "nota", type = "text", label = "chiave" }, { name = "esito"',
        'label = "chiave"',
        "two columns are called 'chiave'",
    ),
    (
        'structure = "riga+"',
        'structure = "riga+ riga2*"',
        "structure",
        "one header line cannot name the columns of several",
    ),
]


@pytest.mark.parametrize("case", REFUSED_DELIMITED, ids=[case[1] for case in REFUSED_DELIMITED])
def test_a_wrong_delimited_layout_is_refused_at_its_line(case: tuple[str, str, str, str]):
    old, new, place, said = case
    text = DELIMITED.replace(old, new, 1)
    if "riga2" in new:
        text += '\n[record.riga2]\nmatch = { a = "x" }\nfields = [ { name = "a", type = "const", value = "x" } ]\n'
    found = [problem for problem in problems(text) if said in problem.text]
    assert found, [problem.text for problem in problems(text)]
    assert found[0].line == line_of(text, place)


def test_records_that_cannot_be_told_apart_are_named_with_a_byte_string_that_both_accept():
    text = FIXED.replace('[record.coda]\nmatch = { tipo = "99" }', '[record.coda]\nmatch = { righe = "00002" }')
    text = text.replace(
        'name = "righe", len = 5, type = "integer", derive = "count(*)"', 'name = "righe", len = 5, type = "text"'
    )
    said = [problem.text for problem in problems(text)]
    assert "records testa and coda cannot be told apart: both accept '0100002'" in said
    assert "records riga and coda cannot be told apart: both accept '2000002'" in said


def test_records_of_different_directions_need_not_be_told_apart():
    text = FIXED.replace('match = { tipo = "80" }', 'match = { tipo = "20" }').replace('value = "80"', 'value = "20"')
    assert declare.loads(text).by_name["fattura"].match == {"tipo": "20"}


def test_a_record_in_no_structure_is_refused():
    text = FIXED.replace(', invoice = "testa fattura* coda"', "").replace(', invoice = "sum(fattura.netto)"', "")
    assert only_problem(text).text == "no structure names record fattura: it could never occur"


def test_a_total_in_a_record_that_repeats_is_refused():
    text = FIXED.replace("sequence = { start = 1 }", 'derive = "count(riga)"')
    problem = only_problem(text)
    assert problem.text == "`numero`: a file can hold several records riga"
    assert "put it into a record that is there once" in problem.hint


def test_a_mistake_in_a_group_is_shown_where_the_group_is():
    text = FIXED.replace("testa riga+ coda", "testa blocco+ coda") + '\n[group.blocco]\nstructure = "riga (riga"\n'
    problem = only_problem(text)
    assert problem.line == line_of(text, "riga (riga")
    assert problem.text == "a ( without its )\n  riga (riga\n            ^"


def test_all_problems_are_named_at_once_in_the_order_of_the_text():
    text = (
        FIXED.replace("at = 10", "at = 12")
        .replace('"CRLF"', '"NL"')
        .replace("'VIS2'", "2")
        .replace("len = 10", "len = 11")
    )
    lines = [problem.line for problem in problems(text)]
    assert lines == sorted(lines)
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("rule = [5]\n", "rule[0]"),
        ("group = { lotto = 5 }\n", "group.lotto"),
        ("record = { riga = { fields = [5] } }\n", "record.riga.fields[0]"),
        ("record = { riga = 5 }\n", "record.riga"),
    ],
)
def test_what_stands_in_the_place_of_a_table_is_refused_at_its_line(written: str, what: str) -> None:
    (found,) = (problem for problem in problems(f"\n{written}") if problem.text == f"{what} must be a table")
    assert (found.line, found.hint) == (2, "write it as { key = value, ... }")


def test_a_code_without_quotes_is_said_to_be_text():
    problem = only_problem(FIXED.replace('value = "01"', "value = 01"))
    assert problem == Problem(
        line_of(FIXED, 'value = "01"'),
        FIXED.split("\n")[line_of(FIXED, 'value = "01"') - 1].index('"01"') + 1,
        "this is not TOML: a code without quotes",
        'a number cannot begin with zeros; write it in quotes: "01"',
    )


def test_a_key_written_twice_is_refused_with_its_line():
    text = FIXED.replace('version = "1.0.0"', 'version = "1.0.0"\nversion = "1.0.1"')
    problem = only_problem(text)
    assert problem.line == 4
    assert "overwrite" in problem.text


def test_the_message_has_file_line_column_and_what_to_do():
    with pytest.raises(LayoutError) as refused:
        declare.loads(FIXED.replace("at = 10", "at = 11"), "prova.toml")
    place = line_of(FIXED, "at = 10")
    column = FIXED.split("\n")[place - 1].index("at = 10") + 1
    assert str(refused.value) == (
        f"prova.toml:{place}:{column}: `importo` begins at column 10, `at` says 11\n"
        "  do: write at = 10, or correct the lengths above it"
    )


def test_no_word_is_suggested_in_place_of_itself_or_twice() -> None:
    assert did_you_mean("filler", ["filler", "fillet"]) == "did you mean `fillet`?"
    document = Document("filee = 1\n", "layout.toml")
    unknown_keys(document, (), ("file",))
    unknown_keys(document, (), ("name", "type", "len", "name"))
    assert [problem.hint for problem in document.problems] == ["did you mean `file`?", "it can be name, type, len"]


def test_a_layout_without_a_record_is_told_to_declare_them() -> None:
    whole = FIXED[: FIXED.index("[record.")]
    found = next(problem for problem in problems(whole) if "is neither a record nor a group" in problem.text)
    assert found.hint == "the layout has no records yet: declare each as [record.NAME]"


def test_one_missing_byte_is_said_in_the_singular() -> None:
    found = problems(FIXED.replace("length = 30", "length = 31").replace("length = 20", "length = 21"))
    assert "1 byte is missing" in found[0].hint


@pytest.mark.parametrize(
    ("field", "check", "said"),
    [
        ('len = 5, type = "digits"', "codice = '1'", "`codice` has 5 digits, '1' has 1"),
        ('len = 5, type = "digits"', "codice != 'ABCDE'", "`codice` is a run of digits, 'ABCDE' is none"),
        ('len = 5, type = "text"', "codice = 'èèè'", "`codice` has 5 bytes, 'èèè' has 6"),
        ('len = 11, type = "partita_iva"', "codice = '0743'", "a partita IVA has 11 digits, '0743' has 4"),
        ('len = 16, type = "codice_fiscale"', "codice = 'RSSMRA'", "a codice fiscale has 16 characters"),
    ],
)
def test_a_rule_that_compares_with_what_the_field_can_never_hold_is_refused(field: str, check: str, said: str) -> None:
    length = int(field.split("len = ")[1].split(",")[0])
    text = (
        '[layout]\nid = "letterali"\nversion = "1.0.0"\n[file]\nkind = "fixed"\n'
        f'record = {{ length = {length}, separator = "LF" }}\nencoding = {{ codec = "utf-8" }}\nstructure = "riga*"\n'
        f'[record.riga]\nfields = [ {{ name = "codice", {field} }} ]\n'
        f'[[rule]]\nid = "R-1"\non = "riga"\ncheck = "{check}"\ntext = "mai"\n'
    )
    problem = only_problem(text)
    assert said in problem.text
    assert problem.line == line_of(text, "check = ")


STATEMENTS = (SAMPLES / "statements.toml").read_text(encoding="utf-8")
CONTINUITY = '''opening = "apre.saldo"
closing = "chiude.saldo"
account = "apre.conto"'''

# (what is written otherwise in [continuity] or around it, line of: a text after the change, what is said, the remedy)
REFUSED_CONTINUITY = [
    ('opening = "apre.saldo"', "", "[continuity]", "continuity has no `opening`", "add `opening = ...`"),
    ("account =", "acount =", "acount", "unknown key `acount` in continuity", "`account`?"),
    ('"apre.saldo"', '"aprre.saldo"', "aprre", "`opening` leads to no field: 'aprre.saldo'", "`apre`?"),
    ('"apre.saldo"', '"saldo"', '"saldo"', "`opening` leads to no field: 'saldo'", "write record.field"),
    ('"apre.saldo"', '"apre.saldi"', "saldi", "`opening`: record apre has no field `saldi`", "`saldo`?"),
    ('"apre.saldo"', '"apre.conto"', "apre.conto", "apre.conto is text, and a balance is a number", "an amount"),
    ('"chiude.saldo"', '"apre.saldo"', "closing", "`opening` and `closing` are the same field", "the two balances"),
    ('"apre.saldo"', '"movimento.importo"', "movimento.imp", "a file can hold several records movimento", "once"),
    ('"chiude.saldo"', '"movimento.importo"', "closing", "there can be several records movimento", "there once"),
    ('"apre.conto"', '"apre.cont"', '"apre.cont"', "`account`: record apre has no field `cont`", "`conto`?"),
    ('"apre.conto"', '"testa.numero"', "testa.num", "testa.numero is not a field of apre", "its fields are tipo"),
    ('"apre.conto"', "7", "account = 7", "`account` must be text in quotes", 'account = "7"'),
    (
        'opening = "apre.saldo"\nclosing = "chiude.saldo"',
        'opening = "chiude.saldo"\nclosing = "apre.saldo"',
        "opening",
        "in group conto a apre can come without a chiude before",
        "always comes first",
    ),
]


@pytest.mark.parametrize("case", REFUSED_CONTINUITY, ids=lambda case: case[3])
def test_balances_that_cannot_go_on_are_refused_at_their_line(case: tuple[str, str, str, str, str]) -> None:
    old, new, place, text, hint = case
    changed = CONTINUITY.replace(old, new, 1)
    assert changed != CONTINUITY
    layout = STATEMENTS.replace(CONTINUITY, changed, 1)
    problem = problems(layout)[0]
    assert problem.line == line_of(layout, place), problem
    assert text in problem.text and hint in problem.hint, problem


def test_balances_of_other_decimals_could_never_be_compared() -> None:
    changed = STATEMENTS.replace(
        '{ name = "saldo", len = 8, type = "importo" },\n  { name = "resto", len = 7',
        '{ name = "saldo", len = 8, type = "integer" },\n  { name = "resto", len = 7',
    )
    assert only_problem(changed).text == "`opening` has 2 decimals, `closing` 0: they could never be compared"
