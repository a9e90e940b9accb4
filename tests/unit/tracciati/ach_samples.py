"""The ACH files of the corpus, valid and invalid, in the manner of `public_samples`."""

from __future__ import annotations

from tests.unit.tracciati.public_samples import LAST_LINE, NO_LAST, NULL_TEXT, SHORT, TRIMMED, Sample
from tracciati.limits import TOTALS_MAX

VALID, INVALID = "ach-moov/valid", "ach-moov/invalid"

LONG = "bytes beyond the record's length, left out"
UNFILLED = "who made the file did not fill its last block with lines of 9"
NO_COMPANY = "that program leaves the company's identification blank in the control record of an international batch"
MOVED_COMPANY = (
    "the processor wrote the company's identification on the right in the control record, on the left in the header"
)
OTHER_TRACE = "the notification's own trace number stands in the addenda; the rules say that of its entry"
MIXED = "the batch says that it has credits alone (220), and this entry is a debit"
SEVEN = "that program counts the seven addenda that must be there, and not those that may"
TWICE_TWO = "both of an entry's addenda 17 have the number 2; they are counted from 1 in each entry"
ODD_TRACE = "the trace number begins with another institution than the one of the batch"
EARLY = "a blank before it was lost, so that the fields from the company's identification on stand a column early"
NOT_ASCII = "every asterisk of the text was replaced by a character beyond ASCII: what the file is named for"

Totals = tuple[tuple[str, int, int, str], ...]
BATCH = ("entry_addenda_count", "entry_hash", "total_debit", "total_credit")
FILE = ("batch_count", "block_count", *BATCH)


def _totals(
    *batches: tuple[str, int, int, int, int],
    file: tuple[int, int, int, int, int, int] | None = None,
    wrong: dict[str, int] | None = None,
) -> Totals:
    """What the records declare, in their order; all of it is right, but for `wrong`, of which this is right.

    batches  of each the addenda indicators of its entries, and the numbers of its control record
    """
    found: list[tuple[str, int]] = []
    entries_count = 0
    for indicators, *numbers in batches:
        kept = indicators[: max(TOTALS_MAX - entries_count, 0)]
        entries_count += len(indicators)
        found += [("entry_detail.addenda_indicator", int(one)) for one in kept]
        found += [(f"batch_control.{name}", number) for name, number in zip(BATCH, numbers, strict=True)]
    if file is not None:
        found += [(f"file_control.{name}", number) for name, number in zip(FILE, file, strict=True)]
    right = wrong or {}
    return tuple(
        (path, number, right.get(path, number), "different" if path in right else "equal") for path, number in found
    )


def _counted(totals: Totals, *addenda: int) -> Totals:
    """The same with nacha-iat: an entry says how many addenda it has (7, all of them say), not whether it has any."""
    right = iter(addenda)
    found = []
    for path, declared, computed, status in totals:
        if path == "entry_detail.addenda_indicator":
            number = next(right)
            found.append(("entry_detail.addenda_count", 7, number, "equal" if number == 7 else "different"))
        else:
            found.append((path, declared, computed, status))
    return tuple(found)


def _clean(name: str, totals: Totals) -> Sample:
    return Sample(VALID, name, "nacha-ach", totals=totals)


def _one(name: str, indicator: str, lines: int, debit: int, credit: int = 0, hashed: int = 23138010) -> Sample:
    """A clean file with one batch of one entry."""
    return _clean(name, _one_totals(indicator, lines, debit, credit, hashed))


def _one_totals(indicator: str, lines: int, debit: int, credit: int = 0, hashed: int = 23138010) -> Totals:
    return _totals((indicator, lines, hashed, debit, credit), file=(1, 1, lines, hashed, debit, credit))


_TWO_INTERNATIONAL = _totals(
    ("1", 8, 12104288, 0, 100000), ("1", 8, 12104288, 2000, 0), file=(2, 3, 16, 24208576, 2000, 100000)
)
_SHORT_CONTROL = {("file_control", SHORT): (1, TRIMMED)}


