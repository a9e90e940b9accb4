"""Set-up: where the database is, said as a URL that could be given again, and never with its password."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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


def test_a_variable_that_is_there_and_empty_is_as_if_it_were_not(tmp_path: Path) -> None:
    environment = {**os.environ, "COMINFLOW_DATA": "", "COMINFLOW_DATABASE_URL": ""}
    program = "from cominflow import settings as s; print(s.DATA, s.DATABASE_URL)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [f"{tmp_path}/var", f"sqlite:///{tmp_path}/var/state/cominflow.db"]
