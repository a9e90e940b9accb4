"""Invented layouts, for tests that must hold for any: drawn key by key, all of them sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tracciati import declare
from tracciati.encodings import EBCDIC

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

    from tracciati.layout import Layout

HEADING = '[layout]\nid = "inventato"\nversion = "1.0.0"\n'

# Fields of a fixed record (with their length) and of a delimited one; `NAME` is drawn by the caller.
FIXED = (
    'len = 6, type = "text"',
    'len = 6, type = "text", required = true, sensitive = true',
    'len = 9, type = "text", required = true, unique = "file"',
    'len = 5, type = "text", align = "right", pad = "."',
    'len = 2, type = "text", codes = { A = "uno", "CC" = "due" }, null = ["--"]',
    'len = 4, type = "digits"',
    'len = 4, type = "digits", pattern = "[0-4]+"',
    'len = 6, type = "text", required = true, pattern = "[A-Z]{2}[0-9]{1,3}|X"',
    'len = 5, type = "integer", min = 3, max = 700',
    'len = 9, type = "decimal", scale = 2, min = "0.01"',
    'len = 8, type = "date", format = "yyyyMMdd", min = 2025-02-01, max = 2025-03-31',
    'len = 3, type = "digits", pad = " ", null = ["   "]',
    'len = 5, type = "integer", null = ["     "]',
    'len = 5, type = "integer", pad = " "',
    'len = 9, type = "decimal", scale = 2',
    'len = 9, type = "decimal", scale = 2, sign = "trailing", plus = " "',
    'len = 9, type = "decimal", scale = 2, mark = ",", pad = " ", sign = "leading", plus = " "',
    'len = 6, type = "integer", sign = "leading", plus = "C", minus = "D", null = ["      "]',
    'len = 5, type = "integer", sign = "overpunch"',
    'len = 5, type = "integer", pad = " ", sign = "leading"',
    'len = 8, type = "decimal", digits = 7, scale = 2, mark = ","',
    'len = 8, type = "date", format = "yyyyMMdd", null = ["00000000", "99999999"]',
    'len = 6, type = "date", format = "yyMMdd", pivot = 50',
    'len = 16, type = "codice_fiscale"',
    'len = 11, type = "partita_iva", required = true',
    'len = 30, type = "iban"',
    'len = 12, type = "luhn", required = true, unique = "file"',
    'len = 9, type = "mod97", null = ["000000000"]',
    'len = 8, type = "mod11", weights = 7, ten = "P"',
    'len = 2, type = "boolean", yes = "SI", no = "NO", null = ["--"]',
    'len = 1, type = "boolean", yes = "X", no = " "',
    'len = 3, type = "filler"',
    'len = 6, type = "time", format = "HHmmss", null = ["999999"]',
    'len = 5, type = "time", format = "HH:mm", required = true',
    'len = 5, type = "integer", sign = "overpunch_leading"',
    'len = 7, type = "decimal", scale = 2, sign = "overpunch", plus = "0123456789", minus = "pqrstuvwxy"',
)
# Lines that are written out to several fields: their bytes, and what they are.
NESTED = (
    (9, '{ name = "rata", occurs = 3, fields = [ { name = "numero", len = 3, type = "integer" } ] }'),
    (8, '{ name = "nota", occurs = 2, len = 4, type = "text" }'),
    (
        11,
        '{ name = "genere", len = 1, type = "text", codes = { A = "a", B = "b" } }, { variants = [ '
        '{ when = "genere = \'A\'", fields = [ { name = "testo", len = 10, type = "text", required = true } ] }, '
        '{ when = "genere = \'B\'", fields = [ { name = "giorno", len = 8, type = "date", format = "ddMMyyyy" }, '
        '{ name = "saldo", len = 2, type = "integer" } ] } ] }',
    ),
    (
        10,
        '{ name = "dc", len = 1, type = "text", codes = { C = "avere", D = "dare" } }, '
        '{ name = "importo", len = 9, type = "decimal", scale = 2, sign_in = "dc", plus = "C", minus = "D" }',
    ),
    (7, '{ name = "quante", len = 1, type = "digits", codes = { 0 = "no", 1 = "si" } }, '
        '{ name = "extra", len = 6, type = "text", when = "quante = \'1\'" }'),
)  # fmt: skip
# The end of a record, repeated by a field before it: its bytes when it is there as often as it can be.
REPEATED = (
    13,
    '{ name = "volte", len = 1, type = "integer" }, { name = "parte", occurs = { by = "volte", max = 3 }, '
    'fields = [ { name = "codice", len = 2, type = "digits" }, { name = "lettera", len = 2, type = "text" } ] }',
)

# Numbers in binary: for files without separators.
RAW = (
    'len = 4, type = "packed", scale = 2, signed = true, null = ["40404040"]',
    'len = 10, type = "packed", digits = 18, required = true',
    'len = 2, type = "binary", digits = 4',
    'len = 4, type = "binary", scale = 1, signed = true, endian = "little", null = ["80000000"]',
    'len = 8, type = "binary", signed = true',
)
DELIMITED = (
    'type = "text"',
    'len = 30, type = "text", required = true, sensitive = true',
    'type = "text", required = true, unique = "file"',
    'type = "text", codes = { A = "uno", "B c" = "due" }, null = ["NULL"]',
    'type = "digits", required = true',
    'type = "integer"',
    'type = "integer", sign = "leading", min = -5',
    'digits = 9, type = "decimal", scale = 2, mark = ",", sign = "leading"',
    'digits = 9, type = "decimal", scale = 2, mark = ".", sign = "trailing", plus = "+"',
    'digits = 6, type = "integer", sign = "overpunch"',
    'type = "integer", max = 12',
    'type = "text", pattern = "[a-z ]{0,8}[0-9]"',
    'type = "date", format = "dd/MM/yyyy", min = 2031-01-01',
    'digits = 9, type = "decimal", scale = 2, mark = ","',
    'digits = 9, type = "decimal", scale = 3, mark = "."',
    'type = "date", format = "dd/MM/yyyy", null = ["31/12/9999"]',
    'type = "codice_fiscale"',
    'type = "partita_iva"',
    'type = "iban"',
    'type = "luhn"',
    'len = 12, type = "mod97"',
    'type = "mod11", ten = "0"',
    'type = "boolean", yes = "true", no = "false", required = true',
    'type = "time", format = "HH:mm:ss"',
    'digits = 6, type = "integer", sign = "overpunch_leading"',
)


@st.composite
def layouts(draw: DrawFn) -> Layout:
    """Any layout of here: a head, two kinds of rows that a late field tells apart, a tail; requests and answers."""
    text = draw(st.one_of(_fixed(), _fixed(), _of_many_lengths(), _delimited(), _table()))
    return declare.loads(HEADING + text)


def _fields(draw: DrawFn, kinds: tuple[str, ...], least: int) -> list[str]:
    chosen = draw(st.lists(st.sampled_from(kinds), min_size=least, max_size=4))
    return [f'{{ name = "campo_{place}", {kind} }}' for place, kind in enumerate(chosen)]


def _const(name: str, value: str, *, is_fixed: bool) -> str:
    length = f"len = {len(value)}, " if is_fixed else ""
    return f'{{ name = "{name}", {length}type = "const", value = "{value}" }}'


def _record(name: str, match: dict[str, str], fields: list[str]) -> str:
    told = ", ".join(f'{key} = "{text}"' for key, text in match.items())
    return f"[record.{name}]\nmatch = {{ {told} }}\nfields = [ {', '.join(fields)} ]\n"


STRUCTURES = ("testa (riga | altra)* coda", "testa (riga altra?)+ coda", "testa blocco+ coda", "testa lotto+ coda")
GROUPS = {"blocco": "riga altra*", "lotto": "apre (riga | altra)* chiude"}
LOTS = "testa lotto+ coda"


def _structure(text: str) -> str:
    groups = [f'[group.{name}]\nstructure = "{of}"\n' for name, of in GROUPS.items() if name in text]
    return f'structure = {{ request = "{text}", answer = "{text}" }}\n{"".join(groups)}'


# What ends a lot: totals over it, and a number that its first record has.
CLOSING = (
    ("righe", "", 'derive = "count(riga)"'),
    ("tutti", "", 'derive = "count(*)"'),
    ("coppie", "", 'derive = "blocks(2)"'),
    ("somma", "", 'derive = "sum(riga.numero) + count(altra)"'),
    ("resto_di", "", 'derive = "hash_sum(riga.numero where numero > 1 mod 7)"'),
    ("minimo", "NULL", 'derive = "min(riga.numero)"'),
    ("ultimo", "NULL", 'derive = "last(riga.numero)"'),
    ("lotto", "", 'same_as = "apre.lotto"'),
    ("posto", "", 'sequence = { start = 1, within = "lotto", of = "posti" }'),
)


def _lot_records(draw: DrawFn, *, is_fixed: bool) -> list[str]:
    length, null = ("len = 6, ", 'null = ["      "], ') if is_fixed else ("", "")
    closing = draw(st.lists(st.sampled_from(CLOSING), min_size=1, unique=True))
    fields = [
        f'{{ name = "{name}", {length}type = "integer", {null if kind else ""}{rest} }}' for name, kind, rest in closing
    ]
    place = (
        f'{{ name = "posto", {length}type = "integer", sequence = {{ start = 1, within = "lotto", of = "posti" }} }}'
    )
    opening = f'{{ name = "lotto", {length}type = "integer", required = true }}'
    rows = f'{{ name = "righe", {length}type = "integer", derive = "count(riga)" }}'
    return [
        _record("apre", {"tipo": "5"}, [_const("tipo", "5", is_fixed=is_fixed), opening, rows, place]),
        _record("chiude", {"tipo": "8"}, [_const("tipo", "8", is_fixed=is_fixed), *fields]),
    ]


def _separator(draw: DrawFn, *kinds: str) -> str:
    separator = draw(st.sampled_from(kinds))
    last = draw(st.sampled_from(("required", "optional", "forbidden"))) if separator != "none" else "optional"
    return f'separator = "{separator}"' + (f', last_separator = "{last}"' if separator != "none" else "")


def _records(draw: DrawFn, kinds: tuple[str, ...], structure: str, *, is_fixed: bool) -> list[str]:
    """Head, rows and tail; in the rows stand what the answer fills, and what repeats other fields."""
    shared = _fields(draw, kinds, 0)
    number = '{ name = "numero", LEN type = "integer", sequence = { start = 1 } }'
    outcome = '{ name = "esito", LEN type = "text", from = "outcome.code" }'
    copies = [
        '{ name = "copia", LEN type = "integer", same_as = "numero" }',
        '{ name = "esito_bis", LEN type = "text", same_as = "esito" }',
        '{ name = "righe", LEN type = "integer", same_as = "testa.righe" }',
    ]
    extra = [number, outcome, *draw(st.lists(st.sampled_from(copies), unique=True))]
    extra = [one.replace("LEN", "len = 5," if is_fixed else "") for one in draw(st.permutations(extra))]
    count = '{ name = "righe", LEN type = "integer", derive = "count(riga)" }'.replace(
        "LEN", "len = 5," if is_fixed else ""
    )
    ends = _fields(draw, kinds, 0)
    if is_fixed:
        shared += [line for _, line in draw(st.lists(st.sampled_from(NESTED), unique=True, max_size=2))]
    lots = _lot_records(draw, is_fixed=is_fixed) if structure == LOTS else []
    altra = []
    if structure == LOTS and draw(st.booleans()):
        length = "len = 4, " if is_fixed else ""
        through = 'sequence = { start = 1, within = "lotto", of = "posti" }'
        altra = [f'{{ name = "posto", {length}type = "integer", {through} }}']
    return [
        *lots,
        _record("testa", {"tipo": "0"}, [_const("tipo", "0", is_fixed=is_fixed), count, *ends]),
        _record(
            "riga",
            {"tipo": "1", "segno": "A"},
            [_const("tipo", "1", is_fixed=is_fixed), *shared, _const("segno", "A", is_fixed=is_fixed), *extra],
        ),
        _record(
            "altra",
            {"tipo": "1", "segno": "B"},
            [_const("tipo", "1", is_fixed=is_fixed), *shared, _const("segno", "B", is_fixed=is_fixed), *altra],
        ),
        _record("coda", {"tipo": "9"}, [_const("tipo", "9", is_fixed=is_fixed), *ends, count]),
    ]


@st.composite
def _of_many_lengths(draw: DrawFn) -> str:
    """Fixed records that differ in length from type to type: cut by separators, or by the length that each says."""
    structure = draw(st.sampled_from(STRUCTURES))
    codec = draw(st.sampled_from(("ascii", "cp1252", "cp037")))
    separator = "none" if codec in EBCDIC else draw(st.sampled_from(("LF", "CRLF", "CR", "none")))
    records = _records(draw, FIXED + RAW if separator == "none" else FIXED, structure, is_fixed=True)
    form = f'separator = "{separator}"'
    if separator == "none":
        kind, adds = draw(
            st.sampled_from(
                (
                    ('len = 2, type = "binary"', 0),
                    ('len = 2, type = "binary", endian = "little"', 2),
                    ('len = 3, type = "packed"', -1),
                    ('len = 4, type = "integer"', 4),
                )
            )
        )
        form += f', length_in = "lunghezza", length_adds = {adds}'
        prefix = f'fields = [ {{ name = "lunghezza", {kind} }}, '
        records = [one.replace("fields = [ ", prefix, 1) for one in records]
    if draw(st.booleans()):
        records[-1] = records[-1].removesuffix(" ]\n") + f", {REPEATED[1]} ]\n"
    short, long = draw(st.sampled_from(("reject", "pad", "accept"))), draw(st.sampled_from(("reject", "ignore")))
    return f"""[file]
