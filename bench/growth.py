"""Cost against size: files of 10 to almost 10,000,000 requests from their claim to their published answers.

    python bench/growth.py                        to 9,999,999 requests: the shipped layout counts with seven digits
    python bench/growth.py --largest 100000       quicker
    python bench/growth.py --plot docs/growth.svg draws what was measured

The system is that of `bench/end_to_end.py`, in a process of its own for each size, on SQLite with synchronous=FULL.
Told are the seconds from the claim to the last publication, the same for each request, and the most memory that the
process had, its libraries and its provider's table of 100,000 rows included. Nine of ten requests are found in it,
whatever the size: a large file asks for the same persons again and again.
"""

from __future__ import annotations

import argparse
import io
import math
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import end_to_end
import numpy as np
from numpy.typing import NDArray

SIZES = (10, 100, 1_000, 10_000, 100_000, 1_000_000, 9_999_999)
REPEATED_UP_TO, ROUNDS = 10_000, 3
PERSONS = 100_000
RECORD, REFERENCE_DIGITS = 202, 9
GOAL_MEMORY_MB = 400

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Measured:
    """What a file of so many requests took."""

    requests: int
    seconds: float
    memory_mb: float


def main() -> int:
    """Measure, print, and draw where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--largest", type=int, default=SIZES[-1])
    parser.add_argument("--plot", type=Path)
    chosen = parser.parse_args()
    found: list[Measured] = []
    print(f"{'requests':>10} {'seconds':>9} {'microseconds each':>18} {'peak MB':>8}", flush=True)
    with tempfile.TemporaryDirectory(prefix="cominflow-bench-") as name:
        for size in (one for one in SIZES if one <= chosen.largest):
            found.append(_measured(Path(name, str(size)), size))
            one = found[-1]
            each = 1e6 * one.seconds / one.requests
            print(f"{one.requests:>10,} {one.seconds:>9.2f} {each:>18.1f} {one.memory_mb:>8.0f}", flush=True)
    if found[-1].requests >= 1_000_000:
        million = next(one for one in found if one.requests == 1_000_000)
        growth = (found[-1].seconds / million.seconds) / (found[-1].requests / million.requests)
        print(f"a request of the largest file costs {growth:.2f} times one of a million")
    most = max(one.memory_mb for one in found)
    print(f"most memory {most:.0f} MB   goal <= {GOAL_MEMORY_MB}: {'reached' if most <= GOAL_MEMORY_MB else 'MISSED'}")
    if chosen.plot:
        chosen.plot.write_text(_drawn(found), encoding="utf-8")
    return 0


def _measured(folder: Path, size: int) -> Measured:
    folder.mkdir()
    make(folder, size)
    rounds = ROUNDS if size <= REPEATED_UP_TO else 1
    runs = []
    for _ in range(rounds):
        runs.append(end_to_end.ours(folder / "data", folder, ""))
        shutil.rmtree(folder / "data")
    shutil.rmtree(folder)
    return Measured(size, min(run["seconds"] for run in runs), max(run["memory_mb"] for run in runs))


def make(folder: Path, size: int) -> None:
    """The request file, made of at most PERSONS generated records again and again, and the provider's table."""
    from tracciati import declare
    from tracciati.generate import Order, generate

    content = io.BytesIO()
    generate(declare.load(end_to_end.LAYOUT), content, Order(seed=1, count=min(size, PERSONS)))
    lines = np.frombuffer(content.getvalue(), np.uint8).reshape(-1, RECORD)
    head, records, tail = lines[0], lines[1:-1], lines[-1].copy()
    amounts = _numbers(records[:, 41:52])
    total = 0
    with (folder / end_to_end.NAME).open("wb") as file:
        file.write(head.tobytes())
        for first in range(0, size, len(records)):
            block = records[: size - first].copy()
            numbers = np.arange(first + 1, first + len(block) + 1)
            block[:, 2:9] = _digits(numbers, 7)
            block[:, 12:21] = _digits(numbers, REFERENCE_DIGITS)
            total += int(amounts[: len(block)].sum())
            file.write(block.tobytes())
        tail[2:9] = _digits(np.array([size]), 7)[0]
        tail[9:24] = _digits(np.array([total]), 15)[0]
        file.write(tail.tobytes())
    codes = dict.fromkeys(bytes(code).decode() for code in np.ascontiguousarray(records[:, 25:41]).view("S16").ravel())
    with (folder / "scores.csv").open("w", encoding="utf-8") as table:
        table.write("codice_fiscale,punteggio,esposizione\n")
        for number, code in enumerate(codes):
            if number % 10 < end_to_end.FOUND_OF_TEN:
                table.write(f"{code},{number % 1000},{number % 100000}\n")


def _digits(numbers: NDArray[np.int64], width: int) -> Bytes:
    return (numbers[:, None] // 10 ** np.arange(width - 1, -1, -1) % 10 + ord("0")).astype(np.uint8)


def _numbers(cells: Bytes) -> NDArray[np.int64]:
    found: NDArray[np.int64] = (cells.astype(np.int64) - ord("0")) @ 10 ** np.arange(cells.shape[1] - 1, -1, -1)
    return found


WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 360, 70, 45, 20, 50


def _drawn(found: Sequence[Measured]) -> str:
    """Seconds against requests, both by powers of ten, beside a line of what grows as the file does."""
    decades_x = (math.log10(found[0].requests), math.ceil(math.log10(found[-1].requests)))
    decades_y = (
        math.floor(math.log10(min(one.seconds for one in found))),
        math.ceil(math.log10(max(one.seconds for one in found))),
    )

    def x(requests: float) -> float:
        share = (math.log10(requests) - decades_x[0]) / (decades_x[1] - decades_x[0])
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(seconds: float) -> float:
        share = (math.log10(seconds) - decades_y[0]) / (decades_y[1] - decades_y[0])
        return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="12"><title>Seconds from the claim to the published answer, against requests in the file</title>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for power in range(int(decades_x[0]), int(decades_x[1]) + 1):
        at = x(10**power)
        parts.append(f'<path d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{10**power:,}</text>')
    for power in range(int(decades_y[0]), int(decades_y[1]) + 1):
        at = y(10**power)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{10.0**power:g} s</text>')
    each = min(one.seconds / one.requests for one in found)
    begins = max(found[0].requests, 10 ** decades_y[0] / each)
    ends = found[-1].requests
    parts += [
        f'<path d="M{x(begins):.1f} {y(begins * each):.1f}L{x(ends):.1f} {y(ends * each):.1f}" stroke="#999" '
        'stroke-dasharray="4 3" fill="none"/>',
        f'<path d="M{"L".join(f"{x(one.requests):.1f} {y(one.seconds):.1f}" for one in found)}" stroke="#0a58a8" '
        'stroke-width="2" fill="none"/>',
        *(f'<circle cx="{x(one.requests):.1f}" cy="{y(one.seconds):.1f}" r="4" fill="#0a58a8"/>' for one in found),
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">requests in the file '
        f"(dashed: {1e6 * each:.1f} microseconds for each)</text></svg>",
    ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.exit(main())
