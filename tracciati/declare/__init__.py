"""Declare: a layout's TOML text becomes a `Layout`, or a LayoutError with everything that is wrong with it.

    layout = declare.load("layouts/banca-demo/visure.toml")

Reading goes in the order of the text: [layout] and [file]
(`files`), [types] and fields (`fields`, `fitting`), records (`records`), structure (`structures`), then what needs
all of them: totals (`totals`), rules and references (`rules`, `references`), balances (`continuity`). Each step notes
its problems in the document and goes on with a harmless value, so that one loading names all mistakes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tracciati.declare.canonical import canonical_text, fingerprint
from tracciati.declare.continuity import read_continuity
from tracciati.declare.fields import read_types
from tracciati.declare.files import read_form, read_head
from tracciati.declare.records import read_records
from tracciati.declare.references import World
from tracciati.declare.rules import check_reference_date, check_same_as, check_sequences, check_when, read_rules
from tracciati.declare.structures import read_groups, read_structure
from tracciati.declare.toml import Document
from tracciati.declare.totals import derived
from tracciati.errors import LayoutError, Problem, ReadingError
from tracciati.layout import Layout

if TYPE_CHECKING:
    import os

__all__ = ["load", "loads"]

_TABLES = ("layout", "file", "types", "record", "group", "rule", "continuity")


def load(path: str | os.PathLike[str]) -> Layout:
    """Load a layout from a TOML file.

    Raises LayoutError with all problems and their lines; ReadingError when the file cannot be read.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        hint = "check the path; layouts end in .toml"
        raise ReadingError("read the layout", str(path), error.strerror or str(error), hint) from error
    try:
        text = data.decode("utf-8-sig")  # some editors begin UTF-8 files with a mark
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        problem = Problem(line, column, "this is not UTF-8 text", "save the layout as UTF-8")
        raise LayoutError(str(path), (problem,)) from None
    return loads(text, str(path))


def loads(text: str, name: str = "layout.toml") -> Layout:
    """Load a layout from TOML text; `name` is the file's name in messages.

    Raises LayoutError, which holds every problem with its line and column and what to do about it.
    """
    document = Document(text, name)
    if isinstance(document.value.get("layout"), str) and "record" not in document.value:
        hint = "a feed belongs to `cominflow feed check`; give the layout that it names"
        document.problem(("layout",), "this is a feed, not a layout", hint)
        document.finish()
    root = document.table()
    root.asked.extend(_TABLES)
    root.close()
    head = read_head(document)
    form = read_form(document)
    lines = read_records(document, read_types(document), form)
    if form.kind == "fixed" and any(record.length != form.length for record in lines.records):
        form = replace(form, length=None)
    groups = read_groups(document, lines)
    structure = read_structure(document, lines, groups, form)
    by_name = {record.name: record for record in lines.records}
    records = derived(lines, World(by_name, groups, structure, form))
    world = World({record.name: record for record in records}, groups, structure, form)
    rules = read_rules(document, world)
    check_same_as(lines, World(by_name, groups, structure, form))
    check_sequences(lines, World(by_name, groups, structure, form))
    check_when(lines, World(by_name, groups, structure, form))
    check_reference_date(document, form, world)
    continuity = read_continuity(document, world)
    document.finish()
    parts: dict[str, object] = {
        "file": form,
        "records": records,
        "groups": groups,
        "structure": structure,
        "rules": rules,
    }
    if continuity is not None:  # learnt since layouts are published: see `canonical`
        parts["continuity"] = continuity
    canonical = canonical_text(head, parts)
    return Layout(
        id=head.id,
        version=head.version,
        title=head.title,
        valid_from=head.valid_from,
        source=head.source,
        verified=head.verified,
        file=form,
        records=records,
        groups=groups,
        structure=structure,
        rules=rules,
        canonical=canonical,
        fingerprint=fingerprint(canonical),
        source_text=text,
        origin_name=name,
        continuity=continuity,
    )