def _two_international(layout: str, rule: str) -> Sample:
    return Sample(
        VALID,
        "20180713-IAT.ach",
        layout,
        totals=_TWO_INTERNATIONAL if layout == "nacha-ach" else _counted(_TWO_INTERNATIONAL, 7, 7),
        findings={
            ("TR-R303", "batch_control.company_identification"): (2, NO_COMPANY),
            ("TR-R304", f"entry_detail.{rule}"): (1, MIXED),
            ("TR-L115", ""): (1, TRIMMED),
        },
        places=(("TR-R303", 11, (45, 54)), ("TR-R304", 13, (2, 3)), ("TR-R303", 21, (45, 54))),
        rewritten=_SHORT_CONTROL,
    )


def _wrong_control(layout: str, rule: str) -> Sample:
    named = "what the file is named for: the control record repeats neither institution nor number of its batch"
    return Sample(
        INVALID,
        "iat-invalidBatchControl.ach",
        layout,
        totals=_TWO_INTERNATIONAL if layout == "nacha-ach" else _counted(_TWO_INTERNATIONAL, 7, 7),
        findings={
            ("TR-R303", "batch_control.company_identification"): (2, NO_COMPANY),
            ("TR-R303", "batch_control.originating_dfi"): (1, named),
            ("TR-R303", "batch_control.batch_number"): (1, named),
            ("TR-R304", f"entry_detail.{rule}"): (1, MIXED),
            ("TR-L115", ""): (1, TRIMMED),
        },
        places=(
            ("TR-R303", 11, (45, 54)),
            ("TR-R303", 11, (80, 87)),
            ("TR-R303", 11, (88, 94)),
            ("TR-R304", 13, (2, 3)),
            ("TR-R303", 21, (45, 54)),
        ),
        rewritten=_SHORT_CONTROL,
    )


def _international(
    name: str, layout: str, totals: Totals, control: int, wrong_counts: tuple[int, ...], wrong_number: int = 0
) -> Sample:
    """A file with one international batch.

    control       line of its control record
    wrong_counts  lines whose number of addenda is wrong
    wrong_number  line of the addenda whose own number is wrong, 0 for none
    """
    company = {("TR-R303", "batch_control.company_identification"): (1, NO_COMPANY)}
    counts = {("TR-G401", "entry_detail.addenda_count"): (len(wrong_counts), SEVEN)} if wrong_counts else {}
    number = {("TR-R301", "addenda_17.sequence_number"): (1, TWICE_TWO)} if wrong_number else {}
    places = [("TR-G401", line, (13, 16)) for line in wrong_counts]
    places += [("TR-R301", wrong_number, (84, 87))] if wrong_number else []
    places += [("TR-R303", control, (45, 54))]
    in_order = tuple(sorted(places, key=lambda place: place[1]))
    return Sample(VALID, name, layout, totals, {**counts, **number, **company}, in_order)


_ONE_INTERNATIONAL = _totals(("1", 10, 12104288, 100000, 0), file=(1, 2, 10, 12104288, 100000, 0))
_MIXED_INTERNATIONAL = _totals(("11", 20, 24208576, 100000, 100000), file=(1, 3, 20, 24208576, 100000, 100000))
_BONUS = ("111", 6, 69414030, 0, 300000)

