"""Reading: blocks, units, masks, waivers, totals, and one complaint for one mistake."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tracciati import declare, framing, reading
from tracciati.errors import ReadingError
from tracciati.findings import Waiver
from tracciati.reading import Reading, check, fronts

SAMPLES = Path(__file__).parents[2] / "samples"
FIXED = declare.load(SAMPLES / "orders-fixed.toml")
CSV = declare.load(SAMPLES / "orders-delimited.toml")
GROUPED = declare.load(SAMPLES / "orders-grouped.toml")

HEAD = b"01BANCA   20260301                      \r\n"
TAIL = b"99BANCA   %05d%09d                \r\n"


def cut_into(block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make readings use blocks of that size."""
    monkeypatch.setattr(reading, "BLOCK_BYTES", block_bytes)


def order(number: int, *, name: bytes = b"ROSSI", amount: bytes = b"0001250", kind: bytes = b"V") -> bytes:
    return b"02%05dRIF%03d%-9s20260305%s%s  \r\n" % (number, number, name, amount, kind)


def orders(count: int) -> bytes:
    return HEAD + b"".join(order(i) for i in range(1, count + 1)) + TAIL % (count, count * 1250)


def codes(report: object) -> list[str]:
    return [f"{f.code} {f.path}".strip() for f in report.findings]  # type: ignore[attr-defined]


def test_values_come_as_arrow_columns_of_their_kind() -> None:
    data = HEAD + order(1) + order(2, name=b"", kind=b"A").replace(b"20260305", b"00000000") + TAIL % (2, 1250)
    (block,) = list(Reading(data, FIXED, unit="ordine"))
    columns = {name: array.to_pylist() for name, array in block.tables["ordine"].columns.items()}
    assert columns == {
        "tipo": ["02", "02"],
        "numero": [1, 2],
        "riferimento": ["RIF001", "RIF002"],
        "nome": ["ROSSI", None],
        "consegna": [date(2026, 3, 5), None],
        "importo": [Decimal("12.50"), Decimal("12.50")],
        "tipo_ordine": ["V", "A"],
        "esito": [None, None],
    }
    assert block.tables["ordine"].rows.tolist() == [1, 2]
    assert "filler" not in block.tables["testa"].columns


def test_a_unit_never_lies_in_two_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    cut_into(50, monkeypatch)
    count = 40
    parts = [b"14%04d001250\n20%04d      \n70%04d      \n" % (i, i, i) for i in range(1, count + 1)]
    data = b"IB          \n" + b"".join(parts) + b"EF%04d%06d" % (count, count * 1250)
    pass_over = Reading(data, GROUPED, unit="disposizione")
    blocks = list(pass_over)
    assert len(blocks) > 10
    units = [block.raw(first, stop) for block in blocks for first, stop in block.units.tolist()]
    assert units == parts
    assert pass_over.report.is_clean, pass_over.report.to_text()
    assert pass_over.report.units_count == count


def test_a_group_without_end_is_cut_with_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    cut_into(200, monkeypatch)
    monkeypatch.setattr(fronts, "UNIT_BYTES_MAX", 1000)
    text = (SAMPLES / "orders-grouped.toml").read_text().replace("14 20? 70", "14 20* 70")
    data = b"IB          \n140001001250\n" + b"".join(b"20%04d      \n" % i for i in range(1, 900)) + b"700001      \n"
    pass_over = Reading(data + b"EF0001001250\n", declare.loads(text, "x.toml"), unit="disposizione")
    joined = b"".join(block.buffer.tobytes() for block in pass_over)
    assert joined == data + b"EF0001001250\n"
    assert ("TR-S105", "") in pass_over.report.counts
    assert pass_over.report.is_refused


def test_a_bad_record_is_marked_and_the_others_go_on() -> None:
    data = HEAD + order(1) + order(2, amount=b"00012A0") + order(3) + TAIL % (3, 2500)
    pass_over = Reading(data, FIXED, unit="ordine")
    (block,) = list(pass_over)
    assert block.bad.tolist() == [False, False, True, False, False]
    assert block.unit_bad.tolist() == [False, True, False]
    assert block.tables["ordine"].columns["importo"].to_pylist()[1] is None
    report = pass_over.report
    assert codes(report) == ["TR-F204 ordine.importo", "TR-T402 coda.totale"]
    assert (report.units_count, report.units_bad_count, report.is_refused) == (3, 1, False)
    assert [t.status for t in report.totals] == ["equal", "unverifiable"]