kind = "fixed"
record = {{ {form} }}
encoding = {{ codec = "{codec}" }}
on_short = "{short}"
on_long = "{long}"
{_structure(structure)}{"".join(records)}"""


def _width(record: str) -> int:
    """The bytes of a record's fields."""
    width = 0
    for size, line in NESTED:
        if line in record:
            record, width = record.replace(line, ""), width + size
    return width + sum(int(part.split(",")[0].split(" ")[0]) for part in record.split("len = ")[1:])


@st.composite
def _fixed(draw: DrawFn) -> str:
    structure = draw(st.sampled_from(STRUCTURES))
    codec = draw(st.sampled_from(("ascii", "iso8859-1", "cp1252", "utf-8", "iso8859-15", "cp037", "cp280", "cp1140")))
    separator = _separator(draw, *(("none",) if codec in EBCDIC else ("LF", "CRLF", "CR", "none")))
    records = _records(draw, FIXED + RAW if "none" in separator else FIXED, structure, is_fixed=True)
    widths = [_width(one) for one in records]
    length = max(widths) + draw(st.integers(0, 5))
    for place, width in enumerate(widths):
        rest = f', {{ name = "resto", len = {length - width}, type = "filler" }} ]\n' if width < length else " ]\n"
        records[place] = records[place].removesuffix(" ]\n") + rest
    short = draw(st.sampled_from(("reject", "pad", "accept")))
    long = draw(st.sampled_from(("reject", "blank_tail", "ignore")))
    blocking = 'blocking = { records = 5, fill = "9" }\n' if "none" not in separator and draw(st.booleans()) else ""
    form = f"record = {{ length = {length}, {separator} }}\n"
    return f"""[file]
kind = "fixed"
{form}encoding = {{ codec = "{codec}" }}
on_short = "{short}"
on_long = "{long}"
{blocking}{_structure(structure)}{"".join(records)}"""


