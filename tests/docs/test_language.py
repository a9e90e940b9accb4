"""The text that defines the layout language gives whole examples; ours are the same, letter by letter."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests" / "samples"


def test_the_samples_are_the_examples_of_the_text_that_defines_the_language() -> None:
    path = Path(os.environ.get("COMINFLOW_LANGUAGE", ROOT.parent / "shared" / "layout-language.md"))
    if not path.is_file():
        pytest.skip(f"no text at {path}; do: set COMINFLOW_LANGUAGE to the file layout-language.md")
    blocks = re.findall(r"^```toml\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    ours = [(SAMPLES / f"banca-demo-{name}.toml").read_text(encoding="utf-8") for name in ("visure", "feed")]
    assert blocks == ours
