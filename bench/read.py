"""How fast a file is checked and read, beside the readers that check nothing, on the same file in the same run.

    python bench/read.py                    a million records of 200 bytes, as bench/make_file.py makes them
    python bench/read.py --records 100000   quicker; the ratios stay about the same
    taskset -c 0 python bench/read.py       one core for everything

The comparison is fair to the others: `pandas.read_fwf` is told the columns and makes strings of them; `fixedwidth`
reads line by line with one parser made beforehand, also as strings. Neither checks a value; we check everything.
The slow ones read a tenth of the file and are scaled up (`--whole` reads all of it).
Each figure is the best of `--rounds`, and the rounds of all candidates take turns, so that a busy machine slows all alike.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import fixedwidth.fixedwidth
import numpy as np
import pandas as pd
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parent))

import make_file

from tracciati import declare
from tracciati.layout import Layout
from tracciati.reading import Reading, check

# How many times faster than each of the others we want to be.
GOALS = {"check": {"pandas.read_fwf": 25, "fixedwidth": 45}, "read": {"pandas.read_fwf": 15, "fixedwidth": 28}}
BOTH_CORES_GOAL = 1.4
PART = 10


def run_check(path: Path, layout: Layout, workers: int) -> None:
    """All checks, no values kept."""
    report = check(path, layout, workers=workers)
    assert report.is_clean, report.to_text()


def run_read(path: Path, layout: Layout, workers: int) -> None:
    """All checks, every field as an Arrow column."""
    reading = Reading(path, layout, workers=workers)
    rows = 0
    for block in reading:
        rows += len(block.tables["pratica"].rows) if "pratica" in block.tables else 0
    assert reading.report.is_clean, reading.report.to_text()
    assert rows == reading.report.records_count - 1


def run_read_fwf(path: Path, layout: Layout) -> None:
    """pandas, told everything: columns, names, strings, encoding."""
    fields = [f for f in layout.by_name["pratica"].fields if f.base != "filler"]
    frame = pd.read_fwf(
        path,
        colspecs=[(f.start, f.stop) for f in fields],
        names=[f.name for f in fields],
        dtype=str,
        header=None,
        encoding="iso8859-1",
        keep_default_na=False,
    )
    assert frame.shape[1] == len(fields)


def run_fixedwidth(path: Path, layout: Layout) -> None:
    """The `fixedwidth` package: one parser, the line given to it again and again."""
    config = {
        f.name: {
            "required": True,
            "type": "string",
            "start_pos": f.start + 1,
            "end_pos": f.stop,
            "alignment": "left",
            "padding": " ",
        }
        for f in layout.by_name["pratica"].fields
    }
    parser = fixedwidth.fixedwidth.FixedWidth(config)
    records = []
    with path.open(encoding="iso8859-1", newline="\r\n") as file:
        for line in file:
            parser.line = line
            records.append(dict(parser.data))


def measured(candidates: dict[str, Callable[[], None]], rounds: dict[str, int]) -> dict[str, float]:
    """Best time of each candidate, in seconds; the candidates take turns."""
    best: dict[str, float] = {}
    for number in range(max(rounds.values())):
        for name, candidate in candidates.items():
            if number >= rounds[name]:
                continue
            begin = time.perf_counter()
            candidate()
            best[name] = min(best.get(name, float("inf")), time.perf_counter() - begin)
    return best


def report(best: dict[str, float], records_count: int) -> None:
    """Print the table: seconds for the whole file, records a second, ratios and goals."""
    print(
        f"{platform.machine()}, {len(os.sched_getaffinity(0))} of {os.cpu_count()} cores, Python {platform.python_version()}, "
    )
    print(
        f"numpy {np.__version__}, pyarrow {pa.__version__}, pandas {pd.__version__}; {records_count} records of 200 bytes"
    )
    for name, seconds in best.items():
        print(f"{name:24} {seconds:8.3f} s   {records_count / seconds / 1e6:6.2f} M records/s")
    for ours, goals in GOALS.items():
        for other, goal in goals.items():
            ratio = best[other] / best[ours]
            print(
                f"{ours:6} / {other:16} {ratio:6.1f} x   goal {goal} x   {'reached' if ratio >= goal else 'NOT reached'}"
            )
    for ours in GOALS:
        both = f"{ours}, both cores"
        if both in best:
            ratio = best[ours] / best[both]
            verdict = "reached" if ratio >= BOTH_CORES_GOAL else "NOT reached"
            print(f"{ours:6} on both cores       {ratio:6.2f} x   goal {BOTH_CORES_GOAL} x   {verdict}")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--whole", action="store_true", help="the slow readers read the whole file too")
    chosen = parser.parse_args()
    layout = declare.load(make_file.LAYOUT)
    with tempfile.TemporaryDirectory() as folder:
        path, part = Path(folder, "pratiche.txt"), Path(folder, "part.txt")
        make_file.make(path, chosen.records, 1)
        make_file.make(part, chosen.records if chosen.whole else max(1, chosen.records // PART), 1)
        scale = 1 if chosen.whole else PART
        candidates: dict[str, Callable[[], None]] = {
            "check": lambda: run_check(path, layout, 1),
            "read": lambda: run_read(path, layout, 1),
        }
        if len(os.sched_getaffinity(0)) > 1:
            candidates["check, both cores"] = lambda: run_check(path, layout, 2)
            candidates["read, both cores"] = lambda: run_read(path, layout, 2)
        candidates["pandas.read_fwf"] = lambda: run_read_fwf(part, layout)
        candidates["fixedwidth"] = lambda: run_fixedwidth(part, layout)
        slow = 1 if chosen.whole else min(chosen.rounds, 3)
        best = measured(
            candidates, {n: slow if n in ("pandas.read_fwf", "fixedwidth") else chosen.rounds for n in candidates}
        )
    for name in ("pandas.read_fwf", "fixedwidth"):
        best[name] *= scale
    report(best, chosen.records)


if __name__ == "__main__":
    main()
