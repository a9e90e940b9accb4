"""HTML: the document as one page, complete in itself, without scripts; it prints as it is read."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from tracciati.describing.printable import FOR_BROWSERS, printable
from tracciati.plain import quoted

if TYPE_CHECKING:
    from jinja2 import Template

    from tracciati.describing.document import Document


def page(document: Document) -> str:
    """The page's text; UTF-8 is declared in it."""
    # As a dict of plain values, so that nothing of a document can be called by the template.
    told = printable(document.as_dict(), FOR_BROWSERS)
    text = _template().render(
        document=told, words=told["headings"], quoted=lambda name: quoted(name, document.language)
    )
    return text.rstrip("\n") + "\n"


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("tracciati.describing", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("document.html.jinja")
