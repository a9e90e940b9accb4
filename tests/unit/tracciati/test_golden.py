"""What people read of the shipped layouts, kept as files: `make golden` writes them, and the difference is read."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from tracciati import declare
from tracciati.generate import Order, generate
from tracciati.reading import check

LAYOUTS = Path(__file__).resolve().parents[3] / "layouts"
SHIPPED = sorted(
    str(path.relative_to(LAYOUTS).with_suffix("")) for path in LAYOUTS.rglob("*.toml") if path.name != "feed.toml"
)

# Where a file with seed 1 has not all of its kinds of records.
SEEDS = {
    "public/caixa-cnab240-remessa": 8,
    "public/cbi-rh": 31,
    "public/cfonb-120": 175,
    "public/febraban-cnab240-remessa": 45,
    "public/febraban-cnab240-retorno": 3,
    "public/itau-cnab400-remessa": 14,
    "public/nacha-ach": 249993,
    "public/nacha-iat": 91,
}


def made(name: str) -> bytes:
    sink = io.BytesIO()
    generate(declare.load(LAYOUTS / f"{name}.toml"), sink, Order(seed=SEEDS.get(name, 1), count=3))
    return sink.getvalue()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_generated_file_has_these_bytes(name: str, golden: Callable[[str, str], None]) -> None:
    codec = declare.load(LAYOUTS / f"{name}.toml").file.codec
    golden(f"{name}/generated.txt", made(name).decode(codec).replace("\r\n", "\n"))


@pytest.mark.parametrize("name", SHIPPED)
def test_the_report_of_a_damaged_file_reads_so(name: str, golden: Callable[[str, str], None]) -> None:
    lines = made(name).splitlines(keepends=True)
    lines[2] = lines[2].replace(b"0", b"O")
    report = check(b"".join(lines), declare.load(LAYOUTS / f"{name}.toml"), source_name="damaged.txt")
    golden(f"{name}/report.txt", report.to_text() + "\n")
