"""`tracciati describe`: the document of a layout, for the annex of a contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import click

from tracciati.cli import options

EXAMPLES = """\b
Examples:
  tracciati describe layouts/banca-demo/visure.toml > visure.html
  tracciati describe layouts/banca-demo/visure.toml --lang en --out /tmp/visure.pdf
"""

_SUFFIXES = {".html": "html", ".htm": "html", ".pdf": "pdf"}


@click.command(epilog=EXAMPLES)
@options.layout_argument
@click.option(
    "--lang",
    "language",
    type=click.Choice(("it", "en")),
    default="it",
    show_default=True,
    help="Italian or English; what the layout itself says stays as it is.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("html", "pdf")),
    help="A page for browsers, or PDF.  [default: what the suffix of --out says, else html]",
)
@options.out_option
@options.json_option
def describe(layout_path: Path, language: str, form: str | None, out_path: Path, as_json: bool) -> int:
    """Make the "tracciato record" document of LAYOUT.

    How the file is made, the order of the records, each record with its picture and a table of its fields, the codes,
    the rules, and a valid file as an example; version and fingerprint stand at the foot of each page. It is made of the
    layout alone: the same layout gives the same document.

    PDF needs one more package: pip install typst (the extra `describe`). With --json, what the document says is
    written as JSON instead, for programs.
    """
    from tracciati import declare
    from tracciati.describing import describe as described
    from tracciati.describing import html
    from tracciati.plain import Language
    from tracciati.target import opened

    if as_json and form is not None:
        raise click.UsageError("--json writes JSON: leave out --format")
    chosen = "json" if as_json else form or _of_suffix(out_path)
    if chosen == "pdf" and options.is_terminal(out_path):
        raise click.UsageError("a PDF is no text for a terminal\n  do: name a file, as --out tracciato.pdf")
    target = options.target_of(out_path, layout_path)
    document = described(declare.load(layout_path), cast("Language", language))
    if chosen == "pdf":
        from tracciati.describing import pdf

        content = pdf.pages(document)
    elif chosen == "html":
        content = html.page(document).encode()
    else:
        content = (json.dumps(document.as_dict(), ensure_ascii=False, indent=2) + "\n").encode()
    with opened(target) as sink:
        sink.write(content)
    return 0


def _of_suffix(path: Path) -> str:
    if str(path) == "-":
        return "html"
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise click.UsageError(
            f"{path} does not say what to make\n  do: end it with .html or .pdf, or add --format html or --format pdf"
        )
    return _SUFFIXES[suffix]
