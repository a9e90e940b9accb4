"""How much of real formats is found again in their own files: boundaries, against the published layouts.

The files of the corpus are not in the repository. Where they are not on the machine, what is measured on them is
skipped, and says so.
"""

from __future__ import annotations

import io
import itertools
import re
from pathlib import Path

import pytest

from tracciati import declare, infer
from tracciati.generate import Order, generate
from tracciati.infer.proposal import Proposal

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "infer.md").read_text(encoding="utf-8")

Boundaries = dict[str, set[int]]
# How much less may be found, as a share, when the generator or a layout has changed.
SLACK = 0.05

# Widths of the fields, from the public descriptions: NACHA Operating Rules, appendix three; CFONB 120.
NACHA = {
    "1": (1, 2, 10, 10, 6, 4, 1, 3, 2, 1, 23, 23, 8),
    "5": (1, 3, 16, 20, 10, 3, 10, 6, 6, 3, 1, 8, 7),
    "6": (1, 2, 8, 1, 17, 10, 15, 22, 2, 1, 15),
    "8": (1, 3, 6, 10, 12, 12, 10, 19, 6, 8, 7),
    "9": (1, 6, 6, 8, 10, 12, 12, 39),
}
CFONB = {
    "01": (2, 5, 4, 5, 3, 1, 1, 11, 2, 6, 50, 14, 16),
    "04": (2, 5, 4, 5, 3, 1, 1, 11, 2, 6, 2, 6, 31, 2, 7, 1, 1, 14, 16),
    "05": (2, 5, 4, 5, 3, 1, 1, 11, 2, 6, 5, 3, 70, 2),
    "07": (2, 5, 4, 5, 3, 1, 1, 11, 2, 6, 50, 14, 16),
}


def of_widths(widths: dict[str, tuple[int, ...]]) -> Boundaries:
    """Where fields begin, by the text that a record begins with."""
    return {text: set(itertools.accumulate(its[:-1])) for text, its in widths.items()}


def of_layout(path: str) -> Boundaries:
    """The same of a layout; between two fillers nobody could see a boundary."""
    found: Boundaries = {}
    for record in declare.load(ROOT / "layouts" / path).records:
        pairs = itertools.pairwise(record.fields)
        edges = {other.start for one, other in pairs if not one.base == other.base == "filler"}
        found["".join(record.match.values())] = edges
    return found


def shares(found: Proposal, expected: Boundaries) -> tuple[int, int, int]:
    """Boundaries that were found, those there are, and those that are none; over the record types that were found."""
    right = there = wrong = 0
    for record in found.records:
        text = "".join(match for _, _, match in record.type.match)
        edges = next((its for key, its in expected.items() if text.startswith(key) or key.startswith(text)), None)
        if edges is not None:
            own = {one.start for one in record.fields} - {0}
            right, there, wrong = right + len(own & edges), there + len(edges), wrong + len(own - edges)
    return right, there, wrong


def row(title: str) -> list[str]:
    """The figures of the page's table."""
    (line,) = re.findall(rf"^\| {re.escape(title)} \| (.*) \|$", PAGE, re.MULTILINE)
    return [cell.strip() for cell in line.split("|")]


def said(found: Proposal, expected: Boundaries) -> list[str]:
    """The same figures, as they are measured."""
    right, there, wrong = shares(found, expected)
    whole = "; ".join([found.order.text, *(f"{name} = {text}" for name, text in found.order.groups.items())])
    return [str(len(found.framing)), f"{right} of {there}", str(wrong), whole]


def compared(title: str, found: Proposal, expected: Boundaries) -> None:
    """Not much less is found than the page says, nor much more that is none."""
    declare.loads(found.text)
    now = said(found, expected)
    page = [cell.replace("`", "").replace("\\", "") for cell in row(title)]
    told = f"measured now: | {title} | {' | '.join(now)} |"
    right, there = (int(number) for number in page[1].split(" of "))
    right_now, there_now = (int(number) for number in now[1].split(" of "))
    assert right_now / there_now >= right / there - SLACK, told
    assert int(now[2]) <= int(page[2]) * (1 + 4 * SLACK) + 1, told
    assert now[3] == page[3], told


GENERATED = [
    ("generated: banca-demo/visure.toml, 3 × 60", "banca-demo/visure.toml"),
    ("generated: public/cbi-riba.toml, 3 × 60", "public/cbi-riba.toml"),
    ("generated: public/cbi-mav.toml, 3 × 60", "public/cbi-mav.toml"),
]


@pytest.mark.parametrize(("title", "path"), GENERATED)
def test_boundaries_of_generated_files_are_found_as_the_page_says(title: str, path: str) -> None:
    layout = declare.load(ROOT / "layouts" / path)
    files = []
    for seed in (1, 2, 3):
        sink = io.BytesIO()
        generate(layout, sink, Order(seed=seed, count=60))
        files.append((f"{seed}.txt", io.BytesIO(sink.getvalue())))
    compared(title, infer.proposed(files), of_layout(path))


FILES = [
    ("CBI RiBa", "cbi-riba-ribalta/riba_*.txt", of_layout("public/cbi-riba.toml")),
    ("CBI MAV", "cbi-mav-elbati/samples/MAV.txt", of_layout("public/cbi-mav.toml")),
    ("NACHA, four files of entries", "ach-moov/valid/[pcw][pce][dbm]-*.ach", of_widths(NACHA)),
    ("CFONB 120", "cfonb-pennylane/example.txt", of_widths(CFONB)),
]


@pytest.mark.parametrize(("title", "pattern", "expected"), FILES, ids=[title for title, _, _ in FILES])
def test_boundaries_of_real_files_are_found_as_the_page_says(
    corpus: Path, title: str, pattern: str, expected: Boundaries
) -> None:
    paths = sorted(corpus.glob(pattern))
    assert paths
    compared(title, infer.proposed([(path.name, path) for path in paths]), expected)


READ = ["ach-moov/valid/*.ach", "cnab-brcobranca/*.R*", "cfonb-pennylane/*.txt", "beanio/**/*.txt", "cbi-*/**/*.txt"]


@pytest.mark.parametrize("pattern", READ)
def test_each_real_file_alone_gives_a_layout_that_loads(corpus: Path, pattern: str) -> None:
    paths = [path for path in sorted(corpus.glob(pattern)) if path.stat().st_size]
    assert paths
    for path in paths:
        declare.loads(infer.proposed([(path.name, path)]).text, path.name)
