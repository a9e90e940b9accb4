"""Describing: the "tracciato record" document, made from the layout that runs, in Italian or English.

    document = describe(layout, "it")
    describing.html.page(document)   one page for a browser, which prints well
    describing.pdf.pages(document)   PDF for a contract's annex; needs the package `typst` (the extra `describe`)

The same layout gives the same bytes: there is no date in it but the layout's own.
"""

from __future__ import annotations

from tracciati.describing.document import Document
from tracciati.describing.document import document as describe

__all__ = ["Document", "describe"]
