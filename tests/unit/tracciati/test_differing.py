"""Differing: what a change in a layout is called, and whose it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tracciati import declare
from tracciati.cli import running, tracciati
from tracciati.differing import Change, difference

SAMPLES = Path(__file__).parents[2] / "samples"
FIXED = (SAMPLES / "small-fixed.toml").read_text(encoding="utf-8")
DELIMITED = (SAMPLES / "small-delimited.toml").read_text(encoding="utf-8")


def changes(old: str, new: str) -> list[Change]:
    return list(difference(declare.loads(old), declare.loads(new)).changes)


# (what is written otherwise in the newer layout, the change: kind, where, a part of its text, is it the partner's)
CHANGES = [
    (FIXED, 'id = "R-1"', 'id = "R-2"', [("stricter", "rule R-2", "new", True), ("looser", "rule R-1", "gone", False)]),
    (FIXED, 'VIS1 = "Ordinaria"', 'VIS1 = "Altra"', [("words", "riga.servizio", "the meaning of VIS1", False)]),
    (FIXED, 'VIS1 = "Ordinaria"', 'VIS1 = "Ordinaria", VIS9 = "Nuova"', [("looser", "riga.servizio", "VIS9", False)]),
    (FIXED, 'separator = "CRLF"', 'separator = "LF"', [("moved", "file.separator", "CRLF, now LF", True)]),
    (FIXED, "at = 10", 'at = 10, max = "12.50"', [("stricter", "riga.importo", "`max` 12.50 (before: none)", True)]),
    (FIXED, "at = 10", "at = 10, required = true", [("stricter", "riga.importo", "`required` no, now yes", True)]),
    (FIXED, "at = 10", 'at = 10, label = "Euro"', [("words", "riga.importo", "`label` Euro", False)]),
    (
        FIXED,
        "testa riga+ coda",
        "testa riga* coda",
        [("looser", "structure.request", "from now on: testa coda", False)],
    ),
    (
        FIXED,
        "testa riga+ coda",
        "testa riga coda",
        [("stricter", "structure.request", "no more: testa riga riga coda", True)],
    ),
    (
        FIXED,
        "testa fattura* coda",
        "testa fattura? coda",
        [("stricter", "structure.invoice", "no more: testa fattura fattura coda", False)],
    ),
    (FIXED, "testa riga+ coda", "testa riga riga* coda", [("words", "structure.request", "the same orders", False)]),
    (
        FIXED,
        '{ name = "netto", len = 7, type = "importo", from = "line.net" },\n  { name = "filler", len = 11',
        '{ name = "netto", len = 9, type = "importo", from = "line.net" },\n  { name = "filler", len = 9',
        [
            ("moved", "fattura.netto", "columns 3-9 (7 bytes), now columns 3-11 (9 bytes)", True),
            ("looser", "fattura.netto", "`digits` 7, now 9", True),
        ],
    ),
    (
        FIXED,
        '{ name = "filler", len = 10',
        '{ name = "nota", len = 4, type = "text" },\n  { name = "filler", len = 6',
        [("looser", "testa.nota", "a new field, where `filler` was", False)],
    ),
    (
        DELIMITED,
        "len = 12, required = true",
        "len = 10",
        [
            ("looser", "riga.chiave", "`required` yes, now no", False),
            ("stricter", "riga.chiave", "`len` 12, now 10", True),
        ],
    ),
    (
        DELIMITED,
        '{ name = "importo"',
        '{ name = "nota", type = "text" },\n  { name = "importo"',
        [
            ("looser", "riga.nota", "a new field, where `importo` was", True),
            ("moved", "riga.importo", "column 2, now 3", True),
            ("moved", "riga.esito", "column 3, now 4", True),
        ],
    ),
]


@pytest.mark.parametrize("case", CHANGES, ids=[f"{one[1]} -> {one[2]}" for one in CHANGES])
def test_a_change_has_its_kind_and_its_owner(case: tuple[str, str, str, list[tuple[str, str, str, bool]]]) -> None:
    text, old, new, wanted = case
    assert old in text
    found = changes(text, text.replace(old, new, 1))
    assert [(one.kind, one.where, one.is_partners) for one in found] == [(k, w, p) for k, w, _, p in wanted]
    for one, (_, _, words, _) in zip(found, wanted, strict=True):
        assert words in one.text, one.text


def test_what_we_may_write_from_now_on_is_the_partners_to_learn() -> None:
    (found,) = changes(FIXED.replace("testa fattura* coda", "testa fattura? coda"), FIXED)
    assert (found.kind, found.where, found.is_partners) == ("looser", "structure.invoice", True)
    assert found.text.endswith("from now on: testa fattura fattura coda")


def test_a_layout_compared_with_itself_differs_in_nothing() -> None:
    for path in sorted(SAMPLES.parents[1].glob("layouts/*/*.toml")):
        if path.name != "feed.toml":
            layout = declare.load(path)
            assert difference(layout, layout).changes == ()


def test_the_verdict_is_in_words_and_in_the_exit_code(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "old.toml").write_text(FIXED)
    (tmp_path / "looser.toml").write_text(FIXED.replace('VIS1 = "Ordinaria"', 'VIS1 = "Ordinaria", VIS9 = "Nuova"'))
    (tmp_path / "stricter.toml").write_text(
        FIXED.replace(', VIS2 = "Storica"', "").replace("servizio = 'VIS2'", "numero > 5")
    )

    def run(*words: str) -> tuple[int, str]:
        paths = [str(tmp_path / word) if word.endswith((".toml", ".txt")) else word for word in words]
        code = running.run(tracciati, "tracciati", ["diff", *paths])
        return code, capfd.readouterr().out

    code, said = run("old.toml", "looser.toml")
    assert code == 0
    assert said.endswith(
        "the partner need not change: what it sends is read as before, and what it gets has the old form\n"
    )
    code, said = run("old.toml", "old.toml", "--json")
    assert (code, json.loads(said)["partner_must_change"]) == (0, False)
    code, said = run("old.toml", "stricter.toml")
    assert code == 1
    assert "  ! stricter riga.servizio: 1 code gone: VIS2\n" in said
    assert said.endswith("the partner must change: 2 changes that its programs will meet\n")
    file = tmp_path / "one.txt"
    file.write_bytes(b"01" + b"20260301".ljust(18) + b"\r\n20001VIS20000000    \r\n9900003000000000    \r\n")
    code, said = run("old.toml", "looser.toml", "--against", "one.txt")
    assert (code, said.splitlines()[-2:]) == (0, [said.splitlines()[-2], "  now: the same"])
    assert "no findings in 3 records" in said.splitlines()[-2]
    code, said = run("looser.toml", "stricter.toml", "--against", "one.txt", "--json")
    (judged,) = json.loads(said)["files"]
    assert code == 1 and judged["is_other"] and "findings" in judged["new"]


def test_balances_that_go_on_are_the_partners_affair() -> None:
    with_balances = (SAMPLES / "statements.toml").read_text(encoding="utf-8")
    begin, end = with_balances.index("[continuity]"), with_balances.index("[record.testa]")
    without = with_balances[:begin] + with_balances[end:]
    text = "chiude.saldo is the next apre.saldo of each apre.conto"
    assert changes(without, with_balances) == [Change("stricter", "continuity", f"{text} (before: none)", True)]
    assert changes(with_balances, without) == [Change("looser", "continuity", f"none (before: {text})", False)]