_VALID = (
    _two_international("nacha-ach", "ACH-002"),
    _two_international("nacha-iat", "IAT-002"),
    _clean(
        "NACHA_SAMPLE_TEL_REVERSAL.ach",
        _totals(("00", 2, 5201918, 685100, 685100), file=(1, 1, 2, 5201918, 685100, 685100)),
    ),
    _one("arc-debit.ach", "0", 1, 250000),
    _one("boc-debit.ach", "0", 1, 250000),
    _clean("ccd-debit.ach", _totals(("00", 2, 46276020, 500125, 0), file=(1, 1, 2, 46276020, 500125, 0))),
    Sample(
        VALID,
        "cor-example.ach",
        "nacha-ach",
        totals=_one_totals("1", 2, 0),
        findings={
            ("TR-R303", "addenda_98.trace_odfi"): (1, OTHER_TRACE),
            ("TR-R303", "addenda_98.trace_sequence"): (1, OTHER_TRACE),
        },
        places=(("TR-R303", 4, (80, 87)), ("TR-R303", 4, (88, 94))),
    ),
    _one("ctx-debit.ach", "1", 3, 100000000),
    _clean(
        "flattenBatchesMultipleBatchHeaders.ach",
        _totals(_BONUS, _BONUS, _BONUS, _BONUS, file=(4, 4, 24, 277656120, 0, 1200000)),
    ),
    Sample(
        VALID,
        "gl-debit.ach",
        "nacha-ach",
        totals=_one_totals("0", 1, 100000000),
        findings={("TR-L107", ""): (1, "who published the file put an empty line behind it")},
        kept={"empty lines": 1},
    ),
    _international("iat-debit.ach", "nacha-ach", _ONE_INTERNATIONAL, 13, ()),
    _international("iat-debit.ach", "nacha-iat", _counted(_ONE_INTERNATIONAL, 9), 13, (3,)),
    _international("iat-mixedDebitCredit.ach", "nacha-ach", _MIXED_INTERNATIONAL, 23, (), 11),
    _international("iat-mixedDebitCredit.ach", "nacha-iat", _counted(_MIXED_INTERNATIONAL, 10, 8), 23, (3, 14), 11),
    Sample(
        VALID,
        "loan-credit.ach",
        "nacha-ach",
        totals=_one_totals("0", 1, 0, 100000000),
        findings={("TR-L107", ""): (1, "who published the file put an empty line behind it")},
        kept={"empty lines": 1},
    ),
    _one("pop-debit.ach", "0", 1, 250500),
    _one("pos-debit.ach", "1", 2, 100000000),
    _one("ppd-debit.ach", "0", 1, 100000000),
    _clean(
        "ppd-mixedDebitCredit.ach",
        _totals(("000", 3, 69414030, 200000000, 200000000), file=(1, 1, 3, 69414030, 200000000, 200000000)),
    ),
    _one("rck-debit.ach", "0", 1, 2400),
    Sample(
        VALID,
        "rck.ach",
        "nacha-ach",
        totals=_one_totals("0", 1, 11500, hashed=5320001),
        findings={("TR-L119", ""): (1, UNFILLED)},
        rewritten={("file_control", NO_LAST): (1, LAST_LINE)},
    ),
    Sample(
        VALID,
        "return-WEB.ach",
        "nacha-ach",
        totals=_totals(("1", 2, 9140060, 12354, 0), ("1", 2, 9140060, 0, 4565), file=(2, 1, 4, 18280120, 12354, 4565)),
        findings={("TR-R303", "batch_control.company_identification"): (2, MOVED_COMPANY)},
        places=(("TR-R303", 5, (45, 54)), ("TR-R303", 9, (45, 54))),
        rewritten={("file_control", NO_LAST): (1, LAST_LINE)},
    ),
    _one("shr-debit.ach", "1", 2, 100000000),
    _one("tel-debit.ach", "0", 1, 50000),
    _one("trc-debit.ach", "0", 1, 250000),
    _one("trx-debit.ach", "1", 3, 250000),
    _clean(
        "two-micro-deposits.ach",
        _totals(("111", 6, 36312864, 76, 76), ("111", 6, 36312864, 44, 44), file=(2, 2, 12, 72625728, 120, 120)),
    ),
    _clean(
        "web-debit.ach",
        _totals(
            ("0000", 4, 32400084, 0, 9320),
            ("0", 1, 8100021, 0, 17500),
            ("0", 1, 10100001, 15000, 0),
            file=(3, 2, 6, 50600106, 15000, 26820),
        ),
    ),
)