def test_a_wrong_total_refuses_the_file_and_counts_are_always_checked() -> None:
    report = check(HEAD + order(1) + order(2, amount=b"00012A0") + TAIL % (7, 2500), FIXED)
    assert [(t.path, t.status) for t in report.totals] == [("coda.righe", "different"), ("coda.totale", "unverifiable")]
    assert report.is_refused


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (order(1) + order(2) + TAIL % (2, 2500), ["TR-S102 ordine"]),  # no head: one complaint, not three
        (HEAD + order(1) + HEAD + order(2) + TAIL % (2, 2500), ["TR-S102 testa"]),
        (HEAD + order(1) + b"XX" + order(2)[2:] + order(3) + TAIL % (3, 3750), ["TR-S101"]),
        (HEAD + order(1) + order(2)[:-12] + b"\r\n" + order(3) + TAIL % (3, 3750), ["TR-L101"]),
        # A line end in the middle of a record, one that is lost between two, and a first record that is lost.
        (HEAD + order(1) + order(2)[:20] + b"\r\n" + order(2)[20:] + order(3) + TAIL % (3, 3750), ["TR-L101"] * 2),
        (HEAD + order(1) + order(2)[:-2] + order(3) + order(4) + TAIL % (4, 5000), ["TR-L102"]),
        (HEAD[:-2] + order(1) + order(2) + TAIL % (2, 2500), ["TR-L102"]),
        (HEAD + b"XX" + order(1)[2:] + order(2) + TAIL % (2, 2500), ["TR-S101"]),
        # Every request is of a type that nobody knows, or only the head: the order of the others is as it can be.
        (HEAD + b"XX" + order(1)[2:] + b"XX" + order(2)[2:] + TAIL % (2, 2500), ["TR-S101"] * 2),
        (b"XX" + HEAD[2:] + order(1) + TAIL % (1, 1250), ["TR-S101"]),
        (HEAD + order(1) + TAIL % (1, 1250) + b"XX" + order(2)[2:] + order(3), ["TR-S101", "TR-S102 ordine"]),
        # A strange record in between, which has taken no number.
        (HEAD + order(1) + b"XX" + order(7)[2:] + order(2) + TAIL % (2, 2500), ["TR-S101"]),
        (b"rubbish\r\n" + order(1) + TAIL % (1, 1250), ["TR-L101"]),
        (HEAD + order(1) + order(9) + order(3) + TAIL % (3, 3750), ["TR-R301 ordine.numero"]),
        (HEAD + order(1) + order(3) + order(4) + TAIL % (3, 3750), ["TR-R301 ordine.numero"]),
    ],
)
def test_one_mistake_is_one_complaint(data: bytes, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert codes(check(data, FIXED)) == expected
    cut_into(42, monkeypatch)  # one record to a block
    assert codes(check(data, FIXED)) == expected


@pytest.mark.parametrize(
    ("between", "number", "expected"),
    [
        (order(2)[:-12] + b"\r\n", 4, "3"),  # it was 2, whatever it says of itself
        (order(2)[:-12] + b"\r\n", 2, "3"),
        (b"XX" + order(2)[2:], 4, "2 or 3"),
        (order(2)[:20] + b"\r\n" + order(2)[20:], 5, "3 or 4"),
        (order(2)[:-2] + order(3), 5, "3 or 4"),
        (b"XX" + order(2)[2:] + b"YY" + order(3)[2:], 1, "2 to 4"),
    ],
)
def test_a_number_that_is_skipped_behind_a_record_that_nobody_can_read_is_told(
    between: bytes, number: int, expected: str
) -> None:
    data = HEAD + order(1) + between + order(number) + order(number + 1) + TAIL % (4, 5000)
    (finding,) = (f for f in check(data, FIXED).findings if f.code == "TR-R301")
    assert finding.expected == expected


@pytest.mark.parametrize(("number", "told"), [(3, []), (5, []), (6, ["TR-R301 riga.numero"])])
def test_lines_that_a_quote_swallowed_have_taken_their_numbers(number: int, told: list[str]) -> None:
    text = (SAMPLES / "orders-delimited.toml").read_text(encoding="utf-8")
    layout = declare.loads(text.replace("digits = 7 }", "digits = 7, sequence = { start = 1 } }"))
    lines = (
        "numero;Riferimento;nome;importo;data\n",
        "1;R1;A;1,00;01/03/2026\n",
        '2;R2;"A;1,00;01/03/2026\n',
        "3;R3;A;1,00;01/03/2026\n",
        '4;R4;A";1,00\n',
        f"{number};R5;A;1,00;01/03/2026\n",
    )
    data = "".join(lines).encode()
    assert codes(check(data, layout)) == ["TR-L113", *told]


def test_behind_a_record_without_end_any_number_may_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing.lines, "RECORD_BYTES_MAX", 100)
    cut_into(60, monkeypatch)
    data = HEAD + order(1) + b"02" + b"x" * 400 + b"\r\n" + order(9) + order(11) + TAIL % (3, 3750)
    assert codes(check(data, FIXED)) == ["TR-L109", "TR-R301 ordine.numero"]


