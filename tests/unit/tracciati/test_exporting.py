"""Exporting: other programs read the same bytes at the same places."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from fixedwidth.fixedwidth import FixedWidth

from tracciati import declare, exporting
from tracciati.cli import running, tracciati
from tracciati.generate import Order, generate

LAYOUTS = Path(__file__).parents[3] / "layouts"
VISURE, CONTROLLI = LAYOUTS / "banca-demo" / "visure.toml", LAYOUTS / "istituto-demo" / "controlli.toml"


def test_the_exported_configuration_reads_a_record() -> None:
    layout, sink = declare.load(VISURE), io.BytesIO()
    generate(layout, sink, Order(seed=1, count=1))
    reader = FixedWidth(json.loads(json.dumps(exporting.fixedwidth(layout)["richiesta"])))
    reader.line = line = sink.getvalue().decode("latin-1").splitlines()[1]
    assert (reader.data["riferimento"], reader.data["progressivo"]) == (line[9:21].strip(), 1)


def test_the_description_has_every_field_with_its_place() -> None:
    layout = declare.load(VISURE)
    described = exporting.description(layout)
    assert (described["name"], described["fingerprint"]) == (layout.name, layout.fingerprint)
    for record, told in zip(layout.records, described["records"], strict=True):
        assert [one["columns"] for one in told["fields"]] == [[f.start + 1, f.stop] for f in record.fields]
    columns = exporting.description(declare.load(CONTROLLI))["records"][0]["fields"]
    assert [one["column"] for one in columns] == list(range(1, len(columns) + 1))


def test_the_command_prints_json_and_says_what_cannot_be(capfd: pytest.CaptureFixture[str]) -> None:
    def run(*words: str | Path) -> int:
        return running.run(tracciati, "tracciati", ["export", *map(str, words)])

    assert run(VISURE, "--to", "json", "--record", "coda") == 0
    assert json.loads(capfd.readouterr().out)["name"] == "coda"
    assert run(VISURE, "--to", "fixedwidth") == 0
    assert list(json.loads(capfd.readouterr().out)) == ["testa", "richiesta", "fattura", "coda"]
    assert run(VISURE, "--to", "fixedwidth", "--record", "cauda") == 2
    assert "no record type `cauda`; did you mean `coda`?" in capfd.readouterr().err
    assert run(CONTROLLI, "--to", "fixedwidth") == 2
    assert "is delimited, and fixedwidth knows no delimiters" in capfd.readouterr().err
