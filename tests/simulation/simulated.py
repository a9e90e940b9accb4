"""Simulated: run a part of the simulation as `make sim` does, in a fresh process, and give back what it printed.

A process of its own, because a life is forked from one that has started no thread; a test run has.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> str:
    """What it printed. Fails with that when anything was found."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COMINFLOW_")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, "the simulation found something; see what it printed"
    return done.stdout


def number(pattern: str, printed: str) -> int:
    """The number that stands in the one place of the pattern."""
    found = re.search(pattern, printed)
    assert found is not None, f"{pattern} is not in what was printed"
    return int(found[1])
