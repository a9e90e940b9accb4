"""How fast a NACHA file is read, checked and typed, beside a plain Python loop that does the same, and pandas.read_fwf.

    python bench/nacha.py                     500,000 entries in 2,500 batches, every other one with addenda
    python bench/nacha.py --entries 50000     quicker; the ratios stay about the same
    taskset -c 0 python bench/nacha.py        one core for everything

The loop is what one writes who has a week: a line is cut by slices, each kind of record by a function of its own, whose
checks are those of layouts/public/nacha-ach.toml (codes, dates, digits, what repeats what, order, the rules, and the
totals of batches and of the file), and it gives the same values, as lists. `pandas.read_fwf` is told the columns of an
entry, makes strings of them, and checks nothing; lines of other kinds it reads as if they were entries.
The slow ones read a tenth of the file and are scaled up (`--whole` reads all of it). Each figure is the best of
`--rounds`, and candidates take turns. Ratios are of processor time, of one process.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parent))

import nacha_loop
from read import HASH, measured, run_check

from tracciati import declare
from tracciati.layout import Layout
from tracciati.reading import Reading

LAYOUT = Path(__file__).resolve().parent.parent / "layouts" / "public" / "nacha-ach.toml"

# How many times faster than each of the others reading all values, with all checks, is to be.
GOALS = {"plain Python loop": 15, "pandas.read_fwf": 25}
ENTRIES_PER_BATCH = 200
PART = 10


def make(path: Path, entries_count: int) -> int:
    """Write a valid file; how many records it has."""
    count = 0
    with path.open("w", encoding="ascii", newline="\n") as file:
        for line in _lines(entries_count):
            file.write(f"{line}\n")
            count += 1
        file.writelines(["9" * 94 + "\n"] * (-count % 10))
    return count


def _lines(entries_count: int) -> Iterator[str]:
    """Batches by turns: credits to persons (PPD), debits of companies (CCD) with an addenda each."""
    yield f"101 076401251 0764012512603010930A094101{'BANK OF A BENCH':23}{'COMPANY OF A BENCH':31}"
    batches, hashed, sums, all_lines, done = 0, 0, [0, 0], 2, 0
    while done < entries_count:
        batches += 1
        size = min(ENTRIES_PER_BATCH, entries_count - done)
        is_debit = batches % 2 == 0
        service, entry_class = ("225", "CCD") if is_debit else ("220", "PPD")
        yield f"5{service}{'COMPANY':36}1234567890{entry_class}{'PAYMENT':10}260301260302   107640125{batches:07}"
        own_hash, total = 0, 0
        for _ in range(size):
            done += 1
            bank, amount = 1_000_000 + done * 7919 % 90_000_000, done * 31 % 1_000_000
            code = ("27", "37")[done % 2] if is_debit else ("22", "32")[done % 2]
            head = f"6{code}{bank:08}{done % 10}{done * 104_729 % 10**12:<17}{amount:010}"
            yield f"{head}{f'ID{done}':15}{f'RECEIVER {done % 1000}':22}  {int(is_debit)}07640125{done:07}"
            if is_debit:
                yield f"705{f'INVOICE {done} OF A BENCH':80}0001{done:07}"
            own_hash, total = own_hash + bank, total + amount
        lines = size * (1 + is_debit)
        both = f"{total:012}{0:012}" if is_debit else f"{0:012}{total:012}"
        yield f"8{service}{lines:06}{own_hash % 10**10:010}{both}1234567890{'':25}07640125{batches:07}"
        hashed, sums[is_debit], all_lines = hashed + own_hash, sums[is_debit] + total, all_lines + lines + 2
    entries = all_lines - 2 - 2 * batches
    tail = f"9{batches:06}{-(-all_lines // 10):06}{entries:08}{hashed % 10**10:010}{sums[1]:012}{sums[0]:012}"
    yield f"{tail:94}"


def run_read(path: Path, layout: Layout) -> None:
    """All checks, every field as an Arrow column."""
    reading = Reading(path, layout, workers=1, sha256=HASH)
    rows = sum(len(table.rows) for block in reading for table in block.tables.values())
    assert reading.report.is_clean, reading.report.to_text()
    assert rows == reading.report.records_count


def run_loop(path: Path, _: Layout) -> None:
    """The plain loop; it finds nothing, and has as many values."""
    made = nacha_loop.read(path)
    assert not made.findings, made.findings[:3]
    assert made.entries["amount"]


def run_read_fwf(path: Path, layout: Layout) -> None:
    """pandas, told the columns of an entry; strings."""
    fields = [one for one in layout.by_name["entry_detail"].fields if one.base != "filler"]
    frame = pd.read_fwf(
        path,
        colspecs=[(one.start, one.stop) for one in fields],
        names=[one.name for one in fields],
        dtype=str,
        header=None,
        encoding="ascii",
        keep_default_na=False,
    )
    assert frame.shape[1] == len(fields)


def report(best: dict[str, tuple[float, float]], entries_count: int, records_count: int) -> None:
    """Print the table: seconds for the whole file, records a second, ratios and goals."""
    cores = f"{len(os.sched_getaffinity(0))} of {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    print(f"{platform.machine()}, {cores}, Python {platform.python_version()}, numpy {np.__version__}, ", end="")
    print(f"pyarrow {pa.__version__}, pandas {pd.__version__}; {entries_count} entries, {records_count} records")
    for name, (wall, used) in best.items():
        speed = records_count / used / 1e6
        print(f"{name:20} wall {wall:7.3f} s   processor {used:7.3f} s   {speed:5.2f} M records/s of processor time")
    print("ratios of processor time (one core, hash known):")
    for ours in ("read", "check"):
        for other, goal in GOALS.items():
            ratio = best[other][1] / best[ours][1]
            verdict = "" if ours == "check" else f"goal {goal} x   {'reached' if ratio >= goal else 'NOT reached'}"
            print(f"  {ours:6} {ratio:6.1f} x {other:18} {verdict}".rstrip())


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--whole", action="store_true", help="the slow readers read the whole file too, once")
    chosen = parser.parse_args()
    layout = declare.load(LAYOUT)
    slow: dict[str, Callable[[Path, Layout], None]] = {
        "plain Python loop": run_loop,
        "pandas.read_fwf": run_read_fwf,
    }
    with tempfile.TemporaryDirectory() as folder:
        path, part = Path(folder, "whole.ach"), Path(folder, "part.ach")
        records_count = make(path, chosen.entries)
        scale = 1 if chosen.whole else PART
        make(part, max(1, chosen.entries // scale))
        candidates: dict[str, Callable[[], None]] = {
            "check": lambda: run_check(path, layout, 1),
            "read": lambda: run_read(path, layout),
        }
        candidates |= {name: partial(run, part, layout) for name, run in slow.items()}
        slow_rounds = 1 if chosen.whole else min(chosen.rounds, 3)
        best = measured(candidates, {name: slow_rounds if name in slow else chosen.rounds for name in candidates})
    for name in slow:
        best[name] = best[name][0] * scale, best[name][1] * scale
    report(best, chosen.entries, records_count)


if __name__ == "__main__":
    main()
