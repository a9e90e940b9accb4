"""The library for programs: what a page of documentation promises, on real files."""

from __future__ import annotations

import doctest
import io
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

import tracciati
from tracciati import api
from tracciati.errors import DoesNotFit, LayoutError, UnknownName, WritingError
from tracciati.generate import Order, generate

ROOT = Path(__file__).parents[3]
VISURE = ROOT / "layouts" / "banca-demo" / "visure.toml"


@pytest.fixture
def layout() -> tracciati.Layout:
    """The bank's layout."""
    return tracciati.load(VISURE)


def made(layout: tracciati.Layout, count: int) -> bytes:
    sink = io.BytesIO()
    generate(layout.declared, sink, Order(seed=1, count=count))
    return sink.getvalue()


def test_the_examples_of_the_documentation_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    found = doctest.testmod(api, optionflags=doctest.ELLIPSIS)
    assert found.attempted > 8 and not found.failed


def test_a_file_is_read_as_frames_and_written_as_the_same_bytes(layout: tracciati.Layout, tmp_path: Path) -> None:
    data = made(layout, 500)
    batches = layout.read(data)
    frames = {name: [] for name in layout.records}  # type: dict[str, list[pd.DataFrame]]
    for batch in batches:
        for name in layout.records:
            frames[name].append(batch.to_pandas(name))
    assert batches.report.is_clean
    asked = pd.concat(frames["richiesta"])
    assert asked["record_number"].tolist() == list(range(2, 502)) and not asked["is_bad"].any()
    assert isinstance(asked["importo_max"].iloc[0], Decimal)
    kept = {
        name: pd.concat(found).drop(columns=["record_number", "is_bad"])
        for name, found in frames.items()
        if name in ("testa", "richiesta")
    }
    target = tmp_path / "again.txt"
    layout.write([("testa", kept["testa"]), ("richiesta", kept["richiesta"]), ("coda", 1)], target)
    assert target.read_bytes() == data


def test_what_is_wrong_is_in_the_report_and_beside_its_record(layout: tracciati.Layout) -> None:
    data = made(layout, 3)
    lines = data.splitlines(keepends=True)
    wrong = b"".join([lines[0], lines[1][:41] + b"ABCDEFGHIJK" + lines[1][52:], *lines[2:]])
    batches = layout.read(wrong)
    (batch,) = batches
    table = batch.to_arrow("richiesta")
    assert table.column("is_bad").to_pylist() == [True, False, False]
    assert table.column("importo_max").to_pylist()[0] is None
    assert not batches.report.is_clean
    assert batch.to_arrow("fattura").num_rows == 0


def test_names_that_do_not_exist_are_told_with_the_one_that_is_near(layout: tracciati.Layout, tmp_path: Path) -> None:
    (batch,) = layout.read(made(layout, 1))
    with pytest.raises(UnknownName, match="has no record type `richieste`; did you mean `richiesta`"):
        batch.to_arrow("richieste")
    for records, said in (
        ([("cauda", 1)], "has no record type `cauda`; did you mean `coda`"),
        ([("testa", {"clienti": ["A"]})], "record testa has no field `clienti`; did you mean `cliente`"),
    ):
        with pytest.raises(UnknownName, match=said):
            layout.write(records, tmp_path / "none")
    with pytest.raises(DoesNotFit, match="testa.cliente, row 1"):
        layout.write([("testa", {"cliente": ["TOO LONG FOR IT"]})], tmp_path / "none")
    with pytest.raises(DoesNotFit, match=r"^testa\.numero, row 2: has 1 values, and cliente has 2: give one a row$"):
        layout.write([("testa", {"cliente": ["A", "B"], "numero": [1]})], tmp_path / "none")
    with pytest.raises(WritingError, match="cannot write record 1"):
        layout.write([("coda", 1)], tmp_path / "none")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "wrong.toml").write_text("[layout]\n")
    with pytest.raises(LayoutError, match="has no `id`"):
        tracciati.load(tmp_path / "wrong.toml")
