"""Kit: each file breaks the rule that its name says, and no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.property.invented import HEADING
from tracciati import declare
from tracciati.cli import running, tracciati
from tracciati.kit import kit
from tracciati.reading import check

ROOT = Path(__file__).parents[3]
VISURE, CONTROLLI = (ROOT / "layouts" / name for name in ("banca-demo/visure.toml", "istituto-demo/controlli.toml"))
EVERY_BASE = ROOT / "tests" / "gallery" / "cases" / "bad_field_of_every_base" / "prova-basi.toml"


@pytest.mark.parametrize("path", [VISURE, CONTROLLI, EVERY_BASE], ids=lambda path: path.stem)
def test_every_rule_is_broken_by_a_file_of_its_own(path: Path) -> None:
    layout = declare.load(path)
    made = kit(layout)
    assert check(made.valid, layout).is_clean
    assert made.unbroken == ()
    rules = [case.rule for case in made.cases]
    assert len(set(rules)) == len(rules) > 25
    for case in made.cases:
        report = check(case.content, layout)
        codes = [code for code, _ in report.counts if code != "TR-T402"]
        assert codes == [case.finding.code] and case.rule.startswith(codes[0]), case.rule
        assert sum(count for (code, _), count in report.counts.items() if code != "TR-T402") == 1


def test_a_rule_that_cannot_be_broken_alone_is_named() -> None:
    text = (
        HEADING
        + """[file]
kind = "fixed"
record = { length = 4 }
structure = "a b"
[record.a]
match = { t = "a" }
[[record.a.fields]]
name = "t"
len = 1
type = "const"
value = "a"
[[record.a.fields]]
name = "x"
len = 3
type = "text"
required = true
[record.b]
match = { t = "b" }
[[record.b.fields]]
name = "t"
len = 1
type = "const"
value = "b"
[[record.b.fields]]
name = "y"
len = 3
type = "text"
same_as = "a.x"
"""
    )
    made = kit(declare.loads(text))
    assert made.unbroken == ("TR-F201 a.x",)
    assert "TR-R303 b.y" in [case.rule for case in made.cases]


def test_a_kit_is_a_folder_with_a_list(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def run(*words: str | Path) -> int:
        return running.run(tracciati, "tracciati", ["generate", str(VISURE), "--seed", "1", *map(str, words)])

    folder = tmp_path / "kit"
    assert run("--kit", folder) == 0
    assert capfd.readouterr().out.startswith(f"{folder}: a valid file, and ")
    listed = json.loads((folder / "kit.json").read_text())
    names = sorted(path.name for path in folder.iterdir())
    expected = [one["file"] for one in listed["cases"]]
    assert names == sorted(
        ["000_valid.txt", "kit.json", *expected, *(name.replace(".txt", ".expected.txt") for name in expected)]
    )
    one = next(one for one in listed["cases"] if one["rule"] == "TR-T401 coda.totale")
    beside = (folder / one["file"].replace(".txt", ".expected.txt")).read_text()
    assert "TR-T401 coda.totale: the total differs from what the file holds" in beside
    assert run("--kit", folder) == 2
    assert "is there already" in capfd.readouterr().err
    assert run("--kit", tmp_path / "other", "--unit", "richiesta") == 2
    assert "leave out --set, --unit and --out" in capfd.readouterr().err


def test_a_code_is_broken_where_the_usual_wrong_digits_are_all_codes() -> None:
    text = (
        HEADING
        + """[file]
kind = "fixed"
record = { length = 3 }
structure = "a a"
[record.a]
fields = [
  { name = "kind", len = 1, type = "digits", codes = { 0 = "none", 1 = "one", 9 = "others" } },
  { name = "note", len = 2, type = "text" },
]
"""
    )
    made = kit(declare.loads(text))
    assert made.unbroken == ()
    case = next(case for case in made.cases if case.rule == "TR-F202 a.kind")
    assert case.content[:1] == b"2"
