"""`make bench`: run every measurement, and keep what it printed with machine, date and commit in bench/results/.

Figures of different machines are never compared: each measurement prints ratios of what ran side by side.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from cominflow import clock

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent

# Each measurement with its arguments; {file} is a million records made beforehand.
MEASUREMENTS = (
    ("read.py",),
    ("nacha.py",),
    ("write.py", "{file}"),
    ("generate.py",),
    ("latency.py",),
    ("latency.py", "--beside", "3000000"),
    ("end_to_end.py",),
    ("end_to_end.py", "--postgresql"),
    ("growth.py", "--plot", "docs/growth.svg"),
    ("burst.py",),
    ("repeats.py",),
    ("help.py",),
)


def main() -> int:
    """Run them all; returns 1 when one failed."""
    failed = False
    parts = [_heading()]
    results = FOLDER / "results"
    results.mkdir(exist_ok=True)
    kept = results / f"{clock.now():%Y%m%dT%H%M%SZ}-{_commit()[:8]}.txt"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pratiche.txt")
        subprocess.run([sys.executable, FOLDER / "make_file.py", path], check=True)
        for script, *arguments in MEASUREMENTS:
            command = [script, *(argument.format(file=path) for argument in arguments)]
            done = subprocess.run(
                [sys.executable, FOLDER / command[0], *command[1:]], cwd=ROOT, stdout=subprocess.PIPE, text=True
            )
            failed |= done.returncode != 0
            shown = " ".join((script, *(word for word in arguments if "/" not in word and "{" not in word)))
            parts.append(f"== {shown}\n\n{done.stdout}")
            print(parts[-1], flush=True)
            kept.write_text("\n".join(parts), encoding="utf-8")  # each at once: all of it takes half an hour
    print(f"kept in {kept.relative_to(ROOT)}")
    return 1 if failed else 0


def _heading() -> str:
    cores = len(os.sched_getaffinity(0))
    return (
        f"date     {clock.now():%Y-%m-%d %H:%M} UTC\ncommit   {_commit()}\n"
        f"machine  {_processor()}, {cores} cores, Python {platform.python_version()}\n"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=40"], cwd=ROOT, capture_output=True)
    return done.stdout.decode().strip() or "none"


if __name__ == "__main__":
    sys.exit(main())