def _dialect(draw: DrawFn, *, has_header: bool) -> str:
    delimiter, quote = draw(st.sampled_from(((";", "'"), (",", '\\"'), ("|", "'"), ("\\t", '\\"'))))
    separator = _separator(draw, "LF", "CRLF")
    codec = draw(st.sampled_from(("ascii", "cp1252", "utf-8")))
    return f"""[file]
kind = "delimited"
record = {{ {separator} }}
encoding = {{ codec = "{codec}" }}
dialect = {{ delimiter = "{delimiter}", quote = "{quote}", header = {str(has_header).lower()} }}
"""


@st.composite
def _delimited(draw: DrawFn) -> str:
    structure = draw(st.sampled_from(STRUCTURES))
    records = _records(draw, DELIMITED, structure, is_fixed=False)
    return _dialect(draw, has_header=False) + _structure(structure) + "".join(records)


@st.composite
def _table(draw: DrawFn) -> str:
    """One kind of record under a header row; the answer has columns of its own."""
    fields = _fields(draw, DELIMITED, 1)
    fields += [
        '{ name = "esito", type = "text", only = "answer", from = "outcome.code" }',
        '{ name = "esito_bis", type = "text", only = "answer", same_as = "esito" }',
        '{ name = "copia", type = "text", only = "answer", label = "Copia di \\"x\\"", same_as = "chiave" }',
    ]
    key = '{ name = "chiave", type = "text", required = true, unique = "file" }'
    return (
        _dialect(draw, has_header=draw(st.booleans()))
        + 'structure = { request = "riga*", answer = "riga*" }\n'
        + _record("riga", {}, [key, *fields])
    )


