"""What holds for any files: a layout that is proposed loads, and reads the samples that it was proposed from."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.invented import damaged, layouts
from tests.property.test_any_layout import made
from tracciati import declare, infer
from tracciati.encodings import EBCDIC
from tracciati.errors import NothingToInfer
from tracciati.infer.proposal import FieldProposal
from tracciati.reading import Reading
from tracciati.values.pages import RAW

if TYPE_CHECKING:
    from tracciati.findings.report import Report
    from tracciati.layout import Layout

SEEDS, COUNTS = st.integers(0, 10**6), st.integers(1, 40)
# Rows of a table, below which one of other columns may be a type of its own or a mistake: nobody could say.
FEW = 20


def proposal(*files: bytes) -> infer.Proposal:
    return infer.proposed([(f"{place}.txt", io.BytesIO(data)) for place, data in enumerate(files)])


def of_paths(found: infer.Proposal) -> dict[str, FieldProposal]:
    return {f"{record.name}.{field.name}": field for record in found.records for field in record.fields}


def read(data: bytes, layout: Layout) -> Report:
    pass_over = Reading(data, layout, values=False, source_name="file")
    assert b"".join(block.buffer.tobytes() for block in pass_over) == data
    return pass_over.report


def is_for_samples(layout: Layout) -> bool:
    """Could a person see from samples how such files are made? Not where types differ in length alone, or no text."""
    form = layout.file
    is_cut = form.kind == "delimited" or (form.length is not None and not form.fill and form.separator != "CR")
    return is_cut and form.codec not in EBCDIC and not any(f.base in RAW for r in layout.records for f in r.fields)


@settings(max_examples=150)
@given(layouts().filter(is_for_samples), st.lists(st.tuples(SEEDS, COUNTS), min_size=1, max_size=3))
def test_a_proposal_from_clean_files_loads_and_reads_them(layout: Layout, made_of: list[tuple[int, int]]) -> None:
    files = [data for seed, count in made_of if (data := made(layout, seed, count, "request"))]
    if not files:
        return
    found = proposal(*files)
    again = declare.loads(found.text)
    assert not again.verified
    few = again.file.kind == "delimited" and len(found.framing) < FEW
    for data in files:
        report = read(data, again)
        codes = {code for code, _ in report.counts} - ({"TR-L113"} if few else set())
        assert not any(code[3] in "LS" for code in codes), f"{report.to_text()}\n{found.text}"
        wrong = {path for code, path in report.counts if code[3] == "F"}
        against = {path for path, one in of_paths(found).items() if one.evidence.against}
        assert wrong <= against, f"{report.to_text()}\n{found.text}"


@settings(max_examples=150)
@given(layouts(), SEEDS, COUNTS, st.data())
def test_a_proposal_from_any_bytes_loads_and_loses_none_of_them(
    layout: Layout, seed: int, count: int, chosen: st.DataObject
) -> None:
    data = chosen.draw(damaged(made(layout, seed, count, "request")))
    try:
        found = proposal(data)
    except NothingToInfer as refused:
        assert refused.hint
        return
    read(data, declare.loads(found.text))


@settings(max_examples=100)
@given(st.binary(max_size=400))
def test_noise_is_refused_or_read(data: bytes) -> None:
    try:
        found = proposal(data)
    except NothingToInfer as refused:
        assert refused.hint
        return
    read(data, declare.loads(found.text))