_INVALID = (
    Sample(
        INVALID,
        "20110729A-invalid.ach",
        "nacha-ach",
        totals=_totals(
            ("0" * 145, 145, 307400290, 2479800000, 0),
            ("0" * 18, 18, 38160036, 0, 17200),
            ("1" * 13, 104, 118365299, 207300000, 0),
            ("1" * 2, 16, 18210046, 0, 1300),
            file=(5, 30, 283, 482135671, 2687100000, 18500),
            wrong={"file_control.batch_count": 4},
        ),
        findings={
            ("TR-L115", ""): (1, "a blank before the immediate origin was lost, so that the header has 93 bytes"),
            ("TR-F205", "file_header.creation_date"): (1, "it stands a column early, because of the lost blank"),
            ("TR-F224", "file_header.creation_time"): (1, "it stands a column early, because of the lost blank"),
            ("TR-F206", "file_header.record_size"): (1, "it stands a column early, because of the lost blank"),
            ("TR-F206", "file_header.blocking_factor"): (1, "it stands a column early, because of the lost blank"),
            ("TR-F206", "file_header.format_code"): (1, "it stands a column early, because of the lost blank"),
            ("TR-F202", "batch_header.entry_class"): (4, EARLY),
            ("TR-F205", "batch_header.effective_date"): (4, EARLY),
            ("TR-R303", "batch_control.company_identification"): (4, "in the header of its batch " + EARLY),
            ("TR-T401", "file_control.batch_count"): (1, "one of its five batches was taken out before publishing"),
            ("TR-L119", ""): (1, UNFILLED),
        },
        places=(
            ("TR-F205", 1, (24, 29)),
            ("TR-F224", 1, (30, 33)),
            ("TR-F206", 1, (35, 37)),
            ("TR-F206", 1, (38, 39)),
            ("TR-F206", 1, (40, 40)),
            *(
                place
                for header, control in ((2, 148), (149, 168), (169, 274), (275, 292))
                for place in (
                    ("TR-F202", header, (51, 53)),
                    ("TR-F205", header, (70, 75)),
                    ("TR-R303", control, (45, 54)),
                )
            ),
            ("TR-T401", 293, (2, 7)),
        ),
        rewritten={
            ("file_header", SHORT): (1, "the lost blank; canonical form has 94 bytes, the missing one at the end"),
            ("file_control", NO_LAST): (1, LAST_LINE),
        },
        kept={
            "file_header.creation_date": 1,
            "file_header.creation_time": 1,
            "file_header.record_size": 1,
            "file_header.blocking_factor": 1,
            "file_header.format_code": 1,
            "batch_header.entry_class": 4,
            "batch_header.effective_date": 4,
        },
    ),
    Sample(
        INVALID,
        "20110805A.ach",
        "nacha-ach",
        totals=_totals(
            ("0" * 25, 25, 53000050, 4610000, 0),
            ("0" * 18, 18, 38160036, 0, 176),
            ("111", 24, 27315069, 491000, 0),
            ("11", 16, 18210046, 0, 24),
            file=(5, 10, 83, 136685201, 5101000, 200),
            wrong={"file_control.batch_count": 4},
        ),
        findings={
            ("TR-T401", "file_control.batch_count"): (
                1,
                "its batches are 1, 3, 4 and 5, and it says that there are five",
            ),
            ("TR-L119", ""): (1, UNFILLED),
        },
        places=(("TR-T401", 93, (2, 7)),),
    ),
    Sample(
        INVALID,
        "adv-noFileControl.ach",
        "nacha-adv",
        totals=_totals(("", 2, 46276020, 250000, 50000)),
        findings={
            ("TR-S103", ""): (1, "there is no file control record: what the file is named for"),
            ("TR-L119", ""): (1, UNFILLED),
        },
        places=(("TR-S103", 5, (95, 95)),),
        rewritten={("batch_control", NO_LAST): (1, LAST_LINE)},
    ),
    _wrong_control("nacha-ach", "ACH-002"),
    _wrong_control("nacha-iat", "IAT-002"),
    Sample(
        INVALID,
        "long-line.ach",
        "nacha-ach",
        totals=_one_totals("0", 1, 100000000),
        findings={
            ("TR-L116", ""): (2, "four and seven blanks too many: what the file is named for; the layout allows it")
        },
        rewritten={
            ("entry_detail", LONG): (1, "blanks beyond column 94; they are no bytes of the format"),
            ("file_control", LONG): (1, "blanks beyond column 94; they are no bytes of the format"),
        },
    ),
    Sample(
        INVALID,
        "moov-ids.ach",
        "nacha-ach",
        totals=_totals(
            ("00", 2, 22244466, 0, 11043),
            ("00", 2, 122244465, 0, 11043),
            file=(2, 1, 4, 9999999999, 0, 22086),
            wrong={"file_control.entry_hash": 144488931},
        ),
        findings={
            ("TR-R303", "entry_detail.trace_odfi"): (4, ODD_TRACE),
            ("TR-T401", "file_control.entry_hash"): (1, "who made the file wrote nines for the hash of the file"),
        },
        places=(
            *(("TR-R303", line, (80, 87)) for line in (3, 4, 7, 8)),
            ("TR-T401", 10, (22, 31)),
        ),
        rewritten={("batch_header.settlement_date", NULL_TEXT): (2, "a day that is none is blank; here it is zeros")},
    ),
    Sample(
        INVALID,
        "nonascii.ach",
        "nacha-ach",
        totals=_totals(
            ("1", 13, 23138010, 100000000, 0),
            file=(1, 1, 1, 23138010, 100000000, 0),
            wrong={"file_control.block_count": 2, "file_control.entry_addenda_count": 13},
        ),
        findings={
            ("TR-F203", "entry_detail.name"): (1, NOT_ASCII),
            ("TR-F203", "addenda_05.payment_information"): (12, NOT_ASCII),
            ("TR-T401", "file_control.block_count"): (1, "the record is that of a file whose entry has no addenda"),
            ("TR-T401", "file_control.entry_addenda_count"): (1, "the record is that of a file without any addenda"),
            ("TR-L115", ""): (2, TRIMMED),
        },
        places=(
            ("TR-F203", 3, (55, 76)),
            *(("TR-F203", line, (4, 83)) for line in range(4, 16)),
            ("TR-T401", 17, (8, 13)),
            ("TR-T401", 17, (14, 21)),
        ),
        rewritten={("file_header", SHORT): (1, TRIMMED), **_SHORT_CONTROL},
        kept={"entry_detail.name": 1, "addenda_05.payment_information": 12},
    ),
    Sample(
        INVALID,
        "ppd-debit-fixedLengthInvalid.ach",
        "nacha-ach",
        findings={
            ("TR-L102", ""): (
                1,
                "five records without line ends are one line; and they have a byte too many, the second 1",
            )
        },
        places=(("TR-L102", 1, (95, 471)),),
        kept={"records": 1},
    ),
    Sample(
        INVALID,
        "return-no-batch-controls.ach",
        "nacha-ach",
        totals=_totals(("1", 0, 0, 0, 0))[:1] * 2,
        findings={
            ("TR-S102", "batch_header"): (
                2,
                "there is no file header before the first batch, and no control record before the second: what the "
                "file is named for. That it ends without one too is not said again",
            ),
            ("TR-R303", "addenda_98.trace_odfi"): (1, OTHER_TRACE),
            ("TR-R303", "addenda_98.trace_sequence"): (1, OTHER_TRACE),
        },
        places=(
            ("TR-S102", 1, (1, 94)),
            ("TR-S102", 4, (1, 94)),
            ("TR-R303", 6, (80, 87)),
            ("TR-R303", 6, (88, 94)),
        ),
        rewritten={("addenda_98", NO_LAST): (1, LAST_LINE)},
    ),
    Sample(
        INVALID,
        "short-line.ach",
        "nacha-ach",
        totals=_one_totals("0", 1, 100000000),
        findings={("TR-L115", ""): (1, "the file control has lost 20 of its blanks: what the file is named for")},
        rewritten=_SHORT_CONTROL,
    ),
)

ACH_SAMPLES = (*_VALID, *_INVALID)
