"""How fast a valid file is made, beside reading it with all checks, in the same run.

python bench/generate.py [--count 200000]
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from pathlib import Path

from tracciati import declare
from tracciati.generate import Order, generate
from tracciati.reading import check

LAYOUT = Path(__file__).resolve().parent.parent / "layouts" / "banca-demo" / "visure.toml"
COUNT, ROUNDS = 200_000, 3


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=COUNT)
    count = parser.parse_args().count
    layout = declare.load(LAYOUT)
    spent = {"generate": 1e9, "check": 1e9}
    for seed in range(ROUNDS):
        sink = io.BytesIO()
        began = time.process_time()
        generate(layout, sink, Order(seed=seed, count=count))
        spent["generate"] = min(spent["generate"], time.process_time() - began)
        began = time.process_time()
        report = check(sink.getvalue(), layout)
        spent["check"] = min(spent["check"], time.process_time() - began)
        assert report.is_clean, report.summary()
    for name, seconds in spent.items():
        print(f"{name:<10} {seconds:6.3f} s of processor time for {count:,} requests")
    print(f"generating takes {spent['generate'] / spent['check']:.1f} x checking")
    return 0


if __name__ == "__main__":
    sys.exit(main())
