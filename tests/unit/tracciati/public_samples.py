"""Files that nobody here wrote, with the public layout that reads each, and all that is to be said of them.

What is listed was looked at, one by one: a difference or a finding that is not here fails the tests, and so does one
that is gone. `docs/formats.md` tells the same in words.
"""

from __future__ import annotations

from dataclasses import dataclass, field

CNAB, CFONB = "cnab-brcobranca", "cfonb-pennylane"
RIBA, MAV = "cbi-riba-ribalta", "cbi-mav-elbati/samples"

SHORT = "short record, filled with blanks"
NULL_TEXT = "another text for no value"
NO_LAST = "no separator after the last record"

TRIMMED = "the blanks at the end of its lines are gone; they are no bytes of the format"
BLANK_DATE = "the bank leaves a date blank where it has none; the manual writes zeros"
EMPTY_LINES = "who published the file put empty lines between its parts"
LAST_LINE = "who published the file cut its last line end off"
FRAGMENT = "no statement, but a part of one, cut out by who published it"


@dataclass(frozen=True)
class Sample:
    """One file, read with one layout.

    totals    (path, declared, computed, status), amounts in cents
    findings  (code, path) -> (how many, why); the path is "" where the code has none
    places    (code, line, columns) of what a person would mark, in the order of the file
    rewritten (path, reason) -> (how many, why): where canonical form differs
    kept      path, or what else -> how many could not be encoded anew
    """

    folder: str
    name: str
    layout: str
    totals: tuple[tuple[str, int, int, str], ...] = ()
    findings: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    places: tuple[tuple[str, int, tuple[int, int]], ...] = ()
    rewritten: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)


def _lot(records: int, in_lot: int) -> tuple[tuple[str, int, int, str], ...]:
    return (
        ("fim_lote.registros", in_lot, in_lot, "equal"),
        ("fim.lotes", 1, 1, "equal"),
        ("fim.registros", records, records, "equal"),
    )


_ITAU_TOTALS = (
    ("fim.detalhes", 52, 52, "equal"),
    ("fim.valor_informado", 268896, 268896, "equal"),
    ("fim.sequencia", 54, 54, "equal"),
)
_ITAU_REWRITTEN = {("detalhe.data_credito", NULL_TEXT): (1, BLANK_DATE)}
_SHIFTED = (
    "one of the 80 blanks before them was lost when the file was published, so that both dates stand a column early"
)
_CUT = "who published the file took 155 of its 158 orders out, and left the trailer as it was"


def _riba(name: str, orders: int, records: int) -> Sample:
    why = "the program leaves a date blank where it has none; canonical are zeros, the first of two texts for no value"
    return Sample(
        RIBA,
        name,
        "cbi-riba",
        totals=(
            ("EF.numero_disposizioni", orders, orders, "equal"),
            ("EF.totale_importi_negativi", 809150, 809150, "equal"),
            ("EF.totale_importi_positivi", 0, 0, "equal"),
            ("EF.numero_record", records, records, "equal"),
        ),
        rewritten={("51.data_autorizzazione", NULL_TEXT): (orders, why)},
    )