def damaged(data: bytes) -> SearchStrategy[bytes]:
    """The file with a few mistakes: cut, bytes lost, doubled or put in, quotes where none belong, lines moved."""
    return st.lists(st.tuples(st.integers(0, 6), st.integers(0, 10**6), st.binary(max_size=3)), max_size=5).map(
        lambda changes: _after(data, changes)
    )


STRAY = (
    b'"',
    b"'",
    b";",
    b"\n",
    b"\r",
    b"\r\n",
    b"\x1a",
    b"\0",
    b" ",
    b"D'ANGELO",
    b"\xe2\xff",
    b"\xef\xbb\xbf",
    b"\x85",
)


def _after(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for kind, number, noise in changes:
        at = number % (len(data) + 1)
        if kind == 0:
            data = data[:at]
        elif kind == 1:
            data = data[:at] + data[at + 1 + number % 40 :]
        elif kind == 2:
            data = data[:at] + noise + data[at + len(noise) :]
        elif kind in (3, 4):
            data = data[:at] + STRAY[number % len(STRAY)] + data[at:]
        elif kind == 5:
            data = data[: at + 50] + data[at:]
        else:
            lines = data.splitlines(keepends=True)
            data = b"".join(lines[number % (len(lines) or 1) :] + lines[: number % (len(lines) or 1)])
    return data
