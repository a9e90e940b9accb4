"""Transliteration: what Italian offices write by hand, and no more than the encoding asks for."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tracciati.writing import transliteration


@pytest.mark.parametrize(
    ("text", "codec", "plain"),
    [
        ("Nicolò", "iso8859-1", "Nicolò"),
        ("Nicolò", "ascii", "Nicolo'"),
        ("NICOLÒ ROSSI", "ascii", "NICOLO' ROSSI"),
        ("Dvořák", "iso8859-1", "Dvorák"),
        ("Nicolo\u0300", "iso8859-1", "Nicolò"),
        ("“50 €” – l’anno…", "iso8859-1", '"50 EUR" - l\'anno...'),
        ("Łódź", "ascii", "Lodz"),
        ("日本", "iso8859-1", "日本"),
    ],
)
def test_each_character_gets_its_usual_spelling(text: str, codec: str, plain: str) -> None:
    assert transliteration.spell(text, codec) == plain


def test_only_what_does_not_fit_is_touched_and_counted() -> None:
    values, count = transliteration.apply(pa.array(["Nicolò", "Dvořák", None, "Dvořák", "日本"]), "iso8859-1")
    assert values.to_pylist() == ["Nicolò", "Dvorák", None, "Dvorák", "日本"]
    assert count == 2
