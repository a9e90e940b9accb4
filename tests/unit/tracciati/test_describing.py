"""The document of a layout: its text, its pictures, its two forms, and the command that makes it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tracciati import declare
from tracciati.cli import running, tracciati
from tracciati.describing import describe, diagrams, html, pdf, pictures
from tracciati.describing.headings import headings
from tracciati.describing.printable import FOR_FONTS, IN_FONTS, printable
from tracciati.layout import Field, Layout
from tracciati.plain import LANGUAGES, Language, orders

LAYOUTS = Path(__file__).parents[3] / "layouts"
VISURE, CONTROLLI = LAYOUTS / "banca-demo" / "visure.toml", LAYOUTS / "istituto-demo" / "controlli.toml"
SHIPPED = sorted(path for path in LAYOUTS.rglob("*.toml") if path.name != "feed.toml")
HEAD = '[layout]\nid = "prova"\nversion = "1.0.0"\ntitle = "{title}"\n'
FILE = (
    '[file]\nkind = "fixed"\nrecord = {{ length = {length} }}\nencoding = {{ codec = "utf-8" }}\nstructure = "riga*"\n'
)
HOSTILE = "<script>alert(1)</script> </style> #panic() $x$ `y` \\\\u{65} \u65e5\u672c \u0001"


def run(*words: str | Path) -> int:
    return running.run(tracciati, "tracciati", ["describe", *map(str, words)])


def of_fields(*fields: str, title: str = "Prova", length: int) -> Layout:
    text = HEAD.format(title=title) + FILE.format(length=length)
    return declare.loads(f"{text}[record.riga]\nfields = [ {', '.join(fields)} ]\n")


def hostile() -> Layout:
    """A layout whose every free text is markup of some kind, with letters that no font of ours has."""
    text = HOSTILE.replace("\x01", "\\u0001")
    codes = ", ".join(f'"C{number:02}" = "{text}"' for number in range(60))
    name = "nome_" * 30 + "fine"
    return of_fields(
        f'{{ name = "{name}", len = 4, type = "text", label = "{text}", codes = {{ {codes} }}, null = ["<b/>"] }}',
        f'{{ name = "nota", len = 90, type = "text", label = "{"W" * 300}" }}',
        title=text,
        length=94,
    )


class Tags(HTMLParser):
    """The tags of a page, and the text that a reader sees."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.text = ""
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in ("meta", "col", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["banca-demo/visure", "istituto-demo/controlli"])
def test_the_page_of_a_demo_layout_reads_so(name: str, language: Language, golden: Callable[[str, str], None]) -> None:
    golden(f"{name}/description-{language}.html", html.page(describe(declare.load(LAYOUTS / f"{name}.toml"), language)))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_page_is_complete_in_itself_and_well_formed(path: Path, language: Language) -> None:
    layout = declare.load(path)
    page = html.page(describe(layout, language))
    tags = Tags(page)
    assert not tags.seen & {"script", "link", "img", "iframe", "object"}
    assert not re.search(r"https?:|url\(|@import|javascript:| on\w+=", page)
    assert f'<html lang="{language}">' in page
    assert page.count(layout.fingerprint) >= 3  # among the identity, at the foot of a printed page, at the page's end
    assert all(field.label in tags.text for record in layout.records for field in record.fields)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_two_languages_say_the_same_of_other_words(path: Path) -> None:
    italian, english = (describe(declare.load(path), language) for language in LANGUAGES)
    assert (italian.language, english.language) == ("it", "en")
    for one, other in zip(italian.records, english.records, strict=True):
        assert one.strips == other.strips
        for row, same in zip(one.rows, other.rows, strict=True):
            assert (row.number, row.name, row.codes, len(row.notes)) == (
                same.number,
                same.name,
                same.codes,
                len(same.notes),
            )
            assert row.kind != same.kind
    for key, text in headings("it").items():
        assert text, key
        assert headings("en")[key], key


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_of_the_layout_are_never_markup(language: Language) -> None:
    document = describe(hostile(), language)
    page = html.page(document)
    assert "script" not in Tags(page).seen
    assert "<script>alert(1)</script> </style>" in Tags(page).text
    assert "[U+0001]" in Tags(page).text and "\x01" not in page
    assert pdf.pages(document).startswith(b"%PDF-")


