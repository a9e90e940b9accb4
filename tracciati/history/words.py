"""Words: what a finding says, before it is known where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """What a finding says: what its text is filled with, and what was expected, in English and Italian."""

    params: Mapping[str, str]
    expected_en: str = ""
    expected_it: str = ""
