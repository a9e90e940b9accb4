"""Exporting: a layout as plain values for programs that do not know this language."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tracciati import single

if TYPE_CHECKING:
    from tracciati.layout import Layout


def description(layout: Layout) -> dict[str, Any]:
    """Everything that the layout declares, as JSON values: the canonical form, with places.

    A field of a fixed record has `columns`, the first and the last one, counted from 1; a delimited one has `column`.
    """
    value: dict[str, Any] = json.loads(layout.canonical)
    value = {"name": layout.name, "fingerprint": layout.fingerprint, **value}
    is_fixed = layout.file.kind == "fixed"
    for record, told in zip(layout.records, value["records"], strict=True):
        for field, its in zip(record.fields, told["fields"], strict=True):
            place = {"columns": [field.start + 1, field.stop]} if is_fixed else {"column": field.start + 1}
            known = dict(its)
            its.clear()
            its.update({"name": field.name, **place, **known})
    return value


def fixedwidth(layout: Layout) -> dict[str, dict[str, dict[str, Any]]]:
    """Record type -> field -> its configuration for the package `fixedwidth`; see `single.LACKS` for what it lacks."""
    return {record.name: single.fixedwidth_config(record) for record in layout.records}