def test_every_letter_that_the_fonts_are_said_to_have_is_set_as_it_is() -> None:
    letters = "".join(chr(code) for first, last in IN_FONTS for code in range(first, last + 1))
    names = "".join(letter for letter in letters if re.fullmatch(r"\w", letter))
    text = json.dumps(" ".join(letters.replace('"', "")), ensure_ascii=False)[1:-1]
    layout = of_fields(
        f'{{ name = "a{names}", len = 9, type = "text", label = "{text}", codes = {{ A = "{text}" }} }}',
        title=text,
        length=9,
    )
    document = describe(layout, "it")
    assert "[U+" not in json.dumps(printable(document.as_dict(), FOR_FONTS))
    assert pdf.pages(document)  # Typst refuses a PDF/UA with a letter that no font has


def test_a_pdf_is_tagged_has_its_fonts_and_no_time_of_the_machine() -> None:
    made = pdf.pages(describe(declare.load(VISURE), "it"))
    assert made == pdf.pages(describe(declare.load(VISURE), "it"))
    assert b"/StructTreeRoot" in made and b"<pdfuaid:part>1</pdfuaid:part>" in made
    assert b"/CreationDate" not in made and b"CreateDate" not in made
    assert b"/FontFile3" in made
    assert made != pdf.pages(describe(declare.load(VISURE), "en"))


def test_a_record_is_drawn_to_scale_and_wrapped_with_its_constants_in_their_boxes() -> None:
    layout = of_fields(
        '{ name = "tipo", len = 4, type = "const", value = "01AB" }',
        '{ name = "x", len = 1, type = "text" }',
        '{ name = "cognome", len = 20, type = "text" }',
        '{ name = "nota", len = 400, type = "text" }',
        '{ name = "coda", len = 25, type = "text" }',
        length=450,
    )
    first, left_out, *others = pictures.of_record(layout.records[0])
    assert [(box.column, box.width, box.text, box.is_exact, box.number) for box in first.boxes] == [
        (0, 4, "01AB", True, "1"),
        (4, 1, "", False, "2"),
        (5, 20, "cognome", False, "3"),
        (25, 75, "nota", False, "4"),
    ]
    assert (left_out.first, left_out.last, left_out.left_out, left_out.boxes) == (101, 400, "goes_on", ())
    assert [(strip.first, strip.last) for strip in others] == [(401, 450)]
    assert [box.number for box in others[0].boxes] == ["", "5"]
    whole = of_fields('{ name = "a", len = 120, type = "text" }', length=120)
    assert [(strip.first, strip.last) for strip in pictures.of_record(whole.records[0])] == [(1, 120)]


def test_numbers_of_narrow_fields_do_not_run_into_each_other() -> None:
    fields = [Field(f"f{number}", "text", number, 1) for number in range(130)]
    strips = pictures.of_text("x" * 130, list(enumerate(fields, 1)))
    for strip in strips:
        for level in range(3):
            boxes = [box for box in strip.boxes if box.level == level]
            for one, other in zip(boxes, boxes[1:], strict=False):
                apart = other.column + other.width / 2 - one.column - one.width / 2
                assert apart >= 0.62 * (len(one.number) + len(other.number)) / 2


def test_a_record_of_a_file_shows_its_blanks_by_their_columns() -> None:
    fields = [Field("a", "text", 0, 10), Field("b", "filler", 10, 490)]
    shown = pictures.of_text("01" + " " * 498, list(enumerate(fields, 1)))
    assert [(one.first, one.last, one.left_out) for one in shown] == [(1, 100, ""), (101, 500, "blank")]
    assert [box.text for box in shown[0].boxes] == ["", ""]


@pytest.mark.parametrize("text", ["A B+ C", "A (B | C D)* g+ (E?)+", "g? A", "(A | B | g)+"])
def test_a_diagram_has_every_record_once_for_each_place_within_its_edges(text: str) -> None:
    drawn = diagrams.diagram(orders.parsed(text, {"g": "F G* (H | I)?"}))
    assert drawn is not None
    written = text.replace("g", "F G* (H | I)?")
    assert sorted(one.text for one in drawn.labels if not one.is_frame) == sorted(re.findall(r"[A-Z]", written))
    assert [one.text for one in drawn.labels if one.is_frame] == ["g"] * text.count("g")
    for label in drawn.labels:
        assert min(label.x, label.y) >= 0
        assert label.x + label.width <= drawn.width and label.y + label.height <= drawn.height
    for x, y in [point for line in drawn.lines for point in line]:
        assert 0 <= x <= drawn.width and 0 <= y <= drawn.height
    boxes = [one for one in drawn.labels if not one.is_frame]
    for place, one in enumerate(boxes):
        for other in boxes[place + 1 :]:
            is_beside = one.x + one.width <= other.x or other.x + other.width <= one.x
            assert is_beside or one.y + one.height <= other.y or other.y + other.height <= one.y


