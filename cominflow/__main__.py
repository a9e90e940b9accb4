"""The installed command `cominflow`, and `python -m cominflow`."""

from __future__ import annotations

import sys

from cominflow.cli import group
from cominflow.cli.running import run


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(group, "cominflow"))


if __name__ == "__main__":
    main()
