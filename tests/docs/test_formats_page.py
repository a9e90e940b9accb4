"""docs/formats.md has a section for each public layout, with its source, and names every file that was read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs import blocks
from tests.unit.tracciati.ach_samples import ACH_SAMPLES
from tests.unit.tracciati.public_samples import SAMPLES, Sample
from tracciati import declare

TEXT = (blocks.ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
PATHS = sorted((blocks.ROOT / "layouts" / "public").glob("*.toml"))
ROWS = ("source", "proved by", "not proved", "files differ")


# In the order of the page.
HEADINGS = (
    "cbi-riba",
    "cbi-mav",
    "cbi-rh",
    "febraban-cnab240-remessa",
    "febraban-cnab240-retorno",
    "santander-cnab240-retorno",
    "caixa-cnab240-remessa",
    "itau-cnab400-remessa",
    "itau-cnab400-retorno",
    "bradesco-cnab400-retorno",
    "cfonb-120",
    "nacha-ach",
    "nacha-iat",
    "nacha-adv",
)


def section(name: str) -> str:
    """What stands under a heading of the second order."""
    return TEXT.split(f"\n## {name}\n", 1)[1].split("\n## ", 1)[0]


def rows(name: str) -> dict[str, str]:
    """The table of a section."""
    cells = re.findall(r"^\| ([^|]+?) \| (.+) \|$", section(name), re.MULTILINE)
    return {name.strip(): text for name, text in cells}


def test_every_public_layout_has_a_section_and_nothing_else_has() -> None:
    assert re.findall(r"^## (.*)$", TEXT, re.MULTILINE) == list(HEADINGS)
    assert {path.stem for path in PATHS} == set(HEADINGS)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_section_says_the_layouts_own_source_and_what_was_proved(path: Path) -> None:
    layout = declare.load(path)
    table = rows(path.stem)
    assert tuple(table) == ROWS
    document = layout.source.split(", pp.")[0]
    assert table["source"].startswith(document), f"{path.stem}: the layout says {layout.source!r}"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_no_layout_says_that_it_is_verified_while_the_page_says_that_none_is(path: Path) -> None:
    assert not declare.load(path).verified
    assert "all of them say `false`" in " ".join(TEXT.split())


@pytest.mark.parametrize("sample", (*SAMPLES, *ACH_SAMPLES), ids=lambda one: f"{one.name} {one.layout}")
def test_a_file_that_was_read_is_named_in_the_section_of_its_layout(sample: Sample) -> None:
    assert f"`{sample.name}`" in section(sample.layout)
