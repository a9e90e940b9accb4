"""How fast a file is checked and read, beside the readers that check nothing, on the same file in the same run.

    python bench/read.py                    a million records of 200 bytes, as bench/make_file.py makes them
    python bench/read.py --records 100000   quicker; the ratios stay about the same
    taskset -c 0 python bench/read.py       one core for everything

The comparison is fair to the others: `pandas.read_fwf` is told the columns and makes strings of them; `fixedwidth`
reads line by line with one parser made beforehand. Neither checks a value.
None of the readers hashes the file here. A hash is not a check, the others make none, and cominflow has it before it
reads (the archive is kept by it): ours are told it (`sha256=`). What a hash costs who does not have it is a row of its
own, `check, and hash`, outside the ratios.
The slow ones read a tenth of the file and are scaled up (`--whole` reads all of it).
Each figure is the best of `--rounds`, and the rounds of all candidates take turns, so that a busy machine slows all
alike. Ratios are of processor time: wall time on a machine with other work flatters whoever is quick enough to slip
between it. Only for both cores it is wall time, which needs two cores that are free; beside it stands what the busier
of the two processes took of processor time, which is what the wall would show if neither ever waited.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
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

# Stands for the hash that cominflow knows; nothing looks at it.
HASH = "0" * 64


def run_check(path: Path, layout: Layout, workers: int, sha256: str = HASH) -> None:
    """All checks, no values kept. With "" for its hash the file is hashed too."""
    report = check(path, layout, workers=workers, sha256=sha256)
    assert report.is_clean, report.to_text()


def run_read(path: Path, layout: Layout, workers: int) -> None:
    """All checks, every field as an Arrow column."""
    reading = Reading(path, layout, workers=workers, sha256=HASH)
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
    """The `fixedwidth` package as it is used: numbers and dates by its own types where it reads them.

    One parser is made beforehand and is given line after line. It has no null dates, so `scadenza` stays text.
    """
    types: dict[str, dict[str, object]] = {
        "progressivo": {"type": "integer"},
        "quantita": {"type": "integer"},
        "importo": {"type": "decimal"},
        "spese": {"type": "decimal"},
        "nascita": {"type": "date", "format": "%Y%m%d"},
    }
    _run_fixedwidth(path, layout, types)


def run_fixedwidth_text(path: Path, layout: Layout) -> None:
    """The same with every field as text, which is all it does quickly."""
    _run_fixedwidth(path, layout, {})


def _run_fixedwidth(path: Path, layout: Layout, types: dict[str, dict[str, object]]) -> None:
    place = {"required": True, "alignment": "left", "padding": " "}
    config = {
        f.name: {"type": "string", "start_pos": f.start + 1, "end_pos": f.stop} | place | types.get(f.name, {})
        for f in layout.by_name["pratica"].fields
    }
    parser = fixedwidth.fixedwidth.FixedWidth(config)
    records = []
    with path.open(encoding="iso8859-1", newline="\r\n") as file:
        for line in file:
            if line.startswith("20"):  # the tail is no record of this kind
                parser.line = line
                records.append(parser.data)


def measured(candidates: dict[str, Callable[[], None]], rounds: dict[str, int]) -> dict[str, tuple[float, float]]:
    """Best wall and best processor time (of the busier process) of each candidate, in seconds; they take turns."""
    best: dict[str, tuple[float, float]] = {}
    for number in range(max(rounds.values())):
        for name, candidate in candidates.items():
            if number >= rounds[name]:
                continue
            begin, own, childs = time.perf_counter(), time.process_time(), _childs_time()
            candidate()
            wall = time.perf_counter() - begin
            used = max(time.process_time() - own, _childs_time() - childs)
            known = best.get(name, (wall, used))
            best[name] = min(known[0], wall), min(known[1], used)
    return best


def _childs_time() -> float:
    """Processor time of the processes that have ended: at two workers, of the one beside this."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def report(best: dict[str, tuple[float, float]], records_count: int) -> None:
    """Print the table: seconds for the whole file, records a second, ratios and goals."""
    cores = f"{len(os.sched_getaffinity(0))} of {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    print(f"{platform.machine()}, {cores}, Python {platform.python_version()}, numpy {np.__version__}, ", end="")
    print(f"pyarrow {pa.__version__}, pandas {pd.__version__}; {records_count} records of 200 bytes")
    for name, (wall, used) in best.items():
        speed = records_count / used / 1e6
        print(f"{name:22} wall {wall:7.3f} s   processor {used:7.3f} s   {speed:5.2f} M records/s of processor time")
    hashing = best["check, and hash"][1] - best["check"][1]
    print(f"no reader above hashes the file, except `check, and hash`; hashing takes {hashing:.3f} s of processor time")
    print("ratios of processor time (one core, hash known):")
    for ours, goals in GOALS.items():
        for other, goal in goals.items():
            ratio = best[other][1] / best[ours][1]
            print(f"  {ours:6} {ratio:6.1f} x {other:18} goal {goal} x   {_verdict(ratio, goal)}")
    for ours in GOALS:
        both = f"{ours}, both cores"
        if both in best:
            ratio, busier = (best[ours][at] / best[both][at] for at in (0, 1))
            verdict = _verdict(ratio, BOTH_CORES_GOAL)
            print(f"  {ours:6} {ratio:6.2f} x on both cores (wall)  goal {BOTH_CORES_GOAL} x   {verdict}", end="")
            print(f"   ({busier:.2f} x by the processor time of the busier process)")


def _verdict(ratio: float, goal: float) -> str:
    return "reached" if ratio >= goal else "NOT reached"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--whole", action="store_true", help="the slow readers read the whole file too, once")
    chosen = parser.parse_args()
    layout = declare.load(make_file.LAYOUT)
    slow: dict[str, Callable[[Path, Layout], None]] = {
        "pandas.read_fwf": run_read_fwf,
        "fixedwidth": run_fixedwidth,
        "fixedwidth, all text": run_fixedwidth_text,
    }
    with tempfile.TemporaryDirectory() as folder:
        path, part = Path(folder, "pratiche.txt"), Path(folder, "part.txt")
        make_file.make(path, chosen.records, 1)
        scale = 1 if chosen.whole else PART
        make_file.make(part, max(1, chosen.records // scale), 1)
        candidates: dict[str, Callable[[], None]] = {
            "check": lambda: run_check(path, layout, 1),
            "read": lambda: run_read(path, layout, 1),
            "check, and hash": lambda: run_check(path, layout, 1, sha256=""),
        }
        if len(os.sched_getaffinity(0)) > 1:
            candidates["check, both cores"] = lambda: run_check(path, layout, 2)
            candidates["read, both cores"] = lambda: run_read(path, layout, 2)
        candidates |= {name: partial(run, part, layout) for name, run in slow.items()}
        slow_rounds = 1 if chosen.whole else min(chosen.rounds, 3)
        best = measured(candidates, {n: slow_rounds if n in slow else chosen.rounds for n in candidates})
    for name in slow:
        best[name] = best[name][0] * scale, best[name][1] * scale
    report(best, chosen.records)


if __name__ == "__main__":
    main()
