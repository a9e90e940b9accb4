"""The layouts that ship: all load, and the public ones read files that nobody here wrote."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from cominflow.exchange import feed as feeds
from tracciati import declare
from tracciati.declare.schema import schema, schema_text
from tracciati.findings.report import Report
from tracciati.layout import DIRECTIONS, Layout
from tracciati.reading import Reading, check

LAYOUTS = Path(__file__).parents[3] / "layouts"
PATHS = sorted(path for path in LAYOUTS.rglob("*.toml") if path.name != "feed.toml")
FEEDS = sorted(LAYOUTS.rglob("feed.toml"))
BY_ID = {layout.id: layout for layout in map(declare.load, PATHS)}


def totals(report: Report) -> dict[str, tuple[object, object, str]]:
    return {total.path: (total.declared, total.computed, total.status) for total in report.totals}


def name_of(path: Path) -> str:
    return str(path.relative_to(LAYOUTS))


PUBLIC = {
    "bradesco-cnab400-retorno",
    "caixa-cnab240-remessa",
    "cbi-mav",
    "cbi-rh",
    "cbi-riba",
    "cfonb-120",
    "febraban-cnab240-remessa",
    "febraban-cnab240-retorno",
    "itau-cnab400-remessa",
    "itau-cnab400-retorno",
    "nacha-ach",
    "nacha-adv",
    "nacha-iat",
    "santander-cnab240-retorno",
}


def test_there_are_two_customers_and_the_public_layouts():
    assert set(BY_ID) == {"banca-demo-visure", "istituto-demo-controlli", *PUBLIC}
    assert len(BY_ID) == len(PATHS)
    assert {path.stem for path in PATHS if path.parent.name == "public"} == PUBLIC


@pytest.mark.parametrize("path", FEEDS, ids=name_of)
def test_every_feed_works_in_full_with_its_layout(path: Path):
    feed = feeds.loads(path.read_text(encoding="utf-8"), name_of(path))
    assert feeds.unsupported(feed) == []
    layout = BY_ID[feed.layout]
    assert feed.request.unit in {*layout.by_name, *layout.groups}
    for reference in (feed.request.reference, feed.request.service, feed.request.subject):
        assert not reference or layout.field(reference)


@pytest.mark.parametrize("path", FEEDS, ids=name_of)
def test_every_outcome_of_a_feed_fits_the_field_it_is_written_to(path: Path):
    feed = feeds.loads(path.read_text(encoding="utf-8"), name_of(path))
    for record in BY_ID[feed.layout].records:
        for field in record.fields:
            if field.origin == "outcome.code":
                assert field.length is None or max(map(len, feed.outcomes.values())) <= field.length


@pytest.mark.parametrize("layout", BY_ID.values(), ids=BY_ID.keys())
def test_a_demo_layout_says_what_is_sensitive_and_where_it_comes_from(layout: Layout):
    assert layout.source
    assert layout.title
    assert all(f.sensitive for r in layout.records for f in r.fields if f.base == "codice_fiscale" and r.name != "50")


def test_the_customers_have_an_answer_and_an_invoice_in_their_layout_and_the_public_ones_do_not():
    for layout in BY_ID.values():
        written = [direction for direction in DIRECTIONS if direction in layout.structure]
        is_public = layout.id in PUBLIC
        assert written == (["request"] if is_public else ["request", "rejection", "answer", "invoice"])


@pytest.mark.parametrize(
    ("name", "dispositions", "records"), [("riba_collapsible.txt", 11, 79), ("riba_grouped.txt", 7, 51)]
)
def test_a_riba_flow_from_elsewhere_reads_clean_with_its_totals(
    corpus: Path, name: str, dispositions: int, records: int
):
    report = check(corpus / "cbi-riba-ribalta" / name, BY_ID["cbi-riba"], unit="disposizione")
    assert report.is_clean, report.to_text()
    assert (report.units_count, report.records_count) == (dispositions, records)
    assert totals(report) == {
        "EF.numero_disposizioni": (dispositions, dispositions, "equal"),
        "EF.totale_importi_negativi": (809150, 809150, "equal"),
        "EF.totale_importi_positivi": (0, 0, "equal"),
        "EF.numero_record": (records, records, "equal"),
    }


@pytest.mark.parametrize("name", ["riba_collapsible.txt", "riba_grouped.txt"])
def test_a_riba_flow_has_all_its_bytes_in_its_blocks(corpus: Path, name: str):
    path = corpus / "cbi-riba-ribalta" / name
    blocks = list(Reading(path, BY_ID["cbi-riba"], unit="disposizione"))
    assert b"".join(block.buffer.tobytes() for block in blocks) == path.read_bytes()


def test_the_mav_flow_from_elsewhere_is_refused_for_its_totals(corpus: Path):
    report = check(corpus / "cbi-mav-elbati" / "samples" / "MAV.txt", BY_ID["cbi-mav"], unit="disposizione")
    assert report.is_refused
    assert totals(report)["EF.numero_disposizioni"] == (158, 3, "different")
    assert totals(report)["EF.numero_record"] == (1108, 23, "different")
    wrong = {path for (_, path) in report.counts}
    assert wrong == {
        "14.numero_progressivo",
        "EF.numero_disposizioni",
        "EF.totale_importi_positivi",
        "EF.numero_record",
    }, report.to_text()


def known(value: Any, form: Any) -> bool:
    """Does the schema know every key of the value? (Kinds of values are the loader's business.)"""
    for choice in form.get("oneOf", [form]):
        if isinstance(value, dict) and choice.get("type") == "object":
            rest = choice.get("additionalProperties", {})
            forms = choice.get("properties", {})
            if all(key in forms or rest for key in value) and all(
                known(item, forms.get(key, rest)) for key, item in value.items()
            ):
                return set(choice.get("required", ())) <= set(value)
        elif isinstance(value, list) and choice.get("type") == "array":
            return all(known(item, choice["items"]) for item in value)
        elif not isinstance(value, dict | list):
            return "enum" not in choice or value in choice["enum"]
    return False


def test_the_schema_for_editors_is_the_one_the_code_makes():
    path = LAYOUTS / "schema.json"
    assert path.read_text(encoding="utf-8") == schema_text(), (
        "do: .venv/bin/python -m tracciati.declare.schema > layouts/schema.json"
    )


@pytest.mark.parametrize("path", PATHS, ids=name_of)
def test_the_schema_knows_every_key_of_the_layouts_that_ship(path: Path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#:schema ../schema.json\n")
    assert known(tomllib.loads(text), schema())
    assert not known(tomllib.loads(text.replace("fields = [", "felds = [")), schema())
