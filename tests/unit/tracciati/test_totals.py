"""Totals: over the file and over each occurrence of a group, held against plain Python, whatever the blocks."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracciati import declare, reading
from tracciati.findings.report import Report
from tracciati.reading import check
from tracciati.writing import Writer, output

LOTS = declare.load(Path(__file__).parents[2] / "samples/orders-lots.toml")

Item = tuple[int, int]  # bank, amount in cents
Lot = tuple[int, list[Item]]  # opening balance in cents, items


def amount(cents: int) -> str:
    return f"{'-' if cents < 0 else ' '}{abs(cents):07d}"


def lines(lots: list[Lot]) -> list[str]:
    """The file, by the words of the layout and nothing of the package."""
    made = [f"1{len(lots):03d}"]
    for number, (opening, items) in enumerate(lots, start=1):
        made.append(f"5{number:04d}{amount(opening)}")
        made += [f"6{bank:05d}{amount(cents)}{number:04d}" for bank, cents in items]
        large = [cents for _, cents in items if cents > 100]
        closing = opening + sum(cents for _, cents in items)
        banks = sum(bank for bank, _ in items) % 1000
        largest = amount(max(large)) if large else " " * 8
        made.append(f"8{number:04d}{len(items):03d}{banks:03d}{largest}{amount(closing)}")
    count, total = sum(len(items) for _, items in lots), sum(cents for _, items in lots for _, cents in items)
    made.append(f"9{-(-(len(made) + 1) // 3):03d}{count:03d}{amount(total)}{len(lots):04d}")
    return [line.ljust(30) for line in made]


def told(made: list[str]) -> Report:
    return check("".join(f"{line}\n" for line in made).encode(), LOTS, source_name="file")


LOT = st.tuples(
    st.integers(-9999, 9999), st.lists(st.tuples(st.integers(0, 99999), st.integers(-9999, 9999)), max_size=4)
)


@pytest.mark.parametrize("block_bytes", [40, 100, 1_000_000])
def test_what_python_adds_up_is_what_the_layout_asks_for(block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", block_bytes)

    @given(st.lists(LOT, min_size=1, max_size=5))
    def holds(lots: list[Lot]) -> None:
        report = told(lines(lots))
        assert report.is_clean, report.to_text()
        assert all(total.status == "equal" for total in report.totals)
        assert len(report.totals) == 1 + 4 * len(lots) + 4

    holds()


@pytest.mark.parametrize("block_bytes", [40, 100, 1_000_000])
def test_one_wrong_total_is_one_complaint_with_the_right_one(block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", block_bytes)
    made = lines([(100, [(11, 150)]), (-50, [(22, 300), (33, -40)]), (0, [])])
    assert made[7].startswith("80002002055")
    made[7] = made[7].replace("80002002055", "80002002054")
    report = told(made)
    assert [(one.code, one.record_number, one.path, one.expected) for one in report.findings] == [
        ("TR-G401", 8, "chiude.banche", "55, computed from the file")
    ]
    assert not report.is_refused
    wrong = [total for total in report.totals if total.status != "equal"]
    assert [(total.path, total.declared, total.computed, total.record_number) for total in wrong] == [
        ("chiude.banche", 54, 55, 8)
    ]


@pytest.mark.parametrize("block_bytes", [40, 100, 1_000_000])
def test_what_cannot_be_read_makes_the_totals_of_its_lot_unverifiable_and_no_other(
    block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", block_bytes)
    made = lines([(100, [(11, 150)]), (-50, [(22, 300), (33, -40)])])
    made[5] = made[5].replace("0000300", "0O00300")
    report = told(made)
    assert [(one.code, one.record_number, one.path) for one in report.findings] == [
        ("TR-F204", 6, "voce.importo"),
        ("TR-G402", 8, "chiude.maggiore"),
        ("TR-G402", 8, "chiude.saldo"),
        ("TR-T402", 9, "coda.totale"),
    ]


@pytest.mark.parametrize("block_bytes", [40, 100, 1_000_000])
def test_a_lost_record_is_not_said_again_by_the_totals_of_its_lot(
    block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", block_bytes)
    made = lines([(100, [(11, 150)]), (-50, [(22, 300), (33, -40)]), (7, [(1, 1)])])
    made[5] = "?" + made[5][1:]
    made[10] = made[10].replace("001001", "001002")
    report = told(made)
    assert [(one.code, one.record_number) for one in report.findings] == [("TR-S101", 6), ("TR-G401", 11)]


def test_a_value_of_the_group_before_is_not_this_groups() -> None:
    made = lines([(1, [(1, 1)]), (2, [(2, 2)])])
    made[5] = made[5][:14] + "0001" + made[5][18:]
    assert [(one.code, one.record_number) for one in told(made).findings] == [("TR-R303", 6)]


def test_a_unit_whose_own_total_is_wrong_is_a_bad_unit() -> None:
    made = lines([(1, [(1, 1)]), (2, [(2, 2)]), (3, [])])
    made[3] = made[3].replace("80001001001", "80001002001")
    text = "".join(f"{line}\n" for line in made).encode()
    report = check(text, LOTS, unit="lotto")
    assert (report.units_count, report.units_bad_count, report.others_bad_count) == (3, 1, 0)
    report = check(text, LOTS, unit="voce")
    assert (report.units_count, report.units_bad_count, report.others_bad_count) == (2, 0, 1)


@given(st.lists(LOT, min_size=1, max_size=5))
def test_a_writer_fills_in_what_python_adds_up(lots: list[Lot]) -> None:
    sink = io.BytesIO()
    write(sink, lots)
    assert sink.getvalue().decode() == "".join(f"{line}\n" for line in lines(lots))


def write(sink: io.BytesIO, lots: list[Lot]) -> None:
    writer = Writer(sink, LOTS, "request")
    writer.add("testa", {}, 1)
    for opening, items in lots:
        writer.add("apre", {"saldo": pa.array([f"{opening / 100:.2f}"])}, 1)
        banks = pa.array([f"{bank:05d}" for bank, _ in items], pa.string())
        cents = pa.array([f"{cents / 100:.2f}" for _, cents in items], pa.string())
        writer.add("voce", {"banca": banks, "importo": cents}, len(items))
        writer.add("chiude", {}, 1)
    writer.add("coda", {}, 1)
    writer.close()


def test_what_is_settled_is_not_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that counts the lots holds all; without it the writer holds one lot and what comes after."""
    monkeypatch.setattr(output, "HELD_BYTES_MAX", 100)
    layout = declare.loads(LOTS.source_text.replace(', derive = "count(lotto)"', ""))
    sink = io.BytesIO()
    writer = Writer(sink, layout, "request")
    writer.add("testa", {"lotti": pa.array([9])}, 1)
    held = []
    for number in range(1, 10):
        for record, count in (("apre", 1), ("voce", 3), ("chiude", 1)):
            one = {"banca": "00001", "importo": "1.00", "saldo": "2.50"} if record != "chiude" else {}
            writer.add(record, {name: pa.array([text] * count) for name, text in one.items()}, count)
        held.append((1 + 5 * number) * 31 - sink.tell())
    writer.add("coda", {}, 1)
    writer.close()
    assert max(held) < 2 * 5 * 31 + 100
    report = check(sink.getvalue(), layout)
    assert report.is_clean, report.to_text()


def test_a_lot_without_its_head_is_a_lot_of_its_own() -> None:
    """A record that cannot come later in the lot before begins another one; its head's own number is missed."""
    made = lines([(100, [(11, 150)]), (-50, [(22, 300), (33, -40)]), (7, [(1, 1)])])
    del made[4]
    report = told(made)
    assert [(one.code, one.record_number) for one in report.findings] == [("TR-S102", 5), ("TR-R301", 8)]
    by_record = {(total.path, total.record_number): total.status for total in report.totals}
    assert by_record["chiude.saldo", 4] == "equal"
    assert by_record["chiude.saldo", 10] == "equal"
