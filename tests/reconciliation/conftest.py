"""A system in which every kind of file has come to its end: what reconciliation looks at, before it is damaged.

It is made once and kept as rows and files; each test gets a copy of its own, and may do to it what it likes.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.house import House


@dataclass(frozen=True)
class Kept:
    """What was made: the rows as text, and the folder."""

    rows: str
    folder: Path


_KEPT: list[Kept] = []


@pytest.fixture
def house(
    database: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    """The bank with a small and a chunked file, late answers, a rejection, a duplicate, and files of no use."""
    from django.db import connection

    from cominflow import settings
    from tests.house import House

    monkeypatch.setattr(settings, "DATA", tmp_path / "data")
    _make_small(monkeypatch)
    built = House(tmp_path)
    if _KEPT:
        shutil.copytree(_KEPT[0].folder, tmp_path, dirs_exist_ok=True)
        connection.creation.deserialize_db_from_string(_KEPT[0].rows)
        _reset_sequences()
    else:
        _live(built)
        folder = tmp_path_factory.mktemp("kept")
        shutil.copytree(tmp_path, folder, dirs_exist_ok=True)
        _KEPT.append(Kept(connection.creation.serialize_db_to_string(), folder))
    yield built


def _make_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty requests are three chunks: the same paths as with the real numbers."""
    from cominflow.exchange.stored import chunks, rows
    from cominflow.flows import receive

    for module in (receive, rows):
        monkeypatch.setattr(module, "REQUESTS_AS_ROWS_MAX", 8)
    for module in (receive, chunks):
        monkeypatch.setattr(module, "CHUNK_REQUESTS", 10)


def _live(house: House) -> None:
    from tests.house import bank_file, people, scored, with_bytes, with_wrong_person

    house.furnish()
    small, large = with_wrong_person(bank_file(6, seed=1, by_hand=(4,)), 4), bank_file(30, seed=2, by_hand=(5, 25))
    assert not set(people(small)) & set(people(large))
    house.tell({**scored(small, but=(0,)), **scored(large, but=(7,))})
    first = house.receive("RV_20260301_001.txt", small)
    second = house.receive("RV_20260301_002.txt", large)
    house.answer(first, 3, punteggio=701)
    house.answer(second, 5, punteggio=702)
    house.work()
    house.answer(second, 25, punteggio=703)
    house.work()
    house.receive("RV_20260301_003.txt", small)
    total = bank_file(3, seed=3)
    digit = total.splitlines()[-1][23:24]
    house.receive("RV_20260301_004.txt", with_bytes(total, 5, 24, b"1" if digit != b"1" else b"2"))
    house.receive("pippo.doc", b"nobody agreed on this name\n")
    open_one = bank_file(4, seed=5, by_hand=(2,))
    house.tell(scored(open_one))
    house.receive("RV_20260301_005.txt", open_one)


def _reset_sequences() -> None:
    """PostgreSQL counts on from the rows that were put back."""
    from django.apps import apps
    from django.core.management.color import no_style
    from django.db import connection

    models = apps.get_app_config("cominflow").get_models()
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(models)):
            cursor.execute(statement)
