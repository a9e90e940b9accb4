"""The engine's promises, for any bytes: nothing is lost, nothing raises, the same bytes give the same report."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tracciati import declare, reading
from tracciati.findings.report import Report
from tracciati.layout import Layout
from tracciati.reading import Block, Reading, workers

SAMPLES = Path(__file__).parents[1] / "samples"
NAMES = ("orders-fixed", "orders-delimited", "orders-grouped", "orders-unseparated")
UNITS = {"orders-fixed": "ordine", "orders-delimited": "riga", "orders-grouped": "disposizione"}


def cut_into(block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make readings use blocks of that size."""
    monkeypatch.setattr(reading, "BLOCK_BYTES", block_bytes)


@cache
def layout_of(name: str) -> Layout:
    if name == "orders-unseparated":
        text = (SAMPLES / "orders-grouped.toml").read_text()
        text = text.replace('separator = "LF", last_separator = "optional"', 'separator = "none"')
        return declare.loads(text, "orders-unseparated.toml")
    return declare.load(SAMPLES / f"{name}.toml")


def read(data: bytes, name: str, *, values: bool = True) -> tuple[Report, bytes]:
    unit = UNITS.get(name, "disposizione")
    pass_over = Reading(data, layout_of(name), unit=unit, source_name="file", values=values)
    joined, records_count = [], 0
    for block in pass_over:
        assert block.offset == sum(map(len, joined))
        assert block.first_record == records_count
        assert (block.starts + block.lengths <= block.ends).all()
        assert (block.starts[1:] >= block.ends[:-1]).all()
        assert not len(block.ends) or block.ends[-1] <= len(block.buffer)
        assert len(block.units) == len(block.unit_bad)
        assert (block.units[:, 0] < block.units[:, 1]).all()
        assert (block.units[1:, 0] >= block.units[:-1, 1]).all()
        assert b"".join(block.raw(i, i + 1) for i in range(len(block.starts))) in (
            block.buffer.tobytes() if not len(block.starts) else _records_joined(block)
        )
        for table in block.tables.values():
            for column in table.columns.values():
                column.validate(full=True)
                assert len(column) == len(table.rows)
        joined.append(block.buffer.tobytes())
        records_count += len(block.starts)
    assert pass_over.report.records_count == records_count
    return pass_over.report, b"".join(joined)


def _records_joined(block: object) -> bytes:
    return b"".join(
        block.buffer[int(s) : int(e)].tobytes()  # type: ignore[attr-defined]
        for s, e in zip(block.starts, block.ends, strict=True)  # type: ignore[attr-defined]
    )


LINES = {
    "orders-fixed": [
        b"01BANCA   20260301                      ",
        b"0200001RIF001ROSSI    202603050001250V  ",
        b"0200002RIF002BIANCHI  000000000000000A  ",
        b"0200003RIF002VERDI    202602300001A50X00",
        b"99BANCA   00002000001250                ",
    ],
    "orders-delimited": [
        b"numero;Riferimento;nome;importo;data",
        b"1;R1;ROSSI;12,50;01/03/2026",
        b'2;"R;2";"DETTO ""IL ROSSO""";,5;31/02/2026',
        b'3;R1;"due\nrighe";1000,00;',
        b'x;"aperta',
    ],
    "orders-grouped": [b"IB          ", b"140001001250", b"200001      ", b"700001      ", b"EF0001001250"],
    "orders-unseparated": [b"IB          ", b"140001001250", b"200001      ", b"700001      ", b"EF0001001250"],
}
ENDS = [b"\r\n", b"\n", b"", b"\r", b"\n\n", b"\x1a", b"\xef\xbb\xbf", b" ", b'"', b";"]


def files(name: str) -> st.SearchStrategy[bytes]:
    """Files out of good lines, wrong ends and noise: near enough to the layout to get past its first check."""
    line = st.sampled_from(LINES[name])
    mutated = st.builds(
        lambda text, place, byte: text[: place % len(text)] + byte + text[place % len(text) + 1 :],
        line,
        st.integers(0, 60),
        st.binary(min_size=1, max_size=2),
    )
    end = st.one_of(st.just(b"\r\n" if name == "orders-fixed" else b"\n"), st.sampled_from(ENDS))
    part = st.builds(lambda text, tail: text + tail, st.one_of(line, line, mutated, st.binary(max_size=60)), end)
    return st.one_of(st.lists(part, max_size=25).map(b"".join), st.binary(max_size=300))


@pytest.mark.parametrize("name", NAMES)
def test_no_bytes_are_lost_and_none_raise(name: str) -> None:
    @settings(max_examples=100)
    @given(files(name))
    @example(b"")
    @example(b"\n")
    @example(b"\x1a")
    @example(b"\xef\xbb\xbf")
    @example(b'"')
    def holds(data: bytes) -> None:
        report, joined = read(data, name)
        assert joined == data
        assert report.bytes_count == len(data)
        report.to_text()
        assert report.to_json() == read(data, name)[0].to_json()

    holds()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("block_bytes", [53, 131])