def test_sensitive_values_are_shown_only_on_request() -> None:
    data = HEAD + order(1, name=b"ROS\x01I", amount=b"00012A0") + TAIL % (1, 0)
    masked = check(data, FIXED)
    assert "ROS" not in masked.to_text() and "ROS" not in masked.to_json()
    assert "524f53" not in masked.to_json()
    shown = check(data, FIXED, reveal=True)
    assert 'found "ROS·I    "' in shown.to_text()


def test_a_record_that_cannot_be_read_is_not_echoed() -> None:
    assert "ROSSI" not in check(HEAD + order(1)[:-5] + b"\r\n" + order(2).replace(b"02", b"xx", 1), FIXED).to_json()


def test_a_waiver_in_force_overlooks_and_an_expired_one_does_not() -> None:
    data = HEAD + order(1) + order(2).replace(b"20260305", b"20260201") + TAIL % (2, 2500)
    waiver = Waiver("ORD-2", date(2026, 3, 31), "agreed for the first month", "ufficio contratti")
    before = check(data, FIXED, waivers=[waiver], today=date(2026, 3, 31))
    assert before.is_clean and before.waived_count == 1
    assert "waiver ORD-2 until 2026-03-31 (ufficio contratti: agreed for the first month): in force" in before.to_text()
    after = check(data, FIXED, waivers=[waiver], today=date(2026, 4, 1))
    assert codes(after) == ["TR-R304 ordine.consegna"]
    assert "expired, no longer counts" in after.to_text()
    with pytest.raises(AssertionError, match="need the day"):
        check(data, FIXED, waivers=[waiver])


def test_a_waived_field_error_leaves_its_record_good() -> None:
    data = HEAD + order(1, kind=b"Z") + TAIL % (1, 0)
    waiver = Waiver("TR-F202 ordine.tipo_ordine", date(2026, 3, 31), "new code", "ufficio contratti")
    pass_over = Reading(data, FIXED, waivers=[waiver], today=date(2026, 3, 1), unit="ordine")
    (block,) = list(pass_over)
    assert not block.bad.any()


def test_the_same_value_twice_is_found_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    cut_into(100, monkeypatch)
    data = (
        HEAD
        + b"".join(order(i) for i in range(1, 200))
        + order(200).replace(b"RIF200", b"RIF007")
        + TAIL % (200, 250000)
    )
    for form in (data, io.BytesIO(data)):
        report = check(form, FIXED)
        assert [(f.code, f.record_number) for f in report.findings] == [("TR-R302", 201)]


