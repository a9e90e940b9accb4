"""The public layouts read real files, and say of each what a person would say of it; and they make files of ours."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.unit.tracciati.ach_samples import ACH_SAMPLES
from tests.unit.tracciati.public_samples import SAMPLES, Sample
from tracciati import declare
from tracciati.generate import Order, generate
from tracciati.kit import kit
from tracciati.reading import check
from tracciati.rewrite import rewrite

PUBLIC = Path(__file__).resolve().parents[3] / "layouts" / "public"
ALL_SAMPLES = (*SAMPLES, *ACH_SAMPLES)
EVERY_SAMPLE = pytest.mark.parametrize("sample", ALL_SAMPLES, ids=lambda one: f"{one.name} {one.layout}")

# Of warnings about the form of lines there are as many as lines: places are those of what is wrong with the data.
OF_LINES = ("TR-L107", "TR-L115", "TR-L116", "TR-L119")

# With these seeds the two units of a kit's file have a record of each type (nacha-ach: those of its three files). Its
# addenda are those of nacha-iat, whose own kit takes minutes, as an entry has eight records at least.
KIT_SEEDS = {
    "bradesco-cnab400-retorno": 1,
    "caixa-cnab240-remessa": 8,
    "cbi-rh": 31,
    "cfonb-120": 175,
    "febraban-cnab240-remessa": 436,
    "febraban-cnab240-retorno": 3,
    "itau-cnab400-remessa": 14,
    "itau-cnab400-retorno": 1,
    "nacha-ach": 189177,
    "nacha-adv": 1,
    "santander-cnab240-retorno": 1,
}
LAYOUTS = {path.stem: declare.load(path) for path in sorted(PUBLIC.glob("*.toml"))}

# Other records repeat these fields, so that one wrong value is several that differ.
REPEATED = {
    "cbi-rh": (
        "TR-F201 RH.ricevente",
        "TR-F201 RH.data_creazione",
        "TR-F201 RH.nome_supporto",
        "TR-F201 61.divisa",
        "TR-F216 61.divisa",
        "TR-F201 61.data_contabile",
    ),
    "cfonb-120": ("TR-F201 01.devise", "TR-F216 01.devise", "TR-F201 01.compte", "TR-F216 01.compte"),
    "nacha-ach": ("TR-F201 batch_header.company_identification",),
}


def test_every_file_of_these_corpora_has_a_layout(corpus: Path) -> None:
    others = {"PROVENANCE.txt", "LICENSE"}
    for folder in sorted({one.folder for one in ALL_SAMPLES}):
        there = {path.name for path in (corpus / folder).iterdir()} - others
        assert there == {one.name for one in ALL_SAMPLES if one.folder == folder}


@EVERY_SAMPLE
def test_a_file_is_written_again_byte_for_byte(corpus: Path, sample: Sample) -> None:
    path, sink = corpus / sample.folder / sample.name, io.BytesIO()
    assert rewrite(path, sink, LAYOUTS[sample.layout]).is_same
    assert sink.getvalue() == path.read_bytes()


@EVERY_SAMPLE
def test_every_field_is_encoded_anew_and_each_difference_is_known(corpus: Path, sample: Sample) -> None:
    path = corpus / sample.folder / sample.name
    made = rewrite(path, io.BytesIO(), LAYOUTS[sample.layout], in_canonical_form=True)
    assert made.counts == {key: count for key, (count, _) in sample.rewritten.items()}, made.to_text()
    kept = dict(made.kept_cells)
    if empty := made.report.counts.get(("TR-L107", ""), 0):
        kept["empty lines"] = empty
    if made.kept_records:
        kept["records"] = made.kept_records
    assert kept == sample.kept, made.to_text()


@EVERY_SAMPLE
def test_every_total_is_computed_again(corpus: Path, sample: Sample) -> None:
    report = check(corpus / sample.folder / sample.name, LAYOUTS[sample.layout])
    assert tuple((one.path, one.declared, one.computed, one.status) for one in report.totals) == sample.totals


@EVERY_SAMPLE
def test_a_file_has_the_findings_that_a_person_would_have(corpus: Path, sample: Sample) -> None:
    report = check(corpus / sample.folder / sample.name, LAYOUTS[sample.layout])
    assert report.counts == {key: count for key, (count, _) in sample.findings.items()}, report.to_text()
    places = tuple((one.code, one.line, one.columns) for one in report.findings if one.code not in OF_LINES)
    assert places == sample.places, report.to_text()
    assert report.errors_count == len(sample.places)


def test_every_finding_and_every_difference_has_its_reason() -> None:
    for sample in ALL_SAMPLES:
        reasons = [why for _, why in (*sample.findings.values(), *sample.rewritten.values())]
        assert all(len(why.split()) > 5 for why in reasons), sample.name


def test_every_line_that_programs_quote_of_an_italian_statement_is_read_field_by_field(corpus: Path) -> None:
    """No whole file is public: the lines are of several, and some have lost the blanks at their end."""
    text = (corpus / "bank" / "cbi_rh" / "sample_lines.txt").read_text(encoding="ascii")
    lines = [f"{line:120}\r\n" for line in text.splitlines() if not line.startswith("#")]
    sink = io.BytesIO()
    made = rewrite(io.BytesIO("".join(lines).encode()), sink, LAYOUTS["cbi-rh"], in_canonical_form=True)
    assert made.is_proven, made.to_text()
    # They do not belong together, so that only what compares them complains.
    assert [(one.code, one.path, one.line) for one in made.report.findings] == [
        ("TR-S102", "61", 1),
        ("TR-R303", "62.numero_progressivo", 2),
        ("TR-R303", "64.data_contabile", 6),
    ]


@pytest.mark.parametrize(("closing", "found"), [("D000000000020,50", []), ("C000000000020,50", ["TR-G401"])])
def test_the_closing_balance_of_an_italian_statement_is_computed_with_its_signs(closing: str, found: list[str]) -> None:
    name = f"9999900001010325{'PROVA':20}"
    lines = (
        f" RH{name}",
        f" 61{1:07d}{'':18}93001{'':19}9999901600{7:012d}EUR010325C000000000100,00",
        f" 62{1:07d}001010325010325D000000000150,75PX",
        f" 62{1:07d}002010325010325C000000000030,25PX",
        f" 64{1:07d}EUR010325{closing}C000000000000,00",
        f" EF{name}{'':6}{1:07d}{'':30}{6:07d}",
    )
    report = check("".join(f"{line:120}\r\n" for line in lines).encode(), LAYOUTS["cbi-rh"])
    assert [one.code for one in report.findings] == found, report.to_text()
    assert report.totals[0].computed == -2050


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("seed", range(1, 6))
def test_a_generated_file_is_clean(name: str, seed: int) -> None:
    sink = io.BytesIO()
    generate(LAYOUTS[name], sink, Order(seed=seed, count=100))
    report = check(sink.getvalue(), LAYOUTS[name])
    assert report.is_clean, report.to_text()
    assert report.records_count >= 100


@pytest.mark.parametrize("name", KIT_SEEDS)
def test_the_kit_breaks_every_rule_alone(name: str) -> None:
    layout = LAYOUTS[name]
    made = kit(layout, seed=KIT_SEEDS[name])
    assert check(made.valid, layout).is_clean
    assert made.unbroken == REPEATED.get(name, ())
    # Of every field that means something there is a case in which it is wrong.
    assert len(made.cases) > 80