def test_a_report_does_not_depend_on_how_the_file_is_cut_into_blocks(
    name: str, block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    @settings(max_examples=40)
    @given(files(name))
    @example(b"\n" * 200 + b"numero;Riferimento;nome;importo;data\n1;R1;ROSSI;12,50;01/03/2026\n")
    @example(b"\nnumero;" + b"x" * 60)
    def holds(data: bytes) -> None:
        cut_into(832_000, monkeypatch)
        whole = read(data, name)[0]
        cut_into(block_bytes, monkeypatch)
        pieces, joined = read(data, name)
        assert joined == data
        assert pieces.to_json() == whole.to_json()
        assert read(data, name, values=False)[0].to_json() == whole.to_json()

    holds()


@pytest.mark.parametrize("values", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_two_processes_give_the_blocks_tables_and_report_that_one_gives(
    name: str, values: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_into(131, monkeypatch)
    monkeypatch.setattr(workers, "can_fork", lambda: True)  # the test runner's thread waits, and holds no lock

    @settings(max_examples=40)
    @given(files(name))
    def holds(data: bytes) -> None:
        layout, unit = layout_of(name), UNITS.get(name, "disposizione")
        one = Reading(data, layout, unit=unit, source_name="file", values=values)
        two = Reading(data, layout, unit=unit, source_name="file", values=values, workers=2)
        for alone, beside in zip(one, two, strict=True):
            _assert_same(alone, beside)
        assert two.report == one.report
        assert two.report.to_json() == one.report.to_json()
        assert two.report.to_text() == one.report.to_text()

    holds()


def _assert_same(one: Block, other: Block) -> None:
    assert (one.number, one.offset, one.first_record) == (other.number, other.offset, other.first_record)
    for name in ("buffer", "starts", "lengths", "ends", "types", "bad", "units", "unit_bad"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert list(one.tables) == list(other.tables)
    for name, table in one.tables.items():
        np.testing.assert_array_equal(table.rows, other.tables[name].rows)
        assert list(table.columns) == list(other.tables[name].columns)
        for path, column in table.columns.items():
            assert column.type == other.tables[name].columns[path].type
            assert column.equals(other.tables[name].columns[path])


@given(files("orders-fixed"))
@settings(max_examples=50)
def test_a_path_an_open_file_and_bytes_give_the_same_report(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("files") / "file"
    path.write_bytes(data)
    reports = []
    for form in (data, path, io.BytesIO(data)):
        pass_over = Reading(form, layout_of("orders-fixed"), source_name="file")
        assert b"".join(block.buffer.tobytes() for block in pass_over) == data
        reports.append(pass_over.report.to_json())
    assert reports[0] == reports[1] == reports[2]


def test_a_record_without_end_is_one_finding_and_takes_no_memory() -> None:
    data = b'numero;Riferimento;nome;importo;data\n1;"' + b"x;\n" * 2_000_000
    pass_over = Reading(data, layout_of("orders-delimited"), source_name="file")
    largest = 0
    joined = 0
    for block in pass_over:
        largest = max(largest, len(block.buffer))
        joined += len(block.buffer)
    assert joined == len(data)
    assert largest < 2_000_000
    assert pass_over.report.counts == {("TR-L109", ""): 1}
    assert pass_over.report.is_refused


def test_one_huge_cell_among_small_ones_is_laid_out_apart() -> None:
    small = b"".join(b"%d;R%d;NOME;1,00;01/03/2026\n" % (i, i) for i in range(30_000))
    large = b"77;GRANDE;" + b"N" * 60_000 + b";1,00;01/03/2026\n"
    data = b"numero;Riferimento;nome;importo;data\n" + large + small + large.replace(b"GRANDE", b"ALTRA")
    report, joined = read(data, "orders-delimited", values=False)
    assert joined == data
    assert report.records_count == 30_002
    assert report.is_clean


def test_a_million_errors_take_no_more_memory_than_twenty() -> None:
    bad = b"0200001      ROSSI    202613050001A50X00\r\n"
    report, _ = read(b"01BANCA   20260301                      \r\n" + bad * 20_000, "orders-fixed", values=False)
    assert report.counts["TR-F204", "ordine.importo"] == 20_000
    assert sum(f.code == "TR-F204" for f in report.findings) == 20
    assert len(report.findings) < 200


@pytest.mark.parametrize("name", NAMES)
def test_random_mutations_of_a_long_file_are_read_alike_in_pieces(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(7)
    end = {"orders-fixed": b"\r\n", "orders-unseparated": b""}.get(name, b"\n")
    good = [line + end for line in LINES[name][:4]]
    for _ in range(10):
        data = bytearray(b"".join(good[i] for i in chance.integers(0, len(good), 300)))
        for place in chance.integers(0, len(data), 5).tolist():
            data[place] = int(chance.integers(0, 256))
        cut_into(832_000, monkeypatch)
        whole = read(bytes(data), name)[0].to_json()
        cut_into(999, monkeypatch)
        assert read(bytes(data), name)[0].to_json() == whole
