"""Set-up: where the database is, said as a URL that could be given again, and never with its password."""

from __future__ import annotations

import dj_database_url
import pytest

from cominflow.cli import setup


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://demo:secret@db.example:6432/prova", "postgresql://db.example:6432/prova"),
        ("postgresql://demo:secret@db.example/prova", "postgresql://db.example/prova"),
        ("postgresql:///prova?host=/tmp/pg&port=6432", "postgresql:///prova?host=/tmp/pg&port=6432"),
        ("postgresql://demo:secret@%2Ftmp%2Fpg/prova", "postgresql:///prova?host=/tmp/pg"),
        ("postgresql:///prova", "postgresql:///prova"),
    ],
)
def test_a_database_is_shown_as_it_was_named_less_its_password(url: str, shown: str) -> None:
    config = {"OPTIONS": {}, **dj_database_url.parse(url)}
    assert setup.shown_url("postgresql", config) == shown
