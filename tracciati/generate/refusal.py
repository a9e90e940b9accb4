"""Refusal: what the generator cannot make."""

from __future__ import annotations

from tracciati.errors import TracciatiError


class SpecimenError(TracciatiError):
    """The layout leaves no valid value for a field, or none that the generator would find."""

    def __init__(self, path: str, why: str, hint: str) -> None:
        self.hint = hint
        super().__init__(f"{path}: {why}")
