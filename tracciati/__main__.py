"""`tracciati` and `python -m tracciati`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line with the arguments of the process; returns the exit code."""
    from tracciati.cli import tracciati
    from tracciati.cli.running import run

    return run(tracciati, "tracciati")


if __name__ == "__main__":
    sys.exit(main())
