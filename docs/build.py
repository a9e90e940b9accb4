"""Build the generated pages: `make docs` writes them, tests/docs compares them with what is in the repository.

A page must not depend on the machine: no path, no time, no width of a terminal.
"""

from __future__ import annotations

from pathlib import Path

from docs import api, bad_input, commands, findings, reconciling, states
from tracciati.declare.schema import schema_text

FOLDER = Path(__file__).resolve().parent

# Page, from this folder -> what makes its text.
PAGES = {
    "api.md": api.page,
    "architecture.md": states.page,
    "bad-input.md": bad_input.page,
    "cli.md": commands.page,
    "findings.md": findings.page,
    "reconciliation.md": reconciling.page,
    "../layouts/schema.json": schema_text,
}


def main() -> None:
    """Write every page."""
    for name, make in PAGES.items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
