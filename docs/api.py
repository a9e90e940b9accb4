"""The page on the library for programs, from its own docstrings; a test runs the examples."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from tracciati import api

HEAD = """\
# The library for programs

Made by `make docs` from the docstrings of `tracciati/api.py`; a test compares, and runs the examples from the
repository's folder.
"""


def page() -> str:
    """The text of docs/api.md."""
    parts = [HEAD, *_said(api.__doc__ or "")]
    parts += ["## tracciati.load", "", *_described(api.load, "tracciati.load")]
    for kind in (api.Layout, api.Batches, api.Batch):
        parts += [f"## {kind.__name__}", "", *_said(kind.__doc__ or "")]
        for name, member in vars(kind).items():
            if name.startswith("_"):
                continue
            if isinstance(member, property):
                parts += [f"### .{name}", "", *_said(inspect.getdoc(member) or "")]
            elif inspect.isfunction(member):
                parts += [f"### .{name}", "", *_described(member, f".{name}")]
    return "\n".join(parts).rstrip("\n") + "\n"


def _described(function: object, called: str) -> Iterator[str]:
    """How it is called, and what it says of itself."""
    assert callable(function)
    parameters = [one for one in inspect.signature(function).parameters.values() if one.name != "self"]
    words: list[str] = []
    for one in parameters:
        if one.kind is one.KEYWORD_ONLY and "*" not in words:
            words.append("*")
        default = "" if one.default is one.empty else f" = {one.default!r}"
        words.append(f"{one.name}: {one.annotation}{default}")
    returned = inspect.signature(function).return_annotation
    yield from ("```", f"{called}({', '.join(words)}) -> {returned}", "```", "")
    yield from _said(inspect.getdoc(function) or "")


def _said(text: str) -> Iterator[str]:
    """A docstring as Markdown: what is indented, and examples, in blocks of code."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        is_example = paragraph.startswith(">>>")
        is_block = is_example or all(line.startswith("  ") for line in paragraph.splitlines())
        is_table = not is_block and "  " in paragraph.splitlines()[0].strip()
        if is_block or is_table:
            yield from ("```python" if is_example else "```", inspect.cleandoc(paragraph), "```", "")
        else:
            yield from (paragraph, "")
