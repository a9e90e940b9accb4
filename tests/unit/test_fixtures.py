"""The fixtures that other tests lean on: databases that are what they say, emptied between tests."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.conftest import ON_POSTGRESQL

WHEN = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("turn", [1, 2])
def test_a_database_is_empty_at_first_and_counts_from_one(database: str, turn: int) -> None:
    from cominflow.models import Batch

    assert Batch.objects.count() == 0
    batch = Batch.objects.create(created_at=WHEN)
    assert batch.pk == 1


def test_the_database_is_the_kind_that_was_asked_for(database: str) -> None:
    from django.db import connection

    assert connection.vendor == ("postgresql" if ON_POSTGRESQL else "sqlite")
    assert database.startswith(connection.vendor)


def test_what_a_test_commits_is_seen_by_another_connection(database: str) -> None:
    from django.db import connections

    from cominflow.models import Batch

    Batch.objects.create(created_at=WHEN)
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM cominflow_batch")
        (count,) = cursor.fetchone()
    other.close()
    assert count == 1


def test_a_database_url_is_a_new_database(database_url: str, database: str) -> None:
    assert database_url != database
