"""The `tracciati` command, as a process: outputs, exit codes, and the layouts that ship."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests import preloaded

ROOT = Path(__file__).resolve().parents[2]
LAYOUTS = ROOT / "layouts"
VISURE = LAYOUTS / "banca-demo" / "visure.toml"
CONTROLLI = LAYOUTS / "istituto-demo" / "controlli.toml"
SHIPPED = (VISURE, CONTROLLI, LAYOUTS / "public" / "cbi-riba.toml", LAYOUTS / "public" / "cbi-mav.toml")
COMMANDS = ("check", "explain", "rewrite", "convert", "generate")


def tracciati(*arguments: str | Path, given: bytes = b"", code: int = 0) -> subprocess.CompletedProcess[bytes]:
    """Run the command and hold it to its exit code."""
    done = subprocess.run([preloaded.program("tracciati"), *arguments], input=given, capture_output=True, cwd=ROOT)
    assert done.returncode == code, (done.returncode, done.stdout.decode(), done.stderr.decode())
    return done


@pytest.fixture
def visure(tmp_path: Path) -> Path:
    """A request file of five requests."""
    path = tmp_path / "RV_20260301_001.txt"
    tracciati("generate", VISURE, "--seed", "1", "--count", "5", "--out", path)
    return path


@pytest.fixture
def spoilt(visure: Path) -> Path:
    """The same with two mistakes in its third record: a letter in a number, and a wrong check character."""
    lines = visure.read_bytes().splitlines(keepends=True)
    wrong_check = b"A" if lines[2][40:41] != b"A" else b"B"
    lines[2] = lines[2][:6] + b"X" + lines[2][7:40] + wrong_check + lines[2][41:]
    visure.write_bytes(b"".join(lines))
    return visure


@pytest.mark.parametrize("layout", SHIPPED, ids=lambda path: path.stem)
@pytest.mark.parametrize("seed", ["1", "2026"])
def test_a_generated_file_of_every_shipped_layout_is_clean_and_comes_back_byte_for_byte(
    layout: Path, seed: str, tmp_path: Path
) -> None:
    made, again = tmp_path / "made.txt", tmp_path / "again.txt"
    tracciati("generate", layout, "--seed", seed, "--count", "40", "--out", made)
    checked = tracciati("check", layout, made)
    assert b"no findings" in checked.stdout
    rewritten = tracciati("rewrite", layout, made, again)
    assert b"byte for byte the same" in rewritten.stdout
    assert again.read_bytes() == made.read_bytes()


@pytest.mark.parametrize("layout", SHIPPED, ids=lambda path: path.stem)
def test_a_generated_file_is_in_canonical_form_already(layout: Path, tmp_path: Path) -> None:
    made, again = tmp_path / "made.txt", tmp_path / "again.txt"
    tracciati("generate", layout, "--seed", "3", "--count", "40", "--out", made)
    told = tracciati("rewrite", layout, made, again, "--canonical", "--json")
    assert json.loads(told.stdout)["differences"] == []
    assert again.read_bytes() == made.read_bytes()


def test_canonical_says_what_it_could_not_encode_anew(spoilt: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.txt"
    done = tracciati("rewrite", VISURE, spoilt, again, "--canonical", code=1)
    text = done.stdout.decode()
    assert "richiesta.progressivo: 1 cell could not be encoded anew, kept as it came" in text
    assert "byte for byte" not in text
    assert again.read_bytes() == spoilt.read_bytes()
    spoilt.write_bytes(spoilt.read_bytes().replace(b"\r\n", b"\r\n\r\n", 1))
    assert b"1 empty line" in tracciati("rewrite", VISURE, spoilt, again, "--canonical", code=1).stdout


def test_canonical_keeps_an_unclosed_quote_as_it_came(tmp_path: Path) -> None:
    made, again = tmp_path / "made.csv", tmp_path / "again.csv"
    tracciati("generate", CONTROLLI, "--seed", "1", "--count", "2", "--out", made)
    made.write_bytes(made.read_bytes() + b'"open;x')
    done = tracciati("rewrite", CONTROLLI, made, again, "--canonical", code=1)
    assert b"kept as it came: 1 record" in done.stdout
    assert again.read_bytes() == made.read_bytes()


def test_bytes_without_a_picture_are_shown_in_hex(visure: Path) -> None:
    lines = visure.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2][:6] + b"\0" + lines[2][7:]
    visure.write_bytes(b"".join(lines))
    assert re.search(r"; found \".*·.*\" \(hex [0-9a-f]*00", tracciati("check", VISURE, visure, code=1).stdout.decode())


@pytest.mark.parametrize("layout", [VISURE, CONTROLLI], ids=lambda path: path.stem)
@pytest.mark.parametrize("direction", ["answer", "rejection", "invoice"])
def test_what_we_would_send_can_be_generated_and_read_too(layout: Path, direction: str, tmp_path: Path) -> None:
    made = tmp_path / "made.txt"
    tracciati("generate", layout, "--seed", "1", "--direction", direction, "--out", made)
    assert b"no findings" in tracciati("check", layout, made, "--direction", direction).stdout


def test_a_clean_file_ends_in_0_and_one_with_findings_in_1(spoilt: Path) -> None:
    done = tracciati("check", VISURE, spoilt, code=1)
    text = done.stdout.decode()
    assert f"{spoilt}:3:3-9: TR-F204 richiesta.progressivo: not a run of digits" in text
    assert "TR-F208 richiesta.codice_fiscale" in text
    assert text.splitlines()[-1].startswith(f"{spoilt}: 2 findings in 7 records")
    assert done.stderr == b""


def test_the_report_as_json_says_the_same(spoilt: Path) -> None:
    report = json.loads(tracciati("check", VISURE, spoilt, "--json", code=1).stdout)
    assert report["errors_count"] == 2
    assert [finding["code"] for finding in report["findings"]] == ["TR-F204", "TR-F208"]


def test_a_file_can_come_from_standard_input(visure: Path) -> None:
    done = tracciati("check", VISURE, "-", given=visure.read_bytes())
    assert done.stdout.decode().startswith("standard input: no findings in 7 records")


def test_a_layout_or_file_that_is_not_there_ends_in_3(visure: Path, tmp_path: Path) -> None:
    assert b"error: cannot" in tracciati("check", tmp_path / "none.toml", visure, code=3).stderr
    assert b"do: " in tracciati("check", VISURE, tmp_path / "none.txt", code=3).stderr
    nowhere = tmp_path / "no" / "x.txt"
    told = tracciati("rewrite", VISURE, visure, nowhere, code=3).stderr.decode()
    assert f"error: cannot use {nowhere}: No such file" in told
    assert "\n  do: check the path" in told


def test_wrong_usage_ends_in_2(visure: Path, tmp_path: Path) -> None:
    tracciati("check", VISURE, code=2)
    assert b"Did you mean `check`?" in tracciati("chek", code=2).stderr
    assert (
        b"has no structure for the direction `control`"
        in tracciati("check", VISURE, visure, "--direction", "control", code=2).stderr
    )
    assert (
        b"say which: --record testa|richiesta|coda"
        in tracciati("convert", VISURE, visure, "--to", "csv", code=2).stderr
    )
    assert (
        b"no record type `richieste`"
        in tracciati("convert", VISURE, visure, "--to", "csv", "--record", "richieste", code=2).stderr
    )
    assert b"has no record 99; it has 7" in tracciati("explain", VISURE, visure, "--record", "99", code=2).stderr
    assert (
        b"--set riga.prezzo: the layout has no such field"
        in tracciati("generate", VISURE, "--seed", "1", "--set", "riga.prezzo=1", code=2).stderr
    )
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('[layout]\nid = "x"\nvershion = "1.0.0"\n')
    assert b"vershion" in tracciati("check", wrong, visure, code=2).stderr


def test_a_closed_pipe_is_no_defect(visure: Path) -> None:
    command = f"{shlex.quote(str(Path(sys.executable).with_name('tracciati')))} convert {VISURE} {visure} --to jsonl"
    done = subprocess.run(["sh", "-c", f"{command} | head -1"], capture_output=True, cwd=ROOT)
    assert done.stdout.count(b"\n") == 1
    assert b"Traceback" not in done.stderr


def test_json_lines_hold_every_record_in_order_and_wrong_ones_with_their_bytes(spoilt: Path) -> None:
    done = tracciati("convert", VISURE, spoilt, "--to", "jsonl", code=1)
    records = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert [record["number"] for record in records] == list(range(1, 8))
    assert [record["record"] for record in records] == ["testa", *["richiesta"] * 5, "coda"]
    assert [record.get("bad", False) for record in records] == [False, False, True, False, False, False, False]
    assert records[2]["values"]["progressivo"] is None
    assert records[2]["raw"].encode("latin-1") == spoilt.read_bytes().splitlines()[2]
    assert records[1]["values"]["riferimento"] == "RIF000000001"
    assert re.fullmatch(r"\d+\.\d\d", records[1]["values"]["importo_max"])
    assert b"2 findings" in done.stderr


def test_a_csv_holds_one_record_type_with_exact_values(visure: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    tracciati("convert", VISURE, visure, "--to", "csv", "--record", "richiesta", "--out", out)
    lines = out.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith('"record_number","tipo","progressivo","riferimento"')
    assert len(lines) == 6
    assert lines[1].startswith('2,"20",1,"RIF000000001",')


def test_explain_masks_what_is_sensitive_unless_it_is_asked_for(visure: Path) -> None:
    masked = tracciati("explain", VISURE, visure, "--record", "2").stdout.decode()
    open_ = tracciati("explain", VISURE, visure, "--record", "2", "--reveal").stdout.decode()
    secret = visure.read_bytes().splitlines()[1][25:41].decode()
    assert secret not in masked
    assert "*" * 16 in masked
    assert secret in open_
    as_json = tracciati("explain", VISURE, visure, "--record", "2", "--json").stdout.decode()
    assert secret not in as_json


def test_explain_shows_each_field_under_a_ruler_and_what_is_wrong_beside_it(spoilt: Path) -> None:
    text = tracciati("explain", VISURE, spoilt, "--record", "3", code=1).stdout.decode()
    lines = text.splitlines()
    assert lines[0] == "record 3: richiesta (bytes 404-604 of the file)"
    assert lines[1].strip().startswith("1         2")
    assert lines[2].strip().startswith("1234567890")
    assert re.search(r"3-9 +progressivo +integer +<- not a run of digits", text)
    assert re.search(r"22-25 +servizio +text +VIS[12] \(Visura", text)
    assert "TR-F204" in text


def test_explain_of_a_layout_without_a_title_begins_with_its_name_alone(tmp_path: Path) -> None:
    lines = [line for line in VISURE.read_text().splitlines() if not line.startswith("title ")]
    (tmp_path / "layout.toml").write_text("\n".join(lines))
    text = tracciati("explain", tmp_path / "layout.toml").stdout.decode()
    assert re.fullmatch(r"banca-demo-visure@2\.0\.0#[0-9a-f]{8}", text.splitlines()[0])


def test_explain_shows_of_which_records_a_group_is_made() -> None:
    riba = LAYOUTS / "public" / "cbi-riba.toml"
    shown = tracciati("explain", riba).stdout.decode()
    assert "structure (request): IB disposizione+ EF\ngroup disposizione: 14 20 30 40 50 51 70\n" in shown
    told = json.loads(tracciati("explain", riba, "--json").stdout)
    assert (told["structure"], list(told["groups"])) == ("IB disposizione+ EF", ["disposizione"])


def test_explain_without_a_file_shows_the_positions() -> None:
    text = tracciati("explain", VISURE).stdout.decode()
    assert re.search(r"5 +codice_fiscale +codice_fiscale +26 +41 +16", text)
    told = json.loads(tracciati("explain", VISURE, "--json").stdout)
    assert told["records"][1]["fields"][4]["from"] == 26


def test_another_spelling_is_named_by_canonical_and_written_as_ours(tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs.csv", tmp_path / "ours.csv"
    tracciati("generate", CONTROLLI, "--seed", "1", "--count", "3", "--out", theirs)
    content = theirs.read_bytes()
    reference = content.splitlines()[1].split(b";")[0]
    theirs.write_bytes(content.replace(reference, b'"' + reference + b'"'))
    done = tracciati("rewrite", CONTROLLI, theirs, ours, "--canonical", code=1)
    assert done.stdout.decode().splitlines()[0].startswith("record 1: controllo.pratica: ")
    assert ours.read_bytes() == content
    tracciati("rewrite", CONTROLLI, theirs, ours)
    assert ours.read_bytes() == theirs.read_bytes()


def test_given_values_are_typed_as_their_fields(tmp_path: Path) -> None:
    made = tmp_path / "made.txt"
    values = ["testa.cliente=DEMO", "richiesta.importo_max=12.50", "testa.data_flusso=2026-03-01"]
    tracciati("generate", VISURE, "--seed", "1", "--out", made, *[word for v in values for word in ("--set", v)])
    lines = made.read_bytes().splitlines()
    assert lines[0][2:18] == b"DEMO    20260301"
    assert {line[41:52] for line in lines[1:-1]} == {b"00000001250"}
    assert lines[-1][9:24] == b"000000000012500"
    tracciati("check", VISURE, made)
    tracciati("generate", VISURE, "--seed", "1", "--set", "richiesta.importo_max=tanto", code=2)
    tracciati("generate", VISURE, "--seed", "1", "--set", "richiesta.importo_max", code=2)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_page_has_an_example_that_runs(command: str, visure: Path, tmp_path: Path) -> None:
    page = tracciati(command, "--help").stdout.decode()
    examples = re.findall(rf"^ *(tracciati {command} .*)$", page, re.MULTILINE)
    assert examples, page
    for example in examples:
        line = example.replace("/tmp/", f"{tmp_path}/").replace("inbox/RV_20260301_001.txt", shlex.quote(str(visure)))
        path = Path(sys.executable).parent
        done = subprocess.run(
            ["bash", "-c", f'PATH="{path}:$PATH"; set -o pipefail; {line}'], capture_output=True, cwd=ROOT
        )
        assert done.returncode == 0 or "| head" in line, (line, done.stderr.decode())


def test_help_comes_at_once_because_nothing_heavy_is_imported() -> None:
    program = (
        "import sys; from click.testing import CliRunner; from tracciati.cli import tracciati; "
        "result = CliRunner().invoke(tracciati, ['--help']); assert result.exit_code == 0, result.output; "
        "print(sorted(m for m in ('numpy', 'pyarrow', 'pandas') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("generate", VISURE, "--seed", "1"), "standard output"),
        (("explain", VISURE), "standard output"),
        (("generate", VISURE, "--seed", "1", "--out", "/dev/full"), "/dev/full"),
    ],
    ids=["records", "text", "file"],
)
def test_a_full_disk_is_told_with_the_place_that_is_full(arguments: tuple[str, ...], named: str) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [preloaded.program("tracciati"), *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, cwd=ROOT)
    assert done.returncode == 3
    assert done.stderr.decode() == (
        f"error: cannot use {named}: No space left on device\n  do: free some space, then run the command again\n"
    )
