"""Several: commands of `cominflow` in one process, which saves the start of each. They are read as JSON."""

from __future__ import annotations

import json
import sys


def main() -> int:
    """Run each; the exit code of the first that fails."""
    from cominflow.cli import group, running

    for words in json.load(sys.stdin):
        code = running.run(group, "cominflow", words)
        if code:
            print(f"{words}: exit {code}", file=sys.stderr)
            return code
    return 0
