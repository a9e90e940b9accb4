"""PDF: the document set by Typst, tagged for those who hear it read (PDF/UA-1), with its fonts embedded.

What the layout says is handed over as JSON and is never markup. Nothing of the machine is used, neither its fonts nor
its clock: the same document gives the same bytes with the same version of Typst.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING

from tracciati.describing.printable import FOR_FONTS, printable
from tracciati.errors import MissingPackage
from tracciati.plain import quoted

if TYPE_CHECKING:
    from tracciati.describing.document import Document


def pages(document: Document) -> bytes:
    """The PDF's bytes. Raises MissingPackage when Typst is not installed."""
    try:
        import typst
    except ModuleNotFoundError as problem:
        raise MissingPackage("PDF", "typst", "describe", "--format html needs nothing more") from problem
    told = printable(document.as_dict(), FOR_FONTS)
    for record in told["records"]:
        record["quoted"] = quoted(record["name"], document.language)
    for shown in told["example"]["records"]:
        shown["quoted"] = quoted(shown["record"], document.language)
    template = resources.files("tracciati.describing").joinpath("templates", "document.typ").read_bytes()
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
    compiler = typst.Compiler(template, font_paths=fonts, sys_inputs={"document": json.dumps(told)})
    made = compiler.compile(format="pdf", pdf_standards="ua-1", timestamp=0)
    assert isinstance(made, bytes), "one PDF, as no path was given"
    return made
