"""How long `cominflow --help` takes, as a process, beside a Python that does nothing.

python bench/help.py
"""

from __future__ import annotations

import subprocess
import sys
import time

ROUNDS = 15
GOAL_S = 0.2


def main() -> int:
    """Measure both in turns and print."""
    commands = {
        "cominflow --help": [sys.executable, "-m", "cominflow", "--help"],
        "tracciati --help": [sys.executable, "-m", "tracciati", "--help"],
        "python -c pass": [sys.executable, "-c", "pass"],
    }
    spent: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            spent[name].append(time.perf_counter() - began)
    floor = sorted(spent["python -c pass"])[ROUNDS // 2]
    for name, seconds in spent.items():
        median = sorted(seconds)[ROUNDS // 2]
        print(f"{name:<18} median {median:.3f} s   {median / floor:.1f} x an empty Python")
    median = sorted(spent["cominflow --help"])[ROUNDS // 2]
    print(f"goal <= {GOAL_S} s: {'reached' if median <= GOAL_S else 'MISSED'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
