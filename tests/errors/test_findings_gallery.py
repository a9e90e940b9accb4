"""For every finding code a small file that earns it, and the first line of its message, exactly.

The layouts are those in tests/samples; a case may change a text in one of them. Codes of the stage "history" take
several files. No file earns more than the codes
that are listed: one mistake is one complaint.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.statements import statement, told
from tracciati import declare
from tracciati.findings.catalogue import CATALOGUE
from tracciati.findings.report import Report
from tracciati.limits import RECORD_BYTES_MAX
from tracciati.reading import check

SAMPLES = Path(__file__).parents[1] / "samples"

HEAD = "01BANCA   20260301                      \r\n"
ORDER = "0200001RIF001ROSSI    202603050001250V  \r\n"
TAIL = "99BANCA   00001000001250                \r\n"
FIXED = HEAD + ORDER + TAIL
CSV_HEAD = "numero;Riferimento;nome;importo;data\n"
CSV = CSV_HEAD + "1;R1;ROSSI;12,50;01/03/2026\n"
LOTS = "".join(
    f"{line:30}\n"
    for line in ("1001", "50001 0000000", "600007 00012500001", "80001001007 0001250 0001250", "9002001 00012500001")
)
MAINFRAME = (
    "T20260301".ljust(40)
    + "M\0\0\0\1CAUSALE".ljust(20) + "\0\0\0\0\xaa\x0c" + "0000000\xc0".ljust(14)
    + "C\0\0\x1f" + "\0\0\0\0\0\0\0\x0c".ljust(36)
)  # fmt: skip
GROUPED = "IB          \n140001001250\n700001      \nEF0001001250\n"


class Told(NamedTuple):
    """Files of one feed, called 1.txt, 2.txt and so on; the code they are answered with, and its message."""

    files: list[bytes]
    code: str
    english: str
    italian: str


class Case(NamedTuple):
    """A file, and the code and first line (after the file's name) it is answered with; `change` edits the layout."""

    sample: str
    text: str
    code: str
    message: str
    change: tuple[str, str] = ("", "")


def fixed(old: str, new: str, code: str, message: str, change: tuple[str, str] = ("", "")) -> Case:
    """The good fixed file with one change."""
    assert old in FIXED
    return Case("orders-fixed", FIXED.replace(old, new, 1), code, message, change)


LAST_OPTIONAL = ('last_separator = "required"', 'last_separator = "forbidden"')
PADDED = ('last_separator = "required" }', 'last_separator = "required" }\non_short = "pad"\non_long = "ignore"')
MARKED = ('{ base = "decimal", digits = 7, scale = 2 }', '{ base = "decimal", digits = 6, scale = 2, mark = "," }')
FISCAL = (
    '{ name = "nome",        type = "text", sensitive = true }',
    '{ name = "nome", type = "codice_fiscale" }',
)
VAT = ('{ name = "nome",        type = "text", sensitive = true }', '{ name = "nome", type = "partita_iva" }')
TIME = (VAT[0], '{ name = "nome", type = "time", format = "HH:mm" }')
IBAN = (VAT[0], '{ name = "nome", type = "iban" }')
ASCII = ("iso8859-1", "ascii")

BLOCKED = ('last_separator = "required" }', 'last_separator = "required" }\nblocking = { records = 2, fill = "*" }')
FILL = "*" * 40 + "\r\n"

CASES = [
    Case(
        "small-counted",
        "\0\x06AB" + "\0\0CD",
        "TR-L118",
        "2:1-2: TR-L118: the record says a length that it cannot have",
    ),
    Case(
        "orders-fixed",
        FIXED,
        "TR-L119",
        "3:41: TR-L119 warning: the last block is not filled up: 3 lines in blocks of 2",
        BLOCKED,
    ),
    Case(
        "orders-fixed",
        HEAD + ORDER + FILL + TAIL,
        "TR-L120",
        "4:1-40: TR-L120: a record behind the lines that fill up the last block",
        BLOCKED,
    ),
    fixed("001250V  \r", "001250V\r", "TR-L101", "2:1-38: TR-L101: record too short"),
    fixed("001250V  \r", "001250V  XY\r", "TR-L102", "2:41-42: TR-L102: record too long"),
    fixed("V  \r\n", "V  \n", "TR-L103", "2:41: TR-L103 warning: record ended by LF, not by CRLF"),
    Case("orders-fixed", FIXED[:-2], "TR-L104", "3:41: TR-L104: the last record has no separator"),
    Case("orders-fixed", FIXED, "TR-L105", "3:41: TR-L105: a separator after the last record", LAST_OPTIONAL),
    Case(
        "orders-delimited", "\ufeff" + CSV, "TR-L106", "1:1-3: TR-L106 warning: the file begins with a byte order mark"
    ),
    fixed("V  \r\n", "V  \r\n\r\n", "TR-L107", "3:1: TR-L107 warning: empty line"),
    Case(
        "orders-fixed",
        FIXED + "\x1a",
        "TR-L108",
        "4:1: TR-L108 warning: the file ends with an end-of-file character (^Z)",
    ),
    fixed(
        "ROSSI    ",
        "ROSSI" + "x" * RECORD_BYTES_MAX,
        "TR-L109",
        f"2:1-{RECORD_BYTES_MAX}: TR-L109: a record longer than any record may be",
    ),
    Case("orders-delimited", CSV + '2;"R2;BIANCHI;1,00;', "TR-L110", "3:1-19: TR-L110: a quote is never closed"),
    Case(
        "orders-grouped",
        GROUPED.replace("\n", "")[:-1],
        "TR-L111",
        "4:1-11: TR-L111: the file ends inside a record",
        ('separator = "LF", last_separator = "optional"', 'separator = "none"'),
    ),
    Case(
        "orders-delimited",
        CSV.replace("Riferimento", "riferimento"),
        "TR-L112",
        "1:1-36: TR-L112: the header row differs from the layout",
    ),
    Case("orders-delimited", CSV + "2;R2;BI;ANCHI;1,00;\n", "TR-L113", "3:1-19: TR-L113: 6 columns instead of 5"),
    Case(
        "orders-delimited",
        CSV + '2;R2;IL "ROSSO";1,00;\n',
        "TR-L114",
        "3:6-15: TR-L114: a quote in the middle of a value",
    ),
    fixed(
        "001250V  \r",
        "001250V\r",
        "TR-L115",
        "2:1-38: TR-L115 warning: short record, read as if filled with blanks",
        PADDED,
    ),
    fixed(
        "001250V  \r",
        "001250V  XY\r",
        "TR-L116",
        "2:41-42: TR-L116 warning: long record, the surplus was not read",
        PADDED,
    ),
    Case("orders-delimited", CSV.replace("\n", "\r"), "TR-L117", "1:37: TR-L117: no line end in the whole file"),
    fixed(ORDER, ORDER + "03" + ORDER[2:], "TR-S101", "3:1-40: TR-S101: unknown record type"),
    fixed(HEAD, "", "TR-S102", "1:1-40: TR-S102 ordine: this record cannot stand here"),
    fixed(TAIL, "", "TR-S103", "2:41: TR-S103: the file ends too soon"),
    fixed(
        TAIL,
        "55".ljust(40) + "\r\n" + TAIL,
        "TR-S104",
        "3:1-40: TR-S104 nota: this record does not belong in this kind of file",
    ),
    fixed("RIF001", "      ", "TR-F201", "2:8-13: TR-F201 ordine.riferimento (Vs. rif.): empty, but required"),
    fixed("1250V", "1250Z", "TR-F202", "2:38: TR-F202 ordine.tipo_ordine: not in the list of codes"),
    fixed(
        "ROSSI ", "ROSS\xe0 ", "TR-F203", "2:14-22: TR-F203 ordine.nome: bytes that are no text in this encoding", ASCII
    ),
    fixed("0001250V", "00012A0V", "TR-F204", "2:31-37: TR-F204 ordine.importo (Importo): not a run of digits"),
    fixed("20260305", "20260230", "TR-F205", "2:23-30: TR-F205 ordine.consegna: not a date"),
    fixed(
        "99BANCA",
        "99BANCA",
        "TR-F206",
        "3:25-40: TR-F206 coda.fine: differs from the constant",
        (
            '{ name = "filler",  len = 16, type = "filler" },\n]\n\n[[rule',
            '{ name = "fine", len = 16, type = "const", value = "FINE            " },\n]\n\n[[rule',
        ),
    ),
    Case("orders-delimited", CSV, "TR-F207", "2:6-10: TR-F207 riga.nome: not a codice fiscale", FISCAL),
    Case(
        "orders-delimited",
        CSV.replace("ROSSI", "RSSMRA85T10H501P"),
        "TR-F208",
        "2:6-21: TR-F208 riga.nome: wrong check character of the codice fiscale",
        FISCAL,
    ),
    Case("orders-delimited", CSV, "TR-F209", "2:6-10: TR-F209 riga.nome: not a partita IVA", VAT),
    Case(
        "orders-delimited",
        CSV.replace("ROSSI", "00743110158"),
        "TR-F210",
        "2:6-16: TR-F210 riga.nome: wrong check digit of the partita IVA",
        VAT,
    ),
    Case(
        "orders-delimited",
        CSV.replace("12,50", "1250"),
        "TR-F211",
        "2:12-15: TR-F211 riga.importo: decimal mark missing or in the wrong place",
    ),
    fixed("0001250V", "   1250V", "TR-F212", "2:31-37: TR-F212 ordine.importo (Importo): wrong alignment or padding"),
    fixed(
        "1250V  ",
        "1250V00",
        "TR-F213",
        "2:39-40: TR-F213 warning: ordine.esito: filled, but to be left blank by the sender",
    ),
    Case(
        "orders-delimited",
        CSV.replace("R1;", "R123456789012;"),
        "TR-F214",
        "2:3-15: TR-F214 riga.riferimento (Riferimento): longer than the field",
    ),
    fixed(
        "ROSSI ",
        "ROSSI1",
        "TR-F216",
        "2:14-22: TR-F216 ordine.nome: not of the form agreed",
        ('type = "text", sensitive = true }', 'type = "text", pattern = "[A-Z]+" }'),
    ),
    fixed(
        "0001250V",
        "0001250V",
        "TR-F217",
        "2:31-37: TR-F217 ordine.importo (Importo): outside of the range agreed",
        ('label = "Importo"', 'label = "Importo", max = "12.49"'),
    ),
    Case("orders-delimited", CSV.replace("ROSSI", "IT60X1"), "TR-F218", "2:6-11: TR-F218 riga.nome: not an IBAN", IBAN),
    Case(
        "orders-delimited",
        CSV.replace("ROSSI", "IT61X0542811101000000123456"),
        "TR-F219",
        "2:6-32: TR-F219 riga.nome: wrong check digits of the IBAN",
        IBAN,
    ),
    Case(
        "orders-delimited",
        CSV,
        "TR-F220",
        "2:6-10: TR-F220 riga.nome: not a number with check digits",
        (IBAN[0], IBAN[1].replace("iban", "luhn")),
    ),
    Case(
        "orders-delimited",
        CSV.replace("ROSSI", "79927398714"),
        "TR-F221",
        "2:6-16: TR-F221 riga.nome: wrong check digit",
        (IBAN[0], IBAN[1].replace("iban", "luhn")),
    ),
    Case(
        "orders-delimited",
        CSV.replace("ROSSI", "12"),
        "TR-F222",
        "2:6-7: TR-F222 riga.nome: sign missing or unknown",
        (IBAN[0], IBAN[1].replace('"iban"', '"integer", sign = "trailing"')),
    ),
    fixed("ROSSI ", "ROS\x07I ", "TR-F215", "2:14-22: TR-F215 ordine.nome: control characters in a text"),
    fixed("0200001", "0200007", "TR-R301", "2:3-7: TR-R301 ordine.numero: out of sequence"),
    fixed(
        ORDER + TAIL,
        ORDER + ORDER.replace("00001", "00002") + TAIL.replace("BANCA   00001000001250", "BANCA   00002000002500"),
        "TR-R302",
        "3:8-13: TR-R302 ordine.riferimento (Vs. rif.): already used in this file",
    ),
    Case(
        "orders-delimited",
        CSV.replace("ROSSI", "24:00"),
        "TR-F224",
        "2:6-10: TR-F224 riga.nome: not a time of day",
        TIME,
    ),
    Case("small-mainframe", MAINFRAME, "TR-F223", "2:21-26: TR-F223 movimento.importo: not a packed number"),
    fixed("99BANCA ", "99BANCO ", "TR-R303", "3:3-10: TR-R303 coda.cliente: differs from testa.cliente"),
    fixed(
        "20260305",
        "20260228",
        "TR-R304",
        "2:23-30: TR-R304 ordine.consegna [ORD-2]: delivery before the day of the file",
    ),
    fixed(
        "00001000001250",
        "00001000001251",
        "TR-T401",
        "3:16-24: TR-T401 coda.totale: the total differs from what the file holds",
    ),
    Case(
        "orders-lots",
        LOTS.replace("80001001", "80001002"),
        "TR-G401",
        "4:6-8: TR-G401 chiude.voci: the total differs from what its group holds",
    ),
]


def in_ebcdic(text: str) -> bytes:
    """Printable characters in EBCDIC, all others as the bytes they are."""
    return b"".join(one.encode("cp280" if " " <= one <= "~" else "latin-1") for one in text)


HISTORIES = [
    Told(
        [statement(12), statement(14)],
        "TR-H501",
        "2.txt:1:2-4: TR-H501 warning: testa.numero (Progressivo flusso): "
        "the number jumps from 12 to 14: 13 was never received",
        "il numero passa da 12 a 14: 13 non è mai arrivato",
    ),
    Told(
        [statement(12), statement(12, day="20260302")],
        "TR-H502",
        "2.txt:1:2-4: TR-H502 testa.numero (Progressivo flusso): "
        "the number 12 was there before, with other content: 1.txt",
        "il numero 12 c'era già, con altro contenuto: 1.txt",
    ),
    Told(
        [statement(12), statement(11)],
        "TR-H503",
        "2.txt:1:2-4: TR-H503 warning: testa.numero (Progressivo flusso): the number goes back from 12 to 11",
        "il numero torna indietro da 12 a 11",
    ),
    Told(
        [statement("abc")],
        "TR-H504",
        "1.txt: TR-H504 warning: testa.numero (Progressivo flusso): "
        "not compared with the other files, because there is no value that can be read",
        "non confrontato con gli altri file, perché non c'è un valore leggibile",
    ),
    Told(
        [statement(1), statement(1)],
        "TR-H505",
        "2.txt: TR-H505: the same content as 1.txt",
        "lo stesso contenuto di 1.txt",
    ),
    Told(
        [statement(1, ("A", 0, 0, ["M1"])), statement(2, ("A", 0, 0, ["M1"]))],
        "TR-H506",
        "2.txt:3:2-5: TR-H506 movimento.chiave: already used in another file: 1.txt, line 3",
        "già usato in un altro file: 1.txt, riga 3",
    ),
    Told(
        [statement(1, ("A", 0, 100, [])), statement(2, ("A", 99, 0, []))],
        "TR-H507",
        "2.txt:2:6-13: TR-H507 apre.saldo: the opening balance differs from the closing balance in 1.txt",
        "il saldo iniziale differisce dal saldo finale in 1.txt",
    ),
    Told(
        [statement(1, day="20260302")],
        "TR-H508",
        "history: TR-H508 warning: no file of 2026-03-03, when one was expected",
        "nessun file del 2026-03-03, quando uno era atteso",
    ),
]


@pytest.mark.parametrize("one", HISTORIES, ids=lambda one: one.code)
def test_the_fewest_files_for_a_code_say_exactly_this_and_nothing_else(one: Told) -> None:
    days = [date(2026, 3, 2), date(2026, 3, 3)] if one.code == "TR-H508" else []
    report = told(one.files, keys=["movimento.chiave"], expected=days)
    (found,) = report.findings
    assert (found.finding.code, found.finding.text_it) == (one.code, one.italian)
    assert report.to_text().splitlines()[0] == one.english


def checked(case: Case) -> Report:
    layout_text = (SAMPLES / f"{case.sample}.toml").read_text()
    old, new = case.change
    assert old in layout_text
    layout = declare.loads(layout_text.replace(old, new, 1), f"{case.sample}.toml")
    if case.sample == "small-mainframe":
        return check(in_ebcdic(case.text), layout, source_name="file.txt")
    codec = "latin-1" if layout.file.kind == "fixed" else "utf-8"
    return check(case.text.encode(codec), layout, source_name="file.txt")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_the_smallest_file_for_a_code_says_exactly_this_and_nothing_else(case: Case) -> None:
    report = checked(case)
    # A total over a value that cannot be read says so: that is no second complaint, but what follows from the first.
    codes = [f.code for f in report.findings if f.code not in ("TR-T402", "TR-G402")]
    assert codes == [case.code], report.to_text()
    assert report.to_text().splitlines()[0] == f"file.txt:{case.message}"


def test_the_good_files_are_clean() -> None:
    for sample, text in (
        ("orders-fixed", FIXED),
        ("orders-delimited", CSV),
        ("orders-grouped", GROUPED),
        ("orders-lots", LOTS),
    ):
        report = check(text.encode(), declare.load(SAMPLES / f"{sample}.toml"), source_name="file.txt")
        assert report.is_clean and not report.is_refused, report.to_text()


def test_every_code_of_the_catalogue_has_its_file() -> None:
    # TR-T402 and TR-G402 never come alone (their unreadable value is a finding too), TR-S105 takes a file of megabytes:
    # they have tests of their own in tests/unit/tracciati, test_reading.py and test_totals.py.
    shown = {case.code for case in CASES} | {one.code for one in HISTORIES}
    assert shown | {"TR-T402", "TR-G402", "TR-S105"} == set(CATALOGUE)


def test_a_message_shows_the_line_with_the_place_marked() -> None:
    report = checked(fixed("0001250V", "00012A0V", "TR-F204", ""))
    assert report.to_text() == (
        "file.txt:2:31-37: TR-F204 ordine.importo (Importo): not a run of digits\n"
        "  2 | 0200001RIF001*********2026030500012A0V\n"
        "    |                               ^^^^^^^\n"
        '  expected 7 digits, two of them decimals; found "00012A0"\n'
        "  source: Banca Demo, Tracciato ordini, v1.0, pp. 1-3\n"
        "  do: ask the sender to correct the record and send it again\n"
        "file.txt:3:16-24: TR-T402 warning: coda.totale: not checked, because an amount it sums cannot be read\n"
        "  3 | 99BANCA   00001000001250\n"
        "    |                ^^^^^^^^^\n"
        "  source: Banca Demo, Tracciato ordini, v1.0, pp. 1-3\n"
        "  do: correct the amounts named above; the total is then checked\n"
        "total coda.totale: declared 12.50, computed 0.00: unverifiable\n"
        "file.txt: 2 findings in 3 records (1 error, 1 warning); the records named cannot be accepted"
    )


def complaints(sample: str, text: str, change: tuple[str, str] = ("", "")) -> list[str]:
    """The file's findings, without where they are."""
    report = checked(Case(sample, text, "", "", change))
    return [f"{f.code} {f.columns[0]}: {f.text_en}; {f.expected}; {f.remedy}" for f in report.findings]


REQUIRED = ('last_separator = "optional"', 'last_separator = "required"')
APOSTROPHE = ('quote = "\\""', 'quote = "\'"')


@pytest.mark.parametrize(
    ("sample", "text", "change", "codes"),
    [
        ("orders-delimited", CSV + '2;"R2;BIANCHI;1,00;', REQUIRED, ["TR-L110"]),
        ("orders-delimited", CSV + '2;"R2;BIANCHI;1,00;\n', REQUIRED, ["TR-L110"]),
        ("orders-delimited", CSV.replace("\n", "\r"), REQUIRED, ["TR-L117"]),
        ("orders-delimited", CSV_HEAD.replace("nome", '"no"me'), ("riga*", "riga+"), ["TR-L112"]),
        ("orders-fixed", FIXED.replace("\r\n", "\r"), ("", ""), ["TR-L117"]),
        ("orders-fixed", FIXED.replace("\r\n", ""), PADDED, ["TR-L117"]),
        ("orders-grouped", GROUPED.replace("\n", ""), ("", ""), ["TR-L117"]),
    ],
)
def test_one_mistake_in_the_form_of_a_whole_file_is_one_complaint(
    sample: str, text: str, change: tuple[str, str], codes: list[str]
) -> None:
    assert [said[:7] for said in complaints(sample, text, change)] == codes


def test_a_message_speaks_of_the_layouts_own_marks_and_of_what_was_found() -> None:
    (quote,) = complaints("orders-delimited", CSV + "2;R2;L'ALTRO;1,00;\n", APOSTROPHE)
    assert quote.endswith("double the quotes inside it ('')")
    (few,) = complaints("orders-delimited", CSV + "2\n")
    assert "1 column instead of 5; ; too many: look for a delimiter" in few
    (header,) = complaints("orders-delimited", CSV, ('label = "Riferimento"', 'label = "Rif; \\"x\\""'))
    assert '; numero;"Rif; ""x""";nome;importo;data; ' in header
    assert checked(Case("orders-delimited", CSV, "", "", ('"LF"', '"CRLF"'))).findings[0].excerpt_length == 36


def test_a_required_field_that_is_empty_is_shown_empty_even_if_it_is_sensitive() -> None:
    needed = ('type = "text", sensitive = true', 'type = "text", required = true, sensitive = true')
    report = checked(fixed("ROSSI    ", "         ", "TR-F201", "", needed))
    (finding,) = report.findings
    assert not finding.masked
    assert '  expected a value; found "         "' in report.to_text()