def test_an_order_that_is_too_long_to_be_drawn_is_only_told() -> None:
    assert diagrams.diagram(orders.parsed(" ".join("ABCDEFGH" * 20), {})) is None
    assert diagrams.diagram(orders.parsed("riga", {})) is None


def test_columns_of_a_direction_are_counted_in_it() -> None:
    layout = declare.loads(
        HEAD.format(title="x") + '[file]\nkind = "delimited"\nstructure = { request = "riga*", answer = "riga*" }\n'
        '[record.riga]\nfields = [ { name = "a", type = "text", only = "answer" }, { name = "b", type = "text" } ]\n'
    )
    (record,) = describe(layout, "it").records
    assert [row.place for row in record.rows] == ["1", "1 (richiesta), 2 (esiti)"]


def test_a_layout_that_leaves_no_valid_file_is_described_without_an_example() -> None:
    layout = of_fields('{ name = "a", len = 2, type = "text", required = true }', length=2)
    text = layout.source_text + '[[rule]]\nid = "R1"\non = "riga"\ncheck = "a = \'X\' and a = \'Y\'"\ntext = "mai"\n'
    document = describe(declare.loads(text), "it")
    assert document.example.trouble
    assert document.example.trouble in Tags(html.page(document)).text
    assert pdf.pages(document)


def test_the_command_makes_what_the_suffix_says(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(VISURE) == 0
    italian = capfd.readouterr().out
    assert italian == html.page(describe(declare.load(VISURE), "it"))
    assert run(VISURE, "--lang", "en", "--out", tmp_path / "a.HTM") == 0
    assert (tmp_path / "a.HTM").read_text("utf-8") == html.page(describe(declare.load(VISURE), "en"))
    assert run(VISURE, "--out", tmp_path / "a.pdf") == 0
    assert (tmp_path / "a.pdf").read_bytes() == pdf.pages(describe(declare.load(VISURE), "it"))
    assert run(VISURE, "--format", "html", "--out", tmp_path / "tracciato.txt") == 0
    assert (tmp_path / "tracciato.txt").read_text("utf-8") == italian
    assert run(CONTROLLI, "--json") == 0
    assert json.loads(capfd.readouterr().out)["records"][0]["rows"][0]["name"] == "pratica"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--out", "OUT/visure.docx"), 2, "visure.docx does not say what to make\n  do: end it with .html or .pdf"),
        (("--json", "--format", "pdf"), 2, "--json writes JSON: leave out --format"),
        (("--lang", "de"), 2, "'de' is not one of 'it', 'en'"),
        (("--out", "OUT/none/visure.html"), 3, "do: check the path"),
    ],
)
def test_a_wrong_option_says_what_to_do(
    words: tuple[str, ...], code: int, said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(VISURE, *[word.replace("OUT", str(tmp_path)) for word in words]) == code
    assert said in capfd.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_layout_is_not_written_over(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    layout = tmp_path / "visure.html"
    layout.write_bytes(VISURE.read_bytes())
    assert run(layout, "--out", layout) == 2
    assert "is read, and would be written over" in capfd.readouterr().err
    assert layout.read_bytes() == VISURE.read_bytes()


def test_without_typst_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    assert run(VISURE, "--out", tmp_path / "a.html") == 0
    (tmp_path / "a.html").unlink()
    assert run(VISURE, "--out", tmp_path / "a.pdf") == 3
    told = capfd.readouterr().err
    assert told == (
        "error: PDF needs the Python package typst, which is not installed\n"
        f"  do: install it: `{sys.executable} -m pip install typst` (it is in the extra `describe`); "
        "--format html needs nothing more\n"
    )
    assert not list(tmp_path.iterdir())