SAMPLES = (
    _riba("riba_collapsible.txt", 11, 79),
    _riba("riba_grouped.txt", 7, 51),
    Sample(
        MAV,
        "MAV.txt",
        "cbi-mav",
        totals=(
            ("EF.numero_disposizioni", 158, 3, "different"),
            ("EF.totale_importi_negativi", 0, 0, "equal"),
            ("EF.totale_importi_positivi", 2523500, 45000, "different"),
            ("EF.numero_record", 1108, 23, "different"),
        ),
        findings={
            ("TR-R301", "14.numero_progressivo"): (1, _CUT),
            ("TR-T401", "EF.numero_disposizioni"): (1, _CUT),
            ("TR-T401", "EF.totale_importi_positivi"): (1, _CUT),
            ("TR-T401", "EF.numero_record"): (1, _CUT),
        },
        places=(
            ("TR-R301", 16, (4, 10)),
            ("TR-T401", 23, (46, 52)),
            ("TR-T401", 23, (68, 82)),
            ("TR-T401", 23, (83, 89)),
        ),
    ),
    Sample(
        CNAB,
        "CNAB240.RET",
        "febraban-cnab240-retorno",
        totals=_lot(74, 72),
        findings={
            ("TR-L115", ""): (74, TRIMMED),
            ("TR-F205", "lote.data_gravacao"): (1, _SHIFTED),
            ("TR-F205", "lote.data_credito"): (1, _SHIFTED),
        },
        places=(("TR-F205", 2, (192, 199)), ("TR-F205", 2, (200, 207))),
        rewritten={
            ("arquivo", SHORT): (1, TRIMMED),
            ("lote", SHORT): (1, TRIMMED),
            ("segmento_T", SHORT): (35, TRIMMED),
            ("segmento_U", SHORT): (35, TRIMMED),
            ("segmento_U.ocorrencia_data", NULL_TEXT): (35, BLANK_DATE),
            ("fim_lote", SHORT): (1, TRIMMED),
            ("fim", SHORT): (1, TRIMMED),
        },
        kept={"lote.data_gravacao": 1, "lote.data_credito": 1},
    ),
    Sample(
        CNAB,
        "CNAB240SANTANDER.RET",
        "santander-cnab240-retorno",
        totals=_lot(8, 4),
        findings={("TR-L115", ""): (7, TRIMMED)},
        rewritten={
            ("arquivo", SHORT): (1, TRIMMED),
            ("segmento_T", SHORT): (2, TRIMMED),
            ("segmento_U", SHORT): (2, TRIMMED),
            ("fim_lote", SHORT): (1, TRIMMED),
            ("fim", SHORT): (1, TRIMMED),
        },
    ),
    Sample(CNAB, "remessa-caixa-cnab240.rem", "caixa-cnab240-remessa", totals=_lot(7, 5)),
    Sample(CNAB, "remessa-caixa-cnab240.rem", "febraban-cnab240-remessa", totals=_lot(7, 5)),
    Sample(CNAB, "CNAB400.RET", "itau-cnab400-retorno", totals=_ITAU_TOTALS, rewritten=_ITAU_REWRITTEN),
    Sample(CNAB, "CNAB400ITAU.RET", "itau-cnab400-retorno", totals=_ITAU_TOTALS, rewritten=_ITAU_REWRITTEN),
    Sample(
        CNAB,
        "remessa-itau-cnab400.rem",
        "itau-cnab400-remessa",
        totals=(("fim.sequencia", 4, 4, "equal"),),
    ),
    Sample(
        CNAB,
        "CNAB400BRADESCO.RET",
        "bradesco-cnab400-retorno",
        totals=(
            ("fim.entradas_quantidade", 5, 5, "equal"),
            ("fim.entradas_valor", 202000, 273000, "different"),
            ("fim.liquidados_quantidade", 0, 0, "equal"),
            ("fim.baixados_quantidade", 1, 1, "equal"),
            ("fim.baixados_valor", 20000, 20000, "equal"),
            ("fim.abatimento_cancelado_quantidade", 0, 0, "equal"),
            ("fim.vencimento_alterado_quantidade", 0, 0, "equal"),
            ("fim.abatimento_concedido_quantidade", 0, 0, "equal"),
            ("fim.protesto_quantidade", 0, 0, "equal"),
            ("fim.sequencia", 8, 8, "equal"),
        ),
        findings={
            ("TR-T401", "fim.entradas_valor"): (
                1,
                "who published the file put another title for the first: with one of 740.00 the total is right",
            )
        },
        places=(("TR-T401", 8, (63, 74)),),
        rewritten={("detalhe.data_credito", NULL_TEXT): (5, BLANK_DATE)},
    ),
    Sample(
        CFONB,
        "example.txt",
        "cfonb-120",
        totals=(("07.solde", -24121, -24121, "equal"), ("07.solde", -16372, -16372, "equal")),
        findings={("TR-L107", ""): (9, EMPTY_LINES)},
        kept={"empty lines": 9},
    ),
    Sample(
        CFONB,
        "invalid_date.txt",
        "cfonb-120",
        totals=(("07.solde", -24121, -20110, "unverifiable"), ("07.solde", -16372, None, "unverifiable")),
        findings={
            ("TR-F205", "01.date"): (
                1,
                "the date of the opening balance is blanks and letters: what the file is named for",
            ),
            ("TR-S102", "07"): (1, "a second closing balance, of an account whose statement was cut out"),
            ("TR-L107", ""): (4, EMPTY_LINES),
            ("TR-L115", ""): (1, TRIMMED),
        },
        places=(("TR-F205", 1, (35, 40)), ("TR-S102", 9, (1, 120))),
        rewritten={("01", SHORT): (1, TRIMMED)},
        kept={"01.date": 1, "empty lines": 4},
    ),
    Sample(
        CFONB,
        "end_of_statement_without_beginning.txt",
        "cfonb-120",
        totals=(("07.solde", -24121, -20110, "unverifiable"), ("07.solde", -16372, None, "unverifiable")),
        findings={
            ("TR-S102", "07"): (1, "a closing balance without an opening one: what the file is named for"),
            ("TR-L107", ""): (4, EMPTY_LINES),
        },
        places=(("TR-S102", 9, (1, 120)),),
        kept={"empty lines": 4},
    ),
    Sample(
        CFONB,
        "new_statement_without_previous_ended.txt",
        "cfonb-120",
        totals=(("07.solde", -16372, -24911, "unverifiable"),),
        findings={
            ("TR-S102", "01"): (1, "an opening balance before the statement has ended: what the file is named for"),
            ("TR-L107", ""): (4, EMPTY_LINES),
        },
        places=(("TR-S102", 6, (1, 120)),),
        kept={"empty lines": 4},
    ),
    Sample(
        CFONB,
        "operation_out_of_statement.txt",
        "cfonb-120",
        totals=(("07.solde", -24121, -20110, "unverifiable"),),
        findings={
            ("TR-S102", "04"): (1, "an entry before the opening balance: what the file is named for"),
            ("TR-S102", "01"): (
                1,
                "the entry was taken for one of this statement, whose opening balance then comes late",
            ),
            ("TR-L107", ""): (3, EMPTY_LINES),
        },
        places=(("TR-S102", 1, (1, 120)), ("TR-S102", 3, (1, 120))),
        kept={"empty lines": 3},
    ),
    Sample(
        CFONB,
        "operation_detail_without_operation.txt",
        "cfonb-120",
        totals=(("07.solde", -24121, -20110, "unverifiable"),),
        findings={
            ("TR-S102", "05"): (1, "more about an entry where there is none yet: what the file is named for"),
            ("TR-L107", ""): (3, EMPTY_LINES),
        },
        places=(("TR-S102", 3, (1, 120)),),
        kept={"empty lines": 3},
    ),
    Sample(
        CFONB,
        "operation.txt",
        "cfonb-120",
        findings={("TR-S102", "04"): (1, FRAGMENT)},
        places=(("TR-S102", 1, (1, 120)),),
    ),
    Sample(
        CFONB,
        "operation_already_defined.txt",
        "cfonb-120",
        findings={("TR-S102", "04"): (1, FRAGMENT)},
        places=(("TR-S102", 1, (1, 120)),),
        rewritten={("04", NO_LAST): (1, LAST_LINE)},
    ),
    Sample(
        CFONB,
        "operation_unstarted.txt",
        "cfonb-120",
        findings={("TR-S102", "05"): (1, "more about an entry, and no entry: what the file is named for")},
        places=(("TR-S102", 1, (1, 120)),),
        rewritten={("05", NO_LAST): (1, LAST_LINE)},
    ),
)
