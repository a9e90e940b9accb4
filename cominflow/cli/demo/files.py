"""Files: the request files of the demo, made from the layouts, and the table that answers them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tracciati import declare
from tracciati.generate import Order, generate
from tracciati.layout import Direction, Layout
from tracciati.reading import Reading


@dataclass(frozen=True)
class Sent:
    """One file that a customer sends, and what must become of it.

    outcome   "accepted", "duplicate" or "refused"
    good      reference -> fields of the requests that must be answered; bad the references that must come back
    """

    customer: str
    name: str
    content: bytes
    outcome: str
    good: dict[str, dict[str, object]] = field(default_factory=dict)
    bad: tuple[str, ...] = ()


def bank(layout: Layout, *, seed: int, bulk: int) -> list[Sent]:
    """A file with three wrong records, the same bytes again, one whose total is wrong, and a large one."""
    clean = _generated(layout, seed, 300)
    lines = clean.splitlines(keepends=True)
    damaged = (7, 120, 299)
    for number in damaged:
        lines[number] = _with_wrong_check_character(lines[number])
    content = b"".join(lines)
    bad = tuple(lines[number][9:21].decode("ascii").strip() for number in damaged)
    good = {reference: row for reference, row in _requests(layout, clean).items() if reference not in bad}
    large = _generated(layout, seed + 1, bulk)
    return [
        Sent("banca-demo", "RV_20260301_001.txt", content, "accepted", good, bad),
        Sent("banca-demo", "RV_20260301_002.txt", content, "duplicate"),
        Sent("banca-demo", "RV_20260301_003.txt", _with_wrong_total(_generated(layout, seed + 2, 50)), "refused"),
        Sent("banca-demo", "RV_20260302_001.txt", large, "accepted", _requests(layout, large)),
    ]


def institution(layout: Layout, *, seed: int) -> list[Sent]:
    """A table with two wrong lines: a date that is none, and a service that was never agreed."""
    clean = _generated(layout, seed, 40)
    rows = list(csv.reader(io.StringIO(clean.decode("utf-8")), delimiter=";"))
    rows[4][5] = "31/02/2026"
    rows[9][1] = "ALTRO"
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(rows)
    bad = (rows[4][0], rows[9][0])
    good = {reference: row for reference, row in _requests(layout, clean).items() if reference not in bad}
    return [Sent("istituto-demo", "controlli_2026-03-01_1.csv", text.getvalue().encode(), "accepted", good, bad)]


def table(path: Path, sent: Iterable[Sent]) -> set[str]:
    """Write the provider's table: a score for nine persons in ten. Returns the codes that it knows."""
    codes = sorted({str(row["codice_fiscale"]) for one in sent for row in one.good.values()})
    known = {code for place, code in enumerate(codes) if place % 10}
    with path.open("w", newline="", encoding="utf-8") as sink:
        writer = csv.writer(sink)
        writer.writerow(["codice_fiscale", "punteggio", "esposizione"])
        writer.writerows([code, 300 + place % 500, f"{place % 9_000}.50"] for place, code in enumerate(sorted(known)))
    return known


def _generated(layout: Layout, seed: int, count: int) -> bytes:
    sink = io.BytesIO()
    generate(layout, sink, Order(seed=seed, count=count))
    return sink.getvalue()


def _requests(layout: Layout, content: bytes) -> dict[str, dict[str, object]]:
    """Reference -> fields of each request in a file."""
    return {str(row[REFERENCES[layout.id]]): row for row in rows_of(layout, content, "request")}


# Which field is the customer's own reference.
REFERENCES = {"banca-demo-visure": "riferimento", "istituto-demo-controlli": "pratica"}
_RECORDS = {"banca-demo-visure": "richiesta", "istituto-demo-controlli": "controllo"}


def rows_of(layout: Layout, content: bytes, direction: Direction, record: str = "") -> list[dict[str, object]]:
    """The records of one type as dictionaries, read with the layout; by default those of requests."""
    rows: list[dict[str, object]] = []
    for block in Reading(content, layout, direction=direction):
        found = block.tables.get(record or _RECORDS[layout.id])
        if found is not None:
            columns = {name: column.to_pylist() for name, column in found.columns.items()}
            rows.extend(dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
    return rows


def layouts(folder: Path) -> dict[str, Layout]:
    """Customer -> layout, as they ship."""
    return {
        "banca-demo": declare.load(folder / "banca-demo" / "visure.toml"),
        "istituto-demo": declare.load(folder / "istituto-demo" / "controlli.toml"),
    }


def _with_wrong_check_character(line: bytes) -> bytes:
    """The record with the last character of its codice fiscale (columns 26 to 41) replaced by another letter."""
    letter = line[40]
    return line[:40] + (b"A" if letter != ord("A") else b"B") + line[41:]


def _with_wrong_total(content: bytes) -> bytes:
    """The file with one cent more in the total of its last record (columns 10 to 24)."""
    lines = content.splitlines(keepends=True)
    total = int(lines[-1][9:24]) + 1
    lines[-1] = lines[-1][:9] + f"{total:015d}".encode() + lines[-1][24:]
    return b"".join(lines)
