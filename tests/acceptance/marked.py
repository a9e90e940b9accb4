"""Marked: a layout in which much of a request is sensitive, files of persons whose every field is a mark, and a
provider and a program that quote them in each way in which such a one can go wrong.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.system import LAYOUTS
from tracciati import declare
from tracciati.generate import Order, generate

CUSTOMER = "banca-demo"
# Where the layout's fields lie, and which of them are marks of a person.
REFERENCE, SERVICE, PERSON = slice(9, 21), slice(21, 25), slice(25, 41)
FIELDS = {"cognome": slice(60, 80), "nome": slice(80, 100), "indirizzo": slice(100, 140), "nascita": slice(140, 150)}

_FILLER = '{ name = "filler",         len = 140, type = "filler" },'

PROVIDER = '''\
"""A provider that fails in one way after the other, as the lines of its list say, and then answers."""

import threading
from pathlib import Path

import pandas as pd

from cominflow.errors import WorldError

_taking = threading.Lock()


class Quoting:
    def check(self, settings):
        return []

    def fulfil(self, requests, settings):
        path = Path(settings["ways"])
        with _taking:  # two batches may ask at once: each takes a way of its own, and none is lost
            way, _, rest = path.read_text().partition("\\n")
            path.write_text(rest)
        person, name = requests["codice_fiscale"].astype(str), requests["cognome"].astype(str)
        good = pd.DataFrame({"outcome": "fulfilled", "punteggio": 7}, index=requests.index)
        if way == "raises":
            raise ValueError(f"nobody knows {person.tolist()} {name.tolist()}")
        if way == "chain":
            try:
                raise KeyError(person.iloc[0])
            except KeyError as error:
                raise RuntimeError(name.iloc[0]) from error
        if way == "group":
            raise ExceptionGroup(name.iloc[0], [ValueError(person.iloc[0])])
        if way == "world":
            raise WorldError("ask about", name.iloc[0], person.iloc[0], retryable=True, hint=person.iloc[0])
        if way == "cause":
            raise WorldError("ask", "the office", ValueError(person.iloc[0]), retryable=True)
        if way == "outcomes":
            return good.assign(outcome=person)
        if way == "index":
            return good.set_axis(person.tolist())
        if way == "index twice":
            return good.set_axis([person.iloc[0]] * len(good))
        if way == "columns":
            return pd.DataFrame({one: ["x"] * len(good) for one in person}, index=requests.index)
        if way == "columns twice":
            wide = pd.concat([good, name.rename(person.iloc[0]), name.rename(person.iloc[0])], axis=1)
            return wide
        if way == "mixed":
            return good.assign(**{person.iloc[0]: [1, *name.iloc[1:]]})
        if way == "no table":
            return person.tolist()
        return good
'''
WAYS = (
    "raises", "chain", "group", "world", "cause", "outcomes", "index", "index twice", "columns", "columns twice",
    "mixed", "no table",
)  # fmt: skip


PROGRAM = '''\
"""A program that fails in one way after the other, as the lines of its list say, and then answers."""

import csv
import fcntl
import os
import signal
import sys

source, target, ways = sys.argv[1:]
with open(ways, "r+") as opened:  # two batches may ask at once: each takes a way of its own
    fcntl.flock(opened, fcntl.LOCK_EX)
    way, _, rest = opened.read().partition("\\n")
    opened.seek(0)
    opened.truncate()
    opened.write(rest)
with open(source, newline="") as opened:
    asked = list(csv.DictReader(opened))
person = asked[0]["cf"]
print(f"asked about {person}", flush=True)
print(f"nobody knows {person}", file=sys.stderr, flush=True)
if way == "fails":
    sys.exit(f"no answer about {person}")
if way == "dies":
    os.kill(os.getpid(), signal.SIGKILL)
names = ["id", "outcome", "score"] if way != "columns" else ["id", person, "score"]
with open(target, "w", newline="") as opened:
    if way != "nothing":
        csv.writer(opened).writerow(names)
        for row in asked:
            key = person if way == "key" else row["id"]
            csv.writer(opened).writerow([key, person if way == "outcome" else "fulfilled", 7])
        if way == "more":
            csv.writer(opened).writerow([person, "fulfilled", 7])
'''
PROGRAM_WAYS = ("fails", "dies", "nothing", "columns", "key", "outcome", "more")


def layout_text() -> str:
    """The bank's layout with more about the person."""
    text = (LAYOUTS / CUSTOMER / "visure.toml").read_text()
    assert _FILLER in text
    fields = [
        f'{{ name = "{name}", len = {at.stop - at.start}, type = "text", sensitive = true }},'
        for name, at in FIELDS.items()
    ]
    return text.replace(_FILLER, "\n  ".join([*fields, '{ name = "filler", len = 50, type = "filler" },']))


def make_provider(folder: Path) -> Path:
    """Install the provider `quoting` in a folder for PYTHONPATH. Returns its list of ways to fail."""
    folder.mkdir()
    (folder / "quoting_provider.py").write_text(PROVIDER)
    package = folder / "quoting_provider-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: quoting-provider\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[cominflow.providers]\nquoting = quoting_provider:Quoting\n")
    ways = folder / "ways"
    ways.write_text("\n".join(WAYS) + "\n")
    return ways


def make_program(folder: Path) -> tuple[Path, Path]:
    """Write the program and its list of ways to fail."""
    folder.mkdir()
    program, ways = folder / "program.py", folder / "ways"
    program.write_text(PROGRAM)
    ways.write_text("\n".join(PROGRAM_WAYS) + "\n")
    return program, ways


class Marks:
    """The marks that were given to persons, and those that stand in references."""

    def __init__(self) -> None:
        self.persons: list[str] = []
        self.references: list[str] = []

    def file(self, count: int, *, service: str, by_hand: int = 0, wrong: int = 0) -> bytes:
        """A file of `count` persons: the first `wrong` have a wrong codice fiscale, the last `by_hand` ask for VIS2."""
        sink = io.BytesIO()
        generate(declare.loads(layout_text(), "marked"), sink, Order(seed=len(self.references) + 1, count=count))
        lines = sink.getvalue().splitlines(keepends=True)
        for index in range(count):
            line = bytearray(lines[index + 1])
            line[REFERENCE] = self._mark(self.references, "ZQREF", 12)
            line[SERVICE] = b"VIS2" if index >= count - by_hand else service.encode()
            if index < wrong:
                line[40:41] = b"A" if line[40:41] != b"A" else b"B"
            for name, at in FIELDS.items():
                line[at] = self._mark(self.persons, f"ZQ{name[:3].upper()}", 10).ljust(at.stop - at.start)
            self.persons.append(line[PERSON].decode())
            lines[index + 1] = bytes(line)
        return b"".join(lines)

    def _mark(self, kept: list[str], prefix: str, width: int) -> bytes:
        mark = prefix + str(len(self.persons) + len(self.references) + 1).rjust(width - len(prefix), "0")
        kept.append(mark)
        return mark.encode()

    def in_text(self, text: str, *, with_references: bool = True) -> list[str]:
        """The lines in which a mark stands."""
        marks = {*self.persons, *(self.references if with_references else [])}
        lengths = {len(mark) for mark in marks}
        return [line for line in text.splitlines() if not marks.isdisjoint(_pieces(line, lengths))]


def _pieces(line: str, lengths: Iterable[int]) -> Iterator[str]:
    """All that stands in the line in so many characters."""
    for length in lengths:
        yield from (line[start : start + length] for start in range(len(line) - length + 1))