def test_cells_keep_their_quotes_out_and_their_text_in() -> None:
    data = (
        b"numero;Riferimento;nome;importo;data\n"
        b'1;"R;1";"DETTO ""IL ROSSO""";12,50;01/03/2026\n'
        b'2;R2;"due\nrighe";,;\n'
        b"3;R3;NICOL\xc3\x92;1000,00;29/02/2024"
    )
    pass_over = Reading(data, CSV, unit="riga")
    (block,) = list(pass_over)
    columns = block.tables["riga"].columns
    assert columns["riferimento"].to_pylist() == ["R;1", "R2", "R3"]
    assert (
        columns["nome"].to_pylist() == ['DETTO "IL ROSSO"', "due\nrighe", "NICOLÒ"]
        or columns["nome"][1].as_py() is None
    )
    assert columns["importo"].to_pylist() == [Decimal("12.50"), None, Decimal("1000.00")]
    assert columns["data"].to_pylist() == [date(2026, 3, 1), None, date(2024, 2, 29)]
    assert [(f.line, f.code) for f in pass_over.report.findings if f.field == "importo"] == [(4, "TR-F204")]
    assert block.raw(1, 2) == b'2;R2;"due\nrighe";,;\n'


def test_a_column_that_is_only_in_the_answer_is_not_in_the_request() -> None:
    request = b"numero;Riferimento;nome;importo;data\n1;R1;X;1,00;01/03/2026\n"
    answer = b"numero;Riferimento;nome;importo;data;esito\n1;R1;X;1,00;01/03/2026;00\n"
    assert check(request, CSV).is_clean
    assert check(answer, CSV, direction="answer").is_clean
    assert codes(check(answer, CSV)) == ["TR-L112"]
    (block,) = list(Reading(answer, CSV, direction="answer"))
    assert block.tables["riga"].columns["esito"].to_pylist() == ["00"]


def test_an_empty_file_ends_too_soon() -> None:
    assert codes(check(b"", FIXED)) == ["TR-S103"]
    assert list(Reading(b"", FIXED)) == []


def test_a_direction_without_structure_cannot_be_read() -> None:
    with pytest.raises(ReadingError, match="no structure for invoice"):
        Reading(b"", FIXED, direction="invoice")


@pytest.mark.parametrize("check_text", ["esito is null", "not (esito = 'OK')"])
def test_what_the_answer_fills_has_no_value_in_a_request_for_rules_and_sums(check_text: str) -> None:
    text = (SAMPLES / "orders-fixed.toml").read_text().replace("consegna >= testa.data", check_text)
    text = text.replace("tipo_ordine = 'V')", "esito is null)")
    assert check(orders(2), declare.loads(text)).is_clean


def test_a_file_that_is_not_there_is_the_worlds_fault(tmp_path: Path) -> None:
    with pytest.raises(ReadingError, match="cannot open .*nothing.txt: No such file"):
        check(tmp_path / "nothing.txt", FIXED)


@pytest.mark.parametrize(("name", "units", "records"), [("collapsible", 11, 79), ("grouped", 7, 51)])
def test_riba_flows_that_nobody_here_wrote_read_clean(corpus: Path, name: str, units: int, records: int) -> None:
    layout = declare.load(Path(__file__).parents[3] / "layouts" / "public" / "cbi-riba.toml")
    path = corpus / "cbi-riba-ribalta" / f"riba_{name}.txt"
    pass_over = Reading(path, layout, unit="disposizione")
    assert b"".join(block.buffer.tobytes() for block in pass_over) == path.read_bytes()
    assert pass_over.report.is_clean, pass_over.report.to_text()
    assert (pass_over.report.units_count, pass_over.report.records_count) == (units, records)
    assert 809150 in [t.computed for t in pass_over.report.totals]


def test_the_mav_flow_is_refused_for_its_totals(corpus: Path) -> None:
    layout = declare.load(Path(__file__).parents[3] / "layouts" / "public" / "cbi-mav.toml")
    report = check(corpus / "cbi-mav-elbati" / "samples" / "MAV.txt", layout, unit="disposizione")
    (total,) = (t for t in report.totals if t.path == "EF.numero_disposizioni")
    assert (total.declared, total.computed, total.status) == (158, 3, "different")
    assert report.is_refused
